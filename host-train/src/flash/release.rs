//! A release: the door's program, its networks and the list of their hashes, in a folder.

use super::FlashError;
use super::board::Linux;
use crate::files::{self, FileError};
use crate::hex;
use crate::model::open_file;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The list, in the form of `sha256sum`.
pub(super) const SUMS: &str = "SHA256SUMS";

/// A release's folder.
#[derive(Debug)]
pub struct Release {
    /// Where it lies.
    pub folder: PathBuf,
    /// SHA-256 of its list of hashes, in hex: two releases of the same bytes are one.
    pub digest: String,
    /// How many files it has, the list left out.
    pub files: usize,
}

impl Release {
    /// Lays a release for `board` into `folder`, which is made: the program, and every `.afm` file of the folder `models`.
    ///
    /// # Errors
    /// [`FlashError`]: the program is of another processor, a network is damaged, or a file can't be read or written.
    pub fn build(
        board: &Linux,
        program: &Path,
        models: &Path,
        folder: &Path,
    ) -> Result<Self, FlashError> {
        let bytes = files::read(program)?;
        check_program(board, program, &bytes)?;
        let mut sent = vec![("door".to_owned(), bytes)];
        let mut names: Vec<PathBuf> = fs::read_dir(models)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(|error| FileError::new("read", models, error))?;
        names.retain(|path| path.extension().is_some_and(|extension| extension == "afm"));
        names.sort();
        if names.is_empty() {
            return Err(FlashError::NoModels { folder: models.to_owned() });
        }
        for path in names {
            let model = open_file(&path)?;
            let name = path.file_name().and_then(|name| name.to_str()).filter(|name| plain(name));
            let name = name.ok_or_else(|| FlashError::Name { path: path.clone() })?;
            sent.push((format!("models/{name}"), model.bytes().to_vec()));
        }
        files::create_folder(&folder.join("models"))?;
        let mut sums = String::new();
        for (name, bytes) in &sent {
            files::write_whole(&folder.join(name), bytes)?;
            let _ = writeln!(sums, "{}  {name}", hex::encode(&Sha256::digest(bytes)));
        }
        files::write_whole(&folder.join(SUMS), sums.as_bytes())?;
        let digest = hex::encode(&Sha256::digest(sums.as_bytes()));
        Ok(Self { folder: folder.to_owned(), digest, files: sent.len() })
    }

    /// What the board calls it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("releases/{}", &self.digest[..16])
    }
}

/// Names that need no quotes anywhere.
fn plain(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.starts_with(['-', '.']) && name.chars().all(good)
}

/// The head of an ELF file says for which processor it is.
fn check_program(board: &Linux, path: &Path, bytes: &[u8]) -> Result<(), FlashError> {
    let number = match bytes {
        [0x7f, b'E', b'L', b'F', 2, 1, rest @ ..] => rest.get(12..14),
        _ => None,
    };
    let found = match number {
        Some(&[0xb7, 0]) => "aarch64",
        Some(&[0x3e, 0]) => "x86_64",
        Some(_) => "another processor",
        None => "no 64-bit Linux",
    };
    if found == board.machine {
        return Ok(());
    }
    Err(FlashError::Program { path: path.to_owned(), machine: board.machine.clone(), found })
}
