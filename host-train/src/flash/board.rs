//! Which boards there are, from the files beside their settings.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The boards' own files. A board of another kind is one more file here and one more [`Board`].
const FILES: [&str; 4] = [
    include_str!("../../../boards/raspberry-pi/boards.toml"),
    include_str!("../../../boards/jetson/boards.toml"),
    include_str!("../../../boards/linux/boards.toml"),
    include_str!("../../../boards/cortex-m/boards.toml"),
];

/// A kind of board, by how the door gets onto it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum Board {
    /// Files and a script, through `ssh` and `scp`.
    Ssh(Linux),
    /// Bytes at their addresses, by a debug probe or a drive of the boot ROM.
    Probe(Chip),
}

/// A board with Linux.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linux {
    /// Its processor, as `uname -m` names it.
    pub machine: String,
    /// How `/proc/device-tree/model` begins; none for any.
    pub model: Vec<String>,
    /// The folder in `/usr/share/door` with its settings; empty for none of its own.
    pub settings: String,
}

/// A microcontroller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chip {
    /// What `probe-rs` calls it.
    pub chip: String,
    /// What its program is built for.
    pub target: String,
    /// Bytes that its program has for a network.
    pub arena: usize,
    /// Its flash.
    pub flash: Flash,
    /// Where people lie in it; `None` where that is in another chip.
    pub people: Option<Place>,
    /// The drive of its boot ROM, if it has one.
    pub volume: Option<Volume>,
}

/// A chip's flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flash {
    /// Address of its first byte.
    pub start: u32,
    /// How many it has.
    pub bytes: u32,
    /// How many are erased at once.
    pub sector: u32,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The first.
    pub start: u32,
    /// How many.
    pub bytes: u32,
}

/// A drive that takes UF2 files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Its `Board-ID` in `INFO_UF2.TXT`.
    pub board: String,
    /// The family of files that it takes.
    pub family: u32,
}

/// A board that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no board `{name}`: there are {}", known.join(", "))]
pub struct UnknownBoard {
    /// As given.
    pub name: String,
    /// All there are.
    pub known: Vec<String>,
}

/// All boards, by name.
#[must_use]
pub fn boards() -> BTreeMap<String, Board> {
    let parse = |text: &str| toml::from_str::<BTreeMap<String, Board>>(text);
    // They are compiled in, and a test reads them.
    FILES.into_iter().filter_map(|text| parse(text).ok()).flatten().collect()
}

impl Place {
    /// The address behind it.
    #[must_use]
    pub fn end(self) -> u32 {
        self.start.saturating_add(self.bytes)
    }
}

impl Board {
    /// The board of this name.
    ///
    /// # Errors
    /// [`UnknownBoard`].
    pub fn named(name: &str) -> Result<Self, UnknownBoard> {
        let mut boards = boards();
        boards.remove(name).ok_or_else(|| UnknownBoard {
            name: name.to_owned(),
            known: boards.into_keys().collect(),
        })
    }
}

impl Linux {
    /// Whether a board that says this of itself is of this kind.
    #[must_use]
    pub fn is(&self, machine: &str, model: &str) -> bool {
        let known = self.model.is_empty() || self.model.iter().any(|name| model.starts_with(name));
        machine == self.machine && known
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_file_of_boards_is_read() {
        let names: Vec<String> = boards().into_keys().collect();
        let all = [
            "jetson-nano",
            "jetson-orin-nano",
            "linux-amd64",
            "linux-arm64",
            "raspberry-pi-zero2",
            "raspberry-pi3",
            "raspberry-pi4",
            "raspberry-pi5",
            "rp2350",
            "stm32h743",
        ];
        assert_eq!(names, all);
    }

    /// What is written where must be whole sectors of the flash.
    #[test]
    fn places_are_whole_sectors_of_the_flash() {
        let mut chips = 0;
        for (name, board) in boards() {
            let Board::Probe(Chip { flash, people, .. }) = board else { continue };
            chips += 1;
            let end = Place { start: flash.start, bytes: flash.bytes }.end();
            if let Some(place) = people {
                assert_eq!(flash.sector, 4096, "{name}: as the gallery is made");
                assert!(flash.start <= place.start && place.end() <= end, "{name}");
                assert!(place.start.is_multiple_of(flash.sector), "{name}");
                assert!(place.bytes.is_multiple_of(2 * flash.sector), "{name}");
            }
        }
        assert_eq!(chips, 2);
    }

    #[test]
    fn a_board_is_told_by_processor_and_model() {
        let named = |name| match Board::named(name).unwrap() {
            Board::Ssh(board) => board,
            Board::Probe(chip) => panic!("{chip:?}"),
        };
        let pi5 = named("raspberry-pi5");
        assert!(pi5.is("aarch64", "Raspberry Pi 5 Model B Rev 1.0"));
        assert!(!pi5.is("aarch64", "Raspberry Pi 4 Model B Rev 1.4"));
        assert!(!pi5.is("armv7l", "Raspberry Pi 5 Model B Rev 1.0"), "a 32-bit system");
        let any = named("linux-arm64");
        assert!(any.is("aarch64", "") && !any.is("x86_64", ""));
    }

    #[test]
    fn rejects_a_board_that_nobody_knows() {
        let error = Board::named("raspberry-pi6").unwrap_err();
        assert!(error.to_string().contains("raspberry-pi5"), "{error}");
    }
}
