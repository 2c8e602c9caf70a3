//! Which boards there are, from the files beside their settings.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The boards' own files. A board of another kind is one more file here and one more [`Method`].
const FILES: [&str; 3] = [
    include_str!("../../../boards/raspberry-pi/boards.toml"),
    include_str!("../../../boards/jetson/boards.toml"),
    include_str!("../../../boards/linux/boards.toml"),
];

/// How a release gets onto a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Files and a script, through `ssh` and `scp`.
    Ssh,
}

/// A kind of board.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// How a release gets onto it.
    pub method: Method,
    /// Its processor, as `uname -m` names it.
    pub machine: String,
    /// How `/proc/device-tree/model` begins; none for any.
    pub model: Vec<String>,
    /// The folder in `/usr/share/door` with its settings; empty for none of its own.
    pub settings: String,
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
        ];
        assert_eq!(names, all);
    }

    #[test]
    fn a_board_is_told_by_processor_and_model() {
        let pi5 = Board::named("raspberry-pi5").unwrap();
        assert!(pi5.is("aarch64", "Raspberry Pi 5 Model B Rev 1.0"));
        assert!(!pi5.is("aarch64", "Raspberry Pi 4 Model B Rev 1.4"));
        assert!(!pi5.is("armv7l", "Raspberry Pi 5 Model B Rev 1.0"), "a 32-bit system");
        let any = Board::named("linux-arm64").unwrap();
        assert!(any.is("aarch64", "") && !any.is("x86_64", ""));
    }

    #[test]
    fn rejects_a_board_that_nobody_knows() {
        let error = Board::named("raspberry-pi6").unwrap_err();
        assert!(error.to_string().contains("raspberry-pi5"), "{error}");
    }
}
