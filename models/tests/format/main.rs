//! The `.afm` file from outside: what is written is read back, what is damaged or wrong is refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::std_instead_of_core, reason = "tests")]

mod calibrated;
mod damage;
mod golden;
mod identity;
mod rejects;
mod round_trip;
mod sample;
mod signature;
mod streams;
