//! The kernels' public functions: what they compute and what they refuse.

mod definition;
mod golden;
mod lengths;
mod tiers;
