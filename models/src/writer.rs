//! Writes a model file: owned mirrors of the view's types, laid out, named by content and sealed.
//!
//! The bytes depend on the fields of [`ModelBuilder`] alone, so that a build can be repeated bit for bit. Arena offsets
//! and lifetimes are the planner's work; the writer only records them, and the parser refuses wrong ones.

mod calibrated;
mod content;
mod layout;
pub mod plan;
#[cfg(feature = "signature")]
mod sign;

use std::string::String;
use std::vec::Vec;

pub use calibrated::calibrated;
pub use content::content_id;
#[cfg(feature = "signature")]
pub use sign::SigningKey;

use crate::error::{FormatError, Text};
use crate::header;
use crate::meta::{InputSpec, Threshold};
use crate::op::{Concat, GlobalAveragePool, MaxPool, Residual, Upsample, Window};
use crate::record::put;
use crate::tensor::{Tensor, TensorIndex};
use crate::{ModelFile, ModelId};

/// A network and all that goes with it, to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelBuilder {
    /// What the model says about itself.
    pub metadata: MetadataSpec,
    /// Measured thresholds, at most 16.
    pub thresholds: Vec<Threshold>,
    /// All tensors, with their lives and places.
    pub tensors: Vec<Tensor>,
    /// The ops in the order in which they run.
    pub ops: Vec<OpSpec>,
    /// The tensor that takes the image.
    pub input: TensorIndex,
    /// The tensor that holds the embedding, or the first of `outputs`.
    pub output: TensorIndex,
    /// What a network gives that is no embedding network, at most 64; else empty.
    pub outputs: Vec<OutputSpec>,
    /// Bytes of memory for all activations.
    pub arena_bytes: u32,
}

/// [`NamedOutput`](crate::NamedOutput), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `NamedOutput`")]
pub struct OutputSpec {
    pub name: String,
    pub tensor: TensorIndex,
}

/// [`Metadata`](crate::Metadata), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `Metadata`")]
pub struct MetadataSpec {
    pub input: InputSpec,
    pub landmarks: [[f32; 2]; 5],
    pub embedding_len: u16,
    pub name: String,
    pub data: String,
    pub command: String,
    pub seed: u64,
    pub commit: String,
    pub licence: String,
    pub verdict: String,
}

/// [`Op`](crate::Op), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the variants mirror `Op`")]
pub enum OpSpec {
    Conv2d(ConvSpec),
    DepthwiseConv2d(ConvSpec),
    FullyConnected(FullyConnectedSpec),
    Add(AddSpec),
    MaxPool(MaxPool),
    GlobalAveragePool(GlobalAveragePool),
    ScaleChannels(ScaleChannelsSpec),
    Lookup(LookupSpec),
    Concat(Concat),
    Upsample(Upsample),
}

/// [`Conv2d`](crate::Conv2d) or [`DepthwiseConv2d`](crate::DepthwiseConv2d), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `Conv2d`")]
pub struct ConvSpec {
    pub input: TensorIndex,
    pub output: TensorIndex,
    pub window: Window,
    pub weights: Vec<i8>,
    pub bias: Vec<i32>,
    pub requantize: RequantizeSpec,
    pub residual: Option<Residual>,
}

/// [`Requantize`](crate::Requantize), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `Requantize`")]
pub struct RequantizeSpec {
    pub multiplier: Vec<f32>,
    pub activation: ActivationSpec,
}

/// [`Activation`](crate::Activation), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the variants mirror `Activation`")]
pub enum ActivationSpec {
    None,
    Relu,
    Prelu(Vec<f32>),
}

/// [`FullyConnected`](crate::FullyConnected), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `FullyConnected`")]
pub struct FullyConnectedSpec {
    pub input: TensorIndex,
    pub output: TensorIndex,
    pub weights: Vec<i8>,
    pub bias: Vec<i32>,
    pub result: FullyConnectedResultSpec,
}

/// [`FullyConnectedResult`](crate::FullyConnectedResult), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the variants mirror `FullyConnectedResult`")]
pub enum FullyConnectedResultSpec {
    Requantized(RequantizeSpec),
    Sums { scales: Vec<f32> },
}

/// [`Add`](crate::Add), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `Add`")]
pub struct AddSpec {
    pub inputs: [TensorIndex; 2],
    pub output: TensorIndex,
    pub multipliers: [f32; 2],
    pub activation: ActivationSpec,
}

/// [`ScaleChannels`](crate::ScaleChannels), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `ScaleChannels`")]
pub struct ScaleChannelsSpec {
    pub input: TensorIndex,
    pub gate: TensorIndex,
    pub output: TensorIndex,
    pub factors: Vec<f32>,
}

/// [`Lookup`](crate::Lookup), owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields mirror `Lookup`")]
pub struct LookupSpec {
    pub input: TensorIndex,
    pub output: TensorIndex,
    pub table: Vec<i8>,
}

/// Why a model cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file would not parse.
    #[error("the model does not hold together: {0}")]
    Format(#[from] FormatError),
    /// The file would be longer than 32-bit offsets reach.
    #[error("the file would have {bytes} bytes or more, offsets reach {limit}")]
    FileTooLarge {
        /// Bytes so far.
        bytes: usize,
        /// The most an offset can say.
        limit: u32,
    },
    /// A text longer than its 16-bit length can say.
    #[error("the {text} has {len} bytes, it may have {limit}")]
    TextTooLong {
        /// Which text.
        text: Text,
        /// Its bytes.
        len: usize,
        /// The most it may have.
        limit: u16,
    },
    /// More thresholds than there are places.
    #[error("{count} thresholds, there are places for {limit}")]
    TooManyThresholds {
        /// How many were given.
        count: usize,
        /// Places.
        limit: u8,
    },
}

impl ModelBuilder {
    /// Lays the file out, names it by its content, seals it and parses it back.
    ///
    /// # Errors
    /// [`WriteError::Format`] with the parser's reason if the network does not hold together; the other variants if it
    /// does not fit the format.
    pub fn build(&self) -> Result<Vec<u8>, WriteError> {
        let mut bytes = layout::file(self)?;
        reseal(&mut bytes);
        // The id is computed from the parsed content, so it cannot depend on how the content is laid out.
        let id = content_id(&ModelFile::from_bytes(&bytes)?.view());
        name(&mut bytes, id);
        reseal(&mut bytes);
        Ok(bytes)
    }
}

fn name(bytes: &mut [u8], ModelId(id): ModelId) {
    if let Some(header) = bytes.first_chunk_mut::<{ header::HEADER }>() {
        put::<{ header::field::ID }, _, _>(header, id);
    }
}

/// Writes the checksum that fits the bytes, for tools and tests that change a finished file. Bytes too short to be a
/// model stay as they are.
pub fn reseal(bytes: &mut [u8]) {
    let checksum = header::checksum(bytes);
    if let Some(header) = bytes.first_chunk_mut::<{ header::HEADER }>() {
        put::<{ header::field::CHECKSUM }, _, _>(header, checksum.to_le_bytes());
    }
}
