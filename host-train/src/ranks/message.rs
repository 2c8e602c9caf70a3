//! Messages between ranks, little endian.
//!
//! ```text
//! "ftr" │ u8 version │ u32 kind │ u64 length │ body of so many bytes
//! ```
//!
//! A rank always knows which kind comes next and how long it can be, so that a header is refused before anything is allocated
//! for what it announces.

use core::ops::RangeInclusive;
use std::io::{self, Read, Write};

/// Of the messages and of what they mean; changes whenever ranks of two builds would not understand each other.
const VERSION: u8 = 2;

const MARK: [u8; 3] = *b"ftr";
const HEADER: usize = 16;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A rank says who it is, in JSON.
    Hello = 1,
    /// Rank 0's answer: nothing, or why not.
    Answer,
    /// What rank 0 begins from.
    State,
    /// Numbers that are added up, f32.
    Sum,
    /// Numbers that all ranks see, f64.
    Gather,
    /// Numbers that rank 0 sees, f32.
    Collect,
}

/// A message that did not come as agreed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The connection.
    #[error("{}", match kind {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it was silent for longer than --patience",
        io::ErrorKind::UnexpectedEof => "it has hung up",
        _ => text,
    })]
    Connection {
        /// What happened.
        kind: io::ErrorKind,
        /// What the system said.
        text: String,
    },
    /// Another program.
    #[error("it is no rank of a training run")]
    Foreign,
    /// Another build.
    #[error(
        "its messages are of version {found}, this program's of version {VERSION}: run the same build everywhere"
    )]
    Version {
        /// Its version.
        found: u8,
    },
    /// Another message than the one that is due.
    #[error("it sent message {found} where message {due} was due")]
    Kind {
        /// What came.
        found: u32,
        /// What was due.
        due: u32,
    },
    /// A length that the message can't have.
    #[error("it sent a message of {found} bytes where {least} to {most} were due")]
    Length {
        /// What came.
        found: u64,
        /// Least.
        least: u64,
        /// Most.
        most: u64,
    },
}

impl From<io::Error> for MessageError {
    fn from(error: io::Error) -> Self {
        Self::Connection { kind: error.kind(), text: error.to_string() }
    }
}

/// Sends one message.
pub(super) fn send(mut to: impl Write, kind: Kind, body: &[u8]) -> Result<(), MessageError> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend(MARK);
    header.push(VERSION);
    header.extend((kind as u32).to_le_bytes());
    header.extend((body.len() as u64).to_le_bytes());
    to.write_all(&header)?;
    to.write_all(body)?;
    Ok(to.flush()?)
}

/// Receives the message that is due, of a length within `lengths`.
pub(super) fn receive(
    mut from: impl Read,
    due: Kind,
    lengths: RangeInclusive<u64>,
) -> Result<Vec<u8>, MessageError> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header)?;
    let [m0, m1, m2, version, k0, k1, k2, k3, length @ ..] = header;
    if [m0, m1, m2] != MARK {
        return Err(MessageError::Foreign);
    }
    if version != VERSION {
        return Err(MessageError::Version { found: version });
    }
    let (found, due) = (u32::from_le_bytes([k0, k1, k2, k3]), due as u32);
    if found != due {
        return Err(MessageError::Kind { found, due });
    }
    let length = u64::from_le_bytes(length);
    if !lengths.contains(&length) {
        let (least, most) = lengths.into_inner();
        return Err(MessageError::Length { found: length, least, most });
    }
    // Grows with what arrives.
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn message() -> Vec<u8> {
        let mut bytes = Vec::new();
        send(&mut bytes, Kind::State, b"abc").unwrap();
        bytes
    }

    #[test]
    fn a_message_comes_back() {
        let bytes = message();
        assert_eq!(bytes[..4], [b'f', b't', b'r', VERSION]);
        assert_eq!(receive(&bytes[..], Kind::State, 0..=3).unwrap(), b"abc");
    }

    /// A length of 2^63 would end the program if it were believed; nothing is read or allocated behind the header.
    #[test]
    fn rejects_lengths_before_anything_is_allocated() {
        let mut bytes = message();
        bytes[8..16].copy_from_slice(&(1_u64 << 63).to_le_bytes());
        let mut rest = &bytes[..];
        let error = receive(&mut rest, Kind::State, 0..=1000).unwrap_err();
        assert_eq!(error, MessageError::Length { found: 1 << 63, least: 0, most: 1000 });
        assert_eq!(rest, b"abc");
        // Within the bounds, only what comes is kept.
        bytes[8..16].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        let error = receive(&bytes[..], Kind::State, 0..=1 << 40).unwrap_err();
        assert!(matches!(
            error,
            MessageError::Connection { kind: io::ErrorKind::UnexpectedEof, .. }
        ));
        let error = receive(&message()[..], Kind::State, 4..=4).unwrap_err();
        assert_eq!(error, MessageError::Length { found: 3, least: 4, most: 4 });
    }

    #[test]
    fn rejects_strangers_other_builds_and_other_messages() {
        let error = receive(&b"GET / HTTP/1.1\r\n\r\n"[..], Kind::State, 0..=9).unwrap_err();
        assert_eq!(error, MessageError::Foreign);
        let mut bytes = message();
        bytes[3] = 9;
        let error = receive(&bytes[..], Kind::State, 0..=9).unwrap_err();
        assert_eq!(error, MessageError::Version { found: 9 });
        assert!(error.to_string().contains("version 9"), "{error}");
        let error = receive(&message()[..], Kind::Sum, 0..=9).unwrap_err();
        assert_eq!(error, MessageError::Kind { found: 3, due: 4 });
    }

    #[test]
    fn rejects_messages_cut_short_at_every_length() {
        let bytes = message();
        for length in 0..bytes.len() {
            let error = receive(&bytes[..length], Kind::State, 0..=3).unwrap_err();
            assert_eq!(error.to_string(), "it has hung up", "{length} bytes");
        }
    }
}
