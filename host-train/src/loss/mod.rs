//! Losses that train a classifier whose embedding is then used alone.

mod margin;

pub(crate) use margin::unit_rows;
pub use margin::{MarginError, MarginHead, MarginOutput, Margins, target_logit};
