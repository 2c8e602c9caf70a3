//! What is told to the door.

use super::{Admission, Calibration};
use crate::image::quality::{Pose, Quality};
use crate::matching::Best;

/// Something that happened, or only time that passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Nothing but time. To be told at least every [`Policy::step_ms`](super::Policy::step_ms), and more often while a pulse runs:
    /// it ends with the first event after it.
    Tick,
    /// The camera has a frame, with or without a face.
    Frame(Observation),
    /// The cosine to match at from now on, `None` if there is none. Whatever was seen so far is forgotten.
    Calibration(Option<Calibration>),
    /// A PIN or card was checked and is somebody's. Counts for nothing during a pause after refusals.
    Credential(Credential),
    /// A PIN or card was checked and is nobody's. Counts as a refusal, outside of a pause.
    CredentialRefused,
    /// The button on the inside was pressed.
    ExitButton,
    /// The door was opened or closed, or which it is at the start.
    Contact(Contact),
    /// Something is broken. The door locks until it is cleared.
    FaultRaised(Fault),
    /// It works again. Clearing [`Fault::Camera`] also lets a restarted camera count its frames from the beginning.
    FaultCleared(Fault),
}

/// One frame, and what was measured of the face in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Which frame it is.
    pub stamp: Stamp,
    /// The largest face; `None` if there is no face.
    pub face: Option<Face>,
    /// Distance between the eyes of the largest of all other faces, in pixels of the camera; `None` if there is no other.
    pub other_eye_distance: Option<f32>,
}

/// What makes a frame this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it was captured, by the clock of [`Door::step`](super::Door::step).
    pub captured_ms: u64,
    /// The camera's number of it, which grows by at least 1 a frame.
    pub sequence: u64,
    /// Hash of its pixels, or of the compressed bytes that they come from. A living scene never repeats it.
    pub digest: u64,
}

/// What was measured of one face in one frame. All of it must be of this face: a match of one face and the liveness of another
/// must not meet here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Whom the tracker takes it for: the same number as long as it is the same face without a gap.
    pub track: u32,
    /// Distance between the eyes in pixels of the camera ([`eye_distance`](crate::image::quality::eye_distance)).
    pub eye_distance: f32,
    /// How the head is turned; `None` if the landmarks make no head.
    pub pose: Option<Pose>,
    /// Light and sharpness of the aligned face.
    pub quality: Quality,
    /// The gallery's answer; `None` if nobody is enrolled, or there is no template.
    pub matched: Option<Matched>,
    /// How alive it looks, 0 to 1; `None` if that was not measured.
    pub liveness: Option<f32>,
    /// Cosine of this template with that of the last frame in which this track had one; `None` in the first.
    pub to_previous: Option<f32>,
}

/// The gallery's answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matched {
    /// The closest person and the closest other.
    pub best: Best,
    /// With how many templates the face was compared.
    pub templates: u32,
    /// Whether the closest person's schedule lets them in now.
    pub admission: Admission,
}

/// Somebody's PIN or card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose it is, as in the gallery.
    pub person: u32,
    /// It is the one that they give when forced to. The door does the same as ever, and the audit log has an
    /// [`Audit::Duress`](super::Audit::Duress) at once.
    pub duress: bool,
}

/// The contact in the door frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// The door stands open.
    Open,
    /// The door is shut.
    Closed,
}

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The camera cannot be read.
    Camera,
    /// The camera repeats its frames. The door finds this itself, and clears it with the first new frame.
    CameraFrozen,
    /// No new frame has come for too long. The door finds this itself, and clears it with the first new frame.
    CameraStalled,
    /// A network is missing, damaged or tells nobody apart.
    Model,
    /// The gallery is missing or damaged.
    Gallery,
    /// The lock cannot be driven, or is not in the state that it was driven to.
    Lock,
    /// The box was opened, or a line cut.
    Tamper,
    /// Anything else that the board cannot decide with.
    Other,
}

/// A set of faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults(u8);

impl Fault {
    const ALL: [Self; 8] = [
        Self::Camera,
        Self::CameraFrozen,
        Self::CameraStalled,
        Self::Model,
        Self::Gallery,
        Self::Lock,
        Self::Tamper,
        Self::Other,
    ];

    /// One word that stays the same, for logs, counters and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::CameraFrozen => "camera-frozen",
            Self::CameraStalled => "camera-stalled",
            Self::Model => "model",
            Self::Gallery => "gallery",
            Self::Lock => "lock",
            Self::Tamper => "tamper",
            Self::Other => "other",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Faults {
    /// Adds `fault`; whether it is new.
    pub(super) fn raise(&mut self, fault: Fault) -> bool {
        let before = self.0;
        self.0 |= fault.bit();
        self.0 != before
    }

    /// Takes `fault` out; whether it was there.
    pub(super) fn clear(&mut self, fault: Fault) -> bool {
        let before = self.0;
        self.0 &= !fault.bit();
        self.0 != before
    }

    /// The first in the order of [`Fault`].
    pub(super) fn first(self) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| self.0 & fault.bit() != 0)
    }
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Camera => "the camera cannot be read",
            Self::CameraFrozen => "the camera repeats its picture",
            Self::CameraStalled => "the camera sends no pictures",
            Self::Model => "a network cannot be used",
            Self::Gallery => "the enrolled people cannot be read",
            Self::Lock => "the lock does not do as it is told",
            Self::Tamper => "the box was opened or a line cut",
            Self::Other => "the board reports a fault",
        })
    }
}
