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
use core::hint::black_box;

use super::super::{Epilogue, Lines, Strip, Sums, Weights};
use super::BYTES;
use super::dense::{self, Products};
use super::dots::{self, ROWS};
use super::lanes::{add_high, multiply_low, take};
pub(super) use super::panel::Panel;
use super::panel::{Step, in_order};
pub(super) use super::requantize::requantize;
use super::slide;
use super::taps;
pub(super) use super::taps::{Taps, multiply_taps};
use super::tile::{Inputs, TILE};

/// Channels whose sums are in registers at a time.
const FOUR: usize = 4;

#[target_feature(enable = "neon")]
pub(super) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.pack(&weights, |rows, four, to| in_order(rows, four, to));
}

#[target_feature(enable = "neon")]
pub(super) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    dense::multiply::<false>(panel, (strips, len), (0, sums), |w, x, bias| products(w, x, bias));
}

#[target_feature(enable = "neon")]
pub(super) fn finish(
    panel: &mut Panel,
    strips: &[Strip<'_>],
    len: usize,
    sums: &mut [Sums],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    dense::finish::<false>(panel, (strips, len), sums, epilogue, output, |w, x, bias| {
        products(w, x, bias)
    });
}

#[inline]
#[target_feature(enable = "neon")]
fn products(weights: &[Step], inputs: &[Inputs], bias: &[i32; BYTES]) -> Products {
    let fours = [
        four_channels::<0>(weights, inputs, bias),
        four_channels::<1>(weights, inputs, bias),
        four_channels::<2>(weights, inputs, bias),
        four_channels::<3>(weights, inputs, bias),
    ];
    let [a, b, c, d] = fours;
    let [[a, e, i, m], [b, f, j, n], [c, g, k, o], [d, h, l, p]] = [a, b, c, d];
    [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]]
}

/// Sixteen inputs of four pixels, in registers 16 to 19, times the weights of a channel in `$weights`.
macro_rules! channel {
    ($weights:literal, $a:literal, $b:literal, $c:literal, $d:literal, $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(
            "smull v",
            $e,
            ".8h, v16.8b, v",
            $weights,
            ".8b\n",
            "smull v",
            $f,
            ".8h, v17.8b, v",
            $weights,
            ".8b\n",
            "smull v",
            $g,
            ".8h, v18.8b, v",
            $weights,
            ".8b\n",
            "smull v",
            $h,
            ".8h, v19.8b, v",
            $weights,
            ".8b\n",
            "smlal2 v",
            $e,
            ".8h, v16.16b, v",
            $weights,
            ".16b\n",
            "smlal2 v",
            $f,
            ".8h, v17.16b, v",
            $weights,
            ".16b\n",
            "smlal2 v",
            $g,
            ".8h, v18.16b, v",
            $weights,
            ".16b\n",
            "smlal2 v",
            $h,
            ".8h, v19.16b, v",
            $weights,
            ".16b\n",
            "sadalp v",
            $a,
            ".4s, v",
            $e,
            ".8h\n",
            "sadalp v",
            $b,
            ".4s, v",
            $f,
            ".8h\n",
            "sadalp v",
            $c,
            ".4s, v",
            $g,
            ".8h\n",
            "sadalp v",
            $d,
            ".4s, v",
            $h,
            ".8h\n",
        )
    };
}

/// Sixteen inputs of four pixels times the weights of four channels.
macro_rules! half {
    () => {
        concat!(
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{inputs}], #64\n",
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{weights}], {half}\n",
            channel!(20, 0, 4, 8, 12, 24, 25, 26, 27),
            channel!(21, 1, 5, 9, 13, 28, 29, 30, 31),
            channel!(22, 2, 6, 10, 14, 24, 25, 26, 27),
            channel!(23, 3, 7, 11, 15, 28, 29, 30, 31),
        )
    };
}

/// The sums of the `N`th four channels of each pixel. A vector for each pixel and channel, whose lanes add up to the sum, beside
/// four of inputs, four of weights and eight of products.
#[inline]
#[target_feature(enable = "neon")]
fn four_channels<const N: usize>(
    weights: &[Step],
    inputs: &[Inputs],
    bias: &[i32; BYTES],
) -> [int32x4_t; TILE] {
    const { assert!(N < BYTES / FOUR) }
    let [mut a, mut b, mut c, mut d] = [[vdupq_n_s32(0); FOUR]; TILE];
    // SAFETY: the loop reads as many steps of both as the shorter one has: of a step of weights four vectors in each half. `N`
    // is less than four, and there are four times four of them, as there are numbers in the bias.
    unsafe {
        asm!(
            // A first lane is the bias, and the other three are zero.
            "ldp s0, s1, [{bias}]",
            "ldp s2, s3, [{bias}, #8]",
            "ldp s4, s5, [{bias}]",
            "ldp s6, s7, [{bias}, #8]",
            "ldp s8, s9, [{bias}]",
            "ldp s10, s11, [{bias}, #8]",
            "ldp s12, s13, [{bias}]",
            "ldp s14, s15, [{bias}, #8]",
            "cbz {count}, 3f",
            "2:",
            half!(),
            "sub {count}, {count}, #1",
            half!(),
            "cbnz {count}, 2b",
            "3:",
            weights = inout(reg) weights.as_ptr().cast::<[[i8; BYTES]; FOUR]>().wrapping_add(N) => _,
            inputs = inout(reg) inputs.as_ptr() => _,
            count = inout(reg) weights.len().min(inputs.len()) => _,
            half = in(reg) size_of::<Step>() / 2,
            bias = in(reg) bias.as_ptr().wrapping_add(FOUR * N),
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
    [a, b, c, d].map(|[a, b, c, d]| vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)))
}

/// Adds the products of sixteen inputs of four pixels with a channel's weights.
#[inline]
#[target_feature(enable = "neon")]
fn add_products(sums: &mut [int32x4_t; TILE], inputs: [int8x16_t; TILE], weights: int8x16_t) {
    for (sums, inputs) in sums.iter_mut().zip(inputs) {
        let products = add_high(multiply_low(inputs, weights), inputs, weights);
        *sums = vpadalq_s16(*sums, products);
    }
}

#[target_feature(enable = "neon")]
pub(super) fn pack_taps(weights: Weights<'_>, taps: &mut Taps) {
    taps::pack_taps(weights, taps, slide::by_row);
}

#[target_feature(enable = "neon")]
pub(super) fn slide(
    taps: &mut Taps,
    lines: &Lines<'_>,
    pixels: usize,
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    slide::slide(taps, lines, (pixels, epilogue, output), slide::by_row, slide::filter);
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

/// As many sums as a tile has.
#[target_feature(enable = "neon")]
pub(super) fn saturate(turns: u32) -> u64 {
    let mut tile = black_box([[vdupq_n_s32(0); TILE]; FOUR]);
    let (input, weights) = (vdupq_n_s8(3), vdupq_n_s8(5));
    for _ in 0..turns {
        for sums in &mut tile {
            add_products(sums, [input; TILE], weights);
        }
    }
    black_box(tile);
    u64::from(turns) * (FOUR * TILE * BYTES) as u64
}
