//! A network as a list of layers, whichever way it is stored: what each computes from which tensors, and its parameters.
//!
//! Tensor 0 is the image, tensor `i + 1` what layer `i` makes.

use super::{DiffError, Trace};
use crate::graph::{Executor, Graph, NodeId, Op, Shape};
use crate::model::Model;
use crate::quantize::{Filters, fuse, parameters, values};
use edge_infer::engine::Engine;
use model_format::{ModelFile, TensorIndex};
use rayon::prelude::*;

/// One operation of an int8 network, or the float nodes that would become one.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// That of the float node; of a file, which has no names, the operation and its place.
    pub(super) name: String,
    /// The operation's name in model files.
    pub(super) op: &'static str,
    /// Of the tensor that it makes.
    pub(super) shape: Shape,
    /// Tensors read.
    pub(super) reads: Vec<usize>,
    /// Of a convolution or dense layer.
    pub(super) filters: Option<Filters>,
    /// The float node whose tensor it makes; the image's in a file, which has none.
    pub(super) output: NodeId,
}

/// A network and its layers in execution order.
pub(super) struct Network<'m> {
    pub(super) model: &'m Model,
    pub(super) layers: Vec<Layer>,
}

impl<'m> Network<'m> {
    /// Takes a network apart.
    ///
    /// # Errors
    /// A float network with a node that is no part of any int8 layer.
    pub(super) fn of(model: &'m Model) -> Result<Self, DiffError> {
        let layers = match model {
            Model::Float(float) => of_graph(&float.graph)?,
            Model::Int8(file) => of_file(file),
        };
        Ok(Self { model, layers })
    }

    /// Runs all images.
    ///
    /// # Errors
    /// One is of another size.
    pub(super) fn traces<I: AsRef<[u8]> + Sync>(
        &self,
        images: &[I],
    ) -> Result<Vec<Trace>, DiffError> {
        let empty = || vec![Vec::new(); self.layers.len()];
        match self.model {
            Model::Float(float) => {
                let executor = Executor::new(&float.graph)?;
                let run = |image: &I| {
                    let mut trace = empty();
                    executor.activations(image.as_ref(), |id, values| {
                        if let Some(at) = self.layers.iter().position(|l| l.output == id) {
                            trace[at] = values.to_vec();
                        }
                    })?;
                    Ok(trace)
                };
                images.par_iter().map(run).collect()
            }
            Model::Int8(file) => {
                let engine = Engine::new(file.view());
                let run = |image: &I| {
                    let (mut trace, mut arena) = (empty(), vec![0; engine.arena_bytes()]);
                    engine.run_with(image.as_ref(), &mut arena, |at, op, written| {
                        // In a stream, the next rows of it.
                        trace[at].extend(values(&engine.model(), op, written));
                    })?;
                    Ok(trace)
                };
                images.par_iter().map(run).collect()
            }
        }
    }
}

fn of_graph(graph: &Graph) -> Result<Vec<Layer>, DiffError> {
    let fused = fuse(graph)?;
    let shapes = graph.check()?;
    let tensor = |id: NodeId| fused.iter().position(|l| l.output == id).map_or(0, |at| at + 1);
    let layer = |layer: &crate::quantize::Fused| {
        let node = graph.node(layer.head);
        Layer {
            name: node.name.clone(),
            op: in_files(&node.op),
            shape: shapes[layer.output.0],
            reads: layer.reads().map(tensor).collect(),
            filters: Filters::of(&node.op, shapes[layer.operands[0].0].channels),
            output: layer.output,
        }
    };
    Ok(fused.iter().map(layer).collect())
}

/// What model files call the operation that a float node becomes.
fn in_files(op: &Op) -> &'static str {
    match op {
        Op::Conv2d(conv) if conv.is_depthwise() => "depthwise_conv2d",
        Op::Conv2d(_) => "conv2d",
        Op::FullyConnected(_) => "fully_connected",
        Op::Add => "add",
        Op::MaxPool(_) => "max_pool",
        Op::GlobalAveragePool => "global_average_pool",
        Op::ScaleChannels => "scale_channels",
        Op::Concat => "concat",
        Op::Upsample { .. } => "upsample",
        Op::Relu | Op::Clip { .. } | Op::Sigmoid | Op::HardSigmoid { .. } | Op::HardSwish => {
            "lookup"
        }
        other => other.name(),
    }
}

fn of_file(file: &ModelFile) -> Vec<Layer> {
    let view = file.view();
    let tensor =
        |index: TensorIndex| view.ops().position(|op| op.output() == index).map_or(0, |at| at + 1);
    let layer = |(at, op): (usize, model_format::Op<'_>)| {
        let (first, second) = op.reads();
        let shape = view.tensor(op.output()).map(|tensor| tensor.shape);
        let shape = shape.expect("the file was checked");
        Layer {
            name: format!("{} {at}", op.name()),
            op: op.name(),
            shape: Shape {
                height: shape.height.into(),
                width: shape.width.into(),
                channels: shape.channels.into(),
            },
            reads: core::iter::once(first).chain(second).map(tensor).collect(),
            filters: parameters(&view, &op).map(|recovered| recovered.filters),
            output: NodeId(0),
        }
    };
    view.ops().enumerate().map(layer).collect()
}
