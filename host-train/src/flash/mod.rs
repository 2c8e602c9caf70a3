//! The door onto its board: a release is laid together, sent, verified there, looked at by its own doctor, and only then made the one that
//! runs. The one before is kept, and comes back when the new one does not do.
//!
//! ```text
//! program, models ─ Release ─ scp ─> board.sh, as root: verify ─ stop ─ doctor ─ switch ─ start
//!                                                         └── no ──────┴────────────┴──> the one before
//! ```
//!
//! What boards there are is data in `boards/`. What happens on the board is one script ([`board.sh`](self)), so that a connection that
//! ends in the middle ends nothing, and so that it can be run by hand where there is none.

mod board;
mod chip;
mod release;
mod remote;

pub use board::{Board, Chip, Linux, UnknownBoard, boards};
pub use chip::{
    ChipError, ElfError, Image, Laid, PeopleError, Run, Source, Uf2Error, by_probe, by_volume,
};
pub use release::Release;
pub use remote::Remote;

use crate::files::{self, FileError};
use crate::model::ModelError;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Why a board was not given another release. It has the one before, unless the error says something else.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlashError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A network that is damaged.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nothing to recognise anybody with.
    #[error("{}: there is no .afm file in it: `host-train import` makes them", folder.display())]
    NoModels {
        /// As given.
        folder: PathBuf,
    },
    /// A name that would need quotes.
    #[error("{}: give it a name of letters, digits, `-`, `_` and `.`", path.display())]
    Name {
        /// Which.
        path: PathBuf,
    },
    /// The program is for another processor.
    #[error("{} is for {found}, and the board needs {machine}: build it with `cargo build --release -p door-linux --target {machine}-unknown-linux-gnu`", path.display())]
    Program {
        /// As given.
        path: PathBuf,
        /// What the board has.
        machine: String,
        /// What the program is for.
        found: &'static str,
    },
    /// No name of a machine.
    #[error("`{host}` is no host: give a name or user@name")]
    Host {
        /// As given.
        host: String,
    },
    /// A program that is needed is not installed.
    #[error(
        "there is no `{tool}` on this machine: install OpenSSH's client (Debian: apt install openssh-client), or take the release there by hand, see --out"
    )]
    NoTool {
        /// Which.
        tool: &'static str,
    },
    /// It can't be run.
    #[error("{tool}: {error}")]
    Tool {
        /// Which.
        tool: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// Nobody answers, or asks for a password.
    #[error("no connection to {host}: `ssh {host} true` must work without a password: {said}")]
    Connection {
        /// As given.
        host: String,
        /// What `ssh` says.
        said: String,
    },
    /// The board is of another kind.
    #[error("{host} is no {board}: it is `{model}` with {machine}")]
    OtherBoard {
        /// As given.
        host: String,
        /// As given.
        board: String,
        /// What it says of itself.
        model: String,
        /// Its processor.
        machine: String,
    },
    /// There is no unit that would run the door.
    #[error(
        "{host} has no door installed: build the package with boards/linux/debian/build.sh, and install it there: sudo apt install ./door_*.deb"
    )]
    NoPackage {
        /// As given.
        host: String,
    },
    /// The board did not take it.
    #[error("{host}: {said}")]
    Refused {
        /// As given.
        host: String,
        /// Why, in the board's words.
        said: String,
    },
}

impl FlashError {
    /// Whether everything was tried and the board said no.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// What a board runs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flashed {
    /// The release.
    pub current: String,
    /// The one that ran before; empty for that of the package.
    pub previous: String,
    /// Whether the door was running, and is again.
    pub running: bool,
    /// What its doctor finds wrong, as it did before.
    pub wrong: Vec<String>,
}

/// Gives the board at `remote`, which must be a `name`, the release.
///
/// # Errors
/// [`FlashError`].
pub fn install(
    remote: &Remote,
    name: &str,
    board: &Linux,
    release: &Release,
) -> Result<Flashed, FlashError> {
    look(remote, name, board)?;
    let folder = remote.copy(&release.folder)?;
    let answer = remote.script(&["install", &format!("{folder}/release"), &release.digest]);
    remote.forget(&folder);
    answer.map(|answer| flashed(&answer))
}

/// Gives the board at `remote` the release before the one that it runs.
///
/// # Errors
/// [`FlashError`]; also if there is none.
pub fn roll_back(remote: &Remote, name: &str, board: &Linux) -> Result<Flashed, FlashError> {
    look(remote, name, board)?;
    remote.script(&["rollback"]).map(|answer| flashed(&answer))
}

/// Writes the release's script beside it, to be run on a board that no connection reaches; what to do there.
///
/// # Errors
/// It can't be written.
pub fn by_hand(release: &Release) -> Result<String, FlashError> {
    let script = release.folder.with_extension("sh");
    files::write_whole(&script, remote::SCRIPT.as_bytes())?;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (script, folder) = (name(&script), name(&release.folder));
    Ok(format!(
        "take {folder} and {script} to the board, and there: sudo sh {script} install {folder} {}",
        release.digest
    ))
}

/// Whether the board is what it is said to be.
fn look(remote: &Remote, name: &str, board: &Linux) -> Result<(), FlashError> {
    let mut answer = remote.script(&["probe"])?;
    let mut take = |name: &str| answer.remove(name).unwrap_or_default();
    let (machine, model, host) = (take("machine"), take("model"), remote.host().to_owned());
    if !board.is(&machine, &model) {
        return Err(FlashError::OtherBoard { host, board: name.to_owned(), model, machine });
    }
    match take("package") == "1" {
        true => Ok(()),
        false => Err(FlashError::NoPackage { host }),
    }
}

fn flashed(answer: &remote::Answer) -> Flashed {
    let text = |name: &str| answer.get(name).cloned().unwrap_or_default();
    Flashed {
        current: text("current"),
        previous: text("previous"),
        running: text("running") == "1",
        wrong: text("wrong").split_whitespace().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests;
