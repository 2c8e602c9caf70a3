//! `device list`, `enroll`, `remove` and `export`.

use super::{DoorArgs, hex, refused};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::data::decode;
use crate::door::{Client, Line};
use crate::files::{self, Mode};
use crate::model::{Model, template};
use device_protocol::{Request, Response};
use serde::Serialize;
use std::path::PathBuf;

/// Lists who is enrolled: number, name, templates.
#[derive(clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    door: DoorArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Enrols a person by photographs: the templates are computed here, with the bits that the door would compute.
#[derive(clap::Args)]
pub(crate) struct EnrollArgs {
    #[command(flatten)]
    door: DoorArgs,
    /// The person's name, at most 32 bytes.
    #[arg(long)]
    name: String,
    /// The number of somebody who is enrolled already, for further templates.
    #[arg(long, value_name = "N")]
    person: Option<u32>,
    /// The model that runs on the door.
    #[arg(long, value_name = "F.afm")]
    model: PathBuf,
    /// JPEG or PNG faces of the network's size, aligned by their five landmarks as the door aligns them.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Removes a person and all templates, from the door's flash too.
#[derive(clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    door: DoorArgs,
    /// The person's number.
    #[arg(value_name = "N")]
    person: u32,
}

/// Writes all people with their templates to a file of JSON that only you can read. The door's log says that it was done.
#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    door: DoorArgs,
    /// The file, which must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// A template as it is listed and exported.
#[derive(Serialize)]
struct Listed {
    person: u32,
    name: String,
    model_id: String,
    values: u32,
    /// Made by another model than the one that runs, so that it matches nobody.
    dormant: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    template: Vec<i8>,
}

#[derive(Serialize)]
struct Enrolled {
    person: u32,
    templates: usize,
}

pub(super) fn list(args: &ListArgs) -> Result<(), Failure> {
    let listed = read(&mut args.door.connect()?, |place| Request::List { place })?;
    if args.json {
        return output::json(&listed);
    }
    for one in &listed {
        let dormant = if one.dormant { ", dormant: of another model" } else { "" };
        output::line(&format!(
            "{:>5}  {}  ({} values of model {}{dormant})",
            one.person, one.name, one.values, one.model_id
        ))?;
    }
    output::line(&format!("{} templates", listed.len()))
}

pub(super) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let exported = read(&mut args.door.connect()?, |place| Request::Export { place })?;
    let json = serde_json::to_vec_pretty(&exported)?;
    files::write_new(&args.out, &json, Mode::Private)?;
    output::line(&format!(
        "{}: {} templates, for you alone to read",
        args.out.display(),
        exported.len()
    ))
}

pub(super) fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let request = Request::Remove { person: args.person };
    let removed = args.door.connect()?.ask(&request, |response| match response {
        Response::Removed { templates } => Some(Ok(templates)),
        Response::Refused { why, text } => Some(Err(refused(why, text))),
        _ => None,
    })??;
    output::line(&format!("person {}: {removed} templates removed", args.person))
}

pub(super) fn enroll(args: &EnrollArgs) -> Result<(), Failure> {
    // All that can fail here, before anything is stored there.
    let templates = templates(args)?;
    let door = &mut args.door.connect()?;
    let (model, preprocessing) = status(door)?;
    let ours = Model::open(&args.model, None)?.id();
    if hex(&model) != ours {
        let theirs = hex(&model);
        return Err(Failure::Input(format!(
            "{} is model {ours}, the door runs {theirs}: its templates would never match",
            args.model.display()
        )));
    }
    let mut person = args.person;
    for (stored, (path, values)) in args.images.iter().zip(&templates).enumerate() {
        let values = bytemuck::cast_slice(values);
        let request = Request::Enroll { person, name: &args.name, model, preprocessing, values };
        let enrolled = door.ask(&request, |response| match response {
            Response::Enrolled { person } => Some(Ok(person)),
            Response::Refused { why, text } => Some(Err(refused(why, text))),
            _ => None,
        })?;
        person = Some(enrolled.map_err(|failure| match failure {
            Failure::Input(text) => Failure::Input(format!(
                "{}: {text}; {stored} templates before it are stored",
                path.display()
            )),
            check => check,
        })?);
    }
    let enrolled = Enrolled { person: person.unwrap_or_default(), templates: templates.len() };
    if args.json {
        return output::json(&enrolled);
    }
    output::line(&format!(
        "person {}: {} templates of {}",
        enrolled.person, enrolled.templates, args.name
    ))
}

fn templates(args: &EnrollArgs) -> Result<Vec<Vec<i8>>, Failure> {
    let model = Model::open(&args.model, None)?;
    let (width, height) = model.input_size();
    let mut faces = Vec::with_capacity(args.images.len());
    for path in &args.images {
        let name = path.display().to_string();
        let face = decode(&files::read(path)?, &name)?;
        faces.push(face.of_size(width, height, || name)?);
    }
    let embedded = model.embed_all(faces.len(), false, |i| Ok(faces[i].clone()), || ())?;
    let paths = args.images.iter().zip(embedded.embeddings);
    let templates = paths.map(|(path, embedding)| {
        template(&embedding).map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
    });
    templates.collect()
}

/// Ids of what runs on the door: model and preprocessing.
fn status(door: &mut Client<Line>) -> Result<([u8; 16], [u8; 16]), Failure> {
    Ok(door.ask(&Request::Status, |response| match response {
        Response::Status { model, preprocessing, .. } => Some((model, preprocessing)),
        _ => None,
    })?)
}

/// All templates, asked for one by one.
fn read(
    door: &mut Client<Line>,
    at: impl Fn(u32) -> Request<'static>,
) -> Result<Vec<Listed>, Failure> {
    let (runs, _) = status(door)?;
    let mut listed = Vec::new();
    for place in 0.. {
        let next = door.ask(&at(place), |response| match response {
            Response::Entry(entry) => Some(Ok(Some(Listed {
                person: entry.person,
                name: entry.name.to_owned(),
                model_id: hex(&entry.model),
                values: entry.len,
                dormant: entry.model != runs,
                template: bytemuck::cast_slice(entry.values).to_vec(),
            }))),
            Response::End => Some(Ok(None)),
            Response::Refused { why, text } => Some(Err(refused(why, text))),
            _ => None,
        })??;
        match next {
            Some(one) => listed.push(one),
            None => break,
        }
    }
    Ok(listed)
}
