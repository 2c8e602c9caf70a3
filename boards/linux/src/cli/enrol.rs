//! `enroll`: a person from pictures.

use super::{Failure, Settings, print_json, setup};
use crate::enrol::{Album, Who, enrol, judge, take};
use crate::store::{People, PersonId, Profile, Source};
use crate::vision::{Eyes, decode};
use crate::watch::Roster;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Enrols a person from pictures that show them alone
///
/// Pictures are refused, with the reason, that show nobody or several people, that are too dark, blurred, small or turned, that show
/// what another one shows, and that do not look like the others. Exit code 1: nobody was enrolled.
#[derive(clap::Args)]
pub(super) struct EnrolArgs {
    /// The name, for display
    #[arg(long, value_name = "NAME", required_unless_present = "person")]
    name: Option<String>,
    /// Adds the pictures to this person, who is enrolled already
    #[arg(long, value_name = "ID", conflicts_with_all = ["name", "group"])]
    person: Option<u32>,
    /// A group that the person is in; may be given several times
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// Enrol also who looks like somebody enrolled, as twins do
    #[arg(long)]
    even_if_alike: bool,
    /// Look at the pictures, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// JPEG or PNG files, or folders of them
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
}

pub(super) fn run(settings: &Settings, args: &EnrolArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let models = setup::models(&config)?;
    let (pipeline, len) = (models.pipeline(), models.embedding_len());
    let mut store = setup::store(&config.people)?;
    let person = match args.person {
        Some(id) => {
            let known = store.people().get(PersonId(id)).cloned();
            Some(known.ok_or_else(|| Failure::Input(format!("there is no person {id}")))?)
        }
        None => None,
    };
    let mut eyes = Eyes::new(&models)?;
    let mut album = Album::default();
    for file in files(&args.pictures)? {
        let name = file.display().to_string();
        let photo = match decode::open(&file) {
            Ok(picture) => take(&mut eyes, &config.policy.face, &name, &picture)?,
            Err(error) => Err(error.into()),
        };
        album.add(&name, photo);
    }
    let roster = Roster::new(store.people(), &pipeline, len)?;
    let alike = judge(&mut album, &roster, &models, &config.policy, person.as_ref());
    let alike = alike.map_err(|error| Failure::Check(format!("nobody was enrolled: {error}")))?;
    let refusal = if album.photos.is_empty() {
        Some("no picture can be enrolled".to_owned())
    } else {
        let name = |id| roster.profile(id).map_or("?", |profile| profile.name.as_str());
        alike.filter(|_| !args.even_if_alike).map(|found| {
            format!(
                "this looks like `{}`, person {} (cosine {:.2}): add the pictures to them with --person {}, or pass --even-if-alike",
                name(found.person), found.person, found.cosine, found.person
            )
        })
    };
    let mut id = args.person;
    if refusal.is_none() && !args.dry_run {
        let who = match args.person {
            Some(id) => Who::Enrolled(PersonId(id)),
            None => Who::New(Profile {
                name: args.name.clone().unwrap_or_default(),
                groups: args.group.clone(),
                ..Profile::default()
            }),
        };
        let write = |people: &mut People| {
            enrol(people, &who, &album, &pipeline, Source::Picture, setup::utc_ms())
        };
        id = Some(store.change(write)?.0);
    }
    report(args, &album, id, alike.map(|found| found.person));
    match refusal {
        Some(refusal) => Err(Failure::Check(format!("nobody was enrolled: {refusal}"))),
        None => Ok(()),
    }
}

fn report(args: &EnrolArgs, album: &Album, id: Option<u32>, alike: Option<u32>) {
    let spread = album.spread();
    if args.json {
        let refused = album.refused.iter();
        let refused: Vec<_> = refused
            .map(|(name, why)| json!({"picture": name, "reason": why.to_string()}))
            .collect();
        let accepted: Vec<&str> = album.photos.iter().map(|photo| photo.name.as_str()).collect();
        print_json(&json!({
            "person": id,
            "dry_run": args.dry_run,
            "accepted": accepted,
            "refused": refused,
            "looks_like": alike,
            "spread": spread.map(|spread| json!({"cosine": spread.cosine, "yaw": spread.yaw, "brightness": spread.brightness})),
            "advice": spread.and_then(|spread| spread.advice()),
        }));
        return;
    }
    for photo in &album.photos {
        println!("good     {}", photo.name);
    }
    for (name, why) in &album.refused {
        println!("refused  {name}: {why}");
    }
    match spread {
        Some(spread) => println!(
            "the pictures differ by {:.2} in pose and {:.0} in light; mean cosine {:.2}",
            spread.yaw, spread.brightness, spread.cosine
        ),
        None => println!("one picture knows one light and one pose: add some"),
    }
    if let Some(advice) = spread.and_then(|spread| spread.advice()) {
        println!("{advice}");
    }
    if let Some(id) = id.filter(|_| !args.dry_run) {
        println!("enrolled as person {id}");
    }
}

/// The files named, and those in the folders named, by name.
fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in given {
        if path.is_dir() {
            let failed = |error| Failure::Input(format!("{}: {error}", path.display()));
            let mut inside: Vec<PathBuf> = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
                .map_err(failed)?;
            inside.retain(|path| Path::is_file(path));
            inside.sort();
            files.append(&mut inside);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}
