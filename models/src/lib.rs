//! The `.afm` model file: one int8 network, readable in place from flash.
//!
//! This crate defines the bytes, checks them and hands out typed views of them. Running the network is left to
//! `edge-infer`, making one to `host-train`. There is no allocation and no `unsafe`; the writer needs the feature `std`,
//! verifying a signature the feature `signature`.
//!
//! ```text
//!          0 +--------------------------------------------+
//!            | header: magic, version, length, checksum,  |  64 bytes   `header.rs`
//!            |         model id, section table            |
//!         64 +--------------------------------------------+
//!            | plan: arena size, input, output            |  64 bytes   `header.rs`
//!        128 +--------------------------------------------+
//!            | tensors: 1 to 1024 records of 32 bytes     |             `tensor.rs`, `rows.rs`
//!    64 * .. +--------------------------------------------+
//!            | ops: 1 to 1024 records of 64 bytes         |             `op/record.rs`
//!    64 * .. +--------------------------------------------+
//!            | constants: weights int8, aligned to 64;    |             `op.rs`
//!            |   biases int32, multipliers f32, to 4      |
//!    64 * .. +--------------------------------------------+
//!            | metadata: 224 bytes, then texts            |             `meta.rs`, `outputs.rs`
//!    64 * .. +--------------------------------------------+
//!            | signature: 128 bytes, in signed files only |             `signature.rs`
//!      total +--------------------------------------------+
//! ```
//!
//! All numbers are little endian; every byte that has no meaning is zero. A file is read where it lies, at an address
//! that is a multiple of 4 (of 64, if the weights shall be cache lines):
//!
//! ```
//! use model_format::{FormatError, ModelView};
//!
//! let refused = ModelView::parse(&[]);
//! assert!(matches!(refused, Err(FormatError::TooShort { needed: 128, found: 0 })));
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::unwrap_used,
        reason = "a failed index in a test is a failed test"
    )
)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(not(target_endian = "little"))]
compile_error!("the .afm file is read in place, which needs a little-endian target");

mod error;
#[cfg(feature = "std")]
mod file;
mod header;
mod id;
mod meta;
mod op;
mod outputs;
mod plan;
mod record;
mod rows;
mod signature;
mod tensor;
mod view;
#[cfg(feature = "std")]
pub mod writer;

pub use error::{Constant, FormatError, OpError, Section, Tag, Text};
#[cfg(feature = "std")]
pub use file::ModelFile;
pub use id::ModelId;
pub use meta::{ColourOrder, InputSpec, MAX_THRESHOLDS, Metadata, Threshold};
pub use op::{
    Activation, Add, Concat, Conv2d, DepthwiseConv2d, FullyConnected, FullyConnectedResult,
    GATE_VALUES, GlobalAveragePool, Lookup, MaxPool, Op, Padding, Requantize, Residual,
    ScaleChannels, Upsample, Window,
};
pub use outputs::{EMBEDDING, MAX_OUTPUTS, NamedOutput};
pub use rows::{MAX_SLICES, Rows};
#[cfg(feature = "signature")]
pub use signature::SignatureError;
pub use signature::{Fingerprint, PublicKey, Signature};
pub use tensor::{ElementType, Shape, Tensor, TensorIndex};
pub use view::ModelView;

/// Version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u16 = 1;

/// The most tensors a file may have.
pub const MAX_TENSORS: u16 = 1024;

/// The most ops a file may have.
pub const MAX_OPS: u16 = 1024;

/// Largest magnitude of a multiplier or scale, 2^32: far above any real one, and small enough that no f32 product or sum
/// of the engine becomes infinite, so none becomes NaN.
pub const MAX_MULTIPLIER: f32 = 4_294_967_296.0;

/// Alignment of sections in the file.
const SECTION_ALIGN: u32 = 64;

/// Alignment of weights in the constants section.
const WEIGHTS_ALIGN: u32 = 64;

/// Alignment of int32 and f32 arrays in the constants section.
const CONSTANT_ALIGN: u32 = 4;
