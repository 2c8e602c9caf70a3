//! 512-bit vectors with `vpdpbusd`: four products of an unsigned and a signed byte, summed into
//! each int32 lane, exactly.
//!
//! The unsigned side is the input plus 128 (`x ^ 0x80`). What that adds, `128 * Σ weights`, does
//! not depend on the input, so it is taken off where the sums start.
//!
//! Channel `c` of a block has its sum in vector `c / 4 % 4`, lane `c / 16 * 4 + c % 4`: the order in
//! which unpacking deals out bytes and in which packing collects them.
//!
//! ```text
//! unpacklo_epi8, unpacklo_epi16  ->  0 1 2 3 | 16 17 18 19 | 32 .. | 48 ..   vector 0
//! unpacklo_epi8, unpackhi_epi16  ->  4 5 6 7 | 20 ..                         vector 1
//! ```

mod dots;
mod lanes;
mod products;
mod rounding;
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

/// Four weights of each of 64 channels, in the order of sums.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Quad([[i8; BYTES]; 4]);

impl Quad {
    const ZERO: Self = Self([[0; BYTES]; 4]);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn load(&self) -> Vectors {
        let mut vectors = [_mm512_setzero_si512(); 4];
        for (vector, bytes) in vectors.iter_mut().zip(&self.0) {
            // SAFETY: `bytes` is an array of 64 bytes, and aligned as the quad is.
            *vector = unsafe { _mm512_load_si512(bytes.as_ptr().cast()) };
        }
        vectors
    }
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
    fn of(weights: &Weights<'_>, quads: &[Quad]) -> Self {
        let mut values = natural(weights.bias.unwrap_or_default());
        let excess = _mm512_set1_epi8(i8::MIN);
        let mut sums = [_mm512_setzero_si512(); 4];
        for quad in quads {
            for (sum, weights) in sums.iter_mut().zip(quad.load()) {
                *sum = _mm512_dpbusd_epi32(*sum, excess, weights);
            }
        }
        for (value, sum) in values.iter_mut().zip(sums) {
            *value = _mm512_sub_epi32(*value, sum);
        }
        let mut start = Self { values: Sums::ZERO, continues: weights.bias.is_none() };
        store(values, &mut start.values);
        start
    }

    /// The sums of one pixel before anything is added.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn sums(&self, there: &Sums) -> Vectors {
        let mut vectors = load(&self.values);
        if self.continues {
            for (vector, there) in vectors.iter_mut().zip(load(there)) {
                *vector = _mm512_add_epi32(*vector, there);
            }
        }
        vectors
    }
}
