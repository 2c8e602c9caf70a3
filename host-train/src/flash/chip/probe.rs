//! A debug probe, by the program `probe-rs`.

use super::{ChipError, Laid};
use crate::flash::board::Chip;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// The program.
const TOOL: &str = "probe-rs";
/// What it says when all bytes are there. Its exit code does not tell.
const VERIFIED: &str = "Verification successful";

/// Writes an image to the chip at the end of the probe, reads it back and starts it. The chip stands still meanwhile, and the resistor
/// at the relay's pin holds the lock.
///
/// # Errors
/// [`ChipError`].
pub fn by_probe(chip: &Chip, laid: &Laid) -> Result<(), ChipError> {
    among(chip, laid, &[])
}

/// The same, where other programs may stand for it.
pub(super) fn among(
    chip: &Chip,
    laid: &Laid,
    environment: &[(&str, OsString)],
) -> Result<(), ChipError> {
    let run = |words: &[String]| {
        let mut command = Command::new(TOOL);
        command.args(words).envs(environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => ChipError::NoTool { tool: TOOL, advice: advice(chip, laid) },
            _ => ChipError::Tool { tool: TOOL, error },
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let said = [text(&output.stdout), text(&output.stderr)].join(" ").trim().to_owned();
        match output.status.success() {
            true => Ok(said),
            false => Err(ChipError::Refused { command: line(words), said }),
        }
    };
    for (address, path) in &laid.runs {
        run(&words("download", chip, *address, path))?;
    }
    for (address, path) in &laid.runs {
        let said = run(&words("verify", chip, *address, path))?;
        if !said.contains(VERIFIED) {
            return Err(ChipError::NotKept { address: *address, said });
        }
    }
    run(&reset(chip)).map(|_| ())
}

/// The commands that do the same by hand.
pub(super) fn by_hand(chip: &Chip, laid: &Laid) -> Vec<String> {
    let of = |word| laid.runs.iter().map(move |(at, path)| line(&words(word, chip, *at, path)));
    of("download").chain(of("verify")).chain([line(&reset(chip))]).collect()
}

fn words(word: &str, chip: &Chip, address: u32, path: &Path) -> Vec<String> {
    let address = format!("{address:#010x}");
    let path = path.display().to_string();
    [word, "--chip", &chip.chip, "--binary-format", "bin", "--base-address", &address, &path]
        .map(str::to_owned)
        .to_vec()
}

fn reset(chip: &Chip) -> Vec<String> {
    ["reset", "--chip", &chip.chip].map(str::to_owned).to_vec()
}

fn line(words: &[String]) -> String {
    format!("{TOOL} {}", words.join(" "))
}

/// With the folder that `--out` would make in the place of one that is gone when somebody reads this.
fn advice(chip: &Chip, laid: &Laid) -> String {
    let in_out = |path: &Path| Path::new("DIR").join(path.file_name().unwrap_or_default());
    let runs = laid.runs.iter().map(|(address, path)| (*address, in_out(path))).collect();
    let commands = by_hand(chip, &Laid { runs, folder: "DIR".into() }).join("; ");
    let drive = match &chip.volume {
        Some(volume) => format!(
            ". Without a probe: hold the board's boot button while you plug it in, and give --volume with the drive {} that appears",
            volume.board
        ),
        None => String::new(),
    };
    format!(
        "install it (`cargo install probe-rs-tools --locked`) and connect a debug probe, or give --out DIR, and where there are both: {commands}{drive}"
    )
}
