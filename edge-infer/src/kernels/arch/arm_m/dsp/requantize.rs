//! From sums to int8, four channels of a pixel at a time; `vcvtr` rounds as the contract says, by
//! the rounding that is in force.

use core::arch::asm;

use super::super::super::{BLOCK, Epilogue, Sums, scalar};
use super::super::rounding::is_plain;
use crate::kernels::Addend;

/// Channels at a time.
const FOUR: usize = 4;

pub(super) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    let Epilogue { positive, negative, residual, .. } = *epilogue;
    let fours = positive.len().min(BLOCK) / FOUR;
    if !is_plain(fours * FOUR, sums.len(), epilogue, output) {
        return scalar::requantize(0, sums, epilogue, output);
    }
    // Without an activation both are the same slice.
    let by_sign = !core::ptr::eq(positive, negative);
    // SAFETY: the multipliers, the output and the residual, if there is one, hold the fours of all
    // pixels.
    unsafe {
        match (by_sign, residual) {
            (true, None) => requantize_fours::<1, 0>(fours, sums, epilogue, output),
            (false, None) => requantize_fours::<0, 0>(fours, sums, epilogue, output),
            (true, Some(_)) => requantize_fours::<1, 1>(fours, sums, epilogue, output),
            (false, Some(_)) => requantize_fours::<0, 1>(fours, sums, epilogue, output),
        }
    }
    if fours * FOUR < positive.len() {
        scalar::requantize(fours * FOUR, sums, epilogue, output);
    }
}

/// Rounds the first channels of each pixel: scaled by the sum's sign, if `BY_SIGN` is 1, and with
/// the residual added, if `RESIDUAL` is.
///
/// # Safety
/// A block's sums and multipliers hold so many fours, and so do output and residual, if there is
/// one, at each pixel.
#[inline(never)]
unsafe fn requantize_fours<const BY_SIGN: u8, const RESIDUAL: u8>(
    fours: usize,
    sums: &[Sums],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let Epilogue { positive, negative, zero_point, residual, step, .. } = *epilogue;
    let residual = residual.unwrap_or(Addend { values: &[], multiplier: 0.0, zero_point: 0 });
    for (pixel, sums) in sums.iter().enumerate().take_while(|_| fours > 0) {
        // SAFETY: the caller has all of them hold so many fours, of which there is one.
        unsafe {
            asm!(
                "vmov s12, {a}",
                "2:",
                ".if {by_sign}",
                "ldrd {a}, {b}, [{sums}], #8",
                "ldrd {c}, {d}, [{sums}], #8",
                "vldmia {negative}!, {{s8-s11}}",
                "vldmia {positive}!, {{s4-s7}}",
                "vmov s0, s1, {a}, {b}",
                "vmov s2, s3, {c}, {d}",
                "cmp {a}, #0",
                "it lt",
                "vmovlt.f32 s4, s8",
                "cmp {b}, #0",
                "it lt",
                "vmovlt.f32 s5, s9",
                "cmp {c}, #0",
                "it lt",
                "vmovlt.f32 s6, s10",
                "cmp {d}, #0",
                "it lt",
                "vmovlt.f32 s7, s11",
                ".else",
                "vldmia {sums}!, {{s0-s3}}",
                "vldmia {positive}!, {{s4-s7}}",
                ".endif",
                "vcvt.f32.s32 s0, s0",
                "vcvt.f32.s32 s1, s1",
                "vcvt.f32.s32 s2, s2",
                "vcvt.f32.s32 s3, s3",
                "vmul.f32 s0, s0, s4",
                "vmul.f32 s1, s1, s5",
                "vmul.f32 s2, s2, s6",
                "vmul.f32 s3, s3, s7",
                ".if {residual}",
                "ldrsb {a}, [{values}], #1",
                "ldrsb {b}, [{values}], #1",
                "ldrsb {c}, [{values}], #1",
                "ldrsb {d}, [{values}], #1",
                "sub {a}, {a}, {values_zero}",
                "sub {b}, {b}, {values_zero}",
                "sub {c}, {c}, {values_zero}",
                "sub {d}, {d}, {values_zero}",
                "vmov s4, s5, {a}, {b}",
                "vmov s6, s7, {c}, {d}",
                "vcvt.f32.s32 s4, s4",
                "vcvt.f32.s32 s5, s5",
                "vcvt.f32.s32 s6, s6",
                "vcvt.f32.s32 s7, s7",
                "vmul.f32 s4, s4, s12",
                "vmul.f32 s5, s5, s12",
                "vmul.f32 s6, s6, s12",
                "vmul.f32 s7, s7, s12",
                "vadd.f32 s0, s0, s4",
                "vadd.f32 s1, s1, s5",
                "vadd.f32 s2, s2, s6",
                "vadd.f32 s3, s3, s7",
                ".endif",
                "vcvtr.s32.f32 s0, s0",
                "vcvtr.s32.f32 s1, s1",
                "vcvtr.s32.f32 s2, s2",
                "vcvtr.s32.f32 s3, s3",
                "vmov {a}, {b}, s0, s1",
                "vmov {c}, {d}, s2, s3",
                "qadd {a}, {a}, {zero}",
                "qadd {b}, {b}, {zero}",
                "qadd {c}, {c}, {zero}",
                "qadd {d}, {d}, {zero}",
                "ssat {a}, #8, {a}",
                "ssat {b}, #8, {b}",
                "ssat {c}, #8, {c}",
                "ssat {d}, #8, {d}",
                "strb {a}, [{output}], #1",
                "strb {b}, [{output}], #1",
                "strb {c}, [{output}], #1",
                "strb {d}, [{output}], #1",
                "subs {fours}, {fours}, #1",
                "bne 2b",
                by_sign = const BY_SIGN,
                residual = const RESIDUAL,
                sums = inout(reg) sums.0.as_ptr() => _,
                positive = inout(reg) positive.as_ptr() => _,
                negative = inout(reg) negative.as_ptr() => _,
                values = inout(reg) residual.values.as_ptr().wrapping_add(pixel * step) => _,
                values_zero = in(reg) i32::from(residual.zero_point),
                output = inout(reg) output.as_mut_ptr().wrapping_add(pixel * step) => _,
                zero = in(reg) i32::from(zero_point),
                fours = inout(reg) fours => _,
                a = inout(reg) residual.multiplier.to_bits() => _,
                b = out(reg) _,
                c = out(reg) _,
                d = out(reg) _,
                out("s0") _, out("s1") _, out("s2") _, out("s3") _,
                out("s4") _, out("s5") _, out("s6") _, out("s7") _,
                out("s8") _, out("s9") _, out("s10") _, out("s11") _,
                out("s12") _,
                options(nostack),
            );
        }
    }
}
