//! The last step: int8 layers become the operations, tensors and arena plan of a model file.
//!
//! Bytes are the business of `model_format::writer`; this module fills its builder. Tensor 0 is the image, tensor `i + 1`
//! the output of operation `i`.

use super::fuse::Layer;
use super::planner::{self, Lifetime};
use super::ptq::{self, Filters, Linear};
use super::range::Affine;
use super::{Provenance, QuantizeError};
use crate::graph::{Graph, Input, NodeId, Op, Output, Shape};
use model_format::writer::{
    ActivationSpec, AddSpec, ConvSpec, FullyConnectedResultSpec, FullyConnectedSpec, LookupSpec,
    MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec, ScaleChannelsSpec,
};
use model_format::{
    Concat, ElementType, GlobalAveragePool, InputSpec, MaxPool, Padding, Residual, Rows, Tensor,
    TensorIndex, Upsample, Window,
};

/// What is known of a tensor in int8: its scale and zero point, and the mean of each channel for bias correction.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) affine: Affine,
    pub(super) mean: Vec<f64>,
}

impl Stored {
    /// The image instead of the real values made from it: pixel steps, and means of `stored - zero_point`.
    pub(super) fn of_image(self, input: &Input) -> Self {
        let affine = ptq::image_affine(input);
        let zero = f64::from(affine.zero_point) + 128.0;
        let pixel = |(c, mean): (usize, f64)| {
            mean / f64::from(input.scale[c]) + f64::from(input.mean[c]) - zero
        };
        Self { affine, mean: self.mean.into_iter().enumerate().map(pixel).collect() }
    }
}

/// A folded, fused and calibrated network.
pub(super) struct Network<'a> {
    pub(super) graph: &'a Graph,
    pub(super) shapes: &'a [Shape],
    pub(super) layers: &'a [Layer],
    /// By node; present for every tensor that exists in int8.
    pub(super) stored: &'a [Option<Stored>],
    /// By layer; present for convolutions and dense layers.
    pub(super) linears: Vec<Option<Linear>>,
}

impl Network<'_> {
    /// The whole model, ready to be written.
    ///
    /// # Errors
    /// Overflowing sums, multipliers out of range, sizes that the file cannot hold.
    pub(super) fn lower(&self, provenance: &Provenance) -> Result<ModelBuilder, QuantizeError> {
        let ops = self.layers.iter().enumerate();
        let ops = ops.map(|(step, layer)| self.op(step, layer)).collect::<Result<_, _>>()?;
        let tensors = self.tensors()?;
        let lifetimes: Vec<Lifetime> = tensors
            .iter()
            .map(|tensor| Lifetime {
                bytes: tensor.byte_len(),
                first: tensor.first.into(),
                last: tensor.last.into(),
            })
            .collect();
        let plan = planner::plan(&lifetimes);
        let place = |(tensor, offset): (Tensor, &usize)| {
            Ok(Tensor { offset: self.fit(self.graph.output(), "arena offset", *offset)?, ..tensor })
        };
        let tensors = tensors.into_iter().zip(&plan.offsets).map(place);
        let tensors: Vec<Tensor> = tensors.collect::<Result<_, QuantizeError>>()?;
        let output = self.index(self.graph.output())?;
        // One vector needs no name.
        let embeds = self.graph.is_embedding(self.shapes);
        let named = |output: &Output| {
            Ok(OutputSpec { name: output.name.clone(), tensor: self.index(output.node)? })
        };
        let outputs = self.graph.outputs.iter().filter(|_| !embeds).map(named);
        let outputs = outputs.collect::<Result<_, QuantizeError>>()?;
        Ok(ModelBuilder {
            metadata: self.metadata(provenance)?,
            thresholds: Vec::new(),
            tensors,
            ops,
            input: TensorIndex(0),
            output,
            outputs,
            arena_bytes: self.fit(self.graph.output(), "arena", plan.arena_bytes)?,
        })
    }

    fn metadata(&self, provenance: &Provenance) -> Result<MetadataSpec, QuantizeError> {
        let input = &self.graph.input;
        let length = match self.graph.is_embedding(self.shapes) {
            true => self.shapes[self.graph.output().0].channels,
            false => 0,
        };
        let provenance = provenance.clone();
        Ok(MetadataSpec {
            input: InputSpec { colour: input.colour, mean: input.mean, scale: input.scale },
            landmarks: provenance.landmarks,
            embedding_len: self.fit(self.graph.output(), "embedding length", length)?,
            name: provenance.name,
            data: provenance.data,
            command: provenance.command,
            seed: provenance.seed,
            commit: provenance.commit,
            licence: provenance.licence,
            // Only known once the file runs.
            verdict: String::new(),
        })
    }

    /// Tensors in file order, not yet placed.
    fn tensors(&self) -> Result<Vec<Tensor>, QuantizeError> {
        let written = self.layers.iter().map(|l| (l.output, l.keeps_sums(self.graph)));
        let values = core::iter::once((NodeId(0), false)).chain(written);
        let tensor = |(first, (value, sums)): (usize, (NodeId, bool))| {
            let readers = self.layers.iter().enumerate();
            let reads = readers.filter(|(_, layer)| layer.reads().any(|read| read == value));
            // The caller reads outputs after the last step.
            let last = match self.graph.is_output(value) {
                true => self.layers.len(),
                false => reads.map(|(step, _)| step + 1).next_back().unwrap_or(first),
            };
            let shape = self.shapes[value.0];
            let Affine { scale, zero_point } = match sums {
                true => Affine { scale: 1.0, zero_point: 0 },
                false => self.stored(value).affine,
            };
            Ok(Tensor {
                shape: model_format::Shape {
                    height: self.fit(value, "height", shape.height)?,
                    width: self.fit(value, "width", shape.width)?,
                    channels: self.fit(value, "channel count", shape.channels)?,
                },
                element: if sums { ElementType::I32 } else { ElementType::I8 },
                scale,
                zero_point,
                offset: 0,
                first: self.fit(value, "step", first)?,
                last: self.fit(value, "step", last)?,
                rows: Rows::ALL,
            })
        };
        values.enumerate().map(tensor).collect()
    }

    fn op(&self, step: usize, layer: &Layer) -> Result<OpSpec, QuantizeError> {
        let node = self.graph.node(layer.head);
        let input = self.index(layer.operands[0])?;
        let output = TensorIndex(self.fit(layer.head, "tensor index", step + 1)?);
        Ok(match &node.op {
            Op::Conv2d(conv) => {
                let Linear { weights, bias, steps } = self.linear(step);
                let depthwise = conv.is_depthwise();
                let spec = ConvSpec {
                    input,
                    output,
                    window: self.window(layer.head, conv.kernel, conv.stride, conv.padding)?,
                    weights: if depthwise {
                        channel_inner(&weights, conv.out_channels)
                    } else {
                        weights
                    },
                    bias,
                    requantize: self.requantize(layer, &steps)?,
                    residual: layer.residual.map(|id| self.residual(layer, id)).transpose()?,
                };
                match depthwise {
                    true => OpSpec::DepthwiseConv2d(spec),
                    false => OpSpec::Conv2d(spec),
                }
            }
            Op::FullyConnected(_) => {
                let Linear { weights, bias, steps } = self.linear(step);
                let result = match layer.keeps_sums(self.graph) {
                    true => FullyConnectedResultSpec::Sums {
                        scales: ptq::multipliers(&node.name, &steps, 1.0)?,
                    },
                    false => FullyConnectedResultSpec::Requantized(self.requantize(layer, &steps)?),
                };
                OpSpec::FullyConnected(FullyConnectedSpec { input, output, weights, bias, result })
            }
            Op::MaxPool(pool) => OpSpec::MaxPool(MaxPool {
                input,
                output,
                window: self.window(layer.head, pool.kernel, pool.stride, pool.padding)?,
            }),
            Op::GlobalAveragePool => {
                let Shape { height, width, .. } = self.shapes[layer.operands[0].0];
                let share = self.scale(layer.operands[0]) / (height * width) as f64;
                let out_scale = self.stored(layer.output).affine.scale;
                let multiplier = ptq::multipliers(&node.name, &[share], out_scale)?[0];
                OpSpec::GlobalAveragePool(GlobalAveragePool { input, output, multiplier })
            }
            Op::ScaleChannels => OpSpec::ScaleChannels(ScaleChannelsSpec {
                input,
                gate: self.index(layer.operands[1])?,
                output,
                factors: self.factors(layer)?,
            }),
            Op::Upsample { factor: [down, right] } => OpSpec::Upsample(Upsample {
                input,
                output,
                factor: [
                    self.fit(layer.head, "factor", *down)?,
                    self.fit(layer.head, "factor", *right)?,
                ],
            }),
            Op::Concat => OpSpec::Concat(Concat {
                inputs: [input, self.index(layer.operands[1])?],
                output,
                multipliers: self.pair_multipliers(layer)?,
            }),
            Op::Add => OpSpec::Add(AddSpec {
                inputs: [input, self.index(layer.operands[1])?],
                output,
                multipliers: self.pair_multipliers(layer)?,
                activation: self.activation(layer, None),
            }),
            op => OpSpec::Lookup(LookupSpec { input, output, table: self.table(layer, op) }),
        })
    }

    /// Multipliers from the scales of two operands to the output's.
    fn pair_multipliers(&self, layer: &Layer) -> Result<[f32; 2], QuantizeError> {
        let scales = [self.scale(layer.operands[0]), self.scale(layer.operands[1])];
        let out_scale = self.stored(layer.output).affine.scale;
        let name = &self.graph.node(layer.head).name;
        let multipliers = ptq::multipliers(name, &scales, out_scale)?;
        Ok([multipliers[0], multipliers[1]])
    }

    /// For every stored value of the operand, the stored value of the function's result.
    fn table(&self, layer: &Layer, op: &Op) -> Vec<i8> {
        let (from, to) = (self.stored(layer.operands[0]).affine, self.stored(layer.output).affine);
        let result = |stored: i8| {
            let y = op.at(from.real(stored)).expect("fusing leaves only functions without weights");
            to.stored(y.into())
        };
        (i8::MIN..=i8::MAX).map(result).collect()
    }

    /// For every stored value of the gate, the function of its real value times the image's scale over the output's.
    fn factors(&self, layer: &Layer) -> Result<Vec<f32>, QuantizeError> {
        let Affine { scale, zero_point } = self.stored(layer.operands[1]).affine;
        let image = self.scale(layer.operands[0]);
        let function = layer.activation.map(|id| &self.graph.node(id).op);
        let factor = |stored: i8| {
            let gate = f64::from(scale) * (f64::from(stored) - f64::from(zero_point));
            image
                * match function {
                    Some(Op::Sigmoid) => 1.0 / (1.0 + (-gate).exp()),
                    Some(op) => op.at(gate as f32).map_or(gate, f64::from),
                    None => gate,
                }
        };
        let factors: Vec<f64> = (i8::MIN..=i8::MAX).map(factor).collect();
        let name = &self.graph.node(layer.head).name;
        ptq::multipliers(name, &factors, self.stored(layer.output).affine.scale)
    }

    fn linear(&self, step: usize) -> Linear {
        self.linears[step].clone().expect("every convolution and dense layer was rounded")
    }

    /// A layer's parameters before rounding, the image's normalisation in those of a layer that reads it; none where a layer
    /// has no weights.
    pub(super) fn filters(&self, layer: &Layer) -> Option<Filters> {
        let operand = layer.operands[0];
        let channels = self.shapes[operand.0].channels;
        let mut filters = Filters::of(&self.graph.node(layer.head).op, channels)?;
        if operand == NodeId(0) {
            filters.absorb_image(&self.graph.input);
        }
        Some(filters)
    }

    /// All layers with weights, each rounded by itself.
    ///
    /// # Errors
    /// [`QuantizeError::Overflow`].
    pub(super) fn round(&mut self) -> Result<(), QuantizeError> {
        let round = |layer: &Layer| {
            let Some(filters) = self.filters(layer) else { return Ok(None) };
            let Stored { affine, mean } = self.stored(layer.operands[0]);
            filters.quantize(&self.graph.node(layer.head).name, *affine, mean).map(Some)
        };
        self.linears = self.layers.iter().map(round).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn requantize(&self, layer: &Layer, steps: &[f64]) -> Result<RequantizeSpec, QuantizeError> {
        let name = &self.graph.node(layer.head).name;
        let multiplier = ptq::multipliers(name, steps, self.stored(layer.output).affine.scale)?;
        Ok(RequantizeSpec { activation: self.activation(layer, Some(&multiplier)), multiplier })
    }

    /// Linear layers store the negative side's multipliers, sums the slopes themselves.
    fn activation(&self, layer: &Layer, multiplier: Option<&[f32]>) -> ActivationSpec {
        match layer.activation.map(|id| &self.graph.node(id).op) {
            None => ActivationSpec::None,
            Some(Op::Prelu { slope }) => ActivationSpec::Prelu(match multiplier {
                Some(multiplier) => slope.iter().zip(multiplier).map(|(s, m)| s * m).collect(),
                None => slope.clone(),
            }),
            // The int8 range ends where the limits do.
            Some(Op::Clip { .. }) => ActivationSpec::None,
            Some(_) => ActivationSpec::Relu,
        }
    }

    fn residual(&self, layer: &Layer, id: NodeId) -> Result<Residual, QuantizeError> {
        let name = &self.graph.node(layer.output).name;
        let out_scale = self.stored(layer.output).affine.scale;
        Ok(Residual {
            tensor: self.index(id)?,
            multiplier: ptq::multipliers(name, &[self.scale(id)], out_scale)?[0],
        })
    }

    fn window(
        &self,
        id: NodeId,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 4],
    ) -> Result<Window, QuantizeError> {
        let byte = |what, value| self.fit::<u8>(id, what, value);
        let [top, left, bottom, right] = padding;
        Ok(Window {
            kernel: [byte("kernel height", kernel[0])?, byte("kernel width", kernel[1])?],
            stride: [byte("stride", stride[0])?, byte("stride", stride[1])?],
            padding: Padding {
                top: byte("padding", top)?,
                left: byte("padding", left)?,
                bottom: byte("padding", bottom)?,
                right: byte("padding", right)?,
            },
        })
    }

    /// The file's index of the tensor that `value` names.
    fn index(&self, value: NodeId) -> Result<TensorIndex, QuantizeError> {
        let position = self.layers.iter().position(|layer| layer.output == value);
        let index = position.map_or(0, |step| step + 1);
        Ok(TensorIndex(self.fit(value, "tensor index", index)?))
    }

    pub(super) fn scale(&self, value: NodeId) -> f64 {
        f64::from(self.stored(value).affine.scale)
    }

    pub(super) fn stored(&self, value: NodeId) -> &Stored {
        self.stored[value.0]
            .as_ref()
            .expect("every tensor that a layer reads or requantizes was calibrated")
    }

    fn fit<T: TryFrom<usize> + Limit>(
        &self,
        id: NodeId,
        what: &'static str,
        value: usize,
    ) -> Result<T, QuantizeError> {
        T::try_from(value).map_err(|_| QuantizeError::TooLarge {
            node: self.graph.node(id).name.clone(),
            what,
            value,
            limit: T::LIMIT,
        })
    }
}

/// The most that one of the file's integers can hold.
trait Limit {
    const LIMIT: usize;
}

impl Limit for u8 {
    const LIMIT: usize = Self::MAX as usize;
}

impl Limit for u16 {
    const LIMIT: usize = Self::MAX as usize;
}

impl Limit for u32 {
    const LIMIT: usize = Self::MAX as usize;
}

/// `[channel][tap]` as `[tap][channel]`.
fn channel_inner(weights: &[i8], channels: usize) -> Vec<i8> {
    let taps = weights.len() / channels;
    let at = |i| weights[(i % channels) * taps + i / channels];
    (0..weights.len()).map(at).collect()
}
