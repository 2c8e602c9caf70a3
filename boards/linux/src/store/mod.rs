//! People and their templates, encrypted at rest, as one file that is always whole.
//!
//! ```text
//! change:  edit a copy ─ seal ─ create people.new, write, sync ─ read back, open, compare
//!          ─ rename over people ─ sync the folder ─ read back ─ only now it is so
//! ```
//!
//! One file, because a door has some thousands of templates of some hundred bytes: writing all of them takes milliseconds, and one
//! rename is a transaction that can be tested at every step. Until [`Store::change`] returns `Ok`, the disk holds the old people
//! or the new ones, whole; what it returned `Ok` for is there after any power cut.
//!
//! Removed people leave no bytes in the folder. What the file system and the flash below it keep of replaced files is encrypted; a
//! new key ([`rekey`]) ends its use, as far as the old key is gone from wherever it was kept. Who can write to the folder
//! can put an older file of the same key in its place, which nothing here notices.
//!
//! Who is let in when is left to the door, whether a face is good enough to be enrolled to whoever captures it.

mod credential;
mod document;
mod gallery;
mod key;
mod people;
mod person;
pub mod rekey;
mod snapshot;

pub(crate) use credential::MAX_BYTES as CREDENTIAL_BYTES;
pub use credential::{CredentialError, Credentials, StoredCredential};
pub use document::DocumentError;
pub use gallery::Gallery;
pub use key::{KeyError, StoreKey};
pub use people::{Imported, People, PeopleError};
pub use person::{
    NewTemplate, Person, PersonId, Pipeline, PreprocessingId, Profile, ProfileError, Source,
    StoredTemplate, TemplateId,
};
pub use snapshot::SnapshotError;

use crate::disk::{self, Disk, Folder};
use snapshot::Snapshot;
use std::io::{self, ErrorKind};
use std::path::Path;
use zeroize::Zeroizing;

/// The people, sealed.
pub const PEOPLE: &str = "people";
/// The next people, while they are written.
const NEW: &str = "people.new";

/// Why people can't be read, or a change was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nobody was ever enrolled here, or the wrong folder is mounted.
    #[error(
        "there is no file `{PEOPLE}` in the store's folder: create the store, or mount its disk"
    )]
    Missing,
    /// Creating would forget everybody.
    #[error("there is a store already")]
    Exists,
    /// The file is not what a store of this key wrote.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The edit itself was refused. Nothing was written.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The disk failed before the change. The people are who they were.
    #[error("nothing was changed: could not {step}: {error}{}", hint(error))]
    Disk {
        /// What it was doing.
        step: &'static str,
        /// Why it could not.
        error: io::Error,
    },
    /// What was read back is not what was written. The people are who they were.
    #[error("nothing was changed: the disk did not keep what was written to it; replace the card")]
    ReadBack,
    /// The disk failed when the change was made but not yet safe. [`Store::people`] are those that the disk shows now.
    #[error(
        "it is not certain that the change will last: could not {step}: {error}; look whether it is there and make it again if not"
    )]
    Unconfirmed {
        /// What it was doing.
        step: &'static str,
        /// Why it could not.
        error: io::Error,
    },
    /// No nonce.
    #[error("nothing was changed: the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space and try again",
        _ => "",
    }
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |error| StoreError::Disk { step, error }
}

/// See the [module](self).
pub struct Store<D: Disk = Folder> {
    disk: D,
    key: StoreKey,
    snapshot: Snapshot,
    /// Whether a failed change may be on the disk, so that it must be read before the next one.
    unsettled: bool,
    /// The key that it may be sealed with then, if not with `key`.
    other_key: Option<StoreKey>,
}

/// Whom it holds is no log's to tell.
impl<D: Disk> core::fmt::Debug for Store<D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Snapshot { generation, people } = &self.snapshot;
        write!(f, "Store {{ generation: {generation}, people: {} }}", people.iter().len())
    }
}

impl<D: Disk> Store<D> {
    /// A new store with nobody in it, on the disk when this returns.
    ///
    /// # Errors
    /// There is one already, or the disk fails.
    pub fn create(disk: D, key: StoreKey) -> Result<Self, StoreError> {
        let names = disk.list().map_err(failed("list the folder"))?;
        if names.iter().any(|name| name == PEOPLE) {
            return Err(StoreError::Exists);
        }
        let snapshot = Snapshot { generation: 0, people: People::default() };
        let mut store = Self { disk, key, snapshot, unsettled: false, other_key: None };
        store.commit(People::default(), None)?;
        Ok(store)
    }

    /// The store that was created on `disk`.
    ///
    /// # Errors
    /// There is none, it is of another key or damaged, or the disk fails. It is left as it is.
    pub fn open(disk: D, key: StoreKey) -> Result<Self, StoreError> {
        let snapshot = load(&disk, &key)?;
        let names = disk.list().map_err(failed("list the folder"))?;
        if names.iter().any(|name| name == NEW) {
            // Never acknowledged, and perhaps of somebody who has been removed since.
            disk.remove(NEW).map_err(failed("remove `people.new`"))?;
        }
        // What was read may be a rename that only memory knows of, if this is another process than the one that made it.
        disk.sync_folder().map_err(failed("sync the folder"))?;
        Ok(Self { disk, key, snapshot, unsettled: false, other_key: None })
    }

    /// Everybody.
    pub fn people(&self) -> &People {
        &self.snapshot.people
    }

    /// How many changes were made since the store was created.
    pub fn generation(&self) -> u64 {
        self.snapshot.generation
    }

    /// Makes the change that `edit` makes to the people, all of it or nothing. It is safe when this returns `Ok`.
    ///
    /// # Errors
    /// `edit` refuses, or the disk fails; but for [`StoreError::Unconfirmed`] nothing is changed then.
    pub fn change<T>(
        &mut self,
        edit: impl FnOnce(&mut People) -> Result<T, PeopleError>,
    ) -> Result<T, StoreError> {
        self.settle()?;
        let mut people = self.snapshot.people.clone();
        let result = edit(&mut people)?;
        self.commit(people, None)?;
        Ok(result)
    }

    /// Seals the people with another key. The old one opens nothing that is in the folder from then on. [`rekey`] does this with
    /// a key in a file.
    ///
    /// # Errors
    /// As [`Self::change`]; which of both keys opens the store after [`StoreError::Unconfirmed`] is open.
    pub fn rekey(&mut self, key: StoreKey) -> Result<(), StoreError> {
        self.settle()?;
        self.commit(self.snapshot.people.clone(), Some(key))
    }

    /// After a change of which nobody knows whether it was made: takes what the disk has.
    fn settle(&mut self) -> Result<(), StoreError> {
        if !self.unsettled {
            return Ok(());
        }
        let (snapshot, key) = match (load(&self.disk, &self.key), &self.other_key) {
            (Err(StoreError::Snapshot(SnapshotError::WrongKey)), Some(other)) => {
                (load(&self.disk, other)?, other.clone())
            }
            (loaded, _) => (loaded?, self.key.clone()),
        };
        self.disk.sync_folder().map_err(failed("sync the folder"))?;
        (self.snapshot, self.key) = (snapshot, key);
        (self.unsettled, self.other_key) = (false, None);
        Ok(())
    }

    fn commit(&mut self, people: People, key: Option<StoreKey>) -> Result<(), StoreError> {
        let snapshot = Snapshot { generation: self.snapshot.generation.saturating_add(1), people };
        let sealed = snapshot.seal(key.as_ref().unwrap_or(&self.key))?;
        if let Err(error) = self.write_new(&sealed, &snapshot, key.as_ref()) {
            // If this fails too, the next change or the next start does it.
            let _ = self.disk.remove(NEW);
            return Err(error);
        }
        self.unsettled = true;
        self.other_key = key.map(|key| core::mem::replace(&mut self.key, key));
        let made = self.put_in_place(&sealed);
        match made {
            Ok(()) => {
                self.snapshot = snapshot;
                (self.unsettled, self.other_key) = (false, None);
            }
            // Best effort: the next change tries again, and is refused if it can't.
            Err(_) => drop(self.settle()),
        }
        made
    }

    /// Everything that can fail without harm.
    fn write_new(
        &self,
        sealed: &[u8],
        snapshot: &Snapshot,
        key: Option<&StoreKey>,
    ) -> Result<(), StoreError> {
        let create = || self.disk.create(NEW);
        let again = |error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => self.disk.remove(NEW).and_then(|()| create()),
            _ => Err(error),
        };
        let mut file = create().or_else(again).map_err(failed("make `people.new`"))?;
        self.disk.write(&mut file, sealed).map_err(failed("write `people.new`"))?;
        self.disk.sync(&mut file).map_err(failed("sync `people.new`"))?;
        drop(file);
        let back = self.disk.read(NEW, 0).map_err(failed("read `people.new` back"))?;
        match Snapshot::open(&back, key.unwrap_or(&self.key)) {
            Ok(back) if back == *snapshot => Ok(()),
            _ => Err(StoreError::ReadBack),
        }
    }

    fn put_in_place(&self, sealed: &[u8]) -> Result<(), StoreError> {
        let unconfirmed = |step| move |error| StoreError::Unconfirmed { step, error };
        self.disk.rename(NEW, PEOPLE).map_err(unconfirmed("rename `people.new`"))?;
        self.disk.sync_folder().map_err(unconfirmed("sync the folder"))?;
        let step = "read `people` back";
        let back = self.disk.read(PEOPLE, 0).map_err(unconfirmed(step))?;
        if back != sealed {
            let error = io::Error::new(ErrorKind::InvalidData, "it is not what was written");
            return Err(StoreError::Unconfirmed { step, error });
        }
        Ok(())
    }
}

/// The people on `disk`, which another process may be changing: a list beside a running door.
///
/// # Errors
/// As [`Store::open`].
pub fn read<D: Disk>(disk: &D, key: &StoreKey) -> Result<People, StoreError> {
    load(disk, key).map(|snapshot| snapshot.people)
}

/// Writes everybody in the clear to a new file at `path`, which only its owner can read. Whoever gets it has their templates.
///
/// # Errors
/// There is such a file already, or it can't be written; then none is left.
pub fn export(people: &People, path: &Path) -> io::Result<()> {
    let (folder, name) = disk::place(path)?;
    disk::write_new(&folder, name, Zeroizing::new(people.to_json()).as_bytes())
}

fn load<D: Disk>(disk: &D, key: &StoreKey) -> Result<Snapshot, StoreError> {
    let sealed = disk.read(PEOPLE, 0).map_err(|error| match error.kind() {
        ErrorKind::NotFound => StoreError::Missing,
        _ => StoreError::Disk { step: "read `people`", error },
    })?;
    Ok(Snapshot::open(&sealed, key)?)
}
