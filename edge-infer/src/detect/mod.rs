//! From a detector's output tensors to faces: box, five landmarks, score.
//!
//! The network is YuNet (Wu et al., Machine Intelligence Research 20(5), 2023): it looks at the image on three grids, of 8, 16
//! and 32 pixels a cell, and gives each cell its guess of one face:
//!
//! ```text
//! cls_S, obj_S    1 value a cell     that there is a face; the score is sqrt(cls * obj)
//! bbox_S          4 values           centre x, y in cells from the cell's corner; logarithms of width, height in cells
//! kps_S           5 x 2 values       landmarks in cells from the cell's corner
//! ```
//!
//! Faces are found greedily: the best cell, then the best that does not overlap it, and so on. That asks nothing of memory
//! but the faces themselves. [`Tracker`] follows the largest from frame to frame, [`Follower`] the same
//! person. Running the network is left to
//! [`engine`](crate::engine), turning a face upright to [`image`](crate::image), what a score is worth to the caller.

mod cell;
mod follow;
mod track;

use model_format::{ElementType, ModelView, Shape, Tensor, TensorIndex};

use crate::engine::{Engine, EngineError, Output};
use crate::float;
use crate::image::align::Landmarks;
use cell::Cell;

pub use follow::Follower;
pub use track::{Tracked, Tracker};

/// A face in an image, in pixels of the network's input; it may reach beyond the image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Face {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Columns, not negative.
    pub width: f32,
    /// Rows, not negative.
    pub height: f32,
    /// Left-of-image eye, right-of-image eye, nose, left-of-image mouth corner, right-of-image mouth corner.
    pub landmarks: Landmarks,
    /// How sure the network is, 0 to 1.
    pub score: f32,
}

impl Face {
    /// Area that two boxes share over the area that they cover together, 0 to 1.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> f32 {
        let along = |a: f32, a_size: f32, b: f32, b_size: f32| {
            ((a + a_size).min(b + b_size) - a.max(b)).max(0.0)
        };
        let shared = along(self.x, self.width, other.x, other.width)
            * along(self.y, self.height, other.y, other.height);
        let covered = self.width * self.height + other.width * other.height - shared;
        if covered > 0.0 { shared / covered } else { 0.0 }
    }
}

/// Which guesses are faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Least score, 0 to 1.
    pub score: f32,
    /// Boxes that overlap a better one by more than this are the same face.
    pub overlap: f32,
}

impl Default for Limits {
    /// What the network's authors use for photographs.
    fn default() -> Self {
        Self { score: 0.6, overlap: 0.3 }
    }
}

/// Why a model is no detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetectorError {
    /// An output is missing.
    #[error("the model has no output `{name}`: pass a YuNet, imported with its outputs' names")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// An output has another shape than the input's size asks for.
    #[error("output `{name}` is {found}, a grid of {expected} int8 values is needed")]
    Grid {
        /// Its name.
        name: &'static str,
        /// Shape needed.
        expected: Shape,
        /// Shape there.
        found: Shape,
    },
}

/// Pixels a cell of the three grids.
const STRIDES: [u16; 3] = [8, 16, 32];

/// Outputs of each grid, and values a cell.
const NAMES: [[(&str, u16); 4]; 3] = [
    [("cls_8", 1), ("obj_8", 1), ("bbox_8", 4), ("kps_8", 10)],
    [("cls_16", 1), ("obj_16", 1), ("bbox_16", 4), ("kps_16", 10)],
    [("cls_32", 1), ("obj_32", 1), ("bbox_32", 4), ("kps_32", 10)],
];

/// Where a checked model keeps its guesses.
#[derive(Clone, Copy, Debug)]
pub struct Detector<'m> {
    engine: Engine<'m>,
    /// Scores of class and object, boxes, landmarks.
    outputs: [[TensorIndex; 4]; 3],
    /// Rows, columns.
    grids: [[u16; 2]; 3],
}

impl<'m> Detector<'m> {
    /// Finds the outputs of the engine's model.
    ///
    /// # Errors
    /// [`DetectorError`]: an output is missing, or not of the grid that the input's size makes.
    pub fn new(engine: Engine<'m>) -> Result<Self, DetectorError> {
        let model = engine.model();
        let mut detector = Self { engine, outputs: [[TensorIndex(0); 4]; 3], grids: [[0; 2]; 3] };
        let Shape { height, width, .. } = model.input().shape;
        let places = detector.outputs.iter_mut().zip(&mut detector.grids);
        for ((outputs, grid), (stride, names)) in places.zip(STRIDES.into_iter().zip(NAMES)) {
            *grid = [height, width].map(|side| cells(side, stride));
            for (output, (name, channels)) in outputs.iter_mut().zip(names) {
                let expected = Shape { height: grid[0], width: grid[1], channels };
                let (index, Tensor { shape: found, element, .. }) =
                    named(&model, name).ok_or(DetectorError::Missing { name })?;
                if found != expected || element != ElementType::I8 {
                    return Err(DetectorError::Grid { name, expected, found });
                }
                *output = index;
            }
        }
        Ok(detector)
    }

    /// The engine that runs the network.
    pub fn engine(&self) -> &Engine<'m> {
        &self.engine
    }

    /// The faces that a run has left in `arena`, the best first, as many as `faces` holds; their number.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`].
    pub fn faces(
        &self,
        arena: &[u8],
        limits: &Limits,
        faces: &mut [Face],
    ) -> Result<usize, EngineError> {
        let mut found = 0;
        while let Some((before, [place, ..])) = faces.split_at_mut_checked(found) {
            let Some(best) = self.best(arena, limits, before)? else { break };
            *place = best;
            found += 1;
        }
        Ok(found)
    }

    /// The best face that overlaps none of those `before`.
    fn best(
        &self,
        arena: &[u8],
        limits: &Limits,
        before: &[Face],
    ) -> Result<Option<Face>, EngineError> {
        let mut best: Option<Face> = None;
        let grids = self.outputs.iter().zip(self.grids).zip(STRIDES);
        for ((&[class, object, boxes, landmarks], [_, columns]), stride) in grids {
            let read = |index| self.engine.read(index, arena);
            let (class, object) = (read(class)?, read(object)?);
            let (boxes, landmarks) = (read(boxes)?, read(landmarks)?);
            for (at, (class, object)) in class.values().zip(object.values()).enumerate() {
                // Squares keep the order, and most cells need no root.
                let square = class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0);
                let least = best.map_or(limits.score, |best| best.score);
                let enough = square >= least * least;
                if !enough || best.is_some_and(|best| square <= best.score * best.score) {
                    continue;
                }
                let columns = usize::from(columns);
                let row = at.checked_div(columns).unwrap_or(0);
                let cell = Cell { row, column: at - row * columns, stride };
                let face =
                    cell.face(float::root(square), values(&boxes, at), values(&landmarks, at));
                if before.iter().all(|better| face.overlap(better) <= limits.overlap) {
                    best = Some(face);
                }
            }
        }
        Ok(best)
    }
}

/// Cells along a side, the last of which may reach beyond it; 0 where they cannot be counted, which no output has.
fn cells(side: u16, stride: u16) -> u16 {
    let covered = side.checked_next_multiple_of(stride);
    covered.and_then(|covered| covered.checked_div(stride)).unwrap_or(0)
}

/// The values of cell `at`.
fn values<const N: usize>(output: &Output<'_>, at: usize) -> [f32; N] {
    core::array::from_fn(|i| output.value(at * N + i).unwrap_or_default())
}

fn named(model: &ModelView<'_>, name: &str) -> Option<(TensorIndex, Tensor)> {
    let index = model.outputs().find(|output| output.name == name)?.tensor;
    Some((index, model.tensor(index)?))
}
