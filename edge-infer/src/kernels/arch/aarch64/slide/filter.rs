//! Windows of sixteen channels, from columns to results: products, sums and rounding without leaving the registers.

use core::arch::{aarch64::*, asm};

use super::super::interleave::{self, Interleave};
use super::super::rounding::{SHIFT, each, nearest, scale};
use super::{BYTES, Column, Rounding, Sliding, Weights};

/// Products of two vectors with two, added up in int16, which two of them just fit, and of another two. The registers `$low` and
/// `$high` get those of the lower and of the upper channels.
macro_rules! pairs {
    ($low:literal, $high:literal = $x:literal * $v:literal + $y:literal * $w:literal;
     $low_2:literal, $high_2:literal = $x_2:literal * $v_2:literal + $y_2:literal * $w_2:literal) => {
        concat!(
            "smull v", $low, ".8h, v", $x, ".8b, v", $v, ".8b\n", "smull2 v", $high, ".8h, v", $x,
            ".16b, v", $v, ".16b\n", "smull v", $low_2, ".8h, v", $x_2, ".8b, v", $v_2, ".8b\n",
            "smull2 v", $high_2, ".8h, v", $x_2, ".16b, v", $v_2, ".16b\n", "smlal v", $low,
            ".8h, v", $y, ".8b, v", $w, ".8b\n", "smlal2 v", $high, ".8h, v", $y, ".16b, v", $w,
            ".16b\n", "smlal v", $low_2, ".8h, v", $y_2, ".8b, v", $w_2, ".8b\n", "smlal2 v",
            $high_2, ".8h, v", $y_2, ".16b, v", $w_2, ".16b\n",
        )
    };
}

/// Adds such to the sums in registers 16 to 19.
macro_rules! add {
    ($low:literal, $high:literal) => {
        concat!(
            "saddw v16.4s, v16.4s, v",
            $low,
            ".4h\n",
            "saddw v18.4s, v18.4s, v",
            $high,
            ".4h\n",
            "saddw2 v17.4s, v17.4s, v",
            $low,
            ".8h\n",
            "saddw2 v19.4s, v19.4s, v",
            $high,
            ".8h\n",
        )
    };
}

/// Rounds the sums in registers 16 to 19 and writes them: multipliers are in 20 to 27, [`SHIFT`] in 14 and the zero point in 15.
macro_rules! round {
    () => {
        concat!(
            scale!("v16", "v17", "v18", "v19"; "v20", "v21", "v22", "v23"; "v24", "v25", "v26", "v27"; "v28", "v29", "v30", "v31"),
            nearest!("v16", "v17", "v18", "v19"; "v14", "v15"),
            "st1 {{v16.16b}}, [{results}], {step}\n",
        )
    };
}

/// Adds to the sums in registers 16 to 19 the products of a column in registers 28 to 31 with these taps.
macro_rules! dots {
    ($a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            "sdot v16.4s, v28.16b, v",
            $a,
            ".16b\n",
            "sdot v17.4s, v29.16b, v",
            $b,
            ".16b\n",
            "sdot v18.4s, v30.16b, v",
            $c,
            ".16b\n",
            "sdot v19.4s, v31.16b, v",
            $d,
            ".16b\n",
        )
    };
}

/// Products of columns in order, two taps and sixteen channels at a time.
pub(in super::super) struct Pairs;

impl Sliding for Pairs {
    const ORDER: Interleave = interleave::in_order;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn filter(
        (weights, is_lower): (&Weights, bool),
        (columns, stride): (*const Column, usize),
        rounding: &Rounding<'_>,
        (results, step, windows): (*mut i8, usize, usize),
    ) {
        // The lower windows begin at the columns' second row.
        let columns = columns.cast::<[i8; BYTES]>().wrapping_add(is_lower.into());
        // SAFETY: the loop reads three columns, the bias, taps and multipliers, and writes sixteen results, for each window.
        unsafe {
            asm!(
                "cbz {count}, 3f",
                "ld1 {{v0.16b, v1.16b, v2.16b}}, [{taps}], {column}",
                "ld1 {{v3.16b, v4.16b, v5.16b}}, [{taps}], {column}",
                "ld1 {{v6.16b, v7.16b, v8.16b}}, [{taps}]",
                "2:",
                "ld1 {{v20.16b, v21.16b, v22.16b}}, [{columns}], {column}",
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{bias}]",
                "ld1 {{v23.16b, v24.16b, v25.16b}}, [{columns}], {column}",
                "ld1 {{v26.16b, v27.16b, v28.16b}}, [{columns}], {back}",
                pairs!(29, 30 = 20 * 0 + 21 * 1; 9, 10 = 22 * 2 + 23 * 3),
                pairs!(11, 12 = 24 * 4 + 25 * 5; 13, 31 = 26 * 6 + 27 * 7),
                "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{positive}]",
                add!(29, 30),
                "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{negative}]",
                "smull v29.8h, v28.8b, v8.8b",
                "smull2 v30.8h, v28.16b, v8.16b",
                add!(9, 10),
                add!(11, 12),
                add!(13, 31),
                add!(29, 30),
                "sub {count}, {count}, #1",
                round!(),
                "cbnz {count}, 2b",
                "3:",
                taps = inout(reg) &weights.upper => _,
                bias = in(reg) rounding.bias,
                columns = inout(reg) columns => _,
                column = in(reg) size_of::<Column>(),
                back = in(reg) stride.wrapping_sub(2).wrapping_mul(size_of::<Column>()),
                positive = in(reg) rounding.positive,
                negative = in(reg) rounding.negative,
                results = inout(reg) results => _,
                step = in(reg) step,
                count = inout(reg) windows => _,
                in("v14") vdupq_n_f32(SHIFT),
                in("v15") vdupq_n_s16(rounding.zero_point.into()),
                out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _,
                out("v5") _, out("v6") _, out("v7") _, out("v8") _, out("v9") _,
                out("v10") _, out("v11") _, out("v12") _, out("v13") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
                out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                options(nostack, preserves_flags),
            );
        }
    }
}

/// Products of columns by bytes: `sdot` sums three and a zero.
pub(in super::super) struct Dots;

impl Sliding for Dots {
    const ORDER: Interleave = interleave::by_bytes;

    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn filter(
        (weights, is_lower): (&Weights, bool),
        (columns, stride): (*const Column, usize),
        rounding: &Rounding<'_>,
        (results, step, windows): (*mut i8, usize, usize),
    ) {
        let taps = if is_lower { &weights.lower } else { &weights.upper };
        // SAFETY: the loop reads three columns, the bias, taps and multipliers, and writes sixteen results, for each window; the
        // instructions are of feature `dotprod`.
        unsafe {
            asm!(
                "cbz {count}, 3f",
                "ld1 {{v0.16b, v1.16b, v2.16b, v3.16b}}, [{taps}], #64",
                "ld1 {{v4.16b, v5.16b, v6.16b, v7.16b}}, [{taps}], #64",
                "ld1 {{v8.16b, v9.16b, v10.16b, v11.16b}}, [{taps}]",
                "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{positive}]",
                "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{negative}]",
                "2:",
                "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{columns}], #64",
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{bias}]",
                dots!(0, 1, 2, 3),
                "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{columns}], #64",
                dots!(4, 5, 6, 7),
                "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{columns}], {back}",
                "sub {count}, {count}, #1",
                dots!(8, 9, 10, 11),
                round!(),
                "cbnz {count}, 2b",
                "3:",
                taps = inout(reg) taps => _,
                bias = in(reg) rounding.bias,
                columns = inout(reg) columns => _,
                back = in(reg) stride.wrapping_sub(2).wrapping_mul(size_of::<Column>()),
                positive = in(reg) rounding.positive,
                negative = in(reg) rounding.negative,
                results = inout(reg) results => _,
                step = in(reg) step,
                count = inout(reg) windows => _,
                in("v14") vdupq_n_f32(SHIFT),
                in("v15") vdupq_n_s16(rounding.zero_point.into()),
                out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _,
                out("v6") _, out("v7") _, out("v8") _, out("v9") _, out("v10") _, out("v11") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
                out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
                out("v28") _, out("v29") _, out("v30") _, out("v31") _,
                options(nostack, preserves_flags),
            );
        }
    }
}
