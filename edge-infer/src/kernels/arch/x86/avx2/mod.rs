//! 256-bit vectors with `vpmaddwd`: two products of int16, summed into each int32 lane, exactly.
//!
//! `vpmaddubsw`, which takes bytes, saturates its sums and so is of no use here: inputs and weights
//! are widened to int16 first.
//!
//! Sixteen channels have their sums in two vectors, in the order in which unpacking deals out int16
//! and in which packing collects them:
//!
//! ```text
//! unpacklo_epi16  ->  0 1 2 3 |  8  9 10 11     vector 0
//! unpackhi_epi16  ->  4 5 6 7 | 12 13 14 15     vector 1
//! ```

mod dots;
mod lanes;
mod products;
mod rounding;
mod taps;

use core::arch::x86_64::*;

use super::super::{BLOCK, Sums, Weights};
use lanes::{load, natural, part, store};

pub(crate) use dots::{dot, dots};
pub(crate) use products::{Panel, multiply, pack, saturate};
pub(crate) use rounding::requantize;
pub(crate) use taps::{Taps, multiply_taps, pack_taps};

/// Sixteen sums, or other numbers of 32 bits in their order.
type Pair = [__m256i; 2];
/// Channels of a pair.
const WIDTH: usize = 16;
/// Pairs of a block.
const PAIRS: usize = BLOCK / WIDTH;
/// Inputs that one instruction takes of each channel.
const GROUP: usize = 2;

/// Two weights of each of 16 channels, widened, in the order of sums.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Duo([[[i16; GROUP]; 8]; 2]);

impl Duo {
    const ZERO: Self = Self([[[0; GROUP]; 8]; 2]);

    #[inline(always)]
    fn of_channel(&mut self, channel: usize) -> Option<&mut [i16; GROUP]> {
        self.0.get_mut(channel / 4 % 2)?.get_mut(channel / 8 % 2 * 4 + channel % 4)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(&self) -> Pair {
        let [a, b] = &self.0;
        // SAFETY: both are arrays of 32 bytes.
        unsafe { [_mm256_load_si256(a.as_ptr().cast()), _mm256_load_si256(b.as_ptr().cast())] }
    }
}

/// What a block's sums start from.
struct Start {
    /// The bias in the order of sums.
    values: Sums,
    /// Whether sums are there already.
    continues: bool,
    /// Pairs that have channels.
    pairs: usize,
}

impl Start {
    const ZERO: Self = Self { values: Sums::ZERO, continues: false, pairs: 0 };

    #[target_feature(enable = "avx2")]
    fn of(weights: &Weights<'_>) -> Self {
        let mut start = Self {
            values: Sums::ZERO,
            continues: weights.bias.is_none(),
            pairs: weights.channels.div_ceil(WIDTH),
        };
        let bias = weights.bias.unwrap_or_default();
        for (values, bias) in start.values.0.as_chunks_mut().0.iter_mut().zip(bias.chunks(WIDTH)) {
            store(natural(bias), values);
        }
        start
    }

    /// A pixel's pair before anything is added.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sums(&self, pair: usize, there: &Sums) -> Pair {
        load(part(if self.continues { there } else { &self.values }, pair))
    }
}
