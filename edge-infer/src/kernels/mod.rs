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
mod concat;
mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
mod geometry;
mod global_average_pool;
mod lookup;
mod max_pool;
mod requantize;
mod scale_channels;
mod upsample;

pub use add::{Add, add};
pub use concat::{Concat, concat};
pub use conv2d::{Convolution, conv2d};
pub use depthwise_conv2d::depthwise_conv2d;
pub use fully_connected::{FullyConnected, fully_connected, fully_connected_sums};
pub use geometry::{Extent, Geometry, Window};
pub use global_average_pool::{GlobalAveragePool, global_average_pool};
pub use lookup::{Lookup, lookup};
pub use max_pool::{MaxPool, max_pool};
pub use requantize::{Activation, Addend, Requantize};
pub use scale_channels::{ScaleChannels, scale_channels};
pub use upsample::{Upsample, upsample};

pub use arch::Tier;
use arch::{BLOCK, Primitives, on_tier};
pub(crate) use arch::{Plain, round_to_i8};

impl Tier {
    /// Does nothing but the tier's dot product, on numbers in registers, and says how many
    /// multiply-accumulates that were. Their number grows with `turns`. By how long it takes, a caller
    /// with a clock knows what the processor could do at most, just then, and what share of it a layer
    /// reaches.
    pub fn saturate(self, turns: u32) -> u64 {
        on_tier!(self, primitives => primitives.saturate(turns))
    }

    /// Does `work`, compiled for the tier's instructions.
    pub(crate) fn compiled(self, work: impl Plain) {
        on_tier!(self, primitives => primitives.compiled(work));
    }

    /// Exact sum of `a[i] * b[i]`; the shorter slice ends it.
    pub(crate) fn dot(self, a: &[i8], b: &[i8]) -> i32 {
        on_tier!(self, primitives => primitives.dot(a, b))
    }

    /// For each of the rows, which lie one after the other and are as long as `probe`, its dot with
    /// `probe`. There are as many sums as rows.
    pub(crate) fn dots(self, probe: &[i8], rows: &[i8], sums: &mut [i32]) {
        on_tier!(self, primitives => primitives.dots(probe, rows, sums))
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
