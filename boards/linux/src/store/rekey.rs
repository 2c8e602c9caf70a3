//! A new key for the store, where the key is a file: never a moment at which a power cut leaves people without their key.
//!
//! ```text
//! KEY.new written, synced ─ people sealed with it ─ KEY.new renamed over KEY, synced
//! ```
//!
//! Whichever step is the last, one of the two files opens the people, and [`KeyFile::open`] finishes. A credential is the service manager's:
//! there, seal with the new key by [`Store::rekey`] and give the unit the new one.

use super::{KeyError, SnapshotError, Store, StoreError, StoreKey};
use crate::disk::{self, Disk, Folder};
use std::io;
use std::path::Path;

/// A key that could not be changed or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RekeyError {
    /// The file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The people.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The key's file, on the disk that it lies on.
#[derive(Debug)]
pub struct KeyFile<K: Disk> {
    disk: K,
    name: String,
}

impl KeyFile<Folder> {
    /// The key's file at `path`.
    ///
    /// # Errors
    /// It has no name.
    pub fn at(path: &Path) -> Result<Self, KeyError> {
        let (disk, name) =
            disk::place(path).map_err(|error| KeyError::Io { path: path.to_owned(), error })?;
        Ok(Self { disk, name: name.to_owned() })
    }
}

impl<K: Disk> KeyFile<K> {
    /// The key's file `name` on `disk`.
    pub fn on(disk: K, name: &str) -> Self {
        Self { disk, name: name.to_owned() }
    }

    /// Opens the store with the key in the file, or with the one that a [`Self::rekey`] left beside it, and then puts that in its
    /// place.
    ///
    /// # Errors
    /// Neither opens it.
    pub fn open<D: Disk>(&self, disk: D) -> Result<Store<D>, RekeyError> {
        let key = self.read(&self.name)?;
        if !matches!(super::read(&disk, &key), Err(StoreError::Snapshot(SnapshotError::WrongKey))) {
            return Ok(Store::open(disk, key)?);
        }
        // Of both errors, that the key is wrong is the one to tell.
        let store = Store::open(disk, self.read(&self.new_name()).unwrap_or(key))?;
        self.put_in_place()?;
        Ok(store)
    }

    /// Seals the people with a new key.
    ///
    /// # Errors
    /// A disk fails. The store opens by [`Self::open`] all the same.
    pub fn rekey<D: Disk>(&self, store: &mut Store<D>) -> Result<(), RekeyError> {
        store.settle()?;
        // What an earlier try left: the key of the people, or one that never came to seal them.
        match self.disk.read(&self.new_name(), 0) {
            Ok(text) if StoreKey::parse(&text).is_some_and(|key| key.id() == store.key.id()) => {
                self.put_in_place()?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => self.disk.remove(&self.new_name()).map_err(|error| self.failed(error))?,
        }
        let key = StoreKey::generate()?;
        disk::write_new(&self.disk, &self.new_name(), key.to_text().as_bytes())
            .map_err(|error| self.failed(error))?;
        store.rekey(key)?;
        self.put_in_place()
    }

    fn put_in_place(&self) -> Result<(), RekeyError> {
        self.disk
            .rename(&self.new_name(), &self.name)
            .and_then(|()| self.disk.sync_folder())
            .map_err(|error| self.failed(error))
    }

    fn read(&self, name: &str) -> Result<StoreKey, RekeyError> {
        let text = self.disk.read(name, 0).map_err(|error| self.failed(error))?;
        let format = || KeyError::Format { path: name.into() };
        Ok(StoreKey::parse(&zeroize::Zeroizing::new(text)).ok_or_else(format)?)
    }

    fn new_name(&self) -> String {
        format!("{}.new", self.name)
    }

    fn failed(&self, error: io::Error) -> RekeyError {
        KeyError::Io { path: (&self.name).into(), error }.into()
    }
}
