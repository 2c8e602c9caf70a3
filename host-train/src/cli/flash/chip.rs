//! `flash` for microcontrollers.

use super::FlashArgs;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::flash::{Chip, ChipError, Image, Source, by_probe, by_volume};
use crate::key_file;
use crate::model::open_file;
use door_firmware::store::gallery::PreprocessingId;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What only microcontrollers are given.
#[derive(clap::Args)]
pub(super) struct ChipArgs {
    /// Microcontroller: build the program here, in the folder boards/cortex-m of this project's source.
    #[arg(long, value_name = "DIR", conflicts_with = "program", requires_all = ["models", "owner", "key"])]
    source: Option<PathBuf>,
    /// With --source: the private key that signs the networks, as `keygen` wrote it. The door trusts its public half.
    #[arg(long, value_name = "KEY", requires = "source")]
    owner: Option<PathBuf>,
    /// With --source: the key that door and host share (`openssl rand -hex 32`).
    #[arg(long, value_name = "FILE", requires = "source")]
    key: Option<PathBuf>,
    /// Microcontroller: the people to enrol, as `device export` wrote them. They replace those on the board. Their templates
    /// are for the detector of --models.
    #[arg(long, value_name = "FILE", requires = "models")]
    people: Option<PathBuf>,
    /// Microcontroller: the drive of its boot mode, as /media/you/RP2350, in place of a debug probe.
    #[arg(long, value_name = "DIR")]
    volume: Option<PathBuf>,
}

#[derive(Serialize)]
struct Written {
    board: String,
    /// First address and bytes of what was written.
    runs: Vec<(u32, usize)>,
    /// Whether all of it was read back.
    verified: bool,
}

impl ChipArgs {
    /// A word of these that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let Self { source, owner, key, people, volume } = self;
        let words = [
            ("--source", source),
            ("--owner", owner),
            ("--key", key),
            ("--people", people),
            ("--volume", volume),
        ];
        words.into_iter().find(|(_, path)| path.is_some()).map(|(word, _)| word)
    }
}

fn failed(error: ChipError) -> Failure {
    match error.is_verdict() {
        true => Failure::Check(error.to_string()),
        false => Failure::Input(error.to_string()),
    }
}

pub(super) fn run(args: &FlashArgs, chip: &Chip) -> Result<(), Failure> {
    if args.host.is_some() || args.rollback {
        let text =
            format!("--host and --rollback are for boards with Linux, {} has none", args.board);
        return Err(Failure::Input(text));
    }
    let work = tempfile::tempdir()
        .map_err(|error| Failure::Input(format!("no folder for temporary files: {error}")))?;
    let program = program(args, chip, &work.path().join("files"))?;
    let people = match (&args.chip.people, &args.models) {
        (Some(people), Some(models)) => {
            let detector = open_file(&models.join("detector.afm"))?;
            Some((&**people, PreprocessingId::of(&detector.view())))
        }
        _ => None,
    };
    let image = Image::build(chip, &program, people).map_err(failed)?;
    if let Some(out) = &args.out {
        if out.exists() {
            let text = format!("{} is there already: name a new folder", out.display());
            return Err(Failure::Input(text));
        }
        let laid = image.lay(chip, out).map_err(failed)?;
        return laid.by_hand(chip).iter().try_for_each(|line| output::line(line));
    }
    let laid = image.lay(chip, &work.path().join("image")).map_err(failed)?;
    let verified = match &args.chip.volume {
        Some(volume) => by_volume(chip, &laid, volume).map(|()| false),
        None => by_probe(chip, &laid).map(|()| true),
    };
    let verified = verified.map_err(failed)?;
    let runs: Vec<_> = image.runs.iter().map(|run| (run.address, run.bytes.len())).collect();
    if args.json {
        return output::json(&Written { board: args.board.clone(), runs, verified });
    }
    for (address, bytes) in runs {
        output::line(&format!("{address:#010x}  {bytes} bytes"))?;
    }
    output::line(match verified {
        true => "written, read back and started",
        false => {
            "written and started; `host-train device selftest` says whether it is what was sent"
        }
    })
}

/// The program that was given, or one that is built.
fn program(args: &FlashArgs, chip: &Chip, files: &Path) -> Result<PathBuf, Failure> {
    let ChipArgs { source, owner, key, .. } = &args.chip;
    if let Some(program) = &args.program {
        return Ok(program.clone());
    }
    let (Some(folder), Some(models), Some(owner), Some(key)) = (source, &args.models, owner, key)
    else {
        let text = "give --program, or --source with --models, --owner and --key to build one";
        return Err(Failure::Input(text.to_owned()));
    };
    let owner = key_file::read_private(owner)?;
    // Cargo runs elsewhere.
    let folder = std::path::absolute(folder)
        .map_err(|error| Failure::Input(format!("{}: {error}", folder.display())))?;
    let source = Source { folder: &folder, models, owner: &owner, key };
    source.build(&args.board, chip, files).map_err(failed)
}
