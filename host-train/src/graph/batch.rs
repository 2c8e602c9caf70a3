//! Runs a float graph on tensors: whole batches at once, on whatever device they lie. On the CPU,
//! [`Executor`](super::Executor) is faster.

use super::{Graph, GraphError, Input, NodeId, Op};
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions, PadMode};
use burn::tensor::{Device, Tensor, TensorData, activation};
use model_format::ColourOrder;

/// A checked graph whose weights lie on a device.
#[derive(Debug)]
pub struct BatchExecutor {
    input: Input,
    steps: Vec<Step>,
    output: NodeId,
}

#[derive(Debug)]
struct Step {
    kind: Kind,
    inputs: Vec<NodeId>,
    /// Operands that no later step reads.
    done: Vec<NodeId>,
}

/// An operation on `[batch, channels, height, width]`, with its weights.
#[derive(Debug)]
enum Kind {
    Input {
        mean: Tensor<4>,
        scale: Tensor<4>,
    },
    Conv {
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        options: ConvOptions<2>,
        padding: [usize; 4],
    },
    /// `factor x + offset`.
    Affine {
        factor: Tensor<4>,
        offset: Tensor<4>,
    },
    Prelu {
        slope: Tensor<4>,
    },
    Clip {
        low: f32,
        high: f32,
    },
    Add,
    /// `[in, out]`.
    Dense {
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
    },
    MaxPool {
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 4],
    },
    Mean,
    Sigmoid,
    HardSigmoid {
        alpha: f32,
        beta: f32,
    },
    HardSwish,
    ScaleChannels,
    Concat,
    Upsample {
        factor: [usize; 2],
    },
}

impl BatchExecutor {
    /// Checks the graph and copies its weights to `device`.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn new(graph: &Graph, device: &Device) -> Result<Self, GraphError> {
        graph.check()?;
        let users = graph.users();
        let step = |(index, node): (usize, &super::Node)| {
            let read_last = |operand: &&NodeId| {
                users[operand.0].last() == Some(&NodeId(index)) && !graph.is_output(**operand)
            };
            let done = node.inputs.iter().filter(read_last).copied();
            let kind = kind(&node.op, &graph.input, device);
            Step { kind, inputs: node.inputs.clone(), done: done.collect() }
        };
        let steps = graph.nodes.iter().enumerate().map(step).collect();
        Ok(Self { input: graph.input.clone(), steps, output: graph.output() })
    }

    /// The first output's tensors, flattened HWC, `[batch, elements]`, of `images [batch, height, width, 3]`: pixels from 0 to 255, red
    /// first whatever the network's colour order, of the graph's size.
    pub fn embed(&self, images: Tensor<4>) -> Tensor<2> {
        let mut tensors: Vec<Option<Tensor<4>>> = vec![None; self.steps.len()];
        for (index, Step { kind, inputs, done }) in self.steps.iter().enumerate() {
            let operand = |i: usize| {
                tensors[inputs[i].0].clone().expect("operands are earlier and still read")
            };
            let result = match kind {
                Kind::Input { mean, scale } => {
                    let ordered = match self.input.colour {
                        ColourOrder::Rgb => images.clone(),
                        ColourOrder::Bgr => images.clone().flip([3]),
                    };
                    (ordered.permute([0, 3, 1, 2]) - mean.clone()) * scale.clone()
                }
                Kind::Conv { weight, bias, options, padding } => conv2d(
                    padded(operand(0), *padding, 0.0),
                    weight.clone(),
                    bias.clone(),
                    options.clone(),
                ),
                Kind::Affine { factor, offset } => operand(0) * factor.clone() + offset.clone(),
                Kind::Prelu { slope } => {
                    let x = operand(0);
                    x.clone().clamp_min(0.0) + x.clamp_max(0.0) * slope.clone()
                }
                Kind::Clip { low, high } => operand(0).clamp(*low, *high),
                Kind::Add => operand(0) + operand(1),
                Kind::Dense { weight, bias } => {
                    let y = flat(operand(0)).matmul(weight.clone());
                    let y = match bias {
                        Some(bias) => y + bias.clone().unsqueeze(),
                        None => y,
                    };
                    let [batch, out] = y.dims();
                    y.reshape([batch, out, 1, 1])
                }
                Kind::MaxPool { kernel, stride, padding } => {
                    let x = padded(operand(0), *padding, f32::NEG_INFINITY);
                    max_pool2d(x, MaxPoolOptions::new(*kernel).with_stride(*stride))
                }
                Kind::Mean => operand(0).mean_dim(2).mean_dim(3),
                Kind::Sigmoid => activation::sigmoid(operand(0)),
                Kind::HardSigmoid { alpha, beta } => hard_sigmoid(operand(0), *alpha, *beta),
                Kind::HardSwish => operand(0) * hard_sigmoid(operand(0), 1.0 / 6.0, 0.5),
                Kind::ScaleChannels => operand(0) * operand(1),
                Kind::Concat => Tensor::cat(vec![operand(0), operand(1)], 1),
                Kind::Upsample { factor: [down, right] } => {
                    let x = operand(0);
                    let [batch, channels, height, width] = x.dims();
                    let pixels = x.reshape([batch, channels, height, 1, width, 1]);
                    let repeated = pixels.repeat_dim(3, *down).repeat_dim(5, *right);
                    repeated.reshape([batch, channels, height * down, width * right])
                }
            };
            for operand in done {
                tensors[operand.0] = None;
            }
            tensors[index] = Some(result);
        }
        flat(tensors[self.output.0].take().expect("nothing reads the output last"))
    }
}

/// `[batch, channels, height, width]` as `[batch, height * width * channels]`.
fn flat(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.permute([0, 2, 3, 1]).reshape([batch, height * width * channels])
}

fn hard_sigmoid(x: Tensor<4>, alpha: f32, beta: f32) -> Tensor<4> {
    (x * alpha + beta).clamp(0.0, 1.0)
}

/// `x [batch, channels, height, width]` with `value` around it: so many rows and columns top, left, bottom, right.
pub(crate) fn padded(
    x: Tensor<4>,
    [top, left, bottom, right]: [usize; 4],
    value: f32,
) -> Tensor<4> {
    if [top, left, bottom, right] == [0; 4] {
        return x;
    }
    x.pad([(top, bottom), (left, right)], PadMode::Constant(value))
}

fn kind(op: &Op, input: &Input, device: &Device) -> Kind {
    let row = |values: &[f32]| Tensor::<1>::from_floats(values, device);
    let channels = |values: &[f32]| row(values).reshape([1, values.len(), 1, 1]);
    match op {
        Op::Input => Kind::Input { mean: channels(&input.mean), scale: channels(&input.scale) },
        Op::Conv2d(conv) => {
            let [kernel_h, kernel_w] = conv.kernel;
            let shape = [conv.out_channels, kernel_h, kernel_w, conv.in_per_group];
            let weight = TensorData::new(conv.weight.clone(), shape);
            let [top, left, bottom, right] = conv.padding;
            // What is the same on both sides is the convolution's own to pad.
            let (height, width) = (top.min(bottom), left.min(right));
            let options = ConvOptions::new(conv.stride, [height, width], [1, 1], conv.groups);
            Kind::Conv {
                weight: Tensor::<4>::from_data(weight, device).permute([0, 3, 1, 2]),
                bias: conv.bias.as_deref().map(row),
                options,
                padding: [top - height, left - width, bottom - height, right - width],
            }
        }
        Op::BatchNorm(norm) => {
            let affine = (0..norm.gamma.len()).map(|c| norm.affine(c));
            let (factor, offset): (Vec<f32>, Vec<f32>) =
                affine.map(|(factor, offset)| (factor as f32, offset as f32)).unzip();
            Kind::Affine { factor: channels(&factor), offset: channels(&offset) }
        }
        Op::Prelu { slope } => Kind::Prelu { slope: channels(slope) },
        Op::Relu => Kind::Clip { low: 0.0, high: f32::INFINITY },
        Op::Clip { low, high } => Kind::Clip { low: *low, high: *high },
        Op::Add => Kind::Add,
        Op::FullyConnected(dense) => {
            let inputs = dense.weight.len() / dense.out_features.max(1);
            let weight = row(&dense.weight).reshape([dense.out_features, inputs]).transpose();
            Kind::Dense { weight, bias: dense.bias.as_deref().map(row) }
        }
        Op::MaxPool(pool) => {
            let (kernel, stride, padding) = (pool.kernel, pool.stride, pool.padding);
            Kind::MaxPool { kernel, stride, padding }
        }
        Op::GlobalAveragePool => Kind::Mean,
        Op::Sigmoid => Kind::Sigmoid,
        Op::HardSigmoid { alpha, beta } => Kind::HardSigmoid { alpha: *alpha, beta: *beta },
        Op::HardSwish => Kind::HardSwish,
        Op::ScaleChannels => Kind::ScaleChannels,
        Op::Concat => Kind::Concat,
        Op::Upsample { factor } => Kind::Upsample { factor: *factor },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Executor, MaxPool, random};

    fn assert_same(graph: &Graph) {
        let Input { height, width, .. } = graph.input;
        let images = random::images(3, height, width, 8);
        let expected = Executor::new(graph).unwrap().embed_batch(&images).unwrap().concat();
        let pixels: Vec<f32> = images.concat().into_iter().map(f32::from).collect();
        let device = Device::flex();
        let batch = Tensor::from_data(TensorData::new(pixels, [3, height, width, 3]), &device);
        let executor = BatchExecutor::new(graph, &device).unwrap();
        let got: Vec<f32> = executor.embed(batch).into_data().try_to_vec().unwrap();
        let square = |v: &mut dyn Iterator<Item = f32>| v.map(|x| x * x).sum::<f32>();
        let apart = square(&mut got.iter().zip(&expected).map(|(a, b)| a - b));
        let size = square(&mut expected.iter().copied());
        assert_eq!(got.len(), expected.len());
        assert!(size > 0.0 && apart < 1e-10 * size, "{apart} of {size}");
    }

    #[test]
    fn equals_the_executor_of_single_images() {
        for seed in 0..4 {
            assert_same(&random::small(seed));
        }
    }

    /// What MobileFaceNets lack: uneven padding, pooling, gates, clips, a whole image as output, the other colour order.
    #[test]
    fn equals_the_executor_in_the_other_operations() {
        let mut builder = random::Builder::new(9, 8, 2);
        builder.graph.input.colour = ColourOrder::Bgr;
        builder.graph.input.mean = [100.0, 120.0, 140.0];
        let x = builder.conv(NodeId(0), 6, 3, 1, 1);
        let graph = &mut builder.graph;
        if let Op::Conv2d(conv) = &mut graph.nodes[x.0].op {
            conv.padding = [0, 1, 2, 3];
            conv.bias = Some(vec![0.5, -0.5, 0.1, 0.2, 0.3, -0.1]);
        }
        let x = graph.push("clip", Op::Clip { low: -0.5, high: 1.5 }, [x]);
        let pool = MaxPool { kernel: [3, 2], stride: [2, 1], padding: [1, 1, 0, 0] };
        let pooled = graph.push("pool", Op::MaxPool(pool), [x]);
        let mean = graph.push("mean", Op::GlobalAveragePool, [pooled]);
        let gate = graph.push("gate", Op::Sigmoid, [mean]);
        let scaled = graph.push("scaled", Op::ScaleChannels, [pooled, gate]);
        let relu = graph.push("relu", Op::Relu, [scaled]);
        let sum = graph.push("sum", Op::Add, [relu, pooled]);
        assert_same(&builder.graph);
        let graph = &mut builder.graph;
        let hard = graph.push("hard", Op::HardSigmoid { alpha: 0.3, beta: 0.4 }, [sum]);
        let swish = graph.push("swish", Op::HardSwish, [sum]);
        let both = graph.push("both", Op::Concat, [hard, swish]);
        let large = graph.push("large", Op::Upsample { factor: [3, 2] }, [both]);
        assert_same(&builder.graph);
        builder.dense(large, 5);
        assert_same(&builder.graph);
    }
}
