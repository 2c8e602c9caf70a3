//! Why a frame or a request is refused.

use serde::{Deserialize, Serialize};

/// Why bytes are not a message of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// More bytes between two zeros than any frame has.
    #[error("a frame is longer than {limit} bytes")]
    TooLong {
        /// The most it may have.
        limit: usize,
    },
    /// Fewer bytes than any frame of its kind has.
    #[error("a frame of {found} bytes is cut short")]
    TooShort {
        /// How many it has.
        found: usize,
    },
    /// Not encoded as frames are.
    #[error("the frame's bytes are not stuffed as they must be")]
    Stuffing,
    /// Changed on the line.
    #[error("checksum {computed:08x}, the frame states {stated:08x}: it was damaged on the line")]
    Checksum {
        /// In the frame.
        stated: u32,
        /// Of its bytes.
        computed: u32,
    },
    /// A kind without meaning to the receiver.
    #[error("unexpected frame of kind {found}")]
    Kind {
        /// Its kind.
        found: u8,
    },
    /// The other side speaks another version.
    #[error("the other side speaks version {found} of the protocol, this one version {supported}")]
    Version {
        /// Theirs.
        found: u8,
        /// Ours.
        supported: u8,
    },
    /// A sealed frame before any session.
    #[error("there is no session yet; begin with a hello")]
    NoSession,
    /// Not the next frame: replayed, out of order, or others before it were lost.
    #[error(
        "frame {found} came where {expected} was expected: replayed, out of order, or others were lost"
    )]
    Number {
        /// The next one.
        expected: u32,
        /// The one that came.
        found: u32,
    },
    /// Sealed with another key, in another session, or changed.
    #[error("a frame is not sealed with this door's key")]
    Seal,
    /// Sealed, and yet no message.
    #[error("a sealed frame holds no message of this version")]
    Message,
    /// A message that does not fit a frame.
    #[error("the message does not fit a frame of {limit} bytes")]
    MessageTooLong {
        /// The most a frame holds.
        limit: usize,
    },
    /// All numbers of a session were used.
    #[error("the session is used up; begin another one")]
    UsedUp,
    /// The device refused a frame, for the reason with this number. It can't be sealed, so anybody can say so.
    #[error("the device refused a frame: {}", reason(*.code))]
    Refused {
        /// As in [`ProtocolError::code`].
        code: u8,
    },
}

impl ProtocolError {
    /// Its number on the wire.
    pub fn code(&self) -> u8 {
        match self {
            Self::TooLong { .. } => 1,
            Self::TooShort { .. } => 2,
            Self::Stuffing => 3,
            Self::Checksum { .. } => 4,
            Self::Kind { .. } => 5,
            Self::Version { .. } => 6,
            Self::NoSession => 7,
            Self::Number { .. } => 8,
            Self::Seal => 9,
            Self::Message => 10,
            Self::MessageTooLong { .. } => 11,
            Self::UsedUp => 12,
            Self::Refused { .. } => 13,
        }
    }

    /// Whether it means that somebody without the key tries, rather than that the line is bad.
    pub fn is_hostile(&self) -> bool {
        matches!(self, Self::Number { .. } | Self::Seal | Self::NoSession)
    }
}

fn reason(code: u8) -> &'static str {
    match code {
        1..=5 => "it was damaged on the line",
        6 => "it speaks another version of the protocol",
        7 => "it has no session, as after a reset",
        8 => "it expected another number, so one was lost or replayed",
        9 => "it has another key",
        10 | 11 => "it does not know the message",
        12 => "the session is used up",
        _ => "for a reason that this version does not know",
    }
}

/// Why the device did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// The store did not take it; the text says why.
    Store,
    /// No template of any model: of no length, too long, or zero.
    Template,
    /// Made by other preprocessing than the device's, so it would never match.
    Preprocessing,
    /// No such person.
    Unknown,
    /// This is no update for this device; the text says why. The model that runs is the one that ran.
    Update,
    /// The device's model is no part that can be updated.
    NoSlots,
}
