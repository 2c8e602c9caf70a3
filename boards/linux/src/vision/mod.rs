//! From pictures to what a door decides by: who is in front of it, how well that can be seen, and whether it is alive.
//!
//! ```text
//! file ─ decode ─> Picture ─ Eyes::look ─> Seen: all faces; of the largest a track, measures, template, liveness
//! ```
//!
//! | idea | file |
//! |---|---|
//! | image files | `decode`, `jpeg` |
//! | pixels | `picture` |
//! | the networks and what each must be | `models` |
//! | a frame at the detector's size | `letterbox` |
//! | crops for the liveness networks, their score | `liveness` |
//! | all of it, for one frame | `eyes` |
//!
//! Searching a gallery and deciding is left to [`watch`](crate::watch) and `edge_infer::door`; nothing here knows a limit.

pub mod decode;
mod eyes;
mod jpeg;
mod letterbox;
mod liveness;
mod models;
#[cfg(test)]
pub(crate) use models::tests::Door as HandMade;
mod picture;

pub use eyes::{Eyes, EyesError};
pub use liveness::crop as liveness_crop;
pub use models::{Models, ModelsError, Paths, Role};
pub use picture::Picture;

use edge_infer::detect::Face;
use edge_infer::door;
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::matching::TemplateRef;
use model_format::ModelId;

/// What one frame shows.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Every face, in pixels of the picture, the surest first.
    pub faces: Vec<Face>,
    /// The largest face, looked at more closely.
    pub subject: Option<Subject>,
    template: Vec<i8>,
    model: ModelId,
}

/// The face in front of the door.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subject {
    /// Where it is, in pixels of the picture.
    pub face: Face,
    /// The same number as long as it is the same face without a gap.
    pub track: u32,
    /// Between its eyes, in pixels of the picture.
    pub eye_distance: f32,
    /// Between those of the largest of all other faces; `None` if there is no other.
    pub other_eye_distance: Option<f32>,
    /// How the head is turned; `None` if the landmarks make no head.
    pub pose: Option<Pose>,
    /// Light and sharpness of the aligned face.
    pub quality: Quality,
    /// Whether [`Seen::template`] is its.
    pub has_template: bool,
    /// How alive it looks, 0 to 1; `None` without liveness networks.
    pub liveness: Option<f32>,
    /// Cosine with the template of the last frame of the same track; `None` in the first.
    pub to_previous: Option<f32>,
}

impl Seen {
    /// Nothing yet; with room for `faces`, and for a template of `len` values.
    pub(crate) fn new(model: ModelId, len: usize, faces: usize) -> Self {
        let template = vec![0; len];
        Self { faces: Vec::with_capacity(faces), subject: None, template, model }
    }

    /// The subject's template.
    pub fn template(&self) -> Option<TemplateRef<'_>> {
        self.subject.filter(|subject| subject.has_template)?;
        TemplateRef::from_values(&self.template, self.model).ok()
    }

    /// The subject as a door wants to be told, with the gallery's answer.
    pub fn face(&self, matched: Option<door::Matched>) -> Option<door::Face> {
        let Subject { track, eye_distance, pose, quality, liveness, to_previous, .. } =
            self.subject?;
        Some(door::Face { track, eye_distance, pose, quality, matched, liveness, to_previous })
    }
}
