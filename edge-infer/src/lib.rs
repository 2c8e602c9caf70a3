//! Pixels to a face decision in int8, without std and without alloc.
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable
    )
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::std_instead_of_core))]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod engine;
pub mod image;
pub mod kernels;
pub mod matching;
