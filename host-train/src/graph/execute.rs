//! Runs a float graph: embeddings for evaluation, every node's tensor for calibration.
//!
//! One image is one sequential run on one thread, so results do not depend on the number of threads; batches spread
//! images over rayon's pool. A tensor is dropped after its last reader, and element-wise operations reuse its memory.

use super::layers;
use super::{Graph, GraphError, Input, NodeId, Op, Shape};
use crate::cpu::buffers;
use model_format::ColourOrder;
use rayon::prelude::*;

/// A checked graph, ready to run.
#[derive(Debug)]
pub struct Executor<'g> {
    graph: &'g Graph,
    shapes: Vec<Shape>,
    /// For each node, the last node that reads its tensor; an output's is past the end.
    last_use: Vec<usize>,
    /// Depthwise weights as `[ky][kx][channel]`; empty for other nodes.
    depthwise: Vec<Vec<f32>>,
}

impl<'g> Executor<'g> {
    /// Checks the graph and prepares weights.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn new(graph: &'g Graph) -> Result<Self, GraphError> {
        let shapes = graph.check()?;
        let mut last_use = vec![0; graph.nodes.len()];
        for (index, users) in graph.users().iter().enumerate() {
            last_use[index] = users.last().map_or(index, |user| user.0);
        }
        graph.outputs.iter().for_each(|output| last_use[output.node.0] = usize::MAX);
        let depthwise = graph
            .nodes
            .iter()
            .map(|node| match &node.op {
                Op::Conv2d(conv) if conv.is_depthwise() => layers::channel_inner(conv),
                _ => Vec::new(),
            })
            .collect();
        Ok(Self { graph, shapes, last_use, depthwise })
    }

    /// The shape of every node's tensor.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The first output's tensor for one image: `height * width * 3` bytes, HWC, red first whatever the network's colour order.
    ///
    /// # Errors
    /// [`GraphError::ImageLength`].
    pub fn embed(&self, rgb: &[u8]) -> Result<Vec<f32>, GraphError> {
        Ok(self.run(rgb)?.swap_remove(0))
    }

    /// Every output's tensor for one image, flattened HWC, in the order of [`Graph::outputs`]; the image as for [`Self::embed`].
    ///
    /// # Errors
    /// [`GraphError::ImageLength`].
    pub fn run(&self, rgb: &[u8]) -> Result<Vec<Vec<f32>>, GraphError> {
        self.activations(rgb, |_, _| {})
    }

    /// [`Self::embed`] of every image, in the images' order, on all threads of the pool.
    ///
    /// # Errors
    /// [`GraphError::ImageLength`] of an image.
    pub fn embed_batch<I: AsRef<[u8]> + Sync>(
        &self,
        images: &[I],
    ) -> Result<Vec<Vec<f32>>, GraphError> {
        images.par_iter().map(|rgb| self.embed(rgb.as_ref())).collect()
    }

    /// As [`Self::run`]; `observe` sees every node's tensor, flattened HWC, as soon as it is computed.
    ///
    /// # Errors
    /// [`GraphError::ImageLength`].
    pub fn activations(
        &self,
        rgb: &[u8],
        mut observe: impl FnMut(NodeId, &[f32]),
    ) -> Result<Vec<Vec<f32>>, GraphError> {
        self.run_with(rgb, |node, values| observe(node, values))
    }

    /// As [`Self::activations`], and what `edit` writes into a tensor is what later nodes read, and what is returned.
    ///
    /// # Errors
    /// [`GraphError::ImageLength`].
    pub fn run_with(
        &self,
        rgb: &[u8],
        mut edit: impl FnMut(NodeId, &mut [f32]),
    ) -> Result<Vec<Vec<f32>>, GraphError> {
        let expected = self.shapes[0].elements();
        if rgb.len() != expected {
            return Err(GraphError::ImageLength { expected, got: rgb.len() });
        }
        let mut tensors: Vec<Vec<f32>> = vec![Vec::new(); self.graph.nodes.len()];
        for index in 0..tensors.len() {
            let mut tensor = self.run_node(index, rgb, &mut tensors);
            edit(NodeId(index), &mut tensor);
            for operand in &self.graph.nodes[index].inputs {
                if self.last_use[operand.0] == index {
                    buffers::give(core::mem::take(&mut tensors[operand.0]));
                }
            }
            tensors[index] = tensor;
        }
        // Copies: two outputs may be of one node.
        Ok(self.graph.outputs.iter().map(|output| tensors[output.node.0].clone()).collect())
    }

    fn run_node(&self, index: usize, rgb: &[u8], tensors: &mut [Vec<f32>]) -> Vec<f32> {
        let node = &self.graph.nodes[index];
        let to = self.shapes[index];
        let fresh = || buffers::take(to.elements());
        // The operand's own memory when nobody reads it again, else a copy.
        let mut reuse = |operand: NodeId| match self.last_use[operand.0] == index {
            true => core::mem::take(&mut tensors[operand.0]),
            false => tensors[operand.0].clone(),
        };
        match &node.op {
            Op::Input => normalise(&self.graph.input, rgb),
            Op::Conv2d(conv) => {
                let (x, from) = (&tensors[node.inputs[0].0], self.shapes[node.inputs[0].0]);
                let mut out = fresh();
                if conv.is_depthwise() {
                    layers::depthwise(conv, &self.depthwise[index], x, from, &mut out, to);
                } else {
                    layers::conv2d(conv, x, from, &mut out, to);
                }
                out
            }
            Op::FullyConnected(dense) => {
                let mut out = fresh();
                layers::fully_connected(dense, &tensors[node.inputs[0].0], &mut out);
                out
            }
            Op::BatchNorm(norm) => {
                let mut out = reuse(node.inputs[0]);
                let affine: Vec<_> = (0..to.channels).map(|c| norm.affine(c)).collect();
                layers::affine(&affine, &mut out);
                out
            }
            Op::Prelu { slope } => {
                let mut out = reuse(node.inputs[0]);
                layers::prelu(slope, &mut out);
                out
            }
            Op::Relu => {
                let mut out = reuse(node.inputs[0]);
                layers::clip(0.0, f32::INFINITY, &mut out);
                out
            }
            Op::Sigmoid | Op::HardSigmoid { .. } | Op::HardSwish => {
                let mut out = reuse(node.inputs[0]);
                out.iter_mut().for_each(|x| *x = node.op.at(*x).unwrap_or(*x));
                out
            }
            Op::Clip { low, high } => {
                let mut out = reuse(node.inputs[0]);
                layers::clip(*low, *high, &mut out);
                out
            }
            Op::Add => {
                let [left, right] = [node.inputs[0], node.inputs[1]];
                if left == right {
                    return tensors[left.0].iter().map(|x| x + x).collect();
                }
                let mut out = reuse(left);
                layers::add(&tensors[right.0], &mut out);
                out
            }
            Op::MaxPool(pool) => {
                let (x, from) = (&tensors[node.inputs[0].0], self.shapes[node.inputs[0].0]);
                let mut out = fresh();
                layers::max_pool(pool, x, from, &mut out, to);
                out
            }
            Op::GlobalAveragePool => {
                let mut out = fresh();
                layers::global_average_pool(&tensors[node.inputs[0].0], &mut out);
                out
            }
            Op::Concat => {
                let [left, right] = [node.inputs[0], node.inputs[1]];
                let mut out = fresh();
                layers::concat(
                    &tensors[left.0],
                    &tensors[right.0],
                    self.shapes[left.0].channels,
                    to.channels,
                    &mut out,
                );
                out
            }
            Op::Upsample { factor } => {
                let (x, from) = (&tensors[node.inputs[0].0], self.shapes[node.inputs[0].0]);
                let mut out = fresh();
                layers::upsample(*factor, x, from, &mut out);
                out
            }
            Op::ScaleChannels => {
                let [image, gate] = [node.inputs[0], node.inputs[1]];
                if image == gate {
                    return tensors[image.0].iter().map(|x| x * x).collect();
                }
                let mut out = reuse(image);
                layers::scale_channels(&tensors[gate.0], &mut out);
                out
            }
        }
    }
}

/// `(u8 - mean) * scale`, channels in the network's order.
fn normalise(input: &Input, rgb: &[u8]) -> Vec<f32> {
    let mut out = buffers::take(rgb.len());
    for (to, from) in out.chunks_exact_mut(3).zip(rgb.chunks_exact(3)) {
        for (c, to) in to.iter_mut().enumerate() {
            let byte = match input.colour {
                ColourOrder::Rgb => from[c],
                ColourOrder::Bgr => from[2 - c],
            };
            *to = (f32::from(byte) - input.mean[c]) * input.scale[c];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Output, random};
    use std::time::Instant;

    #[test]
    fn input_follows_colour_order_mean_and_scale() {
        let input = |colour| Input {
            height: 1,
            width: 1,
            colour,
            mean: [127.5, 100.0, 0.0],
            scale: [0.5, 0.25, 2.0],
        };
        let rgb = [128, 104, 7];
        assert_eq!(normalise(&input(ColourOrder::Rgb), &rgb), [0.25, 1.0, 14.0]);
        assert_eq!(normalise(&input(ColourOrder::Bgr), &rgb), [-60.25, 1.0, 256.0]);
    }

    #[test]
    fn element_wise_operations_keep_operands_that_are_read_again() {
        let mut builder = random::Builder::new(1, 1, 5);
        let graph = &mut builder.graph;
        graph.input.mean = [100.0; 3];
        graph.input.scale = [1.0; 3];
        let input = NodeId(0);
        let relu = graph.push("relu", Op::Relu, [input]);
        let slope = vec![0.5, 0.25, -1.0];
        let prelu = graph.push("prelu", Op::Prelu { slope }, [input]);
        let sum = graph.push("sum", Op::Add, [relu, prelu]);
        let twice = graph.push("twice", Op::Add, [sum, sum]);
        graph.push("last", Op::Add, [twice, input]);
        let mut seen = Vec::new();
        let executor = Executor::new(graph).unwrap();
        let out =
            executor.activations(&[110, 90, 80], |id, x| seen.push((id.0, x.to_vec()))).unwrap();
        // x = 10, -10, -20: relu + prelu = 20, -2.5, 20; doubled and x added.
        assert_eq!(out, [[50.0, -15.0, 20.0]]);
        assert_eq!(seen[2], (2, vec![10.0, -2.5, 20.0]));
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn what_an_edit_writes_is_what_later_nodes_read() {
        let mut builder = random::Builder::new(1, 1, 5);
        let graph = &mut builder.graph;
        graph.input.mean = [0.0; 3];
        graph.input.scale = [1.0; 3];
        let relu = graph.push("relu", Op::Relu, [NodeId(0)]);
        graph.push("twice", Op::Add, [relu, relu]);
        let executor = Executor::new(graph).unwrap();
        let out = executor.run_with(&[1, 2, 3], |id, x| {
            if id == relu {
                x.copy_from_slice(&[5.0, x[1] + 0.5, -1.0]);
            }
        });
        assert_eq!(out.unwrap(), [[10.0, 5.0, -2.0]]);
    }

    #[test]
    fn every_output_is_kept_and_given_in_order() {
        let mut graph = random::Builder::new(1, 1, 5).graph;
        (graph.input.mean, graph.input.scale) = ([100.0; 3], [1.0; 3]);
        let relu = graph.push("relu", Op::Relu, [NodeId(0)]);
        let sum = graph.push("sum", Op::Add, [relu, NodeId(0)]);
        graph.push("read by nobody", Op::Relu, [sum]);
        let output = |name: &str, node| Output { name: name.to_owned(), node };
        graph.outputs = vec![output("sum", sum), output("relu", relu), output("again", sum)];
        let outputs = Executor::new(&graph).unwrap().run(&[110, 90, 80]).unwrap();
        let sum = [20.0, -10.0, -20.0];
        assert_eq!(outputs, [sum, [10.0, 0.0, 0.0], sum]);
    }

    #[test]
    fn a_batch_equals_single_images() {
        let graph = random::small(11);
        let images = random::images(5, graph.input.height, graph.input.width, 1);
        let executor = Executor::new(&graph).unwrap();
        let batch = executor.embed_batch(&images).unwrap();
        for (image, embedding) in images.iter().zip(&batch) {
            assert_eq!(&executor.embed(image).unwrap(), embedding);
        }
    }

    #[test]
    fn rejects_an_image_of_another_size() {
        let graph = random::small(11);
        let expected = graph.input.height * graph.input.width * 3;
        let got = Executor::new(&graph).unwrap().embed(&[0; 5]);
        assert_eq!(got, Err(GraphError::ImageLength { expected, got: 5 }));
    }

    /// A floor, far below what one idle core does, so that a busy machine does not fail it.
    #[test]
    fn mobilefacenet_runs_at_a_usable_rate() {
        let graph = crate::graph::fold(random::mobilefacenet()).unwrap();
        let executor = Executor::new(&graph).unwrap();
        let image = &random::images(1, 112, 112, 3)[0];
        executor.embed(image).unwrap();
        let start = Instant::now();
        for _ in 0..20 {
            executor.embed(image).unwrap();
        }
        let rate = 20.0 / start.elapsed().as_secs_f64();
        println!("{rate:.0} images/s on one thread");
        assert!(rate > 8.0, "{rate} images/s");
    }
}
