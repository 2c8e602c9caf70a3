//! One picture to all that a door asks of it. Every buffer is made once; a frame of the same size as the last allocates nothing.
//!
//! ```text
//! picture ─ letterbox ─ detector ─ faces ─ tracker ─> track of the largest
//!    │                               │
//!    ├── 5 landmarks ─ align ────────┤──> light, sharpness ─ embedding network ─> template, cosine with the track's last one
//!    └── box times 2.7, 4.0 ─────────┴──> liveness networks ─> score
//! ```

use super::letterbox::Letterbox;
use super::liveness::Liveness;
use super::models::Models;
use super::{Picture, Seen, Subject};
use edge_infer::detect::{Detector, DetectorError, Face, Follower, Limits, Tracked};
use edge_infer::embedder::{EmbedError, Embedded, Embedder, Scratch};
use edge_infer::engine::{Engine, EngineError};
use edge_infer::image::quality::Pose;
use model_format::ModelId;

/// Most faces of a frame.
const MAX_FACES: usize = 16;

/// Longest time between two frames of a track.
const PAUSE_MS: u32 = 1_000;

/// Why a picture could not be looked at. None of these comes from what is in the picture.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EyesError {
    /// A network did not run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The detector is none.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// A face did not become a template.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

/// Networks and memory to look at one camera's frames, in their order.
#[derive(Debug)]
pub struct Eyes<'m> {
    detector: Detector<'m>,
    embedder: Embedder<'m>,
    liveness: Option<Liveness<'m>>,
    letterbox: Letterbox,
    follower: Follower<Vec<i8>>,
    arena: Vec<u8>,
    aligned: Vec<u8>,
    embedding: Vec<f32>,
    seen: Seen,
}

impl<'m> Eyes<'m> {
    /// With these networks.
    ///
    /// # Errors
    /// [`EyesError::Detector`], which [`Models::open`] has ruled out.
    pub fn new(models: &'m Models) -> Result<Self, EyesError> {
        let detector = Detector::new(Engine::new(models.detector()))?;
        let embedder = Embedder::new(Engine::new(models.embedding()));
        let liveness = models.liveness().map(|views| Liveness::new(views.map(Engine::new)));
        let engines = [*detector.engine(), *embedder.engine()];
        let extra = models.liveness().into_iter().flatten().map(|view| view.arena_bytes());
        let bytes = engines.iter().map(Engine::arena_bytes).chain(extra).max();
        let input = detector.engine().model().input().shape;
        let (columns, rows) = (usize::from(input.width), usize::from(input.height));
        let aligned = embedder.crop_bytes();
        let (model, len) = (models.embedding().id(), embedder.len());
        Ok(Self {
            detector,
            embedder,
            liveness,
            letterbox: Letterbox::new(columns, rows),
            follower: Follower::new(model, models.loosest_cosine(), PAUSE_MS, vec![0; len]),
            arena: vec![0; bytes.unwrap_or(0)],
            aligned: vec![0; aligned],
            embedding: vec![0.0; len],
            seen: Seen::new(model, len, MAX_FACES),
        })
    }

    /// The model that makes the templates.
    pub fn model(&self) -> ModelId {
        self.embedder.engine().model().id()
    }

    /// What the last picture showed.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Looks at a picture that was captured at `at_ms`. A clock that goes back is a gap.
    ///
    /// # Errors
    /// [`EyesError`].
    pub fn look(&mut self, picture: &Picture, at_ms: u64) -> Result<&Seen, EyesError> {
        self.find(picture)?;
        let tracked = self.follower.follow(at_ms, &self.seen.faces);
        let subject = tracked.map(|tracked| self.examine(picture, &tracked)).transpose()?;
        self.seen.subject = subject;
        Ok(&self.seen)
    }

    /// Fills in the faces, in pixels of the picture.
    fn find(&mut self, picture: &Picture) -> Result<(), EyesError> {
        let (input, scale) = self.letterbox.fit(picture);
        self.detector.engine().run(input, &mut self.arena)?;
        let mut faces = [Face::default(); MAX_FACES];
        let count = self.detector.faces(&self.arena, &Limits::default(), &mut faces)?;
        self.seen.faces.clear();
        let found = faces.iter().take(count).map(|face| enlarged(face, scale));
        self.seen.faces.extend(found);
        Ok(())
    }

    fn examine(&mut self, picture: &Picture, tracked: &Tracked) -> Result<Subject, EyesError> {
        let face = tracked.face;
        let Embedded { quality, has_template } = self.embedder.embed(
            &picture.frame(),
            &face.landmarks,
            Scratch {
                crop: &mut self.aligned,
                embedding: &mut self.embedding,
                arena: &mut self.arena,
            },
            &mut self.seen.template,
        )?;
        let (track, to_previous) = if has_template {
            self.follower.compare(tracked.track, &self.seen.template)
        } else {
            (tracked.track, None)
        };
        let liveness = match &mut self.liveness {
            Some(networks) => networks.score(picture, &face, &mut self.arena)?,
            None => None,
        };
        Ok(Subject {
            face,
            track,
            eye_distance: tracked.eye_distance,
            other_eye_distance: tracked.other_eye_distance,
            pose: Pose::of(&face.landmarks),
            quality,
            has_template,
            liveness,
            to_previous,
        })
    }
}

/// From pixels of the detector's input to those of the picture.
fn enlarged(face: &Face, scale: f64) -> Face {
    let whole = |value: f32| (f64::from(value) / scale) as f32;
    Face {
        x: whole(face.x),
        y: whole(face.y),
        width: whole(face.width),
        height: whole(face.height),
        landmarks: face.landmarks.map(|point| point.map(whole)),
        score: face.score,
    }
}
