//! A model file, checked once and then read in place.
//!
//! [`ModelView::parse`] is the only way to a view, and it checks everything; so no accessor can fail and none can panic.
//! What single parts must satisfy is left to `header.rs`, `tensor.rs`, `op/check.rs`, `plan.rs` and `meta.rs`.

use core::fmt;
use core::ops::Range;

use crate::error::{FormatError, Section};
use crate::header::{self, Header, SectionBytes};
use crate::id::ModelId;
use crate::meta::{self, Metadata, Parts, THRESHOLD_RECORD, Threshold};
use crate::op::{self, OP_RECORD, Op, RawOp};
use crate::outputs::{EMBEDDING, NamedOutput, Outputs};
use crate::record::{nonzero_in, to_usize};
use crate::signature::{BLOCK, Signature};
use crate::tensor::{self, TENSOR_RECORD, Tensor, TensorIndex};
use crate::{MAX_OPS, MAX_TENSORS, plan};

/// A checked model file. Copying it copies a few pointers and the metadata, never the model.
#[derive(Clone, Copy)]
pub struct ModelView<'a> {
    bytes: &'a [u8],
    id: ModelId,
    arena_bytes: u32,
    input: (TensorIndex, Tensor),
    output: (TensorIndex, Tensor),
    tensors: &'a [[u8; TENSOR_RECORD]],
    ops: &'a [[u8; OP_RECORD]],
    constants: &'a [u8],
    metadata: Metadata<'a>,
    thresholds: &'a [[u8; THRESHOLD_RECORD]],
    signature: Option<&'a [u8; BLOCK]>,
    outputs: Outputs<'a>,
}

impl<'a> ModelView<'a> {
    /// Checks `bytes`, a whole model file at an address that is a multiple of 4.
    ///
    /// # Errors
    /// The first reason found why the file is not a model; [`FormatError`] lists them all. The checksum finds damage,
    /// not malice: who must keep strangers' models out asks `verify` (feature `signature`) before using the view.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        header::check_file(bytes)?;
        let view = Self::open(bytes)?;
        view.check_records()?;
        plan::check(&view)?;
        Ok(view)
    }

    /// Finds the parts of the file; what they hold is checked by [`parse`](Self::parse) alone.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let header = Header::parse(bytes)?;
        let tensors = records(Section::Tensors, header.tensors, MAX_TENSORS)?;
        let ops = records(Section::Ops, header.ops, MAX_OPS)?;
        let Parts { metadata, thresholds, outputs } = meta::parse(header.metadata)?;
        let endpoint = |index: TensorIndex| match tensors.get(usize::from(index.0)) {
            Some(record) => Ok((index, Tensor::decode(record, index.0)?)),
            None => Err(FormatError::EndpointMissing { tensor: index.0, count: tensors.len() }),
        };
        Ok(Self {
            bytes,
            id: header.id,
            arena_bytes: header.arena_bytes,
            input: endpoint(header.input)?,
            output: endpoint(header.output)?,
            tensors,
            ops,
            constants: header.constants.bytes,
            metadata,
            thresholds,
            signature: header.signature,
            outputs,
        })
    }

    /// Name of the network by its content.
    #[must_use]
    pub fn id(&self) -> ModelId {
        self.id
    }

    /// What the model says about itself.
    #[must_use]
    pub fn metadata(&self) -> Metadata<'a> {
        self.metadata
    }

    /// Measured thresholds, at most 16, in the order of the file.
    pub fn thresholds(&self) -> impl ExactSizeIterator<Item = Threshold> + Clone + use<'a> {
        self.thresholds.iter().map(Threshold::decode)
    }

    /// The cosine that more pairs of two people reach than any other of the table: two faces below it are most likely not of one
    /// person. -1, which all reach, if there is no table.
    #[must_use]
    pub fn loosest_cosine(&self) -> f32 {
        let most = self.thresholds().max_by(|a, b| a.fmr.total_cmp(&b.fmr));
        most.map_or(-1.0, |row| row.cosine)
    }

    /// The signature, if there is one. It says who claims to have signed, and proves nothing until it is verified.
    #[must_use]
    pub fn signature(&self) -> Option<Signature> {
        self.signature.map(Signature::decode)
    }

    /// All tensors, in the order of their indices.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor> + Clone + use<'a> {
        // `parse` has decoded every record, so none is left out here.
        (0..).zip(self.tensors).filter_map(|(index, record)| Tensor::decode(record, index).ok())
    }

    /// One tensor; `None` for an index that no tensor has, which no op of this model names.
    #[must_use]
    pub fn tensor(&self, index: TensorIndex) -> Option<Tensor> {
        Tensor::decode(self.tensors.get(usize::from(index.0))?, index.0).ok()
    }

    /// All ops in the order in which they run.
    pub fn ops(&self) -> impl Iterator<Item = Op<'a>> + Clone + use<'a> {
        // `parse` has decoded every record, so none is left out here.
        let constants = self.constants;
        self.ops.iter().filter_map(move |record| op::decode(&RawOp::decode(record), constants).ok())
    }

    /// One op, counted from 0; `None` from [`op_count`](Self::op_count) on.
    #[must_use]
    pub fn op(&self, index: u16) -> Option<Op<'a>> {
        let record = self.ops.get(usize::from(index))?;
        op::decode(&RawOp::decode(record), self.constants).ok()
    }

    /// The steps of a run, in their order: the ops of each, counted from 0. Most have one; those of a stream run together,
    /// slice by slice, and all but the last of them write a band.
    pub fn steps(&self) -> impl Iterator<Item = Range<u16>> + Clone + use<'a> {
        let view = *self;
        let mut next = 0;
        core::iter::from_fn(move || {
            let first = next;
            while let Some(op) = view.op(next) {
                next = next.saturating_add(1);
                if view.tensor(op.output()).is_none_or(|output| !output.rows.is_band()) {
                    break;
                }
            }
            (first < next).then_some(first..next)
        })
    }

    /// The slices in which the ops of a step run, at least 1 and at most [`MAX_SLICES`](crate::MAX_SLICES): those that make
    /// the output of its last op.
    #[must_use]
    pub fn slices(&self, step: &Range<u16>) -> u16 {
        let last = self.op(step.end.saturating_sub(1));
        last.and_then(|op| self.tensor(op.output())).map_or(1, |output| output.slices())
    }

    /// How many tensors there are, at least 2.
    #[must_use]
    pub fn tensor_count(&self) -> usize {
        self.tensors.len()
    }

    /// How many ops there are, at least 1.
    #[must_use]
    pub fn op_count(&self) -> usize {
        self.ops.len()
    }

    /// Index of the input tensor.
    #[must_use]
    pub fn input_index(&self) -> TensorIndex {
        self.input.0
    }

    /// The tensor that takes the image: int8, three channels.
    #[must_use]
    pub fn input(&self) -> Tensor {
        self.input.1
    }

    /// What the network gives, by name, in the order of the file: the list of a network that has one, else the embedding as
    /// [`EMBEDDING`](crate::EMBEDDING).
    pub fn outputs(&self) -> impl Iterator<Item = NamedOutput<'a>> + Clone + use<'a> {
        let alone = NamedOutput { name: EMBEDDING, tensor: self.output.0 };
        let embedding = self.is_embedding().then_some(alone);
        self.outputs.iter().chain(embedding)
    }

    /// Whether the network gives an embedding, and not a list of other outputs.
    #[must_use]
    pub fn is_embedding(&self) -> bool {
        self.outputs.is_empty()
    }

    /// Index of the output tensor, of several the first.
    #[must_use]
    pub fn output_index(&self) -> TensorIndex {
        self.output.0
    }

    /// The tensor that holds the embedding, or the first of several outputs.
    #[must_use]
    pub fn output(&self) -> Tensor {
        self.output.1
    }

    /// Bytes of memory for all activations.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        to_usize(self.arena_bytes)
    }

    /// Bytes of the constants section: weights, biases, multipliers.
    #[must_use]
    pub fn weights_bytes(&self) -> usize {
        self.constants.len()
    }

    /// Bytes of the file.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The file itself.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Multiply-accumulate operations of one run; padding taps count.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.ops()
            .filter_map(|op| Some(op.macs(self.tensor(op.output())?.shape)))
            .fold(0, u64::saturating_add)
    }

    /// Checks each tensor and op on its own, reserved bytes included.
    fn check_records(&self) -> Result<(), FormatError> {
        for (index, record) in (0..).zip(self.tensors) {
            if let Some(at) = nonzero_in(record, tensor::field::RESERVED, TENSOR_RECORD) {
                return Err(self.reserved(record, at));
            }
            Tensor::decode(record, index)?.check(index, self.arena_bytes)?;
        }
        for (op, record) in (0..).zip(self.ops) {
            if let Some(at) = op::reserved_not_zero(record) {
                return Err(self.reserved(record, at));
            }
            op::decode(&RawOp::decode(record), self.constants)
                .and_then(|op| op::check(&op, self))
                .map_err(|error| FormatError::Op { op, error })?;
        }
        Ok(())
    }

    /// The error for a reserved byte at position `at` of `record`, a part of this file.
    fn reserved(&self, record: &[u8], at: usize) -> FormatError {
        let record = record.as_ptr().addr().saturating_sub(self.bytes.as_ptr().addr());
        FormatError::ReservedNotZero { offset: record.saturating_add(at) }
    }
}

impl fmt::Debug for ModelView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelView")
            .field("id", &self.id)
            .field("name", &self.metadata.name)
            .field("tensors", &self.tensors.len())
            .field("ops", &self.ops.len())
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Cuts a section into its records.
fn records<const R: usize>(
    section: Section,
    SectionBytes { bytes, .. }: SectionBytes<'_>,
    limit: u16,
) -> Result<&[[u8; R]], FormatError> {
    let (records, rest) = bytes.as_chunks::<R>();
    if !rest.is_empty() {
        return Err(FormatError::SectionLength { section, len: bytes.len(), record: R });
    }
    if records.is_empty() || records.len() > usize::from(limit) {
        return Err(FormatError::RecordCount { section, count: records.len(), limit });
    }
    Ok(records)
}
