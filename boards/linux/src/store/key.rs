//! The key that seals the people: 32 bytes, as 64 hex digits in a file of its owner's alone or a systemd credential.

use crate::disk::{self, Disk as _, place};
use crate::hex;
use sha2::{Digest as _, Sha256};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A key that can't be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not there, can't be read or written, or others may read it.
    #[error("the key {}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another file.
    #[error("the key {} is not 64 hex digits", path.display())]
    Format {
        /// Where.
        path: PathBuf,
    },
    /// The service manager gave none.
    #[error(
        "there is no CREDENTIALS_DIRECTORY for the credential `{name}`: only a systemd unit with LoadCredential= has one"
    )]
    NoCredentials {
        /// Which.
        name: String,
    },
    /// A path in the place of a name.
    #[error("`{name}` is no credential's name")]
    CredentialName {
        /// As given.
        name: String,
    },
    /// No key.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// The key. It is wiped from memory when dropped, and never shown.
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl core::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

impl StoreKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// There are none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(KeyError::Random)?;
        Ok(Self(key))
    }

    /// A new key in a new file at `path`, on the disk when this returns.
    ///
    /// # Errors
    /// There is a file already, or it can't be made; then none is left.
    pub fn create_file(path: &Path) -> Result<Self, KeyError> {
        let key = Self::generate()?;
        place(path)
            .and_then(|(folder, name)| disk::write_new(&folder, name, key.to_text().as_bytes()))
            .map_err(|error| KeyError::Io { path: path.to_owned(), error })?;
        Ok(key)
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It is not there, holds something else, or other users may read it.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io { path: path.to_owned(), error };
        let (folder, name) = place(path).map_err(failed)?;
        let text = Zeroizing::new(folder.read(name, 0).map_err(failed)?);
        Self::parse(&text).ok_or_else(|| KeyError::Format { path: path.to_owned() })
    }

    /// Reads the credential `name` of the systemd unit that this process runs in.
    ///
    /// # Errors
    /// The unit has none of this name, or it holds something else.
    pub fn from_credential(name: &str) -> Result<Self, KeyError> {
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
            .ok_or_else(|| KeyError::NoCredentials { name: name.to_owned() })?;
        Self::from_credential_in(Path::new(&folder), name)
    }

    /// The mode is the service manager's to choose: for a unit with a user of its own it shows group-readable, which is the
    /// mask of an access list and no group's right.
    fn from_credential_in(folder: &Path, name: &str) -> Result<Self, KeyError> {
        if name.contains('/') || matches!(name, "" | "." | "..") {
            return Err(KeyError::CredentialName { name: name.to_owned() });
        }
        let path = folder.join(name);
        let read = || {
            let mode = std::fs::metadata(&path)?.mode() & 0o7777;
            if mode & 0o037 != 0 {
                let text = format!("it has mode {mode:04o}, which no service manager gives");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
            std::fs::read(&path)
        };
        let text =
            Zeroizing::new(read().map_err(|error| KeyError::Io { path: path.clone(), error })?);
        Self::parse(&text).ok_or(KeyError::Format { path })
    }

    /// The key that 64 hex digits stand for; a line end may follow them.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        hex::decode(text.trim_end()).map(|key| Self(Zeroizing::new(key)))
    }

    /// 64 hex digits and a line end.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(hex::encode(&*self.0));
        text.push('\n');
        text
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A name for the key that does not give it away.
    pub(super) fn id(&self) -> [u8; 8] {
        let hash = Sha256::new().chain_update("door store key").chain_update(*self.0).finalize();
        let (id, _) = hash.split_first_chunk().unwrap_or((&[0; 8], &[]));
        *id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_file_is_new_private_and_read_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = StoreKey::create_file(&path).unwrap();
        assert_eq!(StoreKey::from_file(&path).unwrap().bytes(), key.bytes());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert!(matches!(StoreKey::create_file(&path), Err(KeyError::Io { .. })));
        assert_ne!(StoreKey::create_file(&folder.path().join("other")).unwrap().id(), key.id());
        assert_eq!(format!("{key:?}"), "StoreKey(..)");
    }

    /// The id is in clear beside the sealed people, so it is fixed by the format.
    #[test]
    fn the_id_is_a_hash_and_not_the_key() {
        let key = StoreKey::parse(&[b'0'; 64]).unwrap();
        assert_eq!(hex::encode(&key.id()), "c662e0309c9de190");
    }

    #[test]
    fn rejects_a_key_that_others_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        StoreKey::create_file(&path).unwrap();
        for mode in [0o640, 0o604, 0o644, 0o660] {
            set_mode(&path, mode);
            let refused = StoreKey::from_file(&path).unwrap_err().to_string();
            assert!(refused.contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn rejects_what_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(StoreKey::from_file(&path), Err(KeyError::Io { .. })));
        for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
            std::fs::write(&path, text).unwrap();
            set_mode(&path, 0o600);
            assert!(matches!(StoreKey::from_file(&path), Err(KeyError::Format { .. })), "{text}");
        }
    }

    #[test]
    fn a_credential_may_show_the_mask_of_its_access_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door");
        let key = StoreKey::create_file(&path).unwrap();
        for mode in [0o400, 0o440, 0o600] {
            set_mode(&path, mode);
            let read = StoreKey::from_credential_in(folder.path(), "door").unwrap();
            assert_eq!(read.bytes(), key.bytes());
        }
    }

    #[test]
    fn rejects_a_credential_that_anyone_can_read_or_that_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door");
        StoreKey::create_file(&path).unwrap();
        for mode in [0o444, 0o604, 0o660] {
            set_mode(&path, mode);
            let refused = StoreKey::from_credential_in(folder.path(), "door").unwrap_err();
            assert!(matches!(refused, KeyError::Io { .. }), "{refused}");
        }
        for name in ["", ".", "..", "../key", "/etc/passwd"] {
            let refused = StoreKey::from_credential_in(folder.path(), name).unwrap_err();
            assert!(matches!(refused, KeyError::CredentialName { .. }), "{refused}");
        }
        // Tests run in no unit.
        let refused = StoreKey::from_credential("door").unwrap_err();
        assert!(matches!(refused, KeyError::NoCredentials { .. }), "{refused}");
    }
}
