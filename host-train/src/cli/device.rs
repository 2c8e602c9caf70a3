//! `device`: the people, the log, the self-test and the model of a door on a microcontroller.

mod log;
mod people;
mod update;

use super::failure::Failure;
use super::output;
use crate::door::{Client, Line, Port, read_shared_key};
use clap::Subcommand;
use device_protocol::{Refusal, Request, Response};
use std::path::PathBuf;

/// Speaks to a door on a microcontroller: who is enrolled, what it did, whether it works, which model it runs.
///
/// What is said is sealed with a key that only the door and you know: 64 hex digits in a file, which `openssl rand -hex 32`
/// makes. Whatever is changed or replayed on the line is refused.
#[derive(clap::Args)]
pub(crate) struct DeviceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(people::ListArgs),
    Enroll(people::EnrollArgs),
    Remove(people::RemoveArgs),
    Export(people::ExportArgs),
    Log(log::LogArgs),
    Selftest(SelftestArgs),
    Update(update::UpdateArgs),
}

/// Which door.
#[derive(clap::Args)]
pub(crate) struct DoorArgs {
    /// The serial port, such as /dev/ttyACM0, or tcp:HOST:PORT.
    #[arg(long, value_name = "PORT")]
    port: Port,
    /// The file of the key that the door has too.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Runs the door's self-test: model, a known face, memory. Says which model runs, and whether it is on trial.
#[derive(clap::Args)]
pub(crate) struct SelftestArgs {
    #[command(flatten)]
    door: DoorArgs,
}

/// Runs the command.
pub(crate) fn run(args: &DeviceArgs) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => people::list(args),
        Command::Enroll(args) => people::enroll(args),
        Command::Remove(args) => people::remove(args),
        Command::Export(args) => people::export(args),
        Command::Log(args) => log::run(args),
        Command::Selftest(args) => selftest(args),
        Command::Update(args) => update::run(args),
    }
}

fn selftest(args: &SelftestArgs) -> Result<(), Failure> {
    let door = &mut args.door.connect()?;
    update::print_running(door)?;
    let failed = door.ask(&Request::SelfTest, |response| match response {
        Response::SelfTest { failed } => Some(failed),
        _ => None,
    })?;
    match failed {
        0 => output::line("the self-test passes"),
        code => Err(Failure::Check(format!(
            "the self-test fails: the door is locked and its light blinks {code} times"
        ))),
    }
}

impl DoorArgs {
    fn connect(&self) -> Result<Client<Line>, Failure> {
        Ok(Client::connect(self.port.open()?, read_shared_key(&self.key)?)?)
    }
}

/// Asks; what the door refuses is a failure of the command.
fn ask<T>(
    door: &mut Client<Line>,
    request: &Request<'_>,
    take: impl FnOnce(Response<'_>) -> Option<T>,
) -> Result<T, Failure> {
    door.ask(request, |response| match response {
        Response::Refused { why, text } => Some(Err(refused(why, text))),
        other => take(other).map(Ok),
    })?
}

/// What the door refused to do, as a failure of the command.
fn refused(why: Refusal, text: &str) -> Failure {
    let words = match why {
        Refusal::Template => "the door takes no such template",
        Refusal::Preprocessing => {
            "the door prepares pictures in another way, so that the template would never match"
        }
        Refusal::Unknown => "nobody with that number is enrolled",
        _ => "the door did not store it",
    };
    match text {
        "" => Failure::Input(words.to_owned()),
        text => Failure::Input(format!("{words}: {text}")),
    }
}
