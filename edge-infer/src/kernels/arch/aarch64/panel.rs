//! The weights of a block as dense products read them: sixteen channels after the other, each step after step of 32 inputs.

use core::arch::aarch64::*;

use super::super::{BLOCK, Weights};
use super::lanes::{Start, load_vector, store_vector, take};
use super::tile::Tile;
use super::{BYTES, STEP, STEPS};

/// The weights of a step for sixteen channels: first those of its lower sixteen inputs, then those
/// of the upper ones, each in the tier's own order.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Step([[[i8; BYTES]; BYTES]; 2]);

/// The weights of a block, and memory for the inputs that they meet.
pub(crate) struct Panel {
    pub(super) start: Start,
    pub(super) parts: [[Step; STEPS]; BLOCK / BYTES],
    /// Steps in use.
    pub(super) count: usize,
    pub(super) tile: Tile,
}

impl Panel {
    pub(super) fn empty() -> Self {
        const ZERO: Step = Step([[[0; BYTES]; BYTES]; 2]);
        Self {
            start: Start::ZERO,
            parts: [[ZERO; STEPS]; BLOCK / BYTES],
            count: 0,
            tile: Tile::ZERO,
        }
    }

    /// Replaces the content: `arrange` brings the rows of four channels, the `n`th four of sixteen,
    /// into their places among the vectors of sixteen inputs.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn pack(
        &mut self,
        weights: &Weights<'_>,
        arrange: impl Fn([int8x16_t; 4], usize, &mut [[i8; BYTES]; BYTES]),
    ) {
        self.start = Start::of(weights);
        self.count = weights.depth.div_ceil(STEP).min(STEPS);
        for (part, steps) in self.parts.iter_mut().enumerate().take(self.start.parts) {
            for four in 0..4 {
                let mut rows = [&[][..]; 4];
                for (row, channel) in rows.iter_mut().zip(part * BYTES + 4 * four..) {
                    *row = weights.of_channel(channel, 0);
                }
                let mut halves = steps.iter_mut().take(self.count).flat_map(|step| &mut step.0);
                let [a, b, c, d] = rows.map(|row| row.as_chunks().0);
                // Whole vectors as far as all four have them, then what is left.
                let whole = a.len().min(b.len()).min(c.len()).min(d.len());
                let vectors = a.iter().zip(b).zip(c).zip(d);
                for ((((a, b), c), d), to) in vectors.zip(&mut halves) {
                    arrange(
                        [load_vector(a), load_vector(b), load_vector(c), load_vector(d)],
                        four,
                        to,
                    );
                }
                let mut rows = rows.map(|row| row.get(whole * BYTES..).unwrap_or_default());
                for to in halves {
                    arrange(rows.each_mut().map(|row| take(row)), four, to);
                }
            }
        }
    }
}

/// Four channels' vectors one after the other.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn in_order(rows: [int8x16_t; 4], four: usize, to: &mut [[i8; BYTES]; BYTES]) {
    for (to, row) in to.iter_mut().skip(4 * four).zip(rows) {
        store_vector(row, to);
    }
}
