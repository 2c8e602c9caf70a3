//! Small networks. [`model`] has every op with weights, every activation, both fully connected results and a residual;
//! [`gated`] has ops without weights, [`detector`] the others and two outputs by name. The first two arenas reuse bytes.
//!
//! [`streamed`] is the first by another plan.
//!
//! ```text
//! t0 4x4x3 -conv 3x3-> t1 4x4x4 -depthwise 3x3-> t2 4x4x4 -conv 1x1 (+ t1)-> t3 4x4x4
//! t3 + t2 -add-> t4 4x4x4 -fully connected-> t5 1x1x8 -fully connected, sums-> t6 1x1x2
//!
//! t0 4x4x3 -max pool 2x2 /2-> t1 2x2x3 -global average-> t2 1x1x3
//! t1 * factors of t2 -scale channels-> t3 2x2x3
//!
//! t0 4x4x3 -upsample 2x1-> t1 8x4x3 -lookup-> t2 8x4x3 = scores
//! t1 beside t2 -concat-> t3 8x4x6 = maps
//! ```

use model_format::writer::{
    ActivationSpec, AddSpec, ConvSpec, FullyConnectedResultSpec, FullyConnectedSpec, LookupSpec,
    MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec, ScaleChannelsSpec, SigningKey,
};
use model_format::{
    ColourOrder, Concat, ElementType, GlobalAveragePool, InputSpec, MaxPool, ModelFile, Padding,
    Residual, Rows, Shape, Tensor, TensorIndex, Threshold, Upsample, Window,
};

/// Where the sections of [`bytes`] start, for tests that change single bytes.
pub(crate) const TENSORS: usize = 128;
pub(crate) const TENSOR: usize = 32;
pub(crate) const OPS: usize = 384;
pub(crate) const OP: usize = 64;
pub(crate) const CONSTANTS: usize = 768;

pub(crate) fn tensor(shape: [u16; 3], offset: u32, [first, last]: [u16; 2]) -> Tensor {
    let [height, width, channels] = shape;
    Tensor {
        shape: Shape { height, width, channels },
        element: ElementType::I8,
        scale: 0.0625,
        zero_point: -5,
        offset,
        first,
        last,
        rows: Rows::ALL,
    }
}

/// Weights that differ from one another, -100 to 100.
fn weights(len: usize, seed: i32) -> Vec<i8> {
    (0..).map(|i: i32| i8::try_from((i * 37 + seed) % 201 - 100).unwrap()).take(len).collect()
}

fn multipliers(len: usize, first: f32) -> Vec<f32> {
    (0_u16..).map(|i| first + f32::from(i) / 1024.0).take(len).collect()
}

fn requantize(channels: usize, activation: ActivationSpec) -> RequantizeSpec {
    RequantizeSpec { multiplier: multipliers(channels, 0.01), activation }
}

pub(crate) fn window(kernel: u8, padding: u8) -> Window {
    let padding = Padding { top: padding, left: padding, bottom: padding, right: padding };
    Window { kernel: [kernel; 2], stride: [1, 1], padding }
}

pub(crate) fn model() -> ModelBuilder {
    ModelBuilder {
        metadata: MetadataSpec {
            input: InputSpec {
                colour: ColourOrder::Bgr,
                mean: [127.5, 120.0, 110.25],
                scale: [0.0078125, 0.01, 0.02],
            },
            landmarks: [[1.25, 1.5], [2.75, 1.5], [2.0, 2.0], [1.5, 3.0], [2.5, 3.0]],
            embedding_len: 2,
            name: "sample".into(),
            data: "drawn faces".into(),
            command: "host-train train --seed 7".into(),
            seed: 0x0123_4567_89ab_cdef,
            commit: "858aec2".into(),
            licence: "Apache-2.0 OR MIT, \u{a9}".into(),
            verdict: String::new(),
        },
        thresholds: vec![
            Threshold { fmr: 0.01, cosine: 0.21 },
            Threshold { fmr: 0.001, cosine: 0.3125 },
        ],
        tensors: vec![
            tensor([4, 4, 3], 0, [0, 1]),
            tensor([4, 4, 4], 64, [1, 3]),
            tensor([4, 4, 4], 0, [2, 4]),
            tensor([4, 4, 4], 128, [3, 4]),
            tensor([4, 4, 4], 64, [4, 5]),
            tensor([1, 1, 8], 0, [5, 6]),
            Tensor { element: ElementType::I32, ..tensor([1, 1, 2], 128, [6, 6]) },
        ],
        ops: vec![
            OpSpec::Conv2d(ConvSpec {
                input: TensorIndex(0),
                output: TensorIndex(1),
                window: window(3, 1),
                weights: weights(4 * 9 * 3, 1),
                bias: vec![-1000, 0, 1000, 70_000],
                requantize: requantize(4, ActivationSpec::Prelu(multipliers(4, 0.0025))),
                residual: None,
            }),
            OpSpec::DepthwiseConv2d(ConvSpec {
                input: TensorIndex(1),
                output: TensorIndex(2),
                window: window(3, 1),
                weights: weights(9 * 4, 2),
                bias: vec![4, 3, 2, 1],
                requantize: requantize(4, ActivationSpec::Relu),
                residual: None,
            }),
            OpSpec::Conv2d(ConvSpec {
                input: TensorIndex(2),
                output: TensorIndex(3),
                window: window(1, 0),
                weights: weights(4 * 4, 3),
                bias: vec![0; 4],
                requantize: requantize(4, ActivationSpec::None),
                residual: Some(Residual { tensor: TensorIndex(1), multiplier: 0.75 }),
            }),
            OpSpec::Add(AddSpec {
                inputs: [TensorIndex(3), TensorIndex(2)],
                output: TensorIndex(4),
                multipliers: [0.5, 1.25],
                activation: ActivationSpec::Prelu(multipliers(4, 0.25)),
            }),
            OpSpec::FullyConnected(FullyConnectedSpec {
                input: TensorIndex(4),
                output: TensorIndex(5),
                weights: weights(8 * 64, 4),
                bias: vec![-8; 8],
                result: FullyConnectedResultSpec::Requantized(requantize(8, ActivationSpec::None)),
            }),
            OpSpec::FullyConnected(FullyConnectedSpec {
                input: TensorIndex(5),
                output: TensorIndex(6),
                weights: weights(2 * 8, 5),
                bias: vec![5, -5],
                result: FullyConnectedResultSpec::Sums { scales: multipliers(2, 0.001) },
            }),
        ],
        input: TensorIndex(0),
        output: TensorIndex(6),
        outputs: Vec::new(),
        arena_bytes: 192,
    }
}

/// [`model`] with its first four ops in one stream, a row a slice; only the image and t4 are whole.
pub(crate) fn streamed() -> ModelBuilder {
    let mut model = model();
    let plan = [
        (0, [0, 1], Rows::ALL),
        (64, [1, 1], Rows { held: 3, lead: 2, pace: 1, every: 1 }),
        (112, [1, 1], Rows { held: 1, lead: 1, pace: 1, every: 1 }),
        (128, [1, 1], Rows { held: 1, lead: 1, pace: 1, every: 1 }),
        (192, [1, 2], Rows { held: 0, lead: 1, pace: 1, every: 1 }),
        (0, [2, 3], Rows::ALL),
        (64, [3, 3], Rows::ALL),
    ];
    for (tensor, (offset, [first, last], rows)) in model.tensors.iter_mut().zip(plan) {
        *tensor = Tensor { offset, first, last, rows, ..*tensor };
    }
    model.arena_bytes = 256;
    model
}

pub(crate) fn gated() -> ModelBuilder {
    let mut model = model();
    model.metadata.embedding_len = 3;
    model.metadata.verdict = "int8 98.5 %, float 98.6 %".into();
    let [image, pooled, average, scaled] = [0, 1, 2, 3].map(TensorIndex);
    ModelBuilder {
        tensors: vec![
            tensor([4, 4, 3], 0, [0, 1]),
            tensor([2, 2, 3], 64, [1, 3]),
            tensor([1, 1, 3], 0, [2, 3]),
            tensor([2, 2, 3], 128, [3, 3]),
        ],
        ops: vec![
            OpSpec::MaxPool(MaxPool {
                input: image,
                output: pooled,
                window: Window { stride: [2, 2], ..window(2, 0) },
            }),
            OpSpec::GlobalAveragePool(GlobalAveragePool {
                input: pooled,
                output: average,
                multiplier: 0.25,
            }),
            OpSpec::ScaleChannels(ScaleChannelsSpec {
                input: pooled,
                gate: average,
                output: scaled,
                factors: multipliers(256, 0.5),
            }),
        ],
        output: scaled,
        ..model
    }
}

pub(crate) fn detector() -> ModelBuilder {
    let mut model = model();
    model.metadata.embedding_len = 0;
    let [image, large, scores, maps] = [0, 1, 2, 3].map(TensorIndex);
    let output = |name: &str, tensor| OutputSpec { name: name.into(), tensor };
    ModelBuilder {
        tensors: vec![
            tensor([4, 4, 3], 0, [0, 1]),
            tensor([8, 4, 3], 64, [1, 3]),
            tensor([8, 4, 3], 192, [2, 3]),
            tensor([8, 4, 6], 320, [3, 3]),
        ],
        ops: vec![
            OpSpec::Upsample(Upsample { input: image, output: large, factor: [2, 1] }),
            OpSpec::Lookup(LookupSpec {
                input: large,
                output: scores,
                table: (i8::MIN..=i8::MAX).rev().collect(),
            }),
            OpSpec::Concat(Concat {
                inputs: [large, scores],
                output: maps,
                multipliers: [0.5, 2.0],
            }),
        ],
        output: maps,
        outputs: vec![output("maps", maps), output("scores", scores)],
        arena_bytes: 512,
        ..model
    }
}

/// The maximum of [`gated`].
pub(crate) fn max_pool(model: &mut ModelBuilder) -> &mut MaxPool {
    match &mut model.ops[0] {
        OpSpec::MaxPool(op) => op,
        other => panic!("op 0 is {other:?}"),
    }
}

/// The average of [`gated`].
pub(crate) fn average(model: &mut ModelBuilder) -> &mut GlobalAveragePool {
    match &mut model.ops[1] {
        OpSpec::GlobalAveragePool(op) => op,
        other => panic!("op 1 is {other:?}"),
    }
}

/// The channel scaling of [`gated`].
pub(crate) fn scale_channels(model: &mut ModelBuilder) -> &mut ScaleChannelsSpec {
    match &mut model.ops[2] {
        OpSpec::ScaleChannels(op) => op,
        other => panic!("op 2 is {other:?}"),
    }
}

/// The convolution of op `index`, which must be one.
pub(crate) fn conv(model: &mut ModelBuilder, index: usize) -> &mut ConvSpec {
    match &mut model.ops[index] {
        OpSpec::Conv2d(op) | OpSpec::DepthwiseConv2d(op) => op,
        other => panic!("op {index} is {other:?}"),
    }
}

/// The fully connected op `index`, which must be one.
pub(crate) fn fully_connected(model: &mut ModelBuilder, index: usize) -> &mut FullyConnectedSpec {
    match &mut model.ops[index] {
        OpSpec::FullyConnected(op) => op,
        other => panic!("op {index} is {other:?}"),
    }
}

/// The add of op 3.
pub(crate) fn add(model: &mut ModelBuilder) -> &mut AddSpec {
    match &mut model.ops[3] {
        OpSpec::Add(op) => op,
        other => panic!("op 3 is {other:?}"),
    }
}

pub(crate) fn bytes() -> Vec<u8> {
    model().build().unwrap()
}

/// The key of the first test of RFC 8032, 7.1.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ])
}

/// [`bytes`], signed by [`key`].
pub(crate) fn signed() -> Vec<u8> {
    key().sign(&ModelFile::from_bytes(bytes()).unwrap().view()).unwrap()
}
