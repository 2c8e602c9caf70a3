//! A trained network as a graph: the same arithmetic with running statistics in place of a batch's.

use super::{BatchNorm, Conv2d, FullyConnected, Graph, Input, MaxPool, NodeId, Op};
use crate::net::{
    Bottleneck, ConvKind, Dense, NORM_EPSILON, Network, NetworkConfig, OutputSetting, PIXEL_MEAN,
    PIXEL_SCALE, ResidualUnit, SqueezeExcite, Stem, Unit,
};
use burn::tensor::Tensor;
use model_format::ColourOrder;

/// The network's inference form, batch normalization still on its own, dropout gone. Images enter as red, green, blue.
#[must_use]
pub fn from_net(network: &Network, config: &NetworkConfig) -> Graph {
    let mut graph = Graph::new(Input {
        height: config.input,
        width: config.input,
        colour: ColourOrder::Rgb,
        mean: [PIXEL_MEAN; 3],
        scale: [PIXEL_SCALE; 3],
    });
    let mut x = unit(&mut graph, "stem", &network.stem, NodeId(0));
    if network.stem_setting == Stem::Plain {
        let pool = MaxPool { kernel: [3; 2], stride: [2; 2], padding: [1; 4] };
        x = graph.push("stem.pool", Op::MaxPool(pool), [x]);
    }
    if let Some(depthwise) = &network.stem_depthwise {
        x = unit(&mut graph, "stem_depthwise", depthwise, x);
    }
    for (i, block) in network.bottlenecks.iter().enumerate() {
        x = bottleneck(&mut graph, &format!("bottlenecks.{i}"), block, x);
    }
    for (i, block) in network.residual_units.iter().enumerate() {
        x = residual_unit(&mut graph, &format!("residual_units.{i}"), block, x);
    }
    for (name, part) in [
        ("head", &network.head),
        ("global", &network.global),
        ("feature_norm", &network.feature_norm),
    ] {
        if let Some(part) = part {
            x = unit(&mut graph, name, part, x);
        }
    }
    if !matches!(network.output, OutputSetting::Gdc | OutputSetting::E) {
        x = graph.push("pool", Op::GlobalAveragePool, [x]);
    }
    if let Some(embedding) = &network.embedding {
        // A 1x1 convolution of one pixel, or of all pixels laid out as one.
        if let Some(weight) = &embedding.weight {
            let out_features = weight.dims()[0];
            let weight = numbers(weight.val());
            let op = Op::FullyConnected(FullyConnected { weight, bias: None, out_features });
            x = graph.push("embedding", op, [x]);
        }
        x = normalized(&mut graph, "embedding", embedding, x);
    }
    if let Some(projection) = &network.projection {
        dense(&mut graph, "projection", projection, x);
    }
    graph
}

fn bottleneck(graph: &mut Graph, name: &str, block: &Bottleneck, x: NodeId) -> NodeId {
    let mut y = unit(graph, &format!("{name}.expand"), &block.expand, x);
    y = unit(graph, &format!("{name}.depthwise"), &block.depthwise, y);
    y = unit(graph, &format!("{name}.project"), &block.project, y);
    y = gate(graph, name, block.gate.as_ref(), y);
    if block.residual { graph.push(format!("{name}.add"), Op::Add, [y, x]) } else { y }
}

/// The shortcut comes first: the second convolution can then add it in its epilogue, and the block's input need not be kept.
fn residual_unit(graph: &mut Graph, name: &str, block: &ResidualUnit, x: NodeId) -> NodeId {
    let other = match &block.shortcut {
        Some(shortcut) => unit(graph, &format!("{name}.shortcut"), shortcut, x),
        None => x,
    };
    let mut y = unit(graph, &format!("{name}.norm"), &block.norm, x);
    y = unit(graph, &format!("{name}.first"), &block.first, y);
    y = unit(graph, &format!("{name}.second"), &block.second, y);
    y = gate(graph, name, block.gate.as_ref(), y);
    graph.push(format!("{name}.add"), Op::Add, [y, other])
}

/// Squeeze and excitation of `x`, where there is one.
fn gate(graph: &mut Graph, name: &str, gate: Option<&SqueezeExcite>, x: NodeId) -> NodeId {
    let Some(gate) = gate else {
        return x;
    };
    let mut y = graph.push(format!("{name}.gate.pool"), Op::GlobalAveragePool, [x]);
    y = dense(graph, &format!("{name}.gate.reduce"), &gate.reduce, y);
    y = graph.push(format!("{name}.gate.relu"), Op::Relu, [y]);
    y = dense(graph, &format!("{name}.gate.expand"), &gate.expand, y);
    y = graph.push(format!("{name}.gate.sigmoid"), Op::Sigmoid, [y]);
    graph.push(format!("{name}.gate"), Op::ScaleChannels, [x, y])
}

fn dense(graph: &mut Graph, name: &str, layer: &Dense, x: NodeId) -> NodeId {
    let dense = FullyConnected {
        weight: numbers(layer.weight.val()),
        bias: layer.bias.as_ref().map(|bias| numbers(bias.val())),
        out_features: layer.weight.dims()[0],
    };
    graph.push(name, Op::FullyConnected(dense), [x])
}

/// Convolution, normalization and PReLU, as far as the unit has them.
fn unit(graph: &mut Graph, name: &str, unit: &Unit, mut x: NodeId) -> NodeId {
    if let (Some(weight), Some(kind)) = (&unit.weight, unit.kind) {
        let conv = convolution(numbers(weight.val()), weight.dims(), kind);
        x = graph.push(name, Op::Conv2d(conv), [x]);
    }
    normalized(graph, name, unit, x)
}

/// A unit behind its convolution.
fn normalized(graph: &mut Graph, name: &str, unit: &Unit, mut x: NodeId) -> NodeId {
    x = graph.push(format!("{name}.norm"), Op::BatchNorm(norm(unit)), [x]);
    if let Some(slope) = &unit.slope {
        let slope = numbers(slope.val());
        x = graph.push(format!("{name}.prelu"), Op::Prelu { slope }, [x]);
    }
    x
}

/// A convolution's weights in the graph's layout.
fn convolution(weight: Vec<f32>, [rows, columns]: [usize; 2], kind: ConvKind) -> Conv2d {
    let full = |weight: Vec<f32>, size: usize, stride: usize| Conv2d {
        weight,
        bias: None,
        out_channels: rows,
        in_per_group: columns / (size * size),
        kernel: [size; 2],
        stride: [stride; 2],
        padding: [size / 2; 4],
        groups: 1,
    };
    let depthwise = |weight: Vec<f32>, size: usize, stride: usize, padding: usize| Conv2d {
        weight: transposed(&weight, rows, columns),
        bias: None,
        out_channels: columns,
        in_per_group: 1,
        kernel: [size; 2],
        stride: [stride; 2],
        padding: [padding; 4],
        groups: columns,
    };
    match kind {
        ConvKind::Pointwise => full(weight, 1, 1),
        ConvKind::Full { size, stride } => full(weight, size, stride),
        ConvKind::Depthwise { stride } => depthwise(weight, 3, stride, 1),
        ConvKind::GlobalDepthwise { side } => depthwise(weight, side, 1, 0),
    }
}

fn norm(unit: &Unit) -> BatchNorm {
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
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}
