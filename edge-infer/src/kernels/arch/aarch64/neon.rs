//! Products of bytes in int16, by `smull` and `smlal`, then `sadalp` into int32, exactly: two
//! products with weights from -127 to 127 just fit (2 * 127 * 128 = 32,512).
//!
//! A channel's weights stay in the order of the file, and the inputs in that of the tensor; a vector
//! of sums belongs to one pixel and one channel, and its lanes are added up at the end.
//!
//! ```text
//! int16 lane i  =  x[i] w[i] + x[8 + i] w[8 + i]          int32 lane i  +=  lane 2 i + lane 2 i + 1
//! ```

use core::arch::{aarch64::*, asm};

use super::super::{BLOCK, Strip, Sums, Weights};
use super::dots::{self, ROWS};
use super::lanes::{Start, load_inputs, store_bytes, take};
pub(super) use super::requantize::requantize;
use super::rows::Rows;
pub(super) use super::taps::{Taps, multiply_taps, pack_taps};
use super::{BYTES, Inputs, STEP, STEPS};

/// Pixels whose sums of four channels are in registers at a time: 16 vectors, beside 8 of inputs, 2
/// of weights and 4 of products.
const TILE: usize = 4;
/// Channels of a tile.
const FOUR: usize = 4;

/// The weights of four channels in one step.
type Step = [Inputs; FOUR];

/// Weights of a block, four channels after the other, with zeros behind a channel's last one.
pub(crate) struct Panel {
    start: Start,
    fours: [[Step; STEPS]; BLOCK / FOUR],
    /// Steps in use.
    count: usize,
}

impl Panel {
    pub(super) fn empty() -> Self {
        Self { start: Start::ZERO, fours: [[[[0; STEP]; FOUR]; STEPS]; BLOCK / FOUR], count: 0 }
    }
}

#[target_feature(enable = "neon")]
pub(super) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.start = Start::of(&weights);
    panel.count = weights.depth.div_ceil(STEP).min(STEPS);
    for (four, steps) in panel.fours.iter_mut().enumerate() {
        for channel in 0..FOUR {
            let mut values = weights.of_channel(four * FOUR + channel, 0);
            for step in steps.iter_mut().take(panel.count) {
                if let Some((low, high)) = step.get_mut(channel).map(|to| to.split_at_mut(BYTES)) {
                    store_bytes(take(&mut values), low);
                    store_bytes(take(&mut values), high);
                }
            }
        }
    }
}

#[target_feature(enable = "neon")]
pub(super) fn multiply(panel: &Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    panel.start.fill(sums);
    let mut rows = Rows::ZERO;
    let (mut rest, mut first) = (sums, 0);
    while !rest.is_empty() {
        let pixels = TILE.min(rest.len());
        let tile = rest.split_off_mut(..pixels).unwrap_or_default();
        // Pixels behind the last one are read as what is there, and not stored.
        multiply_tile(panel, &rows.of(strips, len, first, panel.count), tile);
        first += TILE;
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn multiply_tile(panel: &Panel, rows: &[&[Inputs]; TILE], sums: &mut [Sums]) {
    let count = rows.iter().fold(panel.count, |count, row| count.min(row.len()));
    let fours = panel.fours.iter().take(panel.start.parts * BYTES / FOUR);
    for (four, steps) in fours.enumerate() {
        // For each channel and pixel a vector whose lanes add up to the sum.
        let mut tile = [[vdupq_n_s32(0); TILE]; FOUR];
        for (at, step) in steps.get(..count).unwrap_or_default().iter().enumerate() {
            let (mut low, mut high) = ([vdupq_n_s8(0); TILE], [vdupq_n_s8(0); TILE]);
            for ((low, high), row) in low.iter_mut().zip(&mut high).zip(rows) {
                // SAFETY: there are `count` steps, and no row is shorter.
                [*low, *high] = load_inputs(unsafe { row.get_unchecked(at) });
            }
            for (sums, weights) in tile.iter_mut().zip(step) {
                let [first, second] = load_inputs(weights);
                add_products(sums, low, first);
                add_products(sums, high, second);
            }
        }
        let [a, b, c, d] = tile;
        for ((((a, b), c), d), sums) in a.into_iter().zip(b).zip(c).zip(d).zip(sums.iter_mut()) {
            let numbers = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
            if let Some(to) = sums.0.as_chunks_mut::<FOUR>().0.get_mut(four) {
                // SAFETY: the array holds one vector.
                unsafe { vst1q_s32(to.as_mut_ptr(), vaddq_s32(vld1q_s32(to.as_ptr()), numbers)) }
            }
        }
    }
}

/// Adds the products of sixteen inputs of four pixels with a channel's weights. One block, because
/// the compiler would interleave those of several channels and run out of registers.
#[inline]
#[target_feature(enable = "neon")]
fn add_products(sums: &mut [int32x4_t; TILE], inputs: [int8x16_t; TILE], weights: int8x16_t) {
    let ([a, b, c, d], [w, x, y, z]) = (sums, inputs);
    // SAFETY: the instructions read and write these registers only.
    unsafe {
        asm!(
            "smull {e:v}.8h, {w:v}.8b, {v:v}.8b",
            "smull {f:v}.8h, {x:v}.8b, {v:v}.8b",
            "smull {g:v}.8h, {y:v}.8b, {v:v}.8b",
            "smull {h:v}.8h, {z:v}.8b, {v:v}.8b",
            "smlal2 {e:v}.8h, {w:v}.16b, {v:v}.16b",
            "smlal2 {f:v}.8h, {x:v}.16b, {v:v}.16b",
            "smlal2 {g:v}.8h, {y:v}.16b, {v:v}.16b",
            "smlal2 {h:v}.8h, {z:v}.16b, {v:v}.16b",
            "sadalp {a:v}.4s, {e:v}.8h",
            "sadalp {b:v}.4s, {f:v}.8h",
            "sadalp {c:v}.4s, {g:v}.8h",
            "sadalp {d:v}.4s, {h:v}.8h",
            a = inout(vreg) *a,
            b = inout(vreg) *b,
            c = inout(vreg) *c,
            d = inout(vreg) *d,
            e = out(vreg) _,
            f = out(vreg) _,
            g = out(vreg) _,
            h = out(vreg) _,
            v = in(vreg) weights,
            w = in(vreg) w,
            x = in(vreg) x,
            y = in(vreg) y,
            z = in(vreg) z,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
}

#[target_feature(enable = "neon")]
pub(super) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let (mut a, mut b) = (a.get(..len).unwrap_or(a), b.get(..len).unwrap_or(b));
    let mut sums = vdupq_n_s32(0);
    while !a.is_empty() {
        sums = add_exactly(sums, take(&mut a), take(&mut b));
    }
    vaddvq_s32(sums)
}

#[target_feature(enable = "neon")]
pub(super) fn dots<const N: usize>(
    probe: &[i8; N],
    rows: &[[[i8; N]; ROWS]],
    sums: &mut [[i32; ROWS]],
) {
    dots::dots(probe, rows, sums, |sums, row, probe| add_exactly(sums, row, probe));
}

/// Adds to each lane the products of four bytes. Neither side is known to be without -128, so that
/// the sum of two products may not fit int16.
#[inline]
#[target_feature(enable = "neon")]
fn add_exactly(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    vpadalq_s16(sums, vmull_high_s8(a, b))
}
