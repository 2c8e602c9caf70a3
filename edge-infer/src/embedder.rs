//! One face of a frame to its template, and what the pixels that it is made of are worth.
//!
//! ```text
//! frame, 5 landmarks ─ align ─> crop ─┬─ quality ─> light, sharpness
//!                                     └─ engine ─> embedding ─ quantize ─> template
//! ```
//!
//! Which face of a frame that is, is left to [`detect`](crate::detect), whose it is to [`matching`].

use crate::engine::{Engine, EngineError};
use crate::image::align::{self, Landmarks};
use crate::image::quality::Quality;
use crate::image::{Frame, FrameError};
use crate::matching;

/// An embedding network, and how to show it a face.
#[derive(Clone, Copy, Debug)]
pub struct Embedder<'m> {
    engine: Engine<'m>,
}

/// Memory for one face, of any content.
#[derive(Debug)]
pub struct Scratch<'a> {
    /// For the aligned face, RGB: [`Embedder::crop_bytes`].
    pub crop: &'a mut [u8],
    /// For the embedding: [`Embedder::len`] values.
    pub embedding: &'a mut [f32],
    /// For the network: at least [`Engine::arena_bytes`].
    pub arena: &'a mut [u8],
}

/// What came of a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Embedded {
    /// Light and sharpness of the aligned face; black if the landmarks make no face.
    pub quality: Quality,
    /// Whether there is a template. There is none if the landmarks make no face, or the embedding has no direction.
    pub has_template: bool,
}

/// Why a face was not looked at. None of these comes from what is in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The network did not run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The memory for the aligned face is too small.
    #[error(transparent)]
    Crop(#[from] FrameError),
}

impl<'m> Embedder<'m> {
    /// Of the engine's model.
    pub fn new(engine: Engine<'m>) -> Self {
        Self { engine }
    }

    /// The engine that runs the network.
    pub fn engine(&self) -> &Engine<'m> {
        &self.engine
    }

    /// Bytes of an aligned face.
    pub fn crop_bytes(&self) -> usize {
        self.engine.model().input().shape.elements()
    }

    /// Values of an embedding.
    #[expect(clippy::len_without_is_empty, reason = "no model has an empty embedding")]
    pub fn len(&self) -> usize {
        self.engine.model().metadata().embedding_len.into()
    }

    /// Aligns the face with these landmarks, measures it, and leaves its template, if it has one, in `template`, which has
    /// [`len`](Self::len) values.
    ///
    /// # Errors
    /// [`EmbedError`]: memory of another size. A `template` of another length is no template.
    pub fn embed(
        &self,
        frame: &Frame<'_>,
        landmarks: &Landmarks,
        scratch: Scratch<'_>,
        template: &mut [i8],
    ) -> Result<Embedded, EmbedError> {
        let Scratch { crop, embedding, arena } = scratch;
        let model = self.engine.model();
        let shape = model.input().shape;
        let (width, height) = (usize::from(shape.width), usize::from(shape.height));
        let turn = align::similarity(landmarks, &model.metadata().landmarks);
        let warped = turn.and_then(|turn| align::warp(frame, &turn, crop, width, height));
        if warped.is_err() {
            // Landmarks that make no face: black has no light, no edges and no template.
            crop.fill(0);
        }
        let quality = Quality::of(&Frame::new(crop, width, height, width.saturating_mul(3))?);
        let mut has_template = false;
        if warped.is_ok() {
            self.engine.run(crop, arena)?.embedding(embedding)?;
            has_template = matching::quantize(embedding, template).is_ok();
        }
        Ok(Embedded { quality, has_template })
    }
}
