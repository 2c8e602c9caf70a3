//! Weights of a block for the tiers that bring several channels into one vector.

use core::arch::aarch64::*;

use super::super::{BLOCK, Weights};
use super::lanes::{Start, take};
use super::{BYTES, STEP, STEPS};

/// The weights of a step for sixteen channels: first those of its lower sixteen inputs, then those
/// of the upper ones, each in the tier's own order.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Step(pub(super) [[[i8; BYTES]; 16]; 2]);

impl Step {
    const ZERO: Self = Self([[[0; BYTES]; 16]; 2]);

    /// The four vectors from `4 * FOUR` on.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn load<const FOUR: usize>(&self) -> [int8x16_t; 4] {
        const { assert!(FOUR < 8) };
        let vectors = self.0.as_flattened().as_ptr();
        // SAFETY: a step is eight times four vectors, and `FOUR` is less than eight.
        unsafe {
            let four: *const i8 = vectors.add(4 * FOUR).cast();
            [
                vld1q_s8(four),
                vld1q_s8(four.add(BYTES)),
                vld1q_s8(four.add(2 * BYTES)),
                vld1q_s8(four.add(3 * BYTES)),
            ]
        }
    }
}

/// The weights of a block, sixteen channels after the other.
pub(crate) struct Panel {
    pub(super) start: Start,
    pub(super) parts: [[Step; STEPS]; BLOCK / BYTES],
    /// Steps in use.
    pub(super) count: usize,
}

impl Panel {
    pub(super) fn empty() -> Self {
        Self { start: Start::ZERO, parts: [[Step::ZERO; STEPS]; BLOCK / BYTES], count: 0 }
    }

    /// Replaces the content: `arrange` brings the rows of four channels, the `n`th four of sixteen,
    /// into their places among the vectors of sixteen inputs.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn pack(
        &mut self,
        weights: &Weights<'_>,
        arrange: impl Fn([int8x16_t; 4], usize, &mut [[i8; BYTES]; 16]),
    ) {
        self.start = Start::of(weights);
        self.count = weights.depth.div_ceil(STEP).min(STEPS);
        for (part, steps) in self.parts.iter_mut().enumerate().take(self.start.parts) {
            for four in 0..4 {
                let mut rows = [&[][..]; 4];
                for (row, channel) in rows.iter_mut().zip(part * BYTES + 4 * four..) {
                    *row = weights.of_channel(channel, 0);
                }
                let halves = steps.iter_mut().take(self.count).flat_map(|step| &mut step.0);
                for to in halves {
                    let mut vectors = [vdupq_n_s8(0); 4];
                    for (vector, row) in vectors.iter_mut().zip(&mut rows) {
                        *vector = take(row);
                    }
                    arrange(vectors, four, to);
                }
            }
        }
    }
}
