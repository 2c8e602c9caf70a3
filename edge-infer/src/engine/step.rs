//! One op: from the model's words to the kernels' numbers.
//!
//! An op runs on all rows of its tensors or, in a stream, on those of a slice. To the kernels a slice is an image of its
//! own: a few rows of the output, and the rows of the input under their windows, with as much padding above as these lack.
//!
//! The plan keeps the tensors of an op apart, so each is borrowed from the arena at the same time
//! as the others. Every function here gives `None` where an op does not fit its tensors, which
//! parsing has ruled out.

use core::ops::Range;

use model_format as model;
use model_format::{FullyConnectedResult, ModelView, Op, Tensor, TensorIndex};

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

/// Runs slice `slice` of `op` on the tensors in `arena`, with the tier's instructions. Gives where the rows are that it
/// made; `None` inside where the slice makes none.
pub(super) fn run(
    tier: Tier,
    model: &ModelView<'_>,
    op: &Op<'_>,
    slice: u16,
    arena: &mut [u8],
) -> Option<Option<Range<usize>>> {
    let output = model.tensor(op.output())?;
    let rows = output.new_rows(slice);
    if rows.is_empty() {
        return Some(None);
    }
    if output.rows.is_band() {
        give_up(&output, slice, arena)?;
    }
    let output = Part::of(&output, slice, rows)?;
    let made = output.bytes.clone();
    let step = Step { tier, model, slice, output, arena };
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
    }?;
    Some(Some(made))
}

/// Moves a band's rows down over the oldest, to make room for those of the slice.
fn give_up(band: &Tensor, slice: u16, arena: &mut [u8]) -> Option<()> {
    let before = slice.checked_sub(1).map_or(0..0, |slice| band.rows_in_arena(slice));
    let first = band.rows_in_arena(slice).start;
    let row = row_len(band);
    let (by, mut kept) = (
        usize::from(first - before.start) * row,
        usize::from(before.end.saturating_sub(first)) * row,
    );
    let mut rest = arena.get_mut(range(band))?;
    // Pieces as long as the way they go, so that none is written before it is read.
    while by > 0 && kept > 0 {
        let (to, from) = rest.split_at_mut_checked(by)?;
        let piece = kept.min(by);
        to.iter_mut().zip(from.get(..piece)?).for_each(|(to, from)| *to = *from);
        kept -= piece;
        rest = from;
    }
    Some(())
}

/// Bytes of a row.
fn row_len(tensor: &Tensor) -> usize {
    usize::from(tensor.shape.width)
        .saturating_mul(tensor.shape.channels.into())
        .saturating_mul(tensor.element.size())
}

/// Some rows of a tensor.
struct Part {
    tensor: Tensor,
    rows: Range<u16>,
    /// Where they lie in the arena.
    bytes: Range<usize>,
}

impl Part {
    fn of(tensor: &Tensor, slice: u16, rows: Range<u16>) -> Option<Self> {
        let row = row_len(tensor);
        let skipped = rows.start.checked_sub(tensor.rows_in_arena(slice).start)?;
        let start =
            (tensor.offset as usize).saturating_add(usize::from(skipped).saturating_mul(row));
        let len = rows.len().saturating_mul(row);
        Some(Self { tensor: *tensor, rows, bytes: start..start.saturating_add(len) })
    }

    fn extent(&self) -> kernels::Extent {
        let model::Shape { width, channels, .. } = self.tensor.shape;
        kernels::Extent { height: self.rows.end.saturating_sub(self.rows.start), width, channels }
    }

    fn pixels(&self) -> usize {
        self.rows.len() * usize::from(self.tensor.shape.width)
    }

    /// Its `bytes`, as one side of a sum.
    fn addend<'a>(&self, bytes: &'a [u8], multiplier: f32) -> Option<kernels::Addend<'a>> {
        Some(kernels::Addend {
            values: int8(bytes)?,
            multiplier,
            zero_point: self.tensor.zero_point,
        })
    }
}

type ConvolutionKernel =
    fn(Tier, &kernels::Convolution<'_>, &mut [i8]) -> Result<(), kernels::LengthError>;

struct Step<'a, 'm> {
    tier: Tier,
    model: &'a ModelView<'m>,
    slice: u16,
    /// The rows to be made.
    output: Part,
    arena: &'a mut [u8],
}

impl Step<'_, '_> {
    /// All rows of a tensor.
    fn whole(&self, index: TensorIndex) -> Option<Part> {
        let tensor = self.model.tensor(index)?;
        Part::of(&tensor, self.slice, 0..tensor.shape.height)
    }

    /// The rows of a tensor that the output's rows are made from one by one.
    fn alike(&self, index: TensorIndex) -> Option<Part> {
        Part::of(&self.model.tensor(index)?, self.slice, self.output.rows.clone())
    }

    /// The rows of a tensor under the windows of the output's rows, and how the windows lie on them.
    fn under(
        &self,
        index: TensorIndex,
        window: model::Window,
    ) -> Option<(Part, kernels::Geometry)> {
        let tensor = self.model.tensor(index)?;
        let rows = window.input_rows(self.output.rows.clone(), tensor.shape.height);
        let input = Part::of(&tensor, self.slice, rows)?;
        // Rows of padding above, that the first window still has.
        let first = usize::from(self.output.rows.start) * usize::from(window.stride[0]);
        let top = usize::from(window.padding.top) + usize::from(input.rows.start);
        let window = kernels::Window {
            kernel: window.kernel,
            stride: window.stride,
            top: u8::try_from(top.checked_sub(first)?).ok()?,
            left: window.padding.left,
        };
        let (input_extent, output) = (input.extent(), self.output.extent());
        Some((input, kernels::Geometry { input: input_extent, output, window }))
    }

    fn convolution(self, kernel: ConvolutionKernel, op: &model::Conv2d<'_>) -> Option<()> {
        let (input, geometry) = self.under(op.input, op.window)?;
        let mut layer = kernels::Convolution {
            geometry,
            input: &[],
            pad_value: input.tensor.zero_point,
            weights: op.weights,
            bias: op.bias,
            requantize: requantize(&op.requantize, &self.output.tensor),
            residual: None,
        };
        let Some(residual) = op.residual else {
            let ranges = [input.bytes, self.output.bytes];
            let [input, output] = self.arena.get_disjoint_mut(ranges).ok()?;
            layer.input = int8(input)?;
            return kernel(self.tier, &layer, int8_mut(output)?).ok();
        };
        let added = self.alike(residual.tensor)?;
        let ranges = [input.bytes, added.bytes.clone(), self.output.bytes];
        let [input, values, output] = self.arena.get_disjoint_mut(ranges).ok()?;
        layer.input = int8(input)?;
        layer.residual = Some(added.addend(values, residual.multiplier)?);
        kernel(self.tier, &layer, int8_mut(output)?).ok()
    }

    fn fully_connected(self, op: &model::FullyConnected<'_>) -> Option<()> {
        let input = self.whole(op.input)?;
        let ranges = [input.bytes, self.output.bytes];
        let [bytes, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer =
            kernels::FullyConnected { input: int8(bytes)?, weights: op.weights, bias: op.bias };
        match op.result {
            FullyConnectedResult::Requantized(requantized) => {
                let requantize = requantize(&requantized, &self.output.tensor);
                kernels::fully_connected(self.tier, &layer, &requantize, int8_mut(result)?).ok()
            }
            FullyConnectedResult::Sums { .. } => {
                kernels::fully_connected_sums(self.tier, &layer, result).ok()
            }
        }
    }

    fn add(self, op: &model::Add<'_>) -> Option<()> {
        let ([first, second], [first_multiplier, second_multiplier]) = (op.inputs, op.multipliers);
        let (first, second) = (self.alike(first)?, self.alike(second)?);
        let ranges = [first.bytes.clone(), second.bytes.clone(), self.output.bytes];
        let [first_values, second_values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let output = self.output.tensor;
        let layer = kernels::Add {
            channels: output.shape.channels.into(),
            inputs: [
                first.addend(first_values, first_multiplier)?,
                second.addend(second_values, second_multiplier)?,
            ],
            activation: activation(op.activation),
            zero_point: output.zero_point,
        };
        kernels::add(self.tier, &layer, int8_mut(result)?).ok()
    }

    fn max_pool(self, op: &model::MaxPool) -> Option<()> {
        let (input, geometry) = self.under(op.input, op.window)?;
        let ranges = [input.bytes, self.output.bytes];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::MaxPool { geometry, input: int8(values)? };
        kernels::max_pool(self.tier, &layer, int8_mut(result)?).ok()
    }

    fn global_average_pool(self, op: &model::GlobalAveragePool) -> Option<()> {
        let input = self.whole(op.input)?;
        let ranges = [input.bytes.clone(), self.output.bytes];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::GlobalAveragePool {
            input: int8(values)?,
            pixels: input.pixels(),
            input_zero_point: input.tensor.zero_point,
            multiplier: op.multiplier,
            zero_point: self.output.tensor.zero_point,
        };
        kernels::global_average_pool(self.tier, &layer, int8_mut(result)?).ok()
    }

    fn scale_channels(self, op: &model::ScaleChannels<'_>) -> Option<()> {
        let (input, gate) = (self.alike(op.input)?, self.whole(op.gate)?);
        let ranges = [input.bytes, gate.bytes, self.output.bytes];
        let [values, gates, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::ScaleChannels {
            input: int8(values)?,
            input_zero_point: input.tensor.zero_point,
            gate: int8(gates)?,
            factors: op.factors,
            zero_point: self.output.tensor.zero_point,
        };
        kernels::scale_channels(self.tier, &layer, int8_mut(result)?).ok()
    }

    fn lookup(self, op: &model::Lookup<'_>) -> Option<()> {
        let ranges = [self.alike(op.input)?.bytes, self.output.bytes];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::Lookup { input: int8(values)?, table: op.table };
        kernels::lookup(&layer, int8_mut(result)?).ok()
    }

    fn concat(self, op: &model::Concat) -> Option<()> {
        let ([first, second], [first_multiplier, second_multiplier]) = (op.inputs, op.multipliers);
        let (first, second) = (self.alike(first)?, self.alike(second)?);
        let ranges = [first.bytes.clone(), second.bytes.clone(), self.output.bytes.clone()];
        let [first_values, second_values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
        let layer = kernels::Concat {
            pixels: self.output.pixels(),
            channels: [first.tensor.shape.channels.into(), second.tensor.shape.channels.into()],
            inputs: [
                first.addend(first_values, first_multiplier)?,
                second.addend(second_values, second_multiplier)?,
            ],
            zero_point: self.output.tensor.zero_point,
        };
        kernels::concat(self.tier, &layer, int8_mut(result)?).ok()
    }

    fn upsample(self, op: &model::Upsample) -> Option<()> {
        let input = self.whole(op.input)?;
        let extent = input.extent();
        let ranges = [input.bytes, self.output.bytes];
        let [values, result] = self.arena.get_disjoint_mut(ranges).ok()?;
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
