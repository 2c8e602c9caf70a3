//! The drive of a boot ROM: it takes a UF2 file, and starts what it wrote when the last block is there.

use super::{ChipError, Laid, UF2};
use crate::files;
use crate::flash::board::Chip;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long a board may take after the file.
const PATIENCE: Duration = Duration::from_secs(30);
/// What every such drive has.
const INFO: &str = "INFO_UF2.TXT";

/// Copies an image to the drive at `path` and waits until the board has left its boot mode, as it does when it has every block. A boot
/// ROM shows nothing of the flash: what lies there, the door's self-test says.
///
/// # Errors
/// [`ChipError`].
pub fn by_volume(chip: &Chip, laid: &Laid, path: &Path) -> Result<(), ChipError> {
    within(PATIENCE, chip, laid, path)
}

/// The same in another time.
pub(super) fn within(
    patience: Duration,
    chip: &Chip,
    laid: &Laid,
    path: &Path,
) -> Result<(), ChipError> {
    let board = &chip.volume.as_ref().ok_or(ChipError::NoVolume)?.board;
    let info = path.join(INFO);
    let text = fs::read_to_string(&info).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix("Board-ID:")).map(str::trim);
    if found != Some(board) {
        let found = found.map_or_else(
            || format!("it has no {INFO}"),
            |found| format!("its {INFO} says {found}"),
        );
        return Err(ChipError::OtherVolume { path: path.to_owned(), board: board.clone(), found });
    }
    let file = files::read(&laid.folder.join(UF2))?;
    let to = path.join(UF2);
    let error = |source| files::FileError { action: "write", path: to.clone(), source };
    let mut drive = File::create(&to).map_err(error)?;
    drive.write_all(&file).map_err(error)?;
    // The board may be gone before it says that it has everything.
    let _ = drive.sync_all();
    let step = patience / 100;
    for _ in 0..100 {
        if !info.exists() {
            return Ok(());
        }
        thread::sleep(step);
    }
    Err(ChipError::NotTaken { path: path.to_owned(), seconds: patience.as_secs() })
}
