//! What an installer may set, and which settings are refused because no door should have them.
//!
//! A policy holds no cosine to match at: that comes from a table of measured rates ([`Calibration`](super::Calibration)), because
//! a number that somebody turns until it "works" is how doors come to open for anyone.

use super::calibration::WORST_FPIR;

/// Most frames that a decision may be made from.
pub const MAX_FRAMES: u8 = 16;

/// All settings of a door. [`Policy::default`] is a safe door with a liveness gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Share of single frames of strangers that may match anyone enrolled (FPIR), 1e-9 to 1e-2. Of a visit the share is at most
    /// `frames.of / frames.good` times this, however alike its frames are, and far less where they differ.
    pub target_fpir: f32,
    /// Least lead in cosine over the closest other person, 0 to 1.
    pub margin: f32,
    /// How many frames make a decision.
    pub frames: FramePolicy,
    /// Which faces are fit to be judged.
    pub face: FacePolicy,
    /// Whether and how a face must prove to be alive.
    pub liveness: Liveness,
    /// Two embeddings of one track with at least this cosine are of a picture, not of a living face; 0.9 to
    /// 0.9999, because rounding keeps equal ones from 1.
    pub still_cosine: f32,
    /// Whether a PIN or card is needed beside the face.
    pub second_factor: SecondFactor,
    /// When the camera is not believed.
    pub camera: CameraPolicy,
    /// How long the lock stays released, 100 to 30,000 ms.
    pub pulse_ms: u32,
    /// Pause after an unlock, 100 to 60,000 ms. Between two unlocks the door is locked for so long, whatever asks for the second.
    pub cooldown_ms: u32,
    /// Pause after a refusal, 100 to 60,000 ms. It bounds how often a stranger can try.
    pub retry_ms: u32,
    /// How long a face must be alone after a second one was seen, 500 to 60,000 ms.
    pub hold_ms: u32,
    /// Pauses after too many refusals.
    pub lockout: LockoutPolicy,
    /// What the contact in the door frame means.
    pub contact: ContactPolicy,
    /// What the button on the inside does.
    pub exit: Exit,
    /// Longest time between two steps, 50 to 10,000 ms. A longer one is a clock that jumped or a program that hung: what was
    /// seen before it is forgotten, and no pause counts more than this of it.
    pub step_ms: u32,
}

/// `good` of at most `of` frames of one track within `window_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePolicy {
    /// Good frames of one person that unlock, at least 2.
    pub good: u8,
    /// Frames fit to be judged after which the attempt is refused, `good` to [`MAX_FRAMES`].
    pub of: u8,
    /// How long an attempt may take from its first frame, 200 to 10,000 ms.
    pub window_ms: u32,
}

/// Which faces are fit to be judged. A face that is not is no refusal: it is told what to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FacePolicy {
    /// Least distance between the eyes in pixels of the camera, 16 to 1,000.
    pub eye_distance: f32,
    /// Least variance of the Laplacian ([`image::quality`](crate::image::quality)), 0 to 10,000.
    pub sharpness: f32,
    /// Least mean brightness, 0 to 255.
    pub darkest: f32,
    /// Largest mean brightness, above `darkest`, to 255.
    pub brightest: f32,
    /// Largest share of pixels that are nearly black or nearly white, 0 to 1.
    pub clipped: f32,
    /// Largest turn to a side ([`Pose::yaw`](crate::image::quality::Pose::yaw)), 0 to 1.
    pub yaw: f32,
    /// Largest nod from level ([`Pose::pitch`](crate::image::quality::Pose::pitch)), 0 to 1.
    pub pitch: f32,
    /// Largest tilt ([`Pose::roll`](crate::image::quality::Pose::roll)), 0 to 1.
    pub roll: f32,
    /// Another face whose eyes are at least this many pixels apart holds the door, 0 to `eye_distance`.
    pub other_eye_distance: f32,
    /// And at least this share of those of the largest face, 0 to 0.7: one of half its size stands twice as far away.
    pub other_share: f32,
}

/// The liveness gate. It stands beside the match, and both must pass in the same frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Liveness {
    /// Anybody with a photograph of an enrolled person gets in. For scenes that no camera took, and for doors whose second factor
    /// carries the security.
    Off,
    /// A score of at least this, above 0 to 1. A frame without a score fails.
    AtLeast(f32),
}

/// Whether a face alone opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// It does.
    Off,
    /// The same person's PIN or card must have come within this many milliseconds before the last frame, 1,000 to 60,000.
    Within(u32),
}

/// When the camera is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CameraPolicy {
    /// Oldest frame that counts, 20 to 2,000 ms from capture to decision.
    pub age_ms: u32,
    /// So many frames in a row with pixels that were there before are a frozen camera, 1 to 100.
    pub frozen_frames: u8,
    /// So long without a new frame is a stalled camera, 200 to 60,000 ms.
    pub stall_ms: u32,
}

/// Pauses after refusals: the first `free` cost nothing, the next `first_ms`, then each twice the last.
///
/// Counted are attempts with an enrolled person's face that is not alive, attempts that two people are equally close to, and PINs
/// that were wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Refusals without a pause, at most 10.
    pub free: u8,
    /// The first pause, from 30,000 ms.
    pub first_ms: u32,
    /// The longest pause, `first_ms` to 86,400,000 ms.
    pub longest_ms: u32,
    /// So long without a refusal and all are forgotten, `longest_ms` to 86,400,000 ms.
    pub forget_ms: u32,
    /// Also count faces that nobody enrolled has. Right for a door that few walk past: on a street, strangers who do would lock
    /// everyone out.
    pub strangers: bool,
}

/// What the contact in the door frame means. Without a contact nothing here applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactPolicy {
    /// The lock engages as soon as the door is open: who follows finds it locked. Not for bolts that would stand in the way.
    pub relock_on_open: bool,
    /// A door opened so long after the lock engaged was still opened with leave, at most 30,000 ms.
    pub grace_ms: u32,
    /// A door open for longer was left open, 1,000 to 3,600,000 ms.
    pub left_open_ms: u32,
}

/// What the button on the inside does. The way out must never depend on it: a handle opens from inside without power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing.
    Off,
    /// It unlocks for a pulse in every state but right after an unlock: who is inside may leave, whatever happens outside, and a
    /// button that is stuck keeps no door open.
    Free,
}

impl Default for Policy {
    /// The limits of [`FacePolicy`] let through 98.6 % of LFW's 13,233 photographs, which are of the news, and of the same ones
    /// blurred (a Gaussian of 2 pixels of the aligned face) 3.5 %.
    fn default() -> Self {
        Self {
            target_fpir: 1e-3,
            margin: 0.05,
            frames: FramePolicy { good: 3, of: 8, window_ms: 3_000 },
            face: FacePolicy {
                eye_distance: 24.0,
                sharpness: 20.0,
                darkest: 40.0,
                brightest: 220.0,
                clipped: 0.4,
                yaw: 0.45,
                pitch: 0.25,
                roll: 0.5,
                other_eye_distance: 16.0,
                other_share: 0.5,
            },
            liveness: Liveness::AtLeast(0.9),
            still_cosine: 0.999,
            second_factor: SecondFactor::Off,
            camera: CameraPolicy { age_ms: 500, frozen_frames: 5, stall_ms: 3_000 },
            pulse_ms: 3_000,
            cooldown_ms: 1_000,
            retry_ms: 1_000,
            hold_ms: 1_500,
            lockout: LockoutPolicy {
                free: 3,
                first_ms: 30_000,
                longest_ms: 3_600_000,
                forget_ms: 3_600_000,
                strangers: false,
            },
            contact: ContactPolicy { relock_on_open: true, grace_ms: 2_000, left_open_ms: 30_000 },
            exit: Exit::Off,
            step_ms: 2_000,
        }
    }
}

/// Which setting is unsafe.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A number outside what a door may have, or no number at all.
    #[error("{setting} is {value}, it must be from {least} to {most}")]
    OutOfRange {
        /// Its path in [`Policy`].
        setting: &'static str,
        /// As set.
        value: f32,
        /// The least allowed.
        least: f32,
        /// The most allowed.
        most: f32,
    },
    /// A whole number outside what a door may have.
    #[error("{setting} is {value}, it must be from {least} to {most}")]
    WholeOutOfRange {
        /// Its path in [`Policy`].
        setting: &'static str,
        /// As set.
        value: u32,
        /// The least allowed.
        least: u32,
        /// The most allowed.
        most: u32,
    },
    /// More good frames are asked for than are looked at.
    #[error("{good} good frames of {of} cannot be had; set frames.good to at most frames.of")]
    GoodOfTooFew {
        /// `frames.good`.
        good: u8,
        /// `frames.of`.
        of: u8,
    },
    /// No brightness is allowed.
    #[error(
        "no face is from {darkest} to {brightest} bright; set face.darkest below face.brightest"
    )]
    NoBrightness {
        /// `face.darkest`.
        darkest: f32,
        /// `face.brightest`.
        brightest: f32,
    },
}

impl Policy {
    /// Whether a door may have these settings.
    ///
    /// # Errors
    /// [`PolicyError`] for the first setting that it may not have.
    pub fn check(&self) -> Result<(), PolicyError> {
        let Self { frames, face, camera, lockout, contact, .. } = *self;
        within("target_fpir", self.target_fpir, 1e-9, WORST_FPIR)?;
        share("margin", self.margin)?;
        whole("frames.good", frames.good.into(), 2, MAX_FRAMES.into())?;
        whole("frames.of", frames.of.into(), 2, MAX_FRAMES.into())?;
        if frames.good > frames.of {
            return Err(PolicyError::GoodOfTooFew { good: frames.good, of: frames.of });
        }
        whole("frames.window_ms", frames.window_ms, 200, 10_000)?;
        face.check()?;
        if let Liveness::AtLeast(score) = self.liveness {
            within("liveness", score, f32::MIN_POSITIVE, 1.0)?;
        }
        within("still_cosine", self.still_cosine, 0.9, 0.9999)?;
        if let SecondFactor::Within(ms) = self.second_factor {
            whole("second_factor", ms, 1_000, 60_000)?;
        }
        whole("camera.age_ms", camera.age_ms, 20, 2_000)?;
        whole("camera.frozen_frames", camera.frozen_frames.into(), 1, 100)?;
        whole("camera.stall_ms", camera.stall_ms, 200, 60_000)?;
        whole("pulse_ms", self.pulse_ms, 100, 30_000)?;
        whole("cooldown_ms", self.cooldown_ms, 100, 60_000)?;
        whole("retry_ms", self.retry_ms, 100, 60_000)?;
        whole("hold_ms", self.hold_ms, 500, 60_000)?;
        whole("lockout.free", lockout.free.into(), 0, 10)?;
        whole("lockout.first_ms", lockout.first_ms, 30_000, DAY_MS)?;
        whole("lockout.longest_ms", lockout.longest_ms, lockout.first_ms, DAY_MS)?;
        whole("lockout.forget_ms", lockout.forget_ms, lockout.longest_ms, DAY_MS)?;
        whole("contact.grace_ms", contact.grace_ms, 0, 30_000)?;
        whole("contact.left_open_ms", contact.left_open_ms, 1_000, 3_600_000)?;
        whole("step_ms", self.step_ms, 50, 10_000)
    }
}

impl FacePolicy {
    fn check(&self) -> Result<(), PolicyError> {
        within("face.eye_distance", self.eye_distance, 16.0, 1_000.0)?;
        within("face.sharpness", self.sharpness, 0.0, 10_000.0)?;
        within("face.darkest", self.darkest, 0.0, 255.0)?;
        within("face.brightest", self.brightest, 0.0, 255.0)?;
        if self.darkest >= self.brightest {
            let FacePolicy { darkest, brightest, .. } = *self;
            return Err(PolicyError::NoBrightness { darkest, brightest });
        }
        share("face.clipped", self.clipped)?;
        share("face.yaw", self.yaw)?;
        share("face.pitch", self.pitch)?;
        share("face.roll", self.roll)?;
        within("face.other_eye_distance", self.other_eye_distance, 0.0, self.eye_distance)?;
        within("face.other_share", self.other_share, 0.0, 0.7)
    }
}

const DAY_MS: u32 = 86_400_000;

fn within(setting: &'static str, value: f32, least: f32, most: f32) -> Result<(), PolicyError> {
    // NaN is in no range.
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(PolicyError::OutOfRange { setting, value, least, most })
    }
}

fn whole(setting: &'static str, value: u32, least: u32, most: u32) -> Result<(), PolicyError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(PolicyError::WholeOutOfRange { setting, value, least, most })
    }
}

fn share(setting: &'static str, value: f32) -> Result<(), PolicyError> {
    within(setting, value, 0.0, 1.0)
}
