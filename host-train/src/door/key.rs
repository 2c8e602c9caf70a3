//! The key that a door and its host share: a file of 64 hex digits.

use crate::files::{self, FileError};
use crate::hex;
use device_protocol::Key;
use std::path::{Path, PathBuf};

/// A key that can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedKeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something else.
    #[error("{} holds no key of 64 hex digits; `openssl rand -hex 32` makes one", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
    },
}

/// Reads a key.
///
/// # Errors
/// [`SharedKeyError`].
pub fn read_shared_key(path: &Path) -> Result<Key, SharedKeyError> {
    let text = files::read(path)?;
    let format = || SharedKeyError::Format { path: path.to_owned() };
    let digits = core::str::from_utf8(&text).map_err(|_| format())?.trim();
    hex::decode(digits).map(Key::new).ok_or_else(format)
}
