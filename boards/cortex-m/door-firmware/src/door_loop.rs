//! The loop: the newest frame in, the level of the lock out.
//!
//! ```text
//! FrameSource ─ Shot ─> Sight ─ Observation ─> Kept (door and lock) ─ Decision ─> LockOutput
//!                  Eyes, Roster                   └── of a fresh frame ─> Watchdog
//! ```
//!
//! One turn is one frame, or none. Nothing here decides: limits are the policy's, and the lock is driven as the door says after every
//! step. The watchdog is fed for a decision on a new frame and for nothing else, so a camera that hangs, a network that does not end
//! and a loop that goes in circles all end in a reset, after which the lock is engaged before anything else.

use core::fmt::Display;

use edge_infer::door::{
    Calibration, Decision, Door, Event, Fault, Kept, Observation, Policy, PolicyError, Reason,
    State,
};

use crate::eyes::{Eyes, LookError};
use crate::ports::{Clock, FrameSource, LockOutput, Shot, Watchdog};
use crate::roster::Roster;

/// What makes an observation of a frame: eyes and a roster, or in tests a script.
pub trait Sight {
    /// What the frame shows, and who that is.
    ///
    /// # Errors
    /// [`LookError`].
    fn look(&mut self, shot: &Shot<'_>) -> Result<Observation, LookError>;
}

/// The networks, and who may enter.
#[derive(Debug)]
pub struct Witness<'m> {
    /// What finds and measures faces.
    pub eyes: Eyes<'m>,
    /// Who they may be of.
    pub roster: Roster<'m>,
}

impl Sight for Witness<'_> {
    fn look(&mut self, shot: &Shot<'_>) -> Result<Observation, LookError> {
        self.eyes.look(shot, &self.roster)
    }
}

/// What the loop talks to.
#[derive(Debug)]
pub struct Ports<F, L, C, W> {
    /// The camera.
    pub frames: F,
    /// The lock, engaged.
    pub lock: L,
    /// The time.
    pub clock: C,
    /// Who resets the board.
    pub watchdog: W,
}

/// A door with all that it needs but its ports.
#[derive(Debug)]
pub struct DoorLoop<S> {
    sight: S,
    kept: Kept,
    /// What the last frame failed by.
    fault: Option<Fault>,
}

/// Why a door does not start.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError<L: Display> {
    /// A setting is unsafe.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The lock could not be driven.
    #[error("the lock: {0}")]
    Lock(L),
}

/// Why a turn was not made as it should be. The door was told, and stays locked until a turn succeeds again.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TurnError<F: Display, L: Display> {
    /// There is no frame.
    #[error("the camera: {0}")]
    Camera(F),
    /// A frame could not be looked at.
    #[error(transparent)]
    Look(LookError),
    /// The lock could not be driven.
    #[error("the lock: {0}")]
    Lock(L),
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// What the door said.
    pub decision: Decision,
    /// Where the door is.
    pub state: State,
    /// Whether it was about a new frame, and so fed the watchdog.
    pub fresh: bool,
}

impl<S: Sight> DoorLoop<S> {
    /// A locked door, with the [`refusals`](Door::refusals) of the time before a restart. Without a calibration it opens for nobody.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new<F, L: LockOutput, C: Clock, W>(
        policy: Policy,
        refusals: u32,
        sight: S,
        calibration: Option<Calibration>,
        ports: &mut Ports<F, L, C, W>,
    ) -> Result<Self, StartError<L::Error>> {
        let door = Door::resume(policy, refusals)?;
        let lock = &mut ports.lock;
        let mut kept = Kept::new(door, |bolt| lock.drive(bolt)).map_err(StartError::Lock)?;
        let event = Event::Calibration(calibration);
        let _ = kept
            .step(ports.clock.now_ms(), event, |bolt| lock.drive(bolt), |_| ())
            .map_err(StartError::Lock)?;
        Ok(Self { sight, kept, fault: None })
    }

    /// The door.
    #[must_use]
    pub fn door(&self) -> &Door {
        self.kept.door()
    }

    /// What looks at frames.
    #[must_use]
    pub fn sight(&self) -> &S {
        &self.sight
    }

    /// The same, to change whom it knows. The door is to be told of the calibration that goes with it.
    pub fn sight_mut(&mut self) -> &mut S {
        &mut self.sight
    }

    /// One turn: the newest frame, or the time alone if there is none. `tell` gets every decision, for the audit log.
    ///
    /// # Errors
    /// [`TurnError`].
    pub fn turn<F: FrameSource, L: LockOutput, C: Clock, W: Watchdog>(
        &mut self,
        ports: &mut Ports<F, L, C, W>,
        tell: &mut dyn FnMut(&Decision),
    ) -> Result<Turn, TurnError<F::Error, L::Error>> {
        let Ports { frames, lock, clock, watchdog } = ports;
        let mut step = |kept: &mut Kept, event| {
            let now_ms = clock.now_ms();
            kept.step(now_ms, event, |bolt| lock.drive(bolt), &mut *tell).map_err(TurnError::Lock)
        };
        let observation = match frames.latest() {
            Ok(Some(shot)) => {
                self.sight.look(&shot).map_err(|error| (error.fault(), TurnError::Look(error)))
            }
            Ok(None) => {
                let decision = step(&mut self.kept, Event::Tick)?;
                return Ok(Turn { decision, state: self.kept.door().state(), fresh: false });
            }
            Err(error) => Err((Fault::Camera, TurnError::Camera(error))),
        };
        let observation = match observation {
            Ok(observation) => observation,
            Err((fault, error)) => {
                self.fault = Some(fault);
                let _ = step(&mut self.kept, Event::FaultRaised(fault))?;
                return Err(error);
            }
        };
        if let Some(fault) = self.fault.take() {
            let _ = step(&mut self.kept, Event::FaultCleared(fault))?;
        }
        // By the time when it was looked at: a frame that took too long is as old as one that came too late.
        let decision = step(&mut self.kept, Event::Frame(observation))?;
        let fresh = is_fresh(&decision.reason());
        if fresh {
            watchdog.feed();
        }
        Ok(Turn { decision, state: self.kept.door().state(), fresh })
    }

    /// Tells the door of anything but a frame: a button, a contact, a fault.
    ///
    /// # Errors
    /// [`TurnError::Lock`].
    pub fn tell<F: FrameSource, L: LockOutput, C: Clock, W>(
        &mut self,
        event: Event,
        ports: &mut Ports<F, L, C, W>,
        tell: &mut dyn FnMut(&Decision),
    ) -> Result<Decision, TurnError<F::Error, L::Error>> {
        let Ports { lock, clock, .. } = ports;
        self.kept
            .step(clock.now_ms(), event, |bolt| lock.drive(bolt), tell)
            .map_err(TurnError::Lock)
    }
}

/// Whether a decision was about a frame that the door took for a new one.
fn is_fresh(reason: &Reason) -> bool {
    !matches!(
        reason,
        Reason::Stale { .. } | Reason::FromTheFuture { .. } | Reason::NotNewer | Reason::Repeated
    )
}
