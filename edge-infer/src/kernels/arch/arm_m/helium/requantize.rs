//! From sums to int8, four channels of a pixel at a time; `vcvtn` rounds as the contract says.

use core::arch::asm;

use super::super::super::{BLOCK, Epilogue, Sums, scalar};
use super::super::rounding::is_plain;
use crate::kernels::Addend;

pub(super) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    let Epilogue { positive, residual, .. } = *epilogue;
    let channels = positive.len().min(BLOCK);
    if !is_plain(channels, sums.len(), epilogue, output) {
        return scalar::requantize(0, sums, epilogue, output);
    }
    // SAFETY: the multipliers, the output and the residual, if there is one, hold the channels of
    // all pixels.
    unsafe {
        match residual {
            None => requantize_channels::<0>(channels, sums, epilogue, output),
            Some(_) => requantize_channels::<1>(channels, sums, epilogue, output),
        }
    }
}

/// Rounds the channels of each pixel, with the residual added, if `RESIDUAL` is 1.
///
/// # Safety
/// A block's sums and multipliers hold so many channels, and so do output and residual, if there is
/// one, at each pixel.
unsafe fn requantize_channels<const RESIDUAL: u8>(
    channels: usize,
    sums: &[Sums],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let Epilogue { positive, negative, zero_point, residual, step, .. } = *epilogue;
    let residual = residual.unwrap_or(Addend { values: &[], multiplier: 0.0, zero_point: 0 });
    for (pixel, sums) in sums.iter().enumerate() {
        // SAFETY: the caller has all of them hold so many channels; the last turn's loads and
        // stores leave out what is behind. Where bytes are widened, the address must be in a low
        // register. The predicates, of which the compiler is not told, are put back.
        unsafe {
            asm!(
                "vmrs {predicate}, p0",
                "wlstp.32 lr, {channels}, 3f",
                "2:",
                "vldrw.s32 q0, [{sums}], #16",
                "vldrw.f32 q1, [{positive}], #16",
                "vldrw.f32 q2, [{negative}], #16",
                "vcmp.s32 lt, q0, zr",
                "vpsel q1, q2, q1",
                "vcvt.f32.s32 q0, q0",
                "vmul.f32 q0, q0, q1",
                ".if {residual}",
                "vldrb.s32 q3, [r0], #4",
                "vsub.i32 q3, q3, {values_zero}",
                "vcvt.f32.s32 q3, q3",
                "vmul.f32 q3, q3, {multiplier}",
                "vadd.f32 q0, q0, q3",
                ".endif",
                "vcvtn.s32.f32 q0, q0",
                "vqadd.s32 q0, q0, {zero}",
                "vqmovnb.s32 q0, q0",
                "vqmovnb.s16 q0, q0",
                "vstrb.32 q0, [r1], #4",
                "letp lr, 2b",
                "3:",
                "vmsr p0, {predicate}",
                residual = const RESIDUAL,
                channels = in(reg) channels,
                sums = inout(reg) sums.0.as_ptr() => _,
                positive = inout(reg) positive.as_ptr() => _,
                negative = inout(reg) negative.as_ptr() => _,
                predicate = out(reg) _,
                inout("r0") residual.values.as_ptr().wrapping_add(pixel * step) => _,
                values_zero = in(reg) i32::from(residual.zero_point),
                multiplier = in(reg) residual.multiplier.to_bits(),
                zero = in(reg) i32::from(zero_point),
                inout("r1") output.as_mut_ptr().wrapping_add(pixel * step) => _,
                out("lr") _,
                out("q0") _, out("q1") _, out("q2") _, out("q3") _,
                options(nostack),
            );
        }
    }
}
