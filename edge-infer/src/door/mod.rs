//! When a door opens. Everything that is not a clear, live, calibrated yes leaves it locked.
//!
//! ```text
//! now, event ──> Door::step ──> Decision: actions for lock and audit log, and in words why not
//!
//!            a face of one track      N good frames of M          pulse over, door opened, clock odd
//!   Locked ───────────────────> Candidate ──────────────> Granted ──────────────────> Cooldown ──> Locked
//!      any locked state ── a second face ──> Held ── alone for a while ──> Locked
//!                       ── refused too often ──> LockedOut ── a pause, each twice the last ──> Locked
//!                       ── camera, clock, lock, .. ──> Faulted ── cleared ──> Locked
//! ```
//!
//! The door is a value. Time and measurements are arguments, actions are results, nothing is awaited and nothing allocated; so a
//! board, a replay and a test run the same door. One frame is judged by [`Policy`] and [`Calibration`] alone, and only a frame or
//! the exit button unlocks: no timer, PIN or cleared fault does.
//!
//! | idea | file |
//! |---|---|
//! | what may be set, and what is refused as unsafe | `policy` |
//! | from a rate of false accepts to a cosine | `calibration` |
//! | how far a rate may be from what was counted (feature `std`) | `confidence` |
//! | whether the table of rates holds at this door (feature `std`) | `survey` |
//! | who may enter at which minutes of the week | `schedule` |
//! | what is told to the door | `event` |
//! | what the door says | `action`, `reason`, `measure`, `state` |
//! | elapsed time that errs towards locked | `clock` |
//! | frames that are new | `camera` |
//! | one frame: fit to be judged, and good | `gate` |
//! | frames of one track | `evidence` |
//! | PINs and cards | `credential` |
//! | refusals | `lockout` |
//! | a released lock and its end | `pulse` |
//! | a door forced or left open | `contact` |
//! | all of it together | `machine` |
//! | a door with its lock | `kept` |
//! | which events are worth a record in a log | `repeats` |
//!
//! Pins, clocks, cameras, storage and who has which PIN are left to the board. The board drives the locked level before it makes
//! a [`Door`], and follows [`Decision::bolt`] after every step; [`Kept`] does both.
//!
//! ```
//! use edge_infer::door::{Action, Bolt, Door, Event, Policy};
//!
//! let mut door = Door::new(Policy::default())?;
//! let decision = door.step(0, Event::Tick);
//! for action in decision.actions() {
//!     match action {
//!         Action::Unlock { pulse_ms, .. } => println!("open for {pulse_ms} ms"),
//!         Action::Lock => println!("lock"),
//!         Action::Audit(record) => println!("{record:?}"),
//!     }
//! }
//! assert_eq!(decision.bolt(), Bolt::Locked);
//! println!("{}", decision.reason());
//! # Ok::<(), edge_infer::door::PolicyError>(())
//! ```

mod action;
mod calibration;
mod camera;
mod clock;
#[cfg(feature = "std")]
pub mod confidence;
mod contact;
mod credential;
mod event;
mod evidence;
mod gate;
mod kept;
mod lockout;
mod machine;
mod measure;
mod policy;
mod pulse;
mod reason;
pub mod repeats;
mod schedule;
mod state;
#[cfg(feature = "std")]
mod survey;

pub use action::{Action, Audit, Bolt, Cause, Decision, Ended, MAX_ACTIONS};
pub use calibration::{Calibration, CalibrationError};
pub use event::{Contact, Credential, Event, Face, Fault, Matched, Observation, Stamp};
pub use kept::Kept;
pub use machine::Door;
pub use measure::Measure;
pub use policy::{
    CameraPolicy, ContactPolicy, Exit, FacePolicy, FramePolicy, Liveness, LockoutPolicy,
    MAX_FRAMES, Policy, PolicyError, SecondFactor,
};
pub use reason::Reason;
pub use schedule::{Admission, MinuteOfWeek, Schedule, Weekday, Window, WindowError};
pub use state::State;
#[cfg(feature = "std")]
pub use survey::{Basis, Count, Finding, Survey, SurveyError};
