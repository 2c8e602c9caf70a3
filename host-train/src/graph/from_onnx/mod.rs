//! An ONNX file as a graph: the operations that face embedding networks are made of, in inference mode.
//!
//! | ONNX | here |
//! | --- | --- |
//! | `Conv` (any group, stride, pad; no dilation) | [`Op::Conv2d`] |
//! | `BatchNormalization` | [`Op::BatchNorm`] |
//! | `PRelu` with one slope a channel, `Relu`, `Clip` | [`Op::Prelu`], [`Op::Relu`], [`Op::Clip`] |
//! | `Add` of two tensors | [`Op::Add`] |
//! | `Gemm` behind `Flatten` or `Reshape` | [`Op::FullyConnected`] |
//! | `Identity`, `Dropout`, `Constant` | nothing |
//!
//! ONNX is NCHW, the graph HWC: weights are laid out anew, once, here. What the image's numbers must be is not in the file:
//! the caller says it.

mod error;
mod normalisation;
mod proto;

pub use error::OnnxError;
pub use normalisation::{Normalisation, NormalisationError};

use super::{BatchNorm, Conv2d, FullyConnected, Graph, Input, NodeId, Op, Shape};
use model_format::ColourOrder;
use prost::Message;
use std::collections::HashMap;
use std::path::Path;

/// Reads the network in the file at `path`.
///
/// # Errors
/// What [`OnnxError`] lists.
pub fn from_onnx(path: &Path, normalisation: Normalisation) -> Result<Graph, OnnxError> {
    let bytes =
        std::fs::read(path).map_err(|source| OnnxError::Read { path: path.to_owned(), source })?;
    decode(&bytes, normalisation)
}

fn decode(bytes: &[u8], normalisation: Normalisation) -> Result<Graph, OnnxError> {
    let file = proto::Model::decode(bytes)?.graph.unwrap_or_default();
    let constants: HashMap<&str, &proto::Tensor> =
        file.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    // Old files list their constants among the inputs.
    let images: Vec<_> =
        file.input.iter().filter(|input| !constants.contains_key(input.name.as_str())).collect();
    let ([image], [output]) = (&images[..], &file.output[..]) else {
        return Err(OnnxError::Ends { inputs: images.len(), outputs: file.output.len() });
    };
    let graph = Graph::new(input(image, normalisation)?);
    let tensors = HashMap::from([(image.name.as_str(), NodeId(0))]);
    let shapes = graph.check()?;
    let mut builder = Builder { graph, shapes, constants, tensors };
    for node in &file.node {
        builder.add(node)?;
    }
    match builder.tensors.get(output.name.as_str()) {
        Some(id) => builder.graph.output = *id,
        None => return Err(OnnxError::Ends { inputs: 1, outputs: 0 }),
    }
    builder.graph.check()?;
    Ok(builder.graph)
}

fn input(image: &proto::ValueInfo, normalisation: Normalisation) -> Result<Input, OnnxError> {
    let dims = image.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()?.shape.as_ref());
    let shape: Vec<i64> =
        dims.map_or(Vec::new(), |dims| dims.dim.iter().map(|d| d.dim_value).collect());
    let extent = |side: i64| usize::try_from(side).ok().filter(|side| *side > 0);
    let (height, width) = match shape[..] {
        [_, 3, height, width] => (extent(height), extent(width)),
        _ => (None, None),
    };
    let (Some(height), Some(width)) = (height, width) else {
        return Err(OnnxError::InputShape { name: image.name.clone(), shape });
    };
    Ok(Input {
        height,
        width,
        colour: if normalisation.bgr { ColourOrder::Bgr } else { ColourOrder::Rgb },
        mean: normalisation.mean,
        scale: normalisation.deviation.map(|deviation| 1.0 / deviation),
    })
}

/// The graph so far, and what the file's names stand for in it.
struct Builder<'f> {
    graph: Graph,
    /// Of every node.
    shapes: Vec<Shape>,
    constants: HashMap<&'f str, &'f proto::Tensor>,
    tensors: HashMap<&'f str, NodeId>,
}

impl<'f> Builder<'f> {
    fn add(&mut self, node: &'f proto::Node) -> Result<(), OnnxError> {
        let result = node.output.first().ok_or_else(|| unusable(node, "it has no output"))?;
        if node.op_type == "Constant" {
            let value = attribute(node, "value").and_then(|a| a.t.as_ref());
            let value = value.ok_or_else(|| unusable(node, "only a tensor value is known here"))?;
            self.constants.insert(result, value);
            return Ok(());
        }
        let x = self.operand(node, 0)?;
        let channels = self.shapes[x.0].channels;
        let op = match node.op_type.as_str() {
            "Reshape" if self.constant(node, 1).is_none_or(|shape| shape.dims != [2]) => {
                return Err(unusable(node, "only a reshape to batch x values is known here"));
            }
            "Identity" | "Dropout" | "Flatten" | "Reshape" => {
                self.tensors.insert(result, x);
                return Ok(());
            }
            "Conv" => Op::Conv2d(self.convolution(node, channels)?),
            "BatchNormalization" => Op::BatchNorm(BatchNorm {
                gamma: self.floats(node, 1, channels)?,
                beta: self.floats(node, 2, channels)?,
                mean: self.floats(node, 3, channels)?,
                variance: self.floats(node, 4, channels)?,
                epsilon: attribute(node, "epsilon").map_or(1e-5, |a| a.f),
            }),
            "PRelu" => Op::Prelu { slope: self.floats(node, 1, channels)? },
            "Relu" => Op::Relu,
            "Clip" => Op::Clip {
                low: self.bound(node, 1, "min", f32::NEG_INFINITY)?,
                high: self.bound(node, 2, "max", f32::INFINITY)?,
            },
            "Add" => Op::Add,
            "Gemm" => Op::FullyConnected(self.dense(node, self.shapes[x.0])?),
            _ => {
                let (node, op) = (name(node), node.op_type.clone());
                return Err(OnnxError::Op { node, op });
            }
        };
        let operands =
            if matches!(op, Op::Add) { vec![x, self.operand(node, 1)?] } else { vec![x] };
        let id = self.graph.push(name(node), op, operands);
        let added = self.graph.node(id);
        self.shapes.push(added.shape(&added.operands(&self.shapes)?)?);
        self.tensors.insert(result, id);
        Ok(())
    }

    /// The node behind input `index`.
    fn operand(&self, node: &proto::Node, index: usize) -> Result<NodeId, OnnxError> {
        let found = node.input.get(index).and_then(|name| self.tensors.get(name.as_str()));
        found.copied().ok_or_else(|| unusable(node, "an operand is a constant or comes later"))
    }

    fn constant(&self, node: &proto::Node, index: usize) -> Option<&'f proto::Tensor> {
        node.input.get(index).and_then(|name| self.constants.get(name.as_str())).copied()
    }

    /// The constant at input `index`, which must hold `expected` values.
    fn floats(
        &self,
        node: &proto::Node,
        index: usize,
        expected: usize,
    ) -> Result<Vec<f32>, OnnxError> {
        let tensor = self
            .constant(node, index)
            .ok_or_else(|| unusable(node, "a parameter is not a constant of the file"))?;
        if tensor.data_location != 0 {
            return Err(unusable(node, "its constants lie in another file"));
        }
        const FLOAT: i32 = 1;
        let values: Vec<f32> = if tensor.raw_data.is_empty() {
            tensor.float_data.clone()
        } else {
            let (words, _) = tensor.raw_data.as_chunks();
            words.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        if tensor.data_type != FLOAT || values.len() != expected {
            return Err(OnnxError::Constant {
                node: name(node),
                name: node.input[index].clone(),
                expected,
                got: values.len(),
                data_type: tensor.data_type,
            });
        }
        Ok(values)
    }

    fn optional_floats(
        &self,
        node: &proto::Node,
        index: usize,
        expected: usize,
    ) -> Result<Option<Vec<f32>>, OnnxError> {
        let given = node.input.get(index).is_some_and(|name| !name.is_empty());
        given.then(|| self.floats(node, index, expected)).transpose()
    }

    /// A limit of `Clip`: an input from operator set 11 on, an attribute before.
    fn bound(
        &self,
        node: &proto::Node,
        index: usize,
        attribute_name: &str,
        open: f32,
    ) -> Result<f32, OnnxError> {
        let input = self.optional_floats(node, index, 1)?.map(|values| values[0]);
        Ok(input.or_else(|| attribute(node, attribute_name).map(|a| a.f)).unwrap_or(open))
    }

    fn convolution(&self, node: &proto::Node, channels: usize) -> Result<Conv2d, OnnxError> {
        if attribute(node, "auto_pad").is_some_and(|a| !a.s.is_empty() && a.s != b"NOTSET") {
            return Err(unusable(
                node,
                "automatic padding is not known here; export explicit pads",
            ));
        }
        if attribute(node, "dilations").is_some_and(|a| a.ints.iter().any(|d| *d != 1)) {
            return Err(unusable(node, "dilation is not known here"));
        }
        let shape = self.constant(node, 1).map_or(&[][..], |w| &w.dims);
        let extents: Vec<usize> = shape.iter().filter_map(|d| usize::try_from(*d).ok()).collect();
        let [outs, in_per_group, rows, columns] = extents[..] else {
            return Err(unusable(node, "its weights are not of four dimensions"));
        };
        let groups = sizes::<1>(node, "group", [1])?[0];
        if in_per_group.checked_mul(groups) != Some(channels) {
            return Err(unusable(node, "its groups and weights do not fit the operand's channels"));
        }
        let count = [outs, in_per_group, rows, columns].into_iter().try_fold(1, usize::checked_mul);
        let count = count.ok_or_else(|| unusable(node, "its weights' dimensions are absurd"))?;
        let weight = self.floats(node, 1, count)?;
        Ok(Conv2d {
            weight: channels_last(&weight, in_per_group, rows * columns),
            bias: self.optional_floats(node, 2, outs)?,
            out_channels: outs,
            in_per_group,
            kernel: [rows, columns],
            stride: sizes(node, "strides", [1; 2])?,
            padding: sizes(node, "pads", [0; 4])?,
            groups,
        })
    }

    fn dense(&self, node: &proto::Node, from: Shape) -> Result<FullyConnected, OnnxError> {
        let flag = |name, default| attribute(node, name).map_or(default, |a| a.i);
        let factor = |name| attribute(node, name).map_or(1.0, |a| a.f);
        if flag("transA", 0) != 0 || flag("transB", 0) != 1 {
            return Err(unusable(node, "only transB = 1 and transA = 0 are known here"));
        }
        if factor("alpha") != 1.0 || factor("beta") != 1.0 {
            return Err(unusable(node, "only alpha = beta = 1 are known here"));
        }
        let outs = self.constant(node, 1).and_then(|w| usize::try_from(*w.dims.first()?).ok());
        let outs = outs.ok_or_else(|| unusable(node, "its weights have no extent"))?;
        let count = outs.saturating_mul(from.elements());
        let weight = self.floats(node, 1, count)?;
        Ok(FullyConnected {
            weight: channels_last(&weight, from.channels, from.height * from.width),
            bias: self.optional_floats(node, 2, outs)?,
            out_features: outs,
        })
    }
}

/// `[out][channel][pixel]` to `[out][pixel][channel]`.
fn channels_last(weight: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let rows = weight.chunks_exact((channels * pixels).max(1));
    rows.flat_map(|row| {
        (0..pixels).flat_map(move |p| (0..channels).map(move |c| row[c * pixels + p]))
    })
    .collect()
}

fn attribute<'n>(node: &'n proto::Node, name: &str) -> Option<&'n proto::Attribute> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// An attribute of `N` sizes, or of one.
fn sizes<const N: usize>(
    node: &proto::Node,
    name: &'static str,
    default: [usize; N],
) -> Result<[usize; N], OnnxError> {
    let Some(found) = attribute(node, name) else { return Ok(default) };
    let values = if N == 1 { &[found.i][..] } else { &found.ints };
    let sizes: Vec<usize> = values.iter().filter_map(|v| usize::try_from(*v).ok()).collect();
    sizes.try_into().map_err(|_| unusable(node, "a size is negative, or there are too few"))
}

/// The node's name, or that of its result.
fn name(node: &proto::Node) -> String {
    if node.name.is_empty() {
        node.output.first().cloned().unwrap_or_default()
    } else {
        node.name.clone()
    }
}

fn unusable(node: &proto::Node, what: &'static str) -> OnnxError {
    OnnxError::Use { node: name(node), op: node.op_type.clone(), what }
}

#[cfg(test)]
mod tests;
