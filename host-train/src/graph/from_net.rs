//! A trained network as a graph: the same arithmetic with running statistics in place of a batch's.

use super::{BatchNorm, Conv2d, FullyConnected, Graph, Input, NodeId, Op};
use crate::net::{
    ConvKind, ConvUnit, MobileFaceNet, NORM_EPSILON, NetworkConfig, PIXEL_MEAN, PIXEL_SCALE,
};
use burn::tensor::Tensor;
use model_format::ColourOrder;

/// The network's inference form, batch normalization still on its own. Images enter as red, green, blue.
#[must_use]
pub fn from_net(network: &MobileFaceNet, config: &NetworkConfig) -> Graph {
    let mut graph = Graph::new(Input {
        height: config.input,
        width: config.input,
        colour: ColourOrder::Rgb,
        mean: [PIXEL_MEAN; 3],
        scale: [PIXEL_SCALE; 3],
    });
    let mut x = NodeId(0);
    x = unit(&mut graph, "stem", &network.stem, x);
    x = unit(&mut graph, "stem_depthwise", &network.stem_depthwise, x);
    for (i, bottleneck) in network.bottlenecks.iter().enumerate() {
        let name = format!("bottlenecks.{i}");
        let mut y = unit(&mut graph, &format!("{name}.expand"), &bottleneck.expand, x);
        y = unit(&mut graph, &format!("{name}.depthwise"), &bottleneck.depthwise, y);
        y = unit(&mut graph, &format!("{name}.project"), &bottleneck.project, y);
        x = if bottleneck.residual {
            graph.push(format!("{name}.add"), Op::Add, [y, x])
        } else {
            y
        };
    }
    x = unit(&mut graph, "head", &network.head, x);
    x = unit(&mut graph, "global", &network.global, x);
    let [out_features, _] = network.embedding.weight.dims();
    let weight = numbers(network.embedding.weight.val());
    let dense = FullyConnected { weight, bias: None, out_features };
    x = graph.push("embedding", Op::FullyConnected(dense), [x]);
    graph.push("embedding.norm", Op::BatchNorm(norm(&network.embedding)), [x]);
    graph
}

/// Convolution, normalization and PReLU.
fn unit(graph: &mut Graph, name: &str, unit: &ConvUnit, x: NodeId) -> NodeId {
    let [rows, columns] = unit.weight.dims();
    let weight = numbers(unit.weight.val());
    let conv = match unit.kind {
        ConvKind::Stem => Conv2d {
            weight,
            bias: None,
            out_channels: rows,
            in_per_group: 3,
            kernel: [3; 2],
            stride: [2; 2],
            padding: [1; 4],
            groups: 1,
        },
        ConvKind::Pointwise => Conv2d {
            weight,
            bias: None,
            out_channels: rows,
            in_per_group: columns,
            kernel: [1; 2],
            stride: [1; 2],
            padding: [0; 4],
            groups: 1,
        },
        ConvKind::Depthwise { stride } => Conv2d {
            weight: transposed(&weight, rows, columns),
            bias: None,
            out_channels: columns,
            in_per_group: 1,
            kernel: [3; 2],
            stride: [stride; 2],
            padding: [1; 4],
            groups: columns,
        },
        ConvKind::GlobalDepthwise { side } => Conv2d {
            weight: transposed(&weight, rows, columns),
            bias: None,
            out_channels: columns,
            in_per_group: 1,
            kernel: [side; 2],
            stride: [1; 2],
            padding: [0; 4],
            groups: columns,
        },
    };
    let mut x = graph.push(name, Op::Conv2d(conv), [x]);
    x = graph.push(format!("{name}.norm"), Op::BatchNorm(norm(unit)), [x]);
    if let Some(slope) = &unit.slope {
        let slope = numbers(slope.val());
        x = graph.push(format!("{name}.prelu"), Op::Prelu { slope }, [x]);
    }
    x
}

fn norm(unit: &ConvUnit) -> BatchNorm {
    BatchNorm {
        gamma: numbers(unit.gamma.val()),
        beta: numbers(unit.beta.val()),
        mean: numbers(unit.mean.value()),
        variance: numbers(unit.variance.value()),
        epsilon: NORM_EPSILON as f32,
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_to_vec()
        .expect("networks are of f32: nothing else is ever loaded into one")
}

/// `[rows, columns]` to `[columns, rows]`.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::Executor;
    use burn::tensor::{Device, TensorData};

    fn network(config: &NetworkConfig) -> MobileFaceNet {
        MobileFaceNet::new(config, 3, &Device::flex()).unwrap()
    }

    #[test]
    fn counts_the_papers_multiplications_and_parameters() {
        let config = NetworkConfig::default();
        let graph = from_net(&network(&config), &config);
        assert_eq!(graph.macs().unwrap(), 220_965_376);
        // 976,000 weights; gamma and beta of the 50 units' 9,792 channels; slopes of the 7,552 that have PReLU.
        assert_eq!(graph.parameters(), 976_000 + 2 * 9_792 + 7_552);
    }

    /// After a batch's statistics are committed often enough, the running ones are the batch's own, but for the variance,
    /// which divides by one less. With that undone the graph must compute what the training forward computed.
    #[test]
    fn equals_the_training_forward() {
        let config = NetworkConfig { input: 32, base_channels: 16, embedding: 32 };
        let network = network(&config);
        let (length, batch) = (32 * 32 * 3, 256);
        let images: Vec<u8> = (0..batch * length)
            .map(|i: usize| (i.wrapping_mul(2_654_435_761) >> 9) as u8)
            .collect();
        let normalised: Vec<f32> =
            images.iter().map(|&p| (f32::from(p) - PIXEL_MEAN) * PIXEL_SCALE).collect();
        let data = TensorData::new(normalised, [batch, 32, 32, 3]);
        let x = Tensor::<4>::from_data(data, &Device::flex());
        let mut expected = Vec::new();
        for _ in 0..100 {
            let (embeddings, seen) = network.forward(x.clone());
            network.commit(seen);
            expected = numbers(embeddings);
        }
        let mut graph = from_net(&network, &config);
        let shapes = graph.check().unwrap();
        for (node, shape) in graph.nodes.iter_mut().zip(shapes) {
            if let Op::BatchNorm(norm) = &mut node.op {
                let count = (batch * shape.height * shape.width) as f32;
                norm.variance.iter_mut().for_each(|v| *v *= (count - 1.0) / count);
            }
        }
        let executor = Executor::new(&graph).unwrap();
        for (image, expected) in images.chunks(length).zip(expected.chunks(32)).take(8) {
            let got = executor.embed(image).unwrap();
            let norm = |v: &mut dyn Iterator<Item = f32>| v.map(|x| x * x).sum::<f32>().sqrt();
            let error = norm(&mut got.iter().zip(expected).map(|(a, b)| a - b));
            assert!(error < 1e-3 * norm(&mut expected.iter().copied()), "{error}");
        }
    }
}
