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
use core::hint::black_box;

use super::super::{Epilogue, Strip, Sums, Weights};
use super::BYTES;
use super::dense::{self, Products};
pub(super) use super::dotprod::{dot, dots, pack_taps, slide};
use super::lanes::{Numbers, halves, store_vector};
pub(super) use super::panel::Panel;
use super::panel::Step;
pub(super) use super::requantize::requantize;
pub(super) use super::taps::{Taps, multiply_taps};
use super::tile::{IN_PAIRS, Inputs, TILE};

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
pub(super) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    dense::multiply::<IN_PAIRS>(panel, (strips, len), (0, sums), |w, x, bias| products(w, x, bias));
}

#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) fn finish(
    panel: &mut Panel,
    strips: &[Strip<'_>],
    len: usize,
    sums: &mut [Sums],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    dense::finish::<IN_PAIRS>(panel, (strips, len), sums, epilogue, output, |w, x, bias| {
        products(w, x, bias)
    });
}

/// Eight inputs of each pixel, of two in register `$x` and two in `$y`, times the weights of eight channels in registers `$a`
/// to `$d`. The sums of the second two pixels are eight registers behind those of the first.
macro_rules! eight {
    ($a:literal, $b:literal, $c:literal, $d:literal, $x:literal, $y:literal, low) => {
        concat!(eight!(@ $a, $b, $c, $d, $x, 0, 1, 2, 3), eight!(@ $a, $b, $c, $d, $y, 8, 9, 10, 11))
    };
    ($a:literal, $b:literal, $c:literal, $d:literal, $x:literal, $y:literal, high) => {
        concat!(eight!(@ $a, $b, $c, $d, $x, 4, 5, 6, 7), eight!(@ $a, $b, $c, $d, $y, 12, 13, 14, 15))
    };
    (@ $a:literal, $b:literal, $c:literal, $d:literal, $x:literal, $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(
            "smmla v", $e, ".4s, v", $x, ".16b, v", $a, ".16b\n",
            "smmla v", $f, ".4s, v", $x, ".16b, v", $b, ".16b\n",
            "smmla v", $g, ".4s, v", $x, ".16b, v", $c, ".16b\n",
            "smmla v", $h, ".4s, v", $x, ".16b, v", $d, ".16b\n",
        )
    };
}

/// Sixteen sums, each of two pixels and two channels, beside eight vectors of inputs and eight of weights, of which four are
/// loaded while the others are used.
#[inline]
#[target_feature(enable = "neon,dotprod,i8mm")]
fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products {
    let [mut a, mut b] = [[vdupq_n_s32(0); 8]; 2];
    // SAFETY: the loop reads as many steps of both as the shorter one has, and the bias; the instructions are of feature
    // `i8mm`.
    unsafe {
        asm!(
            // The bias of two channels for both pixels of a pair.
            "ld4r {{v0.2d, v1.2d, v2.2d, v3.2d}}, [{bias}], #32",
            "ld4r {{v4.2d, v5.2d, v6.2d, v7.2d}}, [{bias}]",
            "sub {bias}, {bias}, #32",
            "ld4r {{v8.2d, v9.2d, v10.2d, v11.2d}}, [{bias}], #32",
            "ld4r {{v12.2d, v13.2d, v14.2d, v15.2d}}, [{bias}]",
            "cbz {count}, 3f",
            "2:",
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{inputs}], #64",
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            eight!(24, 25, 26, 27, 16, 17, low),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            eight!(28, 29, 30, 31, 16, 17, high),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{inputs}], #64",
            eight!(24, 25, 26, 27, 18, 19, low),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            eight!(28, 29, 30, 31, 18, 19, high),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            eight!(24, 25, 26, 27, 20, 21, low),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            eight!(28, 29, 30, 31, 20, 21, high),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            eight!(24, 25, 26, 27, 22, 23, low),
            "sub {count}, {count}, #1",
            eight!(28, 29, 30, 31, 22, 23, high),
            "cbnz {count}, 2b",
            "3:",
            weights = inout(reg) weights.as_ptr() => _,
            inputs = inout(reg) inputs.copies().as_ptr() => _,
            count = inout(reg) weights.len().min(inputs.copies().len()) => _,
            bias = inout(reg) bias.as_ptr() => _,
            out("v0") a[0], out("v1") a[1], out("v2") a[2], out("v3") a[3],
            out("v4") a[4], out("v5") a[5], out("v6") a[6], out("v7") a[7],
            out("v8") b[0], out("v9") b[1], out("v10") b[2], out("v11") b[3],
            out("v12") b[4], out("v13") b[5], out("v14") b[6], out("v15") b[7],
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    let ([a, b], [c, d]) = (unravel(a), unravel(b));
    [a, b, c, d]
}

/// The sums of each of the two pixels, in the order of the channels.
#[inline]
#[target_feature(enable = "neon")]
fn unravel([a, b, c, d, e, f, g, h]: [int32x4_t; 8]) -> [Numbers; 2] {
    let wide = |sums| vreinterpretq_s64_s32(sums);
    let first = |a, b| vreinterpretq_s32_s64(vzip1q_s64(wide(a), wide(b)));
    let second = |a, b| vreinterpretq_s32_s64(vzip2q_s64(wide(a), wide(b)));
    [
        [first(a, b), first(c, d), first(e, f), first(g, h)],
        [second(a, b), second(c, d), second(e, f), second(g, h)],
    ]
}

/// As many sums as a tile has; each instruction multiplies every row of eight with two.
#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) fn saturate(turns: u32) -> u64 {
    const SUMS: usize = 4 * TILE;
    let mut sums = black_box([vdupq_n_s32(0); SUMS]);
    let (inputs, weights) = (vdupq_n_s8(3), vdupq_n_s8(5));
    for _ in 0..turns {
        for sum in &mut sums {
            *sum = smmla(*sum, inputs, weights);
        }
    }
    black_box(sums);
    u64::from(turns) * (SUMS * 2 * BYTES) as u64
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
