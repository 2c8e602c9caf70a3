//! All that touches the hardware: each file a few instructions or addresses, each `unsafe` block with its proof. What these registers mean
//! is left to the drivers beside this folder, which have no `unsafe`.
#![allow(unsafe_code, reason = "hardware: each block says why it is sound")]

mod exceptions;
#[cfg(feature = "emulated")]
pub(crate) mod faults;
pub(crate) mod memory;
pub(crate) mod processor;
pub(crate) mod registers;
mod start;
