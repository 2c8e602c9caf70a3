//! What stands around the loop of a door that moves something: the lock, whoever looks after it, and the ways to end.

use super::guard::Keeper;
use super::{Inbox, Watchdog};
use crate::lock::{Latch, LockError, RelayConfig};
use edge_infer::door::Policy;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// Why there is no station. The lock is engaged, if it can be had at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StationError {
    /// The relay can't be opened.
    #[error("the relay ({relay}): {error}")]
    Relay {
        /// Which.
        relay: String,
        /// Why.
        error: io::Error,
    },
    /// The lock can't be driven.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No thread, signal or process is to be had.
    #[error("the {what} could not be started: {error}")]
    Start {
        /// What.
        what: &'static str,
        /// Why.
        error: io::Error,
    },
}

/// The door and the threads around it. One a process: it takes the process's panics and signals.
#[derive(Debug)]
pub struct Station {
    latch: Latch,
    inbox: Inbox,
    watchdog: Option<Watchdog>,
    keeper: Option<Keeper>,
    panicked: Arc<AtomicBool>,
}

impl Station {
    /// Engages the lock, and sees to it that it is on every way out. `guard` is this program, to be started as a
    /// [`guard`](super::guard); `None` for a lock that moves nothing.
    ///
    /// # Errors
    /// [`StationError`].
    pub fn open(
        relay: &RelayConfig,
        policy: &Policy,
        guard: Option<&Path>,
    ) -> Result<Self, StationError> {
        let relays =
            relay.open().map_err(|error| StationError::Relay { relay: relay.describe(), error })?;
        let (pulse, silence) = (policy.pulse_ms, policy.step_ms);
        let [pulse, silence] = [pulse, silence].map(|ms| Duration::from_millis(ms.into()));
        let latch = Latch::new(relays, pulse, silence)?;
        let (inbox, panicked) = (Inbox::default(), Arc::new(AtomicBool::new(false)));
        let mut station = Self { latch, inbox, watchdog: None, keeper: None, panicked };
        let failed = |what| move |error| StationError::Start { what, error };
        station.lock_on_panic();
        station.lock_on_signals().map_err(failed("thread for signals"))?;
        station.watchdog =
            Some(Watchdog::start(station.latch.clone()).map_err(failed("watchdog"))?);
        if let Some(program) = guard {
            let keeper = Keeper::start(program, relay, station.latch.clone());
            station.keeper = Some(keeper.map_err(failed("guard"))?);
        }
        Ok(station)
    }

    /// The lock.
    #[must_use]
    pub fn latch(&self) -> Latch {
        self.latch.clone()
    }

    /// What waits for the loop.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// Engages the lock for good, and ends; whether nothing panicked.
    #[must_use]
    pub fn close(self) -> bool {
        !self.panicked.load(SeqCst)
    }

    /// Before the panic is printed or anything unwinds, and also where panics abort.
    fn lock_on_panic(&self) {
        let (latch, inbox, panicked) =
            (self.latch.clone(), self.inbox.clone(), Arc::clone(&self.panicked));
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            latch.shut();
            panicked.store(true, SeqCst);
            print(panic);
            inbox.stop();
        }));
    }

    fn lock_on_signals(&self) -> io::Result<()> {
        let (latch, inbox) = (self.latch.clone(), self.inbox.clone());
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut told = false;
            for _ in signals.forever().filter(|&signal| signal != SIGHUP) {
                latch.shut();
                inbox.stop();
                if core::mem::replace(&mut told, true) {
                    // Whoever says it twice does not want to wait for a loop that hangs.
                    std::process::exit(1);
                }
            }
        })?;
        Ok(())
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let engaged = self.latch.shut();
        self.inbox.stop();
        // A guard that is not sent home engages the lock once more.
        if engaged
            && !std::thread::panicking()
            && let Some(keeper) = self.keeper.take()
            && let Err(error) = keeper.dismiss()
        {
            eprintln!("the guard was gone: {error}");
        }
    }
}
