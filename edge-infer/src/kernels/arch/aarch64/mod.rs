//! Tiers of AArch64. They differ in the dense product; depthwise filters and rounding are those of
//! every core.
//!
//! Sums lie in the order of the channels. Dense products take [`STEP`] inputs of each pixel and
//! channel at a time.

#![allow(unsafe_code, reason = "vector instructions: each block says why it is sound")]

mod dotprod;
mod dots;
mod i8mm;
mod lanes;
mod neon;
mod panel;
mod requantize;
mod rows;
mod taps;

use super::vector_tier::{LONGEST_ROW, has, tier};
use super::{DEPTH, Epilogue, Plain, Primitives, Strip, Sums, Weights, one_by_one};

/// Bytes of a vector.
const BYTES: usize = 16;
/// Inputs of a step: two vectors, which one instruction loads.
const STEP: usize = 2 * BYTES;
/// Steps of a panel.
const STEPS: usize = DEPTH / STEP;
/// The inputs of a pixel, or weights of a channel, in a step.
type Inputs = [i8; STEP];

tier!(
    /// Products of bytes in int16: every core; the best of Cortex-A53, A57, A72.
    Neon, neon, 48, 16, "neon"
);
tier!(
    /// Four products of bytes summed into each int32 lane: Cortex-A55, A75, A76 and later.
    DotProd, dotprod, 48, 16, "neon", "dotprod"
);
tier!(
    /// Two pixels by two channels by eight inputs at once: Cortex-A510, A710, Neoverse V1 and later.
    I8mm, i8mm, 48, 16, "neon", "dotprod", "i8mm"
);
