//! What the fuzz targets do: one function a target, from bytes to an [`Outcome`], a panic being a finding.
//!
//! A target has three parts of one name: its function here, `fuzz/fuzz_targets/NAME.rs` which hands libFuzzer's bytes to
//! it, and `fuzz/corpus/NAME/` with inputs worth keeping. `tests/replay.rs` runs the functions on the corpus and on
//! pseudo-random inputs with the stable compiler. Valid models to start from are made in [`model`].
#![allow(clippy::std_instead_of_core, reason = "runs on hosts alone")]

mod device;
mod edit;
mod engine;
mod host;
mod line;
pub mod model;
mod model_view;
mod oracle;
mod plan;
mod reference;

pub use device::device;
pub use engine::engine;
pub use host::host;
pub use model_view::model_view;

/// How far an input came, so that a replay can tell that it reached the code under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Too few bytes to make a case of.
    Starved,
    /// The code under test refused the case with an error.
    Refused,
    /// The code under test accepted the case, and its promises held.
    Accepted,
}
