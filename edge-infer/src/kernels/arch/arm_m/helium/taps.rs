//! Depthwise filters, sixteen channels at a time: products of bytes in 16 bits, widened and added.
//!
//! ```text
//! vmullb, vmovlb   channels 0 4 8 12      vmullb, vmovlt   channels 2 6 10 14
//! vmullt, vmovlb   channels 1 5 9 13      vmullt, vmovlt   channels 3 7 11 15
//! ```
//!
//! which is the order that `vld4` and `vst4` undo.

use core::arch::asm;

use super::super::super::{STRIPS, Strip, Sums, Weights, scalar};

/// Channels that are worked on at a time.
const BYTES: usize = 16;

pub(super) fn multiply_taps(taps: &Weights<'_>, strips: &[Strip<'_>], sums: &mut [Sums]) {
    let strips = strips.get(..STRIPS.min(taps.depth)).unwrap_or(strips);
    let end = |rows: usize, step| {
        rows.saturating_sub(1).saturating_mul(step).saturating_add(taps.channels)
    };
    let whole = |strip: &Strip<'_>| strip.values.len() >= end(sums.len(), strip.step);
    if taps.values.len() >= end(strips.len(), taps.row_len) && strips.iter().all(whole) {
        taps.start(0, sums);
        // SAFETY: all strips hold the channels of all pixels, and the weights those of all strips.
        unsafe { filter(taps, strips, sums) }
    } else {
        scalar::multiply_taps(0, taps, strips, sums);
    }
}

/// Adds the products of all taps to the sums.
///
/// # Safety
/// There are at most [`STRIPS`] strips, each holds the channels of every pixel, and there are weights
/// for all of them.
unsafe fn filter(taps: &Weights<'_>, strips: &[Strip<'_>], sums: &mut [Sums]) {
    let mut from = [core::ptr::null::<i8>(); STRIPS];
    for (from, strip) in from.iter_mut().zip(strips) {
        *from = strip.values.as_ptr();
    }
    for sums in sums {
        let parts = sums.0.as_chunks_mut::<BYTES>().0;
        for (sums, first) in parts.iter_mut().zip((0..taps.channels).step_by(BYTES)) {
            // SAFETY: for each strip there is a pointer to its values at this pixel and a row of
            // weights; of both no more than the channels are read that are left, as the loads leave
            // out what is behind. The predicates, of which the compiler is not told, are put back.
            unsafe {
                asm!(
                    "vmrs {predicate}, p0",
                    "vctp.8 {left}",
                    "vld40.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "vld41.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "vld42.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "vld43.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "wls lr, {strips}, 3f",
                    "2:",
                    "ldr {at}, [{from}], #4",
                    "add {at}, {first}",
                    "vpstt",
                    "vldrbt.s8 q0, [{at}]",
                    "vldrbt.s8 q1, [{weights}]",
                    "add {weights}, {row_len}",
                    "vmullb.s8 q2, q0, q1",
                    "vmullt.s8 q3, q0, q1",
                    "vmovlb.s16 q0, q2",
                    "vmovlt.s16 q1, q2",
                    "vadd.i32 q4, q4, q0",
                    "vadd.i32 q6, q6, q1",
                    "vmovlb.s16 q0, q3",
                    "vmovlt.s16 q1, q3",
                    "vadd.i32 q5, q5, q0",
                    "vadd.i32 q7, q7, q1",
                    "le lr, 2b",
                    "3:",
                    "vst40.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "vst41.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "vst42.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "vst43.32 {{q4, q5, q6, q7}}, [{sums}]",
                    "vmsr p0, {predicate}",
                    predicate = out(reg) _,
                    left = in(reg) taps.channels - first,
                    sums = in(reg) sums.as_mut_ptr(),
                    strips = in(reg) strips.len(),
                    from = inout(reg) from.as_ptr() => _,
                    first = in(reg) first,
                    weights = inout(reg) taps.values.as_ptr().wrapping_add(first) => _,
                    row_len = in(reg) taps.row_len,
                    at = out(reg) _,
                    out("lr") _,
                    out("q0") _, out("q1") _, out("q2") _, out("q3") _,
                    out("q4") _, out("q5") _, out("q6") _, out("q7") _,
                    options(nostack),
                );
            }
        }
        for (from, strip) in from.iter_mut().zip(strips) {
            *from = from.wrapping_add(strip.step);
        }
    }
}
