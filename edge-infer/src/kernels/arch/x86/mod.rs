//! Tiers of x86-64.
//!
//! Both keep sums in the order in which unpack instructions deal numbers out within 128-bit lanes,
//! because pack instructions undo just that: `requantize` needs no permutation, but where
//! `avx512vnni` packs several pixels of few channels together.

#![allow(unsafe_code, reason = "vector instructions: each block says why it is sound")]

mod avx2;
mod avx512vnni;
mod columns;
mod filled;

use super::vector_tier::{LONGEST_ROW, has, tier};
use super::{Epilogue, Plain, Primitives, Strip, Sums, Weights, one_by_one};

tier!(
    /// 256-bit integer vectors: Haswell, Zen and later.
    Avx2, avx2, 48, 16, "avx2"
);
tier!(
    /// 512-bit vectors with byte dot products: Ice Lake, Zen 4 and later.
    Avx512Vnni, avx512vnni, 48, 64, "avx512f", "avx512bw", "avx512vnni"
);
