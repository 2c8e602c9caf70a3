//! The ops of a model file on tensors that can learn: whole numbers in f32, each a distance from its tensor's zero point.
//!
//! | op | here |
//! | --- | --- |
//! | convolutions, dense layer | exact sums, then [`requantize`] |
//! | mean of all pixels | exact sums, then [`requantize`] |
//! | sum, channel scaling, concatenation | products and sums in the engine's order, then [`stepped`] |
//! | lookup | the table, with the slope between its entries as gradient |
//! | maximum, enlargement | itself |
//!
//! Sums of whole numbers are exact in f32 up to 2^24, which a network's real sums keep far below, whatever their bounds; then
//! every tensor is the engine's to the bit.

use super::super::QuantizeError;
use super::super::ptq;
use super::adam::Learned;
use crate::net::{ConvKind, Filters, Window, convolution, enlarged, maximum, requantize, windowed};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use model_format::writer::{
    ActivationSpec, ConvSpec, FullyConnectedResultSpec, ModelBuilder, OpSpec, RequantizeSpec,
};
use model_format::{ColourOrder, ElementType, Padding, Shape, TensorIndex};

/// A weight's largest magnitude.
const MAX_WEIGHT: f32 = 127.0;

/// A bias's largest magnitude in units of the sum: what `ptq` gives one at most.
const MAX_BIAS: f32 = (1 << 30) as f32;

/// A multiplier moves by this share of itself where a weight moves by a step.
const MULTIPLIER_UNIT: f32 = 0.01;

/// Biases move by this many units of a sum that is kept, where a weight moves by a step: about what a step of a weight does.
const KEPT_BIAS_UNIT: f32 = 64.0;

/// The numbers of a network that learn.
pub(super) struct Learner {
    /// One an op; none where an op has no weights.
    numbers: Vec<Option<Numbers>>,
    device: Device,
}

/// Those of one op.
struct Numbers {
    /// Output channels.
    outs: usize,
    /// In steps, laid out as in the file.
    weights: Learned,
    /// In units of the sum, without the part of the input's zero point.
    bias: Learned,
    /// Of a kept sum, its scales.
    positive: Learned,
    /// Only where a PReLU makes it another.
    negative: Option<Learned>,
}

/// What an op with weights reads, and what it does with its sums.
struct Linear<'m> {
    input: TensorIndex,
    weights: &'m [i8],
    bias: &'m [i32],
    requantize: Option<&'m RequantizeSpec>,
    /// Multipliers, or the scales of kept sums.
    positive: &'m [f32],
    /// Whether weights lie `[tap][channel]` rather than `[out][..]`.
    depthwise: bool,
}

impl<'m> Linear<'m> {
    fn of(op: &'m OpSpec) -> Option<Self> {
        let conv = |spec: &'m ConvSpec, depthwise| Self {
            input: spec.input,
            weights: &spec.weights,
            bias: &spec.bias,
            requantize: Some(&spec.requantize),
            positive: &spec.requantize.multiplier,
            depthwise,
        };
        match op {
            OpSpec::Conv2d(spec) => Some(conv(spec, false)),
            OpSpec::DepthwiseConv2d(spec) => Some(conv(spec, true)),
            OpSpec::FullyConnected(spec) => {
                let (requantize, positive) = match &spec.result {
                    FullyConnectedResultSpec::Requantized(r) => (Some(r), &r.multiplier),
                    FullyConnectedResultSpec::Sums { scales } => (None, scales),
                };
                Some(Self {
                    input: spec.input,
                    weights: &spec.weights,
                    bias: &spec.bias,
                    requantize,
                    positive,
                    depthwise: false,
                })
            }
            _ => None,
        }
    }

    /// The weights of each output channel added up.
    fn totals(&self, weights: &[i8]) -> Vec<i64> {
        let outs = self.bias.len();
        let depth = weights.len() / outs;
        let weight = |out: usize, i: usize| match self.depthwise {
            true => weights[i * outs + out],
            false => weights[out * depth + i],
        };
        (0..outs).map(|out| (0..depth).map(|i| i64::from(weight(out, i))).sum()).collect()
    }
}

impl Numbers {
    fn of(linear: &Linear<'_>, zero_point: i8, device: &Device) -> Self {
        let learned = |values: &[f32], units: &[f32]| Learned::new(values, units, device);
        let weights: Vec<f32> = linear.weights.iter().map(|&w| f32::from(w)).collect();
        let totals = linear.totals(linear.weights);
        // What the zero point takes off is put back: inputs are distances from it here.
        let bias = linear.bias.iter().zip(totals);
        let bias: Vec<f32> =
            bias.map(|(&b, total)| (i64::from(b) + i64::from(zero_point) * total) as f32).collect();
        let shares: Vec<f32> = linear.positive.iter().map(|m| MULTIPLIER_UNIT * m.abs()).collect();
        let bias_unit = |m: &f32| match linear.requantize {
            // A step of the output.
            Some(_) => (1.0 / m.abs()).min(MAX_BIAS),
            None => KEPT_BIAS_UNIT,
        };
        let bias_units: Vec<f32> = linear.positive.iter().map(bias_unit).collect();
        let negative = linear.requantize.and_then(|r| match &r.activation {
            ActivationSpec::Prelu(negative) => Some(learned(negative, &shares)),
            _ => None,
        });
        Self {
            outs: bias.len(),
            weights: learned(&weights, &vec![1.0; weights.len()]),
            bias: learned(&bias, &bias_units),
            positive: learned(linear.positive, &shares),
            negative,
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Learned> {
        [&mut self.weights, &mut self.bias, &mut self.positive]
            .into_iter()
            .chain(&mut self.negative)
    }

    /// Weights as they are rounded, in rows.
    fn weights(&self, rows: usize, columns: usize) -> Tensor<2> {
        self.weights.rounded(-MAX_WEIGHT, MAX_WEIGHT).reshape([rows, columns])
    }

    fn bias(&self) -> Tensor<1> {
        self.bias.rounded(-MAX_BIAS, MAX_BIAS)
    }
}

impl Learner {
    /// The numbers of a network, on a device that differentiates.
    pub(super) fn new(model: &ModelBuilder, device: &Device) -> Self {
        let numbers = |op: &OpSpec| {
            let linear = Linear::of(op)?;
            let zero_point = tensor(model, linear.input).zero_point;
            Some(Numbers::of(&linear, zero_point, device))
        };
        Self { numbers: model.ops.iter().map(numbers).collect(), device: device.clone() }
    }

    /// Embeddings `[batch, length]` of RGB images of the network's size.
    pub(super) fn forward(&self, model: &ModelBuilder, images: &[Vec<u8>]) -> Tensor<2> {
        let mut tensors: Vec<Option<Tensor<4>>> = vec![None; model.tensors.len()];
        tensors[usize::from(model.input.0)] = Some(self.image(model, images));
        for (op, numbers) in model.ops.iter().zip(&self.numbers) {
            let read = |index: TensorIndex| -> Tensor<4> {
                let value = tensors[usize::from(index.0)].clone();
                value.expect("an op reads what earlier ones wrote")
            };
            let (output, value) = match op {
                OpSpec::Conv2d(spec) | OpSpec::DepthwiseConv2d(spec) => {
                    let numbers = numbers.as_ref().expect("convolutions have weights");
                    let (x, window) = (read(spec.input), window(&spec.window));
                    let taps = window.kernel[0] * window.kernel[1];
                    let (weights, filters) = match op {
                        OpSpec::Conv2d(_) => {
                            let columns = taps * x.dims()[3];
                            (numbers.weights(numbers.outs, columns), Filters::Grouped(1))
                        }
                        _ => (numbers.weights(taps, numbers.outs), Filters::Depthwise),
                    };
                    let sums = windowed(x, weights, window, filters);
                    let residual = spec.residual.map(|r| (read(r.tensor), r.multiplier));
                    let range = range(model, spec.output);
                    let value = self.requantized(sums, numbers, &spec.requantize, residual, range);
                    (spec.output, value)
                }
                OpSpec::FullyConnected(spec) => {
                    let numbers = numbers.as_ref().expect("dense layers have weights");
                    let x = read(spec.input);
                    let [batch, height, width, channels] = x.dims();
                    let inputs = height * width * channels;
                    let weights = numbers.weights(spec.bias.len(), inputs);
                    let x = x.reshape([batch, 1, 1, inputs]);
                    let sums = convolution(x, weights, ConvKind::Pointwise);
                    let value = match &spec.result {
                        FullyConnectedResultSpec::Requantized(r) => {
                            self.requantized(sums, numbers, r, None, range(model, spec.output))
                        }
                        FullyConnectedResultSpec::Sums { .. } => {
                            (sums + numbers.bias().unsqueeze())
                                * numbers.positive.value().unsqueeze()
                        }
                    };
                    (spec.output, value)
                }
                OpSpec::Add(spec) => {
                    let [a, b] = spec.inputs.map(read);
                    let [a_steps, b_steps] = spec.multipliers;
                    let t = a.mul_scalar(a_steps) + b.mul_scalar(b_steps);
                    let t = match &spec.activation {
                        ActivationSpec::None => t,
                        ActivationSpec::Relu => t.clamp_min(0.0),
                        ActivationSpec::Prelu(slopes) => {
                            let slopes = self.row(slopes).unsqueeze();
                            t.clone().clamp_min(0.0) + t.clamp_max(0.0) * slopes
                        }
                    };
                    (spec.output, stepped(t, range(model, spec.output)))
                }
                OpSpec::MaxPool(spec) => {
                    (spec.output, maximum(read(spec.input), window(&spec.window)))
                }
                OpSpec::GlobalAveragePool(spec) => {
                    let x = read(spec.input);
                    let channels = x.dims()[3];
                    let row = |value| Tensor::<1>::full([channels], value, &self.device);
                    let sums = x.sum_dim(1).sum_dim(2);
                    let multipliers = [row(spec.multiplier), row(spec.multiplier)];
                    let range = range(model, spec.output);
                    (spec.output, requantize(sums, row(0.0), multipliers, None, range))
                }
                OpSpec::Lookup(spec) => {
                    let zero = f32::from(tensor(model, spec.input).zero_point) + 128.0;
                    let to = f32::from(tensor(model, spec.output).zero_point);
                    let table: Vec<f32> = spec.table.iter().map(|&y| f32::from(y) - to).collect();
                    (spec.output, self.looked_up(read(spec.input), zero, &table))
                }
                OpSpec::Concat(spec) => {
                    let range = range(model, spec.output);
                    let [a, b] = spec.inputs.map(read);
                    let [a_steps, b_steps] = spec.multipliers;
                    let parts = [(a, a_steps), (b, b_steps)];
                    let parts = parts.map(|(x, steps)| stepped(x.mul_scalar(steps), range));
                    (spec.output, Tensor::cat(parts.into(), 3))
                }
                OpSpec::Upsample(spec) => {
                    (spec.output, enlarged(read(spec.input), spec.factor.map(usize::from)))
                }
                OpSpec::ScaleChannels(spec) => {
                    let zero = f32::from(tensor(model, spec.gate).zero_point) + 128.0;
                    let gate = self.looked_up(read(spec.gate), zero, &spec.factors);
                    let value = stepped(read(spec.input) * gate, range(model, spec.output));
                    (spec.output, value)
                }
            };
            tensors[usize::from(output.0)] = Some(value);
        }
        let embedding = tensors[usize::from(model.output.0)].take();
        let embedding = embedding.expect("some op writes the output");
        let [batch, height, width, channels] = embedding.dims();
        let flat = embedding.reshape([batch, height * width * channels]);
        match tensor(model, model.output).element {
            ElementType::I8 => flat.mul_scalar(tensor(model, model.output).scale),
            _ => flat,
        }
    }

    /// A step along the gradients of a loss.
    pub(super) fn move_along(&mut self, gradients: &mut Gradients, rate: f64) {
        for learned in self.numbers.iter_mut().flatten().flat_map(Numbers::all) {
            learned.step(gradients, rate);
        }
    }

    /// Puts what was learned into the model.
    ///
    /// # Errors
    /// [`QuantizeError::Overflow`], or [`QuantizeError::Multiplier`] where one has become no number.
    pub(super) fn write(
        self,
        model: &mut ModelBuilder,
        names: &[&str],
    ) -> Result<(), QuantizeError> {
        let zero_points: Vec<i8> = model.tensors.iter().map(|t| t.zero_point).collect();
        for ((op, numbers), name) in model.ops.iter_mut().zip(&self.numbers).zip(names) {
            let (Some(numbers), Some(linear)) = (numbers, Linear::of(op)) else { continue };
            let weights = host(numbers.weights(1, linear.weights.len()));
            let weights: Vec<i8> = weights.iter().map(|&w| w as i8).collect();
            let zero_point = zero_points[usize::from(linear.input.0)];
            let totals = linear.totals(&weights);
            let magnitudes: Vec<i8> = weights.iter().map(|w| w.abs()).collect();
            let magnitudes = linear.totals(&magnitudes);
            let units = host(numbers.bias());
            let bias = (0..units.len()).map(|c| {
                ptq::stored_bias(name, c, units[c] as i64, zero_point, totals[c], magnitudes[c])
            });
            let bias = bias.collect::<Result<Vec<i32>, _>>()?;
            let multipliers = |learned: &Learned| {
                let numbers: Vec<f64> = learned.numbers().iter().map(|&m| f64::from(m)).collect();
                ptq::multipliers(name, &numbers, 1.0)
            };
            let positive = multipliers(&numbers.positive)?;
            let negative = numbers.negative.as_ref().map(multipliers).transpose()?;
            match op {
                OpSpec::Conv2d(spec) | OpSpec::DepthwiseConv2d(spec) => {
                    (spec.weights, spec.bias) = (weights, bias);
                    put(&mut spec.requantize, positive, negative);
                }
                OpSpec::FullyConnected(spec) => {
                    (spec.weights, spec.bias) = (weights, bias);
                    match &mut spec.result {
                        FullyConnectedResultSpec::Requantized(r) => put(r, positive, negative),
                        FullyConnectedResultSpec::Sums { scales } => *scales = positive,
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Pixels as distances from the image's zero point, in the network's order of colours.
    fn image(&self, model: &ModelBuilder, images: &[Vec<u8>]) -> Tensor<4> {
        let Shape { height, width, .. } = tensor(model, model.input).shape;
        let zero = 128.0 + f32::from(tensor(model, model.input).zero_point);
        let pixels: Vec<f32> = images.iter().flatten().map(|&p| f32::from(p) - zero).collect();
        let shape = [images.len(), height.into(), width.into(), 3];
        let x: Tensor<4> = Tensor::from_data(TensorData::new(pixels, shape), &self.device);
        match model.metadata.input.colour {
            ColourOrder::Rgb => x,
            ColourOrder::Bgr => x.flip([3]),
        }
    }

    fn requantized(
        &self,
        sums: Tensor<4>,
        numbers: &Numbers,
        spec: &RequantizeSpec,
        residual: Option<(Tensor<4>, f32)>,
        range: [f32; 2],
    ) -> Tensor<4> {
        let positive = numbers.positive.value();
        let negative = match (&numbers.negative, &spec.activation) {
            (Some(negative), _) => negative.value(),
            (None, ActivationSpec::Relu) => positive.zeros_like(),
            (None, _) => positive.clone(),
        };
        requantize(sums, numbers.bias(), [positive, negative], residual, range)
    }

    /// The table's entry of each value of a gate; its gradient is the slope between the entry's neighbours.
    fn looked_up(&self, gate: Tensor<4>, zero: f32, table: &[f32]) -> Tensor<4> {
        let shape = gate.dims();
        let last = table.len() - 1;
        let slope = |i: usize| {
            let (before, behind) = (i.saturating_sub(1), (i + 1).min(last));
            (table[behind] - table[before]) / (behind - before) as f32
        };
        let slopes: Vec<f32> = (0..=last).map(slope).collect();
        let fixed = gate.clone().detach();
        let place: Tensor<1, Int> = fixed.clone().add_scalar(zero).reshape([-1]).int();
        let entry = |table: &[f32]| self.row(table).select(0, place.clone()).reshape(shape);
        entry(table) + entry(&slopes) * (gate - fixed)
    }

    fn row(&self, numbers: &[f32]) -> Tensor<1> {
        Tensor::from_floats(numbers, &self.device)
    }
}

fn put(spec: &mut RequantizeSpec, positive: Vec<f32>, negative: Option<Vec<f32>>) {
    spec.multiplier = positive;
    if let Some(negative) = negative {
        spec.activation = ActivationSpec::Prelu(negative);
    }
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("the network computes in f32")
}

fn tensor(model: &ModelBuilder, index: TensorIndex) -> &model_format::Tensor {
    &model.tensors[usize::from(index.0)]
}

/// Least and greatest distance from a tensor's zero point.
fn range(model: &ModelBuilder, index: TensorIndex) -> [f32; 2] {
    let zero = f32::from(tensor(model, index).zero_point);
    [-128.0 - zero, 127.0 - zero]
}

/// `t` in whole steps within limits; the gradient passes the rounding by.
fn stepped(t: Tensor<4>, [low, high]: [f32; 2]) -> Tensor<4> {
    let t = t.clamp(low, high);
    t.clone() + (t.clone().detach().round() - t.detach())
}

/// Where a window of the file stands and how it moves.
fn window(window: &model_format::Window) -> Window {
    let Padding { top, left, bottom, right } = window.padding;
    Window {
        kernel: window.kernel.map(usize::from),
        stride: window.stride.map(usize::from),
        padding: [top, left, bottom, right].map(usize::from),
    }
}
