//! Whole networks: quantized here, run by the engine that doors run, compared with the float graph.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::graph::random::{self, Builder};
use crate::graph::{Conv2d, Executor, FullyConnected, Input, MaxPool};
use edge_infer::engine::Engine;
use model_format::writer::WriteError;
use model_format::{Activation, ColourOrder, FullyConnectedResult, ModelFile};

const IMAGE: NodeId = NodeId(0);

fn quantized(graph: &Graph, images: &[Vec<u8>]) -> Quantized {
    quantize(graph, images, &Options::default(), None, &Provenance::default()).unwrap()
}

/// Embeddings by `edge-infer`.
pub(crate) fn int8(bytes: &[u8], images: &[Vec<u8>]) -> Vec<Vec<f32>> {
    let file = ModelFile::from_bytes(bytes).unwrap();
    let engine = Engine::new(file.view());
    let mut arena = vec![0; engine.arena_bytes()];
    let mut embed = |image: &Vec<u8>| {
        let output = engine.run(image, &mut arena).unwrap();
        let mut embedding = vec![0.0; output.len()];
        output.embedding(&mut embedding).unwrap();
        embedding
    };
    images.iter().map(&mut embed).collect()
}

/// The constants of an operation with weights, to be changed.
pub(crate) struct Constants {
    pub(crate) weights: Vec<i8>,
    pub(crate) bias: Vec<i32>,
    /// Empty where the sums are kept.
    pub(crate) multiplier: Vec<f32>,
    /// Of negative sums; empty without PReLU.
    pub(crate) negative: Vec<f32>,
}

/// A model file with the constants of operation `step` changed in place, sealed anew.
pub(crate) fn edited(bytes: &[u8], step: usize, edit: impl Fn(&mut Constants)) -> Vec<u8> {
    use model_format::{Op, Requantize};
    let file = ModelFile::from_bytes(bytes).unwrap();
    let view = file.view();
    let none = Requantize { multiplier: &[], activation: Activation::None };
    let (weights, bias, requantize) = match view.ops().nth(step).unwrap() {
        Op::Conv2d(op) => (op.weights, op.bias, op.requantize),
        Op::DepthwiseConv2d(op) => (op.weights, op.bias, op.requantize),
        Op::FullyConnected(op) => match op.result {
            FullyConnectedResult::Requantized(requantize) => (op.weights, op.bias, requantize),
            FullyConnectedResult::Sums { .. } => (op.weights, op.bias, none),
        },
        other => panic!("{} has no weights", other.name()),
    };
    let negative: &[f32] = match requantize.activation {
        Activation::Prelu(negative) => negative,
        _ => &[],
    };
    let mut constants = Constants {
        weights: weights.to_vec(),
        bias: bias.to_vec(),
        multiplier: requantize.multiplier.to_vec(),
        negative: negative.to_vec(),
    };
    edit(&mut constants);
    let mut changed = view.bytes().to_vec();
    let mut put = |was: &[u8], is: &[u8]| {
        if !was.is_empty() {
            let at = was.as_ptr().addr() - view.bytes().as_ptr().addr();
            changed[at..at + was.len()].copy_from_slice(is);
        }
    };
    put(bytemuck::cast_slice(weights), bytemuck::cast_slice(&constants.weights));
    put(bytemuck::cast_slice(bias), bytemuck::cast_slice(&constants.bias));
    put(bytemuck::cast_slice(requantize.multiplier), bytemuck::cast_slice(&constants.multiplier));
    put(bytemuck::cast_slice(negative), bytemuck::cast_slice(&constants.negative));
    model_format::writer::reseal(&mut changed);
    changed
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Agreement on images that calibration has not seen: the least cosine between an image's float and int8 embedding, and
/// the cosine of all embeddings as one vector after the mean float embedding is taken off both. An untrained network
/// gives all images nearly the same embedding, which flatters the first; the second sees only what tells images apart.
fn agreement(graph: &Graph, calibration: usize, seed: u64) -> (f32, f32) {
    let Input { height, width, .. } = graph.input;
    let bytes = quantized(graph, &random::images(calibration, height, width, seed)).bytes;
    let images = random::images(8, height, width, seed + 1);
    let float = Executor::new(graph).unwrap().embed_batch(&images).unwrap();
    let int8 = int8(&bytes, &images);
    let cosines = float.iter().zip(&int8).map(|(a, b)| cosine(a, b));
    let least = cosines.fold(1.0, f32::min);
    let mean = |i: usize| float.iter().map(|x| x[i]).sum::<f32>() / float.len() as f32;
    let mean: Vec<f32> = (0..float[0].len()).map(mean).collect();
    let centred = |embeddings: &[Vec<f32>]| -> Vec<f32> {
        let all = embeddings.iter().flat_map(|x| x.iter().zip(&mean));
        all.map(|(x, mean)| x - mean).collect()
    };
    (least, cosine(&centred(&float), &centred(&int8)))
}

#[test]
fn small_networks_agree_with_float() {
    for seed in 0..12 {
        let mut graph = random::small(seed);
        if seed % 2 == 1 {
            graph.input.colour = ColourOrder::Bgr;
            graph.input.scale = [0.007, 0.008, 0.009];
        }
        let (least, centred) = agreement(&graph, 16, 100 + seed);
        assert!(least >= 0.95 && centred >= 0.95, "seed {seed}: {least}, {centred}");
    }
}

#[test]
fn sums_and_branches_agree_with_float() {
    for seed in 0..4 {
        let mut builder = Builder::new(10, 9, seed);
        let stem = builder.conv(IMAGE, 8, 3, 1, 1);
        let stem = builder.relu(stem);
        let main = builder.depthwise(stem, 3, 2, 1);
        let main = builder.prelu(main);
        let shortcut = builder.conv(stem, 8, 1, 2, 0);
        // A residual in an epilogue behind an activation, then a sum of its own with one.
        let bent = builder.prelu(shortcut);
        let sum = builder.add(main, bent);
        let again = builder.conv(sum, 8, 3, 1, 1);
        let total = builder.add(again, sum);
        let total = builder.prelu(total);
        // A normalisation that cannot fold, and a dense layer that is requantized.
        let normed = builder.norm(total);
        let dense = builder.dense(normed, 24);
        let dense = builder.prelu(dense);
        builder.dense(dense, 12);
        let (least, centred) = agreement(&builder.graph, 16, seed);
        assert!(least >= 0.95 && centred >= 0.95, "seed {seed}: {least}, {centred}");
    }
}

/// The plain stem's maximum, a squeeze-and-excitation gate and a pooled embedding, which is int8.
#[test]
fn pools_and_gates_agree_with_float() {
    for seed in 0..4 {
        let mut builder = Builder::new(14, 13, seed);
        let stem = builder.conv(IMAGE, 8, 7, 2, 3);
        let stem = builder.prelu(stem);
        let pool = MaxPool { kernel: [3; 2], stride: [2; 2], padding: [1; 4] };
        let pooled = builder.graph.push("pool", Op::MaxPool(pool), [stem]);
        let main = builder.conv(pooled, 8, 3, 1, 1);
        let mean = builder.graph.push("squeeze", Op::GlobalAveragePool, [main]);
        let narrow = builder.dense(mean, 3);
        let narrow = builder.relu(narrow);
        let gate = builder.dense(narrow, 8);
        let gate = builder.graph.push("gate", Op::Sigmoid, [gate]);
        let main = builder.graph.push("scaled", Op::ScaleChannels, [main, gate]);
        let sum = builder.add(main, pooled);
        let wide = builder.conv(sum, 32, 1, 1, 0);
        builder.graph.push("embedding", Op::GlobalAveragePool, [wide]);
        let (least, centred) = agreement(&builder.graph, 16, seed);
        assert!(least >= 0.99 && centred >= 0.97, "seed {seed}: {least}, {centred}");
    }
}

/// A detector in small: maps of two sizes, one enlarged and added to the other, functions alone, channels side by side,
/// outputs by name, one of which is read on.
#[test]
fn several_outputs_agree_with_float() {
    for seed in 0..4 {
        let mut builder = Builder::new(16, 12, seed);
        let stem = builder.conv(IMAGE, 8, 3, 2, 1);
        let fine = builder.relu(stem);
        let coarse = builder.conv(fine, 8, 3, 2, 1);
        let coarse = builder.relu(coarse);
        let large = builder.graph.push("large", Op::Upsample { factor: [2; 2] }, [coarse]);
        let sum = builder.add(fine, large);
        let logits = builder.conv(sum, 2, 1, 1, 0);
        let boxes = builder.conv(sum, 4, 3, 1, 1);
        let swished = builder.graph.push("swish", Op::HardSwish, [boxes]);
        let both = builder.graph.push("both", Op::Concat, [boxes, swished]);
        let scores = builder.graph.push("scores", Op::Sigmoid, [logits]);
        let hard = Op::HardSigmoid { alpha: 0.2, beta: 0.5 };
        let hard = builder.graph.push("hard", hard, [logits]);
        let mean = builder.graph.push("mean", Op::GlobalAveragePool, [both]);
        let classes = builder.dense(mean, 3);
        let output = |name: &str, node| crate::graph::Output { name: name.to_owned(), node };
        builder.graph.outputs = vec![
            output("scores", scores),
            output("hard", hard),
            output("boxes", boxes),
            output("both", both),
            output("classes", classes),
        ];
        let graph = &builder.graph;
        let bytes = quantized(graph, &random::images(16, 16, 12, seed)).bytes;
        let file = ModelFile::from_bytes(&bytes).unwrap();
        assert!(!file.view().is_embedding());
        let engine = Engine::new(file.view());
        let mut arena = vec![0; engine.arena_bytes()];
        let executor = Executor::new(graph).unwrap();
        let mut all = vec![(Vec::<f32>::new(), Vec::<f32>::new()); 5];
        for image in random::images(8, 16, 12, seed + 1) {
            engine.run(&image, &mut arena).unwrap();
            let float = executor.run(&image).unwrap();
            for (i, named) in file.view().outputs().enumerate() {
                assert_eq!(named.name, graph.outputs[i].name);
                let output = engine.read(named.tensor, &arena).unwrap();
                assert_eq!(output.len(), float[i].len());
                all[i].0.extend(output.values());
                all[i].1.extend(&float[i]);
            }
        }
        for ((int8, float), output) in all.iter().zip(&graph.outputs) {
            let noise: f32 = int8.iter().zip(float).map(|(a, b)| (a - b).powi(2)).sum();
            let signal: f32 = float.iter().map(|x| x * x).sum();
            assert!(noise < 0.003 * signal, "{}: {noise} of {signal}, seed {seed}", output.name);
        }
    }
}

#[test]
fn a_maximum_is_stored_as_its_operand() {
    let mut builder = Builder::new(6, 6, 1);
    let x = builder.conv(IMAGE, 8, 3, 1, 1);
    let pool = MaxPool { kernel: [2; 2], stride: [2; 2], padding: [0; 4] };
    let x = builder.graph.push("pool", Op::MaxPool(pool), [x]);
    builder.dense(x, 4);
    let model = quantized(&builder.graph, &random::images(4, 6, 6, 1));
    let (before, after) = (model.layers[0].range.unwrap(), model.layers[1].range.unwrap());
    assert_eq!(before, after);
    let file = ModelFile::from_bytes(&model.bytes).unwrap();
    let tensors: Vec<_> = file.view().tensors().collect();
    assert_eq!((tensors[1].scale, tensors[1].zero_point), (before.scale, before.zero_point));
    assert_eq!((tensors[2].scale, tensors[2].zero_point), (before.scale, before.zero_point));
}

#[test]
fn mobilefacenet_agrees_with_float_in_a_small_arena() {
    let graph = random::mobilefacenet();
    let images = random::images(8, 112, 112, 5);
    let quantized = quantized(graph, &images);
    let file = ModelFile::from_bytes(&quantized.bytes).unwrap();
    assert_eq!(file.view().macs(), 220_965_376);
    // The first bottleneck's expansion, 56x56x64 in and 56x56x128 out, is the largest step and the whole arena.
    assert_eq!(file.view().arena_bytes(), 602_112);
    assert_eq!(quantized.layers.len(), 50);
    let (least, centred) = agreement(graph, 8, 5);
    println!("MFN {least} {centred}, {} bytes", quantized.bytes.len());
    assert!(least >= 0.95 && centred >= 0.9, "{least}, {centred}");
}

/// A 1x1 image through an identity convolution and an identity dense layer.
fn identity(colour: ColourOrder) -> Graph {
    let mut graph =
        Graph::new(Input { height: 1, width: 1, colour, mean: [0.0; 3], scale: [1.0; 3] });
    let unit = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let conv = Op::Conv2d(Conv2d {
        weight: unit.clone(),
        bias: None,
        out_channels: 3,
        in_per_group: 3,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0; 4],
        groups: 1,
    });
    let x = graph.push("conv", conv, [IMAGE]);
    let dense = Op::FullyConnected(FullyConnected { weight: unit, bias: None, out_features: 3 });
    graph.push("embedding", dense, [x]);
    graph
}

#[test]
fn pixels_pass_an_identity_unchanged() {
    let images: Vec<Vec<u8>> = (0..=255).map(|v: u8| vec![v, 255 - v, v ^ 0x55]).collect();
    for colour in [ColourOrder::Rgb, ColourOrder::Bgr] {
        let options =
            Options { calibration: &[Calibration::MinMax], equalise: false, reconstruct: false };
        let provenance = Provenance::default();
        let model = quantize(&identity(colour), &images, &options, None, &provenance).unwrap();
        for (image, embedding) in images.iter().zip(int8(&model.bytes, &images)) {
            let mut expected = image.clone();
            if colour == ColourOrder::Bgr {
                expected.reverse();
            }
            for (got, expected) in embedding.iter().zip(expected) {
                assert!((got - f32::from(expected)).abs() < 1e-3, "{got} {expected}");
            }
        }
    }
}

#[test]
fn the_file_holds_the_numbers_of_a_known_layer() {
    let mut graph = identity(ColourOrder::Rgb);
    graph.input.mean = [128.0; 3];
    graph.input.scale = [0.5, 0.5, 0.25];
    let slope = vec![0.5, -1.0, 0.25];
    graph.nodes[2].inputs = vec![NodeId(3)];
    graph.nodes.insert(
        2,
        crate::graph::Node {
            name: "prelu".to_owned(),
            op: Op::Prelu { slope },
            inputs: vec![NodeId(1)],
        },
    );
    graph.nodes[3].inputs = vec![NodeId(2)];
    graph.embed_at(NodeId(3));
    let Op::Conv2d(conv) = &mut graph.nodes[1].op else {
        panic!("node 1 is the convolution");
    };
    conv.bias = Some(vec![1.0, -2.0, 0.0]);
    // Real inputs -64..63.5 in channels 0 and 1, so outputs of the convolution -63..64.5 and -66..61.5; after PReLU
    // -31.5..64.5 and 0..66: the tensor spans -31.5..66.
    let images: Vec<Vec<u8>> = (0..=255).map(|v: u8| vec![v, v, v]).collect();
    let options =
        Options { calibration: &[Calibration::MinMax], equalise: false, reconstruct: false };
    let provenance = Provenance { name: "known".to_owned(), seed: 7, ..Provenance::default() };
    let model = quantize(&graph, &images, &options, None, &provenance).unwrap();
    let file = ModelFile::from_bytes(&model.bytes).unwrap();
    let view = file.view();
    assert_eq!((view.input().scale, view.input().zero_point), (1.0, 0));
    let ops: Vec<_> = view.ops().collect();
    let model_format::Op::Conv2d(conv) = ops[0] else {
        panic!("{:?}", ops[0]);
    };
    // Weights 0.5, 0.5, 0.25 are each their channel's largest; a unit of the sum is 0.5/127 or 0.25/127.
    assert_eq!(conv.weights, [127, 0, 0, 0, 127, 0, 0, 0, 127]);
    assert_eq!(conv.bias, [254, -508, 0]);
    let scale = (66.0 - -31.5) / 255.0;
    let output = view.tensor(conv.output).unwrap();
    assert!((f64::from(output.scale) - scale).abs() < 1e-7);
    assert_eq!(output.zero_point, -46); // -128 + 31.5 / scale = -45.6
    for (channel, step) in [0.5 / 127.0, 0.5 / 127.0, 0.25 / 127.0].iter().enumerate() {
        let multiplier = conv.requantize.multiplier[channel];
        assert!((f64::from(multiplier) - step / scale).abs() < 1e-9);
        let Activation::Prelu(negative) = conv.requantize.activation else {
            panic!("{:?}", conv.requantize.activation);
        };
        assert_eq!(negative[channel], [0.5, -1.0, 0.25][channel] * multiplier);
    }
    let model_format::Op::FullyConnected(dense) = ops[1] else {
        panic!("{:?}", ops[1]);
    };
    assert_eq!(dense.bias, [46 * 127; 3]);
    let FullyConnectedResult::Sums { scales } = dense.result else {
        panic!("the embedding keeps its sums");
    };
    assert_eq!(scales, [(f64::from(output.scale) / 127.0) as f32; 3]);
    let metadata = view.metadata();
    assert_eq!((metadata.name, metadata.seed, metadata.embedding_len), ("known", 7, 3));
    assert_eq!(metadata.input.scale, [0.5, 0.5, 0.25]);
    // The report says the same.
    let range = model.layers[0].range.unwrap();
    assert_eq!((range.scale, range.zero_point), (output.scale, -46));
    assert!(range.sqnr_db > 40.0, "{}", range.sqnr_db);
    assert_eq!(model.layers[1].range, None);
    assert_eq!(model.layers[1].shape, [1, 1, 3]);
}

#[test]
fn the_same_arguments_give_the_same_bytes_on_any_number_of_threads() {
    let graph = random::small(2);
    let images = random::images(9, 12, 12, 3);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| quantized(&graph, &images).bytes)
    };
    assert_eq!(run(1), run(5));
}

#[test]
fn rejects_a_kernel_that_the_file_cannot_hold() {
    let mut builder = Builder::new(300, 1, 1);
    builder.graph.push(
        "tall",
        Op::Conv2d(Conv2d {
            weight: vec![0.1; 300 * 3],
            bias: None,
            out_channels: 1,
            in_per_group: 3,
            kernel: [300, 1],
            stride: [1, 1],
            padding: [0; 4],
            groups: 1,
        }),
        [IMAGE],
    );
    builder.dense(NodeId(1), 2);
    let images = random::images(1, 300, 1, 1);
    let error =
        quantize(&builder.graph, &images, &Options::default(), None, &Provenance::default());
    let error = error.unwrap_err().to_string();
    let expected =
        "node tall: kernel height 300 is above 255, the most that the model file can hold";
    assert_eq!(error, expected);
}

#[test]
fn rejects_what_the_file_refuses() {
    let provenance = Provenance { name: "x".repeat(70_000), ..Provenance::default() };
    let images = random::images(1, 12, 12, 1);
    let error = quantize(&random::small(1), &images, &Options::default(), None, &provenance);
    let Err(QuantizeError::Write(WriteError::TextTooLong { len: 70_000, .. })) = error else {
        panic!("{error:?}");
    };
}
