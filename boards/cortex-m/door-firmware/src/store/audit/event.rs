//! What is recorded, and when it was. People are numbers here: the log outlives them, and a removed person's name is to be nowhere.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// The door began to decide.
    Started = 1,
    /// A face opened it.
    Granted = 2,
    /// Something else did: the exit button, an operator.
    Opened = 3,
    /// Somebody was enrolled.
    Enrolled = 4,
    /// Somebody was removed.
    Removed = 5,
    /// People were read out over the device protocol.
    Exported = 6,
    /// A model was installed, on trial.
    Installed = 7,
    /// The model on trial was confirmed.
    Confirmed = 8,
    /// The model on trial was not, and the one before came back.
    RolledBack = 9,
    /// A torn last record of this log was dropped; `times` says how many slots.
    Repaired = 10,
    /// Records could not be written; `times` says how many.
    Lost = 11,
    /// The self-test failed; the reason says which part.
    SelfTestFailed = 12,
    /// A face did not open the door.
    Refused = 64,
    /// Something was unclear, such as two faces, and the door waited.
    Held = 65,
    /// Too many refusals.
    LockedOut = 66,
    /// A part failed: camera, flash, clock.
    Fault = 67,
    /// It works again.
    Recovered = 68,
    /// Somebody without the key spoke to the device.
    Unauthorized = 69,
    /// Events came too fast to be recorded one by one; `times` says how many were not.
    Suppressed = 70,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Started,
        Self::Granted,
        Self::Opened,
        Self::Enrolled,
        Self::Removed,
        Self::Exported,
        Self::Installed,
        Self::Confirmed,
        Self::RolledBack,
        Self::Repaired,
        Self::Lost,
        Self::SelfTestFailed,
        Self::Refused,
        Self::Held,
        Self::LockedOut,
        Self::Fault,
        Self::Recovered,
        Self::Unauthorized,
        Self::Suppressed,
    ];

    /// Its number in records.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Of a number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether whoever stands before the door, or speaks to it without the key, can make as many of these as they like.
    pub fn is_routine(self) -> bool {
        self.code() >= Self::Refused.code()
    }
}

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
