//! The inputs of a tile's pixels, each plus 128, as rows of groups that dense products read one after the other.
//!
//! ```text
//! one strip, as long as pixels are apart    all rows at once, as they lie in the image
//! a short window                            its strips put together in a vector, which is the row
//! any other                                 strip after strip; vectors are stored whole, the next ones overwrite their ends
//! ```
//!
//! So no group is read that two stores have written, which would wait for both.

use core::arch::x86_64::*;
use core::mem::MaybeUninit;

use super::super::super::{DEPTH, Strip};
use super::lanes::{load_bytes, load_bytes_at, mask_at, to_unsigned};
use super::{BYTES, GROUP};

/// Most pixels of a tile.
pub(super) const MOST_PIXELS: usize = 12;
/// Room for the longest row.
const ROW: usize = DEPTH.next_multiple_of(BYTES);

/// Rows of a tile. Memory that is filled anew for each tile, and costs nothing before.
#[repr(C, align(64))]
pub(super) struct Staged {
    bytes: [MaybeUninit<u8>; MOST_PIXELS * ROW + BYTES],
    /// From one row to the next.
    step: usize,
    /// Groups of a row.
    groups: usize,
}

impl Staged {
    /// Nothing.
    #[inline(always)]
    pub(super) fn empty() -> Self {
        Self {
            bytes: [const { MaybeUninit::uninit() }; MOST_PIXELS * ROW + BYTES],
            step: 0,
            groups: 0,
        }
    }

    /// Replaces the content by the inputs of `P` pixels from pixel `first` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn stage<const P: usize>(&mut self, strips: &[Strip<'_>], first: usize, len: usize) {
        const { assert!(P <= MOST_PIXELS) }
        let depth = strips.len() * len;
        self.groups = if depth <= DEPTH { depth.div_ceil(GROUP) } else { 0 };
        let row = self.groups * GROUP;
        self.step = depth.next_multiple_of(BYTES);
        match strips {
            [strip] if strip.step == len => {
                self.step = len;
                self.run(strip, first, 0, (P - 1) * len + row);
            }
            _ if depth <= BYTES => {
                let (mut rows, mut at) = ([_mm512_setzero_si512(); P], 0);
                for strip in strips {
                    for (row, piece) in rows.iter_mut().zip(pieces::<P>(strip, first, len, at)) {
                        *row = _mm512_or_si512(*row, piece);
                    }
                    at += len;
                }
                for (pixel, row) in rows.into_iter().enumerate() {
                    self.store(pixel * self.step, row);
                }
            }
            _ => {
                for pixel in 0..P {
                    let start = pixel * self.step;
                    let mut at = start;
                    for strip in strips {
                        let end = (at + len).next_multiple_of(GROUP);
                        self.run(strip, first + pixel, at, end);
                        at += len;
                    }
                }
            }
        }
    }

    /// Groups of a row.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// A group of a pixel's row.
    ///
    /// # Safety
    /// `pixel` and `group` are less than the pixels that were staged last, and their [`groups`](Self::groups).
    #[inline(always)]
    pub(super) unsafe fn group(&self, pixel: usize, group: usize) -> i32 {
        let at = pixel * self.step + group * GROUP;
        // SAFETY: `stage` has written every row to the end of its last group, and found room for it.
        unsafe { self.bytes.as_ptr().add(at).cast::<i32>().read_unaligned() }
    }

    /// Stores a strip's values from a pixel's first one on, from byte `at` to at least byte `end`; zeros where there are no more. What
    /// lies behind the pixel's piece is overwritten or has no weights.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn run(&mut self, strip: &Strip<'_>, pixel: usize, at: usize, end: usize) {
        let mut values = strip.values.get(pixel * strip.step..).unwrap_or_default();
        for to in (at..end).step_by(BYTES) {
            self.store(to, load_bytes(values));
            values = values.get(BYTES..).unwrap_or_default();
        }
    }

    /// Stores a vector of inputs at byte `at`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn store(&mut self, at: usize, inputs: __m512i) {
        let rest = self.bytes.get_mut(at..).unwrap_or_default();
        if let Some(to) = rest.first_chunk_mut::<BYTES>() {
            // SAFETY: `to` is an array of 64 bytes.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), to_unsigned(inputs)) }
        }
    }
}

/// A strip's pieces of `P` pixels, each `len` long and from byte `place` of its vector on, with zeros elsewhere.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn pieces<const P: usize>(
    strip: &Strip<'_>,
    first: usize,
    len: usize,
    place: usize,
) -> [__m512i; P] {
    let mut pieces = [_mm512_setzero_si512(); P];
    let all = strip.values.get(first * strip.step..).unwrap_or_default();
    let whole = all.len() >= (P - 1) * strip.step + len;
    for (pixel, piece) in pieces.iter_mut().enumerate() {
        *piece = if whole {
            let from = all.as_ptr().wrapping_add(pixel * strip.step).wrapping_sub(place);
            // SAFETY: all pieces are there, and the mask has a bit for each byte of this one; others are not read.
            unsafe { _mm512_maskz_loadu_epi8(mask_at(place, len), from) }
        } else {
            load_bytes_at(place, strip.of(first + pixel, len))
        };
    }
    pieces
}
