//! From float nodes to int8 layers: which nodes become one operation of the engine.
//!
//! ```text
//! Conv2d ─> Prelu | Relu ─> Add        one layer: convolution, activation in its multipliers, residual in its epilogue
//! FullyConnected ─> Prelu | Relu       one layer; the last one has neither and keeps its sums
//! Add ─> Prelu | Relu                  one layer, where no convolution can take the sum into its epilogue
//! ```
//!
//! A node is absorbed only when nothing else reads the tensor before it, since that tensor then never exists in int8.
//! A sum goes to the convolution that makes its later operand; the other operand must exist by then. A sum that is
//! followed by an activation stays by itself: an epilogue's activation acts before the sum. Numbers are no concern here.

use super::QuantizeError;
use crate::graph::{Graph, NodeId, Op};

/// One int8 operation, in terms of the float nodes whose tensors it reads and writes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    /// The convolution, dense layer or sum.
    pub(super) head: NodeId,
    /// Tensors read: two for a sum, else one.
    pub(super) operands: Vec<NodeId>,
    /// The PReLU or ReLU whose work it does.
    pub(super) activation: Option<NodeId>,
    /// The tensor added in the epilogue.
    pub(super) residual: Option<NodeId>,
    /// The node whose tensor it writes.
    pub(super) output: NodeId,
}

impl Layer {
    /// All tensors read.
    pub(super) fn reads(&self) -> impl Iterator<Item = NodeId> {
        self.operands.iter().copied().chain(self.residual)
    }
}

/// Groups the nodes of a folded graph, in execution order.
///
/// # Errors
/// [`QuantizeError::Unsupported`] for the first node that no layer can take.
pub(super) fn fuse(graph: &Graph) -> Result<Vec<Layer>, QuantizeError> {
    let users = graph.users();
    let mut absorbed = vec![false; graph.nodes.len()];
    // Tensors that exist in int8 before the layer being built.
    let mut exists = vec![false; graph.nodes.len()];
    exists[0] = true;
    let mut layers = Vec::new();
    for index in 1..graph.nodes.len() {
        if absorbed[index] {
            continue;
        }
        let head = NodeId(index);
        supported(graph, head)?;
        let only_user = |value: NodeId| match users[value.0][..] {
            [user] if value != graph.output => Some(user),
            _ => None,
        };
        let activates = |id: &NodeId| matches!(graph.node(*id).op, Op::Prelu { .. } | Op::Relu);
        let mut layer = Layer {
            head,
            operands: graph.node(head).inputs.clone(),
            activation: only_user(head).filter(activates),
            residual: None,
            output: head,
        };
        layer.output = layer.activation.unwrap_or(head);
        if let (Op::Conv2d(_), Some(sum)) = (&graph.node(head).op, only_user(layer.output)) {
            let other = graph.node(sum).inputs.iter().find(|id| **id != layer.output);
            let ends = !only_user(sum).is_some_and(|user| activates(&user));
            if let (Op::Add, Some(other), true) = (&graph.node(sum).op, other, ends) {
                // The image has a scale a channel, and an operation cannot read one tensor twice.
                if exists[other.0] && other.0 != 0 && *other != layer.operands[0] {
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
    last_is_dense(graph, &layers)?;
    Ok(layers)
}

fn unsupported(graph: &Graph, id: NodeId, reason: &'static str) -> QuantizeError {
    let node = graph.node(id);
    QuantizeError::Unsupported { node: node.name.clone(), op: node.op.name(), reason }
}

/// Whether a node can head a layer.
fn supported(graph: &Graph, id: NodeId) -> Result<(), QuantizeError> {
    let node = graph.node(id);
    let reason = match &node.op {
        Op::Conv2d(conv) if conv.groups > 1 && !conv.is_depthwise() => {
            "grouped convolutions other than depthwise have no kernel; spread the groups into one full convolution"
        }
        Op::Add if node.inputs[0] == node.inputs[1] => {
            "both operands are the same tensor; double the weights before it instead"
        }
        Op::Add if node.inputs.contains(&NodeId(0)) => {
            "the image has a mean and scale a channel, which only a convolution can absorb"
        }
        Op::Prelu { .. } | Op::Relu => {
            "an activation runs only as part of the one layer before it, and that layer's own output is used elsewhere too"
        }
        Op::Clip { .. } => "limits have no int8 form yet",
        Op::BatchNorm(_) => "batch normalisation must be folded first",
        Op::Input | Op::Conv2d(_) | Op::FullyConnected(_) | Op::Add => return Ok(()),
    };
    Err(unsupported(graph, id, reason))
}

fn last_is_dense(graph: &Graph, layers: &[Layer]) -> Result<(), QuantizeError> {
    let dense = |layer: &&Layer| matches!(graph.node(layer.head).op, Op::FullyConnected(_));
    let bare = |layer: &&Layer| layer.activation.is_none() && layer.output == graph.output;
    match layers.last().filter(dense).filter(bare) {
        Some(_) => Ok(()),
        None => Err(unsupported(
            graph,
            graph.output,
            "the embedding must be the output of a fully connected layer without activation",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::random::{self, Builder};
    use crate::graph::{Conv2d, fold};

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
            let y = b.relu(x);
            let z = b.add(x, y);
            b.dense(z, 5);
        });
        assert_eq!(lone, ("relu_2".to_owned(), "Relu"));
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
        let norm = reason(|b| {
            let x = b.norm(IMAGE);
            b.dense(x, 5);
        });
        assert_eq!(norm, ("norm_1".to_owned(), "BatchNorm"));
        let no_embedding = reason(|b| {
            b.conv(IMAGE, 4, 6, 1, 0);
        });
        assert_eq!(no_embedding, ("conv_1".to_owned(), "Conv2d"));
        let active_embedding = reason(|b| {
            let x = b.dense(IMAGE, 5);
            b.relu(x);
        });
        assert_eq!(active_embedding, ("relu_2".to_owned(), "Relu"));
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
