//! The weights of a block as dense products read them: sixteen channels after the other, each step after step of 32 inputs.

use core::mem::MaybeUninit;
use core::slice;

use super::super::{BLOCK, Weights};
use super::interleave::{Four, Interleave};
use super::lanes::{Start, copy};
use super::tile::Tile;
use super::{BYTES, STEP, STEPS};

/// Fours of channels that are worked on at a time.
const FOURS: usize = BYTES / 4;

/// The weights of a step for sixteen channels: first those of its lower sixteen inputs, then those
/// of the upper ones; four channels after the other, each four in the tier's own order.
#[repr(C, align(64))]
pub(super) struct Step([[Four; FOURS]; 2]);

/// The weights of a block, and memory for the inputs that they meet.
pub(crate) struct Panel {
    pub(super) start: Start,
    pub(super) packed: Packed,
    pub(super) tile: Tile,
}

impl Panel {
    #[inline(always)]
    pub(super) fn empty() -> Self {
        Self { start: Start::ZERO, packed: Packed::empty(), tile: Tile::ZERO }
    }

    /// Replaces the content, each four channels in the `order`.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn pack(&mut self, weights: &Weights<'_>, order: Interleave) {
        self.start = Start::of(weights);
        self.packed.fill(weights, self.start.parts, order);
    }
}

/// Steps of each sixteen channels. Most layers fill a small part of the memory, and to clear the rest would take as long as they do.
pub(super) struct Packed {
    memory: [[MaybeUninit<Step>; STEPS]; BLOCK / BYTES],
    /// Sixteens of channels, and steps of each, that have been written.
    parts: usize,
    count: usize,
}

impl Packed {
    #[inline(always)]
    fn empty() -> Self {
        let memory = [const { [const { MaybeUninit::uninit() }; STEPS] }; BLOCK / BYTES];
        Self { memory, parts: 0, count: 0 }
    }

    /// Steps of a channel, at most [`STEPS`].
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The steps of each sixteen channels.
    #[inline(always)]
    pub(super) fn parts(&self) -> impl Iterator<Item = &[Step]> {
        let part = |part: &'_ [MaybeUninit<Step>; STEPS]| part.as_ptr().cast();
        // SAFETY: `fill` has written so many of each.
        let steps = move |part| unsafe { slice::from_raw_parts(part, self.count) };
        self.memory.iter().take(self.parts).map(part).map(steps)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn fill(&mut self, weights: &Weights<'_>, parts: usize, order: Interleave) {
        self.parts = parts.min(BLOCK / BYTES);
        self.count = weights.depth.div_ceil(STEP).min(STEPS);
        let halves = 2 * self.count;
        for (part, steps) in self.memory.iter_mut().enumerate().take(self.parts) {
            for four in 0..FOURS {
                let first = part * BYTES + 4 * four;
                let rows = [0, 1, 2, 3].map(|channel| weights.of_channel(first + channel, 0));
                let shortest = rows.iter().fold(usize::MAX, |least, row| row.len().min(least));
                let whole = halves.min(shortest / BYTES);
                let to = steps.as_mut_ptr().cast::<Four>().wrapping_add(four);
                // SAFETY: every row has so many vectors, and the part not fewer halves of steps.
                unsafe {
                    let rows = (rows.map(<[i8]>::as_ptr), [BYTES; 4]);
                    order(rows, (to, size_of::<[Four; FOURS]>()), whole);
                }
                for half in whole..halves {
                    let mut last = [[0; BYTES]; 4];
                    for (row, last) in rows.iter().zip(&mut last) {
                        copy(row.get(half * BYTES..).unwrap_or_default(), last);
                    }
                    // SAFETY: each of the rows is a vector, and the part has more halves of steps.
                    unsafe {
                        let rows = (last.each_ref().map(|row| row.as_ptr()), [0; 4]);
                        order(rows, (to.wrapping_add(half * FOURS), 0), 1);
                    }
                }
            }
        }
    }
}
