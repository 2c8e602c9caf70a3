//! A frame to all that a door asks of it, in memory that the board lends: faces, the track of the largest, its light, pose and
//! template.
//!
//! ```text
//! frame ─ detector ─> faces ─ follower ─> the largest ─ embedder ─> template ─ roster ─> who ─> Observation
//! ```
//!
//! The networks take turns in one arena. Both see the frame's own pixels, so it may be no larger than the detector's input; a camera
//! is set to such a size. There is no liveness network, which a policy must make up for (a second factor) or do without.

use edge_infer::detect::{Detector, DetectorError, Face, Follower, Limits, Tracked};
use edge_infer::door::{self, Fault, Observation, Stamp};
use edge_infer::embedder::{EmbedError, Embedded, Embedder, Scratch};
use edge_infer::engine::{Engine, EngineError};
use edge_infer::image::Frame;
use edge_infer::image::quality::Pose;
use edge_infer::matching::{MatchError, TemplateError, TemplateRef};
use model_format::{ModelId, ModelView};

use crate::ports::Shot;
use crate::roster::{Roster, RosterError};

/// Most faces of a frame; the surest are kept.
const MAX_FACES: usize = 8;

/// Longest time between two frames of a track: a processor that takes a second a frame has one of them every second at best.
const PAUSE_MS: u32 = 2_500;

/// What [`Eyes`] works in. All of it is the board's, of any content.
#[derive(Debug)]
pub struct Memory<'a> {
    /// At least as many bytes as either network's arena.
    pub arena: &'a mut [u8],
    /// For the aligned face: height x width x 3 of the embedding network's input, 37,632 bytes for 112x112.
    pub crop: &'a mut [u8],
    /// As many values as an embedding has.
    pub embedding: &'a mut [f32],
    /// As many.
    pub template: &'a mut [i8],
    /// As many: the template of the frame before.
    pub previous: &'a mut [i8],
}

/// Why a frame could not be looked at. None of these comes from what is in the picture, but [`LookError::Detect`] from a frame that is
/// too large.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// The detector did not run.
    #[error("the detector: {0}")]
    Detect(EngineError),
    /// The embedding network did not run.
    #[error("the embedding network: {0}")]
    Embed(EmbedError),
    /// The people in memory cannot be searched.
    #[error("the people: {0}")]
    People(RosterError),
    /// A template cannot be compared with those of the people.
    #[error(transparent)]
    Match(#[from] MatchError),
    /// The template was damaged in memory.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl LookError {
    /// Which fault the door has until a frame can be looked at again.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Detect(_) | Self::Embed(_) | Self::Template(_) => Fault::Model,
            Self::People(_) | Self::Match(_) => Fault::Gallery,
        }
    }
}

/// Networks and memory to look at one camera's frames, in their order.
#[derive(Debug)]
pub struct Eyes<'m> {
    detector: Detector<'m>,
    embedder: Embedder<'m>,
    follower: Follower<&'m mut [i8]>,
    arena: &'m mut [u8],
    crop: &'m mut [u8],
    embedding: &'m mut [f32],
    template: &'m mut [i8],
    /// Whether `template` is the last frame's.
    has_template: bool,
}

/// What is known of the largest face.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Subject {
    tracked: Tracked,
    embedded: Embedded,
    to_previous: Option<f32>,
}

impl<'m> Eyes<'m> {
    /// With these two networks.
    ///
    /// # Errors
    /// [`DetectorError`]: the first is no detector. Memory that is too small fails at the first frame.
    pub fn new(
        detector: ModelView<'m>,
        embedding: ModelView<'m>,
        memory: Memory<'m>,
    ) -> Result<Self, DetectorError> {
        let Memory { arena, crop, embedding: values, template, previous } = memory;
        let detector = Detector::new(Engine::new(detector))?;
        let embedder = Embedder::new(Engine::new(embedding));
        let same = embedding.loosest_cosine();
        let follower = Follower::new(embedding.id(), same, PAUSE_MS, previous);
        Ok(Self {
            detector,
            embedder,
            follower,
            arena,
            crop,
            embedding: values,
            template,
            has_template: false,
        })
    }

    /// The model that makes the templates.
    #[must_use]
    pub fn model(&self) -> ModelId {
        self.embedder.engine().model().id()
    }

    /// The template of the last frame's largest face; `None` if there was no face, or it has none.
    #[must_use]
    pub fn template(&self) -> Option<&[i8]> {
        self.has_template.then_some(&*self.template)
    }

    /// What the frame shows, and who of `roster` that is.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn look(&mut self, shot: &Shot<'_>, roster: &Roster<'_>) -> Result<Observation, LookError> {
        self.has_template = false;
        let mut faces = [Face::default(); MAX_FACES];
        let faces = self.find(&shot.frame, &mut faces).map_err(LookError::Detect)?;
        let digest = digest(&shot.frame);
        let stamp = Stamp { captured_ms: shot.captured_ms, sequence: shot.sequence, digest };
        let Some(tracked) = self.follower.follow(shot.captured_ms, faces) else {
            return Ok(Observation { stamp, face: None, other_eye_distance: None });
        };
        let Subject { tracked, embedded, to_previous } =
            self.examine(&shot.frame, tracked).map_err(LookError::Embed)?;
        let matched = match embedded.has_template {
            true => roster.search(TemplateRef::from_values(self.template, self.model())?)?,
            false => None,
        };
        let face = door::Face {
            track: tracked.track,
            eye_distance: tracked.eye_distance,
            pose: Pose::of(&tracked.face.landmarks),
            quality: embedded.quality,
            matched,
            liveness: None,
            to_previous,
        };
        let other_eye_distance = tracked.other_eye_distance;
        Ok(Observation { stamp, face: Some(face), other_eye_distance })
    }

    fn find<'f>(
        &mut self,
        frame: &Frame<'_>,
        faces: &'f mut [Face; MAX_FACES],
    ) -> Result<&'f [Face], EngineError> {
        let engine = self.detector.engine();
        engine.load_corner(frame, self.arena)?;
        engine.run_loaded(self.arena)?;
        let count = self.detector.faces(self.arena, &Limits::default(), faces)?;
        Ok(faces.get(..count).unwrap_or_default())
    }

    fn examine(&mut self, frame: &Frame<'_>, tracked: Tracked) -> Result<Subject, EmbedError> {
        let scratch = Scratch { crop: self.crop, embedding: self.embedding, arena: self.arena };
        let landmarks = &tracked.face.landmarks;
        let embedded = self.embedder.embed(frame, landmarks, scratch, self.template)?;
        self.has_template = embedded.has_template;
        let (track, to_previous) = match embedded.has_template {
            true => self.follower.compare(tracked.track, self.template),
            false => (tracked.track, None),
        };
        Ok(Subject { tracked: Tracked { track, ..tracked }, embedded, to_previous })
    }
}

/// A hash of a frame's pixels that two different frames of a camera share once in 2^64. It keeps no secret, and somebody who wants to can
/// make two that share it.
fn digest(frame: &Frame<'_>) -> u64 {
    let half = frame.height() / 2;
    let hash = |rows: &mut dyn Iterator<Item = &[u8]>| {
        let mut hasher = crc32fast::Hasher::new();
        rows.for_each(|row| hasher.update(row));
        hasher.finalize()
    };
    let upper = hash(&mut frame.rows().take(half));
    u64::from(upper) << 32 | u64::from(hash(&mut frame.rows().skip(half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_tell_single_pixels_apart() {
        let mut digests: std::vec::Vec<u64> = (0..27)
            .map(|at| {
                let mut rgb = [7; 27];
                rgb[at] += 1;
                digest(&Frame::new(&rgb, 3, 3, 9).unwrap())
            })
            .collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 27);
    }
}
