//! One layer of a small network is broken after the other; the comparison must name it.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::graph::random::{self, Builder};
use crate::graph::{Graph, NodeId, Op, fold};
use crate::model::FloatModel;
use crate::quantize::tests::{Constants, edited};
use crate::quantize::{Options, Provenance, fuse, quantize};
use model_format::ModelFile;

const PLAIN: Options = Options {
    calibration: &[crate::quantize::Calibration::Mse],
    equalise: false,
    reconstruct: false,
};

fn float(graph: &Graph) -> Model {
    Model::Float(FloatModel { graph: fold(graph).unwrap(), id: "test".to_owned() })
}

fn int8(bytes: &[u8]) -> Model {
    Model::Int8(ModelFile::from_bytes(bytes).unwrap())
}

fn file(graph: &Graph, options: &Options) -> Vec<u8> {
    let images = random::images(64, graph.input.height, graph.input.width, 1);
    quantize(graph, &images, options, None, &Provenance::default()).unwrap().bytes
}

fn report(a: &Model, b: &Model) -> Report {
    let (width, height) = a.input_size();
    compare(a, b, &random::images(8, height, width, 2)).unwrap()
}

/// Convolutions with all kinds of neighbours, a sum of its own and gates.
fn branches(seed: u64) -> Graph {
    let mut builder = Builder::new(14, 13, seed);
    let stem = builder.conv(NodeId(0), 8, 3, 2, 1);
    let stem = builder.block(stem);
    let pool = crate::graph::MaxPool { kernel: [3; 2], stride: [1; 2], padding: [1; 4] };
    let pooled = builder.graph.push("pool", Op::MaxPool(pool), [stem]);
    let main = builder.conv(pooled, 8, 3, 1, 1);
    let main = builder.block(main);
    let mean = builder.graph.push("squeeze", Op::GlobalAveragePool, [main]);
    let narrow = builder.dense(mean, 6);
    let narrow = builder.relu(narrow);
    let gate = builder.dense(narrow, 8);
    let gate = builder.graph.push("gate", Op::Sigmoid, [gate]);
    let main = builder.graph.push("scaled", Op::ScaleChannels, [main, gate]);
    let sum = builder.add(main, pooled);
    let sum = builder.prelu(sum);
    let wide = builder.conv(sum, 12, 1, 1, 0);
    let wide = builder.block(wide);
    builder.dense(wide, 16);
    builder.graph
}

fn graphs() -> Vec<Graph> {
    (0..4).flat_map(|seed| [random::small(seed), branches(seed)]).collect()
}

type Damage = (&'static str, fn(&mut Constants));

/// What can happen to the constants of an int8 layer.
const DAMAGES: [Damage; 7] = [
    ("weights reversed", |c| c.weights.reverse()),
    ("weights of the first half off", |c| {
        let half = c.weights.len() / 2;
        c.weights[..half].fill(0);
    }),
    ("weights' signs", |c| c.weights.iter_mut().for_each(|w| *w = -*w)),
    ("bias", |c| {
        for (i, bias) in c.bias.iter_mut().enumerate() {
            // Beyond the grid, so that silent units see it too; or as much as a sum that is kept.
            *bias += c.multiplier.get(i).map_or(50_000, |m| (400.0 / m) as i32);
        }
    }),
    ("multipliers", |c| {
        c.multiplier.iter_mut().chain(&mut c.negative).for_each(|m| *m *= 1.5);
        // Where the sums are kept there are none.
        if c.multiplier.is_empty() {
            c.weights.iter_mut().for_each(|w| *w /= 2);
        }
    }),
    ("multipliers, smaller", |c| {
        c.multiplier.iter_mut().chain(&mut c.negative).for_each(|m| *m *= 0.6);
        if c.multiplier.is_empty() {
            c.bias.iter_mut().for_each(|b| *b = -*b);
        }
    }),
    ("negative side", |c| match c.negative.is_empty() {
        true => c.bias.iter_mut().for_each(|b| *b = 3000 - *b),
        false => c.negative.iter_mut().for_each(|m| *m += 0.5 * m.abs().max(0.002)),
    }),
];

fn linear(graph: &Graph) -> Vec<usize> {
    let graph = fold(graph).unwrap();
    let linear = |(at, layer): (usize, &crate::quantize::Fused)| {
        matches!(graph.node(layer.head).op, Op::Conv2d(_) | Op::FullyConnected(_)).then_some(at)
    };
    fuse(&graph).unwrap().iter().enumerate().filter_map(linear).collect()
}

#[test]
fn a_sound_int8_network_has_no_fault() {
    let mut most = 0.0_f64;
    for graph in graphs() {
        for options in
            [PLAIN, Options::default(), Options { equalise: false, ..Options::default() }]
        {
            let bytes = file(&graph, &options);
            let report = report(&float(&graph), &int8(&bytes));
            let worst = report.largest.map_or(0.0, |at| report.layers[at].own_error);
            println!(
                "{options:?} worst {worst:.3} layer {:?} cos {:?}",
                report.largest, report.mean_cosine
            );
            most = most.max(worst);
            assert_eq!((report.first_fault, report.rule), (None, Rule::Rounding), "{report:#?}");
        }
    }
    println!("worst of all {most:.3}");
}

#[test]
fn the_broken_layer_of_an_int8_network_is_found_beside_float() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for (which, graph) in graphs().iter().enumerate() {
        for options in [PLAIN, Options::default()] {
            let sound = file(graph, &options);
            for step in linear(graph) {
                for (what, damage) in DAMAGES {
                    let broken = int8(&edited(&sound, step, damage));
                    let report = report(&float(graph), &broken);
                    tried += 1;
                    if report.first_fault != Some(step) {
                        wrong.push(format!(
                            "graph {which}, equalised {}: {what} of {step}, found {:?}",
                            options.equalise, report.first_fault
                        ));
                    }
                }
            }
        }
    }
    println!("{tried} tried, {} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(wrong.is_empty());
}

#[test]
fn float_comes_second_as_well_as_first() {
    let graph = random::small(1);
    let sound = file(&graph, &Options::default());
    let broken = int8(&edited(&sound, 3, |c| c.weights.reverse()));
    let (first, second) = (report(&float(&graph), &broken), report(&broken, &float(&graph)));
    assert_eq!(first, second);
    assert_eq!((first.first_fault, first.largest, first.rule), (Some(3), Some(3), Rule::Rounding));
    let graph = fold(&graph).unwrap();
    let layers = fuse(&graph).unwrap();
    assert_eq!(first.layers[3].name, graph.node(layers[3].head).name);
    // As they run, all layers behind it are off too; alone they are not.
    assert!(first.layers[2].sqnr_db > 20.0 && first.layers[4].sqnr_db < 10.0, "{first:#?}");
    assert!(first.layers[4].own_sqnr_db > 20.0 && first.mean_cosine.unwrap() < 0.99);
}

/// Every number of every node, one node at a time.
#[test]
fn the_broken_node_of_a_float_network_is_found() {
    let mut tried = 0;
    for graph in [random::small(7), branches(7)] {
        let graph = fold(&graph).unwrap();
        let layers = fuse(&graph).unwrap();
        assert_eq!(report(&float(&graph), &float(&graph)).largest, None);
        for (step, layer) in layers.iter().enumerate() {
            for id in [Some(layer.head), layer.activation].into_iter().flatten() {
                let mut broken = graph.clone();
                match &mut broken.nodes[id.0].op {
                    // One weight of one row.
                    Op::Conv2d(conv) => conv.weight[1] += 0.02,
                    // All of one bias: a single unit may be silent.
                    Op::FullyConnected(dense) => {
                        dense.bias.as_mut().unwrap().iter_mut().for_each(|b| *b += 0.02);
                    }
                    Op::Prelu { slope } => slope[3] += 0.02,
                    _ => continue,
                }
                let report = report(&float(&graph), &float(&broken));
                assert_eq!(report.rule, Rule::Float);
                assert_eq!((report.first_fault, report.largest), (Some(step), Some(step)));
                let faults = report.layers.iter().filter(|layer| layer.fault).count();
                assert_eq!(faults, 1, "{report:#?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 25, "{tried}");
}

#[test]
fn the_broken_layer_of_an_int8_network_is_found_beside_int8() {
    let graph = random::small(5);
    let sound = file(&graph, &Options::default());
    let equal = report(&int8(&sound), &int8(&sound));
    assert_eq!((equal.first_fault, equal.largest, equal.rule), (None, None, Rule::Bits));
    for step in linear(&graph) {
        for (what, damage) in DAMAGES {
            let broken = edited(&sound, step, damage);
            let report = report(&int8(&sound), &int8(&broken));
            assert_eq!(report.first_fault, Some(step), "{what}");
            assert_eq!(report.layers.iter().filter(|layer| layer.fault).count(), 1, "{what}");
        }
        // A single weight moved by one: the channel that it is of.
        let moved = edited(&sound, step, |c| c.weights[0] -= c.weights[0].signum());
        let report = report(&int8(&sound), &int8(&moved));
        if let Some(first) = report.first_fault {
            assert_eq!((first, report.layers[first].own_error_channel), (step, 0));
        }
    }
}

/// Other scales, other weights, other sizes of channels: no bits are alike, and only rounding differs.
#[test]
fn int8_networks_of_other_settings_differ_by_rounding() {
    for seed in 0..3 {
        let graph = random::small(seed);
        let (a, b) = (file(&graph, &PLAIN), file(&graph, &Options::default()));
        let alike = report(&int8(&a), &int8(&b));
        assert_eq!((alike.first_fault, alike.rule), (None, Rule::Rounding), "{alike:#?}");
        let broken = edited(&b, 6, |c| c.weights.reverse());
        assert_eq!(report(&int8(&a), &int8(&broken)).first_fault, Some(6));
    }
}

#[test]
fn the_network_that_a_file_is_of_is_broken_before_it_is_quantized() {
    for seed in 0..3 {
        let graph = fold(&random::small(seed)).unwrap();
        for (step, layer) in fuse(&graph).unwrap().iter().enumerate() {
            let mut broken = graph.clone();
            match &mut broken.nodes[layer.head.0].op {
                Op::Conv2d(conv) => conv.weight.iter_mut().for_each(|w| *w *= 1.6),
                Op::FullyConnected(dense) => dense.weight.iter_mut().for_each(|w| *w *= 1.6),
                _ => continue,
            }
            let report = report(&float(&graph), &int8(&file(&broken, &Options::default())));
            assert_eq!(report.first_fault, Some(step), "seed {seed}: {report:#?}");
        }
    }
}

#[test]
fn structures_part_where_they_do() {
    let same = |builder: &mut Builder| {
        let x = builder.conv(NodeId(0), 8, 3, 2, 1);
        builder.block(x)
    };
    let (mut a, mut b) = (Builder::new(8, 8, 1), Builder::new(8, 8, 1));
    let (x, y) = (same(&mut a), same(&mut b));
    a.dense(x, 16);
    let y = b.depthwise(y, 3, 1, 1);
    b.dense(y, 12);
    let report = report(&float(&a.graph), &float(&b.graph));
    let parting = report.parting.unwrap();
    assert_eq!((parting.layer, report.layers.len(), report.first_fault), (1, 1, None));
    assert!(parting.a.contains("fully_connected to 1x1x16 from tensors [1]"), "{}", parting.a);
    assert!(parting.b.contains("depthwise_conv2d to 4x4x8 from tensors [1]"), "{}", parting.b);
    assert_eq!(report.mean_cosine, None);
}

#[test]
fn rejects_other_sizes_and_no_images() {
    let (a, b) = (float(&random::small(1)), float(&branches(1)));
    let images = random::images(1, 12, 12, 1);
    let error = compare(&a, &b, &images);
    let expected = "the first network reads 12x12 pixels, the second 13x14: no image fits both";
    assert_eq!(error.unwrap_err().to_string(), expected);
    let none: &[Vec<u8>] = &[];
    assert!(matches!(compare(&a, &a, none), Err(DiffError::NoImages)));
}

/// A node that no int8 layer can take has no place among the layers.
#[test]
fn rejects_a_float_network_without_layers() {
    let mut builder = Builder::new(6, 6, 1);
    builder.graph.push("lone", Op::Relu, [NodeId(0)]);
    let model = float(&builder.graph);
    let error = compare(&model, &model, &random::images(1, 6, 6, 1));
    assert!(matches!(error, Err(DiffError::Layers(_))), "{error:?}");
}
