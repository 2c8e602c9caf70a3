//! One op: from the model's words to the kernels' numbers.
//!
//! The plan keeps the tensors of an op apart, so each is borrowed from the arena at the same time
//! as the others. Every function here gives `None` where an op does not fit its tensors, which
//! parsing has ruled out.

use core::ops::Range;

use model_format as model;
use model_format::{FullyConnectedResult, ModelView, Op, Tensor};

use crate::kernels::{self, Tier};

/// Where a tensor lies in the arena.
pub(super) fn range(tensor: &Tensor) -> Range<usize> {
    let start = tensor.offset as usize;
    start..start.saturating_add(tensor.byte_len())
}

/// Bytes as int8. It cannot fail; the casts that say so link a panic function, this one does not.
pub(super) fn int8(bytes: &[u8]) -> Option<&[i8]> {
    bytemuck::try_cast_slice(bytes).ok()
}

/// As [`int8`], to be written.
pub(super) fn int8_mut(bytes: &mut [u8]) -> Option<&mut [i8]> {
    bytemuck::try_cast_slice_mut(bytes).ok()
}

/// Runs `op` on the tensors in `arena`, with the tier's instructions.
pub(super) fn run(tier: Tier, model: &ModelView<'_>, op: &Op<'_>, arena: &mut [u8]) -> Option<()> {
    let step = Step { tier, model, arena };
    match op {
        Op::Conv2d(op) => step.convolution(kernels::conv2d, op),
        Op::DepthwiseConv2d(op) => step.convolution(kernels::depthwise_conv2d, &same_fields(op)),
        Op::FullyConnected(op) => step.fully_connected(op),
        Op::Add(op) => step.add(op),
        Op::MaxPool(op) => step.max_pool(op),
        Op::GlobalAveragePool(op) => step.global_average_pool(op),
        Op::ScaleChannels(op) => step.scale_channels(op),
        Op::Lookup(op) => step.lookup(op),
        Op::Concat(op) => step.concat(op),
        Op::Upsample(op) => step.upsample(op),
    }
}

type ConvolutionKernel =
    fn(Tier, &kernels::Convolution<'_>, &mut [i8]) -> Result<(), kernels::LengthError>;

struct Step<'a, 'm> {
    tier: Tier,
    model: &'a ModelView<'m>,
    arena: &'a mut [u8],
}

impl Step<'_, '_> {
    fn convolution(self, kernel: ConvolutionKernel, op: &model::Conv2d<'_>) -> Option<()> {
        let (input, output) = (self.model.tensor(op.input)?, self.model.tensor(op.output)?);
        let mut layer = kernels::Convolution {
            geometry: geometry(&input, &output, op.window),
            input: &[],
            pad_value: input.zero_point,
            weights: op.weights,
            bias: op.bias,
            requantize: requantize(&op.requantize, &output),
            residual: None,
        };
        let Some(residual) = op.residual else {
            let ranges = [range(&input), range(&output)];
            let [input, output] = self.arena.get_disjoint_mut(ranges).ok()?;
            layer.input = int8(input)?;
            return kernel(self.tier, &layer, int8_mut(output)?).ok();
        };
        let added = self.model.tensor(residual.tensor)?;
        let ranges = [range(&input), range(&added), range(&output)];
        let [input, values, output] = self.arena.get_disjoint_mut(ranges).ok()?;
        layer.input = int8(input)?;
        layer.residual = Some(addend(values, &added, residual.multiplier)?);
        kernel(self.tier, &layer, int8_mut(output)?).ok()
    }

    fn fully_connected(self, op: &model::FullyConnected<'_>) -> Option<()> {
        let (input, output) = (self.model.tensor(op.input)?, self.model.tensor(op.output)?);
        let ranges = [range(&input), range(&output)];
        let [bytes, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer =
            kernels::FullyConnected { input: int8(bytes)?, weights: op.weights, bias: op.bias };
        match op.result {
            FullyConnectedResult::Requantized(requantized) => {
                let requantize = requantize(&requantized, &output);
                kernels::fully_connected(self.tier, &layer, &requantize, int8_mut(result)?).ok()
            }
            FullyConnectedResult::Sums { .. } => {
                kernels::fully_connected_sums(self.tier, &layer, result).ok()
            }
        }
    }

    fn add(self, op: &model::Add<'_>) -> Option<()> {
        let ([first, second], [first_multiplier, second_multiplier]) = (op.inputs, op.multipliers);
        let (first, second) = (self.model.tensor(first)?, self.model.tensor(second)?);
        let output = self.model.tensor(op.output)?;
        let ranges = [range(&first), range(&second), range(&output)];
        let [first_values, second_values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::Add {
            channels: output.shape.channels.into(),
            inputs: [
                addend(first_values, &first, first_multiplier)?,
                addend(second_values, &second, second_multiplier)?,
            ],
            activation: activation(op.activation),
            zero_point: output.zero_point,
        };
        kernels::add(&layer, int8_mut(result)?).ok()
    }

    fn max_pool(self, op: &model::MaxPool) -> Option<()> {
        let (input, output) = (self.model.tensor(op.input)?, self.model.tensor(op.output)?);
        let ranges = [range(&input), range(&output)];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let geometry = geometry(&input, &output, op.window);
        let layer = kernels::MaxPool { geometry, input: int8(values)? };
        kernels::max_pool(&layer, int8_mut(result)?).ok()
    }

    fn global_average_pool(self, op: &model::GlobalAveragePool) -> Option<()> {
        let (input, output) = (self.model.tensor(op.input)?, self.model.tensor(op.output)?);
        let ranges = [range(&input), range(&output)];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::GlobalAveragePool {
            input: int8(values)?,
            pixels: usize::from(input.shape.height) * usize::from(input.shape.width),
            input_zero_point: input.zero_point,
            multiplier: op.multiplier,
            zero_point: output.zero_point,
        };
        kernels::global_average_pool(&layer, int8_mut(result)?).ok()
    }

    fn scale_channels(self, op: &model::ScaleChannels<'_>) -> Option<()> {
        let (input, gate) = (self.model.tensor(op.input)?, self.model.tensor(op.gate)?);
        let output = self.model.tensor(op.output)?;
        let ranges = [range(&input), range(&gate), range(&output)];
        let [values, gates, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::ScaleChannels {
            input: int8(values)?,
            input_zero_point: input.zero_point,
            gate: int8(gates)?,
            factors: op.factors,
            zero_point: output.zero_point,
        };
        kernels::scale_channels(&layer, int8_mut(result)?).ok()
    }

    fn lookup(self, op: &model::Lookup<'_>) -> Option<()> {
        let (input, output) = (self.model.tensor(op.input)?, self.model.tensor(op.output)?);
        let ranges = [range(&input), range(&output)];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::Lookup { input: int8(values)?, table: op.table };
        kernels::lookup(&layer, int8_mut(result)?).ok()
    }

    fn concat(self, op: &model::Concat) -> Option<()> {
        let ([first, second], [first_multiplier, second_multiplier]) = (op.inputs, op.multipliers);
        let (first, second) = (self.model.tensor(first)?, self.model.tensor(second)?);
        let output = self.model.tensor(op.output)?;
        let ranges = [range(&first), range(&second), range(&output)];
        let [first_values, second_values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::Concat {
            pixels: usize::from(output.shape.height) * usize::from(output.shape.width),
            channels: [first.shape.channels.into(), second.shape.channels.into()],
            inputs: [
                addend(first_values, &first, first_multiplier)?,
                addend(second_values, &second, second_multiplier)?,
            ],
            zero_point: output.zero_point,
        };
        kernels::concat(&layer, int8_mut(result)?).ok()
    }

    fn upsample(self, op: &model::Upsample) -> Option<()> {
        let (input, output) = (self.model.tensor(op.input)?, self.model.tensor(op.output)?);
        let ranges = [range(&input), range(&output)];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let extent = extent(input.shape);
        let layer = kernels::Upsample { extent, input: int8(values)?, factor: op.factor };
        kernels::upsample(&layer, int8_mut(result)?).ok()
    }
}

/// A depthwise convolution in the fields of the other one; the kernel knows the order of its
/// weights.
fn same_fields<'m>(op: &model::DepthwiseConv2d<'m>) -> model::Conv2d<'m> {
    model::Conv2d {
        input: op.input,
        output: op.output,
        window: op.window,
        weights: op.weights,
        bias: op.bias,
        requantize: op.requantize,
        residual: op.residual,
    }
}

fn geometry(input: &Tensor, output: &Tensor, window: model::Window) -> kernels::Geometry {
    kernels::Geometry {
        input: extent(input.shape),
        output: extent(output.shape),
        window: kernels::Window {
            kernel: window.kernel,
            stride: window.stride,
            top: window.padding.top,
            left: window.padding.left,
        },
    }
}

fn extent(shape: model::Shape) -> kernels::Extent {
    kernels::Extent { height: shape.height, width: shape.width, channels: shape.channels }
}

fn addend<'a>(bytes: &'a [u8], tensor: &Tensor, multiplier: f32) -> Option<kernels::Addend<'a>> {
    Some(kernels::Addend { values: int8(bytes)?, multiplier, zero_point: tensor.zero_point })
}

fn requantize<'a>(from: &model::Requantize<'a>, output: &Tensor) -> kernels::Requantize<'a> {
    kernels::Requantize {
        multiplier: from.multiplier,
        activation: activation(from.activation),
        zero_point: output.zero_point,
    }
}

fn activation(from: model::Activation<'_>) -> kernels::Activation<'_> {
    match from {
        model::Activation::None => kernels::Activation::None,
        model::Activation::Relu => kernels::Activation::Relu,
        model::Activation::Prelu(negative) => kernels::Activation::Prelu(negative),
    }
}
