//! Why a file is not a model: one variant a reason, with the numbers that show it.
//!
//! Nothing here allocates, so that a board can log the reason. Offsets are bytes from the start of the file unless a
//! variant says otherwise; steps count as in [`Tensor`](crate::Tensor). What is wrong with ops has an enum of its own.

mod names;
mod op;

pub use names::{Constant, Section, Tag, Text};
pub use op::OpError;

use crate::rows::Rows;
use crate::tensor::{ElementType, Shape};

/// Why [`ModelView::parse`](crate::ModelView::parse) refuses a file.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    // --- the file ---
    /// The bytes do not start at a multiple of 4.
    #[error("the model starts {past} bytes past a 4-byte boundary; place it at an aligned address")]
    FileMisaligned {
        /// Address modulo 4.
        past: usize,
    },
    /// Too short for header and plan.
    #[error("the file has {found} bytes, header and plan alone take {needed}")]
    TooShort {
        /// Bytes of header and plan.
        needed: usize,
        /// Bytes given.
        found: usize,
    },
    /// Not a model file.
    #[error("the file starts with {found:02x?}, not with the bytes of an .afm model")]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// A version this crate does not read.
    #[error("format version {found}, this build reads version {supported}; export the model again")]
    Version {
        /// Version in the file.
        found: u16,
        /// Version this crate reads.
        supported: u16,
    },
    /// Cut short, or bytes appended.
    #[error("the header states {stated} bytes, the file has {found}")]
    FileLength {
        /// Length in the header.
        stated: u32,
        /// Length of the slice.
        found: usize,
    },
    /// Damaged.
    #[error("checksum {computed:08x}, the header states {stated:08x}: the file is damaged")]
    Checksum {
        /// CRC-32 in the header.
        stated: u32,
        /// CRC-32 of the bytes.
        computed: u32,
    },
    /// A section that starts inside its predecessor.
    #[error("section {section} starts at {offset}, inside what ends at {previous_end}")]
    SectionOverlap {
        /// The later section.
        section: Section,
        /// Where it starts.
        offset: u32,
        /// Where its predecessor ends.
        previous_end: u32,
    },
    /// A section that does not start at a multiple of 64.
    #[error("section {section} starts at {offset}, not at a multiple of 64")]
    SectionMisaligned {
        /// The section.
        section: Section,
        /// Where it starts.
        offset: u32,
    },
    /// A section that ends after the file.
    #[error("section {section} has {len} bytes from {offset}, the file ends at {total}")]
    SectionOutside {
        /// The section.
        section: Section,
        /// Where it starts.
        offset: u32,
        /// Its length in bytes.
        len: u32,
        /// Length of the file.
        total: u32,
    },
    /// A section that is not a whole number of records, or too short for its one record.
    #[error("section {section} has {len} bytes, its records have {record}")]
    SectionLength {
        /// The section.
        section: Section,
        /// Its length in bytes.
        len: usize,
        /// Bytes of a record.
        record: usize,
    },
    /// No record, or more than the format allows.
    #[error("section {section} has {count} records, it may have 1 to {limit}")]
    RecordCount {
        /// The section.
        section: Section,
        /// Records in it.
        count: usize,
        /// The most it may have.
        limit: u16,
    },
    /// A byte between sections, or a reserved byte of a record, that is not zero.
    #[error("reserved byte {offset} is not zero")]
    ReservedNotZero {
        /// Where the byte is in the file.
        offset: usize,
    },

    // --- signature ---
    /// A signature block that is not the last 128 bytes.
    #[error("the signature is stated at {offset}, not at the last 128 of {total} bytes")]
    SignatureNotLast {
        /// Where the plan says that it starts.
        offset: u32,
        /// Length of the file.
        total: u32,
    },
    /// A signature algorithm without meaning in this version.
    #[error("unknown signature algorithm {found}")]
    UnknownSignatureAlgorithm {
        /// Its tag.
        found: u8,
    },

    // --- tensors and plan ---
    /// An element type without meaning in this version.
    #[error("tensor {tensor} has the unknown element type {found}")]
    UnknownElementType {
        /// The tensor.
        tensor: u16,
        /// Its tag.
        found: u8,
    },
    /// A dimension of zero.
    #[error("tensor {tensor} has the empty shape {shape}")]
    ShapeEmpty {
        /// The tensor.
        tensor: u16,
        /// Its shape.
        shape: Shape,
    },
    /// A scale that is not finite and positive.
    #[error("tensor {tensor} has scale {scale}, which is not finite and positive")]
    TensorScale {
        /// The tensor.
        tensor: u16,
        /// Its scale.
        scale: f32,
    },
    /// An int32 tensor at an offset that is not a multiple of 4.
    #[error("int32 tensor {tensor} lies at arena offset {offset}, not at a multiple of 4")]
    TensorMisaligned {
        /// The tensor.
        tensor: u16,
        /// Its arena offset.
        offset: u32,
    },
    /// A tensor that ends after the arena.
    #[error("tensor {tensor} takes {len} bytes from arena offset {offset}, the arena has {arena}")]
    TensorOutsideArena {
        /// The tensor.
        tensor: u16,
        /// Its arena offset.
        offset: u32,
        /// Its length in bytes.
        len: u64,
        /// Length of the arena.
        arena: u32,
    },
    /// A tensor whose rows can't be made or held as it states.
    #[error("tensor {tensor} of {height} rows can't be made or held as {rows:?}")]
    TensorRows {
        /// The tensor.
        tensor: u16,
        /// Its rows.
        height: u16,
        /// What it states of them.
        rows: Rows,
    },
    /// A tensor made in more slices than the format allows.
    #[error("tensor {tensor} is made in {slices} slices, it may be made in {limit}")]
    SliceCount {
        /// The tensor.
        tensor: u16,
        /// Slices that make all of its rows.
        slices: u32,
        /// The most there may be.
        limit: u16,
    },
    /// Model input or output is a band, which never holds all rows, or an input is made in slices.
    #[error("tensor {tensor} is input or output of the model, it must be whole")]
    EndpointInParts {
        /// The tensor.
        tensor: u16,
    },
    /// A band that is stated to outlive the step that makes it.
    #[error("tensor {tensor} is a band of step {first}, it can't last until step {last}")]
    BandOutlivesStep {
        /// The tensor.
        tensor: u16,
        /// Its step.
        first: u16,
        /// Its stated last step.
        last: u16,
    },
    /// Model input or output name a tensor that does not exist.
    #[error("the plan names tensor {tensor} as input or output, there are {count}")]
    EndpointMissing {
        /// The index.
        tensor: u16,
        /// Tensors in the file.
        count: usize,
    },
    /// Model input and output are one tensor.
    #[error("tensor {tensor} is both input and output of the model")]
    EndpointsEqual {
        /// The tensor.
        tensor: u16,
    },
    /// The input tensor is not an int8 image of three channels.
    #[error("the input tensor has {channels} channels of {element}, it must have 3 of int8")]
    InputTensor {
        /// Its channels.
        channels: u16,
        /// Its element type.
        element: ElementType,
    },
    /// A tensor whose `first` does not name the step that writes it.
    #[error("tensor {tensor} states first step {first}, which does not write it")]
    FirstStep {
        /// The tensor.
        tensor: u16,
        /// Its stated first step.
        first: u16,
    },
    /// A tensor whose `last` does not name a step that reads it; also a tensor that nothing reads.
    #[error("tensor {tensor} states last step {last}, which does not read it")]
    LastStep {
        /// The tensor.
        tensor: u16,
        /// Its stated last step.
        last: u16,
    },
    /// Two tensors alive at one step share arena bytes.
    #[error("tensors {first} and {second} live at one step and share arena bytes")]
    ArenaOverlap {
        /// The lower index.
        first: u16,
        /// The higher index.
        second: u16,
    },

    // --- ops ---
    /// An op that cannot run.
    #[error("op {op}: {error}")]
    Op {
        /// The op, counted from 0.
        op: u16,
        /// What is wrong with it.
        error: OpError,
    },

    // --- metadata ---
    /// A colour order without meaning in this version.
    #[error("unknown colour order {found}")]
    UnknownColourOrder {
        /// Its tag.
        found: u8,
    },
    /// Mean not finite, or scale not finite and positive.
    #[error(
        "input channel {channel} has mean {mean} and scale {scale}; both must be finite, the scale positive"
    )]
    InputSpec {
        /// The colour channel, in the model's order.
        channel: usize,
        /// Its mean.
        mean: f32,
        /// Its scale.
        scale: f32,
    },
    /// A landmark that is not finite.
    #[error("landmark {index} is ({x}, {y}), which is not finite")]
    Landmark {
        /// Which of the five.
        index: usize,
        /// Its x in pixels.
        x: f32,
        /// Its y in pixels.
        y: f32,
    },
    /// Embedding length and output channels differ.
    #[error(
        "the metadata states embeddings of {stated}, the output tensor has {channels} channels"
    )]
    EmbeddingLength {
        /// Length in the metadata.
        stated: u16,
        /// Channels of the output tensor.
        channels: u16,
    },
    /// A network with an embedding's length and a list of outputs, or with neither.
    #[error(
        "the metadata states embeddings of {stated} and a list of {outputs} outputs: a network has the one or the other"
    )]
    EmbeddingOrOutputs {
        /// Length in the metadata.
        stated: u16,
        /// Entries of the list.
        outputs: usize,
    },
    /// The list of outputs ends inside an entry.
    #[error("the list of outputs ends inside the entry at byte {at}")]
    OutputCut {
        /// Where the entry starts in the list.
        at: usize,
    },
    /// More outputs than a list may have.
    #[error("{count} outputs, a network may have {limit}")]
    OutputCount {
        /// Entries of the list.
        count: usize,
        /// The most allowed.
        limit: u8,
    },
    /// An output without a name, or with the name or the tensor of an earlier one.
    #[error("output {index} has no name, or the name or tensor of an earlier one")]
    OutputsAlike {
        /// Place in the list.
        index: usize,
    },
    /// The first output of the list is not the one that the plan names.
    #[error("the plan's output is tensor {plan}, the list of outputs begins with tensor {first}")]
    FirstOutput {
        /// The plan's.
        plan: u16,
        /// The list's.
        first: u16,
    },
    /// More thresholds than there are places.
    #[error("{count} thresholds, there are places for {limit}")]
    ThresholdCount {
        /// Count in the metadata.
        count: u8,
        /// Places.
        limit: u8,
    },
    /// A threshold outside fmr in (0, 1), cosine in [-1, 1].
    #[error(
        "threshold {index} is cosine {cosine} at FMR {fmr}; cosine goes from -1 to 1, FMR lies between 0 and 1"
    )]
    Threshold {
        /// Its place.
        index: usize,
        /// Its false match rate.
        fmr: f32,
        /// Its cosine.
        cosine: f32,
    },
    /// The texts do not fill the metadata section exactly.
    #[error("the texts take {stated} bytes, the metadata section has {found} for them")]
    TextLength {
        /// Sum of the stated lengths.
        stated: usize,
        /// Bytes that the section has for them.
        found: usize,
    },
    /// A text that is not UTF-8.
    #[error("the {text} is not UTF-8 after byte {valid}")]
    TextEncoding {
        /// Which text.
        text: Text,
        /// Bytes that are valid.
        valid: usize,
    },
}
