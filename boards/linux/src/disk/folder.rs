//! A folder of the file system: 0700, its files 0600, one writer at a time.
//!
//! What a file system and the flash below it keep of removed or replaced bytes is out of its hands.

use super::Disk;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The name of the file that a writer holds locked. It stays empty.
const LOCK: &str = "lock";

/// No file of ours comes near it; one that does would fill the memory.
const MAX_READ: u64 = 256 << 20;

/// A folder that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It is not there, or can't be made.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Other users can look into it or change it.
    #[error("{} has mode {mode:04o}: other users reach it; chmod 700 it", path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process writes here.
    #[error(
        "{} is in use by another process, such as `door run`: stop it, or make the change through it",
        path.display()
    )]
    InUse {
        /// Which.
        path: PathBuf,
    },
}

/// A folder of the file system, its files their owner's alone.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Locked as long as it is open, also when the process is killed.
    _lock: Option<File>,
}

impl Folder {
    /// The folder at `path`, made when it is missing, for this process alone to write to.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn lock(path: &Path) -> Result<Self, FolderError> {
        let failed = |error| FolderError::Io { path: path.to_owned(), error };
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => sync_path(path.parent().unwrap_or(path)).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let mut folder = Self::read_only(path)?;
        let lock = private().create(true).truncate(false).open(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => folder._lock = Some(lock),
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::InUse { path: path.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        Ok(folder)
    }

    /// The folder at `path`, whatever its mode, for a private file among others.
    fn shared(path: &Path) -> Self {
        Self { path: path.to_owned(), _lock: None }
    }

    /// The folder at `path`, to be read while another process may write. Whole files replace each other, so that each read is
    /// of one state.
    ///
    /// # Errors
    /// [`FolderError::Io`] or [`FolderError::Mode`].
    pub fn read_only(path: &Path) -> Result<Self, FolderError> {
        let mode = std::fs::metadata(path)
            .map_err(|error| FolderError::Io { path: path.to_owned(), error })?
            .mode()
            & 0o7777;
        if mode & 0o077 != 0 {
            return Err(FolderError::Mode { path: path.to_owned(), mode });
        }
        Ok(Self { path: path.to_owned(), _lock: None })
    }
}

/// A file's folder and its name in it.
pub(crate) fn place(path: &Path) -> io::Result<(Folder, &str)> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        io::Error::new(ErrorKind::InvalidInput, "it has no name, or none in UTF-8")
    })?;
    Ok((Folder::shared(path.parent().unwrap_or(Path::new(""))), name))
}

/// Opens for writing what only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn sync_path(path: &Path) -> io::Result<()> {
    // The parent of a relative path of one part is "", which can't be opened.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

impl Disk for Folder {
    type File = File;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string()
                && name != LOCK
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str, from: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path.join(name))?;
        let metadata = file.metadata()?;
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            let text = format!("{name} has mode {mode:04o}: other users reach it; chmod 600 it");
            return Err(io::Error::new(ErrorKind::PermissionDenied, text));
        }
        if metadata.len() > MAX_READ {
            let text = format!("{name} has {} bytes, more than {MAX_READ}", metadata.len());
            return Err(io::Error::new(ErrorKind::FileTooLarge, text));
        }
        // What was just written would come from memory; read back, it should come from the disk. A file system that can't do
        // that still gives the file.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        private().create_new(true).open(self.path.join(name))
    }

    fn open(&self, name: &str, len: u64) -> io::Result<File> {
        let mut file = private().open(self.path.join(name))?;
        file.set_len(len)?;
        file.seek(SeekFrom::Start(len))?;
        Ok(file)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &mut File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        sync_path(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn what_it_makes_is_its_owners_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("door");
        let folder = Folder::lock(&path).unwrap();
        let mut file = folder.create("people").unwrap();
        folder.write(&mut file, b"12345").unwrap();
        folder.sync(&mut file).unwrap();
        assert_eq!((mode(&path), mode(&path.join("people"))), (0o700, 0o600));
        assert_eq!(mode(&path.join(LOCK)), 0o600);
        assert_eq!(folder.list().unwrap(), ["people"]);

        let mut file = folder.open("people", 3).unwrap();
        folder.write(&mut file, b"67").unwrap();
        assert_eq!(folder.read("people", 0).unwrap(), b"12367");
        assert_eq!(folder.read("people", 4).unwrap(), b"7");
        assert_eq!(folder.read("people", 9).unwrap(), b"");
        assert_eq!(folder.create("people").unwrap_err().kind(), ErrorKind::AlreadyExists);
        folder.rename("people", "others").unwrap();
        folder.remove("others").unwrap();
        folder.sync_folder().unwrap();
        assert!(folder.list().unwrap().is_empty());
    }

    #[test]
    fn rejects_files_that_others_read_or_that_are_too_long() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::lock(&parent.path().join("door")).unwrap();
        folder.create("key").unwrap().set_len(MAX_READ + 1).unwrap();
        let refused = folder.read("key", 0).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::FileTooLarge, "{refused}");
        for bits in [0o640, 0o604, 0o644] {
            let path = parent.path().join("door/key");
            std::fs::set_permissions(path, PermissionsExt::from_mode(bits)).unwrap();
            let refused = folder.read("key", 0).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn rejects_a_folder_that_others_reach() {
        let parent = tempfile::tempdir().unwrap();
        for bits in [0o710, 0o701, 0o750, 0o777] {
            std::fs::set_permissions(parent.path(), PermissionsExt::from_mode(bits)).unwrap();
            let refused = Folder::lock(parent.path()).unwrap_err();
            assert!(matches!(refused, FolderError::Mode { mode, .. } if mode == bits), "{refused}");
        }
    }

    #[test]
    fn rejects_a_second_writer_but_no_reader() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::set_permissions(parent.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let first = Folder::lock(parent.path()).unwrap();
        let refused = Folder::lock(parent.path()).unwrap_err();
        assert!(matches!(refused, FolderError::InUse { .. }), "{refused}");
        Folder::read_only(parent.path()).unwrap();
        drop(first);
        Folder::lock(parent.path()).unwrap();
    }

    #[test]
    fn rejects_a_folder_that_is_not_there() {
        let parent = tempfile::tempdir().unwrap();
        let missing = parent.path().join("a/b");
        assert!(matches!(Folder::lock(&missing), Err(FolderError::Io { .. })));
        assert!(matches!(Folder::read_only(&missing), Err(FolderError::Io { .. })));
    }
}
