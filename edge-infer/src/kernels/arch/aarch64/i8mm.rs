//! `smmla`: the products of two pixels with two channels over eight inputs, summed into four int32
//! lanes, exactly.
//!
//! ```text
//! lanes  p·c │ p·c+1 │ p+1·c │ p+1·c+1   +=   eight inputs of p │ of p + 1   times   eight weights of c │ of c + 1
//! ```
//!
//! Of sixteen inputs, vector `8 * h + v` holds the weights of inputs `8 * h ..` and of channels
//! `2 * v ..`.

use core::arch::{aarch64::*, asm};

use super::super::{Strip, Sums, Weights};
use super::Inputs;
pub(super) use super::dotprod::{dot, dots};
use super::lanes::{Numbers, halves, load, load_inputs, part, store, store_vector};
pub(super) use super::panel::Panel;
pub(super) use super::requantize::requantize;
use super::rows::Rows;
pub(super) use super::taps::{Taps, multiply_taps, pack_taps};

/// Pixels whose sums of sixteen channels are in registers at a time: 16 vectors, beside 8 of inputs
/// and 4 of weights.
const TILE: usize = 4;

#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.pack(&weights, |[a, b, c, d], four, to| {
        let ([first, third], [second, fourth]) = (halves(a, b), halves(c, d));
        let (low, high) = to.split_at_mut(8);
        for (half, vectors) in [(low, [first, second]), (high, [third, fourth])] {
            for (to, vector) in half.iter_mut().skip(2 * four).zip(vectors) {
                store_vector(vector, to);
            }
        }
    });
}

#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) fn multiply(panel: &Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    panel.start.fill(sums);
    let mut rows = Rows::ZERO;
    let (mut rest, mut first) = (sums, 0);
    while !rest.is_empty() {
        let pixels = TILE.min(rest.len());
        let tile = rest.split_off_mut(..pixels).unwrap_or_default();
        // Pixels behind the last one are read as rows that are there, and not stored.
        multiply_tile(panel, &rows.of(strips, len, first, panel.count), tile);
        first += TILE;
    }
}

#[inline]
#[target_feature(enable = "neon,dotprod,i8mm")]
fn multiply_tile(panel: &Panel, rows: &[&[Inputs]; TILE], sums: &mut [Sums]) {
    let count = rows.iter().fold(panel.count, |count, row| count.min(row.len()));
    for (index, steps) in panel.parts.iter().enumerate().take(panel.start.parts) {
        let steps = steps.get(..count).unwrap_or_default();
        // For each two pixels, the vectors of each two channels.
        let mut tile = [[vdupq_n_s32(0); 8]; TILE / 2];
        for (at, step) in steps.iter().enumerate() {
            let mut inputs = [[vdupq_n_s8(0); 4]; TILE / 2];
            for (inputs, [a, b]) in inputs.iter_mut().zip(rows.as_chunks::<2>().0) {
                // SAFETY: there are `count` steps, and no row is shorter.
                let (a, b) = unsafe { (a.get_unchecked(at), b.get_unchecked(at)) };
                let ([a, c], [b, d]) = (load_inputs(a), load_inputs(b));
                let ([a, b], [c, d]) = (halves(a, b), halves(c, d));
                *inputs = [a, b, c, d];
            }
            multiply_eight::<0>(&mut tile, [step.load::<0>(), step.load::<1>()], &inputs);
            multiply_eight::<1>(&mut tile, [step.load::<2>(), step.load::<3>()], &inputs);
            multiply_eight::<2>(&mut tile, [step.load::<4>(), step.load::<5>()], &inputs);
            multiply_eight::<3>(&mut tile, [step.load::<6>(), step.load::<7>()], &inputs);
        }
        let mut pixels = sums.iter_mut();
        for pair in &tile {
            for (numbers, sums) in unravel(pair).into_iter().zip(&mut pixels) {
                let there = part(sums, index);
                store(add(load(there), numbers), there);
            }
        }
    }
}

/// Eight inputs of each pixel, the `EIGHT`th, times the weights of sixteen channels.
#[inline]
#[target_feature(enable = "neon,dotprod,i8mm")]
fn multiply_eight<const EIGHT: usize>(
    tile: &mut [[int32x4_t; 8]; TILE / 2],
    weights: [[int8x16_t; 4]; 2],
    inputs: &[[int8x16_t; 4]; TILE / 2],
) {
    const { assert!(EIGHT < 4) };
    for (sums, inputs) in tile.iter_mut().zip(inputs) {
        for (sums, &weights) in sums.iter_mut().zip(weights.as_flattened()) {
            // SAFETY: `EIGHT` is less than four.
            *sums = smmla(*sums, unsafe { *inputs.get_unchecked(EIGHT) }, weights);
        }
    }
}

/// The sums of each of the two pixels, in the order of the channels.
#[inline]
#[target_feature(enable = "neon")]
fn unravel(&[a, b, c, d, e, f, g, h]: &[int32x4_t; 8]) -> [Numbers; 2] {
    let wide = |sums| vreinterpretq_s64_s32(sums);
    let first = |a, b| vreinterpretq_s32_s64(vzip1q_s64(wide(a), wide(b)));
    let second = |a, b| vreinterpretq_s32_s64(vzip2q_s64(wide(a), wide(b)));
    [
        [first(a, b), first(c, d), first(e, f), first(g, h)],
        [second(a, b), second(c, d), second(e, f), second(g, h)],
    ]
}

#[inline]
#[target_feature(enable = "neon")]
fn add(mut a: Numbers, b: Numbers) -> Numbers {
    for (a, b) in a.iter_mut().zip(b) {
        *a = vaddq_s32(*a, b);
    }
    a
}

#[inline]
#[target_feature(enable = "neon,dotprod,i8mm")]
fn smmla(mut sums: int32x4_t, inputs: int8x16_t, weights: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes these registers only, and is of feature `i8mm`.
    unsafe {
        asm!(
            "smmla {sums:v}.4s, {inputs:v}.16b, {weights:v}.16b",
            sums = inout(vreg) sums,
            inputs = in(vreg) inputs,
            weights = in(vreg) weights,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
