//! Dots of one row with another, and of a probe with many rows.

use core::arch::x86_64::*;

use super::super::LONGEST_ROW;
use super::lanes::{load_bytes, to_unsigned};
use super::{BYTES, Vectors};

/// Rows of `dots` whose products are in registers at a time: as many as an instruction stores sums.
const ROWS: usize = 16;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let (mut a, mut b) = (a.get(..len).unwrap_or(a), b.get(..len).unwrap_or(b));
    let excess = _mm512_set1_epi8(i8::MIN);
    let (mut products, mut too_many) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    while !a.is_empty() {
        let weights = load_bytes(b);
        products = _mm512_dpbusd_epi32(products, to_unsigned(load_bytes(a)), weights);
        too_many = _mm512_dpbusd_epi32(too_many, excess, weights);
        a = a.get(BYTES..).unwrap_or_default();
        b = b.get(BYTES..).unwrap_or_default();
    }
    _mm512_reduce_add_epi32(_mm512_sub_epi32(products, too_many))
}

/// Here the row is the unsigned side, so that what its 128 adds is the same for all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn dots<const N: usize>(
    probe: &[i8; N],
    rows: &[[[i8; N]; ROWS]],
    sums: &mut [[i32; ROWS]],
) {
    let mut weights = [_mm512_setzero_si512(); LONGEST_ROW / BYTES];
    let mut too_many = _mm512_setzero_si512();
    for (weights, probe) in weights.iter_mut().zip(probe.as_chunks::<BYTES>().0) {
        *weights = load_bytes(probe);
        too_many = _mm512_dpbusd_epi32(too_many, _mm512_set1_epi8(i8::MIN), *weights);
    }
    let start = _mm512_sub_epi32(_mm512_setzero_si512(), too_many);
    for (sums, rows) in sums.iter_mut().zip(rows) {
        let mut products = [[start; 4]; 4];
        for (products, row) in products.as_flattened_mut().iter_mut().zip(rows) {
            for (bytes, &weights) in row.as_chunks::<BYTES>().0.iter().zip(&weights) {
                *products = _mm512_dpbusd_epi32(*products, to_unsigned(load_bytes(bytes)), weights);
            }
        }
        let [a, b, c, d] = products.map(|four| add_numbers(four));
        // SAFETY: `sums` is an array of 64 bytes.
        unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), add_lanes([a, b, c, d])) }
    }
}

/// Within each lane of 128 bits, number `i` is the sum of vector `i`'s numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_numbers([a, b, c, d]: Vectors) -> __m512i {
    let pair = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    pair(pair(a, c), pair(b, d))
}

/// Lane `i` of 128 bits is the sum of vector `i`'s lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_lanes([a, b, c, d]: Vectors) -> __m512i {
    let pair = |a, b| {
        let (even, odd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        _mm512_add_epi32(even, odd)
    };
    pair(pair(a, b), pair(c, d))
}
