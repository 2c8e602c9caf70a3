//! The inputs of four neighbouring pixels as dense products read them: step after step of 32 inputs, where they lie in the
//! tensor, or copied side by side:
//!
//! ```text
//! a step     lower sixteen inputs of pixel 0 │ of 1 │ of 2 │ of 3 │ upper sixteen of 0 │ of 1 │ of 2 │ of 3
//! ```
//!
//! Four of these vectors are one instruction to load, and one address serves all pixels. In pairs, each vector has eight
//! inputs of two pixels: of each four, the first eight of both pairs, then the second.
//!
//! A window of one strip is read from where it lies. Several strips, or a strip after whose end there is nothing to read,
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

/// How the inputs of a tile are read: from the rows of the pixels,
pub(super) const IN_PLACE: u8 = 0;
/// from copies side by side,
pub(super) const SIDE_BY_SIDE: u8 = 1;
/// or from such of pairs.
pub(super) const IN_PAIRS: u8 = 2;

/// The inputs of a pixel in a step.
type Row = [i8; STEP];

/// Copies of the inputs of a tile in a step.
#[repr(C, align(64))]
pub(super) struct Step([[[i8; BYTES]; TILE]; 2]);

/// The inputs of a tile.
pub(super) struct Inputs<'a> {
    count: usize,
    /// Each holds `count` steps.
    rows: [&'a [Row]; TILE],
    /// `count` steps, unless they are read in place.
    copies: &'a [Step],
}

impl<'a> Inputs<'a> {
    /// Where the rows are, and how many steps each has.
    #[inline(always)]
    pub(super) fn rows(&self) -> ([*const Row; TILE], usize) {
        (self.rows.map(<[Row]>::as_ptr), self.count)
    }

    /// The copies.
    #[inline(always)]
    pub(super) fn copies(&self) -> &'a [Step] {
        self.copies
    }
}

/// Memory for the inputs of one tile.
pub(super) struct Tile {
    copies: [Step; STEPS],
    /// Pixels whose strips are apart. They are copied vector by vector, so that a copy may reach behind its row's last byte.
    rows: [[Row; STEPS + 1]; TILE],
}

impl Tile {
    pub(super) const ZERO: Self = Self {
        copies: [const { Step([[[0; BYTES]; TILE]; 2]) }; STEPS],
        rows: [[[0; STEP]; STEPS + 1]; TILE],
    };

    /// The inputs of the pixels from `first` on, at most `count` steps, to be read in the `FORM`.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn fill<'a, const FORM: u8>(
        &'a mut self,
        strips: &[Strip<'a>],
        len: usize,
        first: usize,
        count: usize,
    ) -> Inputs<'a> {
        let count = count.min(STEPS);
        let rows = match strips {
            [strip] => in_place(*strip, first, count),
            _ => None,
        };
        let rows = rows.unwrap_or_else(|| {
            for (memory, pixel) in self.rows.iter_mut().zip(first..) {
                stage(strips, pixel, len, memory.as_flattened_mut());
            }
            // SAFETY: each has more than `STEPS`, and so `count`.
            self.rows.each_ref().map(|row| unsafe { row.get_unchecked(..count) })
        });
        let copied = if FORM == IN_PLACE { 0 } else { count };
        for (at, to) in self.copies.iter_mut().take(copied).enumerate() {
            // SAFETY: every row holds `count` steps.
            let halves = rows.map(|row| load_both(unsafe { row.get_unchecked(at) }));
            let [[a, e], [b, f], [c, g], [d, h]] = halves;
            for (to, four) in to.0.iter_mut().zip([[a, b, c, d], [e, f, g, h]]) {
                for (to, vector) in
                    to.iter_mut().zip(if FORM == IN_PAIRS { pairs(four) } else { four })
                {
                    store_vector(vector, to);
                }
            }
        }
        Inputs { count, rows, copies: self.copies.get(..copied).unwrap_or_default() }
    }
}

/// `count` steps of each of the pixels from `first` on, if the strip has them.
#[inline(always)]
fn in_place(strip: Strip<'_>, first: usize, count: usize) -> Option<[&[Row]; TILE]> {
    let rows = strip.values.get(first * strip.step..)?;
    let len = count * STEP;
    // SAFETY: the last row ends within the slice, and so do those before.
    let row = |at| unsafe { rows.get_unchecked(at..at + len) };
    (rows.len() >= (TILE - 1) * strip.step + len)
        .then(|| array::from_fn(|pixel| row(pixel * strip.step).as_chunks().0))
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
