//! `device update`.

use super::DoorArgs;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::door::{
    Client, Dial, Line, LinkError, Package, Patience, UpdateError, read_shared_key, report,
};
use crate::key_file;
use crate::model::open_file;
use device_protocol::{ModelReport, ProtocolError, Why};
use model_format::ModelId;
use serde::Serialize;
use std::path::PathBuf;

/// Brings a model onto the door, into the slot that does not run, and tries it.
///
/// The model is signed with the owner's key and numbered, so that the door takes neither anybody else's nor an older one. It arrives in
/// pieces; a line that is lost is taken up again, and whatever fails, the door runs the model that it ran. Then the door starts again,
/// locked, with the new model on trial: it keeps it if its self-test passes, and goes back if not. Exit code 1: it went back.
/// People who were enrolled by another model match nobody until they are enrolled again.
#[derive(clap::Args)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    door: DoorArgs,
    /// The private key whose public half the door was given, as `keygen` wrote it.
    #[arg(long, value_name = "KEY")]
    owner: PathBuf,
    /// The update's number, above those before; the next one if not given.
    #[arg(long, value_name = "N")]
    counter: Option<u32>,
    /// Do not start the door again: the model is tried the next time that it starts.
    #[arg(long)]
    no_restart: bool,
    /// The embedding network.
    #[arg(value_name = "F.afm")]
    model: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Updated {
    counter: u32,
    model_id: String,
    /// `waiting` for the next start, `confirmed`, or still on `trial`.
    state: &'static str,
    counter_before: u32,
    model_id_before: String,
}

pub(super) fn run(args: &UpdateArgs) -> Result<(), Failure> {
    // All that can fail here, before anything happens there.
    let (model, owner) = (open_file(&args.model)?, key_file::read_private(&args.owner)?);
    let mut dial = Dial::<Line> {
        key: read_shared_key(&args.door.key)?,
        open: &mut || args.door.port.open(),
        patience: Patience::default(),
    };
    let before = report(&mut dial.connect()?)?;
    let counter = match args.counter {
        Some(counter) => counter,
        None => next(&before)?,
    };
    let package = Package::new(&model.view(), &owner, counter)?;
    let progress = Progress::new("sending the model", package.file.len());
    dial.push(&package, &mut |came| progress.at(came.into(), "bytes"))?;
    progress.finish();
    let after = match args.no_restart {
        true => None,
        false => Some(dial.try_out(&package)?),
    };
    told(args, &package, &before, after)
}

/// Above everything that the door has seen.
fn next(report: &ModelReport) -> Result<u32, Failure> {
    let seen = report.floor.max(report.runs.counter);
    seen.checked_add(1).ok_or_else(|| Failure::Input("all numbers of updates are given".to_owned()))
}

fn told(
    args: &UpdateArgs,
    package: &Package,
    before: &ModelReport,
    after: Option<ModelReport>,
) -> Result<(), Failure> {
    let version = package.version();
    let state = match after {
        None => "waiting",
        Some(after) if after.runs != version => {
            return Err(Failure::Check(format!(
                "the door went back to {}: model {} did not pass its self-test there, or the power failed during its trial",
                running(&after),
                ModelId(version.model),
            )));
        }
        Some(after) if after.why == Why::Trial => "trial",
        Some(_) => "confirmed",
    };
    let id = |model| ModelId(model).to_string();
    if args.json {
        return output::json(&Updated {
            counter: version.counter,
            model_id: id(version.model),
            state,
            counter_before: before.runs.counter,
            model_id_before: id(before.runs.model),
        });
    }
    output::line(&match after {
        None => format!("update {} is there and runs when the door starts again", version.counter),
        Some(after) => format!("the door runs {}", running(&after)),
    })?;
    if before.runs.model == version.model {
        return Ok(());
    }
    output::line("it is another model: enrol people again, those of the one before match nobody")
}

/// What runs, in words.
fn running(report: &ModelReport) -> String {
    let why = match report.why {
        Why::Confirmed => "confirmed",
        Why::Trial => "on trial",
        Why::RolledBack => "again, since the one after it failed its trial",
        Why::Fallback => "again, since the one after it is damaged",
    };
    format!("model {}, update {}, {why}", ModelId(report.runs.model), report.runs.counter)
}

/// What firmware of before there were updates says.
const UNKNOWN: ProtocolError = ProtocolError::Refused { code: 10 };

/// A line about the model where the door has slots for more than one.
pub(super) fn print_running(door: &mut Client<Line>) -> Result<(), Failure> {
    let report = match report(door) {
        Ok(report) => report,
        Err(UpdateError::NoSlots) => return Ok(()),
        Err(UpdateError::Link(LinkError::Protocol(error))) if error == UNKNOWN => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    output::line(&running(&report))?;
    match report.waiting {
        Some(waiting) => output::line(&format!(
            "update {} to model {} waits for the next start",
            waiting.counter,
            ModelId(waiting.model)
        )),
        None => Ok(()),
    }
}
