//! Doors told whole stories: what must open them, and all that must not.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod behaviour;
mod calibration;
mod policy;
mod properties;
mod reference;
mod reports;
mod scene;
mod schedule;
mod story;
#[cfg(feature = "std")]
mod survey;
