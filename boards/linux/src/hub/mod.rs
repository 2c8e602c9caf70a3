//! What the running loop shows to pages, brokers and meters, without ever waiting for them.
//!
//! ```text
//! loop ─ Publisher: decision, turn ─ try_lock ─> Arc<Snapshot> <─ lock, clone the Arc ─ Hub: pages, brokers, meters
//!   ^                                                                                    │
//!   └── Publisher::change, a still picture that was asked for <─ try_lock ───────────────┘
//! ```
//!
//! The loop keeps its own state and puts a copy of it where readers find it. Where a reader is just there, the loop goes on and its
//! next turn brings the newer copy: nothing is lost, because a snapshot says all that happened and not what is new. Readers that
//! want every [`Record`] look at their numbers; there is no queue that a slow one could fill.
//!
//! Pictures are made only while somebody looks at them.

mod preview;
mod publisher;
mod snapshot;
mod tally;

pub use preview::Preview;
pub use publisher::{Looked, Publisher};
pub use snapshot::{FaceBox, Health, Names, Record, Snapshot, View};
pub use tally::{LATENCY_MS, Latency, Tally};

use crate::vision::Picture;
use crate::watch::Roster;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use edge_infer::door::Calibration;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Records that a snapshot holds at most; older ones are in the audit log.
pub const RECENT: usize = 64;

/// Pictures are made for so long after somebody looked at one.
const WATCHED: Duration = Duration::from_secs(3);

/// Other people, or another cosine, for the loop to go on with.
#[derive(Clone, Debug)]
pub struct Change {
    /// Who may enter.
    pub roster: Roster,
    /// At which cosine; `None` locks everybody out.
    pub calibration: Option<Calibration>,
}

/// The readers' end. Clones look at the same door.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    snapshot: Mutex<Arc<Snapshot>>,
    change: Mutex<Option<Change>>,
    still: Mutex<Still>,
    still_came: Condvar,
    still_wanted: AtomicBool,
    start: Instant,
    /// When somebody last looked, in milliseconds from `start`, plus 1; 0 for never.
    looked_ms: AtomicU64,
}

/// The last still picture that was asked for.
#[derive(Debug, Default)]
struct Still {
    number: u64,
    picture: Option<Arc<Picture>>,
}

/// Both ends, of a door that has not done anything yet. `run` tells this start of the program from others.
#[must_use]
pub fn hub(run: u32) -> (Publisher, Hub) {
    let snapshot = Snapshot::at_start(run);
    let shared = Arc::new(Shared {
        snapshot: Mutex::new(Arc::new(snapshot.clone())),
        change: Mutex::new(None),
        still: Mutex::new(Still::default()),
        still_came: Condvar::new(),
        still_wanted: AtomicBool::new(false),
        start: Instant::now(),
        looked_ms: AtomicU64::new(0),
    });
    (Publisher::new(shared.clone(), snapshot), Hub(shared))
}

impl Hub {
    /// The door as it last was.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        locked(&self.0.snapshot).clone()
    }

    /// The same, for somebody who wants to see a picture too: it is in one of the next snapshots.
    pub fn look(&self) -> Arc<Snapshot> {
        self.0.looked_ms.store(self.0.now_ms().saturating_add(1), Ordering::Relaxed);
        self.snapshot()
    }

    /// A picture that is captured after this is called, in the camera's own size; `None` if none came within `wait`. It blocks.
    pub fn still(&self, wait: Duration) -> Option<Arc<Picture>> {
        let still = locked(&self.0.still);
        let before = still.number;
        self.0.still_wanted.store(true, Ordering::Relaxed);
        let came =
            self.0.still_came.wait_timeout_while(still, wait, |still| still.number == before);
        let (mut still, timeout) = came.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            self.0.still_wanted.store(false, Ordering::Relaxed);
            // A face is not kept for longer than somebody waits for it.
            still.picture = None;
            return None;
        }
        still.picture.clone()
    }

    /// Forgets the last still picture.
    pub fn forget_still(&self) {
        locked(&self.0.still).picture = None;
    }

    /// Hands other people to the loop, which takes them at its next turn. Of several the last one counts.
    pub fn propose(&self, change: Change) {
        *locked(&self.0.change) = Some(change);
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_watched(&self) -> bool {
        let looked = self.looked_ms.load(Ordering::Relaxed);
        looked != 0 && Duration::from_millis(self.now_ms().saturating_sub(looked)) < WATCHED
    }
}

/// Whoever panicked while it held one of these left a whole value behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
