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

/// The numbers of at most `16 * V` channels, brought from the order of the channels into that of sums; then zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn natural<const V: usize>(numbers: &[i32]) -> [__m512i; V] {
    let mut vectors = [_mm512_setzero_si512(); 4];
    for (vector, numbers) in vectors.iter_mut().zip(numbers.chunks(16)).take(V) {
        let mask = (u16::MAX as u32 >> (16 - numbers.len())) as u16;
        // SAFETY: the mask has a bit for each number; the others are not read.
        *vector = unsafe { _mm512_maskz_loadu_epi32(mask, numbers.as_ptr()) };
    }
    let [a, b, ..] = vectors;
    first(match V {
        1 => vectors,
        2 => [_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b), b, b],
        _ => transpose_lanes(vectors),
    })
}

/// The sums of the first `16 * V` channels, brought from the order of 4 vectors into that of `V`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn narrow<const V: usize>(vectors: Vectors) -> [__m512i; V] {
    let [a, b, c, d] = vectors;
    // The first two lanes of both vectors, in turns.
    let in_turns = |a, b| {
        let lanes = _mm512_shuffle_i32x4::<0x44>(a, b);
        _mm512_shuffle_i32x4::<0xd8>(lanes, lanes)
    };
    first(match V {
        1 => transpose_lanes(vectors),
        2 => [in_turns(a, c), in_turns(b, d), c, d],
        _ => vectors,
    })
}

/// The first `V` of the vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn first<const V: usize>(vectors: Vectors) -> [__m512i; V] {
    vectors.first_chunk().copied().unwrap_or([_mm512_setzero_si512(); V])
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
pub(super) fn load<const V: usize>(sums: &Sums) -> [__m512i; V] {
    let mut vectors = [_mm512_setzero_si512(); V];
    for (vector, sums) in vectors.iter_mut().zip(sums.0.as_chunks::<16>().0) {
        // SAFETY: `sums` is an array of 64 bytes.
        *vector = unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) };
    }
    vectors
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn store<const V: usize>(vectors: [__m512i; V], sums: &mut Sums) {
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

/// At most `64 - place` bytes, from byte `place` of the vector on; zeros elsewhere.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn load_bytes_at(place: usize, bytes: &[i8]) -> __m512i {
    let from = bytes.as_ptr().wrapping_sub(place);
    // SAFETY: the mask has a bit for each byte; what lies before them, as what follows, is not read.
    unsafe { _mm512_maskz_loadu_epi8(mask_at(place, bytes.len()), from) }
}

/// Fills at most `64 - place` bytes from byte `place` of the vector on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn store_bytes_at(vector: __m512i, place: usize, bytes: &mut [i8]) {
    let to = bytes.as_mut_ptr().wrapping_sub(place);
    // SAFETY: the mask has a bit for each byte; what lies before them, as what follows, is not written.
    unsafe { _mm512_mask_storeu_epi8(to, mask_at(place, bytes.len()), vector) }
}

/// A bit for each of `bytes` from place `place` on, as far as there are 64.
#[inline(always)]
pub(super) fn mask_at(place: usize, bytes: usize) -> u64 {
    mask(bytes).checked_shl(place as u32).unwrap_or_default()
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
