//! The running door: threads around the loop, and every way out of it with the lock engaged.
//!
//! ```text
//! capture ── frame ──┐                        ┌── events ──> recorder: log, refusals (waits for the disk)
//! inputs ─── events ─┴> Inbox ─> serve ─ Watch ─┼── copies ──> Publisher: pages, brokers, meters
//! signals ── stop ─────────^                  └── level ───> Latch ─> relay
//!                                             watchdog ────────^        ^
//!                                             guard, another process ───┘
//! ```
//!
//! | what happens | what engages the lock |
//! |---|---|
//! | it starts | the relay is opened engaged, before anything else |
//! | pulse over, camera lost, a fault | the door decides so |
//! | panic of any thread | the hook, before it prints, also where panics abort |
//! | `SIGTERM`, `SIGINT`, end of the program | the [`Station`]; `SIGHUP` does nothing |
//! | the loop hangs | the watchdog; the service manager restarts what does not decide |
//! | `SIGKILL` | the guard |
//! | the guard is killed | another one takes its place; while none can be had, the latch |
//! | door and guard are killed together, power is lost | the wiring: a lock that needs power to open, a resistor at the pin |
//!
//! The decision is `edge_infer::door`'s, through [`watch`](crate::watch).

pub mod clock;
pub mod guard;
mod inbox;
mod ledger;
mod notify;
pub mod people;
mod recorder;
pub mod refusals;
mod station;
mod watchdog;

pub use inbox::{Inbox, Live};
pub use notify::Notify;
pub use recorder::{PATIENCE, Recorder, Teller, now as moment};
pub use station::{Station, StationError};
pub use watchdog::Watchdog;

use crate::hub::{Change, Health, Publisher};
use crate::lock::{Lock, LockError};
use crate::watch::{FrameSource, Moment, Sight, Watch};
use edge_infer::door::{Action, Decision};

/// What the loop tells of its decisions, and waits for none of it.
#[derive(Debug)]
pub struct Desk {
    /// The log, and the number of refusals.
    pub recorder: Recorder,
    /// Pages, brokers and meters.
    pub publisher: Publisher,
    /// The service manager.
    pub notify: Notify,
    /// Where frames come from, in words.
    pub camera: String,
}

/// Turns frames and events into levels of the lock until the source ends. `change` is asked before every turn, for other people to go
/// on with.
///
/// A turn that fails leaves the lock engaged and the door faulted; the next one may succeed.
///
/// # Errors
/// The source's.
pub fn serve<S: Sight, L: Lock, F: FrameSource>(
    watch: &mut Watch<S, L>,
    source: &mut F,
    desk: &mut Desk,
    mut change: impl FnMut(&mut Watch<S, L>, Change, &mut dyn FnMut(&Decision)) -> Result<(), LockError>,
) -> Result<(), F::Error> {
    while let Some(moment) = source.next(watch.until_ms())? {
        let utc_ms = clock::utc_ms();
        let Desk { recorder, publisher, .. } = &mut *desk;
        let proposed = publisher.change();
        if let Some(Change { roster, calibration }) = &proposed {
            publisher.people(roster, *calibration);
        }
        let mut tell = |decision: &Decision| {
            publisher.decision(decision, utc_ms);
            note(recorder, decision);
        };
        if let Some(proposed) = proposed
            && let Err(error) = change(watch, proposed, &mut tell)
        {
            eprintln!("{error}");
        }
        match watch.turn(&moment, utc_ms, &mut tell) {
            Ok(turn) => {
                let shot = match &moment {
                    Moment::Frame { shot, .. } => Some(shot),
                    _ => None,
                };
                publisher.turn(&turn, shot);
            }
            Err(error) => {
                eprintln!("{error}");
                publisher.failed();
            }
        }
        desk.after(watch.refusals());
    }
    Ok(())
}

impl Desk {
    fn after(&mut self, refusals: u32) {
        self.recorder.refusals(refusals);
        let camera = self.camera.clone();
        self.publisher.health(Health { audit: self.recorder.health(), store: None, camera });
        self.notify.decided();
    }
}

fn note(recorder: &Recorder, decision: &Decision) {
    for action in decision.actions() {
        if let Action::Audit(entry) = action
            && let Some(event) = ledger::record(&entry)
        {
            recorder.note(event);
        }
    }
}
