//! One picture to all that a door asks of it. Every buffer is made once; a frame of the same size as the last allocates nothing.
//!
//! ```text
//! picture ─ letterbox ─ detector ─ faces ─ tracker ─> track of the largest
//!    │                               │
//!    ├── 5 landmarks ─ align ────────┤──> light, sharpness ─ embedding network ─> template, cosine with the track's last one
//!    └── box times 2.7, 4.0 ─────────┴──> liveness networks ─> score
//! ```

use super::follow::Follower;
use super::letterbox::Letterbox;
use super::liveness::Liveness;
use super::models::Models;
use super::{Picture, Seen, Subject};
use edge_infer::detect::{Detector, DetectorError, Face, Limits, Tracked};
use edge_infer::engine::{Engine, EngineError};
use edge_infer::image::align;
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::image::{Frame, FrameError};
use edge_infer::matching;
use model_format::ModelId;

/// Most faces of a frame.
const MAX_FACES: usize = 16;

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
    /// The aligned face is not of the network's size.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Networks and memory to look at one camera's frames, in their order.
#[derive(Debug)]
pub struct Eyes<'m> {
    detector: Detector<'m>,
    embedder: Engine<'m>,
    liveness: Option<Liveness<'m>>,
    letterbox: Letterbox,
    follower: Follower,
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
        let embedder = Engine::new(models.embedding());
        let liveness = models.liveness().map(|views| Liveness::new(views.map(Engine::new)));
        let engines = [*detector.engine(), embedder];
        let extra = models.liveness().into_iter().flatten().map(|view| view.arena_bytes());
        let bytes = engines.iter().map(Engine::arena_bytes).chain(extra).max();
        let input = detector.engine().model().input().shape;
        let (columns, rows) = (usize::from(input.width), usize::from(input.height));
        let aligned = models.embedding().input().shape.elements();
        let len = models.embedding_len();
        Ok(Self {
            detector,
            embedder,
            liveness,
            letterbox: Letterbox::new(columns, rows),
            follower: Follower::new(models.embedding().id(), len, models.loosest_cosine()),
            arena: vec![0; bytes.unwrap_or(0)],
            aligned: vec![0; aligned],
            embedding: vec![0.0; len],
            seen: Seen::new(models.embedding().id(), len, MAX_FACES),
        })
    }

    /// The model that makes the templates.
    pub fn model(&self) -> ModelId {
        self.embedder.model().id()
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
        let Turned { quality, has_template } = self.embed(picture, &face)?;
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

    /// Aligns the face, measures it and leaves its template in `seen`, if it has one.
    fn embed(&mut self, picture: &Picture, face: &Face) -> Result<Turned, EyesError> {
        let model = self.embedder.model();
        let shape = model.input().shape;
        let (width, height) = (usize::from(shape.width), usize::from(shape.height));
        let turn = align::similarity(&face.landmarks, &model.metadata().landmarks);
        let warped = turn.and_then(|turn| {
            align::warp(&picture.frame(), &turn, &mut self.aligned, width, height)
        });
        if warped.is_err() {
            // Landmarks that make no face: black has no light, no edges and no template.
            self.aligned.fill(0);
        }
        let quality = Quality::of(&Frame::new(&self.aligned, width, height, width * 3)?);
        let mut has_template = false;
        if warped.is_ok() {
            let output = self.embedder.run(&self.aligned, &mut self.arena)?;
            output.embedding(&mut self.embedding)?;
            has_template = matching::quantize(&self.embedding, &mut self.seen.template).is_ok();
        }
        Ok(Turned { quality, has_template })
    }
}

struct Turned {
    quality: Quality,
    has_template: bool,
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
