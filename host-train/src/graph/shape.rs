//! The shape of one node's tensor from those of its operands, and the checks that belong to a single node: operand
//! counts, parameter lengths and values, windows.

use super::{Conv2d, GraphError, Node, NodeId, Op};
use core::fmt;

/// Extent of one image tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels, innermost.
    pub channels: usize,
}

impl Shape {
    /// Values in the tensor.
    pub const fn elements(self) -> usize {
        self.height * self.width * self.channels
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// Longest side, window, stride or padding, and most channels: far above any face network, and small enough that no
/// product of three of them overflows `usize`.
pub(super) const MAX_EXTENT: usize = 1 << 20;

impl Node {
    /// Shapes of the operands, which must all be among the nodes already seen.
    pub(super) fn operands(&self, seen: &[Shape]) -> Result<Vec<Shape>, GraphError> {
        let expected = match self.op {
            Op::Input => 0,
            Op::Add | Op::ScaleChannels | Op::Concat => 2,
            _ => 1,
        };
        if self.inputs.len() != expected {
            return Err(GraphError::Operands {
                node: self.name.clone(),
                op: self.op.name(),
                expected,
                got: self.inputs.len(),
            });
        }
        let shape = |operand: &NodeId| {
            seen.get(operand.0).copied().ok_or_else(|| GraphError::NotEarlier {
                node: self.name.clone(),
                operand: *operand,
            })
        };
        self.inputs.iter().map(shape).collect()
    }

    /// The result's shape; `operands` as [`Self::operands`] returned them.
    pub(super) fn shape(&self, operands: &[Shape]) -> Result<Shape, GraphError> {
        let first = operands[0];
        match &self.op {
            Op::Input | Op::Relu | Op::Sigmoid | Op::HardSwish => {}
            // Also refuses limits that are not numbers.
            Op::Clip { low, high } if low <= high => {}
            Op::Clip { low, .. } => return Err(self.bad_value("low limit", 0, *low)),
            Op::HardSigmoid { alpha, beta } => {
                self.parameter("alpha and beta", &[*alpha, *beta], 2)?;
            }
            Op::Conv2d(conv) => return self.conv_shape(conv, first),
            Op::BatchNorm(norm) => {
                for (name, values) in [
                    ("gamma", &norm.gamma),
                    ("beta", &norm.beta),
                    ("mean", &norm.mean),
                    ("variance", &norm.variance),
                ] {
                    self.parameter(name, values, first.channels)?;
                }
                // A deviation of zero would divide by zero in every later use.
                let positive = |v: f32| v >= 0.0 && v + norm.epsilon > 0.0;
                if let Some(index) = norm.variance.iter().position(|v| !positive(*v)) {
                    return Err(self.bad_value("variance", index, norm.variance[index]));
                }
                if !norm.epsilon.is_finite() {
                    return Err(self.bad_value("epsilon", 0, norm.epsilon));
                }
            }
            Op::Prelu { slope } => self.parameter("slope", slope, first.channels)?,
            Op::Add => self.expect_second(operands, first)?,
            Op::ScaleChannels => {
                self.expect_second(operands, Shape { height: 1, width: 1, ..first })?;
            }
            Op::Concat => {
                // Operands that are too large together differ from any that fit.
                let second = operands[1].channels.min(MAX_EXTENT.saturating_sub(first.channels));
                self.expect_second(operands, Shape { channels: second, ..first })?;
                return Ok(Shape { channels: first.channels + second, ..first });
            }
            Op::Upsample { factor } => {
                let side = |side: usize, factor: usize| {
                    side.checked_mul(factor).filter(|side| (1..=MAX_EXTENT).contains(side))
                };
                let sides = side(first.height, factor[0]).zip(side(first.width, factor[1]));
                let (height, width) = sides.ok_or_else(|| GraphError::Factor {
                    node: self.name.clone(),
                    factor: *factor,
                    operand: first,
                })?;
                return Ok(Shape { height, width, ..first });
            }
            Op::GlobalAveragePool => return Ok(Shape { height: 1, width: 1, ..first }),
            Op::MaxPool(pool) => {
                let [top, left, bottom, right] = pool.padding;
                // A window of padding alone has no largest value.
                let meets = top.max(bottom) < pool.kernel[0] && left.max(right) < pool.kernel[1];
                let places = self.places(pool.kernel, pool.stride, pool.padding, first, meets)?;
                let [height, width] = places;
                return Ok(Shape { height, width, ..first });
            }
            Op::FullyConnected(dense) => {
                let outputs = dense.out_features;
                // No outputs: the empty weight fails the length check of one output.
                let expected = first.elements().saturating_mul(outputs.max(1));
                self.parameter("weight", &dense.weight, expected)?;
                if let Some(bias) = &dense.bias {
                    self.parameter("bias", bias, outputs)?;
                }
                return Ok(Shape { height: 1, width: 1, channels: outputs });
            }
        }
        Ok(first)
    }

    fn conv_shape(&self, conv: &Conv2d, operand: Shape) -> Result<Shape, GraphError> {
        let channels_fit = conv.groups > 0
            && conv.out_channels > 0
            && conv.out_channels <= MAX_EXTENT
            && conv.out_channels.is_multiple_of(conv.groups)
            && conv.groups.checked_mul(conv.in_per_group) == Some(operand.channels);
        if !channels_fit {
            return Err(GraphError::Channels {
                node: self.name.clone(),
                groups: conv.groups,
                in_per_group: conv.in_per_group,
                out_channels: conv.out_channels,
                channels: operand.channels,
            });
        }
        let [height, width] = self.places(conv.kernel, conv.stride, conv.padding, operand, true)?;
        let taps = conv.kernel[0] * conv.kernel[1] * conv.in_per_group;
        self.parameter("weight", &conv.weight, taps.saturating_mul(conv.out_channels))?;
        if let Some(bias) = &conv.bias {
            self.parameter("bias", bias, conv.out_channels)?;
        }
        Ok(Shape { height, width, channels: conv.out_channels })
    }

    /// Rows and columns of places that a window finds on its padded operand, where it is `sound` otherwise.
    fn places(
        &self,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 4],
        operand: Shape,
        sound: bool,
    ) -> Result<[usize; 2], GraphError> {
        let [top, left, bottom, right] = padding;
        let rows = extent(operand.height, [top, bottom], kernel[0], stride[0]);
        let columns = extent(operand.width, [left, right], kernel[1], stride[1]);
        match (rows, columns) {
            (Some(rows), Some(columns)) if sound => Ok([rows, columns]),
            _ => {
                let node = self.name.clone();
                Err(GraphError::Window { node, kernel, stride, padding, operand })
            }
        }
    }

    /// Refuses a second operand of another shape.
    fn expect_second(&self, operands: &[Shape], expected: Shape) -> Result<(), GraphError> {
        let (left, right) = (operands[0], operands[1]);
        match right == expected {
            true => Ok(()),
            false => {
                let (node, op) = (self.name.clone(), self.op.name());
                Err(GraphError::Mismatch { node, op, left, right })
            }
        }
    }

    /// Length and finiteness of one parameter.
    fn parameter(
        &self,
        parameter: &'static str,
        values: &[f32],
        expected: usize,
    ) -> Result<(), GraphError> {
        if values.len() != expected {
            return Err(GraphError::ParameterLength {
                node: self.name.clone(),
                parameter,
                expected,
                got: values.len(),
            });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(self.bad_value(parameter, index, values[index])),
            None => Ok(()),
        }
    }

    fn bad_value(&self, parameter: &'static str, index: usize, value: f32) -> GraphError {
        GraphError::ParameterValue { node: self.name.clone(), parameter, index, value }
    }
}

/// Output positions of a window sliding over one padded side; `None` when it fits nowhere.
fn extent(side: usize, padding: [usize; 2], kernel: usize, stride: usize) -> Option<usize> {
    let limits = 1..=MAX_EXTENT;
    let sane = limits.contains(&kernel)
        && limits.contains(&stride)
        && padding.iter().all(|pad| *pad <= MAX_EXTENT);
    let room = sane.then(|| side + padding[0] + padding[1])?;
    Some(room.checked_sub(kernel)? / stride + 1)
}
