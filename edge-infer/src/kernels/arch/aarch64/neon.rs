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
use core::mem::MaybeUninit;

use super::super::{Epilogue, Lines, Strip, Sums, Weights};
use super::BYTES;
use super::dense::{self, Products};
use super::dots::{self, ROWS};
use super::interleave;
use super::lanes::{Numbers, add_high, multiply_low, take};
pub(super) use super::panel::Panel;
use super::panel::Step;
pub(super) use super::requantize::requantize;
use super::round::{Results, Rounding, round};
use super::slide;
use super::taps;
pub(super) use super::taps::{Taps, multiply_taps};
use super::tile::{Inputs, SIDE_BY_SIDE, TILE};

/// Channels whose sums are in registers at a time.
const FOUR: usize = 4;

#[target_feature(enable = "neon")]
pub(super) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.pack(&weights, interleave::in_order);
}

/// The tier's dense products.
struct Dense;

impl dense::Dense for Dense {
    const FORM: u8 = SIDE_BY_SIDE;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products {
        products(weights, inputs, bias)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn in_order(products: Products) -> [Numbers; TILE] {
        products
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn round<const KIND: u8>(products: Products, rounding: &Rounding<'_>, results: Results) {
        // SAFETY: the caller has seen to the room.
        unsafe { round::<KIND>(products, rounding, results) }
    }
}

#[target_feature(enable = "neon")]
pub(super) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    // SAFETY: the features are those of this function.
    unsafe { dense::multiply::<Dense>(panel, (strips, len), (0, sums)) }
}

#[target_feature(enable = "neon")]
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

#[inline]
#[target_feature(enable = "neon")]
fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products {
    let mut sums = MaybeUninit::uninit();
    four_channels::<0>(weights, inputs, bias, &mut sums);
    four_channels::<1>(weights, inputs, bias, &mut sums);
    four_channels::<2>(weights, inputs, bias, &mut sums);
    four_channels::<3>(weights, inputs, bias, &mut sums);
    // SAFETY: each has written the vectors of its channels for all pixels.
    unsafe { sums.assume_init() }
}

/// Products of sixteen inputs of four pixels, in registers 16 to 19, with the weights of two channels in `$v` and `$w`, in eight
/// registers from 24 on. So many because in-order cores wait for each of them.
macro_rules! multiply {
    ($v:literal, $w:literal) => {
        concat!(
            "smull v24.8h, v16.8b, v",
            $v,
            ".8b\n",
            "smull v25.8h, v17.8b, v",
            $v,
            ".8b\n",
            "smull v26.8h, v18.8b, v",
            $v,
            ".8b\n",
            "smull v27.8h, v19.8b, v",
            $v,
            ".8b\n",
            "smull v28.8h, v16.8b, v",
            $w,
            ".8b\n",
            "smull v29.8h, v17.8b, v",
            $w,
            ".8b\n",
            "smull v30.8h, v18.8b, v",
            $w,
            ".8b\n",
            "smull v31.8h, v19.8b, v",
            $w,
            ".8b\n",
            "smlal2 v24.8h, v16.16b, v",
            $v,
            ".16b\n",
            "smlal2 v25.8h, v17.16b, v",
            $v,
            ".16b\n",
            "smlal2 v26.8h, v18.16b, v",
            $v,
            ".16b\n",
            "smlal2 v27.8h, v19.16b, v",
            $v,
            ".16b\n",
            "smlal2 v28.8h, v16.16b, v",
            $w,
            ".16b\n",
            "smlal2 v29.8h, v17.16b, v",
            $w,
            ".16b\n",
            "smlal2 v30.8h, v18.16b, v",
            $w,
            ".16b\n",
            "smlal2 v31.8h, v19.16b, v",
            $w,
            ".16b\n",
        )
    };
}

/// Adds them to the sums of both channels.
macro_rules! add_up {
    ($a:literal, $b:literal, $c:literal, $d:literal; $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(
            "sadalp v",
            $a,
            ".4s, v24.8h\n",
            "sadalp v",
            $b,
            ".4s, v25.8h\n",
            "sadalp v",
            $c,
            ".4s, v26.8h\n",
            "sadalp v",
            $d,
            ".4s, v27.8h\n",
            "sadalp v",
            $e,
            ".4s, v28.8h\n",
            "sadalp v",
            $f,
            ".4s, v29.8h\n",
            "sadalp v",
            $g,
            ".4s, v30.8h\n",
            "sadalp v",
            $h,
            ".4s, v31.8h\n",
        )
    };
}

/// The sums of the `N`th four channels of each pixel. A vector for each pixel and channel, whose lanes add up to the sum, beside
/// four of inputs, four of weights and eight of products.
#[inline]
#[target_feature(enable = "neon")]
fn four_channels<const N: usize>(
    weights: &[Step],
    inputs: &Inputs<'_>,
    bias: &[i32; BYTES],
    sums: &mut MaybeUninit<Products>,
) {
    const { assert!(N < BYTES / FOUR) }
    // SAFETY: the loop reads as many steps of both as the shorter one has: of a step of weights four vectors in each half. `N`
    // is less than four, and there are four times four of them, as there are numbers in the bias and in the sums of a pixel.
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
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{weights}], {half}",
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{inputs}], #64",
            multiply!(20, 21),
            add_up!(0, 4, 8, 12; 1, 5, 9, 13),
            multiply!(22, 23),
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{weights}], {half}",
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{inputs}], #64",
            add_up!(2, 6, 10, 14; 3, 7, 11, 15),
            multiply!(20, 21),
            add_up!(0, 4, 8, 12; 1, 5, 9, 13),
            multiply!(22, 23),
            "sub {count}, {count}, #1",
            add_up!(2, 6, 10, 14; 3, 7, 11, 15),
            "cbnz {count}, 2b",
            "3:",
            "addp v0.4s, v0.4s, v1.4s",
            "addp v4.4s, v4.4s, v5.4s",
            "addp v8.4s, v8.4s, v9.4s",
            "addp v12.4s, v12.4s, v13.4s",
            "addp v2.4s, v2.4s, v3.4s",
            "addp v6.4s, v6.4s, v7.4s",
            "addp v10.4s, v10.4s, v11.4s",
            "addp v14.4s, v14.4s, v15.4s",
            "addp v0.4s, v0.4s, v2.4s",
            "addp v4.4s, v4.4s, v6.4s",
            "addp v8.4s, v8.4s, v10.4s",
            "addp v12.4s, v12.4s, v14.4s",
            "str q0, [{sums}]",
            "str q4, [{sums}, #64]",
            "str q8, [{sums}, #128]",
            "str q12, [{sums}, #192]",
            weights = inout(reg) weights.as_ptr().cast::<[[i8; BYTES]; FOUR]>().wrapping_add(N) => _,
            inputs = inout(reg) inputs.copies().as_ptr() => _,
            count = inout(reg) weights.len().min(inputs.copies().len()) => _,
            half = in(reg) size_of::<Step>() / 2,
            bias = in(reg) bias.as_ptr().wrapping_add(FOUR * N),
            sums = in(reg) sums.as_mut_ptr().cast::<int32x4_t>().wrapping_add(N),
            out("v0") _, out("v1") _, out("v2") _, out("v3") _,
            out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _,
            out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack, preserves_flags),
        );
    }
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
    taps::pack_taps::<slide::Pairs>(weights, taps);
}

#[target_feature(enable = "neon")]
pub(super) fn slide(
    taps: &mut Taps,
    lines: &Lines<'_>,
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    // SAFETY: the features are those of this function.
    unsafe { slide::slide::<slide::Pairs>(taps, lines, epilogue, output) }
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
