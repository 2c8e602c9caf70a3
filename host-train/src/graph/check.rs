//! Proof that a graph is well formed: order, operand counts, parameter lengths, windows, finite values; and the shape of
//! every tensor. Whatever passes here runs in the executor without a panic.

use super::{Conv2d, Graph, Node, NodeId, Op};
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
const MAX_EXTENT: usize = 1 << 20;

/// Why a graph, or an image given to it, is not usable.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Node 0 is not the input, or another node is.
    #[error("node {node}: the input must be the first node and no other")]
    MisplacedInput {
        /// The offending node's name.
        node: String,
    },
    /// The output names a node that does not exist.
    #[error("the output is node {output}, but the graph has {nodes} nodes")]
    NoSuchOutput {
        /// The named node.
        output: NodeId,
        /// Nodes in the graph.
        nodes: usize,
    },
    /// The input description has a zero or huge side, a value that is not finite, or a zero scale.
    #[error(
        "the input description is unusable: {0}; give sides from 1 to 1048576, finite means, finite non-zero scales"
    )]
    BadInput(&'static str),
    /// A node has too few or too many operands.
    #[error("node {node}: {op} takes {expected} operands, got {got}")]
    Operands {
        /// The node's name.
        node: String,
        /// Its operation.
        op: &'static str,
        /// Operands that the operation takes.
        expected: usize,
        /// Operands given.
        got: usize,
    },
    /// An operand is not an earlier node.
    #[error(
        "node {node}: operand {operand} is not an earlier node; sort the graph by execution order"
    )]
    NotEarlier {
        /// The node's name.
        node: String,
        /// The operand.
        operand: NodeId,
    },
    /// A parameter has the wrong number of values.
    #[error("node {node}: {parameter} has {got} values, expected {expected}")]
    ParameterLength {
        /// The node's name.
        node: String,
        /// Which parameter.
        parameter: &'static str,
        /// Values that the node's shape asks for.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A parameter holds a value outside its range.
    #[error(
        "node {node}: {parameter}[{index}] is {value}; weights must be finite, variances not negative"
    )]
    ParameterValue {
        /// The node's name.
        node: String,
        /// Which parameter.
        parameter: &'static str,
        /// Position in it.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A convolution's channels do not agree with its operand.
    #[error(
        "node {node}: {groups} groups of {in_per_group} input channels and {out_channels} outputs do not fit an operand of {channels} channels"
    )]
    Channels {
        /// The node's name.
        node: String,
        /// Groups.
        groups: usize,
        /// Input channels a group.
        in_per_group: usize,
        /// Output channels.
        out_channels: usize,
        /// The operand's channels.
        channels: usize,
    },
    /// A convolution's window is empty, huge, or larger than its padded operand.
    #[error(
        "node {node}: kernel {kernel:?}, stride {stride:?}, padding {padding:?} do not fit an operand of {operand}"
    )]
    Window {
        /// The node's name.
        node: String,
        /// Height, width.
        kernel: [usize; 2],
        /// Vertical, horizontal.
        stride: [usize; 2],
        /// Top, left, bottom, right.
        padding: [usize; 4],
        /// The operand's shape.
        operand: Shape,
    },
    /// The two operands of an addition differ in shape.
    #[error("node {node}: cannot add {left} and {right}")]
    Mismatch {
        /// The node's name.
        node: String,
        /// First operand.
        left: Shape,
        /// Second operand.
        right: Shape,
    },
    /// An image is not of the input's size.
    #[error("an image has {got} bytes, the network's input takes {expected} (height x width x 3)")]
    ImageLength {
        /// Bytes of the input.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
}

impl Graph {
    /// Checks the whole graph; returns the shape of every node's tensor, in node order.
    ///
    /// # Errors
    /// The first fault in execution order, naming the node.
    pub fn check(&self) -> Result<Vec<Shape>, GraphError> {
        self.check_input()?;
        if self.output.0 >= self.nodes.len() {
            return Err(GraphError::NoSuchOutput {
                output: self.output,
                nodes: self.nodes.len(),
            });
        }
        let mut shapes = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            if (index == 0) != matches!(node.op, Op::Input) {
                return Err(GraphError::MisplacedInput {
                    node: node.name.clone(),
                });
            }
            let operands = node.operands(&shapes)?;
            shapes.push(match &node.op {
                Op::Input => Shape {
                    height: self.input.height,
                    width: self.input.width,
                    channels: 3,
                },
                _ => node.shape(&operands)?,
            });
        }
        Ok(shapes)
    }

    fn check_input(&self) -> Result<(), GraphError> {
        let input = &self.input;
        let sides = 1..=MAX_EXTENT;
        if !sides.contains(&input.height) || !sides.contains(&input.width) {
            return Err(GraphError::BadInput("height or width"));
        }
        if !input.mean.iter().all(|mean| mean.is_finite()) {
            return Err(GraphError::BadInput("mean"));
        }
        if !input.scale.iter().all(|s| s.is_finite() && *s != 0.0) {
            return Err(GraphError::BadInput("scale"));
        }
        Ok(())
    }
}

impl Node {
    /// Shapes of the operands, which must all be among the nodes already seen.
    fn operands(&self, seen: &[Shape]) -> Result<Vec<Shape>, GraphError> {
        let expected = match self.op {
            Op::Input => 0,
            Op::Add => 2,
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
            seen.get(operand.0)
                .copied()
                .ok_or_else(|| GraphError::NotEarlier {
                    node: self.name.clone(),
                    operand: *operand,
                })
        };
        self.inputs.iter().map(shape).collect()
    }

    fn shape(&self, operands: &[Shape]) -> Result<Shape, GraphError> {
        let first = operands[0];
        match &self.op {
            Op::Input | Op::Relu => {}
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
            Op::Add => {
                if operands[0] != operands[1] {
                    return Err(GraphError::Mismatch {
                        node: self.name.clone(),
                        left: operands[0],
                        right: operands[1],
                    });
                }
            }
            Op::FullyConnected(dense) => {
                let outputs = dense.out_features;
                let expected = first.elements().saturating_mul(outputs.max(1));
                self.parameter("weight", &dense.weight, expected)?;
                if let Some(bias) = &dense.bias {
                    self.parameter("bias", bias, outputs)?;
                }
                return Ok(Shape {
                    height: 1,
                    width: 1,
                    channels: outputs.max(1),
                });
            }
        }
        Ok(first)
    }

    fn conv_shape(&self, conv: &Conv2d, operand: Shape) -> Result<Shape, GraphError> {
        let channels_fit = conv.groups > 0
            && conv.out_channels > 0
            && conv.out_channels <= MAX_EXTENT
            && conv.out_channels % conv.groups == 0
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
        let [top, left, bottom, right] = conv.padding;
        let rows = extent(
            operand.height,
            [top, bottom],
            conv.kernel[0],
            conv.stride[0],
        );
        let columns = extent(operand.width, [left, right], conv.kernel[1], conv.stride[1]);
        let (Some(height), Some(width)) = (rows, columns) else {
            return Err(GraphError::Window {
                node: self.name.clone(),
                kernel: conv.kernel,
                stride: conv.stride,
                padding: conv.padding,
                operand,
            });
        };
        let taps = conv.kernel[0] * conv.kernel[1] * conv.in_per_group;
        self.parameter(
            "weight",
            &conv.weight,
            taps.saturating_mul(conv.out_channels),
        )?;
        if let Some(bias) = &conv.bias {
            self.parameter("bias", bias, conv.out_channels)?;
        }
        Ok(Shape {
            height,
            width,
            channels: conv.out_channels,
        })
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
        GraphError::ParameterValue {
            node: self.name.clone(),
            parameter,
            index,
            value,
        }
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
