//! From a camera frame to the network's input: view the frame, cut out an aligned face, store it as
//! int8.
//!
//! ```text
//! Frame (any size, RGB8) ── align::warp ──> 112x112 RGB8 ── normalize::write_input ──> int8 input
//!                                                └── quality ──> light, sharpness, pose
//! ```
//!
//! Finding the face and its landmarks is left to a detector; the network to
//! [`engine`](crate::engine).

pub mod align;
mod frame;
pub mod normalize;
pub mod quality;

pub use frame::{Frame, FrameError};
