//! The loop: frame in, lock level out. The door that runs and the one that replays a list are this one.
//!
//! ```text
//! FrameSource ─ Moment ─> Eyes ─ Seen ─> Roster ─ Matched ─> Door ─ Decision ─> Lock
//!      ^                                                       │
//!      └────────────── how long it may wait ───────────────────┘
//! ```
//!
//! Nothing here decides: limits are the policy's, and the lock is driven as the door says after every step, a failed one included.

mod roster;
mod source;

pub use roster::{Roster, RosterError};
pub use source::{FrameSource, Moment, Shot};

use crate::lock::{Bolt, Lock, LockError};
use crate::vision::{Eyes, EyesError, Seen};
use edge_infer::door::{
    Calibration, Decision, Door, Event, Fault, Observation, Policy, PolicyError, State,
};
use std::time::{Duration, Instant};

/// What goes on at one door.
#[derive(Debug)]
pub struct Watch<'m, L> {
    eyes: Eyes<'m>,
    roster: Roster,
    door: Door,
    calibration: Option<Calibration>,
    lock: L,
    /// What the last turn failed by.
    fault: Option<Fault>,
    now_ms: u64,
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

impl<'m, L: Lock> Watch<'m, L> {
    /// A locked door. The lock is engaged before anything else happens; without a calibration it stays so.
    ///
    /// # Errors
    /// The policy is unsafe, or the lock cannot be driven.
    pub fn new(
        policy: Policy,
        calibration: Option<Calibration>,
        eyes: Eyes<'m>,
        roster: Roster,
        mut lock: L,
    ) -> Result<Self, WatchStartError> {
        lock.drive(0, Bolt::Locked)?;
        let door = Door::new(policy)?;
        let mut watch = Self { eyes, roster, door, calibration, lock, fault: None, now_ms: 0 };
        watch.restart(0)?;
        Ok(watch)
    }

    /// The door as it is after it was switched on at `now_ms`, with the same people and cosine: nothing that was seen before counts.
    ///
    /// # Errors
    /// The lock cannot be driven.
    pub fn restart(&mut self, now_ms: u64) -> Result<(), WatchStartError> {
        self.lock.drive(now_ms, Bolt::Locked)?;
        self.door = Door::new(*self.door.policy())?;
        self.fault = None;
        self.now_ms = now_ms;
        let _ = self.step(Event::Calibration(self.calibration), &mut |_| ())?;
        Ok(())
    }

    /// The lock.
    pub fn lock(&self) -> &L {
        &self.lock
    }

    /// The people.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// How long it takes at most until an unlocked door is locked and ready again.
    pub fn rest_ms(&self) -> u64 {
        let policy = self.door.policy();
        u64::from(policy.pulse_ms) + u64::from(policy.cooldown_ms)
    }

    /// The latest time by which the next turn must be made.
    pub fn until_ms(&self) -> u64 {
        let step = self.door.policy().step_ms / 2;
        let wait = match self.door.state() {
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
        tell: &mut impl FnMut(&Decision),
    ) -> Result<Turn<'_>, WatchError> {
        let start = Instant::now();
        let (now_ms, shot) = match moment {
            Moment::Frame { now_ms, shot } => (*now_ms, Some(shot)),
            Moment::Quiet { now_ms } => (*now_ms, None),
        };
        self.now_ms = now_ms;
        let Some(shot) = shot else {
            let decision = self.step(Event::Tick, tell)?;
            let took = Duration::ZERO;
            return Ok(Turn { now_ms, decision, state: self.door.state(), seen: None, took });
        };
        let observation = match observe(&mut self.eyes, &self.roster, shot, utc_ms) {
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
        let (state, seen, took) = (self.door.state(), Some(self.eyes.seen()), start.elapsed());
        Ok(Turn { now_ms, decision, state, seen, took })
    }

    /// Tells the door, and drives the lock as it says.
    fn step(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(&Decision),
    ) -> Result<Decision, LockError> {
        let decision = self.door.step(self.now_ms, event);
        tell(&decision);
        let driven = self.lock.drive(self.now_ms, decision.bolt());
        if driven.is_err() {
            // A lock that failed to open must not open later, when nobody stands before it.
            tell(&self.door.step(self.now_ms, Event::FaultRaised(Fault::Lock)));
            let _ = self.lock.drive(self.now_ms, Bolt::Locked);
        }
        driven.map(|()| decision)
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

fn observe(
    eyes: &mut Eyes<'_>,
    roster: &Roster,
    shot: &Shot,
    utc_ms: Option<u64>,
) -> Result<Observation, (Fault, WatchError)> {
    let seen = eyes
        .look(&shot.picture, shot.stamp.captured_ms)
        .map_err(|error| (Fault::Model, error.into()))?;
    let matched = match seen.template() {
        Some(probe) => {
            roster.search(probe, utc_ms).map_err(|error| (Fault::Gallery, error.into()))?
        }
        None => None,
    };
    let other_eye_distance = seen.subject.and_then(|subject| subject.other_eye_distance);
    Ok(Observation { stamp: shot.stamp, face: seen.face(matched), other_eye_distance })
}

#[cfg(test)]
mod tests;
