//! The people who may enter, in flash: `.afg` records in one of two halves.
//!
//! ```text
//!  half 0  | commit 6 | ada | bob | torn | eve | blank ..     live: a record is added behind the last
//!  half 1  | blank ..                                          spare
//!
//!  remove bob:  1. copy all but bob to the spare half     a cut here: half 0 is still the live one
//!               2. write its commit, number 7             from here on bob is gone
//!               3. erase half 0                           a cut here: done when opened again
//! ```
//!
//! So a removed template is nowhere in the chip when [`Gallery::remove`] returns, or after the next [`Gallery::open`]. What returned
//! `Ok` was read back. The slots of damaged records are counted and passed over, and come back when the half is copied.
//!
//! Searching is left to [`edge_infer::matching`], of whose arrays the records are read.

mod halves;
mod record;
#[cfg(test)]
mod tests;

use core::ops::Range;

use edge_infer::matching::TemplateError;
use embedded_storage::nor_flash::NorFlash;

use super::flash::FlashError;
use super::slot::{HEAD, Slot};
use crate::ports::{Enrolled, GalleryStore, MAX_NAME};
use halves::{Halves, Live};
use record::{FIELDS, RECORD};

pub use record::{PreprocessingId, Stored};

/// How many slots in a row are tried for a record.
const TRIES: u32 = 3;

/// Why people were not read or changed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// See [`FlashError`].
    #[error(transparent)]
    Flash(#[from] FlashError),
    /// All slots are taken.
    #[error("the gallery holds {capacity} templates and is full; remove somebody")]
    Full {
        /// How many it holds.
        capacity: u32,
    },
    /// Not a name.
    #[error(
        "a name has 1 to {MAX_NAME} bytes and no control characters; this one has {bytes} bytes"
    )]
    Name {
        /// Its length.
        bytes: usize,
    },
    /// The slots were made for shorter templates.
    #[error("templates of {values} values do not fit, records of this gallery hold {capacity}")]
    TooLong {
        /// Of the template.
        values: usize,
        /// Of a record.
        capacity: usize,
    },
    /// Not a template: empty, or without direction.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// No number is left for a further template.
    #[error("all numbers of templates or people are given")]
    Numbers,
}

/// What a gallery was found to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whole records.
    pub records: u32,
    /// Slots that are neither blank nor whole records: torn by a cut that nobody was told the success of, or damaged since.
    pub damaged: u32,
    /// The half did not say that it is complete: cut when it was new, or damaged. Its records were kept, and copied.
    pub recovered: bool,
}

/// People in two halves of a range of flash, in slots of `SLOT` bytes: 256 for templates of 128 values, 640 for 512.
#[derive(Debug)]
pub struct Gallery<F, const SLOT: usize> {
    halves: Halves<F, SLOT>,
    preprocessing: PreprocessingId,
    /// `None` after an error: what it left is found out before the next use.
    live: Option<Live>,
}

impl<F: NorFlash, const SLOT: usize> Gallery<F, SLOT> {
    /// The most values of a template.
    pub const VALUES: usize = SLOT - HEAD - FIELDS - MAX_NAME;

    /// The gallery in `range` of `flash`, an even number of sectors, 2 or more. Finishes what a cut interrupted, and formats what is
    /// blank. `preprocessing` is what this firmware does to a picture; templates of others are kept, and stay dormant.
    ///
    /// # Errors
    /// [`GalleryError::Flash`].
    pub fn open(
        flash: F,
        range: Range<u32>,
        preprocessing: PreprocessingId,
    ) -> Result<(Self, Report), GalleryError> {
        let mut halves = Halves::new(flash, range)?;
        let (live, report) = halves.open()?;
        Ok((Self { halves, preprocessing, live: Some(live) }, report))
    }

    /// How many templates it can hold.
    pub fn capacity(&self) -> u32 {
        self.halves.capacity()
    }

    /// A number for a new person: above all that were ever given.
    ///
    /// # Errors
    /// [`GalleryError::Numbers`] or [`GalleryError::Flash`].
    pub fn next_person(&mut self) -> Result<u32, GalleryError> {
        let next = self.live()?.next_person;
        if next == u32::MAX { Err(GalleryError::Numbers) } else { Ok(next) }
    }

    /// Calls `each` with every template, dormant ones too, in the order of enrolment; how many slots are damaged.
    ///
    /// # Errors
    /// [`GalleryError::Flash`].
    pub fn for_each_stored(
        &mut self,
        mut each: impl FnMut(Stored<'_>),
    ) -> Result<u32, GalleryError> {
        let live = self.live()?;
        let mut damaged = 0;
        for index in 1..live.used {
            match self.halves.record(&live, index)? {
                Some(stored) => each(stored),
                None => damaged += 1,
            }
        }
        self.halves.forget();
        Ok(damaged)
    }

    /// Stores one more template and reads it back; its record's number. `new.record` counts for nothing.
    ///
    /// # Errors
    /// [`GalleryError`]; then nothing is stored, unless the flash failed: then it is or is not.
    pub fn store(&mut self, new: Stored<'_>) -> Result<u32, GalleryError> {
        new.check(Self::VALUES)?;
        let live = self.live()?;
        let full = live.used > self.capacity();
        if full && live.damaged > 0 {
            self.copy(|_| true)?;
        }
        self.change(|halves, live| Self::append(halves, live, new))
    }

    /// Removes every template of which `gone` is true, from the chip too; how many there were.
    ///
    /// # Errors
    /// [`GalleryError`]. If the flash failed, all of them are there or none is.
    pub fn remove_where(
        &mut self,
        mut gone: impl FnMut(&Stored<'_>) -> bool,
    ) -> Result<usize, GalleryError> {
        let mut found = 0;
        self.for_each_stored(|stored| found += usize::from(gone(&stored)))?;
        if found > 0 {
            self.copy(|stored| !gone(stored))?;
        }
        Ok(found)
    }

    fn append(
        halves: &mut Halves<F, SLOT>,
        live: &mut Live,
        new: Stored<'_>,
    ) -> Result<u32, GalleryError> {
        let record = live.next_record;
        let next_record = record.checked_add(1).ok_or(GalleryError::Numbers)?;
        let mut payload = [0; SLOT];
        let sealed = Stored { record, ..new }.encode(live.generation, &mut payload);
        let sealed = sealed.and_then(|len| Slot::<SLOT>::seal(RECORD, payload.get(..len)?));
        let too_long = GalleryError::TooLong { values: new.values.len(), capacity: Self::VALUES };
        let sealed = sealed.ok_or(too_long)?;
        let mut tries = TRIES;
        loop {
            let (index, capacity) = (live.used, halves.capacity());
            if index > capacity {
                return Err(GalleryError::Full { capacity });
            }
            live.used += 1;
            match halves.program(live.half, index, &sealed) {
                Ok(()) => {
                    live.next_record = next_record;
                    live.next_person = live.next_person.max(new.person.saturating_add(1));
                    return Ok(record);
                }
                Err(FlashError::NotKept { .. }) if tries > 1 => {
                    (tries, live.damaged) = (tries - 1, live.damaged + 1)
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn copy(&mut self, keep: impl FnMut(&Stored<'_>) -> bool) -> Result<(), GalleryError> {
        self.change(|halves, live| halves.copy(live, keep))
    }

    /// Runs a change. If it fails, the state is found out anew before the next one.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Halves<F, SLOT>, &mut Live) -> Result<T, GalleryError>,
    ) -> Result<T, GalleryError> {
        let mut live = self.live()?;
        self.live = None;
        let changed = change(&mut self.halves, &mut live);
        self.halves.forget();
        // Nothing was written when it was full.
        if matches!(changed, Ok(_) | Err(GalleryError::Full { .. })) {
            self.live = Some(live);
        }
        changed
    }

    fn live(&mut self) -> Result<Live, GalleryError> {
        match self.live {
            Some(live) => Ok(live),
            None => {
                let (live, _) = self.halves.open()?;
                self.live = Some(live);
                Ok(live)
            }
        }
    }
}

impl<F: NorFlash, const SLOT: usize> GalleryStore for Gallery<F, SLOT> {
    type Error = GalleryError;

    fn for_each(&mut self, each: &mut dyn FnMut(Enrolled<'_>)) -> Result<(), GalleryError> {
        let ours = self.preprocessing;
        self.for_each_stored(|Stored { person, name, model, values, preprocessing, .. }| {
            if preprocessing == ours {
                each(Enrolled { person, name, model, values });
            }
        })?;
        Ok(())
    }

    fn add(
        &mut self,
        Enrolled { person, name, model, values }: Enrolled<'_>,
    ) -> Result<(), GalleryError> {
        let preprocessing = self.preprocessing;
        self.store(Stored { record: 0, person, name, model, preprocessing, values })?;
        Ok(())
    }

    fn remove(&mut self, person: u32) -> Result<usize, GalleryError> {
        self.remove_where(|stored| stored.person == person)
    }

    fn next_person(&mut self) -> Result<u32, GalleryError> {
        Gallery::next_person(self)
    }
}
