//! Int8 layers over plain slices: what a layer computes, without knowing what a model is.
//!
//! Each kernel takes a struct of numbers and slices, checks every length against its geometry once,
//! and then runs loops that cannot index out of bounds. The engine translates a model's ops into
//! these structs; the kernels leave arenas, plans and file formats to it, and leave the innermost
//! rows of arithmetic to `arch`.
//!
//! Layout: activations NHWC with a batch of 1; convolution weights `[out][ky][kx][in]`; depthwise
//! weights `[ky][kx][channel]`; fully connected weights `[out][in]`. Activations are int8 with one
//! scale and zero point a tensor; weights int8, symmetric, one scale an output channel. A bias is
//! int32 with the input's zero point already folded in (`bias[c] - zero_point * sum(w[c])`), so a
//! kernel sums stored values as they are, and padding reads as the input's zero point.

mod add;
mod arch;
mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
mod geometry;
mod global_average_pool;
mod max_pool;
mod requantize;
mod scale_channels;

pub use add::{Add, add};
pub use conv2d::{Convolution, conv2d};
pub use depthwise_conv2d::depthwise_conv2d;
pub use fully_connected::{FullyConnected, fully_connected, fully_connected_sums};
pub use geometry::{Extent, Geometry, Window};
pub use global_average_pool::{GlobalAveragePool, global_average_pool};
pub use max_pool::{MaxPool, max_pool};
pub use requantize::{Activation, Addend, Requantize};
pub use scale_channels::{ScaleChannels, scale_channels};

pub(crate) use arch::{dot, round_to_i8};

/// Channels whose sums are held on the stack at a time: 256 bytes, and a whole number of vectors on
/// every target.
const BLOCK: usize = 64;

/// Lends `fill` the sums of a block of `channels`, at most [`BLOCK`], which start as their biases.
#[inline(always)]
fn with_sums(bias: &[i32], channels: usize, fill: impl FnOnce(&mut [i32])) {
    let mut block = [0; BLOCK];
    for (sum, &bias) in block.iter_mut().zip(bias) {
        *sum = bias;
    }
    if let Some(sums) = block.get_mut(..channels) {
        fill(sums);
    }
}

/// A slice that does not fit the layer's geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} holds {got} values but the layer's geometry needs {needed}; \
     pass slices of the layer's own shapes"
)]
pub struct LengthError {
    /// Which argument.
    pub what: &'static str,
    /// Values that the geometry needs; `usize::MAX` when it overflows the address space.
    pub needed: usize,
    /// Values that were passed.
    pub got: usize,
}
