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
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file =
        tempfile::Builder::new().prefix(".partial-").tempfile_in(folder).map_err(error)?;
    file.write_all(bytes).map_err(error)?;
    file.as_file().sync_all().map_err(error)?;
    // A temporary file is private to its owner; a result is as any other file of the user.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(error)?;
    }
    file.persist(path).map_err(|e| error(e.error))?;
    Ok(())
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
        let reason = "it exists already; give a new name, or move it away";
        return Err(error(io::Error::new(io::ErrorKind::AlreadyExists, reason)));
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
