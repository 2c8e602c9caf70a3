//! The door on microcontrollers, all but the board: what a board hands in are a few small traits, what it gets back are levels for its lock.
//!
//! ```text
//! self_test ─ networks ─> eyes ─┐
//!                      roster ──┴─> door_loop ─> lock, watchdog          latch, canary, fault: beside the loop
//! ```
//!
//! | module | job |
//! |---|---|
//! | [`ports`] | what a board hands in, as traits |
//! | [`eyes`] | a frame to faces, a track, measures and a template |
//! | [`enrol`] | whether a frame is one to enrol somebody by |
//! | [`roster`] | who may enter, in memory |
//! | [`door_loop`] | the newest frame in, the level of the lock out |
//! | [`self_test`], [`test_face`], [`pace`] | what a board proves to itself before it is a door |
//! | [`latch`] | the end of a release that does not wait for the loop |
//! | [`canary`] | whether somebody wrote beyond the networks' memory |
//! | [`fault`] | the lock first, words after it; blink codes |
//! | [`ledger`] | what the door decided, as the log records it |
//! | [`pin`] | lock and light on pins of `embedded-hal` |
//! | [`settings`] | the policy for slow frames |
//! | [`protocol`] | what the host can ask of the device |
//! | [`store`] | what must outlive a power cut: people, the audit ring, the models |
//! | [`room`] | memory of a size that is known when it is compiled |
//! | [`station`], [`ledger`] | a whole door with a camera, flash and a line to its host; what of its decisions is recorded |
//! | [`serial_flash`] | a flash chip on SPI or QSPI |
//! | [`camera`], [`wait`] | a camera's registers and pixels; transfers that must end in time |
//! | [`ram_gallery`] | people without flash, for tests and boards that have none |
//! | [`visit`], [`film`] | frames from a file, as they are stored and as a camera |
//! | [`rehearsal`] | a whole door on such frames, for boards without a camera and for tests |
//!
//! Nothing here allocates, knows a pin's number, or decides when a door opens.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")
)]

#[cfg(test)]
extern crate std;

pub mod camera;
pub mod canary;
pub mod door_loop;
pub mod enrol;
pub mod eyes;
pub mod fault;
pub mod film;
pub mod latch;
pub mod ledger;
pub mod pace;
pub mod pin;
pub mod ports;
pub mod protocol;
pub mod ram_gallery;
pub mod rehearsal;
pub mod room;
pub mod roster;
pub mod self_test;
pub mod serial_flash;
pub mod settings;
pub mod station;
pub mod store;
pub mod test_face;
pub mod visit;
pub mod wait;
