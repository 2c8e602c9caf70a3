//! What must outlive a power cut, in flash.
//!
//! | module | job |
//! |---|---|
//! | [`flash`] | a range of a flash chip, written once and read back |
//! | `slot` | records of one size, each blank, whole or damaged |
//! | `ring` | slots in a circle, the oldest erased for the newest |
//! | [`audit`] | what the door did, in order |
//! | [`gallery`] | the people who may enter |
//! | [`sim`] | flash in memory that loses power and flips bits, for tests |
//!
//! Every record has its place at a multiple of its size, so that a damaged one hides no other, and nothing is ever programmed twice
//! between two erases, which flash with error correction (STM32H7) does not allow.

pub mod audit;
mod bytes;
pub mod flash;
pub mod gallery;
mod ring;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod slot;
#[cfg(test)]
mod trials;
