//! Face alignment: turn, scale and shift a face so that its five landmarks meet the network's
//! template.
//!
//! [`similarity`] solves for the transform, [`warp`] resamples the picture under it. Both give the
//! same bits on every target: the solver uses only basic `f64` arithmetic, the resampler only
//! integers.

mod similarity;
mod warp;

pub use similarity::{Similarity, similarity};
pub use warp::warp;

/// Five points, x and y in pixels: left-of-image eye, right-of-image eye, nose, left-of-image mouth
/// corner, right-of-image mouth corner.
pub type Landmarks = [[f32; 2]; 5];

/// Where the landmarks lie in a 112x112 crop for networks trained on ArcFace-aligned faces.
///
/// A model carries its own template in its metadata; this is the value that nearly all published
/// networks use.
pub const ARCFACE_TEMPLATE_112: Landmarks = [
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
];

/// Why a face cannot be aligned.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AlignError {
    /// A coordinate is NaN or infinite.
    #[error("{set} point {point} is not finite ({x}, {y}); discard this detection")]
    NotFinite {
        /// Which set: "source" or "template".
        set: &'static str,
        /// Index of the point.
        point: usize,
        /// As passed.
        x: f32,
        /// As passed.
        y: f32,
    },
    /// All points of a set are one point, up to the precision of `f32`: no scale or turn can be
    /// read from them.
    #[error("the {set} points coincide near ({x}, {y}); discard this detection")]
    Coincident {
        /// Which set: "source" or "template".
        set: &'static str,
        /// Their mean.
        x: f64,
        /// Their mean.
        y: f64,
    },
    /// No turn fits better than any other (for example, a regular polygon against its mirror
    /// image).
    #[error(
        "a similarity explains {explained:e} of the points' spread, which fixes no rotation; \
         discard this detection"
    )]
    NoRotation {
        /// Share of the template's spread that the best similarity explains, 0 to 1.
        explained: f64,
    },
    /// The crop's buffer has another size than the crop.
    #[error("a crop of {width}x{height} RGB pixels needs {needed} bytes, the buffer holds {got}")]
    OutputLength {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes of the crop; `usize::MAX` when that overflows.
        needed: usize,
        /// Bytes passed.
        got: usize,
    },
}
