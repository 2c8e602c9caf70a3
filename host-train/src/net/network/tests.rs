//! Every network through its whole life, narrow and small: trained a few steps, as a float graph, in int8 by the engine.
//! Counts are those of the full size.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::data::Batch;
use crate::graph::{Executor, Graph, Op, from_net, random};
use crate::net::{Architecture, PIXEL_MEAN, PIXEL_SCALE};
use crate::quantize::tests::{cosine, int8};
use crate::quantize::{Options, Provenance, quantize};
use crate::ranks::Ranks;
use crate::train::{TrainConfig, Trainer};
use burn::tensor::TensorData;

const SETTINGS: [OutputSetting; 6] = [
    OutputSetting::Gdc,
    OutputSetting::A,
    OutputSetting::B,
    OutputSetting::C,
    OutputSetting::D,
    OutputSetting::E,
];

/// Side of the small networks' input.
const SIDE: usize = 32;

fn narrow(architecture: Architecture, output: OutputSetting) -> NetworkConfig {
    let embedding = if output == OutputSetting::A { 128 } else { 32 };
    NetworkConfig {
        architecture,
        input: SIDE,
        base_channels: 16,
        embedding,
        output,
        ..NetworkConfig::default()
    }
}

/// Every architecture, output setting and option, narrow.
fn all() -> Vec<NetworkConfig> {
    use Architecture::{Ir18, Ir34, Ir50, Ir100, MobileFaceNet};
    let mut all: Vec<NetworkConfig> = [MobileFaceNet, Ir18]
        .into_iter()
        .flat_map(|architecture| SETTINGS.map(|output| narrow(architecture, output)))
        .collect();
    all.extend([Ir34, Ir50, Ir100].map(|deep| narrow(deep, OutputSetting::E)));
    let gated = |config| NetworkConfig { squeeze_excite: true, ..config };
    let plain = NetworkConfig { stem: Stem::Plain, ..narrow(Ir18, OutputSetting::E) };
    all.push(gated(narrow(MobileFaceNet, OutputSetting::Gdc)));
    all.push(gated(plain.clone()));
    all.push(plain);
    all
}

/// Two colours of noise: a task that a few steps make progress on.
fn batch(step: u64) -> Batch {
    let labels: Vec<u32> = (0..8).map(|i| i % 2).collect();
    let pixels = labels.iter().enumerate().flat_map(|(image, &label)| {
        (0..SIDE * SIDE * 3).map(move |i| {
            let noise = (i as u64 * 2_654_435_761 + step * 977 + image as u64 * 31) % 97;
            (noise as u8) + if i % 3 == label as usize { 120 } else { 0 }
        })
    });
    Batch { pixels: pixels.collect(), labels, step, kept: None }
}

#[test]
fn every_network_learns() {
    for network in all() {
        let config = TrainConfig {
            network: network.clone(),
            batch: 8,
            steps: 16,
            warm_up: 4,
            learning_rate: 3.0,
            ..TrainConfig::default()
        };
        let mut trainer = Trainer::new(config, 2).unwrap();
        let losses: Vec<f64> =
            (0..16).map(|step| trainer.learn(&batch(step)).unwrap().0.loss.unwrap()).collect();
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&losses[..3]), mean(&losses[13..]));
        assert!(last < first / 10.0, "{network:?}: {first} to {last}");
    }
}

/// Dropout's choices are those of the step, so a run that goes on from a checkpoint makes them again.
#[test]
fn a_resumed_run_drops_the_same_values() {
    let network = narrow(Architecture::Ir18, OutputSetting::E);
    let config = TrainConfig { network, batch: 8, steps: 6, ..TrainConfig::default() };
    let mut whole = Trainer::new(config.clone(), 2).unwrap();
    let mut first = Trainer::new(config.clone(), 2).unwrap();
    for step in 0..6 {
        whole.learn(&batch(step)).unwrap();
    }
    for step in 0..2 {
        first.learn(&batch(step)).unwrap();
    }
    let mut second = Trainer::new(config, 2).unwrap().resumed(&first.checkpoint()).unwrap();
    for step in 2..6 {
        second.learn(&batch(step)).unwrap();
    }
    assert_eq!(second.checkpoint().parameters, whole.checkpoint().parameters);
}

/// The network with the statistics of `images` as its running ones, and what the training forward makes of them.
fn settled(config: &NetworkConfig, images: &[Vec<u8>]) -> (Network, Vec<f32>) {
    let network = Network::new(config, 3, &Device::flex()).unwrap();
    let pixels = images.iter().flatten();
    let normalised: Vec<f32> = pixels.map(|&p| (f32::from(p) - PIXEL_MEAN) * PIXEL_SCALE).collect();
    let data = TensorData::new(normalised, [images.len(), SIDE, SIDE, 3]);
    let x = Tensor::from_data(data, &Device::flex());
    let (embeddings, seen) = network.forward(x, None, BatchNorm::Batch, &Ranks::alone());
    // 0.9 ^ 200 of what they started as is left.
    for _ in 0..200 {
        network.commit(seen.clone());
    }
    (network, embeddings.into_data().try_to_vec().unwrap())
}

/// Divides by the count what running variances divide by one less: then the graph must compute what training computed.
fn biased(mut graph: Graph, images: usize) -> Graph {
    let shapes = graph.check().unwrap();
    for (node, shape) in graph.nodes.iter_mut().zip(shapes) {
        if let Op::BatchNorm(norm) = &mut node.op {
            let count = (images * shape.height * shape.width) as f32;
            norm.variance.iter_mut().for_each(|v| *v *= (count - 1.0) / count);
        }
    }
    graph
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    let norm = |v: &mut dyn Iterator<Item = f32>| v.map(|x| x * x).sum::<f32>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

#[test]
fn every_graph_equals_its_training_forward() {
    let images = random::images(64, SIDE, SIDE, 1);
    for config in all() {
        let (network, expected) = settled(&config, &images);
        let graph = biased(from_net(&network, &config), images.len());
        let executor = Executor::new(&graph).unwrap();
        let got = executor.embed_batch(&images[..8]).unwrap().concat();
        let difference = difference(&got, &expected[..got.len()]);
        assert!(difference < 1e-4, "{config:?}: {difference}");
        let alone = executor.embed(&images[7]).unwrap();
        assert_eq!(alone, got[7 * config.embedding..], "{config:?}: batches change an embedding");
    }
}

/// Rounding adds up over the layers, and weights that were never trained spread it: 18 layers, or 50 and more. Equalisation
/// has little to go by in 64 images of noise. Choosing the weights anew takes minutes for a hundred layers, and has tests of
/// its own.
#[test]
fn every_network_runs_in_int8() {
    let images = random::images(64, SIDE, SIDE, 1);
    let unseen = random::images(32, SIDE, SIDE, 2);
    for config in all() {
        let (network, _) = settled(&config, &images);
        let graph = from_net(&network, &config);
        let float = Executor::new(&graph).unwrap().embed_batch(&unseen).unwrap();
        let shallow = config.architecture == Architecture::Ir18;
        for (equalise, judged, mean, least) in [
            (false, 8, if shallow { 0.99 } else { 0.975 }, if shallow { 0.98 } else { 0.95 }),
            (true, 32, if shallow { 0.99 } else { 0.97 }, if shallow { 0.98 } else { 0.9 }),
        ] {
            let options = Options { equalise, reconstruct: false, ..Options::default() };
            let model = quantize(&graph, &images, &options, None, &Provenance::default()).unwrap();
            let int8 = int8(&model.bytes, &unseen[..judged]);
            let cosines: Vec<f32> = int8.iter().zip(&float).map(|(a, b)| cosine(a, b)).collect();
            assert!(
                cosines.iter().sum::<f32>() > mean * judged as f32,
                "{config:?}, equalised {equalise}: {cosines:?}"
            );
            assert!(cosines.iter().all(|&cosine| cosine > least), "{config:?}: {cosines:?}");
        }
    }
}

/// `(parameters, multiply-accumulates)` of a residual network with stem L, setting E and 512 outputs, by the paper's table
/// alone: 3x3 convolutions twice a unit, normalizations before, between and behind them, one PReLU a unit.
fn by_formula(units: [usize; 4]) -> (u64, u64) {
    let norm = |channels: u64| 2 * channels;
    let mut parameters = 27 * 64 + norm(64) + 64;
    let mut macs = 27 * 64 * 112 * 112;
    let (mut channels, mut side) = (64_u64, 112_u64);
    for (stage, repeats) in units.into_iter().enumerate() {
        let out = 64 << stage;
        for i in 0..repeats {
            parameters += norm(channels) + 9 * channels * out + norm(out) + out;
            macs += 9 * channels * out * side * side;
            side /= if i == 0 { 2 } else { 1 };
            parameters += 9 * out * out + norm(out);
            macs += 9 * out * out * side * side;
            if i == 0 {
                parameters += channels * out + norm(out);
                macs += channels * out * side * side;
            }
            channels = out;
        }
    }
    let inputs = side * side * channels;
    (parameters + norm(channels) + inputs * 512 + norm(512), macs + inputs * 512)
}

/// Published beside the formula's: arcface_torch's networks of these names are commonly listed with 24.0, 34.1, 43.6 and
/// 65.2 million parameters; the Open Model Zoo of OpenVINO lists LResNet34E-IR with 34.129 million and 8.934 GFLOPs, and
/// the 100-layer one with 65.132 million and 24.2115 GFLOPs. It counts two operations a multiply-accumulate, and those of
/// normalizations and activations too, which are 0.2 % of all; normalizations before folding hold 0.05 % more parameters.
#[test]
fn residual_networks_have_the_published_size() {
    for (name, millions, zoo) in [
        ("ir18", 24.0, None),
        ("ir34", 34.1, Some((34.129, 8.934))),
        ("ir50", 43.6, None),
        ("ir100", 65.2, Some((65.132, 24.2115))),
    ] {
        let config = NetworkConfig::named(name).unwrap();
        let graph = from_net(&Network::new(&config, 1, &Device::flex()).unwrap(), &config);
        let (parameters, macs) = (graph.parameters(), graph.macs().unwrap());
        let units = config.architecture.units().unwrap();
        assert_eq!((parameters, macs), by_formula(units), "{name}");
        assert!((parameters as f64 / 1e6 - millions).abs() < 0.05, "{name}: {parameters}");
        if let Some((millions, gflops)) = zoo {
            let parameters = parameters as f64 / 1e6 / millions;
            let flops = 2.0 * macs as f64 / 1e9 / gflops;
            assert!((1.0..1.0005).contains(&parameters), "{name}: {parameters}");
            assert!((0.998..1.0).contains(&flops), "{name}: {flops}");
        }
    }
}

#[test]
fn mobilefacenet_has_the_papers_size() {
    let config = NetworkConfig::default();
    let graph = from_net(&Network::new(&config, 1, &Device::flex()).unwrap(), &config);
    assert_eq!(graph.macs().unwrap(), 220_965_376);
    // The paper rounds to 0.99 million parameters. Weights; gamma and beta of the 50 units' 9,792 channels; slopes of the
    // 7,552 that have PReLU.
    assert_eq!(graph.parameters(), 976_000 + 2 * 9_792 + 7_552);
    let weights: usize = graph
        .nodes
        .iter()
        .map(|node| match &node.op {
            Op::Conv2d(conv) => conv.weight.len(),
            Op::FullyConnected(dense) => dense.weight.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(weights, 976_000);
}

/// The paper's reason for the L networks: "preserve higher feature map resolution", 7x7 instead of 4x4 at the end.
#[test]
fn stems_leave_the_papers_feature_maps() {
    for (stem, side) in [(Stem::L, 7), (Stem::Plain, 4)] {
        let config =
            NetworkConfig { base_channels: 16, stem, ..NetworkConfig::named("ir18").unwrap() };
        let network = Network::new(&config, 1, &Device::flex()).unwrap();
        let embedding = network.embedding.as_ref().unwrap().weight.as_ref().unwrap();
        assert_eq!(embedding.dims(), [512, side * side * 128]);
    }
}

#[test]
fn parameters_have_readable_names() {
    let config =
        NetworkConfig { squeeze_excite: true, ..narrow(Architecture::Ir18, OutputSetting::B) };
    let network = Network::new(&config, 1, &Device::flex()).unwrap();
    let names = crate::train::parameters(&network);
    for name in [
        "stem.weight",
        "residual_units.0.norm.gamma",
        "residual_units.0.first.slope",
        "residual_units.0.shortcut.weight",
        "residual_units.7.second.variance",
        "residual_units.1.gate.reduce.bias",
        "projection.weight",
    ] {
        assert!(names.contains_key(name), "{name} is not among {:?}", names.keys());
    }
}
