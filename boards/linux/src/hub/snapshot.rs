//! The door at one moment, as readers see it.

use super::{Latency, Preview, Tally};
use crate::audit;
use edge_infer::door::{Audit, Bolt, Calibration, Cause, Fault, Reason, State};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// Who is called what, for display.
pub type Names = BTreeMap<u32, String>;

/// Everything there is to show. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which start of the program this is.
    pub run: u32,
    /// When the loop last turned. One that is long past is a loop that hangs.
    pub at: Instant,
    /// Where the door is.
    pub state: State,
    /// The level of the lock.
    pub bolt: Bolt,
    /// Why it is not open.
    pub reason: Reason,
    /// The last frame.
    pub view: Option<Arc<View>>,
    /// A small picture of a late frame and what it showed, if somebody looks.
    pub preview: Option<(Arc<Preview>, Arc<View>)>,
    /// What happened lately, the oldest first.
    pub recent: Arc<VecDeque<Arc<Record>>>,
    /// What happened since the start, by its word.
    pub events: Tally,
    /// Refused attempts, by the reason's word.
    pub refusals: Tally,
    /// Frames that were looked at.
    pub frames: u64,
    /// Turns that failed.
    pub failures: u64,
    /// From a frame's pixels to the lock.
    pub latency: Latency,
    /// Parts that are not the door's own.
    pub health: Arc<Health>,
    /// Who is enrolled.
    pub names: Arc<Names>,
    /// Templates that are searched.
    pub templates: u32,
    /// The cosine to match at; `None` if the door is not calibrated.
    pub calibration: Option<Calibration>,
}

/// What the last frame showed.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The camera's number of it.
    pub sequence: u64,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// All faces.
    pub boxes: Vec<FaceBox>,
    /// How alive the one that is judged looks, 0 to 1.
    pub liveness: Option<f32>,
}

/// Where a face is, in pixels of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceBox {
    /// Left.
    pub x: f32,
    /// Top.
    pub y: f32,
    /// To the right.
    pub width: f32,
    /// Downwards.
    pub height: f32,
    /// Whether it is the face that is judged.
    pub subject: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// From 1 on, without gaps, in this start of the program.
    pub id: u64,
    /// When, in milliseconds of Unix time; `None` if nobody knew.
    pub utc_ms: Option<u64>,
    /// The same by a clock that only grows.
    pub at: Instant,
    /// What.
    pub what: Audit,
    /// The face, if the settings say that it is kept, and for so long.
    pub crop: Option<Arc<Preview>>,
}

/// Parts that are not the door's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether the audit log can be relied on.
    pub audit: audit::Health,
    /// What is wrong with the people's store, in words.
    pub store: Option<String>,
    /// Where frames come from, in words.
    pub camera: String,
}

impl Snapshot {
    pub(super) fn at_start(run: u32) -> Self {
        Self {
            run,
            at: Instant::now(),
            state: State::Locked,
            bolt: Bolt::Locked,
            reason: Reason::Idle,
            view: None,
            preview: None,
            recent: Arc::default(),
            events: Tally::default(),
            refusals: Tally::default(),
            frames: 0,
            failures: 0,
            latency: Latency::default(),
            health: Arc::default(),
            names: Arc::default(),
            templates: 0,
            calibration: None,
        }
    }

    /// What is broken.
    pub fn fault(&self) -> Option<Fault> {
        match self.state {
            State::Faulted(fault) => Some(fault),
            _ => None,
        }
    }

    /// One word for the state, that stays the same.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::Faulted(_) => "faulted",
            State::LockedOut { .. } => "locked-out",
            State::Held { .. } => "held",
            State::Granted { .. } => "granted",
            State::Cooldown { .. } => "cooldown",
            State::Candidate { .. } => "candidate",
            State::Locked => "locked",
        }
    }
}

impl Record {
    /// Whether somebody stood before the door and wanted in.
    pub fn is_attempt(&self) -> bool {
        matches!(
            self.what,
            Audit::Unlocked(Cause::Person(_))
                | Audit::Refused { .. }
                | Audit::CredentialRefused
                | Audit::LockedOut { .. }
                | Audit::Held
        )
    }

    /// Whose face it was, as far as the door knows.
    pub fn person(&self) -> Option<u32> {
        match self.what {
            Audit::Unlocked(Cause::Person(person)) | Audit::Duress { person } => Some(person),
            Audit::Refused { person, .. } => person,
            _ => None,
        }
    }

    /// Why, in words; `None` where [`Audit::name`] says it all.
    pub fn why(&self) -> Option<String> {
        match self.what {
            Audit::Refused { reason, .. } | Audit::Clock(reason) => Some(reason.to_string()),
            Audit::FaultRaised(fault) | Audit::FaultCleared(fault) => Some(fault.to_string()),
            Audit::LockedOut { refusals, pause_ms } => {
                Some(format!("{refusals} refusals; a pause of {} s", pause_ms.div_ceil(1000)))
            }
            Audit::Unlocked(Cause::Exit) => Some("the exit button".to_owned()),
            _ => None,
        }
    }
}
