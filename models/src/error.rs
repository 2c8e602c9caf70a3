//! Why a file is not a model: one variant a reason, with the numbers that show it.
//!
//! Nothing here allocates, so that a board can log the reason. Offsets are bytes from the start of the file unless a
//! variant says otherwise; `op` counts from 0, steps count as in [`Tensor`](crate::Tensor).

use core::fmt;

use crate::op::{Padding, Window};
use crate::tensor::{ElementType, Shape};

/// An enum whose values are names for messages.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$value_doc])* $value,)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$value => $word,)*
                })
            }
        }
    };
}

named! {
    /// A part of the file.
    Section {
        /// The tensor records.
        Tensors = "tensors",
        /// The op records.
        Ops = "ops",
        /// Weights, biases and multipliers.
        Constants = "constants",
        /// Input description, thresholds and provenance.
        Metadata = "metadata",
    }
}

named! {
    /// An array that an op keeps in the constants section.
    Constant {
        /// int8 weights.
        Weights = "weights",
        /// int32 biases.
        Bias = "bias",
        /// f32 multipliers, or the scales of a fully connected op that keeps its sums.
        Multiplier = "multiplier",
        /// f32 multipliers of the negative side, or the slopes of an add.
        Negative = "negative multiplier",
        /// The f32 multipliers kept in the op record: of a residual, or of an add's two inputs.
        Operand = "operand multiplier",
    }
}

named! {
    /// A byte that selects one of a few meanings.
    Tag {
        /// Element type of a tensor.
        ElementType = "element type",
        /// Kind of an op.
        OpKind = "op kind",
        /// Activation of an op.
        Activation = "activation",
        /// With or without residual; requantized or sums.
        OpVariant = "op variant",
        /// Colour order of the input.
        ColourOrder = "colour order",
    }
}

named! {
    /// A text of the metadata.
    Text {
        /// Name of the model.
        Name = "name",
        /// Training data.
        Data = "data",
        /// Command that made the model.
        Command = "command",
        /// Source revision that made the model.
        Commit = "commit",
        /// Licence of the weights.
        Licence = "licence",
    }
}

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
    /// A tag without meaning in this version.
    #[error("record {index}: unknown {tag} {found}")]
    UnknownTag {
        /// Which tag.
        tag: Tag,
        /// Tensor or op that holds it, 0 for metadata.
        index: u16,
        /// Its value.
        found: u8,
    },

    // --- tensors and plan ---
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
    /// An op that writes a tensor which another step writes.
    #[error("op {op} writes tensor {tensor}, which belongs to step {first}")]
    WrittenTwice {
        /// The op.
        op: u16,
        /// The tensor.
        tensor: u16,
        /// The step that owns the tensor.
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
    /// An op that reads a tensor before it is written.
    #[error("op {op} reads tensor {tensor}, which step {first} writes")]
    ReadBeforeWritten {
        /// The op.
        op: u16,
        /// The tensor.
        tensor: u16,
        /// The step that writes it.
        first: u16,
    },
    /// An op that reads a tensor after its stated life.
    #[error("op {op} reads tensor {tensor}, whose last step is {last}")]
    ReadAfterLast {
        /// The op.
        op: u16,
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
    /// An op names a tensor that does not exist.
    #[error("op {op} names tensor {tensor}, there are {count}")]
    TensorMissing {
        /// The op.
        op: u16,
        /// The index.
        tensor: u16,
        /// Tensors in the file.
        count: usize,
    },
    /// An op uses one tensor in two roles.
    #[error("op {op} uses tensor {tensor} twice")]
    TensorsNotDistinct {
        /// The op.
        op: u16,
        /// The tensor.
        tensor: u16,
    },
    /// A tensor of the wrong element type for its role.
    #[error("op {op}: tensor {tensor} holds {found}, its role needs {expected}")]
    ElementType {
        /// The op.
        op: u16,
        /// The tensor.
        tensor: u16,
        /// What the role needs.
        expected: ElementType,
        /// What the tensor holds.
        found: ElementType,
    },
    /// A field that this kind of op does not use is not zero.
    #[error("op {op}: a field that this kind of op does not use is not zero")]
    UnusedField {
        /// The op.
        op: u16,
    },
    /// Kernel or stride of zero.
    #[error("op {op}: kernel {}x{} with stride {}x{} has a zero",
        window.kernel[0], window.kernel[1], window.stride[0], window.stride[1])]
    WindowEmpty {
        /// The op.
        op: u16,
        /// Its window.
        window: Window,
    },
    /// Padding not smaller than the kernel: a tap row would see padding alone.
    #[error("op {op}: padding {padding:?} is not smaller than the kernel {kernel:?}")]
    PaddingTooLarge {
        /// The op.
        op: u16,
        /// Its padding.
        padding: Padding,
        /// Kernel height and width.
        kernel: [u8; 2],
    },
    /// Kernel larger than the padded input.
    #[error("op {op}: kernel {kernel:?} is larger than the padded input {padded:?}")]
    KernelTooLarge {
        /// The op.
        op: u16,
        /// Kernel height and width.
        kernel: [u8; 2],
        /// Padded input height and width.
        padded: [u32; 2],
    },
    /// The output tensor does not have the shape that the op computes.
    #[error("op {op} computes height, width, channels {expected:?}, its output tensor has {found}")]
    OutputShape {
        /// The op.
        op: u16,
        /// Height, width, channels that the op computes.
        expected: [u32; 3],
        /// Shape of the output tensor.
        found: Shape,
    },
    /// Residual, or input of an add, of another shape than the output.
    #[error("op {op}: operand tensor {tensor} has shape {found}, the output has {expected}")]
    OperandShape {
        /// The op.
        op: u16,
        /// The operand.
        tensor: u16,
        /// Shape of the output.
        expected: Shape,
        /// Shape of the operand.
        found: Shape,
    },
    /// A constant that ends after its section.
    #[error("op {op}: {constant} has {len} bytes from {offset}, the constants end at {section}")]
    ConstantOutside {
        /// The op.
        op: u16,
        /// Which array.
        constant: Constant,
        /// Offset in the constants section.
        offset: u32,
        /// Length in bytes.
        len: u32,
        /// Length of the constants section.
        section: usize,
    },
    /// A constant whose offset is not aligned, or whose length is not a whole number of elements.
    #[error(
        "op {op}: {constant} has {len} bytes from {offset}, it needs alignment {align} and whole elements"
    )]
    ConstantMisaligned {
        /// The op.
        op: u16,
        /// Which array.
        constant: Constant,
        /// Offset in the constants section.
        offset: u32,
        /// Length in bytes.
        len: u32,
        /// Alignment it needs, in bytes.
        align: u32,
    },
    /// A constant of another length than the shapes demand.
    #[error("op {op}: {constant} has {found} elements, the shapes demand {expected}")]
    ConstantLength {
        /// The op.
        op: u16,
        /// Which array.
        constant: Constant,
        /// Elements that the shapes demand.
        expected: u64,
        /// Elements it has.
        found: usize,
    },
    /// A multiplier or scale that is not finite, or beyond [`MAX_MULTIPLIER`](crate::MAX_MULTIPLIER).
    #[error("op {op}: {constant} {index} is {value}, outside the permitted magnitude")]
    MultiplierRange {
        /// The op.
        op: u16,
        /// Which array.
        constant: Constant,
        /// Position in it.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A weight of -128; weights are symmetric, -127 to 127.
    #[error("op {op}: weight {index} is -128, weights go from -127 to 127")]
    WeightRange {
        /// The op.
        op: u16,
        /// Position in the weights.
        index: usize,
    },
    /// A channel whose sum could leave int32.
    #[error("op {op}: channel {channel} can sum to magnitude {worst}, beyond int32")]
    AccumulatorRange {
        /// The op.
        op: u16,
        /// Output channel.
        channel: usize,
        /// |bias| + 128 * sum |weight|.
        worst: u64,
    },

    // --- metadata ---
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
