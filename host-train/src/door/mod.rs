//! A door on a microcontroller, seen from the host: a line, a session, questions. What they mean is left to [`device_protocol`].

mod client;
mod key;
mod line;
mod package;
#[cfg(test)]
mod tests;
mod update;

pub use client::{Client, LinkError};
pub(crate) use key::read_shared_bytes;
pub use key::{SharedKeyError, read_shared_key};
pub use line::{Line, LineError, Port};
pub(crate) use package::known_answer;
pub use package::{Package, PackageError};
pub use update::{Dial, Patience, UpdateError, report};
