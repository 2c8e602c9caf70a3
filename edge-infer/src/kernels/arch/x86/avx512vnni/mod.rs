//! 512-bit vectors with `vpdpbusd`: four products of an unsigned and a signed byte, summed into
//! each int32 lane, exactly.
//!
//! The unsigned side is the input plus 128 (`x ^ 0x80`). What that adds, `128 * Σ weights`, does
//! not depend on the input, so it is taken off where the sums start.
//!
//! The sums of a pixel are in as many vectors `V` as the channels of a block take, 1, 2 or 4. Channel `c` has its sum in vector
//! `c / 4 % V`, lane `c / (4 * V) * 4 + c % 4`: for 4 vectors the order in which unpacking deals out bytes and in which packing
//! collects them.
//!
//! ```text
//! unpacklo_epi8, unpacklo_epi16  ->  0 1 2 3 | 16 17 18 19 | 32 .. | 48 ..   vector 0
//! unpacklo_epi8, unpackhi_epi16  ->  4 5 6 7 | 20 ..                         vector 1
//! ```
//!
//! Fewer vectors are packed for several pixels at a time, which then only have to be told apart.

mod dots;
mod lanes;
mod products;
mod rounding;
mod staged;
mod taps;

use core::arch::x86_64::*;

use super::super::{Sums, Weights};
use lanes::{load, natural, store};

pub(crate) use dots::{dot, dots};
pub(crate) use products::{Panel, multiply, pack, saturate};
pub(crate) use rounding::requantize;
pub(crate) use taps::{Taps, multiply_taps, pack_taps};

/// The sums of a block, or any other 64 numbers of 32 bits in their order.
type Vectors = [__m512i; 4];
/// Bytes of a vector.
const BYTES: usize = 64;
/// Inputs that one instruction takes of each channel.
const GROUP: usize = 4;

/// Vectors that hold the sums of so many channels.
#[inline(always)]
fn vectors(channels: usize) -> usize {
    match channels {
        0..=16 => 1,
        17..=32 => 2,
        _ => 4,
    }
}

/// Four weights of each of 16 channels.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([i8; BYTES]);

impl Line {
    const ZERO: Self = Self([0; BYTES]);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn load(&self) -> __m512i {
        // SAFETY: an array of 64 bytes, and aligned as the line is.
        unsafe { _mm512_load_si512(self.0.as_ptr().cast()) }
    }
}

/// The lines of a group, in the order of sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn load_lines<const V: usize>(lines: &[Line; V]) -> [__m512i; V] {
    let mut vectors = [_mm512_setzero_si512(); V];
    for (vector, line) in vectors.iter_mut().zip(lines) {
        *vector = line.load();
    }
    vectors
}

/// What the inputs' 128 too many add up to with these weights, a vector of sums for each line of a group.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn excess<const V: usize>(groups: &[[Line; V]]) -> [__m512i; V] {
    let mut sums = [_mm512_setzero_si512(); V];
    for lines in groups {
        for (sum, weights) in sums.iter_mut().zip(load_lines(lines)) {
            *sum = _mm512_dpbusd_epi32(*sum, _mm512_set1_epi8(i8::MIN), weights);
        }
    }
    sums
}

/// What is added to a block's sums for the bias and against the inputs' 128 too many.
struct Start {
    /// In the order of sums.
    values: Sums,
    /// Whether sums are there already.
    continues: bool,
}

impl Start {
    const ZERO: Self = Self { values: Sums::ZERO, continues: false };

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn of<const V: usize>(weights: &Weights<'_>, excess: [__m512i; V]) -> Self {
        let mut values = natural::<V>(weights.bias.unwrap_or_default());
        for (value, excess) in values.iter_mut().zip(excess) {
            *value = _mm512_sub_epi32(*value, excess);
        }
        let mut start = Self { values: Sums::ZERO, continues: weights.bias.is_none() };
        store(values, &mut start.values);
        start
    }

    /// The sums of one pixel before anything is added.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn sums<const V: usize>(&self, there: &Sums) -> [__m512i; V] {
        let mut vectors = load(&self.values);
        if self.continues {
            for (vector, there) in vectors.iter_mut().zip(load::<V>(there)) {
                *vector = _mm512_add_epi32(*vector, there);
            }
        }
        vectors
    }
}
