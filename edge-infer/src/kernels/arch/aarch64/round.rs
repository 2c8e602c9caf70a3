//! A tile's sums, rounded and written: four pixels and sixteen channels at a time, in the registers that products leave them in.

use core::arch::{aarch64::*, asm};

use super::BYTES;
use super::dense::Products;
use super::rounding::{SHIFT, add, each, nearest, scale, scale_alike};
use crate::kernels::Addend;

/// Sums have multipliers of their signs,
pub(super) const BY_SIGN: u8 = 0;
/// or the same for both,
pub(super) const ALIKE: u8 = 1;
/// and a residual is added.
pub(super) const ALIKE_AND_ADDED: u8 = 2;

/// What sixteen channels are rounded with.
pub(super) struct Rounding<'a> {
    pub(super) positive: &'a [f32; BYTES],
    pub(super) negative: &'a [f32; BYTES],
    pub(super) zero_point: i8,
    pub(super) residual: Option<Addend<'a>>,
}

/// Where the first pixel's results go, where the residual's values for them are, and how far it is from one pixel to the next.
#[derive(Clone, Copy)]
pub(super) struct Results {
    pub(super) to: *mut i8,
    pub(super) values: *const i8,
    pub(super) step: usize,
}

/// Assembly over a tile's sums, in registers 0 to 15, with [`SHIFT`] in 28 and the zero point in 29.
macro_rules! over_tile {
    ($products:expr, $rounding:expr, $results:expr, [$($text:expr),+ $(,)?], $($operands:tt)*) => {{
        let [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]] = $products;
        asm!(
            $($text),+,
            $($operands)*
            to = inout(reg) $results.to => _,
            step = in(reg) $results.step,
            inout("v0") a => _, inout("v1") b => _, inout("v2") c => _, inout("v3") d => _,
            inout("v4") e => _, inout("v5") f => _, inout("v6") g => _, inout("v7") h => _,
            inout("v8") i => _, inout("v9") j => _, inout("v10") k => _, inout("v11") l => _,
            inout("v12") m => _, inout("v13") n => _, inout("v14") o => _, inout("v15") p => _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
            out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            in("v28") vdupq_n_f32(SHIFT),
            in("v29") vdupq_n_s16($rounding.zero_point.into()),
            options(nostack, preserves_flags),
        )
    }};
}
pub(super) use over_tile;

/// Four vectors of sums as bytes in the first of them: by multipliers of their signs in registers 16 to 23,
macro_rules! by_sign {
    ($a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            scale!($a, $b, $c, $d; "v16", "v17", "v18", "v19"; "v20", "v21", "v22", "v23"; "v24", "v25", "v26", "v27"),
            nearest!($a, $b, $c, $d; "v28", "v29"),
        )
    };
}
pub(super) use by_sign;

/// by the same ones in four registers,
macro_rules! alike {
    ($a:literal, $b:literal, $c:literal, $d:literal; $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(scale_alike!($a, $b, $c, $d; $e, $f, $g, $h), nearest!($a, $b, $c, $d; "v28", "v29"))
    };
}
pub(super) use alike;

/// and with the values in a register added, whose zero point is in 30 and whose multiplier is in 31.
macro_rules! alike_and_added {
    ($a:literal, $b:literal, $c:literal, $d:literal; $e:literal, $f:literal, $g:literal, $h:literal; $values:literal) => {
        concat!(
            scale_alike!($a, $b, $c, $d; $e, $f, $g, $h),
            add!($a, $b, $c, $d; $values, "v30", "v31"; "v24", "v25"),
            nearest!($a, $b, $c, $d; "v28", "v29"),
        )
    };
}
pub(super) use alike_and_added;

/// Rounds sums that are in the order of the pixels and channels.
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
                    "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{positive}]",
                    "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{negative}]",
                    by_sign!("v0", "v1", "v2", "v3"),
                    "st1 {{v0.16b}}, [{to}], {step}",
                    by_sign!("v4", "v5", "v6", "v7"),
                    "st1 {{v4.16b}}, [{to}], {step}",
                    by_sign!("v8", "v9", "v10", "v11"),
                    "st1 {{v8.16b}}, [{to}], {step}",
                    by_sign!("v12", "v13", "v14", "v15"),
                    "st1 {{v12.16b}}, [{to}]",
                ],
                positive = in(reg) rounding.positive,
                negative = in(reg) rounding.negative,
            ),
            (ALIKE_AND_ADDED, Some(residual)) => over_tile!(
                products,
                rounding,
                results,
                [
                    "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{positive}]",
                    "ld1 {{v27.16b}}, [{values}], {step}",
                    alike_and_added!("v0", "v1", "v2", "v3"; "v16", "v17", "v18", "v19"; "v27"),
                    "ld1 {{v27.16b}}, [{values}], {step}",
                    "st1 {{v0.16b}}, [{to}], {step}",
                    alike_and_added!("v4", "v5", "v6", "v7"; "v16", "v17", "v18", "v19"; "v27"),
                    "ld1 {{v27.16b}}, [{values}], {step}",
                    "st1 {{v4.16b}}, [{to}], {step}",
                    alike_and_added!("v8", "v9", "v10", "v11"; "v16", "v17", "v18", "v19"; "v27"),
                    "ld1 {{v27.16b}}, [{values}]",
                    "st1 {{v8.16b}}, [{to}], {step}",
                    alike_and_added!("v12", "v13", "v14", "v15"; "v16", "v17", "v18", "v19"; "v27"),
                    "st1 {{v12.16b}}, [{to}]",
                ],
                positive = in(reg) rounding.positive,
                values = inout(reg) results.values => _,
                in("v30") vdupq_n_s8(residual.zero_point),
                in("v31") vdupq_n_f32(residual.multiplier),
            ),
            _ => over_tile!(
                products,
                rounding,
                results,
                [
                    "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{positive}]",
                    alike!("v0", "v1", "v2", "v3"; "v16", "v17", "v18", "v19"),
                    "st1 {{v0.16b}}, [{to}], {step}",
                    alike!("v4", "v5", "v6", "v7"; "v16", "v17", "v18", "v19"),
                    "st1 {{v4.16b}}, [{to}], {step}",
                    alike!("v8", "v9", "v10", "v11"; "v16", "v17", "v18", "v19"),
                    "st1 {{v8.16b}}, [{to}], {step}",
                    alike!("v12", "v13", "v14", "v15"; "v16", "v17", "v18", "v19"),
                    "st1 {{v12.16b}}, [{to}]",
                ],
                positive = in(reg) rounding.positive,
            ),
        }
    }
}
