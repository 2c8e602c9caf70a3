//! Networks that turn a face into an embedding, as trainable modules.
//!
//! Activations are NHWC f32. A network is trained here and leaves as the float graph of [`crate::graph`]; nothing
//! else in the project evaluates it, so there is one float forward outside training.

mod blocks;
mod config;
mod mobilefacenet;
mod ops;

pub(crate) use blocks::normal;
pub use blocks::{BatchStatistics, Bottleneck, ConvUnit};
pub use config::{NetworkConfig, NetworkError, PIXEL_MEAN, PIXEL_SCALE};
pub use mobilefacenet::MobileFaceNet;
pub use ops::ConvKind;
pub(crate) use ops::EPSILON as NORM_EPSILON;
