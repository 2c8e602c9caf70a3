//! Sums of pairs of pixels, as `smmla` leaves them: a vector has those of two channels of both. Registers 0 to 7 belong to the
//! first pair.
//!
//! They are rounded in that order, by multipliers that are there twice, and put into that of the channels as bytes:
//!
//! ```text
//! a vector of sums       c of p │ c+1 of p │ c of p+1 │ c+1 of p+1
//! a vector of bytes      c, c+1 of p │ c, c+1 of p+1 │ c+2, c+3 of p │ ..      of eight channels
//! ```

use core::arch::{aarch64::*, asm};

use super::dense::Products;
use super::lanes::Numbers;
use super::round::{
    ALIKE_AND_ADDED, BY_SIGN, Results, Rounding, alike, alike_and_added, by_sign, over_tile,
};
use super::rounding::{SHIFT, add, each, nearest, scale, scale_alike};

/// The sums of each pixel, in the order of the channels.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn in_order([first, second, third, fourth]: Products) -> Products {
    let ([a, b], [c, d]) = (unravel(first, second), unravel(third, fourth));
    [a, b, c, d]
}

/// Of a pair.
#[inline]
#[target_feature(enable = "neon")]
fn unravel([a, b, c, d]: Numbers, [e, f, g, h]: Numbers) -> [Numbers; 2] {
    let wide = |sums| vreinterpretq_s64_s32(sums);
    let first = |a, b| vreinterpretq_s32_s64(vzip1q_s64(wide(a), wide(b)));
    let second = |a, b| vreinterpretq_s32_s64(vzip2q_s64(wide(a), wide(b)));
    [
        [first(a, b), first(c, d), first(e, f), first(g, h)],
        [second(a, b), second(c, d), second(e, f), second(g, h)],
    ]
}

/// Writes the bytes of a pair, from those of its lower and upper eight channels.
macro_rules! store {
    ($low:literal, $high:literal; $first:literal, $second:literal) => {
        concat!(
            "uzp1 ",
            $first,
            ".8h, ",
            $low,
            ".8h, ",
            $high,
            ".8h\n",
            "uzp2 ",
            $second,
            ".8h, ",
            $low,
            ".8h, ",
            $high,
            ".8h\n",
            "st1 {{",
            $first,
            ".16b}}, [{to}], {step}\n",
            "st1 {{",
            $second,
            ".16b}}, [{to}], {step}\n",
        )
    };
}

/// Loads the values that are added to a pair's lower or upper eight channels, by `zip1` or `zip2`, into register 27.
macro_rules! load {
    ($zip:literal) => {
        concat!(
            "ld1 {{v24.16b}}, [{values}]\n",
            "ldr q25, [{values}, {step}]\n",
            $zip,
            " v27.8h, v24.8h, v25.8h\n",
        )
    };
}

/// Rounds such sums.
///
/// # Safety
/// As [`Dense::round`](super::dense::Dense::round).
#[inline]
#[target_feature(enable = "neon")]
pub(super) unsafe fn round<const KIND: u8>(
    products: Products,
    rounding: &Rounding<'_>,
    results: Results,
) {
    // SAFETY: the instructions read sixteen multipliers of both signs and sixteen values of each pixel, and write as many results.
    unsafe {
        match (KIND, rounding.residual) {
            (BY_SIGN, _) => over_tile!(
                products,
                rounding,
                results,
                [
                    "ld4r {{v16.2d, v17.2d, v18.2d, v19.2d}}, [{positive}], #32",
                    "ld4r {{v20.2d, v21.2d, v22.2d, v23.2d}}, [{negative}], #32",
                    by_sign!("v0", "v1", "v2", "v3"),
                    by_sign!("v8", "v9", "v10", "v11"),
                    "ld4r {{v16.2d, v17.2d, v18.2d, v19.2d}}, [{positive}]",
                    "ld4r {{v20.2d, v21.2d, v22.2d, v23.2d}}, [{negative}]",
                    by_sign!("v4", "v5", "v6", "v7"),
                    store!("v0", "v4"; "v1", "v2"),
                    by_sign!("v12", "v13", "v14", "v15"),
                    store!("v8", "v12"; "v9", "v10"),
                ],
                positive = inout(reg) rounding.positive => _,
                negative = inout(reg) rounding.negative => _,
            ),
            (ALIKE_AND_ADDED, Some(residual)) => over_tile!(
                products,
                rounding,
                results,
                [
                    "ld4r {{v16.2d, v17.2d, v18.2d, v19.2d}}, [{positive}], #32",
                    "ld4r {{v20.2d, v21.2d, v22.2d, v23.2d}}, [{positive}]",
                    load!("zip1"),
                    alike_and_added!("v0", "v1", "v2", "v3"; "v16", "v17", "v18", "v19"; "v27"),
                    load!("zip2"),
                    alike_and_added!("v4", "v5", "v6", "v7"; "v20", "v21", "v22", "v23"; "v27"),
                    store!("v0", "v4"; "v1", "v2"),
                    "add {values}, {values}, {step}, lsl #1",
                    load!("zip1"),
                    alike_and_added!("v8", "v9", "v10", "v11"; "v16", "v17", "v18", "v19"; "v27"),
                    load!("zip2"),
                    alike_and_added!("v12", "v13", "v14", "v15"; "v20", "v21", "v22", "v23"; "v27"),
                    store!("v8", "v12"; "v9", "v10"),
                ],
                positive = inout(reg) rounding.positive => _,
                values = inout(reg) results.values => _,
                in("v30") vdupq_n_s8(residual.zero_point),
                in("v31") vdupq_n_f32(residual.multiplier),
            ),
            _ => over_tile!(
                products,
                rounding,
                results,
                [
                    "ld4r {{v16.2d, v17.2d, v18.2d, v19.2d}}, [{positive}], #32",
                    "ld4r {{v20.2d, v21.2d, v22.2d, v23.2d}}, [{positive}]",
                    alike!("v0", "v1", "v2", "v3"; "v16", "v17", "v18", "v19"),
                    alike!("v4", "v5", "v6", "v7"; "v20", "v21", "v22", "v23"),
                    store!("v0", "v4"; "v1", "v2"),
                    alike!("v8", "v9", "v10", "v11"; "v16", "v17", "v18", "v19"),
                    alike!("v12", "v13", "v14", "v15"; "v20", "v21", "v22", "v23"),
                    store!("v8", "v12"; "v9", "v10"),
                ],
                positive = inout(reg) rounding.positive => _,
            ),
        }
    }
}
