//! The graph on tensors against the executor of single images, and its gradients against differences.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::graph::{Executor, Input, MaxPool, fold, random};
use crate::train::{parameters, with_parameters};

/// Pixels of some images, `[count, height, width, 3]`.
fn batch(images: &[Vec<u8>], input: &Input, device: &Device) -> Tensor<4> {
    let pixels: Vec<f32> = images.concat().into_iter().map(f32::from).collect();
    let shape = [images.len(), input.height, input.width, 3];
    Tensor::from_data(TensorData::new(pixels, shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The same embeddings within 1e-5 of their length, and the same graph back.
fn assert_same(graph: &Graph) {
    let images = random::images(3, graph.input.height, graph.input.width, 8);
    let run = |graph: &Graph| Executor::new(graph).unwrap().embed_batch(&images).unwrap().concat();
    let expected = run(graph);
    let device = Device::flex();
    let network = GraphNetwork::new(graph, &device).unwrap();
    let got = values(network.forward(batch(&images, &graph.input, &device)));
    let square = |v: &mut dyn Iterator<Item = f32>| v.map(|x| x * x).sum::<f32>();
    let apart = square(&mut got.iter().zip(&expected).map(|(a, b)| a - b));
    let size = square(&mut expected.iter().copied());
    assert_eq!(got.len(), expected.len());
    assert!(size > 0.0 && apart < 1e-10 * size, "{apart} of {size}");
    let folded = fold(graph).unwrap();
    let back = GraphNetwork::new(&folded, &device).unwrap().graph();
    assert!(back == folded, "a folded graph comes back changed");
}

/// What MobileFaceNets lack: uneven padding, a window without a kernel of its own, groups, pooling, gates, limits, hard functions,
/// two operands side by side, enlargement, a dense layer over pixels, the other colour order.
fn everything(seed: u64) -> Graph {
    let mut builder = random::Builder::new(9, 8, seed);
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
    let x = builder.norm(relu);
    let x = builder.prelu(x);
    let x = builder.depthwise(x, 2, 1, 0);
    let shared = builder.norm(x);
    let bent = builder.prelu(shared);
    let sum = builder.add(bent, shared);
    let graph = &mut builder.graph;
    let conv = Conv2d {
        weight: random::normal(&mut random::rng(seed), 8 * 9 * 3, 0.3),
        bias: None,
        out_channels: 8,
        in_per_group: 3,
        kernel: [3; 2],
        stride: [2; 2],
        padding: [1; 4],
        groups: 2,
    };
    let x = graph.push("groups", Op::Conv2d(conv), [sum]);
    let hard = graph.push("hard", Op::HardSigmoid { alpha: 0.3, beta: 0.4 }, [x]);
    let swish = graph.push("swish", Op::HardSwish, [x]);
    let both = graph.push("both", Op::Concat, [hard, swish]);
    let large = graph.push("large", Op::Upsample { factor: [3, 2] }, [both]);
    builder.dense(large, 5);
    builder.graph
}

#[test]
fn equals_the_executor_of_single_images() {
    for seed in 0..4 {
        assert_same(&random::small(seed));
        assert_same(&fold(&random::small(seed)).unwrap());
        assert_same(&everything(seed));
        assert_same(&fold(&everything(seed)).unwrap());
    }
}

/// Channels in whole vectors, so that the kernels of `net` take part; every node as the last.
#[test]
fn equals_the_executor_in_the_own_kernels_whatever_the_output() {
    let mut builder = random::Builder::new(16, 16, 3);
    let x = builder.conv(NodeId(0), 16, 3, 2, 1);
    let x = builder.block(x);
    let x = builder.depthwise(x, 3, 2, 1);
    let y = builder.block(x);
    let x = builder.norm(y);
    let x = builder.add(x, y);
    let x = builder.conv(x, 32, 1, 1, 0);
    let x = builder.prelu(x);
    builder.head(x, 4, 16);
    let graph = fold(&builder.graph).unwrap();
    let mut builder = random::Builder::new(16, 16, 3);
    for (index, node) in graph.nodes.iter().enumerate().skip(1) {
        builder.graph.push(node.name.clone(), node.op.clone(), node.inputs.clone());
        assert_eq!(builder.graph.output(), NodeId(index));
        assert_same(&builder.graph);
    }
}

/// Along a random direction of each parameter, the loss rises as its gradient says.
fn assert_gradients(graph: &Graph, names: &[&str]) {
    let device = Device::flex().autodiff();
    let network = GraphNetwork::new(graph, &device).unwrap();
    let images = random::images(2, graph.input.height, graph.input.width, 8);
    let images = batch(&images, &graph.input, &device);
    let outputs = values(network.forward(images.clone())).len();
    let pull = random::normal(&mut random::rng(7), outputs, 1.0);
    let loss = |network: &GraphNetwork| {
        let embeddings = network.forward(images.clone());
        let pull = TensorData::new(pull.clone(), embeddings.dims());
        (embeddings * Tensor::from_data(pull, &device)).sum()
    };
    let number = |network: &GraphNetwork| {
        let embeddings = values(network.forward(images.clone()));
        embeddings.iter().zip(&pull).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    let gradients = gradients_of(&network, loss(&network));
    assert_eq!(gradients.keys().collect::<Vec<_>>(), names);
    let stored = parameters(&network);
    for (name, gradient) in gradients {
        let direction = random::normal(&mut random::rng(11), gradient.len(), 1.0);
        let slope: f64 =
            gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let at = |step: f32| {
            let mut moved = stored.clone();
            let numbers = &mut moved.get_mut(&name).unwrap().numbers;
            numbers.iter_mut().zip(&direction).for_each(|(n, d)| *n += step * d);
            number(&with_parameters(network.clone(), &moved).unwrap())
        };
        // Small, for the bends of PReLU; what rounding in f32 then adds to a difference is below the second bound.
        let step = 2e-4;
        let difference = (at(step) - at(-step)) / (2.0 * f64::from(step));
        let size = slope.abs().max(difference.abs());
        assert!(size > 0.1, "{name}: little depends on it ({slope})");
        assert!((slope - difference).abs() < 0.02 * size + 0.02, "{name}: {slope}, {difference}");
    }
}

/// By parameter name; those that do not learn have none.
fn gradients_of(
    network: &GraphNetwork,
    loss: Tensor<1>,
) -> std::collections::BTreeMap<String, Vec<f32>> {
    use burn::module::ModuleVisitor;
    struct Take(Vec<String>, burn::tensor::Gradients, std::collections::BTreeMap<String, Vec<f32>>);
    impl ModuleVisitor for Take {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad_remove(&mut self.1) {
                self.2.insert(self.0.join("."), values(gradient));
            }
        }
    }
    let mut take = Take(Vec::new(), loss.backward(), std::collections::BTreeMap::new());
    network.visit(&mut take);
    take.2
}

#[test]
fn gradients_follow_differences() {
    // Of the folded graph: its first normalization is no layer's, so it stays a map; the second is read twice.
    let graph = fold(&everything(2)).unwrap();
    let names = [
        "embedding.weight",
        "layers.1.bias",
        "layers.1.weight",
        "layers.10.bias",
        "layers.10.weight",
        "layers.11.slope",
        "layers.13.weight",
        "layers.8.bias",
        "layers.8.factor",
        "layers.9.slope",
    ];
    assert_gradients(&graph, &names);
}

#[test]
fn gradients_of_a_mobilefacenets_layers_follow_differences() {
    let graph = fold(&random::small(1)).unwrap();
    let network = GraphNetwork::new(&graph, &Device::flex()).unwrap();
    let all = parameters(&network);
    let names: Vec<&str> =
        all.keys().map(String::as_str).filter(|name| *name != "embedding.bias").collect();
    assert!(names.len() > 20 && all.contains_key("embedding.bias"));
    assert_gradients(&graph, &names);
}
