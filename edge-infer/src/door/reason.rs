//! Why the door is locked, in words that help whoever stands before it.

use core::fmt::{Display, Formatter, Result};

use super::{Fault, Measure};

/// Why the door did not open by what it was just told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// It is open.
    Open,
    /// Nothing was shown to it.
    Idle,
    /// Something is broken.
    Faulted(Fault),
    /// Too many refusals.
    LockedOut {
        /// Time left.
        left_ms: u32,
    },
    /// There is, or just was, a second face.
    Held {
        /// Time left, if the face stays alone.
        left_ms: u32,
    },
    /// It was open a moment ago.
    Cooldown {
        /// Time left.
        left_ms: u32,
    },
    /// It refused a moment ago.
    Retry {
        /// Time left.
        left_ms: u32,
    },
    /// It stands open, so unlocking it serves nobody.
    StandsOpen,
    /// Nobody measured which cosine keeps the asked rate of false accepts.
    Uncalibrated,
    /// The gallery has grown past what the cosine was chosen for.
    GalleryOutgrown {
        /// Templates that the face was compared with.
        templates: u32,
        /// Templates that the cosine is good for.
        calibrated: u32,
    },
    /// The clock went backwards.
    ClockBackwards {
        /// By how much.
        by_ms: u64,
    },
    /// More time passed than between two steps, or the clock jumped.
    ClockJumped {
        /// By how much.
        by_ms: u64,
    },
    /// The frame was captured too long ago.
    Stale {
        /// Its age.
        age_ms: u64,
        /// The oldest that counts.
        limit_ms: u32,
    },
    /// The frame was captured later than now.
    FromTheFuture {
        /// By how much.
        by_ms: u64,
    },
    /// The frame is not later than the one before it.
    NotNewer,
    /// These very pixels were there before.
    Repeated,
    /// There is no face.
    NoFace,
    /// A measurement is not a number, or one that cannot be.
    Unmeasured(Measure),
    /// A measurement is below what is needed.
    TooLow {
        /// Which.
        measure: Measure,
        /// As measured.
        value: f32,
        /// The least.
        limit: f32,
    },
    /// A measurement is above what is allowed.
    TooHigh {
        /// Which.
        measure: Measure,
        /// As measured.
        value: f32,
        /// The most.
        limit: f32,
    },
    /// Nobody is enrolled.
    NobodyEnrolled,
    /// Nobody enrolled is close enough.
    Unknown {
        /// Cosine of the closest.
        cosine: f32,
        /// The least.
        limit: f32,
    },
    /// Somebody else is nearly as close.
    Ambiguous {
        /// By how much the closest leads.
        lead: f32,
        /// The least.
        limit: f32,
    },
    /// The person may not enter at this time.
    OutsideSchedule,
    /// The person may enter at some times, and nobody knows what time it is.
    TimeUnknown,
    /// An enrolled person's face that does not look alive.
    NotLive {
        /// Its score.
        score: f32,
        /// The least.
        limit: f32,
    },
    /// The face is the same to the last detail as a frame before: a picture.
    Still {
        /// Cosine with the frame before.
        cosine: f32,
        /// From which on it is a picture.
        limit: f32,
    },
    /// So far all is well.
    MoreFrames {
        /// Good frames.
        good: u8,
        /// Good frames needed.
        needed: u8,
    },
    /// The face is known; its PIN or card is missing.
    SecondFactor,
    /// The PIN or card was nobody's.
    CredentialRefused,
    /// The button on the inside does nothing here.
    ExitOff,
}

impl Reason {
    /// One word that stays the same, for logs, counters and programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Idle => "idle",
            Self::Faulted(_) => "faulted",
            Self::LockedOut { .. } => "locked-out",
            Self::Held { .. } => "held",
            Self::Cooldown { .. } => "cooldown",
            Self::Retry { .. } => "retry",
            Self::StandsOpen => "stands-open",
            Self::Uncalibrated => "uncalibrated",
            Self::GalleryOutgrown { .. } => "gallery-outgrown",
            Self::ClockBackwards { .. } => "clock-backwards",
            Self::ClockJumped { .. } => "clock-jumped",
            Self::Stale { .. } => "stale",
            Self::FromTheFuture { .. } => "from-the-future",
            Self::NotNewer => "not-newer",
            Self::Repeated => "repeated",
            Self::NoFace => "no-face",
            Self::Unmeasured(_) => "unmeasured",
            Self::TooLow { .. } => "too-low",
            Self::TooHigh { .. } => "too-high",
            Self::NobodyEnrolled => "nobody-enrolled",
            Self::Unknown { .. } => "unknown",
            Self::Ambiguous { .. } => "ambiguous",
            Self::OutsideSchedule => "outside-schedule",
            Self::TimeUnknown => "time-unknown",
            Self::NotLive { .. } => "not-live",
            Self::Still { .. } => "still",
            Self::MoreFrames { .. } => "more-frames",
            Self::SecondFactor => "second-factor",
            Self::CredentialRefused => "credential-refused",
            Self::ExitOff => "exit-off",
        }
    }

    /// Whether a face with this reason claims to be somebody who is enrolled.
    pub(super) fn is_false_claim(&self) -> bool {
        matches!(self, Self::Ambiguous { .. } | Self::NotLive { .. } | Self::Still { .. })
    }

    /// Whether it is the face of a stranger.
    pub(super) fn is_stranger(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::NobodyEnrolled)
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            Self::Open => f.write_str("the door is open"),
            Self::Idle => f.write_str("nobody is there"),
            Self::Faulted(fault) => write!(f, "out of order: {fault}"),
            Self::LockedOut { left_ms } => {
                write!(f, "too many refusals; wait {} s", seconds(left_ms))
            }
            Self::Held { left_ms } => {
                write!(f, "one at a time, please; stay alone for {} s", seconds(left_ms))
            }
            Self::Cooldown { left_ms } => {
                write!(f, "the door was just open; wait {} s", seconds(left_ms))
            }
            Self::Retry { left_ms } => {
                write!(f, "not recognised; look again in {} s", seconds(left_ms))
            }
            Self::StandsOpen => f.write_str("the door stands open; close it first"),
            Self::Uncalibrated => f.write_str(
                "not calibrated: nobody knows which likeness is enough, so nobody gets in",
            ),
            Self::GalleryOutgrown { templates, calibrated } => {
                write!(
                    f,
                    "{templates} templates are enrolled, calibrated is for {calibrated}; calibrate again"
                )
            }
            Self::ClockBackwards { by_ms } => {
                write!(f, "the clock went back by {by_ms} ms; starting again")
            }
            Self::ClockJumped { by_ms } => write!(f, "{by_ms} ms passed at once; starting again"),
            Self::Stale { age_ms, limit_ms } => {
                write!(f, "the picture is {age_ms} ms old, {limit_ms} ms are allowed")
            }
            Self::FromTheFuture { by_ms } => {
                write!(f, "the picture's time is {by_ms} ms ahead of the clock")
            }
            Self::NotNewer => f.write_str("the picture is not newer than the last one"),
            Self::Repeated => f.write_str("the camera showed this very picture before"),
            Self::NoFace => f.write_str("no face in the picture"),
            Self::Unmeasured(measure) => write!(f, "{measure} could not be measured"),
            Self::TooLow { measure, value, limit } => {
                write!(
                    f,
                    "{}: {measure} is {value:.2}, at least {limit:.2} is needed",
                    measure.advice_low()
                )
            }
            Self::TooHigh { measure, value, limit } => {
                write!(
                    f,
                    "{}: {measure} is {value:.2}, at most {limit:.2} is allowed",
                    measure.advice_high()
                )
            }
            Self::NobodyEnrolled => f.write_str("nobody is enrolled"),
            Self::Unknown { .. } => f.write_str("nobody enrolled looks like this"),
            Self::Ambiguous { .. } => f.write_str("two enrolled people look like this"),
            Self::OutsideSchedule => f.write_str("known, but not at this time"),
            Self::TimeUnknown => {
                f.write_str("known, but only at certain times, and the time is unknown")
            }
            Self::NotLive { .. } => f.write_str("this looks like a picture of a face"),
            Self::Still { .. } => f.write_str("the face does not move at all, like a picture"),
            Self::MoreFrames { good, needed } => {
                write!(f, "hold still: {good} of {needed} pictures")
            }
            Self::SecondFactor => f.write_str("known; now the PIN or card"),
            Self::CredentialRefused => f.write_str("the PIN or card is not valid"),
            Self::ExitOff => f.write_str("the exit button is switched off"),
        }
    }
}

/// Whole seconds that are not over before the pause is.
fn seconds(ms: u32) -> u32 {
    ms.div_ceil(1000)
}
