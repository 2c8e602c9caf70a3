//! Files of networks that are no embedding networks: several outputs, classes, maps of other sizes; as exporters write them.
#![allow(clippy::unwrap_used)]

use super::quirks::{float, numbers, text, with};
use super::tests::{IMAGE, PLAIN, file, int, ints, node, read, refused, run, tensor, value};
use super::*;
use crate::graph::Executor;

fn image() -> Vec<f32> {
    IMAGE.iter().map(|&pixel| pixel.into()).collect()
}

fn of(nodes: Vec<proto::Node>, constants: Vec<proto::Tensor>) -> Vec<f32> {
    run(&read(file(nodes, constants), PLAIN).unwrap(), &IMAGE)
}

#[test]
fn a_detectors_outputs_keep_their_names_and_lie_pixel_by_pixel() {
    // The image itself, its sigmoid as [batch, 6 pixels, 3], and a mean.
    let mut graph = file(
        vec![
            node("Relu", &["image"], "x"),
            with("Transpose", &["x"], "t", vec![ints("perm", &[0, 2, 3, 1])]),
            node("Reshape", &["t", "rows"], "r"),
            node("Sigmoid", &["r"], "scores"),
            node("GlobalAveragePool", &["x"], "mean"),
        ],
        vec![tensor("rows", &[3], &[1.0, -1.0, 3.0])],
    );
    graph.output = ["scores", "mean", "x"].map(|name| value(name, &[0])).to_vec();
    let read_graph = read(graph.clone(), PLAIN).unwrap();
    let names: Vec<&str> = read_graph.outputs.iter().map(|output| &*output.name).collect();
    assert_eq!(names, ["scores", "mean", "x"]);
    let outputs = Executor::new(&read_graph).unwrap().run(&IMAGE).unwrap();
    let scores: Vec<f32> = image().iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
    assert_eq!(outputs, [scores, vec![8.5, 9.5, 10.5], image()]);
    // Pixels and channels mixed up.
    graph.initializer = vec![tensor("rows", &[3], &[1.0, 3.0, 6.0])];
    let error = read(graph.clone(), PLAIN).unwrap_err().to_string();
    assert!(error.contains("batch x pixels x channels"), "{error}");
    graph.output = vec![value("nowhere", &[0])];
    graph.node.truncate(1);
    let error = read(graph, PLAIN).unwrap_err();
    assert!(matches!(error, OnnxError::Output { name } if name == "nowhere"));
}

#[test]
fn a_softmax_at_the_end_leaves_logits_and_inside_it_is_refused() {
    let mean = || node("GlobalAveragePool", &["image"], "mean");
    for attributes in [vec![], vec![int("axis", 1)], vec![int("axis", -1)]] {
        let nodes = vec![mean(), with("Softmax", &["mean"], "y", attributes)];
        assert_eq!(of(nodes, Vec::new()), [8.5, 9.5, 10.5]);
    }
    let inside = vec![mean(), node("Softmax", &["mean"], "s"), node("Relu", &["s"], "y")];
    let error = read(file(inside, Vec::new()), PLAIN).unwrap_err().to_string();
    assert!(error.contains("Softmax"), "{error}");
    let error = refused(with("Softmax", &["image"], "y", vec![int("axis", 2)]), Vec::new());
    assert!(error.to_string().contains("channels"), "{error}");
}

#[test]
fn hard_functions_by_hand() {
    let shift = || vec![tensor("nine", &[], &[9.0])];
    let centred = || node("Sub", &["x", "nine"], "c");
    let x: Vec<f32> = image().iter().map(|x| x - 9.0).collect();
    let of = |rest: Vec<proto::Node>| {
        of([vec![node("Relu", &["image"], "x"), centred()], rest].concat(), shift())
    };
    let close = |got: &[f32], expected: Vec<f32>| {
        assert!(
            got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5),
            "{got:?} {expected:?}"
        );
    };
    // ONNX's defaults are 0.2 and 0.5.
    let plain = of(vec![node("HardSigmoid", &["c"], "y")]);
    close(&plain, x.iter().map(|x| (0.2 * x + 0.5).clamp(0.0, 1.0)).collect());
    let swish: Vec<f32> = x.iter().map(|x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0).collect();
    close(&of(vec![node("HardSwish", &["c"], "y")]), swish.clone());
    let sixth = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
    for product in [["c", "g"], ["g", "c"]] {
        let gate = with("HardSigmoid", &["c"], "g", sixth.clone());
        close(&of(vec![gate, node("Mul", &product, "y")]), swish.clone());
    }
}

#[test]
fn channels_side_by_side() {
    let nodes = |axis| {
        let one = |weights: &str, to: &str| node("Conv", &["image", weights], to);
        let all = with("Concat", &["a", "b", "image"], "y", vec![int("axis", axis)]);
        vec![one("first", "a"), one("last", "b"), all]
    };
    let constants = || {
        let pick = |name: &str, at: usize| {
            let mut weight = [0.0; 3];
            weight[at] = 10.0;
            tensor(name, &[1, 3, 1, 1], &weight)
        };
        vec![pick("first", 0), pick("last", 2)]
    };
    let x = image();
    let expected: Vec<f32> =
        x.chunks(3).flat_map(|p| [10.0 * p[0], 10.0 * p[2], p[0], p[1], p[2]]).collect();
    assert_eq!(of(nodes(1), constants()), expected);
    assert_eq!(of(nodes(-3), constants()), expected);
    let error = read(file(nodes(2), constants()), PLAIN).unwrap_err().to_string();
    assert!(error.contains("channels"), "{error}");
}

#[test]
fn resizes_that_repeat_pixels_and_those_that_do_not() {
    let scales = |down: f32, right: f32| {
        vec![
            tensor("scales", &[4], &[1.0, 1.0, down, right]),
            tensor("sizes", &[4], &[1.0, 3.0, 2.0 * down, 3.0 * right]),
        ]
    };
    let resize = |inputs: &[&str], words: &[(&str, &str)]| {
        let attributes = words.iter().map(|(name, word)| text(name, word)).collect();
        with("Resize", inputs, "y", attributes)
    };
    let by_scales = |words: &[(&str, &str)]| resize(&["image", "", "scales"], words);
    let x = image();
    let expected: Vec<f32> =
        (0..4 * 9).flat_map(|i| x[(i / 9 / 2 * 3 + i % 9 / 3) * 3..][..3].to_vec()).collect();
    let place = "coordinate_transformation_mode";
    for node in [
        by_scales(&[("mode", "nearest"), (place, "asymmetric"), ("nearest_mode", "floor")]),
        by_scales(&[(place, "half_pixel")]),
        by_scales(&[]),
        by_scales(&[(place, "tf_half_pixel_for_nn"), ("nearest_mode", "floor")]),
        resize(&["image", "", "", "sizes"], &[]),
        resize(&["image", "scales"], &[("mode", "nearest")]),
        node("Upsample", &["image", "scales"], "y"),
    ] {
        assert_eq!(of(vec![node.clone()], scales(2.0, 3.0)), expected, "{node:?}");
    }
    let message = |node, constants| refused(node, constants).to_string();
    for (node, constants, what) in [
        (by_scales(&[("mode", "linear")]), scales(2.0, 2.0), "nearest pixel"),
        (by_scales(&[]), scales(1.5, 2.0), "whole factors"),
        (by_scales(&[]), scales(0.0, 2.0), "whole factors"),
        (by_scales(&[]), Vec::new(), "whole factors"),
        (by_scales(&[(place, "align_corners")]), scales(2.0, 2.0), "does not repeat"),
        (by_scales(&[(place, "asymmetric"), ("nearest_mode", "ceil")]), scales(2.0, 2.0), "repeat"),
        (by_scales(&[]), vec![tensor("scales", &[4], &[1.0, 2.0, 2.0, 2.0])], "rows and columns"),
    ] {
        let message = message(node, constants);
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn a_batch_that_stays_open_through_a_reshape() {
    let one = |name: &str, v: f32| proto::Node {
        attribute: vec![proto::Attribute {
            name: "value".to_owned(),
            t: Some(tensor("", &[], &[v])),
            ..proto::Attribute::default()
        }],
        ..node("Constant", &[], name)
    };
    let weights = numbers(36);
    let nodes = |index: f32| {
        vec![
            node("Shape", &["image"], "shape"),
            one("index", index),
            with("Gather", &["shape", "index"], "batch", vec![int("axis", 0)]),
            with("Unsqueeze", &["batch"], "list", vec![ints("axes", &[0])]),
            one("rest", -1.0),
            with("Concat", &["list", "rest"], "to", vec![int("axis", 0)]),
            node("Reshape", &["image", "to"], "flat"),
            node("MatMul", &["flat", "w"], "y"),
        ]
    };
    let constants = || vec![tensor("w", &[18, 2], &weights)];
    let plain = vec![node("Flatten", &["image"], "flat"), node("MatMul", &["flat", "w"], "y")];
    assert_eq!(of(nodes(0.0), constants()), of(plain, constants()));
    let error = read(file(nodes(4.0), constants()), PLAIN).unwrap_err().to_string();
    assert!(error.contains("no such extent"), "{error}");
}

#[test]
fn the_caller_may_say_another_size() {
    let graph = file(vec![node("GlobalAveragePool", &["image"], "y")], Vec::new());
    let model = proto::Model { graph: Some(graph), ..proto::Model::default() };
    let graph = decode(&model.encode_to_vec(), None, PLAIN, Some([1, 2])).unwrap();
    assert_eq!((graph.input.height, graph.input.width), (1, 2));
    assert_eq!(run(&graph, &[1, 2, 3, 5, 6, 9]), [3.0, 4.0, 6.0]);
    // Where the file leaves it open, the caller must.
    let mut open = model.clone();
    open.graph.as_mut().unwrap().input = vec![value("image", &[0, 3, 0, 0])];
    let error = decode(&open.encode_to_vec(), None, PLAIN, None).unwrap_err();
    assert!(error.to_string().contains("--size"), "{error}");
    assert!(decode(&open.encode_to_vec(), None, PLAIN, Some([4, 4])).is_ok());
}
