//! Removes batch normalisation: inference then knows convolutions, dense layers, activations and sums only.
//!
//! A normalisation that is the only reader of a convolution or dense layer disappears into its weights:
//! `gamma * (w*x + b - mean) / d + beta = (w * gamma/d) * x + (b - mean) * gamma/d + beta` with `d = sqrt(variance + epsilon)`.
//! Any other one (after a sum, before a padded convolution, behind a shared operand) becomes a 1x1 depthwise convolution,
//! which computes the same at every pixel and which the int8 engine runs as it is.

use super::{BatchNorm, Conv2d, Graph, GraphError, NodeId, Op};

/// The same function without [`Op::BatchNorm`], and without nodes that the output does not depend on. Products are
/// formed in double precision and rounded once.
///
/// # Errors
/// As [`Graph::check`] of `graph`.
pub fn fold(graph: &Graph) -> Result<Graph, GraphError> {
    let shapes = graph.check()?;
    let needed = needed(graph);
    let readers: Vec<usize> = graph
        .users()
        .iter()
        .map(|users| users.iter().filter(|user| needed[user.0]).count())
        .collect();
    let mut folded = Graph {
        input: graph.input.clone(),
        nodes: Vec::with_capacity(graph.nodes.len()),
        output: NodeId(0),
    };
    // Where each old node's tensor is found in the new graph.
    let mut place = vec![NodeId(0); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        // The input stays even when nothing reads it: a graph without it is no graph.
        if !needed[index] && index != 0 {
            continue;
        }
        let mut node = node.clone();
        node.inputs.iter_mut().for_each(|id| *id = place[id.0]);
        if let Op::BatchNorm(norm) = &node.op {
            let producer = node.inputs[0];
            let alone = readers[graph.nodes[index].inputs[0].0] == 1;
            if alone && absorb(&mut folded.nodes[producer.0].op, norm) {
                place[index] = producer;
                continue;
            }
            node.op = Op::Conv2d(as_depthwise(norm, shapes[index].channels));
        }
        folded.nodes.push(node);
        place[index] = NodeId(folded.nodes.len() - 1);
    }
    folded.output = place[graph.output.0];
    Ok(folded)
}

/// Which nodes the output depends on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    needed[graph.output.0] = true;
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if needed[index] {
            node.inputs.iter().for_each(|id| needed[id.0] = true);
        }
    }
    needed
}

/// Multiplies the map into a linear layer; false, and nothing done, when `op` is not linear.
fn absorb(op: &mut Op, norm: &BatchNorm) -> bool {
    let (weight, bias) = match op {
        Op::Conv2d(conv) => (&mut conv.weight, &mut conv.bias),
        Op::FullyConnected(dense) => (&mut dense.weight, &mut dense.bias),
        _ => return false,
    };
    let channels = norm.gamma.len();
    let bias = bias.get_or_insert_with(|| vec![0.0; channels]);
    let taps = weight.len() / channels;
    for (channel, (row, bias)) in weight.chunks_exact_mut(taps).zip(bias).enumerate() {
        let (factor, offset) = norm.affine(channel);
        for weight in row {
            *weight = (f64::from(*weight) * factor) as f32;
        }
        *bias = (f64::from(*bias) * factor + offset) as f32;
    }
    true
}

fn as_depthwise(norm: &BatchNorm, channels: usize) -> Conv2d {
    let affine = || (0..channels).map(|channel| norm.affine(channel));
    Conv2d {
        weight: affine().map(|(factor, _)| factor as f32).collect(),
        bias: Some(affine().map(|(_, offset)| offset as f32).collect()),
        out_channels: channels,
        in_per_group: 1,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0; 4],
        groups: channels,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Executor, random};

    /// Largest difference over all outputs, relative to the largest output.
    fn difference(a: &Graph, b: &Graph, seed: u64) -> f32 {
        let images = random::images(4, a.input.height, a.input.width, seed);
        let outputs = |graph| Executor::new(graph).unwrap().embed_batch(&images).unwrap().concat();
        let (a, b) = (outputs(a), outputs(b));
        let largest = a.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        assert!(largest > 0.0);
        let differences = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max) / largest
    }

    fn norms(graph: &Graph) -> usize {
        let is_norm = |node: &&crate::graph::Node| matches!(node.op, Op::BatchNorm(_));
        graph.nodes.iter().filter(is_norm).count()
    }

    #[test]
    fn a_normalisation_after_a_linear_layer_disappears() {
        for seed in 0..8 {
            let graph = random::small(seed);
            let folded = fold(&graph).unwrap();
            assert!(norms(&graph) > 0);
            assert_eq!(norms(&folded), 0);
            assert_eq!(folded.nodes.len(), graph.nodes.len() - norms(&graph));
            let difference = difference(&graph, &folded, seed);
            assert!(difference < 1e-5, "{difference}");
        }
    }

    #[test]
    fn mobilefacenet_folds_within_tolerance() {
        let graph = random::mobilefacenet();
        let folded = fold(graph).unwrap();
        assert_eq!(norms(&folded), 0);
        assert_eq!(folded.macs().unwrap(), 220_965_376);
        let difference = difference(graph, &folded, 1);
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn other_normalisations_become_depthwise() {
        let mut builder = random::Builder::new(6, 5, 9);
        // Before a padded convolution, where the padding must stay zero after the normalisation, not before it.
        let x = builder.norm(NodeId(0));
        let x = builder.conv(x, 4, 3, 1, 1);
        // Shared: the convolution's raw tensor is needed as well.
        let y = builder.norm(x);
        let x = builder.add(x, y);
        // After a sum.
        let x = builder.norm(x);
        builder.dense(x, 6);
        let folded = fold(&builder.graph).unwrap();
        assert_eq!(norms(&folded), 0);
        assert_eq!(folded.nodes.len(), builder.graph.nodes.len());
        let difference = difference(&builder.graph, &folded, 2);
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn dead_nodes_are_dropped_and_do_not_block_folding() {
        let mut builder = random::Builder::new(6, 5, 9);
        let conv = builder.conv(NodeId(0), 4, 3, 1, 1);
        let dead = builder.relu(conv);
        builder.dense(dead, 3);
        let norm = builder.norm(conv);
        builder.dense(norm, 6);
        let folded = fold(&builder.graph).unwrap();
        assert_eq!(folded.nodes.len(), 3);
        assert!(difference(&builder.graph, &folded, 2) < 1e-5);
    }
}
