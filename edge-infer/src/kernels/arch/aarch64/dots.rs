//! Dots of a probe with many rows, eight rows side by side: a vector of the probe is loaded once for
//! all of them, and eight sums hide the time that one takes. How products are added to a sum is the
//! tier's own affair.

use core::arch::aarch64::*;

use super::BYTES;
use super::lanes::load_vector;

/// Rows whose products are in registers at a time: 8 vectors, beside one of the probe.
pub(super) const ROWS: usize = 8;

/// `add` adds the products of two vectors to the lanes of a third.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn dots<const N: usize>(
    probe: &[i8; N],
    rows: &[[[i8; N]; ROWS]],
    sums: &mut [[i32; ROWS]],
    add: impl Fn(int32x4_t, int8x16_t, int8x16_t) -> int32x4_t,
) {
    for (sums, rows) in sums.iter_mut().zip(rows) {
        let rows = rows.each_ref().map(|row| row.as_chunks::<BYTES>().0);
        let mut lanes = [vdupq_n_s32(0); ROWS];
        for (at, probe) in probe.as_chunks::<BYTES>().0.iter().enumerate() {
            let probe = load_vector(probe);
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                if let Some(bytes) = row.get(at) {
                    *lanes = add(*lanes, load_vector(bytes), probe);
                }
            }
        }
        let (four, _) = lanes.as_chunks();
        for (to, &[a, b, c, d]) in sums.as_chunks_mut::<4>().0.iter_mut().zip(four) {
            let sums = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
            // SAFETY: the array holds one vector.
            unsafe { vst1q_s32(to.as_mut_ptr(), sums) }
        }
    }
}
