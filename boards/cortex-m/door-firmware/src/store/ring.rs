//! Numbered records in a circle of sectors: the newest is appended, the oldest sector is erased for it.
//!
//! ```text
//!   sector 0            sector 1            sector 2
//!  | 97  98  99  100 | 101  102  torn 103 | 92  93  94  95 |      slots; 103 is the head, blank slots follow it
//!                                     ^ head
//! ```
//!
//! A sector is erased when the first record goes into it. Power that fails while it is, or while a slot is programmed, leaves the head
//! where it was; the next append goes on behind whatever was left there. What the records say is left to the caller.

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::bytes::{Reader, Writer};
use super::flash::{FlashError, Region};
use super::slot::{Content, Kind, Slot};

/// How many slots in a row an append tries before it gives up.
const TRIES: u32 = 3;

/// Slots of `SLOT` bytes in a circle.
#[derive(Debug)]
pub(crate) struct Ring<F, const SLOT: usize> {
    region: Region<F>,
    kind: Kind,
    per_sector: u32,
    slot: Slot<SLOT>,
    /// The newest record's number, and its slot.
    head: Option<(u64, u32)>,
    /// The slot that the next append tries first.
    next: u32,
}

/// What a ring was found to hold, besides its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whole records.
    pub records: u32,
    /// Slots behind the newest record that are neither blank nor whole: a record that was being written when the power failed, so
    /// that nobody was told of it. Damage to the very newest record looks the same.
    pub torn: u32,
    /// The same elsewhere: older torn ones, and damage.
    pub damaged: u32,
}

impl<F, const SLOT: usize> Ring<F, SLOT> {
    /// The most bytes of a record.
    pub(crate) const CAPACITY: usize = Slot::<SLOT>::CAPACITY - 8;
}

impl<F: NorFlash, const SLOT: usize> Ring<F, SLOT> {
    /// The ring in `range` of `flash`, two sectors or more.
    pub(crate) fn open(
        flash: F,
        range: Range<u32>,
        kind: Kind,
    ) -> Result<(Self, Found), FlashError> {
        let region = Region::new(flash, range, 2)?;
        let per_sector = Slot::<SLOT>::per_sector(Region::<F>::SECTOR)?;
        let mut ring = Self { region, kind, per_sector, slot: Slot::EMPTY, head: None, next: 0 };
        let found = ring.scan()?;
        Ok((ring, found))
    }

    /// Finds the head again. To be done after an append failed: what it wrote may be there or not.
    pub(crate) fn scan(&mut self) -> Result<Found, FlashError> {
        let mut found = Found::default();
        (self.head, self.next) = (None, 0);
        for index in 0..self.slots() {
            match self.load(index)? {
                Content::Blank => {}
                Content::Damaged => found.damaged += 1,
                Content::Whole(record) => {
                    found.records += 1;
                    let number = number(record);
                    if self.head.is_none_or(|(newest, _)| number > newest) {
                        self.head = Some((number, index));
                    }
                }
            }
        }
        if let Some((_, head)) = self.head {
            self.next = self.after(head);
            while !self.next.is_multiple_of(self.per_sector) && !self.is_blank(self.next)? {
                found.torn += 1;
                self.next = self.after(self.next);
            }
            found.damaged = found.damaged.saturating_sub(found.torn);
        }
        Ok(found)
    }

    /// The newest record's number.
    pub(crate) fn head(&self) -> Option<u64> {
        self.head.map(|(number, _)| number)
    }

    /// Writes a record, whose number must be above the head's, and reads it back.
    pub(crate) fn append(&mut self, number: u64, record: &[u8]) -> Result<(), FlashError> {
        let mut payload = [0; SLOT];
        let sealed = Writer::new(&mut payload).put(&number.to_le_bytes()).put(record).finish();
        let sealed = sealed.and_then(|len| Slot::<SLOT>::seal(self.kind, payload.get(..len)?));
        let too_long = FlashError::Record { bytes: record.len(), sector: Region::<F>::SECTOR };
        let sealed = sealed.ok_or(too_long)?;
        let mut tries = TRIES;
        loop {
            if self.next.is_multiple_of(self.per_sector) {
                self.region.erase(self.next / self.per_sector)?;
            }
            let (index, at) = (self.next, self.address(self.next));
            let written = sealed.program(&mut self.region, at);
            self.next = self.after(index);
            match written {
                Ok(()) => {
                    self.head = Some((number, index));
                    return Ok(());
                }
                Err(FlashError::NotKept { .. }) if tries > 1 => tries -= 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Calls `each` with the number and bytes of every whole record, the oldest first, and with `None` for each damaged slot.
    pub(crate) fn for_each(
        &mut self,
        mut each: impl FnMut(Option<(u64, &[u8])>),
    ) -> Result<(), FlashError> {
        // The sector behind the head's is the oldest; it starts the circle.
        let first = self.head.map_or(0, |(_, head)| (head / self.per_sector + 1) * self.per_sector);
        for index in first..first + self.slots() {
            match self.load(index % self.slots())? {
                Content::Blank => {}
                Content::Damaged => each(None),
                Content::Whole(record) => each(Some((number(record), body(record)))),
            }
        }
        Ok(())
    }

    /// The newest record's bytes.
    pub(crate) fn newest(&mut self) -> Result<Option<&[u8]>, FlashError> {
        let Some((_, head)) = self.head else { return Ok(None) };
        Ok(match self.load(head)? {
            Content::Whole(record) => Some(body(record)),
            Content::Blank | Content::Damaged => None,
        })
    }

    fn slots(&self) -> u32 {
        self.region.sectors() * self.per_sector
    }

    fn after(&self, index: u32) -> u32 {
        (index + 1) % self.slots()
    }

    fn address(&self, index: u32) -> u32 {
        index / self.per_sector * Region::<F>::SECTOR + index % self.per_sector * SLOT as u32
    }

    fn load(&mut self, index: u32) -> Result<Content<'_>, FlashError> {
        let at = self.address(index);
        self.slot.read(&mut self.region, at)?;
        Ok(self.slot.open(self.kind))
    }

    fn is_blank(&mut self, index: u32) -> Result<bool, FlashError> {
        let at = self.address(index);
        self.region.is_blank(at..at + SLOT as u32)
    }
}

fn number(record: &[u8]) -> u64 {
    Reader(record).u64().unwrap_or_default()
}

fn body(record: &[u8]) -> &[u8] {
    record.get(8..).unwrap_or_default()
}
