//! Networks that turn a face into an embedding, as trainable modules.
//!
//! Activations are NHWC f32. A network is trained here and leaves as the float graph of [`crate::graph`]; nothing
//! else in the project evaluates it, so there is one float forward outside training.

mod blocks;
mod config;
mod mobilefacenet;
mod ops;

pub use blocks::{Bottleneck, ConvKind, ConvUnit};
pub use config::{NetworkConfig, NetworkError};
pub use mobilefacenet::MobileFaceNet;
