//! Valid models by construction: a chain of arbitrary ops, each reading the tensor before it, with additions and
//! residuals and gates from further back, placed first-fit in the arena.

use arbitrary::{Result, Unstructured};
use model_format::writer::{
    ActivationSpec, AddSpec, ConvSpec, FullyConnectedResultSpec, FullyConnectedSpec, LookupSpec,
    MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec, ScaleChannelsSpec,
};
use model_format::{
    ColourOrder, Concat, ElementType, GATE_VALUES, GlobalAveragePool, InputSpec, MaxPool, Padding,
    Residual, Rows, Shape, Tensor, TensorIndex, Threshold, Upsample, Window,
};

/// A small valid model: 1 to 12 ops on an image of at most 9x9.
///
/// # Errors
/// When `input` runs out of bytes.
pub fn arbitrary(input: &mut Unstructured<'_>) -> Result<ModelBuilder> {
    let mut chain = Chain { tensors: Vec::new(), ops: Vec::new() };
    let (height, width) = (input.int_in_range(1..=9)?, input.int_in_range(1..=9)?);
    chain.push_tensor(input, Shape { height, width, channels: 3 }, ElementType::I8)?;
    for _ in 0..input.int_in_range(0..=5)? {
        chain.push_op(input)?;
    }
    chain.push_last(input)?;
    let outputs = chain.outputs(input)?;
    chain.set_lives(&outputs);
    let arena_bytes = place(&mut chain.tensors);
    let output = chain.newest();
    let channels = chain.tensors[usize::from(output.0)].shape.channels;
    Ok(ModelBuilder {
        metadata: metadata(input, if outputs.is_empty() { channels } else { 0 })?,
        thresholds: (0..input.int_in_range(0..=16)?)
            .map(|i| Threshold { fmr: 0.5 / f32::from(i + 1_u8), cosine: f32::from(i) / 16.0 })
            .collect(),
        tensors: chain.tensors,
        ops: chain.ops,
        input: TensorIndex(0),
        output,
        outputs,
        arena_bytes,
    })
}

struct Chain {
    tensors: Vec<Tensor>,
    ops: Vec<OpSpec>,
}

impl Chain {
    fn newest(&self) -> TensorIndex {
        TensorIndex(u16::try_from(self.tensors.len() - 1).expect("a chain has at most 14 tensors"))
    }

    fn shape(&self, index: TensorIndex) -> Shape {
        self.tensors[usize::from(index.0)].shape
    }

    fn push_tensor(
        &mut self,
        input: &mut Unstructured<'_>,
        shape: Shape,
        element: ElementType,
    ) -> Result<TensorIndex> {
        let zero_point = input.arbitrary()?;
        let scale = f32::from(input.int_in_range(1..=255_u8)?) / 1024.0;
        let (offset, first, last, rows) = (0, 0, 0, Rows::ALL);
        self.tensors.push(Tensor { shape, element, scale, zero_point, offset, first, last, rows });
        Ok(self.newest())
    }

    /// Another tensor than the newest, of shape `shape`, if there is one and the input wants one.
    fn earlier(&self, input: &mut Unstructured<'_>, shape: Shape) -> Result<Option<TensorIndex>> {
        let same: Vec<u16> =
            (0..self.newest().0).filter(|&i| self.shape(TensorIndex(i)) == shape).collect();
        if same.is_empty() || input.arbitrary()? {
            return Ok(None);
        }
        input.choose(&same).map(|&index| Some(TensorIndex(index)))
    }

    fn push_op(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let from = self.newest();
        let shape = self.shape(from);
        let op = match input.int_in_range(0..=13)? {
            0..=2 => {
                let channels = output_channels(input)?;
                OpSpec::Conv2d(self.conv(input, Some(channels))?)
            }
            3 | 4 => OpSpec::DepthwiseConv2d(self.conv(input, None)?),
            5 | 6 => match self.earlier(input, shape)? {
                Some(other) => OpSpec::Add(AddSpec {
                    inputs: if input.arbitrary()? { [from, other] } else { [other, from] },
                    output: self.push_tensor(input, shape, ElementType::I8)?,
                    multipliers: [multiplier(input)?, multiplier(input)?],
                    activation: activation(input, shape.channels)?,
                }),
                None => OpSpec::DepthwiseConv2d(self.conv(input, None)?),
            },
            7 => self.fully_connected(input, false)?,
            8 => OpSpec::MaxPool(self.max_pool(input)?),
            9 => return self.average(input).map(|_| ()),
            11 => OpSpec::Lookup(LookupSpec {
                input: from,
                output: self.push_tensor(input, shape, ElementType::I8)?,
                table: table(input)?,
            }),
            // Multipliers grow with the channel: eight channels are as many as their limit allows.
            12 => match self.earlier(input, shape)?.filter(|_| shape.channels <= 4) {
                Some(other) => {
                    let result = Shape { channels: 2 * shape.channels, ..shape };
                    OpSpec::Concat(Concat {
                        inputs: if input.arbitrary()? { [from, other] } else { [other, from] },
                        output: self.push_tensor(input, result, ElementType::I8)?,
                        multipliers: [multiplier(input)?, multiplier(input)?],
                    })
                }
                None => OpSpec::DepthwiseConv2d(self.conv(input, None)?),
            },
            13 => OpSpec::Upsample(self.upsample(input)?),
            _ => {
                // The newest is the gate of an earlier image, where there is one, or an image that its mean gates.
                let images: Vec<u16> = (0..from.0)
                    .filter(|&i| self.shape(TensorIndex(i)).channels == shape.channels)
                    .collect();
                let gates = (shape.height, shape.width) == (1, 1) && !images.is_empty();
                let image = if gates { TensorIndex(*input.choose(&images)?) } else { from };
                let gate = if gates { from } else { self.average(input)? };
                OpSpec::ScaleChannels(ScaleChannelsSpec {
                    input: image,
                    gate,
                    output: self.push_tensor(input, self.shape(image), ElementType::I8)?,
                    factors: factors(input)?,
                })
            }
        };
        self.ops.push(op);
        Ok(())
    }

    /// The last op: mostly sums, as real models have.
    fn push_last(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        if input.ratio(1, 8)? {
            return self.push_op(input);
        }
        let op = self.fully_connected(input, true)?;
        self.ops.push(op);
        Ok(())
    }

    /// A maximum, whose output is quantized as its input.
    fn max_pool(&mut self, input: &mut Unstructured<'_>) -> Result<MaxPool> {
        let from = self.newest();
        let Tensor { shape, scale, zero_point, .. } = self.tensors[usize::from(from.0)];
        let window = window(input, shape)?;
        let result = windowed(window, shape);
        let output = self.push_tensor(input, result, ElementType::I8)?;
        let stored = &mut self.tensors[usize::from(output.0)];
        (stored.scale, stored.zero_point) = (scale, zero_point);
        Ok(MaxPool { input: from, output, window })
    }

    /// An enlargement, whose output is quantized as its input.
    fn upsample(&mut self, input: &mut Unstructured<'_>) -> Result<Upsample> {
        let from = self.newest();
        let Tensor { shape, scale, zero_point, .. } = self.tensors[usize::from(from.0)];
        // Repeated enlargements must stay small.
        let most = if shape.height.max(shape.width) > 9 { 1 } else { 3 };
        let factor = [input.int_in_range(1..=most)?, input.int_in_range(1..=most)?];
        let [height, width] =
            [shape.height * u16::from(factor[0]), shape.width * u16::from(factor[1])];
        let output = self.push_tensor(input, Shape { height, width, ..shape }, ElementType::I8)?;
        let stored = &mut self.tensors[usize::from(output.0)];
        (stored.scale, stored.zero_point) = (scale, zero_point);
        Ok(Upsample { input: from, output, factor })
    }

    /// A list of outputs, the newest first, now and then; an int32 tensor is never read, and an int8 one may be an output too.
    fn outputs(&self, input: &mut Unstructured<'_>) -> Result<Vec<OutputSpec>> {
        if !input.ratio(1, 4)? {
            return Ok(Vec::new());
        }
        let newest = self.newest();
        let named = |TensorIndex(index)| OutputSpec {
            name: format!("tensor {index}"),
            tensor: TensorIndex(index),
        };
        let mut outputs = vec![named(newest)];
        for index in 1..newest.0 {
            if input.ratio(1, 3)? {
                outputs.push(named(TensorIndex(index)));
            }
        }
        Ok(outputs)
    }

    /// Pushes the newest tensor's mean; gives where it is stored.
    fn average(&mut self, input: &mut Unstructured<'_>) -> Result<TensorIndex> {
        let from = self.newest();
        let result = Shape { height: 1, width: 1, ..self.shape(from) };
        let output = self.push_tensor(input, result, ElementType::I8)?;
        let multiplier = multiplier(input)?;
        self.ops.push(OpSpec::GlobalAveragePool(GlobalAveragePool {
            input: from,
            output,
            multiplier,
        }));
        Ok(output)
    }

    /// A convolution to `channels`, or a depthwise one.
    fn conv(&mut self, input: &mut Unstructured<'_>, channels: Option<u16>) -> Result<ConvSpec> {
        let from = self.newest();
        let shape = self.shape(from);
        let window = window(input, shape)?;
        let out = channels.unwrap_or(shape.channels);
        let result = Shape { channels: out, ..windowed(window, shape) };
        let residual = match self.earlier(input, result)? {
            Some(tensor) => Some(Residual { tensor, multiplier: multiplier(input)? }),
            None => None,
        };
        let taps = window.kernel.map(usize::from).iter().product::<usize>();
        let inputs = channels.map_or(1, |_| usize::from(shape.channels));
        Ok(ConvSpec {
            input: from,
            output: self.push_tensor(input, result, ElementType::I8)?,
            window,
            weights: weights(input, taps * inputs * usize::from(out))?,
            bias: bias(input, out)?,
            requantize: requantize(input, out)?,
            residual,
        })
    }

    fn fully_connected(&mut self, input: &mut Unstructured<'_>, sums: bool) -> Result<OpSpec> {
        let from = self.newest();
        let out = output_channels(input)?;
        let element = if sums { ElementType::I32 } else { ElementType::I8 };
        let shape = Shape { height: 1, width: 1, channels: out };
        Ok(OpSpec::FullyConnected(FullyConnectedSpec {
            input: from,
            output: self.push_tensor(input, shape, element)?,
            weights: weights(input, self.shape(from).elements() * usize::from(out))?,
            bias: bias(input, out)?,
            result: if sums {
                FullyConnectedResultSpec::Sums { scales: multipliers(input, out)? }
            } else {
                FullyConnectedResultSpec::Requantized(requantize(input, out)?)
            },
        }))
    }

    /// Sets each tensor's first and last step.
    fn set_lives(&mut self, outputs: &[OutputSpec]) {
        for (step, op) in (1..).zip(&self.ops) {
            let (output, reads) = match op {
                OpSpec::Conv2d(op) | OpSpec::DepthwiseConv2d(op) => {
                    (op.output, [Some(op.input), op.residual.map(|residual| residual.tensor)])
                }
                OpSpec::FullyConnected(op) => (op.output, [Some(op.input), None]),
                OpSpec::Add(op) => (op.output, op.inputs.map(Some)),
                OpSpec::MaxPool(op) => (op.output, [Some(op.input), None]),
                OpSpec::GlobalAveragePool(op) => (op.output, [Some(op.input), None]),
                OpSpec::ScaleChannels(op) => (op.output, [Some(op.input), Some(op.gate)]),
                OpSpec::Lookup(op) => (op.output, [Some(op.input), None]),
                OpSpec::Concat(op) => (op.output, op.inputs.map(Some)),
                OpSpec::Upsample(op) => (op.output, [Some(op.input), None]),
            };
            let output = &mut self.tensors[usize::from(output.0)];
            (output.first, output.last) = (step, step);
            for read in reads.into_iter().flatten() {
                self.tensors[usize::from(read.0)].last = step;
            }
        }
        let end = u16::try_from(self.ops.len()).expect("a chain has few ops");
        for output in outputs {
            self.tensors[usize::from(output.tensor.0)].last = end;
        }
    }
}

/// Places each tensor at the lowest free offset; returns the size of the arena.
pub(crate) fn place(tensors: &mut [Tensor]) -> u32 {
    let len = |tensor: &Tensor| u32::try_from(tensor.byte_len()).expect("at most 13 x 13 x 8 x 4");
    let mut arena = 0;
    for index in 0..tensors.len() {
        let (placed, rest) = tensors.split_at_mut(index);
        let tensor = &mut rest[0];
        // The tensors alive at the same time, in the order of the arena.
        let mut alive: Vec<_> = placed
            .iter()
            .filter(|other| other.first <= tensor.last && tensor.first <= other.last)
            .collect();
        alive.sort_by_key(|other| other.offset);
        for other in alive {
            if tensor.offset + len(tensor) > other.offset {
                tensor.offset = tensor.offset.max(other.offset + len(other)).next_multiple_of(4);
            }
        }
        arena = arena.max(tensor.offset + len(tensor));
    }
    arena
}

fn window(input: &mut Unstructured<'_>, shape: Shape) -> Result<Window> {
    let (height, width) = (along(input, shape.height)?, along(input, shape.width)?);
    Ok(Window {
        kernel: [height.kernel, width.kernel],
        stride: [height.stride, width.stride],
        padding: Padding {
            top: height.before,
            left: width.before,
            bottom: height.after,
            right: width.after,
        },
    })
}

/// What `window` makes of `shape`, channels kept.
fn windowed(window: Window, shape: Shape) -> Shape {
    let [height, width] = window.output_size(shape).expect("the kernel is within the input");
    let side = |size: u32| u16::try_from(size).expect("at most 9 + 4");
    Shape { height: side(height), width: side(width), ..shape }
}

/// Kernel, stride and padding along one side.
struct Along {
    kernel: u8,
    stride: u8,
    before: u8,
    after: u8,
}

fn along(input: &mut Unstructured<'_>, size: u16) -> Result<Along> {
    let largest = u8::try_from(size.min(3)).expect("at most 3");
    let kernel = input.int_in_range(1..=largest)?;
    let mut padding = || input.int_in_range(0..=kernel - 1);
    let (before, after) = (padding()?, padding()?);
    Ok(Along { kernel, stride: input.int_in_range(1..=3)?, before, after })
}

fn output_channels(input: &mut Unstructured<'_>) -> Result<u16> {
    input.int_in_range(1..=8)
}

/// Weights from one byte of input, so that large layers do not starve it.
fn weights(input: &mut Unstructured<'_>, len: usize) -> Result<Vec<i8>> {
    let mut state = u32::from(input.arbitrary::<u8>()?);
    Ok(core::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, _, _, high] = state.to_le_bytes();
        high.cast_signed().max(-127)
    })
    .take(len)
    .collect())
}

fn bias(input: &mut Unstructured<'_>, channels: u16) -> Result<Vec<i32>> {
    let first = i32::from(input.arbitrary::<i16>()?);
    Ok((0..i32::from(channels)).map(|channel| first + channel).collect())
}

fn requantize(input: &mut Unstructured<'_>, channels: u16) -> Result<RequantizeSpec> {
    Ok(RequantizeSpec {
        multiplier: multipliers(input, channels)?,
        activation: activation(input, channels)?,
    })
}

fn activation(input: &mut Unstructured<'_>, channels: u16) -> Result<ActivationSpec> {
    Ok(match input.int_in_range(0..=2)? {
        0 => ActivationSpec::None,
        1 => ActivationSpec::Relu,
        _ => ActivationSpec::Prelu(multipliers(input, channels)?),
    })
}

fn multipliers(input: &mut Unstructured<'_>, channels: u16) -> Result<Vec<f32>> {
    let first = multiplier(input)?;
    Ok((0..channels).map(|channel| first * f32::from(channel + 1)).collect())
}

/// Any table, by the generator of the weights.
fn table(input: &mut Unstructured<'_>) -> Result<Vec<i8>> {
    weights(input, GATE_VALUES)
}

/// A gate's table: a line through zero.
fn factors(input: &mut Unstructured<'_>) -> Result<Vec<f32>> {
    let (first, values) = (multiplier(input)?, u16::try_from(GATE_VALUES).expect("256"));
    Ok((0..values).map(|value| first * (f32::from(value) / 64.0 - 1.0)).collect())
}

/// From ordinary to extreme, and negative.
fn multiplier(input: &mut Unstructured<'_>) -> Result<f32> {
    let value = f32::from(input.arbitrary::<i16>()?) / 32_768.0;
    Ok(if input.ratio(1, 8)? { value * 536_870_912.0 } else { value })
}

fn metadata(input: &mut Unstructured<'_>, embedding_len: u16) -> Result<MetadataSpec> {
    Ok(MetadataSpec {
        input: InputSpec {
            colour: if input.arbitrary()? { ColourOrder::Rgb } else { ColourOrder::Bgr },
            mean: [127.5; 3],
            scale: [1.0 / 127.5; 3],
        },
        landmarks: [[2.0, 3.0], [6.0, 3.0], [4.0, 5.0], [2.5, 7.0], [5.5, 7.0]],
        embedding_len,
        name: input.arbitrary::<&str>()?.into(),
        data: "faces".into(),
        command: String::new(),
        seed: input.arbitrary()?,
        commit: String::new(),
        licence: "CC0-1.0 \u{2014} none".into(),
        verdict: "rank-1 98.5 %".into(),
    })
}
