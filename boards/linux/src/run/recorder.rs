//! The thread that waits for the disk, so that the one that moves the lock never does.
//!
//! ```text
//! loop ── note, never waits ──> 256 places ──> thread: Audit::append, refusals, a tick a second
//! ```
//!
//! A disk that hangs or is full costs records, no decisions. What found no place is counted and recorded when there is one again;
//! [`Recorder::health`] says at once that something is wrong.

use super::{clock, refusals};
use crate::audit::{Audit, Event, Health, Kind, Moment};
use crate::disk::Disk;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a door that ends waits for one note to be written.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Notes that may wait: a minute of everything a door can say, and little memory.
const PLACES: usize = 256;

#[derive(Debug)]
enum Note {
    Event(Event, Moment),
    Refusals(u32),
    End,
}

/// The way to the log.
#[derive(Debug)]
pub struct Recorder {
    teller: Teller,
    thread: JoinHandle<()>,
    refusals: u32,
}

/// The way to the log for somebody else than the loop.
#[derive(Clone, Debug)]
pub struct Teller {
    notes: SyncSender<Note>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Notes that found no place.
    dropped: AtomicU64,
    /// Notes that the thread is done with.
    done: AtomicU64,
    health: Mutex<Health>,
}

impl Recorder {
    /// Records in `audit`, and the number of refusals, which is `refusals` so far, on `disk`.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start<D>(audit: Audit<D>, disk: D, refusals: u32) -> std::io::Result<Self>
    where
        D: Disk + Send + 'static,
    {
        let (notes, waiting) = sync_channel(PLACES);
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || record(audit, &disk, &waiting, &shared)
        })?;
        Ok(Self { teller: Teller { notes, shared }, thread, refusals })
    }

    /// Another way to the same log.
    #[must_use]
    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Records an event that happened now. Never waits.
    pub fn note(&self, event: Event) {
        self.teller.note(event);
    }

    /// Keeps the number of refusals, if it has changed. Never waits.
    pub fn refusals(&mut self, refusals: u32) {
        if self.refusals != refusals && self.teller.notes.try_send(Note::Refusals(refusals)).is_ok()
        {
            self.refusals = refusals;
        }
    }

    /// Whether the log can be relied on.
    #[must_use]
    pub fn health(&self) -> Health {
        let shared = &self.teller.shared;
        let mut health = shared.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let dropped = shared.dropped.load(Relaxed);
        if dropped > 0 {
            health.lost = health.lost.saturating_add(dropped);
            health.error.get_or_insert_with(|| "the disk does not answer".to_owned());
        }
        health
    }

    /// Records what waits. A disk that hangs must not keep a door from ending: one that finishes no note within `patience` is not waited
    /// for any longer. One that is slow is.
    pub fn close(self, patience: Duration) {
        let done = || self.teller.shared.done.load(Relaxed);
        let (mut start, mut before) = (Instant::now(), done());
        let mut told = false;
        while !self.thread.is_finished() {
            told = told || self.teller.notes.try_send(Note::End).is_ok();
            if done() != before {
                (start, before) = (Instant::now(), done());
            }
            if start.elapsed() > patience {
                eprintln!("the log could not be finished: the disk does not answer");
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Teller {
    /// Records an event that happened now. Never waits.
    pub fn note(&self, event: Event) {
        if self.notes.try_send(Note::Event(event, now())).is_err() {
            self.shared.dropped.fetch_add(1, Relaxed);
        }
    }
}

/// Now, by both clocks. A calendar that nobody set is 1970, which no reader takes for a date.
#[must_use]
pub fn now() -> Moment {
    Moment { utc_ms: clock::utc_ms().unwrap_or(0), mono_ms: clock::now_ms() }
}

fn record<D: Disk>(mut audit: Audit<D>, disk: &D, notes: &Receiver<Note>, shared: &Shared) {
    let mut unsaved: Option<u32> = None;
    let mut announced = false;
    loop {
        let note = notes.recv_timeout(Duration::from_secs(1));
        match note {
            // What became of it, health says.
            Ok(Note::Event(event, at)) => drop(audit.append(event, at)),
            Ok(Note::Refusals(refusals)) => unsaved = Some(refusals),
            Err(RecvTimeoutError::Timeout) => audit.tick(now()),
            Ok(Note::End) | Err(RecvTimeoutError::Disconnected) => break,
        }
        let failed = unsaved.and_then(|refusals| refusals::save(disk, refusals).err());
        if failed.is_none() {
            unsaved = None;
        }
        let dropped = shared.dropped.swap(0, Relaxed);
        if dropped > 0 {
            let text = format!("{dropped} events, for the disk did not answer in time");
            let _ = audit.append(Event::new(Kind::Lost).reason(&text), now());
        }
        let mut health = audit.health().clone();
        if let Some(error) = failed {
            health.error.get_or_insert_with(|| error.to_string());
        }
        if health.is_degraded() != announced {
            announced = !announced;
            match &health.error {
                Some(error) => {
                    eprintln!("the log is incomplete: {error}; the door goes on without it")
                }
                None => eprintln!("the log is written again"),
            }
        }
        *shared.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
        shared.done.fetch_add(1, Relaxed);
    }
    let health = audit.close(now());
    *shared.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recorder whose disk takes so long a note, and how many notes were written.
    fn of_disk(per_note: Duration) -> (Recorder, Arc<Shared>) {
        let (notes, waiting) = sync_channel(PLACES);
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                while let Ok(Note::Event(..)) = waiting.recv() {
                    std::thread::sleep(per_note);
                    shared.done.fetch_add(1, Relaxed);
                }
            }
        });
        let teller = Teller { notes, shared: Arc::clone(&shared) };
        (Recorder { teller, thread, refusals: 0 }, shared)
    }

    #[test]
    fn a_door_that_ends_waits_for_a_slow_disk_and_not_for_one_that_hangs() {
        let patience = Duration::from_millis(1_000);
        let (slow, shared) = of_disk(patience / 10);
        (0..15).for_each(|_| slow.note(Event::new(Kind::Fault)));
        slow.close(patience);
        assert_eq!(shared.done.load(Relaxed), 15, "in all it took longer than the patience");

        let (hangs, shared) = of_disk(Duration::from_secs(600));
        hangs.note(Event::new(Kind::Fault));
        let start = Instant::now();
        hangs.close(patience);
        assert!((patience..10 * patience).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert_eq!(shared.done.load(Relaxed), 0);
    }
}
