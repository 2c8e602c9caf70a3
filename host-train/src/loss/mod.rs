//! Losses that train a classifier whose embedding is then used alone.

mod margin;

pub use margin::{MarginError, MarginHead, MarginOutput, Margins, target_logit};
