//! What is asked and answered. One request, one response; long lists are asked for one by one.

use serde::{Deserialize, Serialize};

use crate::error::Refusal;

/// Most values of a template in a message.
pub const MAX_VALUES: usize = 600;

/// What the host asks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Request<'a> {
    /// What the device is. Answered by [`Response::Status`].
    Status,
    /// Who is enrolled: the template at this place, from 0, without its values. Answered by [`Response::Entry`] or [`Response::End`].
    List {
        /// Which place.
        place: u32,
    },
    /// Store a template. Answered by [`Response::Enrolled`].
    Enroll {
        /// Whose; `None` for a new person.
        person: Option<u32>,
        /// For people to read.
        name: &'a str,
        /// Id of the model that made the template.
        model: [u8; 16],
        /// Hash of what preceded it.
        preprocessing: [u8; 16],
        /// The values, int8 as bytes.
        values: &'a [u8],
    },
    /// Remove all templates of a person. Answered by [`Response::Removed`].
    Remove {
        /// Who.
        person: u32,
    },
    /// As [`Request::List`], with values.
    Export {
        /// Which place.
        place: u32,
    },
    /// The oldest record of the log behind this one. Answered by [`Response::Record`] or [`Response::LogEnd`].
    Log {
        /// Which chain.
        book: Book,
        /// The number of the one before; 0 at first.
        after: u64,
    },
    /// Whether the self-test passes. Answered by [`Response::SelfTest`].
    SelfTest,
}

/// What the device answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Response<'a> {
    /// What the device is.
    Status {
        /// Id of the model that runs.
        model: [u8; 16],
        /// Hash of what precedes it.
        preprocessing: [u8; 16],
        /// In which boot it is, counted from 1.
        boot: u32,
    },
    /// A template.
    #[serde(borrow)]
    Entry(Entry<'a>),
    /// There is nothing at that place, nor behind.
    End,
    /// It was stored, and read back.
    Enrolled {
        /// Whose it is.
        person: u32,
    },
    /// They are gone.
    Removed {
        /// How many there were.
        templates: u32,
    },
    /// A record of the log.
    Record(LogRecord),
    /// There is no later one.
    LogEnd(ChainEnd),
    /// The self-test ran.
    SelfTest {
        /// 0 if it passed; else the number that the light blinks.
        failed: u16,
    },
    /// It was not done.
    Refused {
        /// Why.
        why: Refusal,
        /// The same in words; may be empty.
        text: &'a str,
    },
}

/// A template on the device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// Whose.
    pub person: u32,
    /// For people to read.
    pub name: &'a str,
    /// Id of the model that made it.
    pub model: [u8; 16],
    /// How many values it has.
    pub len: u32,
    /// The values, int8 as bytes; none if they were not asked for.
    pub values: &'a [u8],
}

/// Which chain of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Book {
    /// What nobody at the door can make many of.
    Kept,
    /// What anybody can.
    Routine,
}

/// A record of the log.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Its number.
    pub seq: u64,
    /// In which boot.
    pub boot: u32,
    /// Milliseconds of Unix time; 0 where the device does not know.
    pub utc_ms: u64,
    /// Milliseconds since that boot.
    pub mono_ms: u64,
    /// What happened, as in [`EventKind`](crate::EventKind); a later firmware may know more.
    pub kind: u8,
    /// To whom.
    pub person: Option<u32>,
    /// Why, as a number of the firmware's.
    pub reason: u16,
    /// How close a face came.
    pub cosine: Option<f32>,
    /// How often.
    pub times: u32,
    /// Of counted events, when the first one was.
    pub since_mono_ms: Option<u64>,
}

/// What is to be said of a chain of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEnd {
    /// Sound records in it.
    pub records: u32,
    /// The newest one's number and hash.
    pub head: Option<(u64, [u8; 32])>,
    /// Slots without a record.
    pub damaged: u32,
    /// Records that were changed.
    pub changed: u32,
    /// Records that do not follow from the one before.
    pub unlinked: u32,
}
