//! Tiers of Cortex-M. Weights are read where they lie, in flash; what memory a tier takes is its
//! stack.
//!
//! The instructions are assembly, as their intrinsics are not in stable Rust. That the processor
//! has them is the build's word: `build.rs` sets `arm_dsp` and `arm_helium` for such builds, and
//! the assembler refuses an instruction that the build's target does not have. So nothing here
//! needs a check at run time.

#![allow(unsafe_code, reason = "vector instructions: each block says why it is sound")]

mod dsp;
#[cfg(arm_helium)]
mod helium;
mod piece;
#[cfg(target_abi = "eabihf")]
mod rounding;

pub(crate) use dsp::Dsp;
#[cfg(arm_helium)]
pub(crate) use helium::Helium;

#[cfg(arm_helium)]
use super::DEPTH;
#[cfg(not(target_abi = "eabihf"))]
use super::scalar;
use super::{BLOCK, Epilogue, Primitives, Strip, Sums, Weights};

/// The sums of two neighbouring channels.
#[inline(always)]
fn of_pair(sums: &mut Sums, pair: usize) -> &mut [i32; 2] {
    // SAFETY: a block has so many pairs, and no remainder is ever their number.
    unsafe { sums.0.as_chunks_mut().0.get_unchecked_mut(pair % (BLOCK / 2)) }
}

/// The weights of each two neighbouring channels. A last channel without a neighbour comes twice;
/// the second sum that it gives goes nowhere.
#[inline(always)]
fn row_pairs<'w>(weights: &Weights<'w>) -> impl Iterator<Item = [&'w [i8]; 2]> + use<'w> {
    let Weights { mut values, row_len, depth, channels, .. } = *weights;
    let mut take_row = move || {
        let row = values.get(..depth).unwrap_or(values);
        values = values.get(row_len..).unwrap_or_default();
        row
    };
    (0..channels.min(BLOCK).div_ceil(2)).map(move |pair| {
        let first = take_row();
        [first, if 2 * pair + 1 < channels { take_row() } else { first }]
    })
}
