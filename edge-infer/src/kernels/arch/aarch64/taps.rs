//! Depthwise filters by `smull` and `smlal`: the products of two taps are summed in int16, which
//! they just fit (2 * 127 * 128 = 32,512), and then added to int32. Of any window; 3x3 ones slide (`slide`).

use core::arch::aarch64::*;

use super::super::{BLOCK, STRIPS, Strip, Sums, Weights};
use super::BYTES;
use super::lanes::{
    Numbers, Start, add_high, add_low, copy, load, load_bytes, load_vector, multiply_high,
    multiply_low, part, part_mut, store, store_bytes,
};
use super::slide::{self, Column, Columns, Sliding};

/// Taps of each channel of a block, sixteen channels after the other.
pub(crate) struct Taps {
    pub(super) start: Start,
    parts: [[[i8; BYTES]; STRIPS]; BLOCK / BYTES],
    /// Those of 3x3 windows.
    pub(super) sliding: [slide::Weights; BLOCK / BYTES],
    /// Memory for inputs that such windows meet.
    pub(super) columns: Columns,
}

impl Taps {
    pub(super) const EMPTY: Self = Self {
        start: Start::ZERO,
        parts: [[[0; BYTES]; STRIPS]; BLOCK / BYTES],
        sliding: [slide::Weights::ZERO; BLOCK / BYTES],
        columns: [Column::ZERO; _],
    };
}

#[target_feature(enable = "neon")]
pub(super) fn pack_taps<S: Sliding>(weights: Weights<'_>, taps: &mut Taps) {
    taps.start = Start::of(&weights);
    taps.parts = Taps::EMPTY.parts;
    for (part, to) in taps.parts.iter_mut().enumerate() {
        let first = part * BYTES;
        for (to, row) in to.iter_mut().zip(weights.rows().take(weights.depth)) {
            let row = row.get(..weights.channels).unwrap_or(row);
            store_bytes(load_bytes(row.get(first..).unwrap_or_default()), to);
        }
    }
    let zeros = [0; BYTES];
    for (taps, sliding) in taps.parts.iter().zip(&mut taps.sliding) {
        let [a, b, c] = [0, 3, 6].map(|tap| taps.as_flattened().as_ptr().wrapping_add(tap * BYTES));
        let zero = zeros.as_ptr();
        // SAFETY: from each of the three taps on there are three, and each is a vector; a step of 0 stays at the one vector.
        unsafe {
            Column::fill(&mut sliding.upper, S::ORDER, ([a, b, c, zero], [BYTES, BYTES, BYTES, 0]));
            Column::fill(&mut sliding.lower, S::ORDER, ([zero, a, b, c], [0, BYTES, BYTES, BYTES]));
        }
    }
}

/// In one of three forms: normalization, 3x3 windows that do not slide, and parts of larger ones.
#[target_feature(enable = "neon")]
pub(super) fn multiply_taps(taps: &Taps, strips: &[Strip<'_>], sums: &mut [Sums]) {
    match strips.len() {
        0 | 1 => filter::<1>(taps, strips, sums),
        2..=9 => filter::<9>(taps, strips, sums),
        _ => filter::<STRIPS>(taps, strips, sums),
    }
}

/// `T` taps, of which the last ones may be missing.
#[inline]
#[target_feature(enable = "neon")]
fn filter<const T: usize>(taps: &Taps, strips: &[Strip<'_>], sums: &mut [Sums]) {
    let Some(&any) = strips.first() else {
        return;
    };
    // The weights of missing taps are zero: any strip will do.
    let mut of_taps = [any; T];
    copy(strips, &mut of_taps);
    let last = sums.len().saturating_sub(1);
    for (index, weights) in taps.parts.iter().enumerate().take(taps.start.parts) {
        let first = index * BYTES;
        let Some(weights) = weights.first_chunk::<T>() else {
            return;
        };
        // Behind the last channels of the last pixel there may be no further bytes.
        let whole = |strip: &Strip<'_>| strip.values.len() >= last * strip.step + first + BYTES;
        if of_taps.iter().all(whole) {
            // SAFETY: all strips hold the vectors of all pixels.
            unsafe { filter_whole(&of_taps, weights, &taps.start, index, sums) }
        } else {
            filter_rest(&of_taps, weights, &taps.start, index, sums);
        }
    }
}

/// The sixteen channels `index` of strips that hold 16 bytes of each pixel from there on. Like the
/// other form not inlined: together they would have too few registers.
///
/// # Safety
/// Every strip holds that many values.
#[inline(never)]
#[target_feature(enable = "neon")]
unsafe fn filter_whole<const T: usize>(
    strips: &[Strip<'_>; T],
    weights: &[[i8; BYTES]; T],
    start: &Start,
    index: usize,
    sums: &mut [Sums],
) {
    let weights = load_all(weights);
    let mut from = [core::ptr::null::<i8>(); T];
    for (from, strip) in from.iter_mut().zip(strips) {
        *from = strip.values.as_ptr().wrapping_add(index * BYTES);
    }
    for sums in sums {
        let mut inputs = [vdupq_n_s8(0); T];
        for ((input, from), strip) in inputs.iter_mut().zip(&mut from).zip(strips) {
            // SAFETY: the caller has the strip hold a vector at this pixel.
            *input = unsafe { vld1q_s8(*from) };
            *from = from.wrapping_add(strip.step);
        }
        let mut all = load(part(start.before(sums), index));
        add_products(&mut all, &inputs, &weights);
        store(all, part_mut(sums, index));
    }
}

/// The same of strips that may end before that.
#[inline(never)]
#[target_feature(enable = "neon")]
fn filter_rest<const T: usize>(
    strips: &[Strip<'_>; T],
    weights: &[[i8; BYTES]; T],
    start: &Start,
    index: usize,
    sums: &mut [Sums],
) {
    let weights = load_all(weights);
    for (pixel, sums) in sums.iter_mut().enumerate() {
        let mut inputs = [vdupq_n_s8(0); T];
        for (input, strip) in inputs.iter_mut().zip(strips) {
            let from_here = strip.values.get(pixel * strip.step + index * BYTES..);
            *input = load_bytes(from_here.unwrap_or_default());
        }
        let mut all = load(part(start.before(sums), index));
        add_products(&mut all, &inputs, &weights);
        store(all, part_mut(sums, index));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_all<const T: usize>(weights: &[[i8; BYTES]; T]) -> [int8x16_t; T] {
    let mut vectors = [vdupq_n_s8(0); T];
    for (vector, weights) in vectors.iter_mut().zip(weights) {
        *vector = load_vector(weights);
    }
    vectors
}

/// Adds the products of sixteen channels to their sums.
#[inline]
#[target_feature(enable = "neon")]
fn add_products(sums: &mut Numbers, inputs: &[int8x16_t], weights: &[int8x16_t]) {
    let ((pairs, single), (weight_pairs, weight)) = (inputs.as_chunks(), weights.as_chunks());
    for (&[a, b], &[v, w]) in pairs.iter().zip(weight_pairs) {
        let low = add_low(multiply_low(a, v), b, w);
        add(sums, low, add_high(multiply_high(a, v), b, w));
    }
    if let (&[a], &[v]) = (single, weight) {
        add(sums, multiply_low(a, v), multiply_high(a, v));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn add([a, b, c, d]: &mut Numbers, low: int16x8_t, high: int16x8_t) {
    *a = vaddw_s16(*a, vget_low_s16(low));
    *b = vaddw_high_s16(*b, low);
    *c = vaddw_s16(*c, vget_low_s16(high));
    *d = vaddw_high_s16(*d, high);
}
