//! From sums to int8, sixteen channels of one pixel at a time.
//!
//! Where nothing can be larger than int16 ([`Epilogue::reach`]), which holds for every layer of a usable network, adding
//! [`SHIFT`] rounds as the contract says and leaves the integer in the lower half of the number's bits. To take
//! these halves of two vectors is one instruction, where saturating conversions are four, on a pipe that most cores have once.

use core::arch::{aarch64::*, asm};

use super::super::{Epilogue, NEAR, Sums};
use super::BYTES;
use super::lanes::{Numbers, copy, load, load_bytes, part, store_bytes};
use super::rounding::{self, SHIFT, each, nearest, scale};
use crate::kernels::Addend;

/// Numbers of sixteen channels.
pub(super) type Reals = [float32x4_t; 4];

#[target_feature(enable = "neon")]
pub(super) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    for index in 0..epilogue.positive.len().div_ceil(BYTES) {
        let first = index * BYTES;
        let positive = epilogue.positive.get(first..).unwrap_or_default();
        let negative = epilogue.negative.get(first..).unwrap_or_default();
        let rows = Rows { index, channels: positive.len().min(BYTES), step: epilogue.step };
        let output = output.get_mut(first..).unwrap_or_default();
        let part =
            Part::of(epilogue.zero_point, reals(&sixteen(positive)), reals(&sixteen(negative)));
        let values = |residual: Addend<'_>, pixel| {
            load_bytes(residual.values.get(first + pixel * epilogue.step..).unwrap_or_default())
        };
        match epilogue.residual {
            None if is_near(epilogue) => {
                rows.fill(sums, output, |_, sums| part.nearest(part.scale(sums)));
            }
            Some(residual) if is_near(epilogue) => rows.fill(sums, output, |pixel, sums| {
                part.nearest(add(part.scale(sums), residual, values(residual, pixel)))
            }),
            None => rows.fill(sums, output, |_, sums| part.saturated(part.scale(sums))),
            Some(residual) => rows.fill(sums, output, |pixel, sums| {
                part.saturated(add(part.scale(sums), residual, values(residual, pixel)))
            }),
        }
    }
}

/// Whether [`Part::nearest`] may round.
pub(super) fn is_near(epilogue: &Epilogue<'_>) -> bool {
    epilogue.reach < NEAR
}

/// Where sixteen channels of every pixel, or fewer at the end of a block, are.
struct Rows {
    index: usize,
    channels: usize,
    step: usize,
}

impl Rows {
    /// Writes what `round` makes of each pixel's sums.
    #[inline]
    #[target_feature(enable = "neon")]
    fn fill(&self, sums: &[Sums], output: &mut [i8], round: impl Fn(usize, Numbers) -> int8x16_t) {
        let last = sums.len().saturating_sub(1);
        if self.channels == BYTES && output.len() >= last * self.step + BYTES {
            for (pixel, sums) in sums.iter().enumerate() {
                let rounded = round(pixel, load(part(sums, self.index)));
                // SAFETY: `pixel` is at most `last`, and the output holds 16 bytes from there.
                unsafe { vst1q_s8(output.as_mut_ptr().add(pixel * self.step), rounded) }
            }
        } else {
            for (pixel, sums) in sums.iter().enumerate() {
                let rounded = round(pixel, load(part(sums, self.index)));
                let output = output.get_mut(pixel * self.step..).unwrap_or_default();
                let room = output.len().min(self.channels);
                store_bytes(rounded, output.get_mut(..room).unwrap_or_default());
            }
        }
    }
}

/// Four vectors of numbers, and what they are rounded with.
pub(super) struct Part {
    positive: Reals,
    negative: Reals,
    zero_point: int16x8_t,
}

impl Part {
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn of(zero_point: i8, positive: Reals, negative: Reals) -> Self {
        Self { positive, negative, zero_point: vdupq_n_s16(zero_point.into()) }
    }

    /// Each sum times the multiplier of its sign. One block, as in [`nearest`](Self::nearest), because the compiler would
    /// interleave several pixels and run out of registers.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn scale(&self, [mut a, mut b, mut c, mut d]: Numbers) -> Reals {
        let ([e, f, g, h], [i, j, k, l]) = (self.positive, self.negative);
        // SAFETY: the instructions read and write these registers only.
        unsafe {
            asm!(
                scale!(
                    "{a:v}", "{b:v}", "{c:v}", "{d:v}"; "{e:v}", "{f:v}", "{g:v}", "{h:v}";
                    "{i:v}", "{j:v}", "{k:v}", "{l:v}"; "{m:v}", "{n:v}", "{o:v}", "{p:v}"
                ),
                a = inout(vreg) a, b = inout(vreg) b, c = inout(vreg) c, d = inout(vreg) d,
                e = in(vreg) e, f = in(vreg) f, g = in(vreg) g, h = in(vreg) h,
                i = in(vreg) i, j = in(vreg) j, k = in(vreg) k, l = in(vreg) l,
                m = out(vreg) _, n = out(vreg) _, o = out(vreg) _, p = out(vreg) _,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        [a, b, c, d].map(|bits| vreinterpretq_f32_s32(bits))
    }

    /// Nearest integers, ties to even, plus the zero point, of numbers within [`NEAR`].
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn nearest(&self, [mut a, b, c, d]: Reals) -> int8x16_t {
        // SAFETY: the instructions read and write these registers only.
        unsafe {
            asm!(
                nearest!("{a:v}", "{b:v}", "{c:v}", "{d:v}"; "{shift:v}", "{zero_point:v}"),
                a = inout(vreg) a,
                b = inout(vreg) b => _,
                c = inout(vreg) c => _,
                d = inout(vreg) d => _,
                shift = in(vreg) vdupq_n_f32(SHIFT),
                zero_point = in(vreg) self.zero_point,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        vreinterpretq_s8_f32(a)
    }

    /// The same of any numbers: each narrowing saturates, and NaN becomes what minus infinity does.
    #[inline]
    #[target_feature(enable = "neon")]
    fn saturated(&self, reals: Reals) -> int8x16_t {
        // Of a NaN and a number `fmaxnm` gives the number.
        let limited = |real| vcvtnq_s32_f32(vmaxnmq_f32(real, vdupq_n_f32(-4096.0)));
        let [a, b, c, d] = reals;
        let narrow = |a, b| {
            let whole = vqmovn_high_s32(vqmovn_s32(limited(a)), limited(b));
            vqaddq_s16(whole, self.zero_point)
        };
        vqmovn_high_s16(vqmovn_s16(narrow(a, b)), narrow(c, d))
    }
}

/// Adds the residual's `values`. One block, as in [`Part::scale`].
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn add(
    [mut a, mut b, mut c, mut d]: Reals,
    residual: Addend<'_>,
    values: int8x16_t,
) -> Reals {
    // SAFETY: the instructions read and write these registers only.
    unsafe {
        asm!(
            rounding::add!(
                "{a:v}", "{b:v}", "{c:v}", "{d:v}";
                "{values:v}", "{zero_point:v}", "{multiplier:v}"; "{m:v}", "{n:v}"
            ),
            a = inout(vreg) a, b = inout(vreg) b, c = inout(vreg) c, d = inout(vreg) d,
            m = out(vreg) _, n = out(vreg) _,
            values = in(vreg) values,
            zero_point = in(vreg) vdupq_n_s8(residual.zero_point),
            multiplier = in(vreg) vdupq_n_f32(residual.multiplier),
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [a, b, c, d]
}

/// The first 16 numbers, or all there are and then zeros.
fn sixteen(numbers: &[f32]) -> [f32; BYTES] {
    let mut all = [0.0; BYTES];
    copy(numbers, &mut all);
    all
}

#[inline]
#[target_feature(enable = "neon")]
fn reals(numbers: &[f32; BYTES]) -> Reals {
    let mut vectors = [vdupq_n_f32(0.0); 4];
    for (vector, numbers) in vectors.iter_mut().zip(numbers.as_chunks::<4>().0) {
        // SAFETY: the array holds one vector.
        *vector = unsafe { vld1q_f32(numbers.as_ptr()) };
    }
    vectors
}
