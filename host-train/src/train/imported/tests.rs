//! An imported network through its life in a run: where it begins, what learns, the folder alone, what is refused.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::data::Batch;
use crate::graph::{NodeId, Op, fold, random, to_onnx};
use crate::loss::{HeadConfig, LossConfig};
use crate::model::FloatModel;
use crate::net::{BatchNorm, NetworkError};
use crate::train::rank_tests::{Until, drawn, of_drawn};
use crate::train::trainer::tests::{batch, config};
use crate::train::{
    ConfigError, Fitted, RunConfig, RunError, RunFolder, TrainConfig, Trainer, fit,
};
use burn::tensor::Device;
use std::path::PathBuf;
use std::sync::Arc;

/// A folded network for images of 32x32 with embeddings of 32 numbers, a residual's lone normalization in it.
pub(crate) fn network() -> Graph {
    let mut builder = random::Builder::new(32, 32, 5);
    let x = builder.conv(NodeId(0), 16, 3, 2, 1);
    let x = builder.block(x);
    let x = builder.depthwise(x, 3, 2, 1);
    let shortcut = builder.block(x);
    let x = builder.norm(shortcut);
    let x = builder.conv(x, 16, 3, 1, 1);
    let x = builder.block(x);
    let x = builder.add(x, shortcut);
    let x = builder.conv(x, 32, 1, 1, 0);
    let x = builder.block(x);
    builder.head(x, 8, 32);
    fold(&builder.graph).unwrap()
}

/// A run of it on drawn faces.
pub(crate) fn run(train: TrainConfig) -> RunConfig {
    let graph = network();
    let network = settings(&graph).unwrap();
    let train = TrainConfig { network, batch_norm: BatchNorm::Frozen, learning_rate: 0.2, ..train };
    RunConfig { imported: Some(Arc::new(graph)), ..of_drawn(train) }
}

fn learn(trainer: &mut Trainer, steps: core::ops::Range<u64>) -> Vec<f64> {
    steps.map(|step| trainer.learn(&batch(step)).unwrap().0.loss.unwrap()).collect()
}

#[test]
fn begins_as_the_imported_network_to_the_bit() {
    let run = run(config());
    let trainer = Trainer::of(&Device::flex(), &run).unwrap();
    let graph = FloatModel::from_trained(&trainer.finished(), &run, String::new()).unwrap().graph;
    assert!(graph == network());
    assert_eq!(run.train.network.input, 32);
    assert_eq!(run.train.network.embedding, 32);
}

/// Weights, maps and slopes move; the embedding's offset does not.
#[test]
fn learns_all_but_the_embeddings_offset() {
    let loss = LossConfig::Arcface { m: 0.5, scale: 8.0 };
    let run = run(TrainConfig { loss, steps: 40, ..config() });
    let mut trainer = Trainer::of(&Device::flex(), &run).unwrap();
    let before = trainer.checkpoint().parameters;
    let losses = learn(&mut trainer, 0..40);
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let (first, last) = (mean(&losses[..8]), mean(&losses[32..]));
    assert!(last < first / 2.0, "loss {first} to {last}");
    let after = trainer.checkpoint().parameters;
    let still: Vec<&String> =
        before.iter().filter(|(name, v)| after[*name] == **v).map(|(name, _)| name).collect();
    assert_eq!(still, ["network.embedding.bias"]);
    for name in ["network.layers.1.weight", "network.layers.5.factor", "network.embedding.weight"] {
        assert!(before.contains_key(name), "{name} is not among {:?}", before.keys());
    }
}

/// Without a gradient worth the name, decay alone moves numbers: weights, ten times as much those of the embedding, and nothing else.
#[test]
fn only_weights_decay() {
    let train = TrainConfig { clip_norm: 1e-3, weight_decay: 0.01, warm_up: 0, ..config() };
    let run = run(TrainConfig { weight_decay_embedding: 0.1, momentum: 0.0, ..train });
    let train = TrainConfig { learning_rate: 6.4, ..run.train };
    let run = RunConfig { train, ..run };
    let rate = run.train.rate(0);
    let mut trainer = Trainer::of(&Device::flex(), &run).unwrap();
    let before = trainer.checkpoint().parameters;
    learn(&mut trainer, 0..1);
    let after = trainer.checkpoint().parameters;
    for (name, before) in before.iter().filter(|(name, _)| name.starts_with("network.")) {
        let share = match name.as_str() {
            "network.embedding.weight" => 0.1 * rate,
            name if name.ends_with(".weight") => 0.01 * rate,
            _ => 0.0,
        };
        let pairs = before.numbers.iter().zip(&after[name].numbers);
        let apart = pairs.map(|(b, a)| (f64::from(*b) * (1.0 - share) - f64::from(*a)).powi(2));
        // What the gradient adds is as long as it was cut to.
        let apart = apart.sum::<f64>().sqrt();
        let slack = 1e-6 * before.numbers.iter().map(|b| f64::from(b.abs())).sum::<f64>();
        assert!(apart < 1.1e-3 * rate + slack, "{name}: {apart}");
    }
}

/// Stopped, moved to another place, read back from its folder alone and resumed there, it ends with the bits of the unbroken run.
#[test]
fn a_folder_goes_on_by_itself_to_the_bits_of_the_unbroken_run() {
    let loss = LossConfig::Arcface { m: 0.5, scale: 8.0 };
    let run = run(TrainConfig { steps: 9, average: 0.9, loss, ..config() });
    let place = tempfile::tempdir().unwrap();
    let folder = |name: &str| place.path().join(name);
    let unbroken = RunFolder::create(&folder("unbroken"), &run).unwrap();
    fit(drawn(), &unbroken, &run, None, &mut Until(99)).unwrap();
    let broken = RunFolder::create(&folder("broken"), &run).unwrap();
    let stopped = fit(drawn(), &broken, &run, None, &mut Until(4)).unwrap();
    assert!(matches!(stopped, Fitted::Stopped { step: 4 }));
    std::fs::rename(folder("broken"), folder("moved")).unwrap();
    let (moved, mut opened) = RunFolder::open(&folder("moved")).unwrap();
    let [graph, expected] = [&opened, &run].map(|run| run.imported.as_deref().unwrap());
    assert_same_but_names(graph, expected);
    let resume = moved.checkpoint().unwrap();
    fit(drawn(), &moved, &opened, Some(&resume), &mut Until(99)).unwrap();
    assert_eq!(moved.checkpoint().unwrap(), unbroken.checkpoint().unwrap());
    assert_eq!(moved.reports().unwrap(), unbroken.reports().unwrap());
    opened.imported.clone_from(&run.imported);
    assert_eq!(opened, run);
    // What is used is the average of what was learned.
    let float = FloatModel::open(&folder("moved")).unwrap().0.graph;
    let average = moved.checkpoint().unwrap().average;
    let Op::Conv2d(first) = &float.nodes[1].op else { panic!("{:?}", float.nodes[1]) };
    assert_eq!(first.weight, average["network.layers.1.weight"].numbers);
}

fn assert_same_but_names(a: &Graph, b: &Graph) {
    assert_eq!((&a.input, a.nodes.len()), (&b.input, b.nodes.len()));
    for (a, b) in a.nodes.iter().zip(&b.nodes) {
        assert!((&a.op, &a.inputs) == (&b.op, &b.inputs), "{} {}", a.name, b.name);
    }
}

/// Names of the trainer's own networks are those of earlier builds' checkpoints: the kind of network is no part of them.
#[test]
fn names_of_own_parameters_are_as_they_were() {
    let trainer = Trainer::new(config(), 2).unwrap();
    let names: Vec<String> = trainer.checkpoint().parameters.into_keys().collect();
    for name in ["network.stem.mean", "network.bottlenecks.3.expand.weight", "head.weight"] {
        assert!(names.iter().any(|n| n == name), "{name} is not among {names:?}");
    }
    assert!(names.iter().all(|name| name.starts_with("head.") || name.starts_with("network.")));
    assert!(!names.iter().any(|name| name.contains("Own")), "{names:?}");
}

#[test]
fn classes_can_be_sampled_and_a_batch_learned_in_parts() {
    let head = HeadConfig { class_sample: 0.5, ..HeadConfig::default() };
    let run = run(TrainConfig { head, accumulate: 2, ..config() });
    let mut trainer = Trainer::of(&Device::flex(), &run).unwrap();
    let blended = Batch { kept: Some(0.7), ..batch(0) };
    assert!(trainer.learn(&blended).unwrap().0.loss.is_some());
}

/// Without statistics of a batch, parts are the batch but for the order of sums.
#[test]
fn parts_add_up_to_the_batch() {
    let velocity = |accumulate| {
        let run = run(TrainConfig { accumulate, ..config() });
        let mut trainer = Trainer::of(&Device::flex(), &run).unwrap();
        learn(&mut trainer, 0..1);
        let velocity = trainer.checkpoint().velocity;
        velocity.into_values().flat_map(|values| values.numbers).collect::<Vec<f32>>()
    };
    let (whole, parts) = (velocity(1), velocity(4));
    let square = |v: &mut dyn Iterator<Item = f32>| v.map(|x| f64::from(x).powi(2)).sum::<f64>();
    let apart = square(&mut whole.iter().zip(&parts).map(|(a, b)| a - b));
    assert!(apart < 1e-8 * square(&mut whole.iter().copied()), "{apart}");
}

#[test]
fn rejects_no_embedding_and_not_square() {
    let mut builder = random::Builder::new(6, 6, 1);
    builder.conv(NodeId(0), 4, 3, 1, 1);
    builder.graph.outputs[0].name = "scores".to_owned();
    let error = settings(&builder.graph).unwrap_err();
    assert!(matches!(&error, ImportedError::NoEmbedding(names) if names == "scores"), "{error}");
    let mut builder = random::Builder::new(6, 5, 1);
    builder.dense(NodeId(0), 4);
    let error = settings(&builder.graph).unwrap_err();
    assert!(matches!(error, ImportedError::NotSquare { width: 5, height: 6 }), "{error}");
    builder.graph.input.scale = [0.0; 3];
    assert!(matches!(settings(&builder.graph), Err(ImportedError::Graph(_))));
}

#[test]
fn rejects_folded_and_a_network_that_is_not_there() {
    let run = run(config());
    for batch_norm in [BatchNorm::Batch, BatchNorm::Synced] {
        let train = TrainConfig { batch_norm, ..run.train.clone() };
        assert_eq!(train.check(), Err(ConfigError::Folded));
    }
    let error = Trainer::new(run.train, 2).err();
    assert_eq!(error, Some(ConfigError::Network(NetworkError::Imported)));
}

#[test]
fn rejects_a_folder_whose_network_is_missing_damaged_or_another() {
    let place = tempfile::tempdir().unwrap();
    RunFolder::create(place.path(), &run(config())).unwrap();
    let path = place.path().join("network.onnx");
    let error = || match RunFolder::open(place.path()).unwrap_err() {
        RunError::Imported { path, source } => {
            assert_eq!(path.file_name(), PathBuf::from("network.onnx").file_name());
            *source
        }
        error => panic!("{error}"),
    };
    std::fs::write(&path, to_onnx(&random::small(1), &[]).unwrap()).unwrap();
    let other = error();
    assert!(matches!(&other, ImportedError::Other { found, .. } if found.input == 12), "{other}");
    std::fs::write(&path, "no network").unwrap();
    assert!(matches!(error(), ImportedError::File(_)));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(error(), ImportedError::File(OnnxError::Read(_))));
}
