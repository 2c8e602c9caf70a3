//! The command line: one file a command, results on stdout, warnings on stderr.
//!
//! Exit codes: 0 done, 1 a check failed (nobody was enrolled, the picture would not open), 2 wrong use or unusable input. Every
//! failure is one line.

mod audit;
mod calibrate;
mod config;
mod demo;
mod doctor;
mod enrol;
mod failure;
mod pages;
mod people;
mod replay;
mod run;
mod secret;
mod setup;
mod test;
mod web;

use clap::{Parser, Subcommand};
use failure::Failure;
use setup::Settings;
use std::process::ExitCode;

/// A door that opens for faces that it knows: runs it, enrols people, says what it sees, replays visits.
#[derive(Parser)]
#[command(name = "door", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunArgs),
    Lock(run::LockArgs),
    #[command(hide = true)]
    Guard(run::GuardArgs),
    Doctor(doctor::DoctorArgs),
    Demo(demo::DemoArgs),
    Enroll(enrol::EnrolArgs),
    People(people::PeopleArgs),
    Audit(audit::AuditArgs),
    Calibrate(calibrate::CalibrateArgs),
    Test(test::TestArgs),
    Replay(replay::ReplayArgs),
    Config(config::ConfigArgs),
    Completions(pages::CompletionsArgs),
    Man(pages::ManArgs),
    Web(web::WebArgs),
}

/// Runs the command that the program's arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { mut settings, command } = Cli::parse();
    settings.join(std::env::args_os().filter_map(|word| word.into_string().ok()));
    let result = match command {
        Command::Run(args) => run::run(&settings, &args),
        Command::Lock(args) => run::lock(&settings, &args),
        Command::Guard(args) => run::guard(&args),
        Command::Doctor(args) => doctor::run(&settings, &args),
        Command::Demo(args) => demo::run(&settings, &args),
        Command::Enroll(args) => enrol::run(&settings, &args),
        Command::People(args) => people::run(&settings, &args),
        Command::Audit(args) => audit::run(&settings, &args),
        Command::Calibrate(args) => calibrate::run(&settings, &args),
        Command::Test(args) => test::run(&settings, &args),
        Command::Replay(args) => replay::run(&settings, &args),
        Command::Config(args) => config::run(&settings, &args),
        Command::Completions(args) => {
            pages::completions(&args);
            Ok(())
        }
        Command::Man(args) => pages::man(&args),
        Command::Web(args) => web::run(&settings, &args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Prints a value as JSON on one line.
fn print_json(value: &serde_json::Value) {
    println!("{value}");
}
