//! `device list`, `enroll`, `remove` and `export`.

use super::{DoorArgs, ask, update};
use crate::cli::failure::Failure;
use crate::cli::{embed, output};
use crate::door::{Client, Line};
use crate::files::{self, Mode};
use crate::model::Model;
use device_protocol::{Request, Response};
use model_format::ModelId;
use serde::Serialize;
use std::path::PathBuf;

/// Lists who is enrolled: number, name, templates. Says which model runs, and whether it is on trial.
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
    let door = &mut args.door.connect()?;
    let listed = read(door, |place| Request::List { place })?;
    if args.json {
        return output::json(&listed);
    }
    update::print_running(door)?;
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
    let removed = ask(&mut args.door.connect()?, &request, |response| match response {
        Response::Removed { templates } => Some(templates),
        _ => None,
    })?;
    output::line(&format!("person {}: {removed} templates removed", args.person))
}

pub(super) fn enroll(args: &EnrollArgs) -> Result<(), Failure> {
    // All that can fail here, before anything is stored there.
    let network = Model::open(&args.model, None)?;
    let faces = embed::faces(&network, &args.images)?;
    let door = &mut args.door.connect()?;
    let (model, preprocessing) = status(door)?;
    let (ours, theirs) = (network.id(), ModelId(model).to_string());
    if theirs != ours {
        return Err(Failure::Input(format!(
            "{} is model {ours}, the door runs {theirs}: its templates would never match",
            args.model.display()
        )));
    }
    let mut person = args.person;
    for (stored, face) in faces.iter().enumerate() {
        let values = bytemuck::cast_slice(&face.template);
        let request = Request::Enroll { person, name: &args.name, model, preprocessing, values };
        let enrolled = ask(door, &request, |response| match response {
            Response::Enrolled { person } => Some(person),
            _ => None,
        });
        person = Some(enrolled.map_err(|failure| match failure {
            Failure::Input(text) => Failure::Input(format!(
                "{}: {text}; {stored} templates before it are stored",
                face.image.display()
            )),
            check => check,
        })?);
    }
    let enrolled = Enrolled { person: person.unwrap_or_default(), templates: faces.len() };
    if args.json {
        return output::json(&enrolled);
    }
    output::line(&format!(
        "person {}: {} templates of {}",
        enrolled.person, enrolled.templates, args.name
    ))
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
        let next = ask(door, &at(place), |response| match response {
            Response::Entry(entry) => Some(Some(Listed {
                person: entry.person,
                name: entry.name.to_owned(),
                model_id: ModelId(entry.model).to_string(),
                values: entry.len,
                dormant: entry.model != runs,
                template: bytemuck::cast_slice(entry.values).to_vec(),
            })),
            Response::End => Some(None),
            _ => None,
        })?;
        match next {
            Some(one) => listed.push(one),
            None => break,
        }
    }
    Ok(listed)
}
