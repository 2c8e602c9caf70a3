//! From float nodes to int8 layers: which nodes become one operation of the engine.
//!
//! ```text
//! Conv2d ─> Prelu | Relu ─> Add        one layer: convolution, activation in its multipliers, residual in its epilogue
//! FullyConnected ─> Prelu | Relu       one layer; as the output without either it keeps its sums
//! Add ─> Prelu | Relu                  one layer, where no convolution can take the sum into its epilogue
//! any of these three ─> Clip           one layer: the limits are the ends of the int8 range, so no sum can follow in it
//! Sigmoid | HardSigmoid ─> ScaleChannels   one layer: the gate's function lies in the scaling's table
//! Relu, Clip, Sigmoid, HardSigmoid, HardSwish where none of the above takes them   one layer each: a table of 256 results
//! MaxPool, GlobalAveragePool, Concat, Upsample   one layer each
//! ```
//!
//! A node is absorbed only when nothing else reads the tensor before it, since that tensor then never exists in int8.
//! A sum goes to the convolution that makes its later operand; the other operand must exist by then. A sum that is
//! followed by an activation stays by itself: an epilogue's activation acts before the sum. Numbers are no concern here.

use super::QuantizeError;
use crate::graph::{Graph, NodeId, Op};

/// One int8 operation, in terms of the float nodes whose tensors it reads and writes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// The convolution, dense layer, sum, scaling, pool, function, concatenation or enlargement.
    pub(crate) head: NodeId,
    /// Tensors read: two for a sum, a scaling or a concatenation, else one.
    pub(crate) operands: Vec<NodeId>,
    /// The PReLU, ReLU or limits whose work it does; of a scaling, the gate's function.
    pub(crate) activation: Option<NodeId>,
    /// The tensor added in the epilogue.
    pub(crate) residual: Option<NodeId>,
    /// The node whose tensor it writes.
    pub(crate) output: NodeId,
}

impl Layer {
    /// All tensors read.
    pub(crate) fn reads(&self) -> impl Iterator<Item = NodeId> {
        self.operands.iter().copied().chain(self.residual)
    }

    /// Whether its sums are an output, exact: a dense layer at the network's end without activation.
    pub(super) fn keeps_sums(&self, graph: &Graph) -> bool {
        let dense = matches!(graph.node(self.head).op, Op::FullyConnected(_));
        let is_read = || graph.nodes.iter().any(|node| node.inputs.contains(&self.output));
        dense && graph.is_output(self.output) && self.activation.is_none() && !is_read()
    }
}

/// Groups the nodes of a folded graph, in execution order.
///
/// # Errors
/// [`QuantizeError::Unsupported`] for the first node that no layer can take.
pub(crate) fn fuse(graph: &Graph) -> Result<Vec<Layer>, QuantizeError> {
    graph.check()?;
    let users = graph.users();
    let only_user = |value: NodeId| match users[value.0][..] {
        [user] if !graph.is_output(value) => Some(user),
        _ => None,
    };
    // The scaling that a function is the gate of.
    let gates = |id: NodeId| {
        let is_gate = matches!(graph.node(id).op, Op::Sigmoid | Op::HardSigmoid { .. });
        let user = only_user(id).filter(|_| is_gate)?;
        let node = graph.node(user);
        (matches!(node.op, Op::ScaleChannels) && node.inputs[1] == id).then_some(user)
    };
    let limits = |id: NodeId| matches!(graph.node(id).op, Op::Clip { low, high } if low <= 0.0 && high >= 0.0);
    let activates =
        |id: &NodeId| matches!(graph.node(*id).op, Op::Prelu { .. } | Op::Relu) || limits(*id);
    let mut absorbed = vec![false; graph.nodes.len()];
    // Tensors that exist in int8 before the layer being built.
    let mut exists = vec![false; graph.nodes.len()];
    exists[0] = true;
    let mut layers = Vec::new();
    for head in (1..graph.nodes.len()).map(NodeId) {
        if absorbed[head.0] || gates(head).is_some() {
            continue;
        }
        let node = graph.node(head);
        let operands = node.inputs.clone();
        let mut layer = Layer { head, operands, activation: None, residual: None, output: head };
        match node.op {
            Op::Conv2d(_) | Op::FullyConnected(_) | Op::Add => {
                layer.activation = only_user(head).filter(activates);
                layer.output = layer.activation.unwrap_or(head);
            }
            Op::ScaleChannels if gates(node.inputs[1]).is_some() => {
                layer.activation = Some(node.inputs[1]);
                layer.operands[1] = graph.node(node.inputs[1]).inputs[0];
            }
            _ => {}
        }
        supported(graph, &layer)?;
        if let (Op::Conv2d(_), Some(sum)) = (&node.op, only_user(layer.output)) {
            let other = graph.node(sum).inputs.iter().find(|id| **id != layer.output);
            let ends = !only_user(sum).is_some_and(|user| activates(&user));
            if let (Op::Add, Some(other), true) = (&graph.node(sum).op, other, ends) {
                let limited = layer.activation.is_some_and(limits);
                // The image has a scale a channel, and an operation cannot read one tensor twice.
                if exists[other.0] && other.0 != 0 && *other != layer.operands[0] && !limited {
                    layer.residual = Some(*other);
                    layer.output = sum;
                }
            }
        }
        for id in [layer.activation, layer.residual.map(|_| layer.output)] {
            id.into_iter().for_each(|id| absorbed[id.0] = true);
        }
        exists[layer.output.0] = true;
        layers.push(layer);
    }
    match graph.is_output(NodeId(0)) {
        true => Err(unsupported(graph, NodeId(0), "the image itself is no output")),
        false => Ok(layers),
    }
}

fn unsupported(graph: &Graph, id: NodeId, reason: &'static str) -> QuantizeError {
    let node = graph.node(id);
    QuantizeError::Unsupported { node: node.name.clone(), op: node.op.name(), reason }
}

/// Whether a layer has a form in the engine.
fn supported(graph: &Graph, layer: &Layer) -> Result<(), QuantizeError> {
    let reason = match &graph.node(layer.head).op {
        Op::Conv2d(conv) if conv.groups > 1 && !conv.is_depthwise() => {
            "grouped convolutions other than depthwise have no kernel; spread the groups into one full convolution"
        }
        Op::Add if layer.operands[0] == layer.operands[1] => {
            "both operands are the same tensor; double the weights before it instead"
        }
        Op::Concat if layer.operands[0] == layer.operands[1] => {
            "both operands are the same tensor, which the engine cannot read twice"
        }
        Op::ScaleChannels if layer.operands[0] == layer.operands[1] => {
            "image and gate are the same tensor, which the engine cannot read twice"
        }
        Op::Prelu { .. } => {
            "a slope a channel runs only as part of the one layer before it, and that layer's own output is used elsewhere too"
        }
        Op::BatchNorm(_) => "batch normalisation must be folded first",
        Op::Conv2d(_) | Op::FullyConnected(_) => return Ok(()),
        _ if layer.operands.contains(&NodeId(0)) => {
            "the image has a mean and scale a channel, which only a convolution can absorb"
        }
        _ => return Ok(()),
    };
    Err(unsupported(graph, layer.head, reason))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::random::{self, Builder};
    use crate::graph::{Conv2d, Output, fold};

    const IMAGE: NodeId = NodeId(0);

    /// Heads, then residuals, of all layers.
    fn shape_of(layers: &[Layer]) -> Vec<(usize, Option<usize>, usize)> {
        let row = |layer: &Layer| (layer.head.0, layer.residual.map(|id| id.0), layer.output.0);
        layers.iter().map(row).collect()
    }

    #[test]
    fn mobilefacenet_becomes_fifty_layers() {
        let graph = fold(random::mobilefacenet()).unwrap();
        let layers = fuse(&graph).unwrap();
        // 2 before the bottlenecks, 3 in each of 15, the last convolution, the global one and the dense layer.
        assert_eq!(layers.len(), 2 + 3 * 15 + 3);
        // Residuals: 4 + 6 + 2 (the blocks of repeated width and stride 1; the (2,128,6,1) and (2,128,2,1) runs fully).
        assert_eq!(layers.iter().filter(|layer| layer.residual.is_some()).count(), 12);
        let activations = layers.iter().filter(|layer| layer.activation.is_some()).count();
        assert_eq!(activations, 2 + 2 * 15 + 1);
    }

    #[test]
    fn a_shared_tensor_keeps_its_sum_and_activation_apart() {
        let mut builder = Builder::new(6, 6, 1);
        let a = builder.conv(IMAGE, 4, 3, 1, 1); // 1
        let b = builder.conv(a, 4, 3, 1, 1); // 2
        let c = builder.conv(b, 4, 3, 1, 1); // 3, reads what the sum below would add
        let sum = builder.add(b, c); // 4
        let other = builder.conv(sum, 4, 1, 1, 0); // 5
        let total = builder.add(other, sum); // 6: `sum` is the operand of `other` too
        let total = builder.prelu(total); // 7
        builder.dense(total, 5); // 8
        let layers = fuse(&builder.graph).unwrap();
        assert_eq!(
            shape_of(&layers),
            [
                (1, None, 1),
                (2, None, 2),
                (3, None, 3),
                (4, None, 4),
                (5, None, 5),
                (6, None, 7),
                (8, None, 8)
            ]
        );
        assert_eq!(layers[5].activation, Some(NodeId(7)));
    }

    #[test]
    fn a_sum_goes_to_its_later_operand() {
        let mut builder = Builder::new(6, 6, 1);
        let stem = builder.conv(IMAGE, 4, 3, 1, 1); // 1
        let main = builder.conv(stem, 4, 3, 1, 1); // 2, first in order: the shortcut does not exist yet
        let shortcut = builder.conv(stem, 4, 1, 1, 0); // 3
        let sum = builder.add(main, shortcut); // 4
        builder.dense(sum, 5); // 5
        let layers = fuse(&builder.graph).unwrap();
        let expected = [(1, None, 1), (2, None, 2), (3, Some(2), 4), (5, None, 5)];
        assert_eq!(shape_of(&layers), expected);
    }

    #[test]
    fn an_activation_after_the_sum_keeps_the_sum_apart() {
        let mut builder = Builder::new(6, 6, 1);
        let stem = builder.conv(IMAGE, 4, 3, 1, 1); // 1
        let a = builder.conv(stem, 4, 1, 1, 0); // 2
        let b = builder.conv(a, 4, 1, 1, 0); // 3
        let sum = builder.add(stem, b); // 4
        let sum = builder.relu(sum); // 5
        builder.dense(sum, 5); // 6
        let layers = fuse(&builder.graph).unwrap();
        assert_eq!(shape_of(&layers)[2..], [(3, None, 3), (4, None, 5), (6, None, 6)]);
    }

    #[test]
    fn limits_end_a_layer_before_the_sum() {
        let mut builder = Builder::new(6, 6, 1);
        let stem = builder.conv(IMAGE, 4, 3, 1, 1); // 1
        let x = builder.conv(stem, 4, 1, 1, 0); // 2
        let x = builder.conv(x, 4, 1, 1, 0); // 3
        let limited = builder.graph.push("limits", Op::Clip { low: 0.0, high: 6.0 }, [x]); // 4
        let sum = builder.add(stem, limited); // 5
        builder.dense(sum, 5); // 6
        let layers = fuse(&builder.graph).unwrap();
        assert_eq!(shape_of(&layers)[2..], [(3, None, 4), (5, None, 5), (6, None, 6)]);
        assert_eq!(layers[2].activation, Some(limited));
    }

    #[test]
    fn a_gate_takes_its_sigmoid_and_a_pool_nothing() {
        let mut builder = Builder::new(6, 6, 1);
        let x = builder.conv(IMAGE, 4, 3, 1, 1); // 1
        let mean = builder.graph.push("mean", Op::GlobalAveragePool, [x]); // 2
        let gate = builder.dense(mean, 4); // 3
        let sigmoid = builder.graph.push("sigmoid", Op::Sigmoid, [gate]); // 4
        let scaled = builder.graph.push("scaled", Op::ScaleChannels, [x, sigmoid]); // 5
        let sum = builder.add(scaled, x); // 6
        builder.dense(sum, 5); // 7
        let layers = fuse(&builder.graph).unwrap();
        let expected = [(1, None, 1), (2, None, 2), (3, None, 3), (5, None, 5), (6, None, 6)];
        assert_eq!(shape_of(&layers)[..5], expected);
        assert_eq!(layers[3].operands, [x, gate]);
        assert_eq!(layers[3].activation, Some(sigmoid));
        let keeps: Vec<bool> = layers.iter().map(|l| l.keeps_sums(&builder.graph)).collect();
        assert_eq!(keeps, [false, false, false, false, false, true]);
    }

    #[test]
    fn functions_alone_become_layers_and_outputs_stay_whole() {
        let mut builder = Builder::new(6, 6, 1);
        let stem = builder.conv(IMAGE, 4, 3, 1, 1); // 1, an output: its activation stands alone
        let x = builder.relu(stem); // 2
        let graph = &mut builder.graph;
        let limited = graph.push("limits", Op::Clip { low: 1.0, high: 6.0 }, [x]); // 3
        let large = graph.push("large", Op::Upsample { factor: [1, 2] }, [limited]); // 4
        let sigmoid = graph.push("scores", Op::Sigmoid, [large]); // 5
        let both = graph.push("both", Op::Concat, [large, sigmoid]); // 6
        let dense = builder.dense(both, 5); // 7, an output that is read
        let last = builder.dense(dense, 3); // 8
        let output = |name: &str, node| Output { name: name.to_owned(), node };
        builder.graph.outputs = vec![output("a", stem), output("b", dense), output("c", last)];
        let layers = fuse(&builder.graph).unwrap();
        assert_eq!(shape_of(&layers), (1..=8).map(|i| (i, None, i)).collect::<Vec<_>>());
        assert!(layers.iter().all(|layer| layer.activation.is_none()));
        let keeps: Vec<bool> = layers.iter().map(|l| l.keeps_sums(&builder.graph)).collect();
        assert_eq!(keeps, [false, false, false, false, false, false, false, true]);
    }

    fn reason(build: impl FnOnce(&mut Builder)) -> (String, &'static str) {
        let mut builder = Builder::new(6, 6, 1);
        build(&mut builder);
        match fuse(&builder.graph) {
            Err(QuantizeError::Unsupported { node, op, .. }) => (node, op),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rejects_what_the_engine_cannot_run() {
        let lone = reason(|b| {
            let x = b.conv(IMAGE, 4, 3, 1, 1);
            let y = b.prelu(x);
            let z = b.add(x, y);
            b.dense(z, 5);
        });
        assert_eq!(lone, ("prelu_2".to_owned(), "Prelu"));
        let double = reason(|b| {
            let x = b.conv(IMAGE, 4, 3, 1, 1);
            let x = b.add(x, x);
            b.dense(x, 5);
        });
        assert_eq!(double, ("add_2".to_owned(), "Add"));
        let image = reason(|b| {
            let x = b.conv(IMAGE, 3, 3, 1, 1);
            let x = b.add(x, IMAGE);
            b.dense(x, 5);
        });
        assert_eq!(image, ("add_2".to_owned(), "Add"));
        let limits = reason(|b| {
            let x = b.graph.push("limits", Op::Clip { low: 1.0, high: 6.0 }, [IMAGE]);
            b.dense(x, 5);
        });
        assert_eq!(limits, ("limits".to_owned(), "Clip"));
        let twice = reason(|b| {
            let x = b.conv(IMAGE, 4, 3, 1, 1);
            let x = b.graph.push("twice", Op::Concat, [x, x]);
            b.dense(x, 5);
        });
        assert_eq!(twice, ("twice".to_owned(), "Concat"));
        let norm = reason(|b| {
            let x = b.norm(IMAGE);
            b.dense(x, 5);
        });
        assert_eq!(norm, ("norm_1".to_owned(), "BatchNorm"));
        let image_alone = reason(|_| ());
        assert_eq!(image_alone, ("input".to_owned(), "Input"));
        let pooled_image = reason(|b| {
            b.graph.push("mean", Op::GlobalAveragePool, [IMAGE]);
        });
        assert_eq!(pooled_image, ("mean".to_owned(), "GlobalAveragePool"));
        let own_gate = reason(|b| {
            let x = b.conv(IMAGE, 4, 6, 1, 0);
            let gate = b.graph.push("sigmoid", Op::Sigmoid, [x]);
            b.graph.push("scaled", Op::ScaleChannels, [x, gate]);
        });
        assert_eq!(own_gate, ("scaled".to_owned(), "ScaleChannels"));
        let grouped = reason(|b| {
            let conv = Conv2d {
                weight: vec![1.0; 6],
                bias: None,
                out_channels: 6,
                in_per_group: 1,
                kernel: [1, 1],
                stride: [1, 1],
                padding: [0; 4],
                groups: 3,
            };
            let x = b.graph.push("grouped", Op::Conv2d(conv), [IMAGE]);
            b.dense(x, 5);
        });
        assert_eq!(grouped, ("grouped".to_owned(), "Conv2d"));
    }
}
