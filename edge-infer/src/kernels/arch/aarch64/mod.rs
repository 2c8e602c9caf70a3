//! Tiers of AArch64. They differ in products, dense and of 3x3 filters that slide along rows; other depthwise filters and
//! rounding are those of every core.
//!
//! Sums in memory lie in the order of the channels. Dense products take [`STEP`] inputs of each pixel and channel at a time; their innermost
//! loops are assembly, in which all 32 vector registers have their places. What is rounded is rounded in registers:
//!
//! ```text
//! dense     tile (inputs of 4 pixels) x panel ── products of neon, dotprod, i8mm ──> round ──> int8
//! slide     columns of 4 rows         x taps  ── filter                          ──> round ──> int8
//! taps      other windows             x taps  ──> sums in memory            ──> requantize ──> int8
//! ```

#![allow(unsafe_code, reason = "vector instructions: each block says why it is sound")]

mod dense;
mod dotprod;
mod dots;
mod i8mm;
mod interleave;
mod lanes;
mod neon;
mod pairs;
mod panel;
mod requantize;
mod round;
mod rounding;
mod slide;
mod taps;
mod tile;

use super::vector_tier::{LONGEST_ROW, has, tier};
use super::{DEPTH, Epilogue, Finish, Plain, Primitives, Slide, Strip, Sums, Weights, one_by_one};

/// Bytes of a vector.
const BYTES: usize = 16;
/// Pixels whose sums are in memory at a time.
const PIXELS: usize = 48;
/// Inputs of a step: two vectors, which one instruction loads.
const STEP: usize = 2 * BYTES;
/// Steps of a panel.
const STEPS: usize = DEPTH / STEP;

/// A tier with the primitives that only these have.
macro_rules! tier_of_all {
    ($(#[$doc:meta])* $tier:ident, $module:ident, $($feature:tt),+) => {
        tier!($(#[$doc])* $tier, $module, PIXELS, BYTES, $($feature),+; {
            const FINISH: Option<Finish<Self>> = Some(|_, panel, strips, pixels, epilogue, output| {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::finish(panel, strips, pixels, epilogue, output) }
            });

            const SLIDE: Option<Slide<Self>> = Some(|_, taps, lines, epilogue, output| {
                // SAFETY: only `new` makes a value of this type, after it has found the features.
                unsafe { $module::slide(taps, lines, epilogue, output) }
            });
        });
    };
}

tier_of_all!(
    /// Products of bytes in int16: every core; the best of Cortex-A53, A57, A72.
    Neon, neon, "neon"
);
tier_of_all!(
    /// Four products of bytes summed into each int32 lane: Cortex-A55, A75, A76 and later.
    DotProd, dotprod, "neon", "dotprod"
);
tier_of_all!(
    /// Two pixels by two channels by eight inputs at once: Cortex-A510, A710, Neoverse V1 and later.
    I8mm, i8mm, "neon", "dotprod", "i8mm"
);
