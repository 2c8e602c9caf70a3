//! What is asked and answered. One request, one response; long lists are asked for one by one.

use serde::{Deserialize, Serialize};

use crate::error::Refusal;

/// Most values of a template in a message.
pub const MAX_VALUES: usize = 600;
/// Most bytes of a model file in a message.
pub const MAX_PIECE: usize = 704;

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
    /// Which model runs, and whether another one waits. Answered by [`Response::Model`].
    Model,
    /// An update follows. Answered by [`Response::Came`]: not 0 if a part of this very one came before, in whatever session.
    Begin {
        /// What it is, signed, as the firmware stores it.
        manifest: &'a [u8],
    },
    /// The file's next bytes. Answered by [`Response::Came`].
    Piece {
        /// Where they begin: how many came so far.
        at: u32,
        /// At most [`MAX_PIECE`] of them.
        bytes: &'a [u8],
    },
    /// All came: check them, and start them at the next boot. Answered by [`Response::Installed`].
    Finish,
    /// Lock and start again. Answered by [`Response::Restarting`], which is the last word of this boot.
    Restart,
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
    /// Which model runs.
    Model(ModelReport),
    /// How many bytes of the update's file the device has.
    Came {
        /// So many.
        bytes: u32,
    },
    /// The update is whole, and on trial from the next boot on.
    Installed,
    /// The device starts again.
    Restarting,
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

/// A model in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its place in the order of updates.
    pub counter: u32,
    /// Its id.
    pub model: [u8; 16],
    /// Of its file.
    pub sha256: [u8; 32],
}

/// How models and updates stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReport {
    /// The one that runs.
    pub runs: Version,
    /// Why it does.
    pub why: Why,
    /// An update needs a higher counter than this.
    pub floor: u32,
    /// An update that came, and runs from the next boot on.
    pub waiting: Option<Version>,
}

/// Why a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It has proven itself.
    Confirmed,
    /// It has to, before the next boot.
    Trial,
    /// The one on trial was not confirmed, or is damaged.
    RolledBack,
    /// The confirmed one is damaged, and this one is whole and was confirmed before.
    Fallback,
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
