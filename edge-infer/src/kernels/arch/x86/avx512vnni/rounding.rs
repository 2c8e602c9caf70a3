//! From the sums of 64 channels to int8.

use core::arch::x86_64::*;

use super::super::super::{Epilogue, Sums};
use super::Vectors;
use super::lanes::{load, load_bytes, natural, store_bytes, widen};

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    let positive = natural(bytemuck::try_cast_slice(epilogue.positive).unwrap_or_default());
    let negative = natural(bytemuck::try_cast_slice(epilogue.negative).unwrap_or_default());
    let (mut alike, mut small) = (true, true);
    for (positive, negative) in positive.into_iter().zip(negative) {
        alike &= _mm512_cmpneq_epi32_mask(positive, negative) == 0;
        small &= all_below_one(positive) && all_below_one(negative);
    }
    // Without a residual, a sum times less than one is no larger than a sum, and no NaN.
    let limited = epilogue.residual.is_some() || !small;
    let multipliers = [positive, negative];
    match (alike, limited) {
        (true, true) => round_all::<true, true>(sums, multipliers, epilogue, output),
        (true, false) => round_all::<true, false>(sums, multipliers, epilogue, output),
        (false, true) => round_all::<false, true>(sums, multipliers, epilogue, output),
        (false, false) => round_all::<false, false>(sums, multipliers, epilogue, output),
    }
}

/// Whether these are numbers between -1 and 1.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn all_below_one(reals: __m512i) -> bool {
    let magnitudes = _mm512_and_si512(reals, _mm512_set1_epi32(i32::MAX));
    _mm512_cmpge_epi32_mask(magnitudes, _mm512_set1_epi32(1.0_f32.to_bits().cast_signed())) == 0
}

/// `ALIKE` multipliers for both signs, reals that must be `LIMITED` before they become integers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn round_all<const ALIKE: bool, const LIMITED: bool>(
    sums: &[Sums],
    [positive, negative]: [Vectors; 2],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let channels = epilogue.positive.len();
    let zero = _mm512_setzero_si512();
    let zero_point = _mm512_set1_epi16(epilogue.zero_point.into());
    for (pixel, sums) in sums.iter().enumerate() {
        let first = pixel * epilogue.step;
        let Some(output) = output.get_mut(first..) else {
            return;
        };
        let mut reals = [_mm512_setzero_ps(); 4];
        let multipliers = positive.into_iter().zip(negative);
        for ((real, sum), (mut multiplier, negative)) in
            reals.iter_mut().zip(load(sums)).zip(multipliers)
        {
            if !ALIKE {
                let below_zero = _mm512_cmplt_epi32_mask(sum, zero);
                multiplier = _mm512_mask_blend_epi32(below_zero, multiplier, negative);
            }
            *real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_castsi512_ps(multiplier));
        }
        if let Some(residual) = epilogue.residual {
            let values = residual.values.get(first..).unwrap_or_default();
            let values = load_bytes(values.get(..channels).unwrap_or(values));
            let zero_point = _mm512_set1_epi32(residual.zero_point.into());
            let multiplier = _mm512_set1_ps(residual.multiplier);
            for (real, value) in reals.iter_mut().zip(widen(values)) {
                let distance = _mm512_cvtepi32_ps(_mm512_sub_epi32(value, zero_point));
                *real = _mm512_add_ps(*real, _mm512_mul_ps(distance, multiplier));
            }
        }
        if LIMITED {
            for real in &mut reals {
                *real = limit(*real);
            }
        }
        let [a, b, c, d] = reals;
        let [a, b, c, d] = [round(a), round(b), round(c), round(d)];
        let low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
        let high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
        let rounded = _mm512_packs_epi16(low, high);
        let room = output.len().min(channels);
        store_bytes(rounded, output.get_mut(..room).unwrap_or_default());
    }
}

/// Leaves too large numbers at 4096. Of a NaN and a number `vminps` gives its second operand.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn limit(real: __m512) -> __m512 {
    _mm512_min_ps(_mm512_set1_ps(4096.0), real)
}

/// Nearest integers, ties to even. Too small numbers and NaN give the least integer, so that packing
/// saturates them as the contract says; so would too large ones, if they were not limited.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn round(real: __m512) -> __m512i {
    _mm512_cvt_roundps_epi32::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(real)
}
