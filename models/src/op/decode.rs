//! From an op record to an [`Op`]: tags, constants as slices, unused fields zero. Shapes and values are checked in
//! `check.rs`.

use bytemuck::Pod;

use super::record::{Extent, RawOp, tag};
use super::{
    Activation, Add, Concat, Conv2d, DepthwiseConv2d, FullyConnected, FullyConnectedResult,
    GlobalAveragePool, Lookup, MaxPool, Op, Padding, Requantize, Residual, ScaleChannels, Upsample,
    Window,
};
use crate::error::{Constant, OpError, Tag};
use crate::record::to_usize;
use crate::tensor::TensorIndex;
use crate::{CONSTANT_ALIGN, WEIGHTS_ALIGN};

/// Understands `raw`. Its constants are sought in `constants`.
pub(crate) fn decode<'a>(raw: &RawOp, constants: &'a [u8]) -> Result<Op<'a>, OpError> {
    let decoder = Decoder { raw: *raw, constants };
    let op = match raw.kind {
        tag::CONV2D => {
            let (requantize, residual) = (decoder.requantize()?, decoder.residual()?);
            Op::Conv2d(Conv2d {
                input: decoder.input(),
                output: decoder.output(),
                window: decoder.window(),
                weights: decoder.weights()?,
                bias: decoder.bias()?,
                requantize,
                residual,
            })
        }
        tag::DEPTHWISE_CONV2D => {
            let (requantize, residual) = (decoder.requantize()?, decoder.residual()?);
            Op::DepthwiseConv2d(DepthwiseConv2d {
                input: decoder.input(),
                output: decoder.output(),
                window: decoder.window(),
                weights: decoder.weights()?,
                bias: decoder.bias()?,
                requantize,
                residual,
            })
        }
        tag::FULLY_CONNECTED => Op::FullyConnected(FullyConnected {
            input: decoder.input(),
            output: decoder.output(),
            weights: decoder.weights()?,
            bias: decoder.bias()?,
            result: decoder.result()?,
        }),
        tag::ADD => Op::Add(Add {
            inputs: [decoder.input(), TensorIndex(raw.second)],
            output: decoder.output(),
            multipliers: raw.operands.map(f32::from_bits),
            activation: decoder.activation()?,
        }),
        tag::MAX_POOL => Op::MaxPool(MaxPool {
            input: decoder.input(),
            output: decoder.output(),
            window: decoder.window(),
        }),
        tag::GLOBAL_AVERAGE_POOL => {
            let [multiplier, _] = raw.operands.map(f32::from_bits);
            let (input, output) = (decoder.input(), decoder.output());
            Op::GlobalAveragePool(GlobalAveragePool { input, output, multiplier })
        }
        tag::SCALE_CHANNELS => Op::ScaleChannels(ScaleChannels {
            input: decoder.input(),
            gate: TensorIndex(raw.second),
            output: decoder.output(),
            factors: decoder.multiplier()?,
        }),
        tag::LOOKUP => Op::Lookup(Lookup {
            input: decoder.input(),
            output: decoder.output(),
            table: decoder.weights()?,
        }),
        tag::CONCAT => Op::Concat(Concat {
            inputs: [decoder.input(), TensorIndex(raw.second)],
            output: decoder.output(),
            multipliers: raw.operands.map(f32::from_bits),
        }),
        tag::UPSAMPLE => Op::Upsample(Upsample {
            input: decoder.input(),
            output: decoder.output(),
            factor: raw.kernel,
        }),
        found => {
            return Err(OpError::UnknownTag { tag: Tag::OpKind, found });
        }
    };
    decoder.check_unused(&op)?;
    Ok(op)
}

struct Decoder<'a> {
    raw: RawOp,
    constants: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn input(&self) -> TensorIndex {
        TensorIndex(self.raw.input)
    }

    fn output(&self) -> TensorIndex {
        TensorIndex(self.raw.output)
    }

    fn window(&self) -> Window {
        let [top, left, bottom, right] = self.raw.padding;
        Window {
            kernel: self.raw.kernel,
            stride: self.raw.stride,
            padding: Padding { top, left, bottom, right },
        }
    }

    fn weights(&self) -> Result<&'a [i8], OpError> {
        self.constant(Constant::Weights, self.raw.weights, WEIGHTS_ALIGN)
    }

    fn bias(&self) -> Result<&'a [i32], OpError> {
        self.constant(Constant::Bias, self.raw.bias, CONSTANT_ALIGN)
    }

    fn multiplier(&self) -> Result<&'a [f32], OpError> {
        self.constant(Constant::Multiplier, self.raw.multiplier, CONSTANT_ALIGN)
    }

    fn activation(&self) -> Result<Activation<'a>, OpError> {
        match self.raw.activation {
            tag::NO_ACTIVATION => Ok(Activation::None),
            tag::RELU => Ok(Activation::Relu),
            tag::PRELU => {
                let negative =
                    self.constant(Constant::Negative, self.raw.negative, CONSTANT_ALIGN)?;
                Ok(Activation::Prelu(negative))
            }
            found => Err(OpError::UnknownTag { tag: Tag::Activation, found }),
        }
    }

    fn requantize(&self) -> Result<Requantize<'a>, OpError> {
        Ok(Requantize { multiplier: self.multiplier()?, activation: self.activation()? })
    }

    fn residual(&self) -> Result<Option<Residual>, OpError> {
        let [_, multiplier] = self.raw.operands.map(f32::from_bits);
        match self.raw.variant {
            tag::PLAIN => Ok(None),
            tag::RESIDUAL => {
                Ok(Some(Residual { tensor: TensorIndex(self.raw.second), multiplier }))
            }
            found => Err(OpError::UnknownTag { tag: Tag::OpVariant, found }),
        }
    }

    fn result(&self) -> Result<FullyConnectedResult<'a>, OpError> {
        match self.raw.variant {
            tag::PLAIN => Ok(FullyConnectedResult::Requantized(self.requantize()?)),
            tag::SUMS => Ok(FullyConnectedResult::Sums { scales: self.multiplier()? }),
            found => Err(OpError::UnknownTag { tag: Tag::OpVariant, found }),
        }
    }

    fn constant<T: Pod>(
        &self,
        constant: Constant,
        extent: Extent,
        align: u32,
    ) -> Result<&'a [T], OpError> {
        let Extent { offset, len } = extent;
        let start = to_usize(offset);
        let bytes =
            start.checked_add(to_usize(len)).and_then(|end| self.constants.get(start..end)).ok_or(
                OpError::ConstantOutside { constant, offset, len, section: self.constants.len() },
            )?;
        let misaligned = OpError::ConstantMisaligned { constant, offset, len, align };
        if !offset.is_multiple_of(align) {
            return Err(misaligned);
        }
        bytemuck::try_cast_slice(bytes).map_err(|_| misaligned)
    }

    /// Every field that `op` does not use must be zero: what is left of the record without the used ones is the zero
    /// record.
    fn check_unused(&self, op: &Op<'_>) -> Result<(), OpError> {
        let mut rest = RawOp { kind: 0, variant: 0, input: 0, output: 0, ..self.raw };
        let prelu = match op {
            Op::Conv2d(Conv2d { requantize, residual, .. })
            | Op::DepthwiseConv2d(DepthwiseConv2d { requantize, residual, .. }) => {
                (rest.kernel, rest.stride, rest.padding) = Default::default();
                (rest.weights, rest.bias, rest.multiplier, rest.activation) = Default::default();
                if residual.is_some() {
                    let [first, _] = rest.operands;
                    (rest.second, rest.operands) = (0, [first, 0]);
                }
                matches!(requantize.activation, Activation::Prelu(_))
            }
            Op::FullyConnected(FullyConnected { result, .. }) => {
                (rest.weights, rest.bias, rest.multiplier) = Default::default();
                match result {
                    FullyConnectedResult::Requantized(requantize) => {
                        rest.activation = 0;
                        matches!(requantize.activation, Activation::Prelu(_))
                    }
                    FullyConnectedResult::Sums { .. } => false,
                }
            }
            Op::Add(Add { activation, .. }) => {
                (rest.second, rest.operands, rest.activation) = Default::default();
                rest.variant = self.raw.variant;
                matches!(activation, Activation::Prelu(_))
            }
            Op::MaxPool(_) => {
                (rest.kernel, rest.stride, rest.padding) = Default::default();
                rest.variant = self.raw.variant;
                false
            }
            Op::GlobalAveragePool(_) => {
                let [_, second] = rest.operands;
                rest.operands = [0, second];
                rest.variant = self.raw.variant;
                false
            }
            Op::ScaleChannels(_) => {
                (rest.second, rest.multiplier) = Default::default();
                rest.variant = self.raw.variant;
                false
            }
            Op::Lookup(_) => {
                rest.weights = Extent::default();
                rest.variant = self.raw.variant;
                false
            }
            Op::Concat(_) => {
                (rest.second, rest.operands) = Default::default();
                rest.variant = self.raw.variant;
                false
            }
            Op::Upsample(_) => {
                rest.kernel = Default::default();
                rest.variant = self.raw.variant;
                false
            }
        };
        if prelu {
            rest.negative = Extent::default();
        }
        if rest == RawOp::default() { Ok(()) } else { Err(OpError::UnusedField) }
    }
}
