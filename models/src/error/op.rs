//! Why an op is refused. Which op it is, [`FormatError::Op`](super::FormatError::Op) says.

use super::{Constant, Tag};
use crate::op::{Padding, Window};
use crate::tensor::{ElementType, Shape};

/// What is wrong with one op, or with its use of tensors.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// A tag without meaning in this version.
    #[error("unknown {tag} {found}")]
    UnknownTag {
        /// Which tag.
        tag: Tag,
        /// Its value.
        found: u8,
    },
    /// It names a tensor that does not exist.
    #[error("it names tensor {tensor}, there are {count}")]
    TensorMissing {
        /// The index.
        tensor: u16,
        /// Tensors in the file.
        count: usize,
    },
    /// One tensor has two roles.
    #[error("it uses tensor {tensor} twice")]
    TensorsNotDistinct {
        /// The tensor.
        tensor: u16,
    },
    /// A tensor of the wrong element type for its role.
    #[error("tensor {tensor} holds {found}, its role needs {expected}")]
    ElementType {
        /// The tensor.
        tensor: u16,
        /// What the role needs.
        expected: ElementType,
        /// What the tensor holds.
        found: ElementType,
    },
    /// A field that this kind of op does not use is not zero.
    #[error("a field that this kind of op does not use is not zero")]
    UnusedField,
    /// It writes a tensor which another step writes.
    #[error("it writes tensor {tensor}, which belongs to step {first}")]
    WrittenTwice {
        /// The tensor.
        tensor: u16,
        /// The step that owns the tensor.
        first: u16,
    },
    /// It reads a tensor before it is written.
    #[error("it reads tensor {tensor}, which step {first} writes")]
    ReadBeforeWritten {
        /// The tensor.
        tensor: u16,
        /// The step that writes it.
        first: u16,
    },
    /// It reads a tensor after its stated life.
    #[error("it reads tensor {tensor}, whose last step is {last}")]
    ReadAfterLast {
        /// The tensor.
        tensor: u16,
        /// Its stated last step.
        last: u16,
    },
    /// An op that needs whole tensors reads a band, or writes in slices.
    #[error("it can't run in slices: tensor {tensor} must be whole and made at once")]
    NotInSlices {
        /// The tensor.
        tensor: u16,
    },
    /// A slice needs rows of a band that are not made yet, or given up.
    #[error("slice {slice} needs rows {} to {} of tensor {tensor}, which holds {} to {}",
        needed[0], needed[1], held[0], held[1])]
    RowsNotHeld {
        /// The tensor.
        tensor: u16,
        /// The slice, counted from 0.
        slice: u16,
        /// The first row that the slice needs, and the row after the last.
        needed: [u16; 2],
        /// The first row that is there, and the row after the last.
        held: [u16; 2],
    },
    /// The last slice leaves rows of its output unmade.
    #[error("it makes {made} of {height} rows of tensor {tensor} in {slices} slices")]
    RowsUnmade {
        /// The tensor.
        tensor: u16,
        /// Rows made.
        made: u16,
        /// Rows there are.
        height: u16,
        /// Slices of its step.
        slices: u16,
    },
    /// Kernel or stride of zero.
    #[error("kernel {}x{} with stride {}x{} has a zero",
        window.kernel[0], window.kernel[1], window.stride[0], window.stride[1])]
    WindowEmpty {
        /// Its window.
        window: Window,
    },
    /// Padding not smaller than the kernel: a tap row would see padding alone.
    #[error("padding {padding:?} is not smaller than the kernel {kernel:?}")]
    PaddingTooLarge {
        /// Its padding.
        padding: Padding,
        /// Kernel height and width.
        kernel: [u8; 2],
    },
    /// Kernel larger than the padded input.
    #[error("kernel {kernel:?} is larger than the padded input {padded:?}")]
    KernelTooLarge {
        /// Kernel height and width.
        kernel: [u8; 2],
        /// Padded input height and width.
        padded: [u32; 2],
    },
    /// The output tensor does not have the shape that the op computes.
    #[error("it computes height, width, channels {expected:?}, its output tensor has {found}")]
    OutputShape {
        /// Height, width, channels that the op computes.
        expected: [u32; 3],
        /// Shape of the output tensor.
        found: Shape,
    },
    /// Residual, gate, or input of an add, scaling, lookup or concatenation, of another shape than the output asks for.
    #[error("operand tensor {tensor} has shape {found}, the output asks for {expected}")]
    OperandShape {
        /// The operand.
        tensor: u16,
        /// Shape that the output asks for.
        expected: Shape,
        /// Shape of the operand.
        found: Shape,
    },
    /// A maximum or enlargement whose output means other real values than its input: it stores values as they are.
    #[error(
        "it passes the values of tensor {tensor} on, its output has another scale or zero point"
    )]
    QuantizationChanges {
        /// The input.
        tensor: u16,
    },
    /// A constant that ends after its section.
    #[error("{constant} has {len} bytes from {offset}, the constants end at {section}")]
    ConstantOutside {
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
        "{constant} has {len} bytes from {offset}, it needs alignment {align} and whole elements"
    )]
    ConstantMisaligned {
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
    #[error("{constant} has {found} elements, the shapes demand {expected}")]
    ConstantLength {
        /// Which array.
        constant: Constant,
        /// Elements that the shapes demand.
        expected: u64,
        /// Elements it has.
        found: usize,
    },
    /// A multiplier or scale that is not finite, or beyond [`MAX_MULTIPLIER`](crate::MAX_MULTIPLIER).
    #[error("{constant} {index} is {value}, outside the permitted magnitude")]
    MultiplierRange {
        /// Which array.
        constant: Constant,
        /// Position in it.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A weight of -128; weights are symmetric, -127 to 127.
    #[error("weight {index} is -128, weights go from -127 to 127")]
    WeightRange {
        /// Position in the weights.
        index: usize,
    },
    /// A channel whose sum could leave int32.
    #[error("channel {channel} can sum to magnitude {worst}, beyond int32")]
    AccumulatorRange {
        /// Output channel.
        channel: usize,
        /// |bias| + 128 * sum |weight|; of an average, 255 a pixel.
        worst: u64,
    },
}
