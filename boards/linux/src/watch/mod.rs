//! The loop: frame in, lock level out. The door that runs and the one that replays a list are this one.
//!
//! ```text
//! FrameSource ─ Moment ─> Sight: Eyes ─ Seen ─> Roster ─ Matched ─> Door ─ Decision ─> Lock
//!      ^                                                              │
//!      └───────────────────── how long it may wait ───────────────────┘
//! ```
//!
//! Nothing here decides: limits are the policy's, and the lock is driven as the door says after every step, a failed one included.

mod roster;
mod sight;
mod source;

pub use roster::{Roster, RosterError};
pub use sight::{Sight, Witness};
pub use source::{FrameSource, Moment, Shot};

use crate::lock::{Bolt, Lock, LockError};
use crate::vision::{EyesError, Seen};
use edge_infer::door::{
    Calibration, Decision, Door, Event, Fault, Kept, Policy, PolicyError, State,
};
use std::time::{Duration, Instant};

/// What goes on at one door.
#[derive(Debug)]
pub struct Watch<S, L> {
    sight: S,
    kept: Kept,
    calibration: Option<Calibration>,
    lock: L,
    /// What the last turn failed by.
    fault: Option<Fault>,
    now_ms: u64,
    /// What is asked for the time when a frame was looked at, which may have taken long; a list has a time of its own.
    clock: Option<fn() -> u64>,
}

/// One turn of the loop.
#[derive(Debug)]
pub struct Turn<'a> {
    /// Now.
    pub now_ms: u64,
    /// What the door said.
    pub decision: Decision,
    /// Where the door is.
    pub state: State,
    /// What was seen, if there was a frame.
    pub seen: Option<&'a Seen>,
    /// From the frame's pixels to the level of the lock; zero without a frame.
    pub took: Duration,
}

/// Why a turn could not be made as it should. The lock is engaged by then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A picture could not be looked at.
    #[error(transparent)]
    Eyes(#[from] EyesError),
    /// The templates could not be searched.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The lock could not be driven.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl<S: Sight, L: Lock> Watch<S, L> {
    /// A locked door. The lock is engaged before anything else happens; without a calibration it stays so.
    ///
    /// # Errors
    /// The policy is unsafe, or the lock cannot be driven.
    pub fn new(
        policy: Policy,
        calibration: Option<Calibration>,
        sight: S,
        lock: L,
    ) -> Result<Self, WatchStartError> {
        Self::resume(policy, calibration, sight, lock, 0, 0)
    }

    /// As [`Self::new`] at `now_ms`, with the [`refusals`](Self::refusals) of the time before a restart.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn resume(
        policy: Policy,
        calibration: Option<Calibration>,
        sight: S,
        mut lock: L,
        refusals: u32,
        now_ms: u64,
    ) -> Result<Self, WatchStartError> {
        lock.drive(now_ms, Bolt::Locked)?;
        let door = Door::resume(policy, refusals)?;
        let kept = Kept::new(door, |bolt| lock.drive(now_ms, bolt))?;
        let mut watch = Self { sight, kept, calibration, lock, fault: None, now_ms, clock: None };
        let _ = watch.step(Event::Calibration(calibration), &mut |_| ())?;
        Ok(watch)
    }

    /// The door as it is after it was switched on at `now_ms`, with the same people and cosine: nothing that was seen before counts.
    ///
    /// # Errors
    /// The lock cannot be driven.
    pub fn restart(&mut self, now_ms: u64) -> Result<(), WatchStartError> {
        let door = Door::new(*self.kept.door().policy())?;
        self.kept = Kept::new(door, |bolt| self.lock.drive(now_ms, bolt))?;
        self.fault = None;
        self.now_ms = now_ms;
        let _ = self.step(Event::Calibration(self.calibration), &mut |_| ())?;
        Ok(())
    }

    /// Decides by the time of `clock` when a frame was looked at, not by that when it came: one that took too long to look at is as
    /// old as one that came too late.
    #[must_use]
    pub fn under(mut self, clock: fn() -> u64) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The lock.
    pub fn lock(&self) -> &L {
        &self.lock
    }

    /// What looks at frames.
    pub fn sight(&self) -> &S {
        &self.sight
    }

    /// Looks at frames with `sight` from now on, and matches at `calibration`: the people have changed.
    ///
    /// # Errors
    /// The lock cannot be driven.
    pub fn replace(
        &mut self,
        sight: impl FnOnce(&mut S),
        calibration: Option<Calibration>,
        tell: &mut dyn FnMut(&Decision),
    ) -> Result<(), LockError> {
        sight(&mut self.sight);
        self.calibration = calibration;
        self.step(Event::Calibration(calibration), tell).map(drop)
    }

    /// Refusals that count towards a pause, to be kept over a restart.
    pub fn refusals(&self) -> u32 {
        self.kept.door().refusals()
    }

    /// How long it takes at most until an unlocked door is locked and ready again.
    pub fn rest_ms(&self) -> u64 {
        let policy = self.kept.door().policy();
        u64::from(policy.pulse_ms) + u64::from(policy.cooldown_ms)
    }

    /// The latest time by which the next turn must be made.
    pub fn until_ms(&self) -> u64 {
        let step = self.kept.door().policy().step_ms / 2;
        let wait = match self.kept.door().state() {
            State::Granted { left_ms, .. } => left_ms.min(step),
            _ => step,
        };
        self.now_ms.saturating_add(wait.into())
    }

    /// One turn. `utc_ms` is the time by the calendar, in milliseconds of Unix time, `None` if nobody knows it; `tell` gets every
    /// decision, for the audit log.
    ///
    /// # Errors
    /// [`WatchError`]. The door was told of the fault, and stays locked until a turn succeeds again.
    pub fn turn(
        &mut self,
        moment: &Moment,
        utc_ms: Option<u64>,
        tell: &mut dyn FnMut(&Decision),
    ) -> Result<Turn<'_>, WatchError> {
        let start = Instant::now();
        self.now_ms = moment.now_ms();
        let shot = match moment {
            Moment::Frame { shot, .. } => shot,
            Moment::Told { event, .. } => return self.without_frame(*event, tell),
            Moment::Quiet { .. } => return self.without_frame(Event::Tick, tell),
        };
        let looked = self.sight.look(shot, utc_ms);
        self.now_ms = self.clock.map_or(self.now_ms, |clock| clock());
        let observation = match looked {
            Ok(observation) => observation,
            Err((fault, error)) => {
                self.fault = Some(fault);
                let _ = self.step(Event::FaultRaised(fault), tell)?;
                return Err(error);
            }
        };
        if let Some(fault) = self.fault.take() {
            let _ = self.step(Event::FaultCleared(fault), tell)?;
        }
        let decision = self.step(Event::Frame(observation), tell)?;
        let (now_ms, state, took) = (self.now_ms, self.kept.door().state(), start.elapsed());
        Ok(Turn { now_ms, decision, state, seen: self.sight.seen(), took })
    }

    fn without_frame(
        &mut self,
        event: Event,
        tell: &mut dyn FnMut(&Decision),
    ) -> Result<Turn<'_>, WatchError> {
        let decision = self.step(event, tell)?;
        let (now_ms, state, took) = (self.now_ms, self.kept.door().state(), Duration::ZERO);
        Ok(Turn { now_ms, decision, state, seen: None, took })
    }

    /// Tells the door, and drives the lock as it says.
    fn step(
        &mut self,
        event: Event,
        tell: &mut dyn FnMut(&Decision),
    ) -> Result<Decision, LockError> {
        let (now_ms, lock) = (self.now_ms, &mut self.lock);
        self.kept.step(now_ms, event, |bolt| lock.drive(now_ms, bolt), tell)
    }
}

/// Why a door does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchStartError {
    /// A setting is unsafe.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The lock could not be driven.
    #[error(transparent)]
    Lock(#[from] LockError),
}

#[cfg(test)]
mod tests;
