//! From sums to int8, sixteen channels of one pixel at a time; `fcvtns` rounds as the contract says.

use core::arch::aarch64::*;

use super::super::{BLOCK, Epilogue, Sums};
use super::BYTES;
use super::lanes::{Numbers, copy, load, load_bytes, store_bytes};
use crate::kernels::Addend;

type Reals = [float32x4_t; 4];

#[target_feature(enable = "neon")]
pub(super) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    for part in 0..epilogue.positive.len().div_ceil(BYTES) {
        let first = part * BYTES;
        let positive = epilogue.positive.get(first..).unwrap_or_default();
        let part = Part {
            part,
            channels: positive.len().min(BYTES),
            positive: reals(positive),
            negative: reals(epilogue.negative.get(first..).unwrap_or_default()),
            zero_point: vdupq_n_s16(epilogue.zero_point.into()),
            step: epilogue.step,
        };
        let output = output.get_mut(first..).unwrap_or_default();
        // A finite number times a finite one is not NaN.
        let finite = all_finite(part.positive) && all_finite(part.negative);
        match epilogue.residual {
            Some(residual) => part.requantize(sums, output, |pixel, scaled| {
                add(scaled, residual, first + pixel * epilogue.step)
            }),
            None if finite => part.requantize(sums, output, |_, scaled| scaled),
            None => part.requantize(sums, output, |_, scaled| limit(scaled)),
        }
    }
}

/// Sixteen channels of every pixel, or fewer at the end of a block.
struct Part {
    part: usize,
    channels: usize,
    positive: Reals,
    negative: Reals,
    zero_point: int16x8_t,
    step: usize,
}

impl Part {
    /// Rounds what `finish` makes of each pixel's scaled sums.
    #[inline]
    #[target_feature(enable = "neon")]
    fn requantize(&self, sums: &[Sums], output: &mut [i8], finish: impl Fn(usize, Reals) -> Reals) {
        let last = sums.len().saturating_sub(1);
        if self.channels == BYTES && output.len() >= last * self.step + BYTES {
            for (pixel, sums) in sums.iter().enumerate() {
                let rounded = self.round(finish(pixel, self.scale(self.load(sums))));
                // SAFETY: `pixel` is at most `last`, and the output holds 16 bytes from there.
                unsafe { vst1q_s8(output.as_mut_ptr().add(pixel * self.step), rounded) }
            }
        } else {
            for (pixel, sums) in sums.iter().enumerate() {
                let rounded = self.round(finish(pixel, self.scale(self.load(sums))));
                let output = output.get_mut(pixel * self.step..).unwrap_or_default();
                let room = output.len().min(self.channels);
                store_bytes(rounded, output.get_mut(..room).unwrap_or_default());
            }
        }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn load(&self, sums: &Sums) -> Numbers {
        let parts = sums.0.as_chunks().0;
        // SAFETY: a block has four parts, and no remainder is ever 4.
        load(unsafe { parts.get_unchecked(self.part % (BLOCK / BYTES)) })
    }

    /// Each sum times the multiplier of its sign.
    #[inline]
    #[target_feature(enable = "neon")]
    fn scale(&self, sums: Numbers) -> Reals {
        let mut scaled = self.positive;
        for ((scaled, sum), negative) in scaled.iter_mut().zip(sums).zip(self.negative) {
            let multiplier = vbslq_f32(vcltzq_s32(sum), negative, *scaled);
            *scaled = vmulq_f32(vcvtq_f32_s32(sum), multiplier);
        }
        scaled
    }

    /// Nearest integers, ties to even, plus the zero point; each narrowing saturates.
    #[inline]
    #[target_feature(enable = "neon")]
    fn round(&self, [a, b, c, d]: Reals) -> int8x16_t {
        let narrow = |a, b| {
            let whole = vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(a)), vcvtnq_s32_f32(b));
            vqaddq_s16(whole, self.zero_point)
        };
        vqmovn_high_s16(vqmovn_s16(narrow(a, b)), narrow(c, d))
    }
}

/// Adds the residual's sixteen values from `first` on.
#[inline]
#[target_feature(enable = "neon")]
fn add(scaled: Reals, residual: Addend<'_>, first: usize) -> Reals {
    let values = load_bytes(residual.values.get(first..).unwrap_or_default());
    let zero_point = vdup_n_s8(residual.zero_point);
    let low = vsubl_s8(vget_low_s8(values), zero_point);
    let high = vsubl_s8(vget_high_s8(values), zero_point);
    let distances = [
        vmovl_s16(vget_low_s16(low)),
        vmovl_high_s16(low),
        vmovl_s16(vget_low_s16(high)),
        vmovl_high_s16(high),
    ];
    let mut sum = scaled;
    for (sum, distance) in sum.iter_mut().zip(distances) {
        let term = vmulq_n_f32(vcvtq_f32_s32(distance), residual.multiplier);
        *sum = vaddq_f32(*sum, term);
    }
    limit(sum)
}

/// Makes NaN what minus infinity becomes: of a NaN and a number `fmaxnm` gives the number.
#[inline]
#[target_feature(enable = "neon")]
fn limit(reals: Reals) -> Reals {
    let mut limited = reals;
    for real in &mut limited {
        *real = vmaxnmq_f32(*real, vdupq_n_f32(-4096.0));
    }
    limited
}

#[inline]
#[target_feature(enable = "neon")]
fn all_finite([a, b, c, d]: Reals) -> bool {
    let larger = |a, b| vmaxq_f32(vabsq_f32(a), vabsq_f32(b));
    // The largest of numbers among which is NaN is NaN.
    vmaxvq_f32(vmaxq_f32(larger(a, b), larger(c, d))) < f32::INFINITY
}

/// The first 16 numbers, or all there are and then zeros.
#[inline]
#[target_feature(enable = "neon")]
fn reals(numbers: &[f32]) -> Reals {
    let mut all = [0.0; BYTES];
    copy(numbers, &mut all);
    let mut vectors = [vdupq_n_f32(0.0); 4];
    for (vector, numbers) in vectors.iter_mut().zip(all.as_chunks::<4>().0) {
        // SAFETY: the array holds one vector.
        *vector = unsafe { vld1q_f32(numbers.as_ptr()) };
    }
    vectors
}
