//! What is recorded, and when it was. People are numbers here: the log outlives them, and a removed person's name is to be nowhere.

use device_protocol::EventKind as Kind;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// To whom.
    pub person: Option<u32>,
    /// Why, a number of the firmware's; 0 for none.
    pub reason: u16,
    /// How close the face came.
    pub cosine: Option<f32>,
}

impl Event {
    /// Of `kind`, nothing more.
    pub fn new(kind: Kind) -> Self {
        Self { kind, person: None, reason: 0, cosine: None }
    }

    /// With a person.
    #[must_use]
    pub fn person(self, person: u32) -> Self {
        Self { person: Some(person), ..self }
    }

    /// With a reason.
    #[must_use]
    pub fn reason(self, reason: u16) -> Self {
        Self { reason, ..self }
    }

    /// With a cosine.
    #[must_use]
    pub fn cosine(self, cosine: f32) -> Self {
        Self { cosine: Some(cosine), ..self }
    }

    /// Whether `other` says the same again. No two cosines are alike.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        (self.kind, self.person, self.reason) == (other.kind, other.person, other.reason)
    }
}

/// When something happened, by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds of Unix time; 0 where nobody told the board.
    pub utc_ms: u64,
    /// Milliseconds since the boot, which only grow.
    pub mono_ms: u64,
}
