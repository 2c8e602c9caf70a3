//! A float graph on tensors: whole batches at once, on whatever device they lie, with its numbers as parameters that can learn. On the
//! CPU, [`Executor`](super::Executor) is the faster one where nothing is learned.
//!
//! | node | parameters |
//! | --- | --- |
//! | convolution | `weight`: `[window, channels]` of a depthwise one, else `[out, window * in per group]`; `bias [out]` |
//! | dense layer | `weight [out, in]`, `bias [out]` |
//! | normalization, or the 1x1 depthwise convolution that folding makes of one | `factor [c]`, `bias [c]` |
//! | PReLU | `slope [c]` |
//!
//! They are named `layers.NODE.weight` and so on, but for those of the node that makes the embedding: `embedding.weight`.

use super::from_net::transposed;
use super::{BatchNorm, Conv2d, Graph, GraphError, Node, NodeId, Op};
use crate::net::{
    ConvKind, Filters, Window, affine, clip, convolution, enlarged, global_average, maximum,
    windowed,
};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation};
use core::mem::take;
use model_format::ColourOrder;

/// A checked graph whose numbers are parameters on a device.
#[derive(Module, Debug)]
pub struct GraphNetwork {
    /// One a node.
    layers: Vec<Numbers>,
    /// Those of the output's node, in place of the ones above. Its bias does not learn: a margin loss would draw the embeddings of all
    /// faces along it to one side.
    embedding: Numbers,
    /// What is computed, without the numbers.
    #[module(skip)]
    graph: Graph,
    /// One a node.
    #[module(skip)]
    steps: Vec<Step>,
}

/// The numbers of one node that can learn.
#[derive(Module, Debug)]
struct Numbers {
    weight: Option<Param<Tensor<2>>>,
    /// What every channel is multiplied by.
    factor: Option<Param<Tensor<1>>>,
    /// What is added to every channel.
    bias: Option<Param<Tensor<1>>>,
    /// PReLU's.
    slope: Option<Param<Tensor<1>>>,
}

/// How a node is computed beside others.
#[derive(Clone, Debug, Default)]
struct Step {
    /// Operands that no later node reads.
    done: Vec<NodeId>,
    /// The PReLU that this node computes with its own map, in one pass.
    with: Option<NodeId>,
    /// Whether the operand's node has done it already.
    is_done: bool,
}

impl GraphNetwork {
    /// Checks the graph and copies its numbers to `device`.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn new(graph: &Graph, device: &Device) -> Result<Self, GraphError> {
        graph.check()?;
        let steps = steps(graph);
        let mut graph = graph.clone();
        let output = graph.output().0;
        let mut layers: Vec<Numbers> =
            graph.nodes.iter_mut().map(|node| Numbers::taken(&mut node.op, device)).collect();
        let mut embedding = core::mem::replace(&mut layers[output], Numbers::none());
        embedding.bias = embedding.bias.map(|bias| bias.set_require_grad(false));
        Ok(Self { layers, embedding, graph, steps })
    }

    /// The first output's tensors, flattened HWC, `[batch, elements]`, of `images [batch, height, width, 3]`: pixels from 0 to 255, red
    /// first whatever the network's colour order, of the graph's size.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let mut tensors: Vec<Option<Tensor<4>>> = vec![None; self.steps.len()];
        for (index, (node, step)) in self.graph.nodes.iter().zip(&self.steps).enumerate() {
            let operand = |i: usize| {
                let tensor = tensors[node.inputs[i].0].clone();
                tensor.expect("operands are earlier and still read")
            };
            let result = match &node.op {
                Op::Input => self.normalised(images.clone()),
                _ if step.is_done => operand(0),
                Op::Conv2d(_) | Op::BatchNorm(_) | Op::Prelu { .. } | Op::FullyConnected(_) => {
                    let numbers = self.numbers(NodeId(index));
                    let slope = step.with.map_or(numbers, |prelu| self.numbers(prelu));
                    numbers.mapped(numbers.product(&node.op, operand(0)), slope.slope.as_ref())
                }
                Op::Relu => clip(operand(0), [0.0, f32::INFINITY]),
                Op::Clip { low, high } => clip(operand(0), [*low, *high]),
                Op::Add => operand(0) + operand(1),
                Op::MaxPool(pool) => {
                    let (kernel, stride, padding) = (pool.kernel, pool.stride, pool.padding);
                    maximum(operand(0), Window { kernel, stride, padding })
                }
                Op::GlobalAveragePool => global_average(operand(0)),
                Op::Sigmoid => activation::sigmoid(operand(0)),
                Op::HardSigmoid { alpha, beta } => hard_sigmoid(operand(0), *alpha, *beta),
                Op::HardSwish => operand(0) * hard_sigmoid(operand(0), 1.0 / 6.0, 0.5),
                Op::ScaleChannels => operand(0) * operand(1),
                Op::Concat => Tensor::cat(vec![operand(0), operand(1)], 3),
                Op::Upsample { factor } => enlarged(operand(0), *factor),
            };
            for operand in &step.done {
                tensors[operand.0] = None;
            }
            tensors[index] = Some(result);
        }
        let embedding = tensors[self.graph.output().0].take();
        flat(embedding.expect("nothing reads the output last"))
    }

    /// The graph with the parameters as they are now.
    #[must_use]
    pub fn graph(&self) -> Graph {
        let mut graph = self.graph.clone();
        for (index, node) in graph.nodes.iter_mut().enumerate() {
            self.numbers(NodeId(index)).put(&mut node.op);
        }
        graph
    }

    fn numbers(&self, node: NodeId) -> &Numbers {
        if node == self.graph.output() { &self.embedding } else { &self.layers[node.0] }
    }

    /// Images as the network's first node gives them.
    fn normalised(&self, images: Tensor<4>) -> Tensor<4> {
        let input = &self.graph.input;
        let device = &images.device();
        let row = |numbers: [f32; 3]| Tensor::<1>::from_floats(numbers, device).unsqueeze::<4>();
        let ordered = match input.colour {
            ColourOrder::Rgb => images,
            ColourOrder::Bgr => images.flip([3]),
        };
        (ordered - row(input.mean)) * row(input.scale)
    }
}

/// What is computed together, and which tensors are let go when.
fn steps(graph: &Graph) -> Vec<Step> {
    let users = graph.users();
    let mut steps = vec![Step::default(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let read_last = |operand: &&NodeId| {
            users[operand.0].last() == Some(&NodeId(index)) && !graph.is_output(**operand)
        };
        steps[index].done = node.inputs.iter().filter(read_last).copied().collect();
        if let (Op::Prelu { .. }, [operand]) = (&node.op, &node.inputs[..])
            && has_map(graph.node(*operand))
            && users[operand.0].len() == 1
            && !graph.is_output(*operand)
        {
            steps[operand.0].with = Some(NodeId(index));
            steps[index].is_done = true;
        }
    }
    steps
}

/// Whether a node ends in `factor x + bias`.
fn has_map(node: &Node) -> bool {
    matches!(node.op, Op::Conv2d(_) | Op::BatchNorm(_) | Op::FullyConnected(_))
}

/// Whether a convolution does nothing but multiply every channel by a number of its own.
fn is_map(conv: &Conv2d) -> bool {
    conv.is_depthwise() && (conv.kernel, conv.stride, conv.padding) == ([1; 2], [1; 2], [0; 4])
}

/// Taps of one channel.
fn taps(conv: &Conv2d) -> usize {
    conv.kernel[0] * conv.kernel[1]
}

impl Numbers {
    const fn none() -> Self {
        Self { weight: None, factor: None, bias: None, slope: None }
    }

    /// Takes the numbers out of an operation.
    fn taken(op: &mut Op, device: &Device) -> Self {
        let row = |numbers: Vec<f32>| {
            let shape = [numbers.len()];
            Some(Param::from_tensor(Tensor::from_data(TensorData::new(numbers, shape), device)))
        };
        let table = |numbers: Vec<f32>, rows: usize| {
            let shape = [rows, numbers.len() / rows];
            Some(Param::from_tensor(Tensor::from_data(TensorData::new(numbers, shape), device)))
        };
        match op {
            Op::Conv2d(conv) => {
                let (weight, bias) = (take(&mut conv.weight), conv.bias.take().and_then(row));
                if is_map(conv) {
                    return Self { factor: row(weight), bias, ..Self::none() };
                }
                let weight = match conv.is_depthwise() {
                    true => {
                        let (rows, columns) = (conv.out_channels, taps(conv));
                        table(transposed(&weight, rows, columns), columns)
                    }
                    false => table(weight, conv.out_channels),
                };
                Self { weight, bias, ..Self::none() }
            }
            Op::FullyConnected(dense) => {
                let weight = table(take(&mut dense.weight), dense.out_features);
                Self { weight, bias: dense.bias.take().and_then(row), ..Self::none() }
            }
            Op::BatchNorm(norm) => {
                let affine = (0..norm.gamma.len()).map(|c| norm.affine(c));
                let (factor, bias) = affine.map(|(f, o)| (f as f32, o as f32)).unzip();
                Self { factor: row(factor), bias: row(bias), ..Self::none() }
            }
            Op::Prelu { slope } => Self { slope: row(take(slope)), ..Self::none() },
            _ => Self::none(),
        }
    }

    /// Puts them back.
    fn put(&self, op: &mut Op) {
        let bias = self.bias.as_ref().map(numbers);
        match op {
            Op::Conv2d(conv) => {
                conv.weight = match (&self.weight, &self.factor) {
                    (Some(weight), _) if conv.is_depthwise() => {
                        transposed(&numbers(weight), taps(conv), conv.out_channels)
                    }
                    (Some(weight), _) => numbers(weight),
                    (None, factor) => factor.as_ref().map_or_else(Vec::new, numbers),
                };
                conv.bias = bias;
            }
            Op::FullyConnected(dense) => {
                dense.weight = self.weight.as_ref().map_or_else(Vec::new, numbers);
                dense.bias = bias;
            }
            Op::BatchNorm(norm) => {
                let gamma = self.factor.as_ref().map_or_else(Vec::new, numbers);
                let beta = bias.unwrap_or_default();
                let (mean, variance) = (vec![0.0; gamma.len()], vec![1.0; gamma.len()]);
                *norm = BatchNorm { gamma, beta, mean, variance, epsilon: 0.0 };
            }
            Op::Prelu { slope } => {
                *slope = self.slope.as_ref().map_or_else(Vec::new, numbers);
            }
            _ => {}
        }
    }

    /// The sums over the weights, where there are any.
    fn product(&self, op: &Op, x: Tensor<4>) -> Tensor<4> {
        let Some(weight) = &self.weight else {
            return x;
        };
        if let Op::Conv2d(conv) = op {
            let (kernel, stride, padding) = (conv.kernel, conv.stride, conv.padding);
            let filters = match conv.is_depthwise() {
                true => Filters::Depthwise,
                false => Filters::Grouped(conv.groups),
            };
            return windowed(x, weight.val(), Window { kernel, stride, padding }, filters);
        }
        let x = flat(x);
        let [batch, inputs] = x.dims();
        convolution(x.reshape([batch, 1, 1, inputs]), weight.val(), ConvKind::Pointwise)
    }

    /// `factor x + bias`, then PReLU where there is a slope.
    fn mapped(&self, x: Tensor<4>, slope: Option<&Param<Tensor<1>>>) -> Tensor<4> {
        if self.factor.is_none() && self.bias.is_none() && slope.is_none() {
            return x;
        }
        let row = |numbers: Option<&Param<Tensor<1>>>, neutral: f32| {
            numbers.map_or_else(|| Tensor::full([x.dims()[3]], neutral, &x.device()), Param::val)
        };
        let (factor, bias) = (row(self.factor.as_ref(), 1.0), row(self.bias.as_ref(), 0.0));
        affine(x, factor, bias, slope.map(Param::val))
    }
}

fn numbers<const D: usize>(parameter: &Param<Tensor<D>>) -> Vec<f32> {
    parameter.val().into_data().try_to_vec().expect("the network computes in f32")
}

/// `[batch, height, width, channels]` as `[batch, height * width * channels]`.
fn flat(x: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = x.dims();
    x.reshape([batch, height * width * channels])
}

fn hard_sigmoid(x: Tensor<4>, alpha: f32, beta: f32) -> Tensor<4> {
    (x * alpha + beta).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
