//! An ONNX file as a graph: the operations that face networks are made of, in inference mode.
//!
//! | ONNX | here |
//! | --- | --- |
//! | `Conv` (any group, stride, pad, dilation, `auto_pad`), `Pad` with zeros before it | [`Op::Conv2d`] |
//! | `BatchNormalization`; `Add`, `Sub`, `Mul`, `Div` with a constant | [`Op::BatchNorm`]; on the image, its normalisation |
//! | `PRelu`, `LeakyRelu`, `Relu`, `Clip`, `Sigmoid` | [`Op::Prelu`], [`Op::Relu`], [`Op::Clip`], [`Op::Sigmoid`] |
//! | `HardSigmoid`, `HardSwish` or `Mul` of a tensor and its `HardSigmoid` | [`Op::HardSigmoid`], [`Op::HardSwish`] |
//! | `Add` of two tensors | [`Op::Add`] |
//! | `Mul` of an image and a value a channel | [`Op::ScaleChannels`] |
//! | `Gemm`, `MatMul`, behind `Flatten`, `Reshape` or `Squeeze` | [`Op::FullyConnected`] |
//! | `GlobalAveragePool`, `ReduceMean` over all pixels, `AveragePool` | [`Op::GlobalAveragePool`], [`Op::Conv2d`] |
//! | `MaxPool` | [`Op::MaxPool`] |
//! | `Concat` over channels | [`Op::Concat`], one a pair |
//! | `Resize`, `Upsample` to the nearest pixel, by whole factors | [`Op::Upsample`] |
//! | `Identity`, `Dropout`, `Cast`, `Constant`, `Transpose` of channels to the front or the end | nothing |
//! | division by the own length at the end (cosines do not see it), `Softmax` at the end | nothing |
//!
//! Without its `Softmax`, a classifier gives logits: their order is that of the probabilities, and a difference of two is the
//! logarithm of their ratio, which int8 keeps where probabilities near 0 and 1 would all be the same.
//!
//! ONNX is NCHW, the graph HWC: weights are laid out anew, once, here, and outputs are HWC whatever their order in the file. Outputs
//! keep their names. Weights may be f32, f64, f16 or bf16, in the file or beside it. What the image's numbers must be is not in the
//! file: the caller says it, and may say another size than the file's.

mod constants;
mod error;
mod extents;
mod layers;
mod layout;
mod normalisation;
mod resize;

pub use error::OnnxError;
pub use normalisation::{Normalisation, NormalisationError};

use super::{BatchNorm, Graph, Input, NodeId, Op, Output, Shape, proto};
use constants::Constants;
use model_format::ColourOrder;
use prost::Message;
use std::collections::HashMap;
use std::path::Path;

/// Operator sets whose nodes are read as they are meant.
const OPSETS: core::ops::RangeInclusive<i64> = 7..=25;

/// Reads the network in the file at `path`.
///
/// # Errors
/// What [`OnnxError`] lists.
pub fn from_onnx(path: &Path, normalisation: Normalisation) -> Result<Graph, OnnxError> {
    from_onnx_of_size(path, normalisation, None)
}

/// As [`from_onnx`], for images of another size than the file says: height, width.
///
/// # Errors
/// What [`OnnxError`] lists; a network with a dense layer over an image has one size.
pub fn from_onnx_of_size(
    path: &Path,
    normalisation: Normalisation,
    size: Option<[usize; 2]>,
) -> Result<Graph, OnnxError> {
    decode(&read(path)?, path.parent(), normalisation, size)
}

/// Reads back what [`to_onnx`](super::to_onnx) wrote, numbers to the bit: such a file says itself what its pixels must be.
///
/// # Errors
/// What [`OnnxError`] lists.
pub fn from_exported(path: &Path) -> Result<Graph, OnnxError> {
    let model = proto::Model::decode(&read(path)?[..])?;
    let bgr = model.metadata_props.iter().any(|entry| entry.key == "input" && entry.value == "bgr");
    let pixels = Normalisation { bgr, mean: [0.0; 3], deviation: [1.0; 3] };
    translated(model, path.parent(), pixels, None)
}

fn read(path: &Path) -> Result<Vec<u8>, OnnxError> {
    std::fs::read(path).map_err(OnnxError::Read)
}

fn decode(
    bytes: &[u8],
    folder: Option<&Path>,
    normalisation: Normalisation,
    size: Option<[usize; 2]>,
) -> Result<Graph, OnnxError> {
    translated(proto::Model::decode(bytes)?, folder, normalisation, size)
}

fn translated(
    model: proto::Model,
    folder: Option<&Path>,
    normalisation: Normalisation,
    size: Option<[usize; 2]>,
) -> Result<Graph, OnnxError> {
    let own = model.opset_import.iter().find(|set| matches!(&*set.domain, "" | "ai.onnx"));
    if let Some(set) = own.filter(|set| !OPSETS.contains(&set.version)) {
        return Err(OnnxError::Opset { version: set.version });
    }
    let file = model.graph.unwrap_or_default();
    let constants = Constants::new(&file.initializer, folder);
    // Old files list their constants among the inputs.
    let images: Vec<_> =
        file.input.iter().filter(|input| constants.get(&input.name).is_none()).collect();
    let ([image], [_, ..]) = (&images[..], &file.output[..]) else {
        return Err(OnnxError::Ends { inputs: images.len(), outputs: file.output.len() });
    };
    let (input, layout) = input(image, normalisation, size)?;
    let graph = Graph::new(input);
    let shapes = graph.check()?;
    let mut builder = Builder {
        graph,
        shapes,
        constants,
        values: HashMap::from([(image.name.as_str(), layout)]),
    };
    for node in &file.node {
        builder.add(node)?;
    }
    let output = |output: &proto::ValueInfo| match builder.values.get(output.name.as_str()) {
        // Who compares by cosines does not see lengths, and who compares classes does not need shares.
        Some(
            Value::Tensor(node)
            | Value::Direction(node)
            | Value::Softmax(node)
            | Value::ChannelsLast(node),
        ) => Ok(Output { name: output.name.clone(), node: *node }),
        _ => Err(OnnxError::Output { name: output.name.clone() }),
    };
    builder.graph.outputs = file.output.iter().map(output).collect::<Result<_, _>>()?;
    builder.graph.check()?;
    Ok(builder.graph)
}

/// What the image must be, and how the file's nodes see it.
fn input(
    image: &proto::ValueInfo,
    normalisation: Normalisation,
    size: Option<[usize; 2]>,
) -> Result<(Input, Value), OnnxError> {
    let dims = image.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()?.shape.as_ref());
    let shape: Vec<i64> =
        dims.map_or(Vec::new(), |dims| dims.dim.iter().map(|d| d.dim_value).collect());
    let extent = |side: i64| usize::try_from(side).ok().filter(|side| *side > 0);
    let (height, width, layout) = match shape[..] {
        [_, 3, height, width] => (extent(height), extent(width), Value::Tensor(NodeId(0))),
        [_, height, width, 3] => (extent(height), extent(width), Value::ChannelsLast(NodeId(0))),
        _ => return Err(OnnxError::InputShape { name: image.name.clone(), shape }),
    };
    let stated = height.zip(width).map(|(height, width)| [height, width]);
    let Some([height, width]) = size.or(stated) else {
        return Err(OnnxError::InputShape { name: image.name.clone(), shape });
    };
    let input = Input {
        height,
        width,
        colour: if normalisation.bgr { ColourOrder::Bgr } else { ColourOrder::Rgb },
        mean: normalisation.mean,
        scale: normalisation.deviation.map(|deviation| 1.0 / deviation),
    };
    Ok((input, layout))
}

/// What a name in the file stands for.
#[derive(Clone, Copy)]
enum Value {
    /// A tensor of the graph.
    Tensor(NodeId),
    /// One with zeros around it: top, left, bottom, right.
    Padded(NodeId, [usize; 4]),
    /// The length of a tensor's values.
    Length(NodeId),
    /// A tensor divided by its own length: its direction, which only the network's end may be.
    Direction(NodeId),
    /// The exponentials of a tensor's channels as shares of their sum, which only the network's end may be.
    Softmax(NodeId),
    /// A tensor with its channels last: an image until a `Transpose` brings them to the front, an output behind one.
    ChannelsLast(NodeId),
}

/// The graph so far, and what the file's names stand for in it.
struct Builder<'f> {
    graph: Graph,
    /// Of every node.
    shapes: Vec<Shape>,
    constants: Constants<'f>,
    values: HashMap<&'f str, Value>,
}

impl<'f> Builder<'f> {
    fn add(&mut self, node: &'f proto::Node) -> Result<(), OnnxError> {
        let result = node.output.first().ok_or_else(|| unusable(node, "it has no output"))?;
        if node.op_type == "Constant" {
            return self.constants.insert(result, node);
        }
        if let Some(extents) = self.extents(node)? {
            self.constants.set(result, extents);
            return Ok(());
        }
        let value = match (self.passed_on(node)?, self.value(node, 0)) {
            (Some(value), _) => value,
            (None, Some(Value::ChannelsLast(x))) if is_function(node) => {
                Value::ChannelsLast(self.function(node, x)?)
            }
            _ => Value::Tensor(self.operation(node)?),
        };
        self.values.insert(result, value);
        Ok(())
    }

    /// Appends what a node computes.
    fn operation(&mut self, node: &proto::Node) -> Result<NodeId, OnnxError> {
        if matches!(node.op_type.as_str(), "Add" | "Sub" | "Mul" | "Div") {
            return self.arithmetic(node);
        }
        if node.op_type == "Concat" {
            return self.concat(node);
        }
        let (x, padded) = self.padded_operand(node)?;
        let from = self.shapes[x.0];
        let op = match node.op_type.as_str() {
            "Conv" => Op::Conv2d(self.convolution(node, from, padded)?),
            "AveragePool" => self.average_pool(node, from, padded)?,
            "MaxPool" => Op::MaxPool(self.max_pool(node, from, padded)?),
            _ if padded != [0; 4] => {
                return Err(unusable(node, "zeros padded before it are not known here"));
            }
            "BatchNormalization" => Op::BatchNorm(self.normalization(node, from.channels)?),
            "PRelu" => Op::Prelu { slope: self.one_a_channel(node, 1, from)? },
            "LeakyRelu" => {
                let slope = attribute(node, "alpha").map_or(0.01, |a| a.f);
                Op::Prelu { slope: vec![slope; from.channels] }
            }
            _ if is_function(node) => return self.function(node, x),
            "Resize" | "Upsample" => self.upsample(node, from)?,
            "Gemm" => Op::FullyConnected(self.gemm(node, from)?),
            "MatMul" => Op::FullyConnected(self.dense(node, from, false)?),
            "GlobalAveragePool" => Op::GlobalAveragePool,
            "ReduceMean" => self.mean_of_pixels(node)?,
            op => return Err(OnnxError::Op { node: name(node), op: op.to_owned() }),
        };
        self.push(node, op, vec![x])
    }

    /// Appends what treats all values alike, whatever their order.
    fn function(&mut self, node: &proto::Node, x: NodeId) -> Result<NodeId, OnnxError> {
        let number = |name, default| attribute(node, name).map_or(default, |a| a.f);
        let op = match node.op_type.as_str() {
            "Relu" => Op::Relu,
            "Sigmoid" => Op::Sigmoid,
            "HardSwish" => Op::HardSwish,
            "HardSigmoid" => {
                Op::HardSigmoid { alpha: number("alpha", 0.2), beta: number("beta", 0.5) }
            }
            _ => Op::Clip {
                low: self.bound(node, 1, "min", f32::NEG_INFINITY)?,
                high: self.bound(node, 2, "max", f32::INFINITY)?,
            },
        };
        self.push(node, op, vec![x])
    }

    /// `Concat` over channels, two operands at a time.
    fn concat(&mut self, node: &proto::Node) -> Result<NodeId, OnnxError> {
        if attribute(node, "axis").is_none_or(|axis| !matches!(axis.i, 1 | -3)) {
            return Err(unusable(node, "only channels can be put side by side"));
        }
        let mut all = self.operand(node, 0)?;
        for index in 1..node.input.len() {
            let next = self.operand(node, index)?;
            all = self.push(node, Op::Concat, vec![all, next])?;
        }
        Ok(all)
    }

    fn push(
        &mut self,
        node: &proto::Node,
        op: Op,
        operands: Vec<NodeId>,
    ) -> Result<NodeId, OnnxError> {
        let id = self.graph.push(name(node), op, operands);
        let added = self.graph.node(id);
        self.shapes.push(added.shape(&added.operands(&self.shapes)?)?);
        Ok(id)
    }

    /// `Add`, `Sub`, `Mul` and `Div` of two tensors, or of one and a constant.
    fn arithmetic(&mut self, node: &proto::Node) -> Result<NodeId, OnnxError> {
        let op = node.op_type.as_str();
        let constant = (0..2).find(|&index| self.constant(node, index).is_some());
        let Some(constant) = constant else {
            let (x, y) = (self.operand(node, 0)?, self.operand(node, 1)?);
            let is_gate = |id: NodeId| is_vector(self.shapes[id.0]);
            return match op {
                "Add" => self.push(node, Op::Add, vec![x, y]),
                "Mul" if self.is_swish(x, y) => self.push(node, Op::HardSwish, vec![x]),
                "Mul" if self.is_swish(y, x) => self.push(node, Op::HardSwish, vec![y]),
                "Mul" if is_gate(y) => self.push(node, Op::ScaleChannels, vec![x, y]),
                "Mul" if is_gate(x) => self.push(node, Op::ScaleChannels, vec![y, x]),
                _ => Err(unusable(
                    node,
                    "of two tensors, only sums and products with a value a channel are known here",
                )),
            };
        };
        let x = self.operand(node, 1 - constant)?;
        let values = self.one_a_channel(node, constant, self.shapes[x.0])?;
        let affine = |value: f32| match (op, constant) {
            ("Add", _) => Some((1.0, value)),
            ("Sub", 1) => Some((1.0, -value)),
            ("Sub", _) => Some((-1.0, value)),
            ("Mul", _) => Some((value, 0.0)),
            ("Div", 1) => Some((1.0 / value, 0.0)),
            _ => None,
        };
        let affine: Option<(Vec<f32>, Vec<f32>)> = values.into_iter().map(affine).collect();
        let (gamma, beta) = affine
            .ok_or_else(|| unusable(node, "a constant divided by a tensor is not known here"))?;
        // On the image alone: what the caller said of its numbers, and then this.
        if x == NodeId(0) && self.graph.nodes.len() == 1 && gamma.iter().all(|g| g.is_normal()) {
            let Input { mean, scale, .. } = &mut self.graph.input;
            for channel in 0..3 {
                mean[channel] -= beta[channel] / (gamma[channel] * scale[channel]);
                scale[channel] *= gamma[channel];
            }
            self.graph.check()?;
            return Ok(x);
        }
        let (mean, variance) = (vec![0.0; gamma.len()], vec![1.0; gamma.len()]);
        let map = BatchNorm { gamma, beta, mean, variance, epsilon: 0.0 };
        self.push(node, Op::BatchNorm(map), vec![x])
    }

    /// Whether `gate` is the factor that makes of `x` its hard swish.
    fn is_swish(&self, x: NodeId, gate: NodeId) -> bool {
        let gate = self.graph.node(gate);
        let sixth = |alpha: f32| (alpha - 1.0 / 6.0).abs() < 1e-6;
        gate.inputs == [x]
            && matches!(gate.op, Op::HardSigmoid { alpha, beta: 0.5 } if sixth(alpha))
    }

    fn normalization(&self, node: &proto::Node, channels: usize) -> Result<BatchNorm, OnnxError> {
        let trains = attribute(node, "training_mode").is_some_and(|a| a.i != 0);
        if trains || node.output.iter().skip(1).any(|name| !name.is_empty()) {
            return Err(unusable(
                node,
                "it is in training mode; export the network in inference mode",
            ));
        }
        Ok(BatchNorm {
            gamma: self.floats(node, 1, channels)?,
            beta: self.floats(node, 2, channels)?,
            mean: self.floats(node, 3, channels)?,
            variance: self.floats(node, 4, channels)?,
            epsilon: attribute(node, "epsilon").map_or(1e-5, |a| a.f),
        })
    }

    /// `ReduceMean`, over rows and columns alone; the axes are an attribute or, from operator set 18 on, an input.
    fn mean_of_pixels(&self, node: &proto::Node) -> Result<Op, OnnxError> {
        let mut axes = self.list(node, "axes", 1)?;
        axes.iter_mut().for_each(|axis| *axis = axis.rem_euclid(4.0));
        axes.sort_by(f32::total_cmp);
        if axes != [2.0, 3.0] {
            return Err(unusable(node, "only a mean over rows and columns is known here"));
        }
        Ok(Op::GlobalAveragePool)
    }

    /// The zeros that a `Pad` adds: top, left, bottom, right.
    fn zeros_around(&self, node: &proto::Node) -> Result<[usize; 4], OnnxError> {
        let refused = |what| Err(unusable(node, what));
        if attribute(node, "mode").is_some_and(|mode| !matches!(&mode.s[..], b"" | b"constant")) {
            return refused("only zeros are padded here");
        }
        let value = match self.constant(node, 2) {
            Some(value) => self.constants.floats(&name(node), value)?.first().copied(),
            None => attribute(node, "value").map(|a| a.f),
        };
        if value.unwrap_or(0.0) != 0.0 {
            return refused("only zeros are padded here");
        }
        let pads = self.list(node, "pads", 1)?;
        let size = |pad: f32| (pad >= 0.0 && pad <= f32::from(u16::MAX)).then_some(pad as usize);
        let pads: Option<Vec<usize>> = pads.into_iter().map(size).collect();
        match pads.as_deref() {
            Some(&[0, 0, top, left, 0, 0, bottom, right]) => Ok([top, left, bottom, right]),
            _ => refused("only rows and columns are padded here"),
        }
    }

    fn value(&self, node: &proto::Node, index: usize) -> Option<Value> {
        node.input.get(index).and_then(|name| self.values.get(name.as_str())).copied()
    }

    /// The node behind input `index`.
    fn operand(&self, node: &proto::Node, index: usize) -> Result<NodeId, OnnxError> {
        match self.value(node, index) {
            Some(Value::Tensor(id)) => Ok(id),
            Some(Value::Padded(..)) => {
                Err(unusable(node, "zeros padded before it are not known here"))
            }
            Some(Value::Length(_)) => {
                Err(unusable(node, "lengths may only divide their own embedding"))
            }
            Some(Value::Direction(_)) => Err(unusable(
                node,
                "its operand is divided by its own length, which is known at the network's end alone",
            )),
            Some(Value::Softmax(_)) => Err(unusable(
                node,
                "its operand comes from a Softmax, which is known at the network's end alone",
            )),
            Some(Value::ChannelsLast(_)) => Err(unusable(
                node,
                "its operand's channels are last; a Transpose must bring them to the front",
            )),
            None => Err(unusable(node, "an operand is a constant or comes later")),
        }
    }

    /// The first operand, and the zeros around it.
    fn padded_operand(&self, node: &proto::Node) -> Result<(NodeId, [usize; 4]), OnnxError> {
        match self.value(node, 0) {
            Some(Value::Padded(id, zeros)) => Ok((id, zeros)),
            _ => Ok((self.operand(node, 0)?, [0; 4])),
        }
    }

    fn constant(&self, node: &proto::Node, index: usize) -> Option<&proto::Tensor> {
        node.input.get(index).and_then(|name| self.constants.get(name))
    }

    /// Whole numbers that are an attribute in old operator sets and an input in new ones; none where there is neither.
    fn list(
        &self,
        node: &proto::Node,
        attribute_name: &str,
        index: usize,
    ) -> Result<Vec<f32>, OnnxError> {
        match (attribute(node, attribute_name), self.constant(node, index)) {
            (Some(list), _) => Ok(list.ints.iter().map(|&number| number as f32).collect()),
            (None, Some(list)) => self.constants.floats(&name(node), list),
            (None, None) => Ok(Vec::new()),
        }
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
        let values = self.constants.floats(&name(node), tensor)?;
        if values.len() != expected {
            return Err(OnnxError::Constant {
                node: name(node),
                name: node.input[index].clone(),
                expected,
                got: values.len(),
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

    /// The constant at input `index`, of one value for all channels or of one a channel.
    fn one_a_channel(
        &self,
        node: &proto::Node,
        index: usize,
        of: Shape,
    ) -> Result<Vec<f32>, OnnxError> {
        let dims = self.constant(node, index).map_or(&[][..], |constant| &constant.dims);
        if dims.iter().all(|extent| *extent == 1) {
            return Ok(vec![self.floats(node, index, 1)?[0]; of.channels]);
        }
        // Of images, the third dimension from the end; a lone slope a channel is what old files have for [channels, 1, 1].
        let is_vector = is_vector(of);
        let rest = match dims {
            [_] if is_vector || node.op_type == "PRelu" => &[][..],
            [1, _] if is_vector => &[][..],
            [_, rest @ ..] if rest.len() == 2 => rest,
            [1, _, rest @ ..] if rest.len() == 2 => rest,
            _ => return Err(unusable(node, "its constant is neither one value nor one a channel")),
        };
        if rest.iter().any(|extent| *extent != 1) {
            return Err(unusable(node, "its constant differs from pixel to pixel"));
        }
        self.floats(node, index, of.channels)
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
}

/// Whether a node treats all values alike.
fn is_function(node: &proto::Node) -> bool {
    matches!(&*node.op_type, "Relu" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Clip")
}

/// Whether there is one pixel.
fn is_vector(shape: Shape) -> bool {
    (shape.height, shape.width) == (1, 1)
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
mod outputs;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod tests;
