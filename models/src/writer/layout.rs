//! Lays a model out in bytes, with id and checksum still zero. The layouts themselves are documented and defined at the
//! parsers; here they are only filled.

use std::vec::Vec;

use super::{
    ActivationSpec, AddSpec, ConvSpec, FullyConnectedResultSpec, FullyConnectedSpec, LookupSpec,
    MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec, ScaleChannelsSpec, WriteError,
};
use crate::error::Text;
use crate::header::{self, HEADER, MAGIC};
use crate::meta::{self, METADATA_RECORD, TEXTS, THRESHOLD_RECORD, Threshold};
use crate::op::{
    Concat, Extent, GlobalAveragePool, MaxPool, Padding, RawOp, Upsample, Window, tag,
};
use crate::record::put;
use crate::tensor::{Tensor, TensorIndex};
use crate::{CONSTANT_ALIGN, FORMAT_VERSION, MAX_THRESHOLDS, SECTION_ALIGN, WEIGHTS_ALIGN};

/// The whole file.
pub(super) fn file(model: &ModelBuilder) -> Result<Vec<u8>, WriteError> {
    let tensors: Vec<u8> = model.tensors.iter().flat_map(Tensor::encode).collect();
    let mut constants = Constants(Vec::new());
    let mut ops = Vec::new();
    for op in &model.ops {
        ops.extend(raw_op(op, &mut constants)?.encode());
    }
    let metadata = metadata(&model.metadata, &model.thresholds, &outputs(&model.outputs)?)?;

    let mut file = std::vec![0; HEADER];
    let mut section = |bytes: &[u8]| {
        pad(&mut file, SECTION_ALIGN);
        append(&mut file, bytes).map(Extent::to_bytes)
    };
    let (tensors, ops) = (section(&tensors)?, section(&ops)?);
    let (constants, metadata) = (section(&constants.0)?, section(&metadata)?);

    let total = offset(file.len())?;
    if let Some(header) = file.first_chunk_mut::<HEADER>() {
        use header::field;
        put::<{ field::MAGIC }, _, _>(header, MAGIC);
        put::<{ field::VERSION }, _, _>(header, FORMAT_VERSION.to_le_bytes());
        put::<{ field::TOTAL }, _, _>(header, total.to_le_bytes());
        put::<{ field::TENSORS }, _, _>(header, tensors);
        put::<{ field::OPS }, _, _>(header, ops);
        put::<{ field::CONSTANTS }, _, _>(header, constants);
        put::<{ field::METADATA }, _, _>(header, metadata);
        put::<{ field::ARENA }, _, _>(header, model.arena_bytes.to_le_bytes());
        put::<{ field::INPUT }, _, _>(header, model.input.0.to_le_bytes());
        put::<{ field::OUTPUT }, _, _>(header, model.output.0.to_le_bytes());
    }
    Ok(file)
}

/// The constants section as it grows.
struct Constants(Vec<u8>);

impl Constants {
    fn weights(&mut self, weights: &[i8]) -> Result<Extent, WriteError> {
        pad(&mut self.0, WEIGHTS_ALIGN);
        append(&mut self.0, bytemuck::cast_slice(weights))
    }

    fn words<T: bytemuck::NoUninit>(&mut self, words: &[T]) -> Result<Extent, WriteError> {
        pad(&mut self.0, CONSTANT_ALIGN);
        append(&mut self.0, bytemuck::cast_slice(words))
    }
}

fn raw_op(op: &OpSpec, constants: &mut Constants) -> Result<RawOp, WriteError> {
    match op {
        OpSpec::Conv2d(op) => raw_conv(op, tag::CONV2D, constants),
        OpSpec::DepthwiseConv2d(op) => raw_conv(op, tag::DEPTHWISE_CONV2D, constants),
        OpSpec::FullyConnected(op) => raw_fully_connected(op, constants),
        OpSpec::Add(op) => raw_add(op, constants),
        OpSpec::MaxPool(op) => Ok(raw_max_pool(op)),
        OpSpec::GlobalAveragePool(op) => Ok(raw_global_average_pool(op)),
        OpSpec::ScaleChannels(op) => raw_scale_channels(op, constants),
        OpSpec::Lookup(op) => raw_lookup(op, constants),
        OpSpec::Concat(op) => Ok(raw_concat(op)),
        OpSpec::Upsample(op) => Ok(raw_upsample(op)),
    }
}

fn raw_conv(op: &ConvSpec, kind: u8, constants: &mut Constants) -> Result<RawOp, WriteError> {
    let raw = RawOp {
        kind,
        input: op.input.0,
        output: op.output.0,
        weights: constants.weights(&op.weights)?,
        bias: constants.words(&op.bias)?,
        ..raw_window(op.window)
    };
    let raw = with_requantize(raw, &op.requantize, constants)?;
    Ok(match op.residual {
        None => raw,
        Some(residual) => RawOp {
            variant: tag::RESIDUAL,
            second: residual.tensor.0,
            operands: [0, residual.multiplier.to_bits()],
            ..raw
        },
    })
}

fn raw_fully_connected(
    op: &FullyConnectedSpec,
    constants: &mut Constants,
) -> Result<RawOp, WriteError> {
    let raw = RawOp {
        kind: tag::FULLY_CONNECTED,
        input: op.input.0,
        output: op.output.0,
        weights: constants.weights(&op.weights)?,
        bias: constants.words(&op.bias)?,
        ..RawOp::default()
    };
    match &op.result {
        FullyConnectedResultSpec::Requantized(requantize) => {
            with_requantize(raw, requantize, constants)
        }
        FullyConnectedResultSpec::Sums { scales } => {
            Ok(RawOp { variant: tag::SUMS, multiplier: constants.words(scales)?, ..raw })
        }
    }
}

fn raw_add(op: &AddSpec, constants: &mut Constants) -> Result<RawOp, WriteError> {
    let raw = raw_pair(tag::ADD, op.inputs, op.output, op.multipliers);
    with_activation(raw, &op.activation, constants)
}

fn raw_max_pool(op: &MaxPool) -> RawOp {
    let window = raw_window(op.window);
    RawOp { kind: tag::MAX_POOL, input: op.input.0, output: op.output.0, ..window }
}

fn raw_global_average_pool(op: &GlobalAveragePool) -> RawOp {
    RawOp {
        kind: tag::GLOBAL_AVERAGE_POOL,
        input: op.input.0,
        output: op.output.0,
        operands: [op.multiplier.to_bits(), 0],
        ..RawOp::default()
    }
}

fn raw_scale_channels(
    op: &ScaleChannelsSpec,
    constants: &mut Constants,
) -> Result<RawOp, WriteError> {
    Ok(RawOp {
        kind: tag::SCALE_CHANNELS,
        input: op.input.0,
        second: op.gate.0,
        output: op.output.0,
        multiplier: constants.words(&op.factors)?,
        ..RawOp::default()
    })
}

fn raw_lookup(op: &LookupSpec, constants: &mut Constants) -> Result<RawOp, WriteError> {
    let weights = constants.weights(&op.table)?;
    let (input, output) = (op.input.0, op.output.0);
    Ok(RawOp { kind: tag::LOOKUP, input, output, weights, ..RawOp::default() })
}

fn raw_concat(op: &Concat) -> RawOp {
    raw_pair(tag::CONCAT, op.inputs, op.output, op.multipliers)
}

/// Two operands, each with a multiplier in the record.
fn raw_pair(
    kind: u8,
    [first, second]: [TensorIndex; 2],
    output: TensorIndex,
    multipliers: [f32; 2],
) -> RawOp {
    RawOp {
        kind,
        input: first.0,
        second: second.0,
        output: output.0,
        operands: multipliers.map(f32::to_bits),
        ..RawOp::default()
    }
}

fn raw_upsample(op: &Upsample) -> RawOp {
    let (input, output, kernel) = (op.input.0, op.output.0, op.factor);
    RawOp { kind: tag::UPSAMPLE, input, output, kernel, ..RawOp::default() }
}

/// A record of a window alone.
fn raw_window(window: Window) -> RawOp {
    let Padding { top, left, bottom, right } = window.padding;
    RawOp {
        kernel: window.kernel,
        stride: window.stride,
        padding: [top, left, bottom, right],
        ..RawOp::default()
    }
}

fn with_requantize(
    raw: RawOp,
    requantize: &RequantizeSpec,
    constants: &mut Constants,
) -> Result<RawOp, WriteError> {
    let raw = RawOp { multiplier: constants.words(&requantize.multiplier)?, ..raw };
    with_activation(raw, &requantize.activation, constants)
}

fn with_activation(
    raw: RawOp,
    activation: &ActivationSpec,
    constants: &mut Constants,
) -> Result<RawOp, WriteError> {
    Ok(match activation {
        ActivationSpec::None => RawOp { activation: tag::NO_ACTIVATION, ..raw },
        ActivationSpec::Relu => RawOp { activation: tag::RELU, ..raw },
        ActivationSpec::Prelu(negative) => {
            RawOp { activation: tag::PRELU, negative: constants.words(negative)?, ..raw }
        }
    })
}

/// The list of outputs.
pub(super) fn outputs(outputs: &[OutputSpec]) -> Result<Vec<u8>, WriteError> {
    let mut list = Vec::new();
    for OutputSpec { name, tensor } in outputs {
        list.extend(tensor.0.to_le_bytes());
        list.extend(text_len(Text::Outputs, name.len())?);
        list.extend(name.bytes());
    }
    Ok(list)
}

/// A text's length as the file has it.
fn text_len(text: Text, len: usize) -> Result<[u8; 2], WriteError> {
    let too_long = WriteError::TextTooLong { text, len, limit: u16::MAX };
    Ok(u16::try_from(len).map_err(|_| too_long)?.to_le_bytes())
}

/// The metadata section.
pub(super) fn metadata(
    spec: &MetadataSpec,
    thresholds: &[Threshold],
    outputs: &[u8],
) -> Result<Vec<u8>, WriteError> {
    use meta::field;
    let texts = [
        (Text::Name, spec.name.as_bytes()),
        (Text::Data, spec.data.as_bytes()),
        (Text::Command, spec.command.as_bytes()),
        (Text::Commit, spec.commit.as_bytes()),
        (Text::Licence, spec.licence.as_bytes()),
        (Text::Outputs, outputs),
        (Text::Verdict, spec.verdict.as_bytes()),
    ];
    let mut lengths = [[0; 2]; TEXTS];
    for (to, (text, bytes)) in lengths.iter_mut().zip(texts) {
        *to = text_len(text, bytes.len())?;
    }
    let limit = usize::from(MAX_THRESHOLDS);
    let too_many = WriteError::TooManyThresholds { count: thresholds.len(), limit: MAX_THRESHOLDS };
    let count = u8::try_from(thresholds.len())
        .ok()
        .filter(|&count| usize::from(count) <= limit)
        .ok_or(too_many)?;
    let mut places = [[0; THRESHOLD_RECORD]; 16];
    for (to, from) in places.iter_mut().zip(thresholds) {
        *to = from.encode();
    }

    let mut record = [0; METADATA_RECORD];
    put::<{ field::COLOUR }, _, _>(&mut record, [spec.input.colour.tag()]);
    put::<{ field::MEAN }, 12, _>(&mut record, bytemuck::cast(spec.input.mean));
    put::<{ field::SCALE }, 12, _>(&mut record, bytemuck::cast(spec.input.scale));
    put::<{ field::LANDMARKS }, 40, _>(&mut record, bytemuck::cast(spec.landmarks));
    put::<{ field::EMBEDDING_LEN }, _, _>(&mut record, spec.embedding_len.to_le_bytes());
    put::<{ field::THRESHOLD_COUNT }, _, _>(&mut record, [count]);
    put::<{ field::SEED }, _, _>(&mut record, spec.seed.to_le_bytes());
    put::<{ field::TEXT_LENGTHS }, { 2 * TEXTS }, _>(&mut record, bytemuck::cast(lengths));
    put::<{ field::THRESHOLDS }, 128, _>(&mut record, bytemuck::cast(places));
    let texts = texts.into_iter().flat_map(|(_, bytes)| bytes.iter().copied());
    Ok(record.into_iter().chain(texts).collect())
}

/// Appends zeros up to the next multiple of `align`.
pub(super) fn pad(bytes: &mut Vec<u8>, align: u32) {
    let len = bytes.len().next_multiple_of(crate::record::to_usize(align));
    bytes.resize(len, 0);
}

/// Appends `part` and says where it lies.
pub(super) fn append(bytes: &mut Vec<u8>, part: &[u8]) -> Result<Extent, WriteError> {
    let extent = Extent { offset: offset(bytes.len())?, len: offset(part.len())? };
    bytes.extend_from_slice(part);
    Ok(extent)
}

pub(super) fn offset(bytes: usize) -> Result<u32, WriteError> {
    u32::try_from(bytes).map_err(|_| WriteError::FileTooLarge { bytes, limit: u32::MAX })
}
