//! A second engine: the layers' definitions over `i64` sums and `f64` scaling, nothing shared with
//! the first one.
//!
//! It is slow and allocates. Tensors live apart from each other, so it also shows whether the arena
//! keeps them apart.

use model_format::{
    Activation, Add, Concat, Conv2d, DepthwiseConv2d, FullyConnected, FullyConnectedResult,
    GlobalAveragePool, Lookup, MaxPool, ModelView, Op, Requantize, Residual, ScaleChannels, Shape,
    Tensor, TensorIndex, Upsample, Window,
};

/// The values of every output of the model, in their order, for an input tensor of `input`.
pub(crate) fn run(model: &ModelView<'_>, input: Vec<i64>) -> Vec<Vec<i64>> {
    let mut network = Network {
        tensors: model.tensors().collect(),
        values: vec![Vec::new(); model.tensor_count()],
    };
    network.values[usize::from(model.input_index().0)] = input;
    for op in model.ops() {
        network.values[usize::from(op.output().0)] = match op {
            Op::Conv2d(op) => network.conv2d(&op),
            Op::DepthwiseConv2d(op) => network.depthwise_conv2d(&op),
            Op::FullyConnected(op) => network.fully_connected(&op),
            Op::Add(op) => network.add(&op),
            Op::MaxPool(op) => network.max_pool(&op),
            Op::GlobalAveragePool(op) => network.global_average_pool(&op),
            Op::ScaleChannels(op) => network.scale_channels(&op),
            Op::Lookup(op) => network.lookup(&op),
            Op::Concat(op) => network.concat(&op),
            Op::Upsample(op) => network.upsample(&op),
        };
    }
    model.outputs().map(|output| network.values(output.tensor).to_vec()).collect()
}

struct Network {
    tensors: Vec<Tensor>,
    values: Vec<Vec<i64>>,
}

impl Network {
    fn tensor(&self, TensorIndex(index): TensorIndex) -> Tensor {
        self.tensors[usize::from(index)]
    }

    fn values(&self, TensorIndex(index): TensorIndex) -> &[i64] {
        &self.values[usize::from(index)]
    }

    /// `(value - zero_point) * multiplier`, rounded to single precision.
    fn scaled(&self, index: TensorIndex, at: usize, multiplier: f32) -> f32 {
        let stored = self.values(index)[at] - i64::from(self.tensor(index).zero_point);
        product(stored as f64, multiplier)
    }

    /// Every output position and channel in the order of memory.
    fn positions(shape: Shape) -> impl Iterator<Item = [usize; 3]> {
        let [height, width, channels] =
            [shape.height, shape.width, shape.channels].map(usize::from);
        (0..height * width * channels)
            .map(move |at| [at / channels / width, at / channels % width, at % channels])
    }

    /// What the window's taps at output `(y, x)` read in `channel`, in the order of the weights; `None` in padding.
    fn taps(
        &self,
        input: TensorIndex,
        window: Window,
        [y, x, channel]: [usize; 3],
    ) -> impl Iterator<Item = Option<i64>> {
        let tensor = self.tensor(input);
        let [height, width, channels] =
            [tensor.shape.height, tensor.shape.width, tensor.shape.channels].map(i64::from);
        let [kernel_height, kernel_width] = window.kernel.map(i64::from);
        let [down, right] = window.stride.map(i64::from);
        let (top, left) = (i64::from(window.padding.top), i64::from(window.padding.left));
        (0..kernel_height * kernel_width).map(move |tap| {
            let row = y as i64 * down + tap / kernel_width - top;
            let column = x as i64 * right + tap % kernel_width - left;
            let at = (row * width + column) * channels + channel as i64;
            let inside = (0..height).contains(&row) && (0..width).contains(&column);
            inside.then(|| self.values(input)[at as usize])
        })
    }

    /// [`Self::taps`] with the zero point in padding.
    fn padded_taps(
        &self,
        input: TensorIndex,
        window: Window,
        place: [usize; 3],
    ) -> impl Iterator<Item = i64> {
        let zero_point = i64::from(self.tensor(input).zero_point);
        self.taps(input, window, place).map(move |value| value.unwrap_or(zero_point))
    }

    fn conv2d(&self, op: &Conv2d<'_>) -> Vec<i64> {
        let inputs = usize::from(self.tensor(op.input).shape.channels);
        let taps = op.window.kernel.map(usize::from).iter().product::<usize>();
        let sum = |[y, x, out]: [usize; 3]| {
            let row = &op.weights[out * taps * inputs..][..taps * inputs];
            let channels = (0..inputs).map(|channel| {
                let weights = row.iter().skip(channel).step_by(inputs);
                dot(self.padded_taps(op.input, op.window, [y, x, channel]), weights)
            });
            i64::from(op.bias[out]) + channels.sum::<i64>()
        };
        self.rounded(op.output, &op.requantize, op.residual, sum)
    }

    fn depthwise_conv2d(&self, op: &DepthwiseConv2d<'_>) -> Vec<i64> {
        let channels = usize::from(self.tensor(op.input).shape.channels);
        let sum = |[y, x, channel]: [usize; 3]| {
            let weights = op.weights.iter().skip(channel).step_by(channels);
            let taps = self.padded_taps(op.input, op.window, [y, x, channel]);
            i64::from(op.bias[channel]) + dot(taps, weights)
        };
        self.rounded(op.output, &op.requantize, op.residual, sum)
    }

    fn fully_connected(&self, op: &FullyConnected<'_>) -> Vec<i64> {
        let input = self.values(op.input);
        let sum = |[_, _, out]: [usize; 3]| {
            let row = &op.weights[out * input.len()..][..input.len()];
            i64::from(op.bias[out]) + dot(input.iter().copied(), row)
        };
        match &op.result {
            FullyConnectedResult::Requantized(requantize) => {
                self.rounded(op.output, requantize, None, sum)
            }
            FullyConnectedResult::Sums { .. } => {
                Self::positions(self.tensor(op.output).shape).map(sum).collect()
            }
        }
    }

    fn add(&self, op: &Add<'_>) -> Vec<i64> {
        let output = self.tensor(op.output);
        let positions = Self::positions(output.shape).enumerate();
        positions
            .map(|(at, [_, _, channel])| {
                let [a, b] = [0, 1].map(|i| self.scaled(op.inputs[i], at, op.multipliers[i]));
                let sum = a + b;
                let activated = match op.activation {
                    Activation::Relu => sum.max(0.0),
                    Activation::Prelu(slopes) if sum < 0.0 => sum * slopes[channel],
                    Activation::None | Activation::Prelu(_) => sum,
                };
                to_int8(activated, output.zero_point)
            })
            .collect()
    }

    fn max_pool(&self, op: &MaxPool) -> Vec<i64> {
        let largest = |place| {
            let seen = self.taps(op.input, op.window, place).flatten();
            seen.max().expect("every window of a checked model meets its input")
        };
        Self::positions(self.tensor(op.output).shape).map(largest).collect()
    }

    fn global_average_pool(&self, op: &GlobalAveragePool) -> Vec<i64> {
        let (input, output) = (self.tensor(op.input), self.tensor(op.output));
        let channels = usize::from(output.shape.channels);
        let mean = |channel| {
            let column = self.values(op.input).iter().skip(channel).step_by(channels);
            let sum: i64 = column.map(|value| value - i64::from(input.zero_point)).sum();
            assert!(i32::try_from(sum).is_ok(), "a checked model's sums fit int32");
            to_int8(product(f64::from(sum as f32), op.multiplier), output.zero_point)
        };
        (0..channels).map(mean).collect()
    }

    fn scale_channels(&self, op: &ScaleChannels<'_>) -> Vec<i64> {
        let output = self.tensor(op.output);
        let positions = Self::positions(output.shape).enumerate();
        positions
            .map(|(at, [_, _, channel])| {
                let entry = usize::try_from(self.values(op.gate)[channel] + 128);
                let factor = op.factors[entry.expect("int8 values are at least -128")];
                to_int8(self.scaled(op.input, at, factor), output.zero_point)
            })
            .collect()
    }

    fn lookup(&self, op: &Lookup<'_>) -> Vec<i64> {
        let entry = |value: &i64| {
            let entry = usize::try_from(value + 128).expect("int8 values are at least -128");
            i64::from(op.table[entry])
        };
        self.values(op.input).iter().map(entry).collect()
    }

    fn concat(&self, op: &Concat) -> Vec<i64> {
        let output = self.tensor(op.output);
        let first = usize::from(self.tensor(op.inputs[0]).shape.channels);
        let width = usize::from(output.shape.width);
        let value = |[y, x, channel]: [usize; 3]| {
            let side = usize::from(channel >= first);
            let channels = usize::from(self.tensor(op.inputs[side]).shape.channels);
            let at = (y * width + x) * channels + channel - side * first;
            to_int8(self.scaled(op.inputs[side], at, op.multipliers[side]), output.zero_point)
        };
        Self::positions(output.shape).map(value).collect()
    }

    fn upsample(&self, op: &Upsample) -> Vec<i64> {
        let Shape { width, channels, .. } = self.tensor(op.input).shape;
        let (width, channels) = (usize::from(width), usize::from(channels));
        let [down, right] = op.factor.map(usize::from);
        let value = |[y, x, channel]: [usize; 3]| {
            self.values(op.input)[(y / down * width + x / right) * channels + channel]
        };
        Self::positions(self.tensor(op.output).shape).map(value).collect()
    }

    /// The sums of every position, scaled by sign, the residual added, rounded.
    fn rounded(
        &self,
        output: TensorIndex,
        requantize: &Requantize<'_>,
        residual: Option<Residual>,
        sum: impl Fn([usize; 3]) -> i64,
    ) -> Vec<i64> {
        let tensor = self.tensor(output);
        let positions = Self::positions(tensor.shape).enumerate();
        positions
            .map(|(at, position @ [_, _, channel])| {
                let sum = sum(position);
                assert!(i32::try_from(sum).is_ok(), "a checked model's sums fit int32");
                let multiplier = match requantize.activation {
                    Activation::Relu if sum < 0 => 0.0,
                    Activation::Prelu(negative) if sum < 0 => negative[channel],
                    _ => requantize.multiplier[channel],
                };
                let scaled = product(f64::from(sum as f32), multiplier);
                let added = residual
                    .map_or(0.0, |residual| self.scaled(residual.tensor, at, residual.multiplier));
                to_int8(scaled + added, tensor.zero_point)
            })
            .collect()
    }
}

fn dot<'w>(values: impl Iterator<Item = i64>, weights: impl IntoIterator<Item = &'w i8>) -> i64 {
    values.zip(weights).map(|(value, &weight)| value * i64::from(weight)).sum()
}

/// Two significands of 24 bits multiply exactly in `f64`; the cast then rounds once.
fn product(a: f64, b: f32) -> f32 {
    (a * f64::from(b)) as f32
}

fn to_int8(value: f32, zero_point: i8) -> i64 {
    let rounded = f64::from(value).round_ties_even() + f64::from(zero_point);
    rounded.clamp(-128.0, 127.0) as i64
}
