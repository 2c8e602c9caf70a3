//! The inputs of four neighbouring pixels, side by side, as dense products read them: step after step of 32 inputs.
//!
//! ```text
//! a step     lower sixteen inputs of pixel 0 │ of 1 │ of 2 │ of 3 │ upper sixteen of 0 │ of 1 │ of 2 │ of 3
//! ```
//!
//! Four of these vectors are one instruction to load, and one address serves all pixels. A tier may mix up each four. The
//! copy is made once for all channels of a block, so it is a sixty-fourth of the products' own reading.
//!
//! A window of one strip is copied from where it lies. Several strips, or a strip after whose end there is nothing to read,
//! are first brought one after the other:
//!
//! ```text
//! strip 0 │ strip 1 │ strip 2 │ any bytes up to a whole step      their weights are zero
//! ```

use core::arch::aarch64::*;
use core::array;

use super::super::Strip;
use super::lanes::{halves, store_bytes, store_vector, take};
use super::{BYTES, STEP, STEPS};

/// Pixels of a tile.
pub(super) const TILE: usize = 4;

/// The inputs of a tile in one step.
#[repr(C, align(64))]
pub(super) struct Inputs([[[i8; BYTES]; TILE]; 2]);

/// The inputs of a pixel, in its own order, in a step.
type Row = [i8; STEP];

/// Memory for the inputs of one tile.
pub(super) struct Tile {
    steps: [Inputs; STEPS],
    /// Pixels whose strips are apart. They are copied vector by vector, so that a copy may reach behind its row's last byte.
    rows: [[Row; STEPS + 1]; TILE],
}

impl Tile {
    pub(super) const ZERO: Self = Self {
        steps: [const { Inputs([[[0; BYTES]; TILE]; 2]) }; STEPS],
        rows: [[[0; STEP]; STEPS + 1]; TILE],
    };

    /// The inputs of the pixels from `first` on, at most `count` steps. With `PAIRS`, eight inputs of two pixels in each
    /// vector: of each four the first eight of both pairs, then the second.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn fill<const PAIRS: bool>(
        &mut self,
        strips: &[Strip<'_>],
        len: usize,
        first: usize,
        count: usize,
    ) -> &[Inputs] {
        let count = count.min(STEPS);
        let rows = match strips {
            [strip] => in_place(*strip, first, count),
            _ => None,
        };
        let rows = rows.unwrap_or_else(|| {
            for (memory, pixel) in self.rows.iter_mut().zip(first..) {
                stage(strips, pixel, len, memory.as_flattened_mut());
            }
            // There are `STEPS` in each, and so `count`.
            self.rows.each_ref().map(|row| row.get(..count).unwrap_or_default())
        });
        for (at, to) in self.steps.iter_mut().take(count).enumerate() {
            // SAFETY: every row holds `count` steps.
            let halves = rows.map(|row| load_both(unsafe { row.get_unchecked(at) }));
            let [[a, e], [b, f], [c, g], [d, h]] = halves;
            for (to, four) in to.0.iter_mut().zip([[a, b, c, d], [e, f, g, h]]) {
                for (to, vector) in to.iter_mut().zip(if PAIRS { pairs(four) } else { four }) {
                    store_vector(vector, to);
                }
            }
        }
        self.steps.get(..count).unwrap_or_default()
    }
}

/// The rows of the pixels from `first` on, if the strip has `count` steps after the start of each.
#[inline(always)]
fn in_place(strip: Strip<'_>, first: usize, count: usize) -> Option<[&[Row]; TILE]> {
    let rows = strip.values.get(first * strip.step..)?;
    let last = (TILE - 1) * strip.step + count * STEP;
    // SAFETY: behind the start of the last row there are `count` steps, and behind those of the others more.
    let row = |pixel| unsafe { rows.get_unchecked(pixel * strip.step..) };
    (rows.len() >= last).then(|| array::from_fn(|pixel| row(pixel).as_chunks().0))
}

/// The lower and the upper sixteen inputs.
#[inline]
#[target_feature(enable = "neon")]
fn load_both(row: &Row) -> [int8x16_t; 2] {
    // SAFETY: the array holds two vectors.
    unsafe { [vld1q_s8(row.as_ptr()), vld1q_s8(row.as_ptr().add(BYTES))] }
}

#[inline]
#[target_feature(enable = "neon")]
fn pairs([a, b, c, d]: [int8x16_t; TILE]) -> [int8x16_t; TILE] {
    let ([first, second], [third, fourth]) = (halves(a, b), halves(c, d));
    [first, third, second, fourth]
}

#[inline]
#[target_feature(enable = "neon")]
fn stage(strips: &[Strip<'_>], pixel: usize, len: usize, memory: &mut [i8]) {
    let mut at = 0;
    for strip in strips {
        // Whole vectors, where the strip is not the last thing that there is.
        let mut values = strip.of(pixel, len.next_multiple_of(BYTES));
        let mut to = memory.get_mut(at..).unwrap_or_default();
        while !values.is_empty() {
            store_bytes(take(&mut values), to);
            to = to.get_mut(BYTES..).unwrap_or_default();
        }
        at += len;
    }
}
