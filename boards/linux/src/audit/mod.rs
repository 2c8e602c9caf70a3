//! What the door did: records that follow each other by hash, in files of bounded size, safe from a power cut when they are
//! acknowledged.
//!
//! ```text
//! kept-000001.jsonl ..     openings, changes of people and settings: nobody at the door can make many
//! routine-000001.jsonl ..  refusals and faults: the first at once, repeats as counts, floods as a number (door::repeats)
//! ```
//!
//! Two chains, each with files of its own, so that a thousand refusals push no opening out. They share one sequence: it, the boot and
//! the clock that only grows say what was before what, whatever the calendar said. The log is not encrypted and names nobody.
//!
//! When the disk is full the door goes on. What could not be written is counted, [`Audit::health`] says so at once, and a record
//! does when there is space again.

mod event;
mod export;
mod follow;
mod journal;
mod log;
mod record;
mod tail;

pub use edge_infer::door::repeats::{Moment, Rate, Recorded};
pub use event::{BootId, Event, Kind};
pub use export::{utc_text, write_csv, write_json_lines};
pub use follow::Follow;
pub use journal::Size;
pub use log::{Break, BreakKind, Chain, Entry, Log};
pub use record::{Hash, Head, Record};
pub use tail::tail;

use crate::disk::{Disk, Folder};
use edge_infer::door::repeats::{Count, Repeats};
use journal::Journal;
use std::io;

/// How many different routine events are counted at a time. A busy street's refusals are of fewer reasons and people.
const PLACES: usize = 128;

/// How much is kept, and how fast routine events are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of what nobody at the door can make many.
    pub kept: Size,
    /// Of what anybody can.
    pub routine: Size,
    /// Of routine events.
    pub rate: Rate,
}

impl Default for Limits {
    /// 12 MiB in all; routine events 60 at once, then two a minute.
    fn default() -> Self {
        Self {
            kept: Size { file_bytes: 1 << 20, files: 8 },
            routine: Size { file_bytes: 1 << 20, files: 4 },
            rate: Rate { burst: 60, each_ms: 30_000 },
        }
    }
}

/// Whether the log can be relied on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Events that are nowhere, until a record can be written that says so.
    pub lost: u64,
    /// Why.
    pub error: Option<String>,
}

impl Health {
    /// Whether events are being lost.
    pub fn is_degraded(&self) -> bool {
        *self != Self::default()
    }
}

/// Which chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Book {
    /// What nobody at the door can make many of.
    Kept,
    /// What anybody can.
    Routine,
}

impl Book {
    /// How its files' names begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Routine => "routine",
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct Audit<D: Disk = Folder> {
    disk: D,
    boot: BootId,
    kept: Journal,
    routine: Journal,
    next_seq: u64,
    repeats: Repeats<Event, PLACES>,
    /// What was found in which chain when it was opened, and is not recorded there yet.
    found: Vec<(Book, Event)>,
    health: Health,
}

impl<D: Disk> Audit<D> {
    /// The log on `disk`, begun or gone on with. A torn last record, which nobody was told of, is taken out and that is recorded.
    ///
    /// # Errors
    /// The folder or a file can't be read.
    pub fn open(disk: D, limits: Limits, boot: BootId, now: Moment) -> io::Result<Self> {
        let (kept, in_kept) = Journal::open(&disk, Book::Kept, limits.kept)?;
        let (routine, in_routine) = Journal::open(&disk, Book::Routine, limits.routine)?;
        let last = kept.last_seq().max(routine.last_seq());
        let mut audit = Self {
            disk,
            boot,
            kept,
            routine,
            next_seq: last.saturating_add(1),
            repeats: Repeats::new(limits.rate, now),
            found: Vec::new(),
            health: Health::default(),
        };
        audit.found.extend(in_kept.map(|event| (Book::Kept, event)));
        audit.found.extend(in_routine.map(|event| (Book::Routine, event)));
        audit.tick(now);
        Ok(audit)
    }

    /// Records `event`, or counts it. What is [`Recorded::Written`] is safe, so this waits for the disk: milliseconds, or as long as
    /// a bad card takes. Whoever moves the lock must not wait for it.
    pub fn append(&mut self, event: Event, now: Moment) -> Recorded {
        self.tick(now);
        if event.kind.is_routine()
            && let Some(held_back) = self.repeats.hold_back(&event, now)
        {
            return held_back;
        }
        self.write(Count::new(event, 1, now))
    }

    /// Records the counts that are due, and what was lost if there is space again. To be called about once a second.
    pub fn tick(&mut self, now: Moment) {
        self.write_due(now.mono_ms, now);
    }

    /// Records all counts: the door stops.
    pub fn close(mut self, now: Moment) -> Health {
        self.write_due(u64::MAX, now);
        self.health
    }

    /// Whether the log can be relied on.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The last records of both chains. Noted elsewhere, they show later whether anything up to them was changed.
    pub fn heads(&self) -> impl Iterator<Item = (Book, Head)> {
        let heads = [(Book::Kept, self.kept.head()), (Book::Routine, self.routine.head())];
        heads.into_iter().filter_map(|(book, head)| Some((book, head?)))
    }

    fn write_due(&mut self, due_mono_ms: u64, now: Moment) {
        self.settle(now);
        while let Some(count) = self.repeats.due(due_mono_ms) {
            // Health says whether it was.
            let _ = self.write(count);
        }
    }

    /// Records what was found and what was lost.
    fn settle(&mut self, now: Moment) {
        while let Some((book, event)) = self.found.first().cloned() {
            if self.put(book, Count::new(event, 1, now)).is_err() {
                return;
            }
            self.found.remove(0);
        }
        let lost = match &self.health {
            Health { lost: 1.., error: Some(error) } => Event::new(Kind::Lost).reason(error),
            _ => return self.health = Health::default(),
        };
        if self.put(Book::Kept, Count::new(lost, self.health.lost, now)).is_ok() {
            self.health = Health::default();
        }
    }

    fn write(&mut self, count: Count<Event>) -> Recorded {
        let (times, now) = (count.times, count.last);
        let book = if count.event.kind.is_routine() { Book::Routine } else { Book::Kept };
        if self.health.error.is_some() || !self.found.is_empty() {
            self.settle(now);
        }
        // What comes after a loss is only written once the loss is.
        let written = match &self.health.error {
            None => self.put(book, count),
            Some(error) => Err(error.clone()),
        };
        match written {
            Ok(seq) => Recorded::Written { seq },
            Err(_) => {
                self.health.lost = self.health.lost.saturating_add(times);
                Recorded::Lost
            }
        }
    }

    fn put(&mut self, book: Book, count: Count<Event>) -> Result<u64, String> {
        let Count { event, times, since_mono_ms, last } = count;
        let journal = match book {
            Book::Kept => &mut self.kept,
            Book::Routine => &mut self.routine,
        };
        let counted = times != 1 || event.kind == Kind::Suppressed;
        let record = Record {
            seq: self.next_seq,
            boot: self.boot,
            at: last,
            event,
            times,
            since_mono_ms: counted.then_some(since_mono_ms),
        };
        // Also if it fails: the line may be on the disk, and no other may have its number.
        self.next_seq = self.next_seq.saturating_add(1);
        let (line, hash) = record.encode(journal.last_hash());
        let written = journal.append(&self.disk, &line, Head { seq: record.seq, hash });
        written.map(|()| record.seq).map_err(|error| {
            let error = error.to_string();
            self.health.error = Some(error.clone());
            error
        })
    }
}
