//! The float graph: the one form in which trained and imported networks reach the quantizer.
//!
//! ```text
//! trained net ─┐
//!              ├─> Graph ──fold──> Graph without BN ──> quantize ──> model.afm
//! ONNX file ───┘     ├──> Executor: float embeddings, activations for calibration
//!                    ├──> GraphNetwork: batches on any device, numbers that learn
//!                    └──> to_onnx: a file for other runtimes
//! ```
//!
//! A graph is a list of nodes in execution order. Every tensor is one image, `f32`, height-width-channel (HWC) with the
//! channel innermost, and belongs to the node that computes it. The graph knows nothing about bytes or int8;
//! [`Executor`] runs it, [`GraphNetwork`] makes it learn, [`fold()`] removes batch normalisation, [`Graph::check`] proves that it is well formed.
//!
//! Weights are stored as the int8 engine wants them, so that lowering never permutes:
//!
//! | parameter | layout |
//! | --- | --- |
//! | convolution | `[out][ky][kx][in per group]` |
//! | fully connected | `[out][in]`, `in` = flattened HWC |
//! | batch norm, PReLU, bias | `[channel]` |

mod check;
mod error;
mod execute;
mod fold;
mod from_net;
mod from_onnx;
mod layers;
mod network;
mod proto;
#[cfg(test)]
pub(crate) mod random;
mod shape;
mod to_onnx;

pub use error::GraphError;
pub use execute::Executor;
pub use fold::fold;
pub use from_net::from_net;
pub use from_onnx::{
    Normalisation, NormalisationError, OnnxError, from_exported, from_onnx, from_onnx_of_size,
};
pub use network::GraphNetwork;
pub use shape::Shape;
pub use to_onnx::to_onnx;

use core::fmt;
use model_format::ColourOrder;

/// A network with one image as input and named tensors as outputs; an embedding network has exactly one.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// What the first node's tensor is made from.
    pub input: Input,
    /// Nodes in execution order; node 0, and only node 0, is [`Op::Input`].
    pub nodes: Vec<Node>,
    /// What the network is asked for, at least one tensor; several where it is a detector.
    pub outputs: Vec<Output>,
}

/// A tensor that the network is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What the ONNX file calls it.
    pub name: String,
    /// Whose tensor it is.
    pub node: NodeId,
}

/// The image that the network expects, and how its bytes become numbers:
/// `real[y][x][c] = (u8[y][x][c] - mean[c]) * scale[c]`, channels in the order of `colour`.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Which colour channel 0 is. Images themselves are always RGB; the executor swaps.
    pub colour: ColourOrder,
    /// Subtracted first, in units of the 8-bit pixel.
    pub mean: [f32; 3],
    /// Multiplied second, real units per pixel step.
    pub scale: [f32; 3],
}

/// One operation and where its operands come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// For people: errors and reports name a node by it. Need not be unique.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// Operands, each an earlier node.
    pub inputs: Vec<NodeId>,
}

/// A node's position in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// What a node computes. All operations work on one image.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The normalised image, see [`Input`]. No operand.
    Input,
    /// Convolution with zero padding, optionally grouped.
    Conv2d(Conv2d),
    /// Per-channel affine map with the statistics of training.
    BatchNorm(BatchNorm),
    /// `x` where positive, `slope[channel] * x` elsewhere.
    Prelu {
        /// One slope a channel.
        slope: Vec<f32>,
    },
    /// `max(x, 0)`.
    Relu,
    /// `x` kept between two limits, either of which may be infinite.
    Clip {
        /// Least result.
        low: f32,
        /// Greatest result, not below `low`.
        high: f32,
    },
    /// Sum of two tensors of equal shape.
    Add,
    /// Matrix times the flattened operand; the result is `1 x 1 x out`.
    FullyConnected(FullyConnected),
    /// Largest value under a window, each channel by itself; padding never counts.
    MaxPool(MaxPool),
    /// Mean of each channel over all pixels; the result is `1 x 1 x channels`.
    GlobalAveragePool,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `alpha x + beta`, kept between 0 and 1.
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `x * clamp(x / 6 + 1 / 2, 0, 1)`, arXiv 1905.02244.
    HardSwish,
    /// The channels of the first operand, then those of the second, which has as many pixels.
    Concat,
    /// Every pixel repeated: `y[row][column] = x[row / factor[0]][column / factor[1]]`.
    Upsample {
        /// Rows and columns that one pixel becomes, not zero.
        factor: [usize; 2],
    },
    /// The first operand, each channel times the second operand's value of that channel; the second is `1 x 1 x channels`.
    ScaleChannels,
}

/// A convolution: `y[oy][ox][o] = bias[o] + sum over ky, kx, i of
/// x[oy*stride + ky - top][ox*stride + kx - left][group(o)*in_per_group + i] * weight[o][ky][kx][i]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    /// `[out][ky][kx][in per group]`.
    pub weight: Vec<f32>,
    /// One value an output channel, or none.
    pub bias: Option<Vec<f32>>,
    /// Output channels.
    pub out_channels: usize,
    /// Input channels that one output channel reads.
    pub in_per_group: usize,
    /// Height, width of the window.
    pub kernel: [usize; 2],
    /// Vertical, horizontal step.
    pub stride: [usize; 2],
    /// Zero rows and columns added: top, left, bottom, right.
    pub padding: [usize; 4],
    /// Channel groups; both channel counts are multiples of it.
    pub groups: usize,
}

impl Conv2d {
    /// One filter a channel: the form that has an int8 kernel of its own.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.in_per_group == 1 && self.out_channels == self.groups
    }
}

/// The window of a maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// Height, width of the window.
    pub kernel: [usize; 2],
    /// Vertical, horizontal step.
    pub stride: [usize; 2],
    /// Rows and columns added: top, left, bottom, right; each smaller than the kernel.
    pub padding: [usize; 4],
}

/// Batch normalisation at inference: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// Scale.
    pub gamma: Vec<f32>,
    /// Shift.
    pub beta: Vec<f32>,
    /// Running mean.
    pub mean: Vec<f32>,
    /// Running variance, not negative.
    pub variance: Vec<f32>,
    /// Added to the variance.
    pub epsilon: f32,
}

impl BatchNorm {
    /// The same map as `y = factor * x + offset`, in double precision.
    pub(crate) fn affine(&self, channel: usize) -> (f64, f64) {
        let deviation = (f64::from(self.variance[channel]) + f64::from(self.epsilon)).sqrt();
        let factor = f64::from(self.gamma[channel]) / deviation;
        let offset = f64::from(self.beta[channel]) - factor * f64::from(self.mean[channel]);
        (factor, offset)
    }
}

/// A dense layer: `y[o] = bias[o] + sum over i of weight[o][i] * x[i]`, `x` flattened HWC.
#[derive(Clone, Debug, PartialEq)]
pub struct FullyConnected {
    /// `[out][in]`.
    pub weight: Vec<f32>,
    /// One value an output, or none.
    pub bias: Option<Vec<f32>>,
    /// Outputs.
    pub out_features: usize,
}

impl Graph {
    /// A graph of the input alone; add nodes with [`Graph::push`].
    pub fn new(input: Input) -> Self {
        let node = Node { name: "input".to_owned(), op: Op::Input, inputs: Vec::new() };
        let mut graph = Self { input, nodes: vec![node], outputs: Vec::new() };
        graph.embed_at(NodeId(0));
        graph
    }

    /// The first output; of an embedding network, the embedding.
    ///
    /// # Panics
    /// When there is no output, which [`Graph::check`] refuses.
    pub fn output(&self) -> NodeId {
        self.outputs[0].node
    }

    /// Whether the network gives one vector, and not maps or several outputs; `shapes` are those of [`Graph::check`].
    pub fn is_embedding(&self, shapes: &[Shape]) -> bool {
        let Shape { height, width, .. } = shapes[self.output().0];
        self.outputs.len() == 1 && (height, width) == (1, 1)
    }

    /// Whether the network is asked for this node's tensor.
    pub fn is_output(&self, id: NodeId) -> bool {
        self.outputs.iter().any(|output| output.node == id)
    }

    /// Makes `node` the only output, named `embedding`.
    pub fn embed_at(&mut self, node: NodeId) {
        self.outputs = vec![Output { name: "embedding".to_owned(), node }];
    }

    /// Appends a node and makes it the only output. Nothing is checked here: [`Graph::check`] sees the whole.
    pub fn push(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: impl Into<Vec<NodeId>>,
    ) -> NodeId {
        self.nodes.push(Node { name: name.into(), op, inputs: inputs.into() });
        let id = NodeId(self.nodes.len() - 1);
        self.embed_at(id);
        id
    }

    /// The node at `id`.
    ///
    /// # Panics
    /// When `id` is of another graph and out of range here.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// For each node, the nodes that read its tensor, in execution order; a node that reads it twice is listed twice.
    pub fn users(&self) -> Vec<Vec<NodeId>> {
        let mut users = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for operand in &node.inputs {
                users[operand.0].push(NodeId(index));
            }
        }
        users
    }

    /// Multiply-accumulates of the convolutions and dense layers for one image, padding taps counted as work.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn macs(&self) -> Result<u64, GraphError> {
        let shapes = self.check()?;
        let count = |(node, shape): (&Node, &Shape)| match &node.op {
            Op::Conv2d(conv) => {
                let taps = conv.kernel[0] * conv.kernel[1] * conv.in_per_group;
                (shape.elements() * taps) as u64
            }
            Op::FullyConnected(dense) => dense.weight.len() as u64,
            _ => 0,
        };
        Ok(self.nodes.iter().zip(&shapes).map(count).sum())
    }

    /// Trained values: weights, biases, slopes, gamma and beta; running statistics are not counted.
    pub fn parameters(&self) -> u64 {
        let count = |node: &Node| match &node.op {
            Op::Conv2d(conv) => conv.weight.len() + conv.bias.as_ref().map_or(0, Vec::len),
            Op::FullyConnected(dense) => {
                dense.weight.len() + dense.bias.as_ref().map_or(0, Vec::len)
            }
            Op::BatchNorm(norm) => norm.gamma.len() + norm.beta.len(),
            Op::Prelu { slope } => slope.len(),
            _ => 0,
        };
        self.nodes.iter().map(|node| count(node) as u64).sum()
    }
}

impl Op {
    /// What an operation that treats all values alike makes of `x`; none of any other operation. Int8 has it as a table.
    pub fn at(&self, x: f32) -> Option<f32> {
        match *self {
            Self::Relu => Some(x.max(0.0)),
            Self::Clip { low, high } => Some(x.max(low).min(high)),
            Self::Sigmoid => Some(1.0 / (1.0 + (-x).exp())),
            Self::HardSigmoid { alpha, beta } => Some((alpha * x + beta).clamp(0.0, 1.0)),
            Self::HardSwish => Some(x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
            _ => None,
        }
    }

    /// The operation's name in messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Conv2d(_) => "Conv2d",
            Self::BatchNorm(_) => "BatchNorm",
            Self::Prelu { .. } => "Prelu",
            Self::Relu => "Relu",
            Self::Clip { .. } => "Clip",
            Self::Add => "Add",
            Self::FullyConnected(_) => "FullyConnected",
            Self::MaxPool(_) => "MaxPool",
            Self::GlobalAveragePool => "GlobalAveragePool",
            Self::Sigmoid => "Sigmoid",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::Concat => "Concat",
            Self::Upsample { .. } => "Upsample",
            Self::ScaleChannels => "ScaleChannels",
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::random;

    #[test]
    fn mobilefacenet_has_the_published_size() {
        let graph = random::mobilefacenet();
        // Every layer of table 1 of arXiv 1804.07573 at 112x112, first convolution and linear layer included.
        assert_eq!(graph.macs().unwrap(), 220_965_376);
        // The paper says 0.99 million parameters.
        let parameters = graph.parameters();
        assert!((980_000..1_010_000).contains(&parameters), "{parameters}");
    }

    #[test]
    fn users_lists_a_double_reader_twice() {
        let mut graph = random::Builder::new(4, 4, 7).graph;
        let doubled = graph.push("double", super::Op::Add, [super::NodeId(0); 2]);
        assert_eq!(graph.users()[0], [doubled, doubled]);
    }
}
