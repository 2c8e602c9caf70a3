//! `smmla`: the products of two pixels with two channels over eight inputs, summed into four int32
//! lanes, exactly.
//!
//! ```text
//! lanes  p·c │ p·c+1 │ p+1·c │ p+1·c+1   +=   eight inputs of p │ of p + 1   times   eight weights of c │ of c + 1
//! ```
//!
//! Of sixteen inputs, vector `4 * f + 2 * h + v` holds the weights of channels `4 * f + 2 * v ..` and of inputs
//! `8 * h ..`.

use core::arch::{aarch64::*, asm};
use core::hint::black_box;

use super::super::{Epilogue, Strip, Sums, Weights};
use super::BYTES;
use super::dense::{self, Products};
pub(super) use super::dotprod::{dot, dots, pack_taps, slide};
use super::interleave;
use super::lanes::Numbers;
use super::pairs;
pub(super) use super::panel::Panel;
use super::panel::Step;
pub(super) use super::requantize::requantize;
use super::round::{Results, Rounding};
pub(super) use super::taps::{Taps, multiply_taps};
use super::tile::{IN_PAIRS, Inputs, TILE};

#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.pack(&weights, interleave::by_halves);
}

/// The tier's dense products.
struct Dense;

impl dense::Dense for Dense {
    const FORM: u8 = IN_PAIRS;

    #[inline]
    #[target_feature(enable = "neon,dotprod,i8mm")]
    unsafe fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products {
        products(weights, inputs, bias)
    }

    #[inline]
    #[target_feature(enable = "neon,dotprod,i8mm")]
    unsafe fn in_order(products: Products) -> [Numbers; TILE] {
        pairs::in_order(products)
    }

    #[inline]
    #[target_feature(enable = "neon,dotprod,i8mm")]
    unsafe fn round<const KIND: u8>(products: Products, rounding: &Rounding<'_>, results: Results) {
        // SAFETY: the caller has seen to the room.
        unsafe { pairs::round::<KIND>(products, rounding, results) }
    }
}

#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    // SAFETY: the features are those of this function.
    unsafe { dense::multiply::<Dense>(panel, (strips, len), (0, sums)) }
}

#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) fn finish(
    panel: &mut Panel,
    strips: (&[Strip<'_>], usize),
    pixels: usize,
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    // SAFETY: the features are those of this function.
    unsafe { dense::finish::<Dense>(panel, strips, pixels, epilogue, output) }
}

/// Sixteen inputs of each pixel, in registers `$x` to `$x + 3`, times the weights of four channels in four registers: the first
/// eight inputs of both pairs, then the second. The sums of the second two pixels are eight registers behind those of the first.
macro_rules! four {
    ([$a:literal, $b:literal, $c:literal, $d:literal], [$w:literal, $x:literal, $y:literal, $z:literal], $sums:tt) => {
        concat!(four!(@ $a, $b, $w, $x, $sums), four!(@ $c, $d, $y, $z, $sums))
    };
    (@ $a:literal, $b:literal, $x:literal, $y:literal, [$e:literal, $f:literal, $g:literal, $h:literal]) => {
        concat!(
            "smmla v", $e, ".4s, v", $x, ".16b, v", $a, ".16b\n",
            "smmla v", $f, ".4s, v", $x, ".16b, v", $b, ".16b\n",
            "smmla v", $g, ".4s, v", $y, ".16b, v", $a, ".16b\n",
            "smmla v", $h, ".4s, v", $y, ".16b, v", $b, ".16b\n",
        )
    };
}

/// Sixteen sums, each of two pixels and two channels, beside eight vectors of inputs and eight of weights, of which four are
/// loaded while the others are used.
#[inline]
#[target_feature(enable = "neon,dotprod,i8mm")]
fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products {
    let [mut a, mut b, mut c, mut d] = [[vdupq_n_s32(0); 4]; TILE];
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
            four!([24, 25, 26, 27], [16, 17, 18, 19], [0, 1, 8, 9]),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            four!([28, 29, 30, 31], [16, 17, 18, 19], [2, 3, 10, 11]),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            four!([24, 25, 26, 27], [16, 17, 18, 19], [4, 5, 12, 13]),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{inputs}], #64",
            four!([28, 29, 30, 31], [16, 17, 18, 19], [6, 7, 14, 15]),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            four!([24, 25, 26, 27], [20, 21, 22, 23], [0, 1, 8, 9]),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            four!([28, 29, 30, 31], [20, 21, 22, 23], [2, 3, 10, 11]),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            four!([24, 25, 26, 27], [20, 21, 22, 23], [4, 5, 12, 13]),
            "sub {count}, {count}, #1",
            four!([28, 29, 30, 31], [20, 21, 22, 23], [6, 7, 14, 15]),
            "cbnz {count}, 2b",
            "3:",
            weights = inout(reg) weights.as_ptr() => _,
            inputs = inout(reg) inputs.copies().as_ptr() => _,
            count = inout(reg) weights.len().min(inputs.copies().len()) => _,
            bias = inout(reg) bias.as_ptr() => _,
            out("v0") a[0], out("v1") a[1], out("v2") a[2], out("v3") a[3],
            out("v4") b[0], out("v5") b[1], out("v6") b[2], out("v7") b[3],
            out("v8") c[0], out("v9") c[1], out("v10") c[2], out("v11") c[3],
            out("v12") d[0], out("v13") d[1], out("v14") d[2], out("v15") d[3],
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    [a, b, c, d]
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
