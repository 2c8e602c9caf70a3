//! Pairs of vectors: loading and storing, and the order of their numbers.

use core::arch::x86_64::*;

use super::super::super::Sums;
use super::{Pair, WIDTH};

/// Each byte as an int32, in the order of sums.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn widen(bytes: __m128i) -> Pair {
    let wide = _mm256_cvtepi8_epi16(bytes);
    [
        _mm256_srai_epi32::<16>(_mm256_unpacklo_epi16(wide, wide)),
        _mm256_srai_epi32::<16>(_mm256_unpackhi_epi16(wide, wide)),
    ]
}

/// At most 16 numbers, brought from the order of the channels into that of sums; then zeros.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn natural(numbers: &[i32]) -> Pair {
    let mut all = [0; WIDTH];
    for (to, &number) in all.iter_mut().zip(numbers) {
        *to = number;
    }
    let [a, b] = load(&all);
    [_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)]
}

/// The sums of the sixteen channels `pair`.
#[inline(always)]
pub(super) fn part(sums: &Sums, pair: usize) -> &[i32; WIDTH] {
    sums.0.as_chunks().0.get(pair).unwrap_or(&[0; WIDTH])
}

#[inline(always)]
pub(super) fn part_mut(sums: &mut Sums, pair: usize) -> Option<&mut [i32; WIDTH]> {
    sums.0.as_chunks_mut().0.get_mut(pair)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(numbers: &[i32; WIDTH]) -> Pair {
    let numbers: *const __m256i = numbers.as_ptr().cast();
    // SAFETY: the array holds twice 32 bytes.
    unsafe { [_mm256_loadu_si256(numbers), _mm256_loadu_si256(numbers.add(1))] }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(pair: Pair, numbers: &mut [i32; WIDTH]) {
    let numbers: *mut __m256i = numbers.as_mut_ptr().cast();
    let [a, b] = pair;
    // SAFETY: the array holds twice 32 bytes.
    unsafe {
        _mm256_storeu_si256(numbers, a);
        _mm256_storeu_si256(numbers.add(1), b);
    }
}

/// The first 16 bytes, or all there are and then zeros.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_bytes(bytes: &[i8]) -> __m128i {
    let mut few = [0; WIDTH];
    let bytes = bytes.first_chunk().unwrap_or_else(|| {
        for (to, &byte) in few.iter_mut().zip(bytes) {
            *to = byte;
        }
        &few
    });
    // SAFETY: `bytes` is an array of 16 bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Writes the first `count` bytes, at most 16, or as many as there is room for.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_bytes(vector: __m128i, count: usize, output: &mut [i8]) {
    let mut bytes = [0; WIDTH];
    // SAFETY: `bytes` is an array of 16 bytes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), vector) }
    match output.first_chunk_mut() {
        Some(all) if count >= WIDTH => *all = bytes,
        _ => {
            for (to, byte) in output.iter_mut().zip(bytes).take(count) {
                *to = byte;
            }
        }
    }
}
