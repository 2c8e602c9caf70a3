//! Passwords of the pages: one a role, as argon2id hashes in a file of its owner's alone.
//!
//! ```text
//! admin $argon2id$v=19$m=7168,t=5,p=1$SALT$HASH
//! operator $argon2id$..
//! ```
//!
//! A hash costs 7 MiB and about a twentieth of a second on a PC; whoever checks passwords checks one at a time.

use crate::disk::{self, Disk as _};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use core::fmt::{Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

/// Fewest characters. Guesses over the network are slowed down, but not those on a stolen file.
const MIN_CHARS: usize = 10;

/// Most bytes that are hashed.
pub(super) const MAX_BYTES: usize = 512;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// See everything, enrol and rename; not remove.
    Operator,
}

impl Role {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Operator];

    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// A password that can't be set, or a file that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// It is not there, can't be read or written, or others may read it.
    #[error("the passwords {}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another file.
    #[error("the passwords {}, line {line}: it must be a role and its hash, as `door web password` writes it", path.display())]
    Format {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// Nobody could sign in as administrator.
    #[error("there is no password for admin in {}: run `door web password`", path.display())]
    NoAdmin {
        /// Where.
        path: PathBuf,
    },
    /// Soon guessed.
    #[error("a password of {chars} characters is too short: {MIN_CHARS} are needed")]
    TooShort {
        /// As given.
        chars: usize,
    },
    /// Nobody types that.
    #[error("a password of {bytes} bytes is longer than {MAX_BYTES}")]
    TooLong {
        /// As given.
        bytes: usize,
    },
    /// No salt, or no memory.
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
}

/// Everybody's hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passwords(Vec<(Role, String)>);

impl Passwords {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`PasswordError`]; also if there is no password for an administrator.
    pub fn read(path: &Path) -> Result<Self, PasswordError> {
        let passwords = Self::read_any(path)?;
        let admin = passwords.0.iter().any(|(role, _)| *role == Role::Admin);
        if admin { Ok(passwords) } else { Err(PasswordError::NoAdmin { path: path.to_owned() }) }
    }

    fn read_any(path: &Path) -> Result<Self, PasswordError> {
        let failed = |error| PasswordError::Io { path: path.to_owned(), error };
        let (folder, name) = disk::place(path).map_err(failed)?;
        let text = folder.read(name, 0).map_err(failed)?;
        let mut list = Vec::new();
        for (line, text) in (1..).zip(String::from_utf8_lossy(&text).lines()) {
            let wrong = || PasswordError::Format { path: path.to_owned(), line };
            let (role, hash) = text.split_once(' ').ok_or_else(wrong)?;
            let role = Role::named(role).ok_or_else(wrong)?;
            PasswordHash::new(hash).map_err(|_| wrong())?;
            list.push((role, hash.to_owned()));
        }
        Ok(Self(list))
    }

    /// Sets the password of `role` in the file at `path`, which is made if it is not there. The file is the old or the new one whatever
    /// happens.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn set(path: &Path, role: Role, password: &str) -> Result<(), PasswordError> {
        let hash = hash(password)?;
        let mut passwords = match Self::read_any(path) {
            Err(PasswordError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                Self::default()
            }
            read => read?,
        };
        passwords.0.retain(|(other, _)| *other != role);
        passwords.0.push((role, hash));
        let text: String =
            passwords.0.iter().map(|(role, hash)| format!("{role} {hash}\n")).collect();
        let replace = || {
            let (folder, name) = disk::place(path)?;
            let new = format!("{name}.new");
            match folder.remove(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            disk::write_new(&folder, &new, text.as_bytes())?;
            folder.rename(&new, name)?;
            folder.sync_folder()
        };
        replace().map_err(|error| PasswordError::Io { path: path.to_owned(), error })
    }

    /// Whether this is the role's password. It takes as long where the role has none.
    pub fn verify(&self, role: Role, password: &str) -> bool {
        let stored = self.0.iter().find(|(other, _)| *other == role);
        let hash = stored.and_then(|(_, hash)| PasswordHash::new(hash).ok());
        match hash {
            Some(hash) if password.len() <= MAX_BYTES => {
                argon2().verify_password(password.as_bytes(), &hash).is_ok()
            }
            _ => {
                let _ = argon2().hash_password(b"nobody's");
                false
            }
        }
    }
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let (chars, bytes) = (password.chars().count(), password.len());
    if chars < MIN_CHARS {
        return Err(PasswordError::TooShort { chars });
    }
    if bytes > MAX_BYTES {
        return Err(PasswordError::TooLong { bytes });
    }
    let hash = argon2().hash_password(password.as_bytes()).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// The least memory of those that OWASP's cheat sheet calls equal: a door has little.
fn argon2() -> Argon2<'static> {
    let params = Params::new(7 * 1024, 5, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_password_is_kept_as_a_hash_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.passwords");
        Passwords::set(&path, Role::Operator, "at the front door").unwrap();
        assert!(matches!(Passwords::read(&path), Err(PasswordError::NoAdmin { .. })));
        Passwords::set(&path, Role::Admin, "correct horse").unwrap();
        Passwords::set(&path, Role::Admin, "another horse").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("admin $argon2id$v=19$m=7168,t=5,p=1$"), "{text}");
        assert!(!text.contains("horse"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let passwords = Passwords::read(&path).unwrap();
        assert!(passwords.verify(Role::Admin, "another horse"));
        assert!(passwords.verify(Role::Operator, "at the front door"));
        for (role, wrong) in [
            (Role::Admin, "correct horse"),
            (Role::Admin, "at the front door"),
            (Role::Operator, "another horse"),
            (Role::Operator, ""),
        ] {
            assert!(!passwords.verify(role, wrong), "{role} {wrong}");
        }
    }

    #[test]
    fn rejects_short_and_long_passwords() {
        let path = Path::new("nowhere/at/all");
        let set = |password: &str| Passwords::set(path, Role::Admin, password);
        assert!(matches!(set("ninechars"), Err(PasswordError::TooShort { chars: 9 })));
        assert!(matches!(set("ä"), Err(PasswordError::TooShort { chars: 1 })));
        assert!(matches!(set(&"x".repeat(513)), Err(PasswordError::TooLong { bytes: 513 })));
    }

    #[test]
    fn rejects_files_that_are_none_missing_or_open_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        assert!(matches!(Passwords::read(&path), Err(PasswordError::Io { .. })));
        Passwords::set(&path, Role::Admin, "correct horse").unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        for (bad, line) in [
            (format!("{good}root $argon2id$x\n"), 2),
            ("admin\n".to_owned(), 1),
            ("admin plain\n".to_owned(), 1),
        ] {
            std::fs::write(&path, bad).unwrap();
            assert!(
                matches!(Passwords::read(&path), Err(PasswordError::Format { line: at, .. }) if at == line)
            );
        }
        std::fs::write(&path, good).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Passwords::read(&path), Err(PasswordError::Io { .. })));
    }
}
