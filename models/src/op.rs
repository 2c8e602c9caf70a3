//! The ops of a network, as an engine sees them: tensors by index, constants as slices of the file.
//!
//! Layouts: activations NHWC; weights of [`Conv2d`] `[out][ky][kx][in]`, of [`DepthwiseConv2d`] `[ky][kx][channel]`, of
//! [`FullyConnected`] `[out][in]` with `in` the flattened height, width, channels. Biases already hold the correction for
//! the input's zero point, so a kernel sums raw `w * x`, and padding counts as `x = zero_point` of the input. Ops without
//! weights subtract zero points themselves.
//! The bytes of a record are in `op/record.rs`, their meaning in `op/decode.rs`, the arithmetic in the engine.

mod check;
mod decode;
mod record;

pub(crate) use check::check;
pub(crate) use decode::decode;
#[cfg(feature = "std")]
pub(crate) use record::{Extent, tag};
pub(crate) use record::{OP_RECORD, RawOp, reserved_not_zero};

use core::ops::Range;

use crate::tensor::{Shape, TensorIndex};

/// Rows and columns of padding on each side of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows above.
    pub top: u8,
    /// Columns to the left.
    pub left: u8,
    /// Rows below.
    pub bottom: u8,
    /// Columns to the right.
    pub right: u8,
}

/// How a kernel slides over its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Kernel height and width, not zero.
    pub kernel: [u8; 2],
    /// Steps down and right, not zero.
    pub stride: [u8; 2],
    /// Padding, on each side smaller than the kernel.
    pub padding: Padding,
}

impl Window {
    /// Height and width of the padded input.
    pub(crate) fn padded(&self, input: Shape) -> [u32; 2] {
        let Padding { top, left, bottom, right } = self.padding;
        let pad = |size: u16, a: u8, b: u8| {
            u32::from(size).saturating_add(u32::from(a)).saturating_add(u32::from(b))
        };
        [pad(input.height, top, bottom), pad(input.width, left, right)]
    }

    /// Height and width of the output, `(input + padding - kernel) / stride + 1` rounded down; `None` if the kernel is
    /// larger than the padded input or a stride is zero.
    #[must_use]
    pub fn output_size(&self, input: Shape) -> Option<[u32; 2]> {
        let [height, width] = self.padded(input);
        let along = |size: u32, kernel: u8, stride: u8| {
            size.checked_sub(u32::from(kernel))?.checked_div(u32::from(stride))?.checked_add(1)
        };
        let ([kernel_h, kernel_w], [stride_h, stride_w]) = (self.kernel, self.stride);
        Some([along(height, kernel_h, stride_h)?, along(width, kernel_w, stride_w)?])
    }

    /// The rows of an input of `height` rows that output rows `output` are made from; padding is none.
    #[must_use]
    pub fn input_rows(&self, output: Range<u16>, height: u16) -> Range<u16> {
        let ([kernel, _], [stride, _], top) = (self.kernel, self.stride, self.padding.top);
        // The first tap's row and that after the last window's last tap, both less the padding.
        let row = |output: u16, taps: u8| {
            let padded =
                u32::from(output).saturating_mul(stride.into()).saturating_add(taps.into());
            let row = padded.saturating_sub(top.into());
            u16::try_from(row).map_or(height, |row| row.min(height))
        };
        row(output.start, 0)..row(output.end.saturating_sub(1), kernel)
    }
}

/// What happens to values below zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<'a> {
    /// Nothing.
    None,
    /// They become zero.
    Relu,
    /// One factor an output channel. In a requantization it is the whole multiplier of the negative side, slope times
    /// multiplier; in [`Add`] it is the slope.
    Prelu(&'a [f32]),
}

/// From an int32 sum to int8: `y = clamp(round_ties_even(f32(sum) * m) + zero_point)` with `m` one of two multipliers
/// of the channel, chosen by the sign of the sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requantize<'a> {
    /// One an output channel, for sums that are not negative (for all sums without activation).
    pub multiplier: &'a [f32],
    /// Multiplier for negative sums: the same, zero, or an own one.
    pub activation: Activation<'a>,
}

/// A tensor of the output's shape that is added after the activation, before rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residual {
    /// The tensor.
    pub tensor: TensorIndex,
    /// Its scale over the output's scale.
    pub multiplier: f32,
}

/// Convolution over all input channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv2d<'a> {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// int8 tensor written.
    pub output: TensorIndex,
    /// Kernel, stride, padding.
    pub window: Window,
    /// `[out][ky][kx][in]`, -127 to 127.
    pub weights: &'a [i8],
    /// One an output channel.
    pub bias: &'a [i32],
    /// From sums to the output.
    pub requantize: Requantize<'a>,
    /// Added to the result.
    pub residual: Option<Residual>,
}

/// Convolution of every channel with its own kernel; output channels equal input channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthwiseConv2d<'a> {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// int8 tensor written.
    pub output: TensorIndex,
    /// Kernel, stride, padding.
    pub window: Window,
    /// `[ky][kx][channel]`, -127 to 127.
    pub weights: &'a [i8],
    /// One a channel.
    pub bias: &'a [i32],
    /// From sums to the output.
    pub requantize: Requantize<'a>,
    /// Added to the result.
    pub residual: Option<Residual>,
}

/// Every output from every input; the output's shape is 1x1xout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FullyConnected<'a> {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// Tensor written: int8, or int32 with [`FullyConnectedResult::Sums`].
    pub output: TensorIndex,
    /// `[out][in]`, -127 to 127.
    pub weights: &'a [i8],
    /// One an output.
    pub bias: &'a [i32],
    /// From sums to the output.
    pub result: FullyConnectedResult<'a>,
}

/// What a fully connected op stores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FullyConnectedResult<'a> {
    /// int8, as a convolution.
    Requantized(Requantize<'a>),
    /// The int32 sums themselves; `real = f32(sum) * scales[c]`.
    Sums {
        /// One an output.
        scales: &'a [f32],
    },
}

/// Sum of two tensors of one shape: `t = (a - zero_a) * m_a + (b - zero_b) * m_b`, then activation by the sign of `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Add<'a> {
    /// int8 tensors read.
    pub inputs: [TensorIndex; 2],
    /// int8 tensor written.
    pub output: TensorIndex,
    /// Scale of each input over the output's scale.
    pub multipliers: [f32; 2],
    /// Slopes for negative `t`.
    pub activation: Activation<'a>,
}

/// The largest stored value under a window, a channel each; output and input share scale and zero point, so values pass as
/// they are. Padding is never the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxPool {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// int8 tensor written.
    pub output: TensorIndex,
    /// Kernel, stride, padding.
    pub window: Window,
}

/// The mean of each channel over the whole image, in 1x1xchannels:
/// `y = clamp(round_ties_even(f32(sum of (x - zero_point)) * multiplier) + zero_point of y)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GlobalAveragePool {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// int8 tensor written, 1x1xchannels.
    pub output: TensorIndex,
    /// The input's scale over the output's scale and the number of pixels.
    pub multiplier: f32,
}

/// Every channel of an image times a factor that a second tensor chooses, as the gate of a squeeze-and-excitation block
/// does: `y = clamp(round_ties_even(f32(x - zero_point) * factors[gate + 128]) + zero_point of y)`. A factor holds whatever
/// function of the gate's value the network asks for, a sigmoid as a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleChannels<'a> {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// int8 tensor of one value a channel, 1x1xchannels.
    pub gate: TensorIndex,
    /// int8 tensor written.
    pub output: TensorIndex,
    /// [`GATE_VALUES`] factors, that of a stored gate value `g` at `g + 128`; the input's scale over the output's included.
    pub factors: &'a [f32],
}

/// Stored values that a gate, or the input of a lookup, can have.
pub const GATE_VALUES: usize = 256;

/// Another stored value for each: `y = table[x + 128]`. Any function of one value, from any scale to any other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lookup<'a> {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// int8 tensor written.
    pub output: TensorIndex,
    /// [`GATE_VALUES`] results, that of a stored value `x` at `x + 128`.
    pub table: &'a [i8],
}

/// The channels of one image, then those of another, each from its own scale to the output's:
/// `y = clamp(round_ties_even(f32(x - zero_point) * multiplier) + zero_point of y)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concat {
    /// int8 tensors read, of equal height and width.
    pub inputs: [TensorIndex; 2],
    /// int8 tensor written, with the channels of both.
    pub output: TensorIndex,
    /// Scale of each input over the output's scale.
    pub multipliers: [f32; 2],
}

/// Every pixel repeated: `y[row][column] = x[row / down][column / right]`. Output and input share scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upsample {
    /// int8 tensor read.
    pub input: TensorIndex,
    /// int8 tensor written.
    pub output: TensorIndex,
    /// Times that each pixel is repeated down and right, not zero.
    pub factor: [u8; 2],
}

/// One step of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is documented at the type it holds")]
pub enum Op<'a> {
    Conv2d(Conv2d<'a>),
    DepthwiseConv2d(DepthwiseConv2d<'a>),
    FullyConnected(FullyConnected<'a>),
    Add(Add<'a>),
    MaxPool(MaxPool),
    GlobalAveragePool(GlobalAveragePool),
    ScaleChannels(ScaleChannels<'a>),
    Lookup(Lookup<'a>),
    Concat(Concat),
    Upsample(Upsample),
}

impl Op<'_> {
    /// The op's name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv2d(_) => "conv2d",
            Self::DepthwiseConv2d(_) => "depthwise_conv2d",
            Self::FullyConnected(_) => "fully_connected",
            Self::Add(_) => "add",
            Self::MaxPool(_) => "max_pool",
            Self::GlobalAveragePool(_) => "global_average_pool",
            Self::ScaleChannels(_) => "scale_channels",
            Self::Lookup(_) => "lookup",
            Self::Concat(_) => "concat",
            Self::Upsample(_) => "upsample",
        }
    }

    /// The tensor it writes.
    #[must_use]
    pub fn output(&self) -> TensorIndex {
        match self {
            Self::Conv2d(op) => op.output,
            Self::DepthwiseConv2d(op) => op.output,
            Self::FullyConnected(op) => op.output,
            Self::Add(op) => op.output,
            Self::MaxPool(op) => op.output,
            Self::GlobalAveragePool(op) => op.output,
            Self::ScaleChannels(op) => op.output,
            Self::Lookup(op) => op.output,
            Self::Concat(op) => op.output,
            Self::Upsample(op) => op.output,
        }
    }

    /// The tensors it reads: the input, and the second input, residual or gate if there is one.
    #[must_use]
    pub fn reads(&self) -> (TensorIndex, Option<TensorIndex>) {
        match self {
            Self::Conv2d(op) => (op.input, op.residual.map(|residual| residual.tensor)),
            Self::DepthwiseConv2d(op) => (op.input, op.residual.map(|residual| residual.tensor)),
            Self::FullyConnected(op) => (op.input, None),
            Self::Add(Add { inputs: [first, second], .. })
            | Self::Concat(Concat { inputs: [first, second], .. }) => (*first, Some(*second)),
            Self::MaxPool(op) => (op.input, None),
            Self::GlobalAveragePool(op) => (op.input, None),
            Self::ScaleChannels(op) => (op.input, Some(op.gate)),
            Self::Lookup(op) => (op.input, None),
            Self::Upsample(op) => (op.input, None),
        }
    }

    /// Whether it can make its output a few rows at a time, from rows of the tensors that it reads; a gate is always whole.
    #[must_use]
    pub fn runs_in_slices(&self) -> bool {
        match self {
            Self::Conv2d(_)
            | Self::DepthwiseConv2d(_)
            | Self::Add(_)
            | Self::MaxPool(_)
            | Self::ScaleChannels(_)
            | Self::Lookup(_)
            | Self::Concat(_) => true,
            Self::FullyConnected(_) | Self::GlobalAveragePool(_) | Self::Upsample(_) => false,
        }
    }

    /// The rows that it reads of its first input of `height` rows to make rows `output`; of a second input, those are the
    /// output's own. It must [run in slices](Self::runs_in_slices).
    #[must_use]
    pub fn input_rows(&self, output: Range<u16>, height: u16) -> Range<u16> {
        self.window().map_or(output.clone(), |window| window.input_rows(output, height))
    }

    /// How it slides over its input, if it does.
    #[must_use]
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Conv2d(Conv2d { window, .. })
            | Self::DepthwiseConv2d(DepthwiseConv2d { window, .. })
            | Self::MaxPool(MaxPool { window, .. }) => Some(window),
            _ => None,
        }
    }

    /// Multiply-accumulate operations, given the shape of its output; padding taps count.
    #[must_use]
    pub fn macs(&self, output: Shape) -> u64 {
        // A convolution uses every weight once an output position.
        let weights = match self {
            Self::Conv2d(op) => op.weights.len(),
            Self::DepthwiseConv2d(op) => op.weights.len(),
            Self::FullyConnected(op) => op.weights.len(),
            Self::Add(_)
            | Self::MaxPool(_)
            | Self::GlobalAveragePool(_)
            | Self::ScaleChannels(_)
            | Self::Lookup(_)
            | Self::Concat(_)
            | Self::Upsample(_) => 0,
        };
        let positions = u64::from(output.height).saturating_mul(u64::from(output.width));
        u64::try_from(weights).unwrap_or(u64::MAX).saturating_mul(positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_size_is_the_count_of_kernel_places() {
        let window = |kernel, stride, [top, left, bottom, right]: [u8; 4]| Window {
            kernel,
            stride,
            padding: Padding { top, left, bottom, right },
        };
        let image = Shape { height: 112, width: 112, channels: 3 };
        assert_eq!(window([3, 3], [2, 2], [1, 1, 1, 1]).output_size(image), Some([56, 56]));
        assert_eq!(window([3, 3], [2, 2], [0, 0, 1, 1]).output_size(image), Some([56, 56]));
        assert_eq!(window([112, 7], [1, 3], [0, 0, 0, 0]).output_size(image), Some([1, 36]));
        assert_eq!(window([113, 1], [1, 1], [0, 0, 0, 0]).output_size(image), None);
        assert_eq!(window([1, 1], [0, 1], [0, 0, 0, 0]).output_size(image), None);
    }

    #[test]
    fn input_rows_are_those_under_the_kernel() {
        let window = |kernel, stride, top| Window {
            kernel: [kernel, 1],
            stride: [stride, 1],
            padding: Padding { top, ..Padding::default() },
        };
        assert_eq!(window(3, 1, 1).input_rows(0..2, 9), 0..3);
        assert_eq!(window(3, 1, 1).input_rows(2..4, 9), 1..5);
        assert_eq!(window(3, 1, 1).input_rows(7..9, 9), 6..9);
        assert_eq!(window(3, 2, 1).input_rows(1..3, 9), 1..6);
        assert_eq!(window(1, 3, 0).input_rows(1..2, 9), 3..4);
        assert_eq!(window(255, 255, 254).input_rows(65_534..65_535, 9), 9..9);
    }
}
