//! The door on microcontrollers, all but the board: what a board hands in are a few small traits, what it gets back are levels for its lock.
//!
//! | module | job |
//! |---|---|
//! | [`ports`] | what a board hands in, as traits |
//! | [`protocol`] | what the host can ask of the device |
//! | [`store`] | what must outlive a power cut: people, the audit ring, the models |
//!
//! Nothing here allocates or knows a pin.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")
)]

#[cfg(test)]
extern crate std;

pub mod ports;
pub mod protocol;
pub mod store;
