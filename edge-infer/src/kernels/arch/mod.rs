//! Primitives over rows of numbers: dot products, multiply-accumulate, rounding back to int8.
//!
//! The only layer that a processor's vector instructions may replace. A primitive sees slices and a
//! few numbers: no layer, no geometry, no model. `scalar` is always built and is the reference:
//! another tier equals it bit for bit. That is possible because integer sums are exact in any order
//! and every `f32` operation rounds by itself.
//!
//! Slices of one call are walked in step and the shortest one ends the walk, so no primitive can
//! read out of bounds or panic; the kernels above check the lengths once and hand over equal ones.

mod scalar;

pub(crate) use scalar::{
    accumulate, add, dot, dot_rows, maximum, multiply_accumulate, requantize,
    requantize_with_residual, round_to_i8, scale_row,
};
