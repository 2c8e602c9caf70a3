//! A door onto a microcontroller: every byte at the address that the board's memory map has for it, written and read back.
//!
//! ```text
//! source, models ─ build ─> program ┐                ┌─ probe: probe-rs writes and reads back
//!                    people, JSON ──┴─ Image ─ laid ─┴─ volume: a UF2 file onto the boot ROM's drive
//! ```
//!
//! Networks and keys are in the program, where `boards/cortex-m` links them. Where everything lies is data in `boards.toml`.

mod build;
mod elf;
mod people;
mod probe;
mod uf2;
mod volume;

pub use build::Source;
pub use elf::ElfError;
pub use people::PeopleError;
pub use probe::by_probe;
pub use uf2::Uf2Error;
pub use volume::by_volume;

use super::board::Chip;
use crate::door::{PackageError, SharedKeyError};
use crate::files::{self, FileError};
use crate::model::ModelError;
use door_firmware::store::gallery::PreprocessingId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a microcontroller was not written, or not as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChipError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A network that is damaged.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A network that no door can test itself with.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A network that is planned for more memory than there is.
    #[error("{} needs an arena of {needed} bytes, the board has {arena}: `host-train plan --arena-limit {arena}` plans it anew, as does `import` with the same option", path.display())]
    Arena {
        /// Which.
        path: PathBuf,
        /// As planned.
        needed: usize,
        /// As the board has it.
        arena: usize,
    },
    /// The key of door and host.
    #[error(transparent)]
    Key(#[from] SharedKeyError),
    /// The program is none.
    #[error("{}: {source}", path.display())]
    Elf {
        /// As given.
        path: PathBuf,
        /// Why.
        source: ElfError,
    },
    /// The program is none, in another way.
    #[error("{}: {source}", path.display())]
    Uf2 {
        /// As given.
        path: PathBuf,
        /// Why.
        source: Uf2Error,
    },
    /// The program was linked for another board.
    #[error(
        "the program has bytes at {address:#010x}..{end:#010x}, outside of {what}: was it built for this board?"
    )]
    Outside {
        /// The first of them.
        address: u32,
        /// Behind the last.
        end: u32,
        /// What it must be in.
        what: String,
    },
    /// The people's file.
    #[error("{}: {source}", path.display())]
    People {
        /// As given.
        path: PathBuf,
        /// Why.
        source: PeopleError,
    },
    /// Nothing that the probe reaches holds people.
    #[error(
        "this board keeps people in a chip that the probe does not reach: enrol them over the line, by `host-train device enroll`"
    )]
    NoPlace,
    /// The board's boot ROM shows no drive.
    #[error("this board has no drive to copy to: leave --volume out, and connect a debug probe")]
    NoVolume,
    /// The drive is another board's, or no board's.
    #[error("{} is not the drive of a {board}: {found}", path.display())]
    OtherVolume {
        /// As given.
        path: PathBuf,
        /// What it should be.
        board: String,
        /// What it says.
        found: String,
    },
    /// The boot ROM did not start what it was given.
    #[error("{} is still there {seconds} s after the file: the board did not take it; unplug it, and start its boot mode again", path.display())]
    NotTaken {
        /// The drive.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A program that is needed is not installed.
    #[error("there is no `{tool}` on this machine: {advice}")]
    NoTool {
        /// Which.
        tool: &'static str,
        /// What to do.
        advice: String,
    },
    /// It can't be run.
    #[error("{tool}: {error}")]
    Tool {
        /// Which.
        tool: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// It did not do it.
    #[error("`{command}` fails: {said}")]
    Refused {
        /// The command.
        command: String,
        /// What it says.
        said: String,
    },
    /// The board has other bytes than it was given.
    #[error(
        "what is read back at {address:#010x} is not what was written: {said}; the door is not to be used like this"
    )]
    NotKept {
        /// Where.
        address: u32,
        /// What the tool says.
        said: String,
    },
}

impl ChipError {
    /// Whether everything was tried and the board said no.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NotKept { .. } | Self::NotTaken { .. })
    }
}

/// Bytes of a chip's flash, in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the first one lies.
    pub address: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What is to be in a chip's flash: whole sectors, from the lowest address on. Others stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Rows of sectors with others between them.
    pub runs: Vec<Run>,
}

impl Image {
    /// The program in a file, ELF or UF2, and the people of another one, as `device export` wrote it, for a door with that
    /// preprocessing. Without the latter, those on the board stay there.
    ///
    /// # Errors
    /// [`ChipError`]: one of them is no such file, or does not fit the board.
    pub fn build(
        chip: &Chip,
        program: &Path,
        people: Option<(&Path, PreprocessingId)>,
    ) -> Result<Self, ChipError> {
        let bytes = files::read(program)?;
        let mut runs = match uf2::is(&bytes) {
            true => {
                let family = chip.volume.as_ref().ok_or(ChipError::NoVolume)?.family;
                uf2::runs(&bytes, family)
                    .map_err(|source| ChipError::Uf2 { path: program.to_owned(), source })?
            }
            false => elf::runs(&bytes)
                .map_err(|source| ChipError::Elf { path: program.to_owned(), source })?,
        };
        runs.iter().try_for_each(|run| check(chip, run))?;
        if let Some((path, preprocessing)) = people {
            let place = chip.people.ok_or(ChipError::NoPlace)?;
            let bytes = people::image(&files::read(path)?, place.bytes, preprocessing)
                .map_err(|source| ChipError::People { path: path.to_owned(), source })?;
            runs.push(Run { address: place.start, bytes });
        }
        Ok(Self { runs: sectors(&runs, chip.flash.sector) })
    }

    /// Writes the runs to files in `folder`, which is made, and a UF2 file of all where the board takes one; paths of the former.
    ///
    /// # Errors
    /// They can't be written.
    pub fn lay(&self, chip: &Chip, folder: &Path) -> Result<Laid, ChipError> {
        files::create_folder(folder)?;
        let mut laid = Vec::new();
        for Run { address, bytes } in &self.runs {
            let path = folder.join(format!("{address:08x}.bin"));
            files::write_whole(&path, bytes)?;
            laid.push((*address, path));
        }
        if let Some(volume) = &chip.volume {
            let file = uf2::encode(&self.runs, volume.family, chip.flash.sector);
            files::write_whole(&folder.join(UF2), &file)?;
        }
        Ok(Laid { runs: laid, folder: folder.to_owned() })
    }
}

/// The file of all runs.
const UF2: &str = "door.uf2";

/// An image in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    runs: Vec<(u32, PathBuf)>,
    folder: PathBuf,
}

impl Laid {
    /// What to do with it where a probe or the board's drive is.
    #[must_use]
    pub fn by_hand(&self, chip: &Chip) -> Vec<String> {
        let mut lines = probe::by_hand(chip, self);
        if let Some(volume) = &chip.volume {
            let file = self.folder.join(UF2);
            lines.push(format!(
                "or, without a probe: hold the board's boot button while you plug it in, and copy {} to the drive {}",
                file.display(),
                volume.board
            ));
        }
        lines
    }
}

/// What of the program lies in the flash must, and nothing of it where people are.
fn check(chip: &Chip, run: &Run) -> Result<(), ChipError> {
    let (address, end) = (run.address, u64::from(run.address) + run.bytes.len() as u64);
    let flash = chip.flash;
    let outside = |what: String| {
        Err(ChipError::Outside { address, end: u32::try_from(end).unwrap_or(u32::MAX), what })
    };
    let last = u64::from(flash.start) + u64::from(flash.bytes);
    if address < flash.start || end > last {
        return outside(format!("the flash at {:#010x}..{last:#010x}", flash.start));
    }
    match chip.people {
        Some(people) if end > people.start.into() && address < people.end() => {
            outside(format!("what is left of the people at {:#010x}", people.start))
        }
        _ => Ok(()),
    }
}

/// The sectors that these bytes are in, filled up with what blank flash reads as.
fn sectors(runs: &[Run], sector: u32) -> Vec<Run> {
    let size = sector.max(1);
    let mut sectors = BTreeMap::<u32, Vec<u8>>::new();
    for Run { address, bytes } in runs {
        for (at, &byte) in (*address..).zip(bytes) {
            let start = at - at % size;
            let sector = sectors.entry(start).or_insert_with(|| vec![0xff; size as usize]);
            if let Some(to) = sector.get_mut((at - start) as usize) {
                *to = byte;
            }
        }
    }
    let mut rows: Vec<Run> = Vec::new();
    for (address, bytes) in sectors {
        match rows.last_mut() {
            Some(row) if u64::from(row.address) + row.bytes.len() as u64 == u64::from(address) => {
                row.bytes.extend(bytes);
            }
            _ => rows.push(Run { address, bytes }),
        }
    }
    rows
}

#[cfg(test)]
mod tests;
