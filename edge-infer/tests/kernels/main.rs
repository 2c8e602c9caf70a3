//! The kernels' public functions: what they compute and what they refuse.

extern crate alloc;

mod by_hand;
mod definition;
mod layers;
mod lengths;
mod random;
mod tiers;
