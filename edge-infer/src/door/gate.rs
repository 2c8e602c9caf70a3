//! One frame's face: fit to be judged, and good.
//!
//! ```text
//! measurements ── too small, dark, blurred, turned ──> unfit: told what to do, counts for nothing
//!      │ fit
//!      └─ match AND lead AND schedule AND life AND movement ──> good, of this person
//!                       └── any of them missing or not a number ──> bad
//! ```

use super::policy::{FacePolicy, Liveness};
use super::{Admission, Calibration, Face, Matched, Measure, Policy, Reason};
use crate::matching::Best;

impl FacePolicy {
    /// Whether a second face with this distance between its eyes is near enough to enter beside one with that of `subject`. One of a
    /// size that nobody can tell is.
    pub fn holds(&self, subject: Option<f32>, other: f32) -> bool {
        let far = |subject: f32| other < subject * self.other_share;
        !(other < self.other_eye_distance || subject.is_some_and(far))
    }

    /// Whether the face can be judged at all: size, light, sharpness and pose. Enrolment asks the same.
    ///
    /// # Errors
    /// What to do about it.
    pub fn fit(&self, face: &Face) -> Result<(), Reason> {
        let Face { eye_distance, quality, .. } = *face;
        at_least(Measure::EyeDistance, eye_distance, self.eye_distance)?;
        at_least(Measure::Brightness, quality.brightness, self.darkest)?;
        at_most(Measure::Brightness, quality.brightness, self.brightest)?;
        at_most(Measure::Clipped, quality.dark + quality.bright, self.clipped)?;
        at_least(Measure::Sharpness, quality.sharpness, self.sharpness)?;
        let pose = face.pose.ok_or(Reason::Unmeasured(Measure::Pose))?;
        at_most(Measure::Roll, pose.roll.abs(), self.roll)?;
        at_most(Measure::Yaw, pose.yaw.abs(), self.yaw)?;
        at_most(Measure::Pitch, pose.pitch.abs(), self.pitch)
    }
}

/// Who it is, if everything says so. `first` if it is the first face of its attempt, which may have none before it to differ from.
///
/// # Errors
/// What speaks against it.
pub(super) fn recognise(
    policy: &Policy,
    calibration: &Calibration,
    face: &Face,
    first: bool,
) -> Result<u32, Reason> {
    let Matched { best, templates, admission } = face.matched.ok_or(Reason::NobodyEnrolled)?;
    if templates > calibration.templates() {
        return Err(Reason::GalleryOutgrown { templates, calibrated: calibration.templates() });
    }
    let cosine = self::cosine(Measure::Cosine, best.cosine)?;
    let limit = calibration.cosine();
    if cosine < limit {
        return Err(Reason::Unknown { cosine, limit });
    }
    leads(&best, policy.margin)?;
    match policy.liveness {
        Liveness::Off => {}
        Liveness::AtLeast(limit) => {
            let score = face.liveness.ok_or(Reason::Unmeasured(Measure::Liveness))?;
            let score = between(Measure::Liveness, score, 0.0, 1.0)?;
            if score < limit {
                return Err(Reason::NotLive { score, limit });
            }
        }
    }
    moves(policy.still_cosine, face.to_previous, first)?;
    match admission {
        Admission::Inside => Ok(best.person),
        Admission::Outside => Err(Reason::OutsideSchedule),
        Admission::TimeUnknown => Err(Reason::TimeUnknown),
    }
}

/// Whether the closest person is clearly closer than anybody else.
fn leads(best: &Best, limit: f32) -> Result<(), Reason> {
    let Some(runner_up) = best.runner_up else { return Ok(()) };
    let lead = best.cosine - cosine(Measure::Cosine, runner_up.cosine)?;
    if lead < limit || runner_up.person == best.person {
        return Err(Reason::Ambiguous { lead, limit });
    }
    Ok(())
}

/// Whether the face changed since the frame before, as living ones do.
fn moves(limit: f32, to_previous: Option<f32>, first: bool) -> Result<(), Reason> {
    let Some(cosine) = to_previous else {
        return if first { Ok(()) } else { Err(Reason::Unmeasured(Measure::ToPrevious)) };
    };
    let cosine = self::cosine(Measure::ToPrevious, cosine)?;
    if cosine >= limit {
        return Err(Reason::Still { cosine, limit });
    }
    Ok(())
}

fn finite(measure: Measure, value: f32) -> Result<f32, Reason> {
    between(measure, value, f32::MIN, f32::MAX)
}

/// A cosine, up to the rounding of one.
fn cosine(measure: Measure, value: f32) -> Result<f32, Reason> {
    between(measure, value, -1.001, 1.001)
}

/// The value, if it is one that can be.
fn between(measure: Measure, value: f32, least: f32, most: f32) -> Result<f32, Reason> {
    if (least..=most).contains(&value) { Ok(value) } else { Err(Reason::Unmeasured(measure)) }
}

fn at_least(measure: Measure, value: f32, limit: f32) -> Result<(), Reason> {
    if finite(measure, value)? < limit {
        Err(Reason::TooLow { measure, value, limit })
    } else {
        Ok(())
    }
}

fn at_most(measure: Measure, value: f32, limit: f32) -> Result<(), Reason> {
    if finite(measure, value)? > limit {
        Err(Reason::TooHigh { measure, value, limit })
    } else {
        Ok(())
    }
}
