//! The key that a door and its host share: a file of 64 hex digits.

use crate::files::{self, FileError};
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
    decode(digits).map(Key::new).ok_or_else(format)
}

fn decode(digits: &str) -> Option<[u8; 32]> {
    let whole = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let mut key = [0; 32];
    for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    whole.then_some(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_64_hex_digits() {
        let text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFF";
        let key = decode(text).unwrap();
        assert_eq!((key[0], key[1], key[30], key[31]), (0, 1, 0x1e, 0xff));
        for bad in ["", &text[1..], &format!("{text}0"), &text.replace('f', "+")] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
