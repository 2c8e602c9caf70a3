//! `sdot`: four products of bytes summed into each int32 lane, exactly.
//!
//! A lane is a channel, and all lanes of an instruction take the same four inputs of a pixel, which
//! it selects from a vector of sixteen:
//!
//! ```text
//! sums of c .. c + 3  +=  four weights of c │ of c + 1 │ of c + 2 │ of c + 3   times   x[4 g .. 4 g + 4]
//! ```
//!
//! Of sixteen inputs, vector `4 * v + g` holds the weights of channels `4 * v ..` and of inputs
//! `4 * g ..`.

use core::arch::{aarch64::*, asm};
use core::hint::black_box;

use super::super::{Epilogue, Lines, Strip, Sums, Weights};
use super::BYTES;
use super::dense::{self, Products};
use super::dots::{self, ROWS};
use super::interleave;
use super::lanes::{Numbers, take};
pub(super) use super::panel::Panel;
use super::panel::Step;
pub(super) use super::requantize::requantize;
use super::round::{Results, Rounding, round};
use super::slide;
use super::taps;
pub(super) use super::taps::{Taps, multiply_taps};
use super::tile::{IN_PLACE, Inputs, TILE};

#[target_feature(enable = "neon,dotprod")]
pub(super) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.pack(&weights, interleave::by_words);
}

/// The tier's dense products.
struct Dense;

impl dense::Dense for Dense {
    const FORM: u8 = IN_PLACE;

    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products {
        products(weights, inputs, bias)
    }

    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn in_order(products: Products) -> [Numbers; TILE] {
        products
    }

    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn round<const KIND: u8>(products: Products, rounding: &Rounding<'_>, results: Results) {
        // SAFETY: the caller has seen to the room.
        unsafe { round::<KIND>(products, rounding, results) }
    }
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    // SAFETY: the features are those of this function.
    unsafe { dense::multiply::<Dense>(panel, (strips, len), (0, sums)) }
}

#[target_feature(enable = "neon,dotprod")]
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

/// Sixteen inputs of each pixel, in registers `$x` to `$x + 3`, times the weights of four channels in registers `$a` to `$d`.
macro_rules! four {
    ([$($weights:literal),+], $x:tt, $sums:tt) => {
        concat!(four!(@ [$($weights),+], [0, 1, 2, 3], $x, $sums))
    };
    (@ [$($weights:literal),+], [$($group:literal),+], $x:tt, $sums:tt) => {
        concat!($(four!(@@ $weights, $group, $x, $sums)),+)
    };
    (@@ $weights:literal, $group:literal, [$($x:literal),+], [$($sums:literal),+]) => {
        concat!($("sdot v", $sums, ".4s, v", $weights, ".16b, v", $x, ".4b[", $group, "]\n"),+)
    };
}

/// Sixteen sums beside eight vectors of inputs and eight of weights, of which four are loaded while the others are used.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products {
    let [mut a, mut b, mut c, mut d] = [[vdupq_n_s32(0); 4]; TILE];
    let ([w, x, y, z], count) = inputs.rows();
    // SAFETY: the loop reads as many steps of both as the shorter one has, and the bias; the instructions are of feature
    // `dotprod`.
    unsafe {
        asm!(
            "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{bias}]",
            "ld1 {{v4.4s, v5.4s, v6.4s, v7.4s}}, [{bias}]",
            "ld1 {{v8.4s, v9.4s, v10.4s, v11.4s}}, [{bias}]",
            "ld1 {{v12.4s, v13.4s, v14.4s, v15.4s}}, [{bias}]",
            "cbz {count}, 3f",
            "2:",
            "ldp q16, q20, [{w}], #32",
            "ldp q17, q21, [{x}], #32",
            "ldp q18, q22, [{y}], #32",
            "ldp q19, q23, [{z}], #32",
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            four!([24, 25, 26, 27], [16, 17, 18, 19], [0, 4, 8, 12]),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            four!([28, 29, 30, 31], [16, 17, 18, 19], [1, 5, 9, 13]),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            four!([24, 25, 26, 27], [16, 17, 18, 19], [2, 6, 10, 14]),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            four!([28, 29, 30, 31], [16, 17, 18, 19], [3, 7, 11, 15]),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            four!([24, 25, 26, 27], [20, 21, 22, 23], [0, 4, 8, 12]),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            four!([28, 29, 30, 31], [20, 21, 22, 23], [1, 5, 9, 13]),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            four!([24, 25, 26, 27], [20, 21, 22, 23], [2, 6, 10, 14]),
            "sub {count}, {count}, #1",
            four!([28, 29, 30, 31], [20, 21, 22, 23], [3, 7, 11, 15]),
            "cbnz {count}, 2b",
            "3:",
            weights = inout(reg) weights.as_ptr() => _,
            w = inout(reg) w => _, x = inout(reg) x => _, y = inout(reg) y => _, z = inout(reg) z => _,
            count = inout(reg) weights.len().min(count) => _,
            bias = in(reg) bias.as_ptr(),
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

#[target_feature(enable = "neon,dotprod")]
pub(super) fn pack_taps(weights: Weights<'_>, taps: &mut Taps) {
    taps::pack_taps::<slide::Dots>(weights, taps);
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn slide(
    taps: &mut Taps,
    lines: &Lines<'_>,
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    // SAFETY: the features are those of this function.
    unsafe { slide::slide::<slide::Dots>(taps, lines, epilogue, output) }
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

/// As many sums as a tile has.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn saturate(turns: u32) -> u64 {
    const SUMS: usize = 4 * TILE;
    let mut sums = black_box([vdupq_n_s32(0); SUMS]);
    let (input, weights) = (vdupq_n_s8(3), vdupq_n_s8(5));
    for _ in 0..turns {
        for sum in &mut sums {
            *sum = sdot(*sum, input, weights);
        }
    }
    black_box(sums);
    u64::from(turns) * (SUMS * BYTES) as u64
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
