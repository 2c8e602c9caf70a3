//! The program of a board, built with its networks and keys.
//!
//! ```text
//! FILES/ detector.afm embedding.afm   signed by the owner
//!        answer                       of the drawn face
//!        owner, host                  whom the door obeys: the owner's public key, and the key that its host has too
//! ```

use super::ChipError;
use crate::door::{PackageError, known_answer, read_shared_bytes};
use crate::files;
use crate::flash::board::Chip;
use crate::model::open_file;
use model_format::ModelFile;
use model_format::writer::SigningKey;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

const TOOL: &str = "cargo";

/// What a program is made of.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The folder `boards/cortex-m` of this project's source.
    pub folder: &'a Path,
    /// The folder with `detector.afm` and `embedding.afm`.
    pub models: &'a Path,
    /// Signs them; the door trusts its public half.
    pub owner: &'a SigningKey,
    /// The file of the key that door and host share.
    pub key: &'a Path,
}

impl Source<'_> {
    /// Signs the networks into `files`, which is made, and builds the program of the board `name`; its path.
    ///
    /// # Errors
    /// [`ChipError`].
    pub fn build(&self, name: &str, chip: &Chip, files: &Path) -> Result<PathBuf, ChipError> {
        self.among(name, chip, files, &[])
    }

    /// The same, where another program may stand for cargo.
    pub(super) fn among(
        &self,
        name: &str,
        chip: &Chip,
        files: &Path,
        environment: &[(&str, OsString)],
    ) -> Result<PathBuf, ChipError> {
        self.prepare(chip, files)?;
        let target = self.folder.join("target");
        let mut command = Command::new(TOOL);
        command
            .args(["build", "--release", "--locked", "--target-dir"])
            .arg(&target)
            .current_dir(self.folder.join(name))
            .env("DOOR_FILES", files)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => ChipError::NoTool {
                tool: TOOL,
                advice: format!(
                    "install Rust (rustup.rs), then `rustup target add {}`, and give this command again; or give --program with a program that was built elsewhere",
                    chip.target
                ),
            },
            _ => ChipError::Tool { tool: TOOL, error },
        })?;
        match output.status.success() {
            true => Ok(target.join(&chip.target).join("release").join(name)),
            false => Err(ChipError::Refused {
                command: format!("{TOOL} build --release --locked"),
                said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            }),
        }
    }

    /// Lays the files that are linked into the program.
    fn prepare(&self, chip: &Chip, files: &Path) -> Result<(), ChipError> {
        let key = read_shared_bytes(self.key)?;
        let open = |name| {
            let path = self.models.join(name);
            let model = open_file(&path)?;
            match (model.view().arena_bytes(), chip.arena) {
                (needed, arena) if needed > arena => Err(ChipError::Arena { path, needed, arena }),
                _ => Ok(model),
            }
        };
        let (detector, embedding) = (open("detector.afm")?, open("embedding.afm")?);
        let answer = known_answer(&embedding.view()).map_err(PackageError::Answer)?;
        let sign = |model: &ModelFile| self.owner.sign(&model.view()).map_err(PackageError::Sign);
        files::create_folder(files)?;
        for (name, bytes) in [
            ("detector.afm", sign(&detector)?),
            ("embedding.afm", sign(&embedding)?),
            ("answer", answer.to_bytes().to_vec()),
            ("owner", self.owner.public().0.to_vec()),
            ("host", key.to_vec()),
        ] {
            files::write_whole(&files.join(name), &bytes)?;
        }
        Ok(())
    }
}
