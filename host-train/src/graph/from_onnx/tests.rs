//! Files made here, field by field, against graphs worked out by hand; and every way in which a file is refused.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::graph::{Executor, GraphError};

pub(super) const PLAIN: Normalisation =
    Normalisation { bgr: false, mean: [0.0; 3], deviation: [1.0; 3] };

pub(super) fn tensor(name: &str, dims: &[i64], values: &[f32]) -> proto::Tensor {
    proto::Tensor {
        dims: dims.to_vec(),
        data_type: 1,
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..proto::Tensor::default()
    }
}

pub(super) fn node(op: &str, inputs: &[&str], output: &str) -> proto::Node {
    proto::Node {
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("{op} of {output}"),
        op_type: op.to_owned(),
        attribute: Vec::new(),
    }
}

pub(super) fn ints(name: &str, ints: &[i64]) -> proto::Attribute {
    proto::Attribute { name: name.to_owned(), ints: ints.to_vec(), ..proto::Attribute::default() }
}

pub(super) fn int(name: &str, i: i64) -> proto::Attribute {
    proto::Attribute { name: name.to_owned(), i, ..proto::Attribute::default() }
}

pub(super) fn value(name: &str, dims: &[i64]) -> proto::ValueInfo {
    let dim = dims
        .iter()
        .map(|&dim_value| proto::Dimension { dim_value, dim_param: String::new() })
        .collect();
    let tensor_type =
        Some(proto::TensorType { elem_type: 1, shape: Some(proto::TensorShape { dim }) });
    proto::ValueInfo { name: name.to_owned(), r#type: Some(proto::Type { tensor_type }) }
}

/// A file with an image of 2 rows and 3 columns, whose output is named `y`.
pub(super) fn file(node: Vec<proto::Node>, initializer: Vec<proto::Tensor>) -> proto::Graph {
    let (input, output) = (vec![value("image", &[0, 3, 2, 3])], vec![value("y", &[0, 4])]);
    proto::Graph { node, initializer, input, output, name: String::new() }
}

pub(super) fn read(graph: proto::Graph, normalisation: Normalisation) -> Result<Graph, OnnxError> {
    let model = proto::Model { graph: Some(graph), ..proto::Model::default() };
    decode(&model.encode_to_vec(), None, normalisation, None)
}

pub(super) fn run(graph: &Graph, rgb: &[u8]) -> Vec<f32> {
    Executor::new(graph).unwrap().embed(rgb).unwrap()
}

pub(super) const IMAGE: [u8; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

#[test]
fn weights_are_laid_out_anew() {
    // Green one column to the left, plus 100 times blue one row down: taps (1, 0) and (2, 1) of a padded 3x3 window.
    let mut weight = [0.0; 27];
    weight[9 + 3] = 1.0;
    weight[18 + 7] = 100.0;
    let mut conv = node("Conv", &["image", "w", "b"], "y");
    conv.attribute = vec![ints("pads", &[1; 4]), ints("kernel_shape", &[3; 2])];
    let constants = vec![tensor("w", &[1, 3, 3, 3], &weight), tensor("b", &[1], &[0.5])];
    let graph = read(file(vec![conv], constants), PLAIN).unwrap();
    let (green, blue) =
        (|i: usize| f32::from(IMAGE[3 * i + 1]), |i: usize| f32::from(IMAGE[3 * i + 2]));
    let expected = [
        0.5 + 100.0 * blue(3),
        0.5 + green(0) + 100.0 * blue(4),
        0.5 + green(1) + 100.0 * blue(5),
        0.5,
        0.5 + green(3),
        0.5 + green(4),
    ];
    assert_eq!(run(&graph, &IMAGE), expected);
}

#[test]
fn dense_layers_read_channel_by_channel() {
    // Output 0 is red's last pixel, output 1 blue's first: positions 5 and 12 of a flattened NCHW image.
    let mut weight = [0.0; 36];
    weight[5] = 1.0;
    weight[18 + 12] = 1.0;
    let flatten = node("Flatten", &["image"], "flat");
    let mut dense = node("Gemm", &["flat", "w", "b"], "y");
    dense.attribute = vec![int("transB", 1)];
    let constants = vec![tensor("w", &[2, 18], &weight), tensor("b", &[2], &[0.25, -0.25])];
    let graph = read(file(vec![flatten, dense], constants), PLAIN).unwrap();
    assert_eq!(run(&graph, &IMAGE), [16.25, 2.75]);
}

#[test]
fn activations_sums_and_normalisation() {
    let constant = |name: &str, value: f32| proto::Node {
        attribute: vec![proto::Attribute {
            name: "value".to_owned(),
            t: Some(tensor("", &[], &[value])),
            ..proto::Attribute::default()
        }],
        ..node("Constant", &[], name)
    };
    let nodes = vec![
        constant("low", 0.0),
        constant("six", 6.0),
        node("Clip", &["image", "low", "six"], "clipped"),
        node("PRelu", &["image", "slope"], "bent"),
        node("Add", &["clipped", "bent"], "sum"),
        node("BatchNormalization", &["sum", "gamma", "beta", "mean", "variance"], "y"),
    ];
    let three = |name: &str, v: f32| tensor(name, &[3], &[v; 3]);
    let constants = vec![
        tensor("slope", &[3, 1, 1], &[0.5, 0.25, 0.0]),
        three("gamma", 2.0),
        three("beta", 1.0),
        three("mean", 0.0),
        three("variance", 1.0),
    ];
    let blue_first =
        Normalisation { bgr: true, mean: [10.0, 4.0, 0.0], deviation: [2.0, 1.0, 4.0] };
    let graph = read(file(nodes, constants), blue_first).unwrap();
    let y = run(&graph, &IMAGE);
    // First pixel 1, 2, 3 is blue 3, green 2, red 1: -3.5, -2, 0.25 after normalisation.
    let bent = [-1.75, -0.5, 0.25 + 0.25];
    let deviation = (1.0_f64 + 1e-5).sqrt();
    for (got, x) in y.iter().zip(bent) {
        assert!((f64::from(*got) - (2.0 * x / deviation + 1.0)).abs() < 1e-6, "{got} of {x}");
    }
    // Last pixel's blue 18 is 4 after normalisation, below the limit of 6: doubled.
    assert!((f64::from(y[15]) - (2.0 * 8.0 / deviation + 1.0)).abs() < 1e-5);
}

pub(super) fn refused(node: proto::Node, constants: Vec<proto::Tensor>) -> OnnxError {
    read(file(vec![node], constants), PLAIN).unwrap_err()
}

#[test]
fn rejects_decode() {
    assert!(matches!(decode(&[0xff; 9], None, PLAIN, None), Err(OnnxError::Decode(_))));
}

#[test]
fn rejects_read() {
    let error = from_onnx(Path::new("nowhere.onnx"), PLAIN).unwrap_err();
    // Callers name the file.
    assert!(
        matches!(error, OnnxError::Read(error) if error.kind() == std::io::ErrorKind::NotFound)
    );
}

#[test]
fn rejects_ends_and_output() {
    assert!(matches!(
        decode(&[], None, PLAIN, None),
        Err(OnnxError::Ends { inputs: 0, outputs: 0 })
    ));
    let error = refused(node("Relu", &["image"], "elsewhere"), Vec::new());
    assert!(matches!(error, OnnxError::Output { name } if name == "y"));
}

#[test]
fn rejects_input_shape() {
    for dims in [&[0, 3, 0, 3][..], &[0, 1, 2, 4], &[0, 0, 2, 3], &[3, 2, 3], &[]] {
        let mut file = file(vec![node("Relu", &["image"], "y")], Vec::new());
        file.input = vec![value("image", dims)];
        let error = read(file, PLAIN).unwrap_err();
        assert!(matches!(error, OnnxError::InputShape { shape, .. } if shape == dims));
    }
}

#[test]
fn rejects_op() {
    let error = refused(node("Sin", &["image"], "y"), Vec::new());
    assert!(matches!(error, OnnxError::Op { op, .. } if op == "Sin"));
}

#[test]
fn rejects_use() {
    let weights = || vec![tensor("w", &[1, 3, 1, 1], &[1.0; 3])];
    let with = |attribute| proto::Node {
        attribute: vec![attribute],
        ..node("Conv", &["image", "w"], "y")
    };
    for broken in [
        with(ints("dilations", &[2, 0])),
        with(ints("strides", &[1])),
        with(ints("pads", &[-1, 0, 0, 0])),
        with(int("group", 2)),
        with(proto::Attribute {
            name: "auto_pad".to_owned(),
            s: b"SAME".to_vec(),
            ..proto::Attribute::default()
        }),
        node("Conv", &["image"], "y"),
        node("Conv", &["later", "w"], "y"),
        node("Gemm", &["image", "w"], "y"),
        node("Constant", &[], "y"),
        node("Add", &["image", "later"], "y"),
        node("Reshape", &["image", "w"], "y"),
    ] {
        let error = refused(broken.clone(), weights());
        assert!(matches!(error, OnnxError::Use { .. }), "{broken:?}: {error}");
    }
}

#[test]
fn rejects_constant() {
    let short = tensor("w", &[1, 3, 1, 1], &[1.0; 2]);
    let error = refused(node("Conv", &["image", "w"], "y"), vec![short]);
    assert!(matches!(error, OnnxError::Constant { expected: 3, got: 2, .. }), "{error}");
}

#[test]
fn rejects_element_type() {
    let words = proto::Tensor { data_type: 8, ..tensor("w", &[1, 3, 1, 1], &[1.0; 3]) };
    let error = refused(node("Conv", &["image", "w"], "y"), vec![words]);
    assert!(matches!(error, OnnxError::ElementType { data_type: 8, .. }), "{error}");
}

#[test]
fn rejects_opset() {
    for (domain, version, known) in [("", 3, false), ("ai.onnx", 99, false), ("", 13, true)] {
        let set = proto::OperatorSet { domain: domain.to_owned(), version };
        let graph = Some(file(vec![node("Relu", &["image"], "y")], Vec::new()));
        let model = proto::Model { graph, opset_import: vec![set], ..proto::Model::default() };
        match decode(&model.encode_to_vec(), None, PLAIN, None) {
            Ok(_) => assert!(known),
            Err(error) => assert!(matches!(error, OnnxError::Opset { version: v } if v == version)),
        }
    }
}

#[test]
fn rejects_graph() {
    let weights = vec![tensor("w", &[1, 3, 1, 1], &[f32::NAN; 3])];
    let error = refused(node("Conv", &["image", "w"], "y"), weights);
    assert!(matches!(error, OnnxError::Graph(GraphError::ParameterValue { .. })), "{error}");
}
