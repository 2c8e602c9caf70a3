//! `doctor`: whether all that a door needs is there and works, and what to do about what is not.

use super::{Failure, Settings, print_json, setup};
use crate::audit::Log;
use crate::camera::SourceKind;
use crate::config::Config;
use crate::disk::Folder;
use crate::inputs::ReaderKind;
use crate::lock::RelayKind;
use crate::run::clock;
use crate::watch::Roster;
use crate::web::Passwords;
use edge_infer::door::{Liveness, SecondFactor};
use serde_json::json;

/// Looks at camera, relay, networks, people, log and clock, and says what to do about what is wrong
///
/// The relay is opened, and thereby engaged; stop a running door first. Exit code 0: a door can run; 1: something is wrong.
#[derive(clap::Args)]
pub(super) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found: fine, to be thought about, or wrong and what to do.
enum Found {
    Ok(String),
    Warning(String, &'static str),
    Wrong(String, &'static str),
}

use Found::{Ok as Fine, Warning, Wrong};

pub(super) fn run(settings: &Settings, args: &DoctorArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let findings = [
        ("camera", camera(&config)),
        ("relay", relay(&config)),
        ("networks", networks(&config)),
        ("people", people(&config)),
        ("reader", reader(&config)),
        ("log", log(&config)),
        ("clock", calendar()),
        ("liveness", liveness(&config)),
        ("pages", pages(&config)),
    ];
    let wrong = findings.iter().filter(|(_, found)| matches!(found, Wrong(..))).count();
    if args.json {
        let rows = findings.iter().map(|(name, found)| {
            let (state, text, advice) = found.parts();
            json!({"name": name, "state": state, "found": text, "advice": advice})
        });
        print_json(&json!({"wrong": wrong, "checks": rows.collect::<Vec<_>>()}));
    } else {
        for (name, found) in &findings {
            let (state, text, advice) = found.parts();
            println!("{name:<9} {state:<8} {text}");
            if let Some(advice) = advice {
                println!("{:<18} {advice}", "");
            }
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::Check("1 thing is wrong".to_owned())),
        _ => Err(Failure::Check(format!("{wrong} things are wrong"))),
    }
}

impl Found {
    fn parts(&self) -> (&'static str, &str, Option<&'static str>) {
        match self {
            Self::Ok(text) => ("ok", text, None),
            Self::Warning(text, advice) => ("warning", text, Some(advice)),
            Self::Wrong(text, advice) => ("wrong", text, Some(advice)),
        }
    }
}

fn camera(config: &Config) -> Found {
    let source = &config.source;
    let advice = match source.kind {
        SourceKind::V4l2 => {
            "see `v4l2-ctl --list-devices`, set source.device, and let the door's user into the group video"
        }
        SourceKind::Command => "run source.command by hand and see what it prints",
        SourceKind::Folder => "name a folder or tar of JPEG or PNG files in source.path",
    };
    let frame = source.open().and_then(|mut camera| camera.frame(Vec::new()));
    let picture = match frame {
        Ok(frame) => frame.picture().map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match picture {
        Ok(picture) => {
            Fine(format!("{}: {}x{}", source.describe(), picture.width(), picture.height()))
        }
        Err(error) => Wrong(error, advice),
    }
}

fn relay(config: &Config) -> Found {
    let relay = &config.relay;
    match relay.open() {
        Ok(_) if relay.kind == RelayKind::Simulated => Warning(
            relay.describe(),
            "set relay.kind to gpio, serial or hid when the wires are there",
        ),
        Ok(_) => Fine(format!("{}: engaged", relay.describe())),
        Err(error) => Wrong(
            format!("{}: {error}", relay.describe()),
            "stop a running door; see `gpioinfo` for the line; let the door's user into the group gpio or dialout",
        ),
    }
}

fn networks(config: &Config) -> Found {
    match setup::models(config) {
        Ok(models) => {
            let signed = if config.models.key.as_os_str().is_empty() {
                "nobody's signature asked for"
            } else {
                "signed"
            };
            Fine(format!("embedding {}, {signed}", models.embedding().id()))
        }
        Err(error) => Wrong(
            error.to_string(),
            "make the files with `host-train import` and put them into models.folder",
        ),
    }
}

fn people(config: &Config) -> Found {
    let people = match setup::everybody(&config.people) {
        Ok(people) => people,
        Err(error) => {
            return Wrong(
                error.to_string(),
                "make key and store with `door people init`, as the door's user",
            );
        }
    };
    let count = people.iter().len();
    let Ok(models) = setup::models(config) else {
        return Warning(
            format!("{count} enrolled"),
            "without networks nobody knows whose templates are of use",
        );
    };
    let roster = match Roster::new(&people, &models.pipeline(), models.embedding_len()) {
        Ok(roster) => roster,
        Err(error) => return Wrong(error.to_string(), "the store is damaged: import a backup"),
    };
    let templates = roster.templates();
    match setup::calibrate(config, &models, templates) {
        _ if templates == 0 => Warning(
            format!("{count} enrolled, none with these networks"),
            "enrol with `door enroll`",
        ),
        Ok(calibration) => Fine(format!(
            "{count} enrolled, {templates} templates; cosine {:.4}",
            calibration.cosine()
        )),
        Err(error) => Wrong(error.to_string(), "until then the door lets nobody in"),
    }
}

/// A door that asks for a second factor needs a reader and people with a PIN or card; one that does not has no use for them.
fn reader(config: &Config) -> Found {
    let asked = config.policy.second_factor != SecondFactor::Off;
    let device = config.reader.device.display();
    match (asked, config.reader.kind) {
        (false, ReaderKind::Off) => {
            return Fine("off, and no second factor is asked for".to_owned());
        }
        (true, ReaderKind::Off) => {
            return Wrong(
                "second_factor is asked for, and there is no reader: nobody gets in".to_owned(),
                "set reader.kind and reader.device, or second_factor to off",
            );
        }
        _ => {}
    }
    if let Err(error) = config.reader.open() {
        return Wrong(
            format!("{device}: {error}"),
            "stop a running door; set reader.device; let the door's user into the group dialout, or input for a keyboard",
        );
    }
    let people = setup::everybody(&config.people);
    let [count, with] = people.map_or([0; 2], |people| {
        let with = people.iter().filter(|person| !person.credentials.is_empty());
        [people.iter().len(), with.count()]
    });
    let text = format!("{device}: {with} of {count} people have a PIN or card");
    match asked {
        false => Warning(text, "no second factor is asked for: set second_factor to milliseconds"),
        true if with < count => {
            Warning(text, "the others do not get in: give them one with `door people credential`")
        }
        true => Fine(text),
    }
}

fn log(config: &Config) -> Found {
    let folder = &config.log.folder;
    if !folder.exists() {
        return match Folder::lock(folder) {
            Ok(_) => Fine(format!("{}: new", folder.display())),
            Err(error) => Wrong(error.to_string(), "make the folder, for the door's user alone"),
        };
    }
    let read = Folder::read_only(folder).map_err(|error| error.to_string());
    match read.and_then(|folder| Log::read(&folder).map_err(|error| error.to_string())) {
        Ok(log) => match log.breaks().next() {
            None => Fine(format!("{}: {} records, unbroken", folder.display(), log.entries.len())),
            Some(_) => Wrong(
                format!("{}: the chain of records is broken", folder.display()),
                "somebody changed it, or the disk did: keep a copy and look at it",
            ),
        },
        Err(error) => Wrong(error, "let the door's user alone into it: chmod 700"),
    }
}

fn calendar() -> Found {
    match clock::utc_ms() {
        Some(now) => Fine(format!("{} by the calendar", crate::audit::utc_text(now))),
        None => Wrong(
            "the calendar was never set".to_owned(),
            "let the board find a time server, or fit a clock with a battery; people with dates are locked out until then",
        ),
    }
}

fn liveness(config: &Config) -> Found {
    match config.policy.liveness {
        Liveness::Off => {
            Warning("off".to_owned(), "anybody with a photograph of an enrolled person gets in")
        }
        Liveness::AtLeast(score) => Fine(format!("at least {score}")),
    }
}

fn pages(config: &Config) -> Found {
    let Some(address) = config.web.listen else { return Fine("off".to_owned()) };
    match Passwords::read(&config.web.passwords) {
        Ok(_) => Fine(format!("at {address}")),
        Err(error) => Warning(
            format!("none, though web.listen is {address}: {error}"),
            "set a password with `door web password`, or web.listen to off",
        ),
    }
}
