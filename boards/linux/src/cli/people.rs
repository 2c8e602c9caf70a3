//! `people`: who is enrolled, and every change but enrolment.

use super::{Failure, Settings, print_json, secret, setup};
use crate::config::Config;
use crate::disk::Folder;
use crate::store::{Person, PersonId, Profile, Store, StoreKey};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Lists and changes who is enrolled
#[derive(clap::Args)]
pub(super) struct PeopleArgs {
    #[command(subcommand)]
    command: PeopleCommand,
}

#[derive(clap::Subcommand)]
enum PeopleCommand {
    /// Makes the store, and its key if there is none yet
    Init,
    /// Says who is enrolled, and who must be again because a network was replaced
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Gives a person another name
    Rename {
        /// Who, as `list` says
        id: u32,
        /// For display
        name: String,
    },
    /// Gives a person one PIN or card more, read from standard input or typed twice; or forgets all of theirs
    ///
    /// Stop a door whose pages run, which has the people for itself. A PIN is what the reader gives: digits, or a card's number.
    Credential {
        /// Who, as `list` says
        id: u32,
        /// One that is given when its owner is forced to: the door does the same as ever, and the log has an alarm at once
        #[arg(long)]
        duress: bool,
        /// Forget the person's PINs and cards
        #[arg(long, conflicts_with = "duress")]
        forget: bool,
    },
    /// Forgets people, all of them or none
    Remove {
        /// Who, as `list` says
        #[arg(required = true)]
        id: Vec<u32>,
    },
    /// Forgets everybody
    Purge {
        /// Really
        #[arg(long)]
        yes: bool,
    },
    /// Writes everybody into a new file, not encrypted: who has it has their templates
    Export {
        /// Its owner alone may read it
        file: PathBuf,
    },
    /// Adds everybody of an exported file
    Import {
        /// As `export` wrote it
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(settings: &Settings, args: &PeopleArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let people = &config.people;
    match &args.command {
        PeopleCommand::Init => init(&config)?,
        PeopleCommand::List { json } => list(&config, *json)?,
        PeopleCommand::Rename { id, name } => {
            let (id, mut store) = (PersonId(*id), setup::store(people)?);
            store.change(|people| {
                let profile = people.get(id).map(|person| person.profile.clone());
                people
                    .set_profile(id, Profile { name: name.clone(), ..profile.unwrap_or_default() })
            })?;
        }
        PeopleCommand::Credential { id, forget: true, .. } => {
            let id = PersonId(*id);
            let forgotten = setup::store(people)?.change(|people| people.remove_credentials(id))?;
            println!("{forgotten} PINs and cards forgotten");
        }
        PeopleCommand::Credential { id, duress, .. } => {
            let (id, mut store) = (PersonId(*id), setup::store(people)?);
            let text = secret::read("PIN or card: ")?;
            store.change(|people| people.add_credential(id, text.trim(), *duress))?;
        }
        PeopleCommand::Remove { id } => {
            let remove = |people: &mut crate::store::People| {
                id.iter().try_for_each(|&id| people.remove(PersonId(id)))
            };
            setup::store(people)?.change(remove)?;
        }
        PeopleCommand::Purge { yes } => {
            if !yes {
                return Err(Failure::Input("this forgets everybody: pass --yes".to_owned()));
            }
            let forgotten = setup::store(people)?.change(|people| Ok(people.purge()))?;
            println!("{forgotten} people forgotten");
        }
        PeopleCommand::Export { file } => export(&config, file)?,
        PeopleCommand::Import { file, json } => {
            let document = std::fs::read(file)
                .map_err(|error| Failure::Input(format!("{}: {error}", file.display())))?;
            let imported = setup::store(people)?.change(|people| people.import(&document))?;
            if *json {
                let ids: Vec<_> =
                    imported.iter().map(|one| json!({"from": one.from, "id": one.id})).collect();
                print_json(&json!({ "imported": ids }));
            } else {
                println!("{} people added", imported.len());
            }
        }
    }
    Ok(())
}

fn init(config: &Config) -> Result<(), Failure> {
    let people = &config.people;
    let key = match setup::key_source(people) {
        setup::KeySource::File(path) if !path.exists() => {
            let key = StoreKey::create_file(&path)?;
            println!("new key {}: keep a copy apart from the people", path.display());
            key
        }
        _ => setup::key(people)?,
    };
    Store::create(Folder::lock(&people.folder)?, key)?;
    println!("new store {}", people.folder.display());
    Ok(())
}

fn list(config: &Config, as_json: bool) -> Result<(), Failure> {
    let people = setup::everybody(&config.people)?;
    // Without networks nobody knows whose templates they could use.
    let pipeline = setup::models(config).ok().map(|models| models.pipeline());
    let active =
        |person: &Person| pipeline.as_ref().map(|pipeline| person.templates_of(pipeline).count());
    if as_json {
        let people = people.iter().map(|person| {
            json!({
                "id": person.id,
                "profile": person.profile,
                "templates": person.templates.len(),
                "credentials": person.credentials.len(),
                "usable": active(person),
            })
        });
        print_json(&json!({ "people": people.collect::<Vec<_>>() }));
        return Ok(());
    }
    for person in people.iter() {
        let groups = person.profile.groups.join(", ");
        let again = if active(person) == Some(0) { "  must be enrolled again" } else { "" };
        let count = person.templates.len();
        println!(
            "{:>6}  {:<30}  {count} templates  {groups}{again}",
            person.id, person.profile.name
        );
    }
    Ok(())
}

fn export(config: &Config, file: &Path) -> Result<(), Failure> {
    setup::write_new(file, setup::everybody(&config.people)?.to_json().as_bytes())
}
