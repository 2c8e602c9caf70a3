//! Whole models, small enough to follow by hand.
//!
//! The image has two pixels; as int8 they are (2, 3, 4) and (-8, 0, 12).

use edge_infer::engine::{Engine, EngineError};
use edge_infer::image::Frame;
use model_format::writer::{
    ActivationSpec, AddSpec, ConvSpec, FullyConnectedResultSpec, FullyConnectedSpec, LookupSpec,
    MetadataSpec, ModelBuilder, OpSpec, OutputSpec, RequantizeSpec, ScaleChannelsSpec,
};
use model_format::{
    ColourOrder, Concat, ElementType, GlobalAveragePool, InputSpec, MaxPool, ModelFile, Op,
    Padding, Residual, Rows, Shape, Tensor, TensorIndex, Upsample, Window,
};

const IMAGE: [u8; 6] = [130, 131, 132, 120, 128, 140];

fn tensor(shape: [u16; 3], zero_point: i8, offset: u32, [first, last]: [u16; 2]) -> Tensor {
    let [height, width, channels] = shape;
    let (element, scale) = (ElementType::I8, 0.25);
    Tensor {
        shape: Shape { height, width, channels },
        element,
        scale,
        zero_point,
        offset,
        first,
        last,
        rows: Rows::ALL,
    }
}

fn window(kernel: [u8; 2], left: u8) -> Window {
    Window { kernel, stride: [1, 1], padding: Padding { left, ..Padding::default() } }
}

fn requantize(multiplier: &[f32], activation: ActivationSpec) -> RequantizeSpec {
    RequantizeSpec { multiplier: multiplier.to_vec(), activation }
}

fn model(tensors: Vec<Tensor>, ops: Vec<OpSpec>, colour: ColourOrder) -> ModelFile {
    model_of(tensors, ops, colour, Vec::new())
}

/// A model of these outputs, the last tensor the first of them; without any, the last tensor is an embedding.
fn model_of(
    tensors: Vec<Tensor>,
    ops: Vec<OpSpec>,
    colour: ColourOrder,
    outputs: Vec<OutputSpec>,
) -> ModelFile {
    let output = tensors.len() - 1;
    let metadata = MetadataSpec {
        input: InputSpec { colour, mean: [127.5; 3], scale: [1.0 / 127.5; 3] },
        landmarks: [[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [1.0, 1.0]],
        embedding_len: if outputs.is_empty() { tensors[output].shape.channels } else { 0 },
        name: "by hand".into(),
        data: String::new(),
        command: String::new(),
        seed: 0,
        commit: String::new(),
        licence: String::new(),
        verdict: String::new(),
    };
    let output = TensorIndex(u16::try_from(output).expect("a few tensors"));
    let arena_bytes = tensors.iter().map(|t| t.offset + t.byte_len() as u32).max();
    let arena_bytes = arena_bytes.unwrap_or_default().max(24);
    let builder = ModelBuilder {
        metadata,
        thresholds: Vec::new(),
        tensors,
        ops,
        input: TensorIndex(0),
        output,
        outputs,
        arena_bytes,
    };
    ModelFile::from_bytes(builder.build().expect("the model holds together")).expect("it parses")
}

/// A pointwise convolution with PReLU, then a fully connected layer that keeps its sums.
fn sums(colour: ColourOrder) -> ModelFile {
    let mut last = tensor([1, 1, 2], 0, 12, [2, 2]);
    last.element = ElementType::I32;
    let tensors = vec![tensor([1, 2, 3], 0, 0, [0, 1]), tensor([1, 2, 2], 1, 8, [1, 2]), last];
    let convolution = ConvSpec {
        input: TensorIndex(0),
        output: TensorIndex(1),
        window: window([1, 1], 0),
        weights: [[1, 1, 1], [1, -1, 0]].concat(),
        bias: vec![0, 1],
        requantize: requantize(&[0.5, 1.0], ActivationSpec::Prelu(vec![0.25, 0.5])),
        residual: None,
    };
    let fully_connected = FullyConnectedSpec {
        input: TensorIndex(1),
        output: TensorIndex(2),
        weights: [[1, 2, 3, 4], [-1, 0, 1, 0]].concat(),
        bias: vec![10, -5],
        result: FullyConnectedResultSpec::Sums { scales: vec![0.5, 2.0] },
    };
    model(
        tensors,
        vec![OpSpec::Conv2d(convolution), OpSpec::FullyConnected(fully_connected)],
        colour,
    )
}

/// The ops without weights: an average that gates the image it is of, then the maximum of its two
/// pixels.
fn gated() -> ModelFile {
    let tensors = vec![
        tensor([1, 2, 3], 1, 0, [0, 2]),
        tensor([1, 1, 3], -2, 8, [1, 2]),
        tensor([1, 2, 3], 2, 16, [2, 3]),
        tensor([1, 1, 3], 2, 0, [3, 3]),
    ];
    let [image, average, scaled, largest] = [0, 1, 2, 3].map(TensorIndex);
    let ops = vec![
        OpSpec::GlobalAveragePool(GlobalAveragePool {
            input: image,
            output: average,
            multiplier: 0.5,
        }),
        OpSpec::ScaleChannels(ScaleChannelsSpec {
            input: image,
            gate: average,
            output: scaled,
            factors: (-128_i8..=127).map(|gate| f32::from(gate) / 4.0).collect(),
        }),
        OpSpec::MaxPool(MaxPool { input: scaled, output: largest, window: window([1, 2], 0) }),
    ];
    model(tensors, ops, ColourOrder::Rgb)
}

/// Every other kind of op with weights, and a sum: padded depthwise with ReLU, a residual, an
/// addition with slopes, an int8 output.
fn residual() -> ModelFile {
    let tensors = vec![
        tensor([1, 2, 3], 1, 0, [0, 2]),
        tensor([1, 2, 3], 0, 8, [1, 3]),
        tensor([1, 2, 3], -10, 16, [2, 3]),
        tensor([1, 2, 3], 3, 0, [3, 4]),
        tensor([1, 1, 2], -5, 8, [4, 4]),
    ];
    let depthwise = ConvSpec {
        input: TensorIndex(0),
        output: TensorIndex(1),
        window: window([1, 2], 1),
        weights: [[1; 3], [2; 3]].concat(),
        bias: vec![0; 3],
        requantize: requantize(&[1.0; 3], ActivationSpec::Relu),
        residual: None,
    };
    let projection = ConvSpec {
        input: TensorIndex(1),
        output: TensorIndex(2),
        window: window([1, 1], 0),
        weights: [[1, 0, 0], [0, 1, 0], [0, 0, 1]].concat(),
        bias: vec![0; 3],
        requantize: requantize(&[1.0; 3], ActivationSpec::None),
        residual: Some(Residual { tensor: TensorIndex(0), multiplier: 2.0 }),
    };
    let addition = AddSpec {
        inputs: [TensorIndex(1), TensorIndex(2)],
        output: TensorIndex(3),
        multipliers: [1.0, 0.5],
        activation: ActivationSpec::Prelu(vec![0.5, 0.25, 2.0]),
    };
    let fully_connected = FullyConnectedSpec {
        input: TensorIndex(3),
        output: TensorIndex(4),
        weights: [[1; 6], [1, 0, 0, 0, 0, -1]].concat(),
        bias: vec![0; 2],
        result: FullyConnectedResultSpec::Requantized(requantize(
            &[0.5, 1.0],
            ActivationSpec::Relu,
        )),
    };
    let ops = vec![
        OpSpec::DepthwiseConv2d(depthwise),
        OpSpec::Conv2d(projection),
        OpSpec::Add(addition),
        OpSpec::FullyConnected(fully_connected),
    ];
    model(tensors, ops, ColourOrder::Rgb)
}

/// The ops that move values, and outputs by name: the image two rows high, beside it its double.
fn detector() -> ModelFile {
    let tensors = vec![
        tensor([1, 2, 3], 1, 0, [0, 1]),
        tensor([2, 2, 3], 1, 8, [1, 3]),
        tensor([2, 2, 3], 0, 20, [2, 3]),
        tensor([2, 2, 6], -1, 32, [3, 3]),
    ];
    let [image, large, doubled, both] = [0, 1, 2, 3].map(TensorIndex);
    let ops = vec![
        OpSpec::Upsample(Upsample { input: image, output: large, factor: [2, 1] }),
        OpSpec::Lookup(LookupSpec {
            input: large,
            output: doubled,
            table: (i8::MIN..=i8::MAX).map(|x| x.saturating_sub(1).saturating_mul(2)).collect(),
        }),
        OpSpec::Concat(Concat { inputs: [large, doubled], output: both, multipliers: [1.0, 0.5] }),
    ];
    let output = |name: &str, tensor| OutputSpec { name: name.into(), tensor };
    let outputs = vec![output("both", both), output("doubled", doubled)];
    model_of(tensors, ops, ColourOrder::Rgb, outputs)
}

#[test]
fn outputs_are_read_by_their_tensors() {
    let file = detector();
    let engine = Engine::new(file.view());
    let mut arena = vec![0; engine.arena_bytes()];
    engine.run(&IMAGE, &mut arena).expect("image and arena fit");
    let outputs: Vec<(&str, Vec<i32>, Vec<f32>)> = engine
        .model()
        .outputs()
        .map(|output| (output, engine.read(output.tensor, &arena).expect("it has run")))
        .map(|(named, output)| (named.name, output.sums().collect(), output.values().collect()))
        .collect();
    // Less its zero point the image is (1, 2, 3) and (-9, -1, 11).
    let doubled = [2, 4, 6, -18, -2, 22];
    let both = [1, 2, 3, 1, 2, 3, -9, -1, 11, -9, -1, 11];
    assert_eq!((outputs[0].0, outputs[1].0), ("both", "doubled"));
    assert_eq!(outputs[0].1, [both, both].concat());
    assert_eq!(outputs[1].1, [doubled, doubled].concat());
    assert_eq!(outputs[1].2[..4], [0.5, 1.0, 1.5, -4.5]);
    let doubled = engine.read(TensorIndex(2), &arena).expect("it has run");
    assert_eq!((doubled.value(3), doubled.value(12)), (Some(-4.5), None));
    let missing = engine.read(TensorIndex(4), &arena).map(|_| ());
    assert_eq!(missing, Err(EngineError::Inconsistent { op: 3 }));
}

/// Sums and embedding of the image.
fn run(file: &ModelFile) -> (Vec<i32>, Vec<f32>) {
    let engine = Engine::new(file.view());
    let mut arena = vec![0; engine.arena_bytes()];
    let output = engine.run(&IMAGE, &mut arena).expect("image and arena fit");
    let mut embedding = vec![0.0; output.len()];
    output.embedding(&mut embedding).expect("the length is the output's");
    assert_eq!(output.scales().count(), output.len());
    (output.sums().collect(), embedding)
}

#[test]
fn a_convolution_and_a_fully_connected_layer() {
    // Sums of the convolution (9, 0) and (4, -7); 4.5 rounds to 4, -3.5 to -4, the zero point is 1:
    // (5, 1) and (3, -3). 5 + 2 + 9 - 12 + 10 = 14; -5 + 3 - 5 = -7.
    assert_eq!(run(&sums(ColourOrder::Rgb)), (vec![14, -7], vec![7.0, -14.0]));
}

#[test]
fn a_model_of_the_other_colour_order_sees_the_channels_swapped() {
    // (4, 3, 2) and (12, 0, -8) give sums (9, 2) and (4, 13), stored (5, 3) and (3, 14).
    assert_eq!(run(&sums(ColourOrder::Bgr)), (vec![86, -7], vec![43.0, -14.0]));
}

#[test]
fn residual_addition_and_int8_output() {
    // Depthwise, padded with the zero point 1: (1 + 4, 1 + 6, 1 + 8) and ReLU of (2 - 16, 3 + 0, 4
    // + 24). Projection, plus twice (input - 1), zero point -10: (-3, 1, 5) and (-28, -9, 40).
    // Addition: (8.5, 12.5, 16.5) and (-9 * 0.5, 3.5, 53), to even, zero point 3: (11, 15, 19) and
    // (-1, 7, 56). Fully connected: 107 / 2 to even is 54, and ReLU of 11 - 56; the scale is 1/4.
    assert_eq!(run(&residual()), (vec![54, 0], vec![13.5, 0.0]));
}

#[test]
fn an_average_gates_its_image_and_a_maximum_joins_the_pixels() {
    // Less the zero point 1 the image is (1, 2, 3) and (-9, -1, 11). Averages: -8, 1, 14, halved to
    // even, zero point -2: (-6, -2, 5), so factors (-1.5, -0.5, 1.25). Products (-1.5, -1, 3.75)
    // and (13.5, 0.5, 13.75), to even, zero point 2: (0, 1, 6) and (16, 2, 16).
    assert_eq!(run(&gated()), (vec![14, 0, 14], vec![3.5, 0.0, 3.5]));
}

#[test]
fn the_arena_needs_no_content_no_alignment_and_no_exact_length() {
    for file in [sums(ColourOrder::Rgb), residual(), gated()] {
        let engine = Engine::new(file.view());
        let expected = run(&file).0;
        for (skip, filler) in [(0, 0), (1, 0xff), (2, 0x80), (3, 0x7f)] {
            let mut memory = vec![filler; skip + engine.arena_bytes() + 5];
            let output = engine.run(&IMAGE, &mut memory[skip..]).expect("the arena is long enough");
            assert_eq!(output.sums().collect::<Vec<_>>(), expected);
            let behind = &memory[skip + engine.arena_bytes()..];
            assert_eq!(behind, [filler; 5], "the engine writes inside its arena");
        }
    }
}

#[test]
fn an_observer_sees_each_op_after_it_ran() {
    let file = residual();
    let engine = Engine::new(file.view());
    let mut seen = Vec::new();
    let mut last = Vec::new();
    let observer = |index, op: &Op<'_>, written: &[u8]| {
        seen.push((index, op.name()));
        last = written.to_vec();
    };
    let mut arena = [0; 24];
    engine.run_with(&IMAGE, &mut arena, observer).expect("image and arena fit");
    assert_eq!(seen, [(0, "depthwise_conv2d"), (1, "conv2d"), (2, "add"), (3, "fully_connected")]);
    let output = file.view().output();
    assert_eq!(last, arena[output.offset as usize..][..output.byte_len()]);
    assert_eq!(engine.model().id(), file.view().id());
}

/// The parts of a run, on an arena that another program keeps in between.
#[test]
fn steps_one_by_one_are_the_whole_run() {
    for file in [sums(ColourOrder::Rgb), residual(), gated()] {
        let (model, expected) = (file.view(), run(&file).0);
        let mut arena = vec![0x55; Engine::new(model).arena_bytes()];
        Engine::new(model).load(&IMAGE, &mut arena).expect("image and arena fit");
        for (index, op) in model.ops().enumerate() {
            let written = Engine::new(model).step(index, &mut arena).expect("such an op").to_vec();
            let tensor = model.tensor(op.output()).expect("an op has its tensors");
            assert_eq!(written, arena[tensor.offset as usize..][..tensor.byte_len()]);
        }
        let output = Engine::new(model).output(&arena).expect("the arena fits");
        assert_eq!(output.sums().collect::<Vec<_>>(), expected);
    }
}

/// A column of six pixels (2, 3, 4), (5, 6, 7), .. through a depthwise sum of three rows and a sum with itself: by row
/// a, 3 a and 3 a, where the rows beyond the ends are zero.
fn column(rows: [Rows; 3]) -> ModelFile {
    let [image, summed, doubled, lengths] = [0, 1, 2, 3].map(TensorIndex);
    let whole = rows == [Rows::ALL; 3];
    let lives =
        if whole { [[0, 1], [1, 3], [2, 3], [3, 3]] } else { [[0, 1], [1, 1], [1, 1], [1, 1]] };
    let mut tensors: Vec<Tensor> = [0, 18, 36, 54]
        .into_iter()
        .zip(lives)
        .map(|(offset, life)| tensor([6, 1, 3], 0, offset, life))
        .collect();
    for (tensor, rows) in tensors.iter_mut().skip(1).zip(rows) {
        tensor.rows = rows;
    }
    let ops = vec![
        OpSpec::DepthwiseConv2d(ConvSpec {
            input: image,
            output: summed,
            window: Window {
                kernel: [3, 1],
                stride: [1, 1],
                padding: Padding { top: 1, bottom: 1, ..Padding::default() },
            },
            weights: vec![1; 9],
            bias: vec![0; 3],
            requantize: requantize(&[1.0; 3], ActivationSpec::None),
            residual: None,
        }),
        OpSpec::Lookup(LookupSpec {
            input: summed,
            output: doubled,
            table: (i8::MIN..=i8::MAX).map(|x| x.saturating_mul(2)).collect(),
        }),
        OpSpec::Add(AddSpec {
            inputs: [doubled, summed],
            output: lengths,
            multipliers: [1.0, -1.0],
            activation: ActivationSpec::None,
        }),
    ];
    let outputs = vec![OutputSpec { name: "sums".into(), tensor: lengths }];
    model_of(tensors, ops, ColourOrder::Rgb, outputs)
}

/// What an op of a stream writes in each slice is the next rows of what it writes at once.
#[test]
fn a_stream_makes_the_rows_of_its_tensors_one_after_the_other() {
    let image: Vec<u8> = (130..148).collect();
    // Row r of the image holds 3 r + 2, 3 r + 3, 3 r + 4.
    let row = |r: i32| [2, 3, 4].map(|c| if (0..6).contains(&r) { 3 * r + c } else { 0 });
    let sum = |r: i32| [0, 1, 2].map(|c| row(r - 1)[c] + row(r)[c] + row(r + 1)[c]);
    let expected: Vec<i32> = (0..6).flat_map(sum).collect();
    let of = |held, lead, pace, every| Rows { held, lead, pace, every };
    let plans = [
        ([Rows::ALL; 3], [1, 1, 1]),
        ([of(1, 1, 1, 1), of(1, 1, 1, 1), of(0, 1, 1, 1)], [6, 6, 6]),
        ([of(2, 2, 1, 1), of(1, 1, 1, 1), of(0, 1, 1, 1)], [5, 6, 6]),
        ([of(3, 2, 3, 1), of(4, 2, 3, 1), of(0, 2, 3, 1)], [3, 3, 3]),
        ([of(6, 6, 1, 1), of(6, 6, 1, 1), of(0, 2, 2, 1)], [1, 1, 3]),
        ([of(1, 1, 1, 2), of(1, 1, 1, 2), of(0, 1, 1, 2)], [6, 6, 6]),
    ];
    for (rows, pieces) in plans {
        let file = column(rows);
        let engine = Engine::new(file.view());
        let mut memory = vec![0x5a; engine.arena_bytes() + 8];
        let (arena, guard) = memory.split_at_mut(engine.arena_bytes());
        let (mut made, mut count) = (vec![Vec::new(); 3], [0; 3]);
        let observer = |index: usize, _: &Op<'_>, written: &[u8]| {
            made[index].extend(written.iter().map(|byte| byte.cast_signed()));
            count[index] += 1;
        };
        let output = engine.run_with(&image, arena, observer).expect("image and arena fit");
        assert_eq!(output.sums().collect::<Vec<_>>(), expected, "{rows:?}");
        let doubled: Vec<i32> = expected.iter().map(|sum| 2 * sum).collect();
        let sums = |at: usize| made[at].iter().map(|&sum| i32::from(sum)).collect::<Vec<_>>();
        assert_eq!([sums(0), sums(1), sums(2)], [expected.clone(), doubled, expected.clone()]);
        assert_eq!((count, &guard[..]), (pieces, &[0x5a; 8][..]));
        // A stream is one step.
        engine.load(&image, arena).expect("image and arena fit");
        let steps = file.view().steps().count();
        let mut last = Vec::new();
        for step in 0..steps {
            last = engine.step(step, arena).expect("such a step").to_vec();
        }
        let last: Vec<i32> = last.iter().map(|byte| byte.cast_signed().into()).collect();
        assert_eq!((steps, last), (if rows == [Rows::ALL; 3] { 3 } else { 1 }, expected.clone()));
    }
}

#[test]
fn a_frame_in_the_corner_is_the_image_with_black_around_it() {
    for file in [sums(ColourOrder::Rgb), sums(ColourOrder::Bgr), residual(), gated()] {
        let engine = Engine::new(file.view());
        let mut arena = vec![0x55; engine.arena_bytes()];
        let pixel = Frame::new(&IMAGE[..3], 1, 1, 3).expect("a pixel");
        let both = Frame::new(&IMAGE, 2, 1, 6).expect("two pixels");
        let mut whole = vec![0; engine.model().input().shape.elements()];
        for (frame, shown) in [(pixel, 3), (both, 6)] {
            whole.fill(0);
            whole[..shown].copy_from_slice(&IMAGE[..shown]);
            let run = engine.run(&whole, &mut arena).expect("image and arena fit");
            let expected: Vec<i32> = run.sums().collect();
            engine.load_corner(&frame, &mut arena).expect("it is no larger");
            engine.run_loaded(&mut arena).expect("the arena fits");
            let output = engine.output(&arena).expect("the arena fits");
            let sums: Vec<i32> = output.sums().collect();
            assert_eq!(sums, expected);
        }
    }
}

#[test]
fn rejects_a_frame_larger_than_the_input() {
    let file = residual();
    let engine = Engine::new(file.view());
    let mut arena = vec![0; engine.arena_bytes()];
    let shape = engine.model().input().shape;
    let [height, width] = [shape.height, shape.width].map(usize::from);
    let pixels = [0; 300];
    for side in [[height + 1, width], [height, width + 1]] {
        let frame = Frame::new(&pixels, side[1], side[0], side[1] * 3).expect("pixels enough");
        let error = engine.load_corner(&frame, &mut arena).expect_err("too large");
        assert_eq!(error, EngineError::FrameTooLarge { height, width, frame: side });
    }
}

#[test]
fn rejects_parts_of_a_run_that_do_not_exist() {
    let file = residual();
    let engine = Engine::new(file.view());
    let (mut short, mut arena) = ([0; 23], [0; 24]);
    let too_small = EngineError::ArenaTooSmall { needed: 24, got: 23 };
    assert_eq!(engine.load(&IMAGE, &mut short), Err(too_small));
    assert_eq!(engine.step(0, &mut short), Err(too_small));
    assert_eq!(engine.output(&short).err(), Some(too_small));
    assert_eq!(engine.step(4, &mut arena), Err(EngineError::NoSuchStep { step: 4, steps: 4 }));
}

#[test]
fn rejects_an_arena_that_is_too_small() {
    let file = residual();
    let error = Engine::new(file.view()).run(&IMAGE, &mut [0; 23]).expect_err("a byte is missing");
    assert_eq!(error, EngineError::ArenaTooSmall { needed: 24, got: 23 });
}

#[test]
fn rejects_an_image_of_another_size() {
    let file = residual();
    for got in [0, 5, 7] {
        let image = vec![0; got];
        let error = Engine::new(file.view()).run(&image, &mut [0; 24]).expect_err("not two pixels");
        assert_eq!(error, EngineError::ImageLength { height: 1, width: 2, needed: 6, got });
    }
}

#[test]
fn rejects_a_buffer_for_another_embedding() {
    let file = residual();
    let mut arena = [0; 24];
    let output = Engine::new(file.view()).run(&IMAGE, &mut arena).expect("image and arena fit");
    assert_eq!(
        output.embedding(&mut [0.0; 3]),
        Err(EngineError::EmbeddingLength { needed: 2, got: 3 })
    );
    assert!(!output.is_empty());
}
