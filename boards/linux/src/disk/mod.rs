//! Files as the store and the audit log use them: one folder, plain names, every step that can fail on its own.
//!
//! ```text
//! whole or absent:  create NEW ─ write ─ sync ─ read back ─ rename NEW over NAME ─ sync_folder
//! append:           open at its end ─ write ─ sync
//! ```
//!
//! A step is a step of what a disk promises: written bytes are there after a power cut once `sync` returned, names once
//! `sync_folder` returned, and until then anything in between may be found. The tests' disk in memory is built on exactly
//! that and cuts after, and within, every step. Who calls what in which order is left to the store and the log.

mod folder;

pub(crate) use folder::place;
pub use folder::{Folder, FolderError};

use std::io;

/// One folder's files. Names have no separators; all files are their owner's alone.
pub trait Disk {
    /// An open file.
    type File;

    /// The names of all files, in no order.
    ///
    /// # Errors
    /// The folder can't be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// What a file holds from the byte `from` on; nothing if it ends before.
    ///
    /// # Errors
    /// There is no such file, or it can't be read.
    fn read(&self, name: &str, from: u64) -> io::Result<Vec<u8>>;

    /// A new, empty file.
    ///
    /// # Errors
    /// There is a file of this name already, or none can be made.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// A file that is there, to be written from `len` on; what it holds behind that is cut off.
    ///
    /// # Errors
    /// There is no such file, or it can't be cut.
    fn open(&self, name: &str, len: u64) -> io::Result<Self::File>;

    /// Writes all `bytes` at the file's end.
    ///
    /// # Errors
    /// The disk is full or fails; a part of them may be written.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;

    /// Returns when what was written to `file` is safe from a power cut. After an error it may never be: write it anew.
    ///
    /// # Errors
    /// The disk fails.
    fn sync(&self, file: &mut Self::File) -> io::Result<()>;

    /// Gives the file `from` the name `to`. Whatever has that name is gone.
    ///
    /// # Errors
    /// There is no file `from`, or the disk fails.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// There is no such file, or the disk fails.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns when all names are safe from a power cut.
    ///
    /// # Errors
    /// The disk fails.
    fn sync_folder(&self) -> io::Result<()>;
}

/// Writes a file that is not there yet, safe when this returns, and leaves none if it fails.
pub(crate) fn write_new<D: Disk>(disk: &D, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = disk.create(name)?;
    let written = disk
        .write(&mut file, bytes)
        .and_then(|()| disk.sync(&mut file))
        .and_then(|()| disk.sync_folder());
    if written.is_err() {
        // Half a file would stand in the way of the next try.
        let _ = disk.remove(name);
    }
    written
}

/// One folder, several users: the people and the log.
impl<D: Disk> Disk for std::sync::Arc<D> {
    type File = D::File;

    fn list(&self) -> io::Result<Vec<String>> {
        (**self).list()
    }
    fn read(&self, name: &str, from: u64) -> io::Result<Vec<u8>> {
        (**self).read(name, from)
    }
    fn create(&self, name: &str) -> io::Result<Self::File> {
        (**self).create(name)
    }
    fn open(&self, name: &str, len: u64) -> io::Result<Self::File> {
        (**self).open(name, len)
    }
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()> {
        (**self).write(file, bytes)
    }
    fn sync(&self, file: &mut Self::File) -> io::Result<()> {
        (**self).sync(file)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        (**self).rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        (**self).remove(name)
    }
    fn sync_folder(&self) -> io::Result<()> {
        (**self).sync_folder()
    }
}
