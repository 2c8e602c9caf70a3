//! Draws how each board is wired to its lock, from `boards.toml`. The drawings lie in `drawings`; a test holds them against what is drawn.
//!
//! | module | job |
//! |---|---|
//! | [`board`] | the pins' names |
//! | [`circuit`] | what is wired to what, and why it fails locked |
//! | [`svg`] | shapes |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

pub mod board;
pub mod circuit;
pub mod svg;

#[cfg(test)]
mod tests;
