//! From sums to int8: 64 at a time, of one pixel or of several with fewer channels.

use core::arch::x86_64::*;

use super::super::super::{Epilogue, Sums};
use super::Vectors;
use super::lanes::{load, load_bytes, load_bytes_at, natural, store_bytes, store_bytes_at, widen};
use super::vectors;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    match vectors(epilogue.positive.len()) {
        1 => requantize_of::<1, 4>(sums, epilogue, output),
        2 => requantize_of::<2, 2>(sums, epilogue, output),
        _ => requantize_of::<4, 1>(sums, epilogue, output),
    }
}

/// For `P` pixels at a time, whose sums are in `V` vectors each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn requantize_of<const V: usize, const P: usize>(
    sums: &[Sums],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let of = |multipliers| natural::<V>(bytemuck::try_cast_slice(multipliers).unwrap_or_default());
    let (positive, negative) = (of(epilogue.positive), of(epilogue.negative));
    let (mut alike, mut small) = (true, true);
    for (&positive, &negative) in positive.iter().zip(&negative) {
        alike &= _mm512_cmpneq_epi32_mask(positive, negative) == 0;
        small &= all_below_one(positive) && all_below_one(negative);
    }
    // Without a residual, a sum times less than one is no larger than a sum, and no NaN.
    let limited = epilogue.residual.is_some() || !small;
    let multipliers = [repeat(positive), repeat(negative)];
    match (alike, limited) {
        (true, true) => round_all::<V, P, true, true>(sums, multipliers, epilogue, output),
        (true, false) => round_all::<V, P, true, false>(sums, multipliers, epilogue, output),
        (false, true) => round_all::<V, P, false, true>(sums, multipliers, epilogue, output),
        (false, false) => round_all::<V, P, false, false>(sums, multipliers, epilogue, output),
    }
}

/// Whether these are numbers between -1 and 1.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn all_below_one(reals: __m512i) -> bool {
    let magnitudes = _mm512_and_si512(reals, _mm512_set1_epi32(i32::MAX));
    _mm512_cmpge_epi32_mask(magnitudes, _mm512_set1_epi32(1.0_f32.to_bits().cast_signed())) == 0
}

/// The same for every pixel that is rounded at a time.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn repeat<const V: usize>(of_pixel: [__m512i; V]) -> Vectors {
    let mut all = [_mm512_setzero_si512(); 4];
    all.as_chunks_mut().0.fill(of_pixel);
    all
}

/// `ALIKE` multipliers for both signs, reals that must be `LIMITED` before they become integers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn round_all<const V: usize, const P: usize, const ALIKE: bool, const LIMITED: bool>(
    sums: &[Sums],
    multipliers: [Vectors; 2],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let (groups, rest) = sums.as_chunks::<P>();
    let mut first = 0;
    for sums in groups {
        round::<V, P, ALIKE, LIMITED>(sums, P, multipliers, epilogue, first, output);
        first += P * epilogue.step;
    }
    if !rest.is_empty() {
        let mut last = [Sums::ZERO; P];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        round::<V, P, ALIKE, LIMITED>(&last, rest.len(), multipliers, epilogue, first, output);
    }
}

/// Rounds the first `count` of `P` pixels into `output`, from its value `first` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn round<const V: usize, const P: usize, const ALIKE: bool, const LIMITED: bool>(
    sums: &[Sums; P],
    count: usize,
    [positive, negative]: [Vectors; 2],
    epilogue: &Epilogue<'_>,
    first: usize,
    output: &mut [i8],
) {
    let Some(output) = output.get_mut(first..) else {
        return;
    };
    let zero = _mm512_setzero_si512();
    let zero_point = _mm512_set1_epi16(epilogue.zero_point.into());
    let pixels = Pixels::<V> { count, step: epilogue.step, channels: epilogue.positive.len() };
    let mut vectors = [zero; 4];
    for (vectors, sums) in vectors.as_chunks_mut::<V>().0.iter_mut().zip(sums) {
        *vectors = load(sums);
    }
    let mut reals = [_mm512_setzero_ps(); 4];
    let multipliers = positive.into_iter().zip(negative);
    for ((real, sum), (mut multiplier, negative)) in reals.iter_mut().zip(vectors).zip(multipliers)
    {
        if !ALIKE {
            let below_zero = _mm512_cmplt_epi32_mask(sum, zero);
            multiplier = _mm512_mask_blend_epi32(below_zero, multiplier, negative);
        }
        *real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_castsi512_ps(multiplier));
    }
    if let Some(residual) = epilogue.residual {
        let values = pixels.load(residual.values.get(first..).unwrap_or_default());
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
    let [a, b, c, d] = [nearest(a), nearest(b), nearest(c), nearest(d)];
    let low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
    let high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
    pixels.store(_mm512_packs_epi16(low, high), output);
}

/// At most `4 / V` pixels, `16 * V` bytes of a vector for each, where images have `channels`.
#[derive(Clone, Copy)]
struct Pixels<const V: usize> {
    count: usize,
    /// From one to the next in an image.
    step: usize,
    channels: usize,
}

impl<const V: usize> Pixels<V> {
    const BYTES: usize = 16 * V;

    /// For each 32 bits of pixel after pixel, where they are when packing has collected sums.
    const FROM_PACKED: [i32; 16] = match V {
        1 => [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
        2 => [0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15],
        _ => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    };
    /// The way back.
    const TO_PACKED: [i32; 16] = match V {
        2 => [0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15],
        _ => Self::FROM_PACKED,
    };

    /// Whether no other bytes lie between those of the pixels.
    #[inline(always)]
    fn adjoin(&self) -> bool {
        V == 4 || (self.step == Self::BYTES && self.channels == self.step)
    }

    /// Their bytes, in the order in which packing collects sums.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn load(self, image: &[i8]) -> __m512i {
        if self.adjoin() {
            let count = self.count * self.channels;
            return permute::<V>(&Self::TO_PACKED, load_bytes(image.get(..count).unwrap_or(image)));
        }
        let mut bytes = _mm512_setzero_si512();
        for pixel in 0..self.count {
            let from = image.get(pixel * self.step..).unwrap_or_default();
            let from = from.get(..self.channels).unwrap_or(from);
            bytes = _mm512_or_si512(bytes, load_bytes_at(pixel * Self::BYTES, from));
        }
        permute::<V>(&Self::TO_PACKED, bytes)
    }

    /// Writes bytes that packing has collected.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn store(self, packed: __m512i, image: &mut [i8]) {
        let bytes = permute::<V>(&Self::FROM_PACKED, packed);
        if self.adjoin() {
            let room = image.len().min(self.count * self.channels);
            return store_bytes(bytes, image.get_mut(..room).unwrap_or_default());
        }
        for pixel in 0..self.count {
            let to = image.get_mut(pixel * self.step..).unwrap_or_default();
            let room = to.len().min(self.channels);
            store_bytes_at(bytes, pixel * Self::BYTES, to.get_mut(..room).unwrap_or_default());
        }
    }
}

/// Brings 32 bits at a time into an order. That of 4 vectors, of one pixel, is there already.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn permute<const V: usize>(order: &[i32; 16], bytes: __m512i) -> __m512i {
    if V == 4 {
        return bytes;
    }
    // SAFETY: an order is an array of 64 bytes.
    let order = unsafe { _mm512_loadu_si512(order.as_ptr().cast()) };
    _mm512_permutexvar_epi32(order, bytes)
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
fn nearest(real: __m512) -> __m512i {
    _mm512_cvt_roundps_epi32::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(real)
}
