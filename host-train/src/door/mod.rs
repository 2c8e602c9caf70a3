//! A door on a microcontroller, seen from the host: a line, a session, questions. What they mean is left to [`device_protocol`].

mod client;
mod key;
mod line;

pub use client::{Client, LinkError};
pub use key::{SharedKeyError, read_shared_key};
pub use line::{Line, LineError, Port};
