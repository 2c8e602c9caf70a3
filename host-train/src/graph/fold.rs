//! Removes batch normalisation: inference then knows convolutions, dense layers, activations and sums only.
//!
//! A normalisation that is the only reader of a convolution or dense layer disappears into its weights:
//! `gamma * (w*x + b - mean) / d + beta = (w * gamma/d) * x + (b - mean) * gamma/d + beta` with `d = sqrt(variance + epsilon)`.
//! One whose only reader is a dense layer or a convolution without padding disappears into that: with the map `f x + o`,
//! `w * (f x + o) + b = (w f) * x + (b + sum of w o)`. Any other one (a residual unit's first, before a padded convolution
//! whose zeros must stay zero; behind a shared operand) becomes a 1x1 depthwise convolution, which computes the same at
//! every pixel and which the int8 engine runs as it is.

use super::{BatchNorm, Conv2d, Graph, GraphError, NodeId, Op};

/// The same function without [`Op::BatchNorm`], and without nodes that no output depends on. Products are
/// formed in double precision and rounded once.
///
/// # Errors
/// As [`Graph::check`] of `graph`.
pub fn fold(graph: &Graph) -> Result<Graph, GraphError> {
    let shapes = graph.check()?;
    let needed = needed(graph);
    let users = graph.users();
    // The one node that reads each tensor, where there is just one.
    let reader: Vec<Option<NodeId>> = users
        .iter()
        .map(|users| {
            let mut users = users.iter().filter(|user| needed[user.0]);
            users.next().copied().filter(|_| users.next().is_none())
        })
        .collect();
    let mut folded = Graph {
        input: graph.input.clone(),
        nodes: Vec::with_capacity(graph.nodes.len()),
        outputs: graph.outputs.clone(),
    };
    // Where each old node's tensor is found in the new graph.
    let mut place = vec![NodeId(0); graph.nodes.len()];
    // For a linear node, the normalisation before it that it takes in.
    let mut before: Vec<Option<&BatchNorm>> = vec![None; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        // The input stays even when nothing reads it: a graph without it is no graph.
        if !needed[index] && index != 0 {
            continue;
        }
        let mut node = node.clone();
        node.inputs.iter_mut().for_each(|id| *id = place[id.0]);
        if let Op::BatchNorm(norm) = &node.op {
            let producer = node.inputs[0];
            let operand = graph.nodes[index].inputs[0];
            let alone = reader[operand.0].is_some() && !graph.is_output(operand);
            if alone && absorb(&mut folded.nodes[producer.0].op, norm) {
                place[index] = producer;
                continue;
            }
            let behind = reader[index].filter(|_| !graph.is_output(NodeId(index)));
            if let (Some(NodeId(user)), Op::BatchNorm(norm)) = (behind, &graph.nodes[index].op)
                && is_unpadded(&graph.nodes[user].op)
            {
                before[user] = Some(norm);
                place[index] = producer;
                continue;
            }
            node.op = Op::Conv2d(as_depthwise(norm, shapes[index].channels));
        }
        if let Some(norm) = before[index] {
            absorb_before(&mut node.op, norm);
        }
        folded.nodes.push(node);
        place[index] = NodeId(folded.nodes.len() - 1);
    }
    folded.outputs.iter_mut().for_each(|output| output.node = place[output.node.0]);
    Ok(folded)
}

/// Which nodes an output depends on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    graph.outputs.iter().for_each(|output| needed[output.node.0] = true);
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

/// Whether a layer is linear and sees nothing but its operand.
fn is_unpadded(op: &Op) -> bool {
    match op {
        Op::Conv2d(conv) => conv.padding == [0; 4],
        Op::FullyConnected(_) => true,
        _ => false,
    }
}

/// Takes the map on the operand into a layer that [`is_unpadded`].
fn absorb_before(op: &mut Op, norm: &BatchNorm) {
    let (weight, bias, outputs, per_group, groups) = match op {
        Op::Conv2d(c) => (&mut c.weight, &mut c.bias, c.out_channels, c.in_per_group, c.groups),
        Op::FullyConnected(dense) => {
            let channels = norm.gamma.len();
            (&mut dense.weight, &mut dense.bias, dense.out_features, channels, 1)
        }
        _ => return,
    };
    let bias = bias.get_or_insert_with(|| vec![0.0; outputs]);
    let taps = weight.len() / outputs;
    for (output, (row, bias)) in weight.chunks_exact_mut(taps).zip(bias).enumerate() {
        let group = output / (outputs / groups);
        let mut constant = f64::from(*bias);
        for (i, weight) in row.iter_mut().enumerate() {
            let (factor, offset) = norm.affine(group * per_group + i % per_group);
            constant += f64::from(*weight) * offset;
            *weight = (f64::from(*weight) * factor) as f32;
        }
        *bias = constant as f32;
    }
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
    use crate::graph::{Executor, Output, random};

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
        // After a sum, before an activation.
        let x = builder.norm(x);
        let x = builder.prelu(x);
        builder.dense(x, 6);
        let folded = fold(&builder.graph).unwrap();
        assert_eq!(norms(&folded), 0);
        assert_eq!(folded.nodes.len(), builder.graph.nodes.len());
        let difference = difference(&builder.graph, &folded, 2);
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn a_normalisation_before_an_unpadded_layer_disappears_into_it() {
        let mut builder = random::Builder::new(6, 5, 9);
        let x = builder.conv(NodeId(0), 4, 3, 1, 1);
        let sum = builder.prelu(x);
        let x = builder.norm(sum);
        let x = builder.conv(x, 6, 3, 1, 0);
        let y = builder.prelu(x);
        let x = builder.norm(y);
        let x = builder.depthwise(x, 2, 1, 0);
        let x = builder.relu(x);
        let x = builder.norm(x);
        let x = builder.dense(x, 6);
        builder.norm(x);
        let folded = fold(&builder.graph).unwrap();
        assert_eq!(norms(&builder.graph), 4);
        assert_eq!(folded.nodes.len(), builder.graph.nodes.len() - 4);
        let difference = difference(&builder.graph, &folded, 2);
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    fn a_normalisation_at_the_output_or_read_twice_stays_whole() {
        let mut builder = random::Builder::new(6, 5, 9);
        let x = builder.relu(NodeId(0));
        let norm = builder.norm(x);
        let a = builder.conv(norm, 3, 1, 1, 0);
        builder.add(norm, a);
        let folded = fold(&builder.graph).unwrap();
        assert_eq!(folded.nodes.len(), builder.graph.nodes.len());
        assert!(difference(&builder.graph, &folded, 2) < 1e-5);
        // A dense layer reads it, but it is also what the graph is asked for.
        let mut builder = random::Builder::new(6, 5, 9);
        let x = builder.relu(NodeId(0));
        let norm = builder.norm(x);
        builder.dense(norm, 3);
        builder.graph.embed_at(norm);
        let folded = fold(&builder.graph).unwrap();
        assert_eq!(folded.nodes.len(), 3);
        assert!(difference(&builder.graph, &folded, 2) < 1e-5);
    }

    #[test]
    fn a_layer_that_is_an_output_keeps_its_normalisation_apart() {
        let mut builder = random::Builder::new(6, 5, 9);
        let conv = builder.conv(NodeId(0), 4, 3, 1, 1);
        let norm = builder.norm(conv);
        let relu = builder.relu(norm);
        let output = |name: &str, node| Output { name: name.to_owned(), node };
        builder.graph.outputs = vec![output("raw", conv), output("y", relu)];
        let folded = fold(&builder.graph).unwrap();
        assert_eq!(folded.nodes.len(), 4);
        let image = &random::images(1, 6, 5, 3)[0];
        let run = |graph: &Graph| Executor::new(graph).unwrap().run(image).unwrap();
        let (got, expected) = (run(&folded), run(&builder.graph));
        assert_eq!(got[0], expected[0]);
        for (got, expected) in got[1].iter().zip(&expected[1]) {
            assert!((got - expected).abs() < 1e-5, "{got} {expected}");
        }
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
