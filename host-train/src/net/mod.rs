//! Networks that turn a face into an embedding, as trainable modules.
//!
//! Activations are NHWC f32. A network is trained here and leaves as the float graph of [`crate::graph`]; nothing
//! else in the project evaluates it, so there is one float forward outside training.

mod blocks;
mod config;
mod dropout;
mod iresnet;
mod mobilefacenet;
mod network;
mod ops;
mod unit;

pub(crate) use blocks::global_average;
pub use blocks::{Bottleneck, ResidualUnit, SqueezeExcite};
pub use config::{
    Architecture, BatchNorm, NetworkConfig, NetworkError, OutputSetting, PIXEL_MEAN, PIXEL_SCALE,
    Stem,
};
pub use dropout::DropoutKey;
pub use network::Network;
pub use ops::ConvKind;
#[cfg(all(test, any(feature = "gpu", feature = "cuda")))]
pub(crate) use ops::tests::{convolved_on, normalized_on};
pub(crate) use ops::{
    EPSILON as NORM_EPSILON, Filters, Window, affine, clip, convolution, enlarged, has_own_kernels,
    maximum, requantize, windowed,
};
pub(crate) use unit::normal;
pub use unit::{BatchStatistics, Dense, Unit};
