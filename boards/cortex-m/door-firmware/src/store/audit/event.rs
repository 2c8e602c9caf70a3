//! What is recorded. People are numbers here: the log outlives them, and a removed person's name is to be nowhere.

use device_protocol::EventKind as Kind;
use edge_infer::door::repeats::Repeating;

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
}

impl Repeating for Event {
    fn suppressed() -> Self {
        Self::new(Kind::Suppressed)
    }

    fn repeats(&self, other: &Self) -> bool {
        (self.kind, self.person, self.reason) == (other.kind, other.person, other.reason)
    }

    fn cosine(&self) -> Option<f32> {
        self.cosine
    }

    fn set_cosine(&mut self, cosine: Option<f32>) {
        self.cosine = cosine;
    }
}
