//! The learner against the engine: the same bits before learning and after, and less error after.
#![allow(clippy::unwrap_used)]

use super::super::tests::{cosine, int8};
use super::super::{Options, Provenance, Rounded, quantize, rounded};
use super::*;
use crate::graph::random::{self, Builder};
use crate::graph::{Input, MaxPool, NodeId, Op, fold};
use std::cell::RefCell;

fn images(graph: &Graph, count: usize, seed: u64) -> Vec<Vec<u8>> {
    let Input { height, width, .. } = graph.input;
    random::images(count, height, width, seed)
}

/// A network before and after some steps' learning from its float form or another teacher, and the losses on the way.
fn learned(
    graph: &Graph,
    teacher: Option<&Graph>,
    steps: usize,
    rate: f64,
) -> ([ModelBuilder; 2], Vec<f64>) {
    let batch = |step: usize| Ok(images(graph, 8, 1000 + step as u64));
    let losses = RefCell::new(Vec::new());
    let seen = |loss| losses.borrow_mut().push(loss);
    let learning = Learning { teacher, steps, rate, batch: &batch, seen: &seen };
    let graph = &fold(graph).unwrap();
    let options = Options { reconstruct: false, ..Options::default() };
    let Rounded { model: before, layers, .. } =
        rounded(graph, &images(graph, 16, 5), &options, &Provenance::default()).unwrap();
    let mut after = before.clone();
    let names: Vec<&str> = layers.iter().map(|layer| &*layer.name).collect();
    learn(&mut after, &names, graph, &learning).unwrap();
    ([before, after], losses.into_inner())
}

/// Every op of the engine and every way in which a convolution's window can lie.
fn networks() -> Vec<Graph> {
    let mut all: Vec<Graph> = (0..3).map(random::small).collect();
    all[1].input.colour = model_format::ColourOrder::Bgr;
    all[1].input.mean = [100.0, 120.0, 140.0];
    let mut builder = Builder::new(15, 13, 7);
    let stem = builder.conv(NodeId(0), 16, 3, 2, 1);
    let stem = builder.prelu(stem);
    let deep = builder.depthwise(stem, 3, 1, 1);
    let deep = builder.relu(deep);
    let wide = builder.depthwise(deep, 5, 1, 2);
    let main = builder.conv(wide, 16, 1, 1, 0);
    let sum = builder.add(main, stem);
    let other = builder.conv(sum, 16, 1, 2, 0);
    let pool = MaxPool { kernel: [3; 2], stride: [2; 2], padding: [1; 4] };
    let pooled = builder.graph.push("pool", Op::MaxPool(pool), [sum]);
    let both = builder.add(pooled, other);
    let both = builder.prelu(both);
    let mean = builder.graph.push("squeeze", Op::GlobalAveragePool, [both]);
    let gate = builder.dense(mean, 16);
    let gate = builder.graph.push("gate", Op::Sigmoid, [gate]);
    let scaled = builder.graph.push("scaled", Op::ScaleChannels, [both, gate]);
    let uneven = builder.conv(scaled, 16, 3, 1, 0);
    let small = builder.prelu(uneven);
    let dense = builder.dense(small, 24);
    let dense = builder.relu(dense);
    builder.dense(dense, 12);
    all.push(builder.graph);
    // An embedding that is int8.
    let mut builder = Builder::new(8, 8, 3);
    let x = builder.conv(NodeId(0), 16, 3, 1, 1);
    let x = builder.relu(x);
    builder.graph.push("embedding", Op::GlobalAveragePool, [x]);
    all.push(builder.graph);
    all
}

#[test]
fn equals_the_engine_to_the_bit_before_and_after_learning() {
    for (i, graph) in networks().iter().enumerate() {
        let (models, losses) = learned(graph, None, 4, 0.5);
        assert_eq!(losses.len(), 4);
        assert_ne!(models[0], models[1], "network {i}");
        let images = images(graph, 6, 77);
        for model in models {
            let learner = Learner::new(&model, &Device::flex().autodiff());
            let embeddings = learner.forward(&model, &images).into_data();
            let embeddings: Vec<f32> = embeddings.try_to_vec().unwrap();
            let engine = int8(&model.build().unwrap(), &images).concat();
            assert_eq!(embeddings, engine, "network {i}");
        }
    }
}

/// Learns for 200 steps; on the way, and then on images that it has not learned from, it must come nearer to who taught it.
fn comes_nearer(graph: &Graph, teacher: Option<&Graph>) {
    let (models, losses) = learned(graph, teacher, 200, 0.1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..10]), mean(&losses[190..]));
    println!("loss {first} to {last}");
    assert!(last < 0.8 * first, "{first} to {last}");
    let others = images(graph, 32, 99);
    let float = Executor::new(teacher.unwrap_or(graph)).unwrap().embed_batch(&others).unwrap();
    let apart = |model: &ModelBuilder| -> f64 {
        let pairs = float.iter().zip(int8(&model.build().unwrap(), &others));
        pairs.map(|(a, b)| 1.0 - f64::from(cosine(a, &b))).sum()
    };
    let [before, after] = models.each_ref().map(apart);
    println!("others {before} to {after}");
    assert!(after < 0.9 * before, "{before} to {after}");
}

#[test]
fn learning_brings_int8_nearer_to_float() {
    comes_nearer(&random::small(4), None);
}

#[test]
fn learning_brings_int8_nearer_to_another_teacher() {
    let graph = random::small(4);
    let mut teacher = graph.clone();
    for (i, node) in teacher.nodes.iter_mut().enumerate() {
        if let Op::Conv2d(conv) = &mut node.op {
            conv.weight.iter_mut().skip(i).step_by(3).for_each(|weight| *weight *= 1.3);
        }
    }
    comes_nearer(&graph, Some(&fold(&teacher).unwrap()));
}

#[test]
fn the_same_lessons_give_the_same_numbers() {
    let graph = random::small(2);
    assert_eq!(learned(&graph, None, 3, 0.1), learned(&graph, None, 3, 0.1));
}

/// What quantizing says when the network is to learn from a batch.
fn refused(
    graph: &Graph,
    batch: &(dyn Fn(usize) -> Result<Vec<Vec<u8>>, DataError> + Sync),
) -> String {
    let learning = Learning { teacher: None, steps: 1, rate: 0.1, batch, seen: &|_| () };
    let (images, options) = (images(graph, 4, 5), Options::default());
    let result = quantize(graph, &images, &options, Some(&learning), &Provenance::default());
    result.unwrap_err().to_string()
}

#[test]
fn images_that_cannot_be_loaded_are_named() {
    let absent = |_| Err(DataError::NotFound { path: "absent.jpg".into() });
    assert!(refused(&random::small(1), &absent).contains("absent.jpg"));
}

#[test]
fn networks_of_other_outputs_do_not_learn() {
    let mut builder = Builder::new(8, 8, 3);
    let x = builder.conv(NodeId(0), 16, 3, 1, 1);
    builder.relu(x);
    let error = refused(&builder.graph, &|_| unreachable!("nothing is learned"));
    assert!(error.contains("leave --qat out"), "{error}");
}
