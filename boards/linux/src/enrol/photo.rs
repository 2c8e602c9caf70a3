//! One picture to one template, or the reason why there is none.

use crate::vision::decode::DecodeError;
use crate::vision::{Eyes, EyesError, Picture};
use edge_infer::door::{FacePolicy, Reason};
use edge_infer::image::quality::{Pose, eye_distance};
use edge_infer::matching::TemplateRef;
use model_format::ModelId;

/// A face that can be enrolled.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Name of the picture.
    pub name: String,
    /// Light of the face, 0 to 255.
    pub brightness: f32,
    /// How the head is turned.
    pub pose: Pose,
    values: Vec<i8>,
    model: ModelId,
}

/// Why a picture is not enrolled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no picture.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Nobody is on it.
    #[error("no face was found: take it from nearer, from the front and in good light")]
    NoFace,
    /// Who is meant?
    #[error("{faces} faces are near enough to be meant: take it with one person alone")]
    Faces {
        /// How many.
        faces: usize,
    },
    /// The face could not be judged at the door either.
    #[error("{0}")]
    Unfit(Reason),
    /// The network gives nothing usable of it.
    #[error("the face gives no template: take another picture")]
    NoTemplate,
    /// It adds nothing.
    #[error(
        "it shows what `{other}` shows (cosine {cosine:.4}): take it in other light or another pose"
    )]
    Same {
        /// The picture before it.
        other: String,
        /// Of both.
        cosine: f32,
    },
    /// It is enrolled already.
    #[error("the person is enrolled with this picture already (cosine {cosine:.4})")]
    Known {
        /// With the closest of their templates.
        cosine: f32,
    },
    /// Another person, most likely.
    #[error(
        "it does not look like `{other}` (cosine {cosine:.2}, {least:.2} are needed): is it somebody else?"
    )]
    Outlier {
        /// The picture that is most like all of them.
        other: String,
        /// Of both.
        cosine: f32,
        /// From which on it is taken for the same person.
        least: f32,
    },
}

impl Photo {
    /// The template.
    pub fn template(&self) -> TemplateRef<'_> {
        TemplateRef::from_values(&self.values, self.model)
            .expect("the values are a template's, so they have a direction")
    }
}

/// Looks at a picture of one person.
///
/// A second face is one that would hold the door; passers-by in the background are none.
///
/// # Errors
/// The networks did not run. The inner error says why the picture is not to be enrolled.
pub fn take(
    eyes: &mut Eyes<'_>,
    policy: &FacePolicy,
    name: &str,
    picture: &Picture,
) -> Result<Result<Photo, Refusal>, EyesError> {
    let seen = eyes.look(picture, 0)?;
    let Some(face) = seen.face(None) else { return Ok(Err(Refusal::NoFace)) };
    let sizes = seen.faces.iter().map(|face| eye_distance(&face.landmarks));
    // The largest is one of them.
    let faces = sizes.filter(|size| policy.holds(Some(face.eye_distance), *size)).count();
    if faces > 1 {
        return Ok(Err(Refusal::Faces { faces }));
    }
    if let Err(reason) = policy.fit(&face) {
        return Ok(Err(Refusal::Unfit(reason)));
    }
    let (Some(template), Some(pose)) = (seen.template(), face.pose) else {
        return Ok(Err(Refusal::NoTemplate));
    };
    Ok(Ok(Photo {
        name: name.to_owned(),
        brightness: face.quality.brightness,
        pose,
        values: template.values().to_vec(),
        model: template.model(),
    }))
}

#[cfg(test)]
impl Photo {
    /// For tests of what is done with photos.
    pub(crate) fn drawn(name: &str, values: &[i8]) -> Self {
        let pose = Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 };
        let model = ModelId([1; 16]);
        Self { name: name.to_owned(), brightness: 100.0, pose, values: values.to_vec(), model }
    }
}
