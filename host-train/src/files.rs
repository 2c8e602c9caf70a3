//! Files that are whole or absent: written beside their place, then renamed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file or folder that can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// "read", "write" or "create".
    pub action: &'static str,
    /// Which.
    pub path: PathBuf,
    /// The system's reason.
    #[source]
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self { action, path: path.to_owned(), source }
    }
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everybody, as any other file of the user.
    Shared,
    /// Its owner.
    Private,
}

/// Why nothing is written where something is.
const EXISTS: &str = "it exists already; give a new name, or move it away";

/// Puts `bytes` at `path`, replacing what was there; whatever goes wrong, `path` holds the old bytes or the new ones.
///
/// # Errors
/// The folder is missing or not writable, or the disk is full.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let error = |source| FileError::new("write", path, source);
    // A rename would put a file in the place of a device or a folder.
    if path.exists() && !path.is_file() {
        return Err(error(io::Error::other("something that is not a file is there")));
    }
    let file = write_beside(path, bytes, Mode::Shared).map_err(error)?;
    file.persist(path).map_err(|e| error(e.error))?;
    Ok(())
}

/// Puts `bytes` at `path`, where nothing may be yet; whatever goes wrong, `path` is absent or holds them all.
///
/// # Errors
/// Something is at `path`, the folder is missing or not writable, or the disk is full.
pub fn write_new(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), FileError> {
    let error = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => {
            FileError::new("create", path, io::Error::new(source.kind(), EXISTS))
        }
        _ => FileError::new("create", path, source),
    };
    let file = write_beside(path, bytes, mode).map_err(error)?;
    file.persist_noclobber(path).map_err(|e| error(e.error))?;
    Ok(())
}

/// Writes `bytes` to a file without a name that lasts, in the folder of `path`.
fn write_beside(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // It is its owner's alone from the first byte on.
    let mut file = tempfile::Builder::new().prefix(".partial-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    if mode == Mode::Shared {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(file)
}

/// Reads a whole file.
///
/// # Errors
/// It is missing or not readable.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|source| FileError::new("read", path, source))
}

/// Makes a folder and those above it.
///
/// # Errors
/// The place is not writable, or a file is in the way.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(|source| FileError::new("create", path, source))
}

/// Makes a file or folder that must not exist yet.
///
/// `make` makes it at a place beside `path`; it takes its name when that went well, and else nothing is left.
///
/// # Errors
/// Something is at `path`, the folder above is missing or not writable, or what `make` says.
pub fn make_new<E: From<FileError>>(
    path: &Path,
    make: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let error = |source| E::from(FileError::new("create", path, source));
    if path.exists() {
        return Err(error(io::Error::new(io::ErrorKind::AlreadyExists, EXISTS)));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let beside = tempfile::Builder::new().prefix(".partial-").tempdir_in(folder).map_err(error)?;
    let made = beside.path().join("new");
    make(&made)?;
    std::fs::rename(made, path).map_err(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn replaces_the_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_whole(&path, b"first, and longer").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (private, shared) = (folder.path().join("private"), folder.path().join("shared"));
        write_new(&private, b"first", Mode::Private).unwrap();
        write_new(&shared, b"first", Mode::Shared).unwrap();
        #[cfg(unix)]
        for (path, expected) in [(&private, 0o600), (&shared, 0o644)] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, expected);
        }
        let error = write_new(&private, b"second", Mode::Private).unwrap_err().to_string();
        assert!(error.contains("it exists already"), "{error}");
        assert_eq!(read(&private).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_new_thing_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set");
        let failed: Result<(), FileError> = make_new(&path, |new| {
            create_folder(new)?;
            write_whole(&new.join("half"), b"x")?;
            read(&new.join("other half")).map(drop)
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        make_new(&path, create_folder).unwrap();
        assert!(path.is_dir());
        let again = make_new::<FileError>(&path, |_| panic!("must not be made"));
        assert!(again.unwrap_err().to_string().contains("it exists already"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn rejects_what_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_whole(folder.path(), b"x").unwrap_err().to_string();
        assert!(error.ends_with("something that is not a file is there"), "{error}");
        assert!(folder.path().is_dir());
    }

    #[test]
    fn rejects_a_missing_folder_and_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("model.afm");
        let error = write_whole(&path, b"x").unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}: ", path.display())), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
