//! Vectors of a block: loading and storing, and the orders of their numbers.

use core::arch::x86_64::*;

use super::super::super::Sums;
use super::{BYTES, GROUP, Vectors};

/// `x + 128` of each byte.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn to_unsigned(signed: __m512i) -> __m512i {
    _mm512_xor_si512(signed, _mm512_set1_epi8(i8::MIN))
}

/// Each byte as an int32, in the order of sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn widen(bytes: __m512i) -> Vectors {
    let mut wide = interleave([bytes; GROUP]);
    for vector in &mut wide {
        *vector = _mm512_srai_epi32::<24>(*vector);
    }
    wide
}

/// At most 64 numbers, brought from the order of the channels into that of sums; then zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn natural(numbers: &[i32]) -> Vectors {
    let mut vectors = [_mm512_setzero_si512(); 4];
    for (vector, numbers) in vectors.iter_mut().zip(numbers.chunks(16)) {
        let mask = (u16::MAX as u32 >> (16 - numbers.len())) as u16;
        // SAFETY: the mask has a bit for each number; the others are not read.
        *vector = unsafe { _mm512_maskz_loadu_epi32(mask, numbers.as_ptr()) };
    }
    transpose_lanes(vectors)
}

/// Vector `i` gets lane `i` of 128 bits of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn transpose_lanes([a, b, c, d]: Vectors) -> Vectors {
    let (even, even_2) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0x88>(c, d));
    let (odd, odd_2) = (_mm512_shuffle_i32x4::<0xdd>(a, b), _mm512_shuffle_i32x4::<0xdd>(c, d));
    [
        _mm512_shuffle_i32x4::<0x88>(even, even_2),
        _mm512_shuffle_i32x4::<0x88>(odd, odd_2),
        _mm512_shuffle_i32x4::<0xdd>(even, even_2),
        _mm512_shuffle_i32x4::<0xdd>(odd, odd_2),
    ]
}

/// Within each lane of 128 bits, vector `i` gets number `i` of 32 bits of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn transpose_numbers([a, b, c, d]: Vectors) -> Vectors {
    let (low, high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (low_2, high_2) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    [
        _mm512_unpacklo_epi64(low, low_2),
        _mm512_unpackhi_epi64(low, low_2),
        _mm512_unpacklo_epi64(high, high_2),
        _mm512_unpackhi_epi64(high, high_2),
    ]
}

/// Brings the bytes together that four vectors have at the same place, in the order of sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn interleave([a, b, c, d]: [__m512i; GROUP]) -> Vectors {
    let (low, high) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
    let (low_2, high_2) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
    [
        _mm512_unpacklo_epi16(low, low_2),
        _mm512_unpackhi_epi16(low, low_2),
        _mm512_unpacklo_epi16(high, high_2),
        _mm512_unpackhi_epi16(high, high_2),
    ]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn load(sums: &Sums) -> Vectors {
    let mut vectors = [_mm512_setzero_si512(); 4];
    for (vector, sums) in vectors.iter_mut().zip(sums.0.as_chunks::<16>().0) {
        // SAFETY: `sums` is an array of 64 bytes.
        *vector = unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) };
    }
    vectors
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn store(vectors: Vectors, sums: &mut Sums) {
    for (vector, sums) in vectors.into_iter().zip(sums.0.as_chunks_mut::<16>().0) {
        // SAFETY: `sums` is an array of 64 bytes.
        unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), vector) }
    }
}

/// The first 64 bytes, or all there are and then zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn load_bytes(bytes: &[i8]) -> __m512i {
    if let Some(all) = bytes.first_chunk::<BYTES>() {
        // SAFETY: `all` is an array of 64 bytes.
        return unsafe { _mm512_loadu_si512(all.as_ptr().cast()) };
    }
    // SAFETY: the mask has a bit for each byte; the others are not read.
    unsafe { _mm512_maskz_loadu_epi8(mask(bytes.len()), bytes.as_ptr()) }
}

/// Fills at most 64 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn store_bytes(vector: __m512i, bytes: &mut [i8]) {
    if let Some(all) = bytes.first_chunk_mut::<BYTES>() {
        // SAFETY: `all` is an array of 64 bytes.
        return unsafe { _mm512_storeu_si512(all.as_mut_ptr().cast(), vector) };
    }
    // SAFETY: the mask has a bit for each byte; the others are not written.
    unsafe { _mm512_mask_storeu_epi8(bytes.as_mut_ptr(), mask(bytes.len()), vector) }
}

/// A bit for each of `bytes`, at most 64.
#[inline(always)]
pub(super) fn mask(bytes: usize) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(bytes as u32)).unwrap_or_default()
}
