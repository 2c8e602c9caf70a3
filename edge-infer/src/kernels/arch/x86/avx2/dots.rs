//! Dots of one row with another, and of a probe with many rows.

use core::arch::x86_64::*;

use super::super::LONGEST_ROW;
use super::WIDTH;
use super::lanes::load_bytes;

/// Rows of `dots` whose products are in registers at a time.
const ROWS: usize = 8;

#[target_feature(enable = "avx2")]
pub(crate) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let (a, b) = (a.get(..len).unwrap_or(a), b.get(..len).unwrap_or(b));
    let mut products = _mm256_setzero_si256();
    for (a, b) in a.chunks(WIDTH).zip(b.chunks(WIDTH)) {
        let (a, b) = (_mm256_cvtepi8_epi16(load_bytes(a)), _mm256_cvtepi8_epi16(load_bytes(b)));
        products = _mm256_add_epi32(products, _mm256_madd_epi16(a, b));
    }
    let mut lanes = [0; 8];
    // SAFETY: `lanes` is an array of 32 bytes.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), products) }
    lanes.iter().fold(0, |sum, &lane| sum.wrapping_add(lane))
}

#[target_feature(enable = "avx2")]
pub(crate) fn dots<const N: usize>(
    probe: &[i8; N],
    rows: &[[[i8; N]; ROWS]],
    sums: &mut [[i32; ROWS]],
) {
    let mut weights = [_mm256_setzero_si256(); LONGEST_ROW / WIDTH];
    for (weights, probe) in weights.iter_mut().zip(probe.as_chunks::<WIDTH>().0) {
        *weights = _mm256_cvtepi8_epi16(load_bytes(probe));
    }
    for (sums, rows) in sums.iter_mut().zip(rows) {
        let mut products = [_mm256_setzero_si256(); ROWS];
        for (products, row) in products.iter_mut().zip(rows) {
            for (bytes, &weights) in row.as_chunks::<WIDTH>().0.iter().zip(&weights) {
                let bytes = _mm256_cvtepi8_epi16(load_bytes(bytes));
                *products = _mm256_add_epi32(*products, _mm256_madd_epi16(bytes, weights));
            }
        }
        let [a, b, c, d, e, f, g, h] = products;
        // Of each row two sums, one in either half.
        let first = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let last = _mm256_hadd_epi32(_mm256_hadd_epi32(e, f), _mm256_hadd_epi32(g, h));
        let low = _mm256_permute2x128_si256::<0x20>(first, last);
        let high = _mm256_permute2x128_si256::<0x31>(first, last);
        // SAFETY: `sums` is an array of 32 bytes.
        unsafe {
            _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm256_add_epi32(low, high));
        }
    }
}
