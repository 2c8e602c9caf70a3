//! Tiers of Cortex-M. Weights are read where they lie, in flash; what memory a tier takes is its stack.
//!
//! The instructions are assembly, as their intrinsics are not in stable Rust. That the processor has
//! them is the build's word: `build.rs` sets `arm_dsp` and `arm_helium` for such builds, and the assembler
//! refuses an instruction that the build's target does not have. So nothing here needs a check at run time.

#![allow(unsafe_code, reason = "vector instructions: each block says why it is sound")]

mod dsp;
mod piece;

pub(crate) use dsp::Dsp;

#[cfg(not(target_abi = "eabihf"))]
use super::scalar;
use super::{BLOCK, Epilogue, Primitives, Strip, Sums, Weights};
