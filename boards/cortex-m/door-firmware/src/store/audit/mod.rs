//! What the door did: records that follow each other by hash, in flash, safe from a power cut when they are acknowledged.
//!
//! ```text
//!  kept      | 17 started | 21 granted | 22 enrolled | ..    nobody at the door can make many of these
//!  routine   | 18 refused | 19 fault   | 20 refused x 41 ..  the first at once, repeats as counts, floods as a number (door::repeats)
//! ```
//!
//! Two chains in rings of their own, so that a thousand refusals push no opening out. They share one sequence: it, the boot and the
//! clock that only grows say what was before what. A record that was torn by a cut is dropped, and a [`Kind::Repaired`] says so.
//!
//! When the flash fails the door goes on. What could not be written is counted, and a [`Kind::Lost`] says so when it works again.

mod book;
mod event;
mod record;
#[cfg(test)]
mod tests;

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::flash::FlashError;
use super::slot;
use book::Book;
use edge_infer::door::repeats::{Count, Repeats};

pub use super::ring::Found;
pub use device_protocol::{Book as Which, EventKind as Kind};
pub use edge_infer::door::repeats::{Moment, Rate, Recorded};
pub use event::Event;
pub use record::{Hash, Head, Record};

/// How many different routine events are counted at a time.
const PLACES: usize = 9;

/// Where the log lies and how fast routine events are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of what nobody at the door can make many; two sectors or more.
    pub kept: Range<u32>,
    /// Of what anybody can; two sectors or more.
    pub routine: Range<u32>,
    /// Of routine events.
    pub rate: Rate,
}

/// What is to be said of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Sound records.
    pub records: u32,
    /// The oldest one's number.
    pub first: Option<u64>,
    /// The newest one.
    pub head: Option<Head>,
    /// Slots that hold no record: torn by a cut, which breaks no link, or damaged since, which does.
    pub damaged: u32,
    /// Records that do not hash to what they say: somebody changed them.
    pub changed: u32,
    /// Records that do not follow from the one before them.
    pub unlinked: u32,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Audit<F> {
    kept: Book<F>,
    routine: Book<F>,
    boot: u32,
    next_seq: u64,
    repeats: Repeats<Event, PLACES>,
    lost: u64,
}

impl<F: NorFlash + Clone> Audit<F> {
    /// The log in two ranges of `flash`, begun or gone on with; what each book was found to hold. Of torn slots a record is made.
    ///
    /// # Errors
    /// The flash can't be read, or the ranges are no rings.
    pub fn open(flash: F, layout: Layout, now: Moment) -> Result<(Self, [Found; 2]), FlashError> {
        let (kept, in_kept) = Book::open(flash.clone(), layout.kept, slot::Kind(*b"dk"))?;
        let (routine, in_routine) = Book::open(flash, layout.routine, slot::Kind(*b"dr"))?;
        let last = kept.last_seq().max(routine.last_seq());
        let mut audit = Self {
            boot: kept.last_boot().max(routine.last_boot()).saturating_add(1),
            next_seq: last.saturating_add(1),
            repeats: Repeats::new(layout.rate, now),
            lost: 0,
            kept,
            routine,
        };
        let torn = in_kept.torn + in_routine.torn;
        if torn > 0 {
            // What is lost is counted.
            let _ = audit.write(Count::new(Event::new(Kind::Repaired), torn.into(), now));
        }
        Ok((audit, [in_kept, in_routine]))
    }

    /// Which boot this is, counted from 1. It is a new one once a record was written.
    pub fn boot(&self) -> u32 {
        self.boot
    }

    /// Records `event`, or counts it. What is [`Recorded::Written`] was read back. Takes milliseconds, and some hundred where a sector
    /// is erased: whoever moves the lock moves it first.
    pub fn append(&mut self, event: Event, now: Moment) -> Recorded {
        self.tick(now);
        if event.kind.is_routine()
            && let Some(held_back) = self.repeats.hold_back(&event, now)
        {
            return held_back;
        }
        self.write(Count::new(event, 1, now))
    }

    /// Records the counts that are due. To be called about once a second.
    pub fn tick(&mut self, now: Moment) {
        while let Some(count) = self.repeats.due(now.mono_ms) {
            // What is lost is counted.
            let _ = self.write(count);
        }
    }

    /// How many events are nowhere, until a record can be written that says so.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The newest record of a book. Noted elsewhere, it shows later whether anything up to it was changed.
    pub fn head(&self, which: Which) -> Option<Head> {
        match which {
            Which::Kept => self.kept.head(),
            Which::Routine => self.routine.head(),
        }
    }

    /// Calls `each` with every sound record of a book, the oldest first, and checks the chain.
    ///
    /// # Errors
    /// The flash can't be read.
    pub fn for_each(
        &mut self,
        which: Which,
        each: impl FnMut(Record),
    ) -> Result<Chain, FlashError> {
        match which {
            Which::Kept => self.kept.for_each(each),
            Which::Routine => self.routine.for_each(each),
        }
    }

    fn write(&mut self, count: Count<Event>) -> Recorded {
        let (times, now) = (count.times, count.last);
        if self.lost > 0 && self.put(Count::new(Event::new(Kind::Lost), self.lost, now)).is_ok() {
            self.lost = 0;
        }
        // What comes after a loss is only written once the loss is.
        let written = if self.lost == 0 { self.put(count).ok() } else { None };
        match written {
            Some(seq) => Recorded::Written { seq },
            None => {
                self.lost = self.lost.saturating_add(times);
                Recorded::Lost
            }
        }
    }

    fn put(
        &mut self,
        Count { event, times, since_mono_ms, last }: Count<Event>,
    ) -> Result<u64, FlashError> {
        let counted = times != 1 || event.kind == Kind::Suppressed;
        let seq = self.next_seq;
        let since_mono_ms = counted.then_some(since_mono_ms);
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let record = Record { seq, boot: self.boot, at: last, event, times, since_mono_ms };
        // Also if it fails: the record may be there, and no other may have its number.
        self.next_seq = seq.saturating_add(1);
        let book = if event.kind.is_routine() { &mut self.routine } else { &mut self.kept };
        book.append(&record)?;
        Ok(seq)
    }
}
