//! From the sums of sixteen channels to int8.

use core::arch::x86_64::*;

use super::super::super::{Epilogue, Sums};
use super::WIDTH;
use super::lanes::{load, load_bytes, natural, part, store_bytes, widen};

#[target_feature(enable = "avx2")]
pub(crate) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    let zero_point = _mm256_set1_epi16(epilogue.zero_point.into());
    let negative = epilogue.negative.chunks(WIDTH);
    for (pair, (positive, negative)) in epilogue.positive.chunks(WIDTH).zip(negative).enumerate() {
        let channels = positive.len();
        let positive = natural(bytemuck::try_cast_slice(positive).unwrap_or_default());
        let negative = natural(bytemuck::try_cast_slice(negative).unwrap_or_default());
        for (pixel, sums) in sums.iter().enumerate() {
            let first = pixel * epilogue.step + pair * WIDTH;
            let Some(output) = output.get_mut(first..) else {
                return;
            };
            let mut reals = [_mm256_setzero_ps(); 2];
            let multipliers = positive.into_iter().zip(negative);
            let sums = load(part(sums, pair));
            for ((real, sum), (positive, negative)) in reals.iter_mut().zip(sums).zip(multipliers) {
                // The mask's sign bit chooses: it is the sum's.
                let multiplier = _mm256_blendv_ps(
                    _mm256_castsi256_ps(positive),
                    _mm256_castsi256_ps(negative),
                    _mm256_castsi256_ps(sum),
                );
                *real = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), multiplier);
            }
            if let Some(residual) = epilogue.residual {
                let values = load_bytes(residual.values.get(first..).unwrap_or_default());
                let zero_point = _mm256_set1_epi32(residual.zero_point.into());
                let multiplier = _mm256_set1_ps(residual.multiplier);
                for (real, value) in reals.iter_mut().zip(widen(values)) {
                    let distance = _mm256_cvtepi32_ps(_mm256_sub_epi32(value, zero_point));
                    *real = _mm256_add_ps(*real, _mm256_mul_ps(distance, multiplier));
                }
            }
            let [a, b] = reals;
            let rounded = _mm256_adds_epi16(_mm256_packs_epi32(round(a), round(b)), zero_point);
            let (low, high) =
                (_mm256_castsi256_si128(rounded), _mm256_extracti128_si256::<1>(rounded));
            store_bytes(_mm_packs_epi16(low, high), channels, output);
        }
    }
}

/// Nearest integers, ties to even. Too large ones give at least 4096; too small ones and NaN the
/// least integer, so that packing saturates them as the contract says.
#[inline]
#[target_feature(enable = "avx2")]
fn round(real: __m256) -> __m256i {
    // Of a NaN and a number `vminps` gives its second operand.
    _mm256_cvtps_epi32(_mm256_min_ps(_mm256_set1_ps(4096.0), real))
}
