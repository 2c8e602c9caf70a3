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
    read_shared_bytes(path).map(Key::new)
}

/// Reads its bytes, to be given to a door.
///
/// # Errors
/// [`SharedKeyError`].
pub(crate) fn read_shared_bytes(path: &Path) -> Result<[u8; 32], SharedKeyError> {
    let text = files::read(path)?;
    let format = || SharedKeyError::Format { path: path.to_owned() };
    let digits = core::str::from_utf8(&text).map_err(|_| format())?.trim();
    hex::decode(digits).ok_or_else(format)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rejects_files_that_hold_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door.key");
        let error = read_shared_key(&path).map(|_| ()).unwrap_err();
        assert!(matches!(error, SharedKeyError::File(_)), "{error}");
        for text in ["", "07", &"0g".repeat(32), &"07".repeat(33)] {
            std::fs::write(&path, text).unwrap();
            let error = read_shared_key(&path).map(|_| ()).unwrap_err();
            assert!(matches!(error, SharedKeyError::Format { .. }), "{text}: {error}");
            assert!(error.to_string().contains("openssl rand -hex 32"), "{error}");
        }
        std::fs::write(&path, format!("{}\n", "07".repeat(32))).unwrap();
        assert_eq!(read_shared_bytes(&path).unwrap(), [7; 32]);
    }
}
