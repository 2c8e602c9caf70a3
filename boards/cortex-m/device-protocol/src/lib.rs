//! What a door on a microcontroller and its host say to each other, over USB, UART or TCP: bytes in, bytes out. Ports are left to the
//! caller, and what a request does to the firmware.
//!
//! ```text
//!  host                                             device
//!  Hello    version, 16 random bytes        ──>
//!                                           <──     Welcome  version, 16 bytes that never come again
//!           both derive two keys, one a direction, from the shared key and both nonces
//!  Sealed   0, a request                    ──>
//!                                           <──     Sealed   0, its response
//!  Sealed   1, ..                           ──>
//! ```
//!
//! A frame is sealed with ChaCha20-Poly1305 under its number, which must be the next one. So a frame that is changed, replayed, left
//! out, out of order or of another session is refused, and nothing is done. Tags are compared in constant time. Whoever has the line
//! can cut it, or begin a session that is of no use to them; that is all.
//!
//! The messages are [`postcard`]'s encoding of [`Request`] and [`Response`]; the frames are drawn in `frame.rs`.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")
)]

#[cfg(test)]
extern crate std;

mod device;
mod error;
mod event;
mod frame;
mod host;
mod message;
mod seal;
#[cfg(test)]
mod tests;

pub use device::{Device, Incoming};
pub use error::{ProtocolError, Refusal};
pub use event::EventKind;
pub use frame::{MAX_FRAME, MAX_WIRE};
pub use host::{Arrived, Host};
pub use message::{
    Book, ChainEnd, Entry, LogRecord, MAX_PIECE, MAX_VALUES, ModelReport, Request, Response,
    Version, Why,
};
pub use seal::{Key, Nonce};

/// Version of the protocol that this crate speaks.
pub const VERSION: u8 = 1;
