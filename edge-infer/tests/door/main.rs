//! Doors told whole stories: what must open them, and all that must not.

mod behaviour;
mod calibration;
mod policy;
mod properties;
mod reference;
mod reports;
mod scene;
mod schedule;
mod story;
