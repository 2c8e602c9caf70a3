//! `sdot`: four products of bytes summed into each int32 lane, exactly.
//!
//! A lane is a channel, and all lanes of an instruction take the same four inputs of a pixel, which
//! it selects from a vector of sixteen:
//!
//! ```text
//! sums of c .. c + 3  +=  four weights of c │ of c + 1 │ of c + 2 │ of c + 3   times   x[4 g .. 4 g + 4]
//! ```
//!
//! Of sixteen inputs, vector `4 * g + v` holds the weights of inputs `4 * g ..` and of channels
//! `4 * v ..`.

use core::arch::{aarch64::*, asm};

use super::super::{Strip, Sums, Weights};
use super::Inputs;
use super::dots::{self, ROWS};
use super::lanes::{Numbers, halves, load, load_inputs, part, store, store_vector, take};
pub(super) use super::panel::Panel;
pub(super) use super::requantize::requantize;
use super::rows::Rows;
pub(super) use super::taps::{Taps, multiply_taps, pack_taps};

/// Pixels whose sums of sixteen channels are in registers at a time: 16 vectors, beside 8 of inputs
/// and 4 of weights.
const TILE: usize = 4;

#[target_feature(enable = "neon,dotprod")]
pub(super) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.pack(&weights, |rows, four, to| {
        for (to, group) in to.iter_mut().skip(four).step_by(4).zip(transpose(rows)) {
            store_vector(group, to);
        }
    });
}

/// Vector `i` gets number `i` of 32 bits of each.
#[inline]
#[target_feature(enable = "neon")]
fn transpose(rows: [int8x16_t; 4]) -> [int8x16_t; 4] {
    let [a, b, c, d] = rows;
    let (a, b) = (vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b));
    let (c, d) = (vreinterpretq_s32_s8(c), vreinterpretq_s32_s8(d));
    let bytes = |pair| vreinterpretq_s8_s32(pair);
    let [first, third] = halves(bytes(vtrn1q_s32(a, b)), bytes(vtrn1q_s32(c, d)));
    let [second, fourth] = halves(bytes(vtrn2q_s32(a, b)), bytes(vtrn2q_s32(c, d)));
    [first, second, third, fourth]
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn multiply(panel: &Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    panel.start.fill(sums);
    let (tiles, rest) = sums.as_chunks_mut::<TILE>();
    let mut rows = Rows::ZERO;
    let done = tiles.len() * TILE;
    for (tile, first) in tiles.iter_mut().zip((0..).step_by(TILE)) {
        multiply_tile(panel, &rows.of(strips, len, first, panel.count), tile);
    }
    let mut rows = Rows::ZERO;
    for (tile, first) in rest.as_chunks_mut::<1>().0.iter_mut().zip(done..) {
        multiply_tile(panel, &rows.of(strips, len, first, panel.count), tile);
    }
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
fn multiply_tile<const P: usize>(panel: &Panel, rows: &[&[Inputs]; P], sums: &mut [Sums; P]) {
    let count = rows.iter().fold(panel.count, |count, row| count.min(row.len()));
    for (index, steps) in panel.parts.iter().enumerate().take(panel.start.parts) {
        let steps = steps.get(..count).unwrap_or_default();
        let mut tile = [[vdupq_n_s32(0); 4]; P];
        for (vectors, sums) in tile.iter_mut().zip(sums.iter_mut()) {
            *vectors = load(part(sums, index));
        }
        for (at, step) in steps.iter().enumerate() {
            let (mut low, mut high) = ([vdupq_n_s8(0); P], [vdupq_n_s8(0); P]);
            for ((low, high), row) in low.iter_mut().zip(&mut high).zip(rows) {
                // SAFETY: there are `count` steps, and no row is shorter.
                [*low, *high] = load_inputs(unsafe { row.get_unchecked(at) });
            }
            multiply_group::<0, P>(step.load::<0>(), &low, &mut tile);
            multiply_group::<1, P>(step.load::<1>(), &low, &mut tile);
            multiply_group::<2, P>(step.load::<2>(), &low, &mut tile);
            multiply_group::<3, P>(step.load::<3>(), &low, &mut tile);
            multiply_group::<0, P>(step.load::<4>(), &high, &mut tile);
            multiply_group::<1, P>(step.load::<5>(), &high, &mut tile);
            multiply_group::<2, P>(step.load::<6>(), &high, &mut tile);
            multiply_group::<3, P>(step.load::<7>(), &high, &mut tile);
        }
        for (vectors, sums) in tile.into_iter().zip(sums.iter_mut()) {
            store(vectors, part(sums, index));
        }
    }
}

/// Four inputs of each pixel, the `GROUP`th, times the weights of sixteen channels.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn multiply_group<const GROUP: usize, const P: usize>(
    weights: [int8x16_t; 4],
    inputs: &[int8x16_t; P],
    tile: &mut [Numbers; P],
) {
    for (vectors, &input) in tile.iter_mut().zip(inputs) {
        for (sums, weights) in vectors.iter_mut().zip(weights) {
            *sums = sdot_group::<GROUP>(*sums, weights, input);
        }
    }
}

/// Adds to each lane the products of its four weights with the inputs `4 * GROUP ..`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot_group<const GROUP: usize>(
    mut sums: int32x4_t,
    weights: int8x16_t,
    input: int8x16_t,
) -> int32x4_t {
    // SAFETY: the instruction reads and writes these registers only, and is of feature `dotprod`.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {weights:v}.16b, {input:v}.4b[{group}]",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            input = in(vreg) input,
            group = const GROUP,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let (mut a, mut b) = (a.get(..len).unwrap_or(a), b.get(..len).unwrap_or(b));
    let mut sums = vdupq_n_s32(0);
    while !a.is_empty() {
        sums = sdot(sums, take(&mut a), take(&mut b));
    }
    vaddvq_s32(sums)
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn dots<const N: usize>(
    probe: &[i8; N],
    rows: &[[[i8; N]; ROWS]],
    sums: &mut [[i32; ROWS]],
) {
    dots::dots(probe, rows, sums, |sums, row, probe| sdot(sums, row, probe));
}

/// Adds to each lane the products of the four bytes of both there.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes these registers only, and is of feature `dotprod`.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
