//! Whether a frame is one to enrol somebody by: what the door will ask of them, and that they are alone and nobody else.

use edge_infer::door::{Calibration, FacePolicy, Observation, Reason};

use crate::eyes::{Eyes, LookError};
use crate::ports::Shot;
use crate::roster::Roster;

/// Why nobody was enrolled by a frame. The next frame may do.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// It could not be looked at.
    #[error(transparent)]
    Look(#[from] LookError),
    /// It shows nobody.
    #[error("no face in the picture")]
    NoFace,
    /// It shows more than one face, and nobody knows whose is meant.
    #[error("more than one face in the picture; one at a time, please")]
    SecondFace,
    /// The face is not fit to be judged.
    #[error("{0}")]
    Unfit(Reason),
    /// The face gives no template.
    #[error("the face gives no template; try again")]
    NoTemplate,
    /// The door would take it for somebody else.
    #[error("the door takes this face for person {person}, by a cosine of {cosine}")]
    Known {
        /// Who that is.
        person: u32,
        /// How like.
        cosine: f32,
    },
}

/// The template to enrol `person` by, who may be enrolled already. `calibration` is the door's, `None` as long as it has none.
///
/// # Errors
/// [`EnrolError`].
pub fn take<'e>(
    person: u32,
    eyes: &'e mut Eyes<'_>,
    shot: &Shot<'_>,
    roster: &Roster<'_>,
    policy: &FacePolicy,
    calibration: Option<&Calibration>,
) -> Result<&'e [i8], EnrolError> {
    let observation = eyes.look(shot, roster)?;
    judge(person, &observation, policy, calibration)?;
    eyes.template().ok_or(EnrolError::NoTemplate)
}

/// Whether what a frame shows may be enrolled as `person`.
fn judge(
    person: u32,
    observation: &Observation,
    policy: &FacePolicy,
    calibration: Option<&Calibration>,
) -> Result<(), EnrolError> {
    let face = observation.face.as_ref().ok_or(EnrolError::NoFace)?;
    let near = |other| policy.holds(Some(face.eye_distance), other);
    if observation.other_eye_distance.is_some_and(near) {
        return Err(EnrolError::SecondFace);
    }
    policy.fit(face).map_err(EnrolError::Unfit)?;
    let best = face.matched.map(|matched| matched.best);
    let other = best.filter(|best| best.person != person).zip(calibration);
    match other {
        // What is no number is below no limit.
        Some((best, limit)) if best.cosine < limit.cosine() => Ok(()),
        Some((best, _)) => Err(EnrolError::Known { person: best.person, cosine: best.cosine }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_infer::door::{Admission, Face, Matched, Measure, Policy, Stamp};
    use edge_infer::image::quality::{Pose, Quality};
    use edge_infer::matching::Best;
    use model_format::Threshold;

    fn face(cosine: f32) -> Face {
        Face {
            track: 1,
            eye_distance: 60.0,
            pose: Some(Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 }),
            quality: Quality { brightness: 120.0, dark: 0.0, bright: 0.0, sharpness: 90.0 },
            matched: Some(Matched {
                best: Best { person: 7, cosine, runner_up: None },
                templates: 1,
                admission: Admission::Inside,
            }),
            liveness: None,
            to_previous: None,
        }
    }

    fn judged(person: u32, face: Option<Face>, other: Option<f32>) -> Result<(), EnrolError> {
        let stamp = Stamp { captured_ms: 0, sequence: 1, digest: 1 };
        let observation = Observation { stamp, face, other_eye_distance: other };
        let table = [Threshold { fmr: 1e-3, cosine: 0.4 }];
        let calibration = Calibration::new(1e-3, 1, table).unwrap();
        judge(person, &observation, &Policy::default().face, Some(&calibration))
    }

    #[test]
    fn a_person_alone_may_be_enrolled_and_enrolled_again() {
        assert_eq!(judged(8, Some(face(0.39)), None), Ok(()));
        assert_eq!(judged(7, Some(face(0.9)), None), Ok(()));
        let first = Face { matched: None, ..face(0.0) };
        // Somebody far behind does not matter.
        assert_eq!(judged(1, Some(first), Some(10.0)), Ok(()));
    }

    #[test]
    fn rejects_nobody_two_a_face_that_is_unfit_and_somebody_elses() {
        assert_eq!(judged(8, None, None), Err(EnrolError::NoFace));
        assert_eq!(judged(8, Some(face(0.1)), Some(50.0)), Err(EnrolError::SecondFace));
        assert_eq!(judged(8, Some(face(0.1)), Some(f32::NAN)), Err(EnrolError::SecondFace));
        let far = Face { eye_distance: 10.0, ..face(0.1) };
        let unfit = judged(8, Some(far), None).unwrap_err();
        assert!(
            matches!(
                unfit,
                EnrolError::Unfit(Reason::TooLow { measure: Measure::EyeDistance, .. })
            ),
            "{unfit}"
        );
        let known = judged(8, Some(face(0.4)), None);
        assert_eq!(known, Err(EnrolError::Known { person: 7, cosine: 0.4 }));
        assert!(judged(8, Some(face(f32::NAN)), None).is_err());
    }
}
