//! `flash`: the door onto its board.

mod chip;

use super::failure::Failure;
use super::output;
use crate::flash::{self, Board, FlashError, Flashed, Linux, Release, Remote};
use std::path::PathBuf;

/// Puts the door's program and networks onto a board, and back if they do not do there.
///
/// A Linux board has the door's package already (boards/linux/debian/build.sh) and is reached by `ssh HOST` without a password, as root
/// or somebody with sudo. What arrives is verified by its SHA-256; `door doctor` looks at it there before it runs; the release before is
/// kept, and stays where the new one finds something wrong that was right, or does not start. The lock is engaged meanwhile. Exit code
/// 1: the board has what it had.
///
/// A microcontroller gets every byte at its address, by a debug probe and probe-rs, which reads all of it back, or as a file onto the
/// drive of its boot mode. Its program has the networks in it: given --source, --models, --owner and --key, they are signed and it is
/// built here. People on the board stay, unless --people replaces them. Exit code 1: the board did not take it, or keeps other bytes.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("where").args(["host", "out", "volume"]))]
pub(crate) struct FlashArgs {
    /// raspberry-pi5, jetson-orin-nano, rp2350, stm32h743, ..: a wrong name lists all.
    #[arg(long, value_name = "BOARD")]
    board: String,
    /// Linux: the board, a name, user@name, or a name of ssh's settings.
    #[arg(long)]
    host: Option<String>,
    /// Lay everything into this folder instead, and say what to do with it by hand.
    #[arg(long, value_name = "DIR", conflicts_with = "rollback")]
    out: Option<PathBuf>,
    /// The door's program for that board: for Linux of `cargo build --release -p door-linux --target aarch64-unknown-linux-gnu`, for a
    /// microcontroller an ELF or UF2 file.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The folder of its networks; for a microcontroller detector.afm and embedding.afm.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Linux: go back to the release before.
    #[arg(long, conflicts_with_all = ["program", "models"])]
    rollback: bool,
    #[command(flatten)]
    chip: chip::ChipArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A board that says no is a check that failed; everything else is use that can be mended.
fn failed(error: FlashError) -> Failure {
    match error.is_verdict() {
        true => Failure::Check(error.to_string()),
        false => Failure::Input(error.to_string()),
    }
}

/// Runs the command.
pub(crate) fn run(args: &FlashArgs) -> Result<(), Failure> {
    match Board::named(&args.board)? {
        Board::Ssh(board) => by_ssh(args, &board),
        Board::Probe(board) => chip::run(args, &board),
    }
}

fn by_ssh(args: &FlashArgs, board: &Linux) -> Result<(), Failure> {
    if let Some(word) = args.chip.given() {
        return Err(Failure::Input(format!(
            "{word} is for microcontrollers, {} has Linux",
            args.board
        )));
    }
    if args.host.is_none() && args.out.is_none() {
        return Err(Failure::Input("give --host with the board's name, or --out".to_owned()));
    }
    let remote = args.host.as_deref().map(Remote::new).transpose()?;
    let (Some(program), Some(models)) = (&args.program, &args.models) else {
        return match remote {
            _ if !args.rollback => {
                Err(Failure::Input("give --program and --models, or --rollback".to_owned()))
            }
            Some(remote) => {
                told(args, &flash::roll_back(&remote, &args.board, board).map_err(failed)?)
            }
            None => Err(Failure::Input("--rollback needs --host".to_owned())),
        };
    };
    let Some(remote) = remote else {
        let out = args.out.clone().unwrap_or_default();
        if out.exists() {
            let text = format!("{} is there already: name a new folder", out.display());
            return Err(Failure::Input(text));
        }
        let release = Release::build(board, program, models, &out)?;
        return output::line(&flash::by_hand(&release)?);
    };
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::Input(format!("no folder for temporary files: {error}")))?;
    let release = Release::build(board, program, models, &folder.path().join("release"))?;
    eprintln!("{}: {} files", release.name(), release.files);
    told(args, &flash::install(&remote, &args.board, board, &release).map_err(failed)?)
}

fn told(args: &FlashArgs, flashed: &Flashed) -> Result<(), Failure> {
    if args.json {
        return output::json(flashed);
    }
    let Flashed { current, previous, running, wrong } = flashed;
    let before = if previous.is_empty() { "what the package installed" } else { previous.as_str() };
    output::line(&format!("{current} is in the place of {before}"))?;
    if !wrong.is_empty() {
        output::line(&format!("wrong, as before: {}; see above", wrong.join(", ")))?;
    }
    output::line(match running {
        true => "the door runs",
        false => "the door was not running, and is not: sudo systemctl enable --now door",
    })
}
