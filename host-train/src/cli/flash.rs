//! `flash`: the door onto its board.

use super::failure::Failure;
use super::output;
use crate::flash::{self, Board, FlashError, Flashed, Method, Release, Remote};
use std::path::PathBuf;

/// Puts the door's program and networks onto a board, and back if they do not do there.
///
/// A Linux board has the door's package already (boards/linux/debian/build.sh) and is reached by `ssh HOST` without a password, as root
/// or somebody with sudo. What arrives is verified by its SHA-256; `door doctor` looks at it there before it runs; the release before is
/// kept, and stays where the new one finds something wrong that was right, or does not start. The lock is engaged meanwhile. Exit code
/// 1: the board has what it had.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["host", "out"]))]
pub(crate) struct FlashArgs {
    /// raspberry-pi5, raspberry-pi4, jetson-orin-nano, ..: a wrong name lists all.
    #[arg(long, value_name = "BOARD")]
    board: String,
    /// The board: a name, user@name, or a name of ssh's settings.
    #[arg(long)]
    host: Option<String>,
    /// Lay the release into this folder instead, and say what to do with it by hand.
    #[arg(long, value_name = "DIR", conflicts_with = "rollback")]
    out: Option<PathBuf>,
    /// The door's program for that board (`cargo build --release -p door-linux --target aarch64-unknown-linux-gnu`).
    #[arg(long, value_name = "FILE", required_unless_present = "rollback")]
    program: Option<PathBuf>,
    /// The folder of its networks.
    #[arg(long, value_name = "DIR", required_unless_present = "rollback")]
    models: Option<PathBuf>,
    /// Go back to the release before.
    #[arg(long, conflicts_with_all = ["program", "models"])]
    rollback: bool,
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
    let board = Board::named(&args.board)?;
    match board.method {
        Method::Ssh => by_ssh(args, &board),
    }
}

fn by_ssh(args: &FlashArgs, board: &Board) -> Result<(), Failure> {
    let remote = args.host.as_deref().map(Remote::new).transpose()?;
    let (Some(program), Some(models)) = (&args.program, &args.models) else {
        return match remote {
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
