//! What one op must satisfy: tensors, shapes, lengths and values of its constants. After these checks a kernel can walk
//! its slices without a bound that fails, its int32 sums are exact, and its f32 products stay finite.
//!
//! When each tensor is written and read is checked in `plan.rs`.

use super::{
    Activation, Add, Concat, Conv2d, DepthwiseConv2d, FullyConnected, FullyConnectedResult,
    GlobalAveragePool, Lookup, MaxPool, Op, Requantize, Residual, ScaleChannels, Upsample, Window,
};
use crate::error::{Constant, OpError};
use crate::tensor::{ElementType, Shape, Tensor, TensorIndex};
use crate::view::ModelView;
use crate::{GATE_VALUES, MAX_MULTIPLIER};

/// Largest magnitude of an int8 activation.
const LARGEST_INPUT: u64 = 128;

/// Largest distance of an int8 activation from its zero point.
const LARGEST_DISTANCE: u64 = 255;

/// Checks `op`, one of `view`.
pub(crate) fn check(op: &Op<'_>, view: &ModelView<'_>) -> Result<(), OpError> {
    let find = |TensorIndex(tensor)| {
        let missing = OpError::TensorMissing { tensor, count: view.tensor_count() };
        view.tensor(TensorIndex(tensor)).ok_or(missing)
    };
    let (first, second) = op.reads();
    let check = Check {
        input: (first, find(first)?),
        second: second.map(|second| Ok((second, find(second)?))).transpose()?,
        output: (op.output(), find(op.output())?),
    };
    check.distinct()?;
    check.elements(matches!(
        op,
        Op::FullyConnected(FullyConnected { result: FullyConnectedResult::Sums { .. }, .. })
    ))?;
    match op {
        Op::Conv2d(op) => check.conv2d(op),
        Op::DepthwiseConv2d(op) => check.depthwise_conv2d(op),
        Op::FullyConnected(op) => check.fully_connected(op),
        Op::Add(op) => check.add(op),
        Op::MaxPool(op) => check.max_pool(op),
        Op::GlobalAveragePool(op) => check.global_average_pool(op),
        Op::ScaleChannels(op) => check.scale_channels(op),
        Op::Lookup(op) => check.lookup(op),
        Op::Concat(op) => check.concat(op),
        Op::Upsample(op) => check.upsample(op),
    }
}

/// An op with its tensors at hand.
struct Check {
    input: (TensorIndex, Tensor),
    second: Option<(TensorIndex, Tensor)>,
    output: (TensorIndex, Tensor),
}

impl Check {
    fn distinct(&self) -> Result<(), OpError> {
        let (input, output) = (self.input.0, self.output.0);
        let twice = match self.second {
            Some((second, _)) if second == input || second == output => Some(second),
            _ => (input == output).then_some(input),
        };
        match twice {
            Some(TensorIndex(tensor)) => Err(OpError::TensorsNotDistinct { tensor }),
            None => Ok(()),
        }
    }

    fn elements(&self, sums: bool) -> Result<(), OpError> {
        let result = if sums { ElementType::I32 } else { ElementType::I8 };
        let roles = [
            (Some(self.input), ElementType::I8),
            (self.second, ElementType::I8),
            (Some(self.output), result),
        ];
        for (role, expected) in roles {
            if let Some((TensorIndex(tensor), Tensor { element: found, .. })) = role
                && found != expected
            {
                return Err(OpError::ElementType { tensor, expected, found });
            }
        }
        Ok(())
    }

    fn conv2d(&self, op: &Conv2d<'_>) -> Result<(), OpError> {
        let channels = self.output.1.shape.channels;
        self.window(op.window, channels)?;
        let inputs = taps(op.window).saturating_mul(u64::from(self.input.1.shape.channels));
        self.weights(op.weights, inputs, channels)?;
        self.sums(op.bias, channels, |channel| row(op.weights, inputs, channel).iter())?;
        self.requantize(&op.requantize)?;
        self.residual(op.residual)
    }

    fn depthwise_conv2d(&self, op: &DepthwiseConv2d<'_>) -> Result<(), OpError> {
        let channels = self.input.1.shape.channels;
        self.window(op.window, channels)?;
        self.weights(op.weights, taps(op.window), channels)?;
        let column =
            |channel| op.weights.iter().skip(channel).step_by(usize::from(channels).max(1));
        self.sums(op.bias, channels, column)?;
        self.requantize(&op.requantize)?;
        self.residual(op.residual)
    }

    fn fully_connected(&self, op: &FullyConnected<'_>) -> Result<(), OpError> {
        let channels = self.output.1.shape.channels;
        self.output_shape([1, 1, u32::from(channels)])?;
        let inputs = self.input.1.shape.elements_u64();
        self.weights(op.weights, inputs, channels)?;
        self.sums(op.bias, channels, |channel| row(op.weights, inputs, channel).iter())?;
        match &op.result {
            FullyConnectedResult::Requantized(requantize) => self.requantize(requantize),
            FullyConnectedResult::Sums { scales } => self.multipliers(Constant::Multiplier, scales),
        }
    }

    fn add(&self, op: &Add<'_>) -> Result<(), OpError> {
        for operand in [Some(self.input), self.second].into_iter().flatten() {
            self.operand_shape(operand)?;
        }
        self.magnitudes(Constant::Operand, &op.multipliers)?;
        self.activation(&op.activation)
    }

    fn max_pool(&self, op: &MaxPool) -> Result<(), OpError> {
        self.window(op.window, self.input.1.shape.channels)?;
        self.same_quantization()
    }

    fn upsample(&self, op: &Upsample) -> Result<(), OpError> {
        let Shape { height, width, channels } = self.input.1.shape;
        let [down, right] = op.factor.map(u32::from);
        // No tensor has a side of zero, so a factor of zero fits none.
        let (height, width) = (u32::from(height), u32::from(width));
        let (height, width) = (height.saturating_mul(down), width.saturating_mul(right));
        self.output_shape([height, width, u32::from(channels)])?;
        self.same_quantization()
    }

    /// For ops that pass stored values on.
    fn same_quantization(&self) -> Result<(), OpError> {
        let ((TensorIndex(tensor), input), (_, output)) = (self.input, self.output);
        if input.scale == output.scale && input.zero_point == output.zero_point {
            Ok(())
        } else {
            Err(OpError::QuantizationChanges { tensor })
        }
    }

    fn global_average_pool(&self, op: &GlobalAveragePool) -> Result<(), OpError> {
        let Shape { height, width, channels } = self.input.1.shape;
        self.output_shape([1, 1, u32::from(channels)])?;
        let pixels = u64::from(height).saturating_mul(u64::from(width));
        let worst = pixels.saturating_mul(LARGEST_DISTANCE);
        if i32::try_from(worst).is_err() {
            return Err(OpError::AccumulatorRange { channel: 0, worst });
        }
        self.magnitudes(Constant::Operand, &[op.multiplier])
    }

    fn scale_channels(&self, op: &ScaleChannels<'_>) -> Result<(), OpError> {
        self.operand_shape(self.input)?;
        if let Some((TensorIndex(tensor), Tensor { shape: found, .. })) = self.second {
            let expected = Shape { height: 1, width: 1, ..self.output.1.shape };
            if found != expected {
                return Err(OpError::OperandShape { tensor, expected, found });
            }
        }
        self.length(Constant::Multiplier, op.factors.len(), gate_values())?;
        self.magnitudes(Constant::Multiplier, op.factors)
    }

    fn lookup(&self, op: &Lookup<'_>) -> Result<(), OpError> {
        self.operand_shape(self.input)?;
        self.length(Constant::Weights, op.table.len(), gate_values())
    }

    fn concat(&self, op: &Concat) -> Result<(), OpError> {
        let mut channels = 0_u32;
        for operand in [Some(self.input), self.second].into_iter().flatten() {
            let (TensorIndex(tensor), Tensor { shape: found, .. }) = operand;
            let expected = Shape { channels: found.channels, ..self.output.1.shape };
            if found != expected {
                return Err(OpError::OperandShape { tensor, expected, found });
            }
            channels = channels.saturating_add(u32::from(found.channels));
        }
        let Shape { height, width, .. } = self.output.1.shape;
        self.output_shape([u32::from(height), u32::from(width), channels])?;
        self.magnitudes(Constant::Operand, &op.multipliers)
    }

    /// Kernel, stride and padding, and the output shape that follows from them.
    fn window(&self, window: Window, channels: u16) -> Result<(), OpError> {
        let Window { kernel, stride, padding } = window;
        if kernel.contains(&0) || stride.contains(&0) {
            return Err(OpError::WindowEmpty { window });
        }
        let [kernel_h, kernel_w] = kernel;
        if padding.top.max(padding.bottom) >= kernel_h
            || padding.left.max(padding.right) >= kernel_w
        {
            return Err(OpError::PaddingTooLarge { padding, kernel });
        }
        let input = self.input.1.shape;
        let [height, width] = window
            .output_size(input)
            .ok_or(OpError::KernelTooLarge { kernel, padded: window.padded(input) })?;
        self.output_shape([height, width, u32::from(channels)])
    }

    fn output_shape(&self, expected: [u32; 3]) -> Result<(), OpError> {
        let found @ Shape { height, width, channels } = self.output.1.shape;
        if expected == [height, width, channels].map(u32::from) {
            Ok(())
        } else {
            Err(OpError::OutputShape { expected, found })
        }
    }

    fn operand_shape(
        &self,
        (TensorIndex(tensor), operand): (TensorIndex, Tensor),
    ) -> Result<(), OpError> {
        let (expected, found) = (self.output.1.shape, operand.shape);
        if expected == found {
            Ok(())
        } else {
            Err(OpError::OperandShape { tensor, expected, found })
        }
    }

    fn residual(&self, residual: Option<Residual>) -> Result<(), OpError> {
        if let (Some(residual), Some(operand)) = (residual, self.second) {
            self.operand_shape(operand)?;
            self.magnitudes(Constant::Operand, &[residual.multiplier])?;
        }
        Ok(())
    }

    fn length(&self, constant: Constant, found: usize, expected: u64) -> Result<(), OpError> {
        if u64::try_from(found) == Ok(expected) {
            Ok(())
        } else {
            Err(OpError::ConstantLength { constant, expected, found })
        }
    }

    /// `inputs` weights for each of `channels` outputs, none of them -128.
    fn weights(&self, weights: &[i8], inputs: u64, channels: u16) -> Result<(), OpError> {
        self.length(Constant::Weights, weights.len(), inputs.saturating_mul(u64::from(channels)))?;
        match weights.iter().position(|&weight| weight == i8::MIN) {
            Some(index) => Err(OpError::WeightRange { index }),
            None => Ok(()),
        }
    }

    /// No sum, nor any part of one, may leave int32: |bias| + 128 * sum |w| bounds them all. `weights` gives those of an
    /// output channel.
    fn sums<'w, W: Iterator<Item = &'w i8>>(
        &self,
        bias: &[i32],
        channels: u16,
        weights: impl Fn(usize) -> W,
    ) -> Result<(), OpError> {
        self.length(Constant::Bias, bias.len(), u64::from(channels))?;
        for (channel, bias) in bias.iter().enumerate() {
            let magnitude = weights(channel)
                .fold(0_u64, |sum, weight| sum.saturating_add(u64::from(weight.unsigned_abs())));
            let worst = u64::from(bias.unsigned_abs())
                .saturating_add(magnitude.saturating_mul(LARGEST_INPUT));
            if i32::try_from(worst).is_err() {
                return Err(OpError::AccumulatorRange { channel, worst });
            }
        }
        Ok(())
    }

    fn requantize(&self, requantize: &Requantize<'_>) -> Result<(), OpError> {
        self.multipliers(Constant::Multiplier, requantize.multiplier)?;
        self.activation(&requantize.activation)
    }

    fn activation(&self, activation: &Activation<'_>) -> Result<(), OpError> {
        match activation {
            Activation::None | Activation::Relu => Ok(()),
            Activation::Prelu(negative) => self.multipliers(Constant::Negative, negative),
        }
    }

    /// One value an output channel.
    fn multipliers(&self, constant: Constant, values: &[f32]) -> Result<(), OpError> {
        self.length(constant, values.len(), u64::from(self.output.1.shape.channels))?;
        self.magnitudes(constant, values)
    }

    fn magnitudes(&self, constant: Constant, values: &[f32]) -> Result<(), OpError> {
        // NaN lies in no range.
        let permitted = -MAX_MULTIPLIER..=MAX_MULTIPLIER;
        match values.iter().enumerate().find(|(_, value)| !permitted.contains(*value)) {
            Some((index, &value)) => Err(OpError::MultiplierRange { constant, index, value }),
            None => Ok(()),
        }
    }
}

fn gate_values() -> u64 {
    u64::try_from(GATE_VALUES).unwrap_or(u64::MAX)
}

/// The weights of one output channel where `inputs` of each lie together.
fn row(weights: &[i8], inputs: u64, channel: usize) -> &[i8] {
    let inputs = usize::try_from(inputs).unwrap_or(usize::MAX);
    let start = channel.saturating_mul(inputs);
    weights.get(start..start.saturating_add(inputs)).unwrap_or_default()
}

/// Positions of a kernel.
fn taps(window: Window) -> u64 {
    let [height, width] = window.kernel;
    u64::from(height).saturating_mul(u64::from(width))
}
