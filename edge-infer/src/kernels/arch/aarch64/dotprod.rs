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
use core::hint::black_box;

use super::super::{Epilogue, Lines, Strip, Sums, Weights};
use super::BYTES;
use super::dense::{self, Products};
use super::dots::{self, ROWS};
use super::lanes::{halves, store_vector, take};
pub(super) use super::panel::Panel;
use super::panel::Step;
pub(super) use super::requantize::requantize;
use super::slide;
use super::taps;
pub(super) use super::taps::{Taps, multiply_taps};
use super::tile::{IN_PLACE, Inputs, TILE};

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
pub(super) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    dense::multiply::<IN_PLACE>(panel, (strips, len), (0, sums), |w, x, bias| products(w, x, bias));
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn finish(
    panel: &mut Panel,
    strips: &[Strip<'_>],
    len: usize,
    sums: &mut [Sums],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    dense::finish::<IN_PLACE>(panel, (strips, len), sums, epilogue, output, |w, x, bias| {
        products(w, x, bias)
    });
}

/// Four inputs of each pixel, the `$group`th of those in registers `$x` to `$x + 3`, times the weights of sixteen channels in
/// registers `$a` to `$d`.
macro_rules! group {
    ($a:literal, $b:literal, $c:literal, $d:literal, [$($x:literal),+], $group:literal) => {
        group!(@ [$a, $b, $c, $d], $group, [$($x),+], [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]])
    };
    (@ $weights:tt, $group:literal, [$($x:literal),+], [$($sums:tt),+]) => {
        concat!($(group!(@@ $weights, $group, $x, $sums)),+)
    };
    (@@ [$a:literal, $b:literal, $c:literal, $d:literal], $group:literal, $x:literal, [$e:literal, $f:literal, $g:literal, $h:literal]) => {
        concat!(
            "sdot v", $e, ".4s, v", $a, ".16b, v", $x, ".4b[", $group, "]\n",
            "sdot v", $f, ".4s, v", $b, ".16b, v", $x, ".4b[", $group, "]\n",
            "sdot v", $g, ".4s, v", $c, ".16b, v", $x, ".4b[", $group, "]\n",
            "sdot v", $h, ".4s, v", $d, ".16b, v", $x, ".4b[", $group, "]\n",
        )
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
            group!(24, 25, 26, 27, [16, 17, 18, 19], 0),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            group!(28, 29, 30, 31, [16, 17, 18, 19], 1),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            group!(24, 25, 26, 27, [16, 17, 18, 19], 2),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            group!(28, 29, 30, 31, [16, 17, 18, 19], 3),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            group!(24, 25, 26, 27, [20, 21, 22, 23], 0),
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{weights}], #64",
            group!(28, 29, 30, 31, [20, 21, 22, 23], 1),
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{weights}], #64",
            group!(24, 25, 26, 27, [20, 21, 22, 23], 2),
            "sub {count}, {count}, #1",
            group!(28, 29, 30, 31, [20, 21, 22, 23], 3),
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
    taps::pack_taps(weights, taps, slide::by_channel);
}

#[target_feature(enable = "neon,dotprod")]
pub(super) fn slide(
    taps: &mut Taps,
    lines: &Lines<'_>,
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    slide::slide(taps, lines, (epilogue, output), slide::by_channel, slide::filter_by_dots);
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
