//! What files of the world's exporters do differently: each is read as it is meant, or refused by name.
#![allow(clippy::unwrap_used)]

use super::tests::{IMAGE, PLAIN, file, int, ints, node, read, refused, run, tensor};
use super::*;
use crate::graph::fold;
use proptest::prelude::{any, prop_assert, proptest};

pub(super) fn text(name: &str, value: &str) -> proto::Attribute {
    let s = value.as_bytes().to_vec();
    proto::Attribute { name: name.to_owned(), s, ..proto::Attribute::default() }
}

pub(super) fn float(name: &str, f: f32) -> proto::Attribute {
    proto::Attribute { name: name.to_owned(), f, ..proto::Attribute::default() }
}

pub(super) fn with(
    op: &str,
    inputs: &[&str],
    output: &str,
    attribute: Vec<proto::Attribute>,
) -> proto::Node {
    proto::Node { attribute, ..node(op, inputs, output) }
}

/// `count` numbers that are all different.
pub(super) fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7 % 23) as f32 / 8.0 - 1.0).collect()
}

/// What the network of these nodes makes of the image.
fn of(nodes: Vec<proto::Node>, constants: Vec<proto::Tensor>) -> Vec<f32> {
    run(&read(file(nodes, constants), PLAIN).unwrap(), &IMAGE)
}

fn assert_near(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{got:?}, {expected:?}");
    }
}

#[test]
fn groups_of_more_than_one_channel() {
    // Two groups of three channels, made from the image's three and three again.
    let (w, v) = (numbers(18), numbers(12));
    let grouped = of(
        vec![
            node("Conv", &["image", "w"], "six"),
            with("Conv", &["six", "v"], "y", vec![int("group", 2)]),
        ],
        vec![tensor("w", &[6, 3, 1, 1], &w), tensor("v", &[4, 3, 1, 1], &v)],
    );
    let mut whole = vec![0.0; 24];
    for out in 0..4 {
        for i in 0..3 {
            whole[out * 6 + out / 2 * 3 + i] = v[out * 3 + i];
        }
    }
    let expected = of(
        vec![node("Conv", &["image", "w"], "six"), node("Conv", &["six", "v"], "y")],
        vec![tensor("w", &[6, 3, 1, 1], &w), tensor("v", &[4, 6, 1, 1], &whole)],
    );
    assert_near(&grouped, &expected);
}

#[test]
fn pads_that_are_uneven_automatic_or_a_node_of_their_own() {
    let weights = || vec![tensor("w", &[2, 3, 3, 3], &numbers(54))];
    let conv = |attributes| of(vec![with("Conv", &["image", "w"], "y", attributes)], weights());
    let stride = |s: i64| ints("strides", &[s, s]);
    // Two rows and three columns at stride 2: one row is missing below, one column on each side.
    for (word, pads) in [("SAME_UPPER", [0, 1, 1, 1]), ("SAME_LOWER", [1, 1, 0, 1])] {
        let automatic = conv(vec![text("auto_pad", word), stride(2)]);
        assert_near(&automatic, &conv(vec![ints("pads", &pads), stride(2)]));
    }
    let uneven = conv(vec![ints("pads", &[2, 0, 1, 1])]);
    let mut constants = weights();
    let pads = [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0, 1.0];
    constants.push(tensor("pads", &[8], &pads));
    let apart = vec![node("Pad", &["image", "pads"], "p"), node("Conv", &["p", "w"], "y")];
    assert_near(&of(apart, constants), &uneven);
    let old = vec![
        with("Pad", &["image"], "p", vec![ints("pads", &[0, 0, 2, 0, 0, 0, 1, 1])]),
        node("Conv", &["p", "w"], "y"),
    ];
    assert_near(&of(old, weights()), &uneven);
    let mut mirrored = with("Pad", &["image"], "y", vec![text("mode", "reflect")]);
    mirrored.attribute.push(ints("pads", &[0; 8]));
    assert!(refused(mirrored, Vec::new()).to_string().contains("only zeros"));
    let nodes = vec![
        with("Pad", &["image"], "p", vec![ints("pads", &[0, 0, 1, 1, 0, 0, 1, 1])]),
        node("Relu", &["p"], "y"),
    ];
    assert!(read(file(nodes, Vec::new()), PLAIN).unwrap_err().to_string().contains("zeros"));
}

#[test]
fn dilated_windows() {
    // Two taps two columns apart, on red.
    let mut w = vec![0.0; 6];
    (w[0], w[1]) = (1.0, 10.0);
    let conv = with("Conv", &["image", "w"], "y", vec![ints("dilations", &[1, 2])]);
    let got = of(vec![conv], vec![tensor("w", &[1, 3, 1, 2], &w)]);
    let red = |i: usize| f32::from(IMAGE[3 * i]);
    assert_near(&got, &[red(0) + 10.0 * red(2), red(3) + 10.0 * red(5)]);
    let mut huge = with("Conv", &["image", "w"], "y", vec![ints("dilations", &[1000, 1000])]);
    huge.attribute.push(ints("pads", &[999; 4]));
    let error = refused(huge, vec![tensor("w", &[90, 3, 2, 2], &vec![1.0; 1080])]);
    assert!(error.to_string().contains("too many weights"), "{error}");
}

#[test]
fn clips_without_one_or_both_limits() {
    let six = || vec![tensor("six", &[], &[6.0])];
    let image: Vec<f32> = IMAGE.iter().map(|&p| p.into()).collect();
    let below: Vec<f32> = image.iter().map(|p| p.min(6.0)).collect();
    assert_eq!(of(vec![node("Clip", &["image", "", "six"], "y")], six()), below);
    assert_eq!(of(vec![node("Clip", &["image"], "y")], six()), image);
    let above: Vec<f32> = image.iter().map(|p| p.max(6.0)).collect();
    assert_eq!(of(vec![node("Clip", &["image", "six"], "y")], six()), above);
    let attributes = vec![float("min", 3.0), float("max", 9.0)];
    let old = of(vec![with("Clip", &["image"], "y", attributes)], Vec::new());
    assert_eq!(old, image.iter().map(|p| p.clamp(3.0, 9.0)).collect::<Vec<_>>());
}

#[test]
fn slopes_of_every_shape() {
    let turned = || with("Sub", &["ten", "image"], "x", Vec::new());
    let bent = |slope: proto::Tensor| {
        let nodes = vec![turned(), node("PRelu", &["x", "slope"], "y")];
        of(nodes, vec![tensor("ten", &[1], &[10.0]), slope])
    };
    let expected: Vec<f32> = IMAGE
        .iter()
        .map(|&p| 10.0 - f32::from(p))
        .map(|x| if x < 0.0 { 0.25 * x } else { x })
        .collect();
    for dims in [&[1][..], &[], &[1, 1, 1]] {
        assert_near(&bent(tensor("slope", dims, &[0.25])), &expected);
    }
    for dims in [&[3][..], &[3, 1, 1], &[1, 3, 1, 1]] {
        assert_near(&bent(tensor("slope", dims, &[0.25; 3])), &expected);
    }
    let leaky = with("LeakyRelu", &["x"], "y", vec![float("alpha", 0.25)]);
    let ten = vec![tensor("ten", &[1], &[10.0])];
    assert_near(&of(vec![turned(), leaky], ten), &expected);
    let a_pixel = tensor("slope", &[3, 2, 3], &[0.25; 18]);
    let error = refused(node("PRelu", &["image", "slope"], "y"), vec![a_pixel]);
    assert!(error.to_string().contains("pixel to pixel"), "{error}");
}

#[test]
fn dense_layers_of_every_kind() {
    let (w, b) = (numbers(36), [0.5, -1.5]);
    let turned: Vec<f32> = (0..36).map(|i| w[i % 2 * 18 + i / 2]).collect();
    let flat = || node("Flatten", &["image"], "flat");
    let usual = of(
        vec![flat(), with("Gemm", &["flat", "w", "b"], "y", vec![int("transB", 1)])],
        vec![tensor("w", &[2, 18], &w), tensor("b", &[2], &b)],
    );
    let halves = vec![float("alpha", 0.5), float("beta", 0.25)];
    let doubled: Vec<f32> = turned.iter().map(|w| 2.0 * w).collect();
    let constants = || {
        let b4 = b.map(|b| 4.0 * b);
        vec![
            tensor("w", &[18, 2], &doubled),
            tensor("b4", &[2], &b4),
            tensor("v", &[18, 2], &turned),
            tensor("b", &[2], &b),
            tensor("shape", &[2], &[0.0, -1.0]),
        ]
    };
    let scaled = vec![flat(), with("Gemm", &["flat", "w", "b4"], "y", halves)];
    assert_near(&of(scaled, constants()), &usual);
    let product = vec![
        node("Reshape", &["image", "shape"], "flat"),
        node("MatMul", &["flat", "v"], "product"),
        node("Add", &["product", "b"], "y"),
    ];
    assert_near(&of(product, constants()), &usual);
    let error = refused(with("Flatten", &["image"], "y", vec![int("axis", 2)]), Vec::new());
    assert!(error.to_string().contains("axis 1"), "{error}");
}

#[test]
fn weights_of_other_types() {
    let w = [1.5_f32, -0.25, 2.0];
    let conv = || vec![node("Conv", &["image", "w"], "y")];
    let expected = of(conv(), vec![tensor("w", &[1, 3, 1, 1], &w)]);
    let halves = [0x3e00_u16, 0xb400, 0x4000];
    let brains = w.map(|w| (w.to_bits() >> 16) as u16);
    let raw = |data_type, raw_data| proto::Tensor {
        data_type,
        raw_data,
        ..tensor("w", &[1, 3, 1, 1], &[])
    };
    let bytes = |words: [u16; 3]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let doubles: Vec<u8> = w.iter().flat_map(|&w| f64::from(w).to_le_bytes()).collect();
    for tensor in [
        raw(10, bytes(halves)),
        raw(16, bytes(brains)),
        raw(11, doubles),
        proto::Tensor { int32_data: halves.map(i32::from).to_vec(), ..raw(10, Vec::new()) },
        proto::Tensor { double_data: w.map(f64::from).to_vec(), ..raw(11, Vec::new()) },
        proto::Tensor { float_data: w.to_vec(), ..raw(1, Vec::new()) },
    ] {
        assert_eq!(of(conv(), vec![tensor]), expected);
    }
}

#[test]
fn weights_in_a_file_of_their_own() {
    let place = tempfile::tempdir().unwrap();
    let w = [1.5_f32, -0.25, 2.0];
    let bytes: Vec<u8> = [9.0_f32].iter().chain(&w).flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(place.path().join("weights.bin"), bytes).unwrap();
    let read = |entries: &[(&str, &str)]| {
        let entry = |&(key, value): &(&str, &str)| proto::Entry {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let apart = proto::Tensor {
            data_location: 1,
            external_data: entries.iter().map(entry).collect(),
            ..tensor("w", &[1, 3, 1, 1], &[])
        };
        let graph = Some(file(vec![node("Conv", &["image", "w"], "y")], vec![apart]));
        let model = proto::Model { graph, ..proto::Model::default() };
        std::fs::write(place.path().join("model.onnx"), model.encode_to_vec()).unwrap();
        from_onnx(&place.path().join("model.onnx"), PLAIN)
    };
    let own = ("location", "weights.bin");
    let graph = read(&[own, ("offset", "4"), ("length", "12")]).unwrap();
    let here = vec![tensor("w", &[1, 3, 1, 1], &w)];
    assert_eq!(run(&graph, &IMAGE), of(vec![node("Conv", &["image", "w"], "y")], here));
    for (entries, what) in [
        (&[own, ("offset", "8"), ("length", "12")][..], "too short"),
        (&[own, ("offset", "18446744073709551615"), ("length", "2")], "too short"),
        (&[own, ("offset", "x")], "no number"),
        (&[("location", "../weights.bin")], "not a file beside the model"),
        (&[("location", "/etc/hostname")], "not a file beside the model"),
        (&[("location", "absent.bin")], "absent.bin"),
        (&[], "no name"),
    ] {
        let error = read(entries).unwrap_err();
        assert!(matches!(error, OnnxError::External { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// What the network itself does to the pixels becomes part of what the image must be; padding still adds its zeros behind that.
#[test]
fn normalisation_inside_the_network() {
    let (means, scales) = ([100.0, 50.0, 25.0], [0.5, 0.25, 2.0]);
    let conv = |from: &str| with("Conv", &[from, "w"], "y", vec![ints("pads", &[1; 4])]);
    let w = || tensor("w", &[2, 3, 3, 3], &numbers(54));
    let said = Normalisation { bgr: true, mean: means, deviation: scales.map(|s| 1.0 / s) };
    let expected = run(&read(file(vec![conv("image")], vec![w()]), said).unwrap(), &IMAGE);
    let plain = Normalisation { bgr: true, ..PLAIN };
    let nodes = vec![
        node("Sub", &["image", "means"], "centred"),
        node("Mul", &["centred", "scales"], "normal"),
        conv("normal"),
    ];
    let constants =
        vec![tensor("means", &[3, 1, 1], &means), tensor("scales", &[1, 3, 1, 1], &scales), w()];
    let graph = read(file(nodes, constants), plain).unwrap();
    assert_eq!(graph.nodes.len(), 2);
    assert_near(&run(&graph, &IMAGE), &expected);
}

/// A normalization before a padded convolution must not move the zeros around the image.
#[test]
fn a_normalization_before_padding() {
    let three = |name: &str, v: [f32; 3]| tensor(name, &[3], &v);
    let nodes = vec![
        node("Relu", &["image"], "x"),
        node("BatchNormalization", &["x", "g", "b", "m", "v"], "n"),
        with("Conv", &["n", "w"], "y", vec![ints("pads", &[1; 4])]),
    ];
    let constants = vec![
        three("g", [1.0, 2.0, 0.5]),
        three("b", [3.0, -1.0, 0.0]),
        three("m", [5.0, 6.0, 7.0]),
        three("v", [4.0, 1.0, 9.0]),
        tensor("w", &[2, 3, 3, 3], &numbers(54)),
    ];
    let graph = read(file(nodes, constants), PLAIN).unwrap();
    let folded = fold(&graph).unwrap();
    assert_near(&run(&folded, &IMAGE), &run(&graph, &IMAGE));
    for broken in [
        with("BatchNormalization", &["image", "g"], "y", vec![int("training_mode", 1)]),
        proto::Node {
            output: vec!["y".to_owned(), "mean".to_owned()],
            ..node("BatchNormalization", &["image", "g"], "y")
        },
    ] {
        assert!(refused(broken, Vec::new()).to_string().contains("training mode"));
    }
}

#[test]
fn lengths_at_the_end_do_not_matter() {
    let dense = || {
        vec![
            node("Flatten", &["image"], "flat"),
            with("Gemm", &["flat", "w"], "x", vec![int("transB", 1)]),
        ]
    };
    let constants = || {
        vec![
            tensor("w", &[2, 18], &numbers(36)),
            tensor("tiny", &[], &[1e-12]),
            tensor("two", &[1], &[2.0]),
        ]
    };
    let nodes = dense().into_iter().chain([node("Identity", &["x"], "y")]).collect();
    let raw = of(nodes, constants());
    let divided = [
        with("ReduceL2", &["x"], "length", vec![ints("axes", &[1])]),
        node("Clip", &["length", "tiny"], "safe"),
        node("Expand", &["safe", "two"], "wide"),
        node("Div", &["x", "wide"], "y"),
    ];
    assert_eq!(of(dense().into_iter().chain(divided).collect(), constants()), raw);
    let one = [with("LpNormalization", &["x"], "y", vec![int("p", 2), int("axis", 1)])];
    assert_eq!(of(dense().into_iter().chain(one).collect(), constants()), raw);
    // What comes behind would see the lengths that were left out.
    let unit = || with("LpNormalization", &["x"], "unit", vec![int("axis", 1)]);
    let shown = [unit(), node("Identity", &["unit"], "y")];
    assert_eq!(of(dense().into_iter().chain(shown).collect(), constants()), raw);
    for behind in [
        with("Gemm", &["unit", "square", "two"], "y", vec![int("transB", 1)]),
        node("Add", &["unit", "two"], "y"),
        node("Add", &["x", "unit"], "y"),
        node("Relu", &["unit"], "y"),
        node("Flatten", &["unit"], "y"),
        node("Div", &["unit", "two"], "y"),
        with("ReduceL2", &["unit"], "y", vec![ints("axes", &[1])]),
    ] {
        let nodes = dense().into_iter().chain([unit(), behind]).collect();
        let square = tensor("square", &[2, 2], &[1.0; 4]);
        let constants = constants().into_iter().chain([square]).collect();
        let error = read(file(nodes, constants), PLAIN).unwrap_err().to_string();
        assert!(error.contains("network's end"), "{error}");
    }
    // A length is no tensor.
    let shown = [node("ReduceL2", &["x"], "length"), node("Relu", &["length"], "y")];
    let error = read(file(dense().into_iter().chain(shown).collect(), constants()), PLAIN);
    assert!(error.unwrap_err().to_string().contains("lengths"));
}

#[test]
fn gates_and_means() {
    let gate = |mean: proto::Node| {
        let nodes = vec![
            mean,
            node("Conv", &["m", "w", "b"], "narrow"),
            node("Sigmoid", &["narrow"], "gate"),
            node("Mul", &["gate", "image"], "y"),
        ];
        let w = tensor("w", &[3, 3, 1, 1], &[0.1, 0.0, 0.0, 0.0, -0.1, 0.0, 0.0, 0.0, 0.0]);
        of(nodes, vec![w, tensor("b", &[3], &[0.0, 0.0, 1.0]), tensor("axes", &[2], &[-2.0, -1.0])])
    };
    let got = gate(node("GlobalAveragePool", &["image"], "m"));
    assert_eq!(got, gate(with("ReduceMean", &["image"], "m", vec![ints("axes", &[2, 3])])));
    assert_eq!(got, gate(node("ReduceMean", &["image", "axes"], "m")));
    // Means of red and green are 8.5 and 9.5.
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    let gates = [sigmoid(0.85), sigmoid(-0.95), sigmoid(1.0)];
    let expected: Vec<f32> =
        IMAGE.iter().enumerate().map(|(i, &p)| gates[i % 3] * f32::from(p)).collect();
    assert_near(&got, &expected);
    let error = refused(with("ReduceMean", &["image"], "y", vec![ints("axes", &[1])]), Vec::new());
    assert!(error.to_string().contains("rows and columns"), "{error}");
}

#[test]
fn pools() {
    let pool = |op: &str, attributes: Vec<proto::Attribute>| {
        let kernel = ints("kernel_shape", &[2, 2]);
        let attributes = attributes.into_iter().chain([kernel]).collect();
        of(vec![with(op, &["image"], "y", attributes)], Vec::new())
    };
    // Red is 1 4 7 above 10 13 16, green and blue one and two more.
    assert_eq!(pool("AveragePool", Vec::new()), [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    assert_eq!(pool("MaxPool", Vec::new()), [13.0, 14.0, 15.0, 16.0, 17.0, 18.0]);
    let counted = pool("AveragePool", vec![ints("pads", &[1; 4]), int("count_include_pad", 1)]);
    assert_eq!(counted[..3], [0.25, 0.5, 0.75]);
    let with = |attribute| {
        let attributes = vec![attribute, ints("kernel_shape", &[2, 2])];
        refused(with("AveragePool", &["image"], "y", attributes), Vec::new()).to_string()
    };
    assert!(with(ints("pads", &[1; 4])).contains("leaves its padding out"));
    assert!(with(int("ceil_mode", 1)).contains("ceil_mode"));
    assert!(with(ints("kernel_shape", &[0, 2])).contains("absurd"));
}

#[test]
fn images_with_their_channels_last() {
    let mut graph = file(
        vec![
            with("Transpose", &["image"], "x", vec![ints("perm", &[0, 3, 1, 2])]),
            node("Relu", &["x"], "y"),
        ],
        Vec::new(),
    );
    graph.input = vec![super::tests::value("image", &[0, 2, 3, 3])];
    assert_eq!(run(&read(graph.clone(), PLAIN).unwrap(), &IMAGE), IMAGE.map(f32::from));
    graph.node[0].attribute = vec![ints("perm", &[0, 2, 1, 3])];
    assert!(read(graph.clone(), PLAIN).unwrap_err().to_string().contains("to the front"));
    // What treats all values alike does not care; what works on channels does.
    graph.node = vec![node("Relu", &["image"], "y")];
    assert_eq!(run(&read(graph.clone(), PLAIN).unwrap(), &IMAGE), IMAGE.map(f32::from));
    graph.node = vec![node("GlobalAveragePool", &["image"], "y")];
    assert!(read(graph, PLAIN).unwrap_err().to_string().contains("channels are last"));
}

#[test]
fn constants_as_nodes_of_every_kind() {
    for attribute in [
        float("value_float", 4.0),
        int("value_int", 4),
        ints("value_ints", &[4]),
        proto::Attribute {
            name: "value_floats".to_owned(),
            floats: vec![4.0],
            ..proto::Attribute::default()
        },
    ] {
        let nodes = vec![
            with("Constant", &[], "four", vec![attribute]),
            node("Relu", &["image"], "x"),
            node("Div", &["x", "four"], "y"),
        ];
        let expected: Vec<f32> = IMAGE.iter().map(|&p| f32::from(p) / 4.0).collect();
        assert_near(&of(nodes, Vec::new()), &expected);
    }
    let error = refused(node("Div", &["four", "image"], "y"), vec![tensor("four", &[], &[4.0])]);
    assert!(error.to_string().contains("divided by a tensor"), "{error}");
}

/// A small network with one of most operations, as a file.
fn whole() -> Vec<u8> {
    let nodes = vec![
        with("Conv", &["image", "w"], "a", vec![ints("pads", &[1; 4]), ints("strides", &[1, 1])]),
        node("BatchNormalization", &["a", "four", "four", "four", "four"], "b"),
        node("PRelu", &["b", "four"], "c"),
        with("MaxPool", &["c"], "d", vec![ints("kernel_shape", &[2, 2])]),
        node("GlobalAveragePool", &["d"], "e"),
        node("Sigmoid", &["e"], "f"),
        node("Shape", &["d"], "shape"),
        with("Concat", &["d", "d"], "cc", vec![int("axis", 1)]),
        node("Upsample", &["cc", "four"], "u"),
        with("Transpose", &["u"], "t", vec![ints("perm", &[0, 2, 3, 1])]),
        node("Mul", &["d", "f"], "g"),
        node("Flatten", &["g"], "h"),
        with("Gemm", &["h", "v", "four"], "y", vec![int("transB", 1)]),
    ];
    let constants = vec![
        tensor("w", &[4, 3, 3, 3], &numbers(108)),
        tensor("four", &[4], &[1.0; 4]),
        tensor("v", &[4, 8], &numbers(32)),
    ];
    let graph = Some(file(nodes, constants));
    proto::Model { graph, ..proto::Model::default() }.encode_to_vec()
}

proptest! {
    /// Cut short or with a few bytes changed, a file is a network or an error.
    #[test]
    fn damaged_files_are_refused_or_read(
        length in any::<u16>(),
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = whole();
        prop_assert!(decode(&bytes, None, PLAIN, None).is_ok());
        for (place, byte) in changes {
            let place = usize::from(place) % bytes.len();
            bytes[place] = byte;
        }
        if let Ok(graph) = decode(&bytes, None, PLAIN, None) {
            prop_assert!(graph.check().is_ok());
        }
        bytes.truncate(usize::from(length) % bytes.len());
        let _ = decode(&bytes, None, PLAIN, None);
    }
}
