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

use core::arch::asm;
use core::array;

use super::super::Strip;
use super::dense::Dense;
use super::lanes::{copy, load_vector, store_vector};
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

/// Where the inputs of a pixel are that are brought together. They are copied vector by vector, so that a copy may reach behind
/// its row's last byte.
type Staged = [Row; STEPS + 1];

/// Copies of the inputs of a tile in a step.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Step([[[i8; BYTES]; TILE]; 2]);

/// The windows of neighbouring pixels.
#[derive(Clone, Copy)]
pub(super) struct Windows<'a> {
    strips: &'a [Strip<'a>],
    /// Numbers of each strip.
    len: usize,
    /// Steps of a window, at most [`STEPS`].
    count: usize,
    /// The tiles that begin before this pixel are read in place: there is one strip, and it has all their steps.
    in_place: usize,
}

impl<'a> Windows<'a> {
    pub(super) fn new((strips, len): (&'a [Strip<'a>], usize), count: usize) -> Self {
        let count = count.min(STEPS);
        let in_place = match *strips {
            [Strip { values, step }] => {
                let tile = (TILE - 1) * step + count * STEP;
                let spare = values.len().checked_sub(tile);
                spare.map_or(0, |spare| spare.checked_div(step).map_or(usize::MAX, |last| last + 1))
            }
            _ => 0,
        };
        Self { strips, len, count, in_place }
    }

    /// The rows of the pixels from `first` on, which lie before the end of what is in place.
    #[inline(always)]
    fn rows(&self, first: usize) -> [*const Row; TILE] {
        let Strip { values, step } = self.strips.first().copied().unwrap_or_default();
        let row = values.as_ptr().wrapping_add(first * step);
        array::from_fn(|pixel| row.wrapping_add(pixel * step).cast())
    }

    /// Brings the strips of the pixels from `first` on one after the other.
    #[inline(never)]
    #[target_feature(enable = "neon")]
    fn stage(&self, first: usize, memory: &mut [Staged; TILE]) {
        let mut at = 0;
        let vectors = self.len.next_multiple_of(BYTES);
        for strip in self.strips {
            let values = strip.values.get(first * strip.step..).unwrap_or_default();
            // Whole vectors, where the strip is not the last thing that there is.
            if values.len() >= (TILE - 1) * strip.step + vectors
                && at + vectors <= size_of::<Staged>()
            {
                for byte in (0..vectors).step_by(BYTES) {
                    for (pixel, to) in memory.iter_mut().enumerate() {
                        let from = values.as_ptr().wrapping_add(pixel * strip.step + byte);
                        let to = to.as_mut_ptr().cast::<i8>().wrapping_add(at + byte);
                        // SAFETY: the strip has whole vectors of the last pixel, and so of all; the memory has room for them.
                        unsafe { store_vector(load_vector(&*from.cast()), &mut *to.cast()) }
                    }
                }
            } else {
                for (pixel, to) in memory.iter_mut().enumerate() {
                    let to = to.as_flattened_mut().get_mut(at..).unwrap_or_default();
                    copy(strip.of(first + pixel, self.len), to);
                }
            }
            at += self.len;
        }
    }
}

/// The inputs of a tile.
pub(super) struct Inputs<'a> {
    count: usize,
    /// At each there are `count` steps.
    rows: [*const Row; TILE],
    /// `count` steps, unless they are read in place.
    copies: &'a [Step],
}

impl<'a> Inputs<'a> {
    /// Where the rows are, and how many steps each has.
    #[inline(always)]
    pub(super) fn rows(&self) -> ([*const Row; TILE], usize) {
        (self.rows, self.count)
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
    rows: [Staged; TILE],
}

impl Tile {
    pub(super) const ZERO: Self = Self {
        copies: [Step([[[0; BYTES]; TILE]; 2]); STEPS],
        rows: [[[0; STEP]; STEPS + 1]; TILE],
    };

    /// The inputs of the pixels from `first` on, in the tier's form.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn fill<'a, D: Dense>(
        &'a mut self,
        windows: &Windows<'a>,
        first: usize,
    ) -> Inputs<'a> {
        let Self { copies, rows: memory } = self;
        let count = windows.count;
        let rows = if first < windows.in_place {
            windows.rows(first)
        } else {
            windows.stage(first, memory);
            memory.each_ref().map(|row| row.as_ptr())
        };
        // SAFETY: windows have at most `STEPS`, of which there is one each.
        let copies =
            unsafe { copies.get_unchecked_mut(..if D::FORM == IN_PLACE { 0 } else { count }) };
        match D::FORM {
            IN_PLACE => {}
            // SAFETY: where windows lie in place they have all steps, and so has the memory, which holds one more than `STEPS`.
            SIDE_BY_SIDE => unsafe { side_by_side(rows, copies) },
            // SAFETY: as above.
            _ => unsafe { in_pairs(rows, copies) },
        }
        Inputs { count, rows, copies }
    }
}

/// A loop that loads a step of each row and stores its halves with two instructions.
macro_rules! copy_steps {
    ($(#[$doc:meta])* $name:ident, $store:literal, $lanes:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// At each row there are as many steps as there are copies.
        #[inline]
        #[target_feature(enable = "neon")]
        unsafe fn $name([a, b, c, d]: [*const Row; TILE], copies: &mut [Step]) {
            // SAFETY: the loop reads a step of each row and writes one, as often as there are copies.
            unsafe {
                asm!(
                    "cbz {count}, 3f",
                    "2:",
                    "ldp q0, q4, [{a}], #32",
                    "ldp q1, q5, [{b}], #32",
                    "ldp q2, q6, [{c}], #32",
                    "ldp q3, q7, [{d}], #32",
                    "sub {count}, {count}, #1",
                    concat!($store, " {{v0", $lanes, ", v1", $lanes, ", v2", $lanes, ", v3", $lanes, "}}, [{copies}], #64"),
                    concat!($store, " {{v4", $lanes, ", v5", $lanes, ", v6", $lanes, ", v7", $lanes, "}}, [{copies}], #64"),
                    "cbnz {count}, 2b",
                    "3:",
                    a = inout(reg) a => _, b = inout(reg) b => _,
                    c = inout(reg) c => _, d = inout(reg) d => _,
                    copies = inout(reg) copies.as_mut_ptr() => _,
                    count = inout(reg) copies.len() => _,
                    out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                    out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

copy_steps!(
    /// Vectors of a pixel each, one after the other.
    side_by_side,
    "st1",
    ".16b"
);
copy_steps!(
    /// Eights of inputs, in turn of all pixels.
    in_pairs,
    "st4",
    ".2d"
);
