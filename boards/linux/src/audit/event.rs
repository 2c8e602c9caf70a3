//! What is recorded.
//!
//! A record names people by id alone: the log outlives them, and a removed person's name is to be nowhere.

use crate::hex;
use crate::store::PersonId;
use edge_infer::door::repeats::Repeating;
use serde::{Deserialize, Serialize};
use std::io;

/// Most bytes of a reason; the rest is cut off.
const MAX_REASON: usize = 200;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The door began to decide.
    Started,
    /// It was told to stop.
    Stopped,
    /// A face opened it.
    Granted,
    /// Something else did: the exit button, an operator.
    Opened,
    /// It was opened under duress.
    Duress,
    /// Somebody was enrolled.
    Enrolled,
    /// Somebody's name, groups, dates or templates were changed.
    Changed,
    /// Somebody was removed.
    Removed,
    /// Everybody was removed.
    Purged,
    /// People were imported.
    Imported,
    /// All people were exported in the clear.
    Exported,
    /// The people were sealed with another key.
    Rekeyed,
    /// Settings or thresholds were changed.
    Configured,
    /// A torn last record was removed from this log.
    Repaired,
    /// A part of this log is not what was written.
    Damaged,
    /// Records could not be written; `times` says how many.
    Lost,
    /// A face did not open the door.
    Refused,
    /// Something was unclear, such as two faces, and the door waited.
    Held,
    /// Too many refusals.
    LockedOut,
    /// A part failed: camera, disk, clock.
    Fault,
    /// It works again.
    Recovered,
    /// Somebody signed in to the web page.
    SignedIn,
    /// Somebody failed to.
    SignInFailed,
    /// The door was forced, or left open.
    Alarm,
    /// Events came too fast to be recorded one by one; `times` says how many were not.
    Suppressed,
}

impl Kind {
    /// Whether whoever stands before the door can make as many of these as they like.
    pub fn is_routine(self) -> bool {
        use Kind::{
            Alarm, Fault, Held, LockedOut, Recovered, Refused, SignInFailed, SignedIn, Suppressed,
        };
        matches!(
            self,
            Refused
                | Held
                | LockedOut
                | Fault
                | Recovered
                | SignedIn
                | SignInFailed
                | Alarm
                | Suppressed
        )
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// To whom, or who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Why, in a few words of the program's. No names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How close the face came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
}

impl Event {
    /// Of `kind`, nothing more.
    pub fn new(kind: Kind) -> Self {
        Self { kind, person: None, reason: None, cosine: None }
    }

    /// With a person.
    #[must_use]
    pub fn person(self, id: PersonId) -> Self {
        Self { person: Some(id), ..self }
    }

    /// With a reason, of which the first 200 bytes are kept.
    #[must_use]
    pub fn reason(self, text: &str) -> Self {
        let mut text = text.to_owned();
        text.truncate(text.floor_char_boundary(MAX_REASON));
        Self { reason: Some(text), ..self }
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
        (self.kind, self.person, &self.reason) == (other.kind, other.person, &other.reason)
    }

    fn cosine(&self) -> Option<f32> {
        self.cosine
    }

    fn set_cosine(&mut self, cosine: Option<f32>) {
        self.cosine = cosine;
    }
}

/// Which boot of the machine, so that `mono_ms` means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BootId(pub [u8; 16]);

impl BootId {
    /// Of the boot that this process runs in.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn of_system() -> io::Result<Self> {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let id = hex::decode(&text.trim_end().replace('-', ""));
        id.map(Self).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, text))
    }
}

impl core::fmt::Display for BootId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}
