//! The command line: one file a subcommand, results on stdout, progress on stderr.
//!
//! Exit codes: 0 done, 1 a check that was asked for failed, 2 wrong use or unusable input. Every failure is one line.

mod bench;
mod calibrate;
mod data;
mod device;
mod diff;
mod embed;
mod eval;
mod experiment;
mod export;
mod failure;
mod flash;
mod gate;
mod import;
mod inspect;
mod keygen;
mod likeness;
mod loss;
mod output;
mod pixel_check;
mod pixels;
mod plan;
mod progress;
mod qat;
mod quantize;
mod quick_start;
mod ranks;
mod sign;
mod train;
mod verdict;
mod verify;
mod watch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Trains face recognition for doors, makes it int8, and measures both.
///
/// Without a command it runs the quick start: draws people, trains a small network to tell them apart, makes it int8,
/// measures both on people that training never saw, and writes a report. No data and no network connection are needed.
#[derive(Parser)]
#[command(name = "host-train", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    QuickStart(quick_start::QuickStartArgs),
    Train(Box<train::TrainArgs>),
    Eval(eval::EvalArgs),
    Quantize(quantize::QuantizeArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Embed(embed::EmbedArgs),
    Calibrate(calibrate::CalibrateArgs),
    Inspect(inspect::InspectArgs),
    Plan(plan::PlanFileArgs),
    Diff(diff::DiffArgs),
    Keygen(keygen::KeygenArgs),
    Sign(sign::SignArgs),
    Verify(verify::VerifyArgs),
    Bench(bench::BenchArgs),
    Experiment(experiment::ExperimentArgs),
    Data(data::DataArgs),
    Device(device::DeviceArgs),
    Flash(flash::FlashArgs),
}

/// Runs the command that the program's arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    let result =
        match command.unwrap_or(Command::QuickStart(quick_start::QuickStartArgs::default())) {
            Command::QuickStart(args) => quick_start::run(&args),
            Command::Train(args) => train::run(&args),
            Command::Eval(args) => eval::run(&args),
            Command::Quantize(args) => quantize::run(&args),
            Command::Import(args) => import::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Embed(args) => embed::run(&args),
            Command::Calibrate(args) => calibrate::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Plan(args) => plan::run(&args),
            Command::Diff(args) => diff::run(&args),
            Command::Keygen(args) => keygen::run(&args),
            Command::Sign(args) => sign::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::Experiment(args) => experiment::run(&args),
            Command::Data(args) => data::run(&args),
            Command::Device(args) => device::run(&args),
            Command::Flash(args) => flash::run(&args),
        };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The source that this program was built from.
const COMMIT: &str = env!("SOURCE_COMMIT");

/// The program's name and arguments, for provenance; the program's own folder says nothing.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1);
    let words = arguments.map(|a| a.to_string_lossy().into_owned());
    std::iter::once("host-train".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
