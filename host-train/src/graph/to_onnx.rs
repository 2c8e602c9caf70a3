//! A graph as an ONNX file that other runtimes run: batches of any size, pixels from 0 to 255 in, embeddings out, or the
//! outputs by their names.
//!
//! The image's normalisation is in the file, as the first two nodes, so that nobody has to be told of it; the order of the colours is
//! not, and stands in the file's metadata as `input`. ONNX is NCHW, the graph HWC: weights of dense layers over more than one pixel are
//! laid out anew.

use super::{Conv2d, FullyConnected, Graph, GraphError, NodeId, Op, Output, Shape, proto};
use model_format::ColourOrder;
use prost::Message;

/// The operator set that the file is of.
const OPSET: i64 = 13;

/// The version of the file's own form which that set came with.
const IR_VERSION: i64 = 7;

const FLOAT: i32 = 1;
const INT64: i32 = 7;

/// The file's bytes; `metadata` is kept in it beside the colour order.
///
/// # Errors
/// As [`Graph::check`].
pub fn to_onnx(graph: &Graph, metadata: &[(&str, &str)]) -> Result<Vec<u8>, GraphError> {
    let shapes = graph.check()?;
    let mut writer = Writer { graph, shapes: &shapes, file: proto::Graph::default() };
    let mut names = Vec::with_capacity(graph.nodes.len());
    for index in 0..graph.nodes.len() {
        names.push(writer.node(index, &names));
    }
    let outputs = graph.outputs.iter().map(|output| writer.output(output, &names)).collect();
    let mut file = writer.file;
    let side = |extent: usize| extent as i64;
    let input = &graph.input;
    file.name = "face".to_owned();
    file.input = vec![value("image", &[3, side(input.height), side(input.width)])];
    file.output = outputs;
    let colour = match input.colour {
        ColourOrder::Rgb => "rgb",
        ColourOrder::Bgr => "bgr",
    };
    let entry = |(key, value): &(&str, &str)| proto::Entry {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    let model = proto::Model {
        ir_version: IR_VERSION,
        producer_name: "host-train".to_owned(),
        graph: Some(file),
        opset_import: vec![proto::OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: [("input", colour)].iter().chain(metadata).map(entry).collect(),
    };
    Ok(model.encode_to_vec())
}

struct Writer<'g> {
    graph: &'g Graph,
    shapes: &'g [Shape],
    file: proto::Graph,
}

impl Writer<'_> {
    /// Writes node `index`; `names` are those of the tensors before it. All tensors are of four dimensions.
    fn node(&mut self, index: usize, names: &[String]) -> String {
        let node = &self.graph.nodes[index];
        let of = |i: usize| &*names[node.inputs[i].0];
        let name = format!("{index}_{}", node.name);
        let constant = |what: &str| format!("{name}.{what}");
        match &node.op {
            Op::Input => {
                let input = &self.graph.input;
                self.floats("image.mean", &[1, 3, 1, 1], &input.mean);
                self.floats("image.scale", &[1, 3, 1, 1], &input.scale);
                self.add("Sub", &["image", "image.mean"], "image.centred", Vec::new());
                self.add("Mul", &["image.centred", "image.scale"], &name, Vec::new());
            }
            Op::Conv2d(conv) => {
                let [height, width] = conv.kernel;
                let weight = channels_first(&conv.weight, conv.in_per_group, height * width);
                let dims = [conv.out_channels, conv.in_per_group, height, width];
                self.floats(&constant("weight"), &dims, &weight);
                let mut inputs = vec![of(0).to_owned(), constant("weight")];
                if let Some(bias) = &conv.bias {
                    self.floats(&constant("bias"), &[bias.len()], bias);
                    inputs.push(constant("bias"));
                }
                self.add("Conv", &inputs, &name, conv_attributes(conv));
            }
            Op::BatchNorm(norm) => {
                let mut inputs = vec![of(0).to_owned()];
                for (what, values) in [
                    ("gamma", &norm.gamma),
                    ("beta", &norm.beta),
                    ("mean", &norm.mean),
                    ("variance", &norm.variance),
                ] {
                    self.floats(&constant(what), &[values.len()], values);
                    inputs.push(constant(what));
                }
                self.add(
                    "BatchNormalization",
                    &inputs,
                    &name,
                    vec![float("epsilon", norm.epsilon)],
                );
            }
            Op::Prelu { slope } => {
                self.floats(&constant("slope"), &[slope.len(), 1, 1], slope);
                self.add("PRelu", &[of(0), &constant("slope")], &name, Vec::new());
            }
            Op::Relu => self.add("Relu", &[of(0)], &name, Vec::new()),
            Op::Clip { low, high } => {
                let mut inputs = vec![of(0).to_owned()];
                for (what, limit) in [("low", *low), ("high", *high)] {
                    let given = limit.is_finite();
                    inputs.push(if given { constant(what) } else { String::new() });
                    if given {
                        self.floats(&constant(what), &[], &[limit]);
                    }
                }
                self.add("Clip", &inputs, &name, Vec::new());
            }
            Op::Add => self.add("Add", &[of(0), of(1)], &name, Vec::new()),
            Op::FullyConnected(dense) => self.dense(dense, node.inputs[0], of(0), &name),
            Op::MaxPool(pool) => {
                let attributes = vec![
                    ints("kernel_shape", &pool.kernel),
                    ints("strides", &pool.stride),
                    ints("pads", &pool.padding),
                ];
                self.add("MaxPool", &[of(0)], &name, attributes);
            }
            Op::GlobalAveragePool => self.add("GlobalAveragePool", &[of(0)], &name, Vec::new()),
            Op::Sigmoid => self.add("Sigmoid", &[of(0)], &name, Vec::new()),
            Op::HardSigmoid { alpha, beta } => {
                let attributes = vec![float("alpha", *alpha), float("beta", *beta)];
                self.add("HardSigmoid", &[of(0)], &name, attributes);
            }
            Op::HardSwish => {
                // An operation of its own from operator set 14 on.
                let gate = constant("gate");
                let attributes = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
                self.add("HardSigmoid", &[of(0)], &gate, attributes);
                self.add("Mul", &[of(0), &gate], &name, Vec::new());
            }
            Op::Concat => self.add("Concat", &[of(0), of(1)], &name, vec![int("axis", 1)]),
            Op::Upsample { factor } => {
                let [down, right] = factor.map(|factor| factor as f32);
                self.floats(&constant("scales"), &[4], &[1.0, 1.0, down, right]);
                let inputs = [of(0).to_owned(), String::new(), constant("scales")];
                let attributes = vec![
                    text("mode", "nearest"),
                    text("coordinate_transformation_mode", "asymmetric"),
                    text("nearest_mode", "floor"),
                ];
                self.add("Resize", &inputs, &name, attributes);
            }
            Op::ScaleChannels => self.add("Mul", &[of(0), of(1)], &name, Vec::new()),
        }
        name
    }

    /// Brings an output to batch x values, or where it has more than one pixel to batch x pixels x channels.
    fn output(&mut self, output: &Output, names: &[String]) -> proto::ValueInfo {
        let (tensor, name) = (&names[output.node.0], &output.name);
        let Shape { height, width, channels } = self.shapes[output.node.0];
        if (height, width) == (1, 1) {
            self.add("Flatten", &[tensor], name, vec![int("axis", 1)]);
            return value(name, &[channels as i64]);
        }
        let (last, shape) = (format!("{name}.channels_last"), format!("{name}.shape"));
        self.add("Transpose", &[tensor], &last, vec![ints("perm", &[0, 2, 3, 1])]);
        let to = [(height * width) as i64, channels as i64];
        self.longs(&shape, &[0, to[0], to[1]]);
        self.add("Reshape", &[last, shape], name, Vec::new());
        value(name, &to)
    }

    /// Over the flattened operand, and back to four dimensions.
    fn dense(&mut self, dense: &FullyConnected, from: NodeId, operand: &str, name: &str) {
        let Shape { height, width, channels } = self.shapes[from.0];
        let (flat, product) = (format!("{name}.flat"), format!("{name}.product"));
        let (weight, shape) = (format!("{name}.weight"), format!("{name}.shape"));
        let values = channels_first(&dense.weight, channels, height * width);
        let inputs = height * width * channels;
        self.floats(&weight, &[dense.out_features, inputs], &values);
        self.add("Flatten", &[operand], &flat, vec![int("axis", 1)]);
        let mut operands = vec![flat, weight];
        if let Some(bias) = &dense.bias {
            operands.push(format!("{name}.bias"));
            self.floats(&format!("{name}.bias"), &[bias.len()], bias);
        }
        self.add("Gemm", &operands, &product, vec![int("transB", 1)]);
        self.longs(&shape, &[0, dense.out_features as i64, 1, 1]);
        self.add("Reshape", &[product, shape], name, Vec::new());
    }

    fn add<I: AsRef<str>>(
        &mut self,
        op: &str,
        inputs: &[I],
        output: &str,
        attribute: Vec<proto::Attribute>,
    ) {
        self.file.node.push(proto::Node {
            input: inputs.iter().map(|input| input.as_ref().to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op.to_owned(),
            attribute,
        });
    }

    fn longs(&mut self, name: &str, values: &[i64]) {
        self.file.initializer.push(proto::Tensor {
            dims: vec![values.len() as i64],
            data_type: INT64,
            name: name.to_owned(),
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..proto::Tensor::default()
        });
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.file.initializer.push(proto::Tensor {
            dims: dims.iter().map(|&extent| extent as i64).collect(),
            data_type: FLOAT,
            name: name.to_owned(),
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..proto::Tensor::default()
        });
    }
}

fn conv_attributes(conv: &Conv2d) -> Vec<proto::Attribute> {
    vec![
        ints("kernel_shape", &conv.kernel),
        ints("strides", &conv.stride),
        ints("pads", &conv.padding),
        int("group", conv.groups as i64),
    ]
}

/// `[out][pixel][channel]` to `[out][channel][pixel]`.
fn channels_first(weight: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let rows = weight.chunks_exact(channels * pixels);
    rows.flat_map(|row| {
        (0..channels).flat_map(move |c| (0..pixels).map(move |p| row[p * channels + c]))
    })
    .collect()
}

/// A batch of f32 tensors.
fn value(name: &str, dims: &[i64]) -> proto::ValueInfo {
    let batch = proto::Dimension { dim_value: 0, dim_param: "batch".to_owned() };
    let known = |&dim_value: &i64| proto::Dimension { dim_value, dim_param: String::new() };
    let dim = core::iter::once(batch).chain(dims.iter().map(known)).collect();
    let shape = Some(proto::TensorShape { dim });
    let tensor_type = Some(proto::TensorType { elem_type: FLOAT, shape });
    proto::ValueInfo { name: name.to_owned(), r#type: Some(proto::Type { tensor_type }) }
}

fn float(name: &str, f: f32) -> proto::Attribute {
    proto::Attribute { name: name.to_owned(), f, kind: 1, ..proto::Attribute::default() }
}

fn text(name: &str, text: &str) -> proto::Attribute {
    let s = text.as_bytes().to_vec();
    proto::Attribute { name: name.to_owned(), s, kind: 3, ..proto::Attribute::default() }
}

fn int(name: &str, i: i64) -> proto::Attribute {
    proto::Attribute { name: name.to_owned(), i, kind: 2, ..proto::Attribute::default() }
}

fn ints(name: &str, values: &[usize]) -> proto::Attribute {
    let ints = values.iter().map(|&value| value as i64).collect();
    proto::Attribute { name: name.to_owned(), ints, kind: 7, ..proto::Attribute::default() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Executor, Input, MaxPool, Normalisation, fold, from_onnx, random};

    /// Written, read back, and the same embeddings.
    fn assert_comes_back(graph: &Graph) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("network.onnx");
        std::fs::write(&path, to_onnx(graph, &[("seed", "7")]).unwrap()).unwrap();
        // What the file does not say is what order its colours are in; it subtracts and scales itself.
        let bgr = graph.input.colour == ColourOrder::Bgr;
        let pixels = Normalisation { bgr, mean: [0.0; 3], deviation: [1.0; 3] };
        let read = from_onnx(&path, pixels).unwrap();
        let Input { height, width, .. } = graph.input;
        let images = random::images(3, height, width, 4);
        let run = |graph: &Graph| -> Vec<f32> {
            let executor = Executor::new(graph).unwrap();
            images.iter().flat_map(|image| executor.run(image).unwrap().concat()).collect()
        };
        assert_eq!(run(&read).len(), run(graph).len());
        for (got, expected) in run(&read).iter().zip(run(graph)) {
            assert!((got - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{got} {expected}");
        }
        let count = |graph: &Graph| (graph.nodes.len(), graph.parameters());
        assert_eq!(count(&read), count(graph));
    }

    #[test]
    fn networks_come_back() {
        for seed in 0..3 {
            let graph = random::small(seed);
            assert_comes_back(&graph);
            assert_comes_back(&fold(&graph).unwrap());
        }
    }

    /// What MobileFaceNets lack: uneven padding, pooling, gates, limits, dense layers over images, the other colour order.
    #[test]
    fn the_other_operations_come_back() {
        let mut builder = random::Builder::new(9, 8, 2);
        builder.graph.input.colour = ColourOrder::Bgr;
        builder.graph.input.mean = [100.0, 120.0, 140.0];
        let x = builder.conv(NodeId(0), 6, 3, 1, 1);
        let graph = &mut builder.graph;
        if let Op::Conv2d(conv) = &mut graph.nodes[x.0].op {
            conv.padding = [0, 1, 2, 3];
            conv.bias = Some(vec![0.5, -0.5, 0.1, 0.2, 0.3, -0.1]);
        }
        let x = graph.push("clip", Op::Clip { low: f32::NEG_INFINITY, high: 1.5 }, [x]);
        let pool = MaxPool { kernel: [3, 2], stride: [2, 1], padding: [1, 1, 0, 0] };
        let pooled = graph.push("pool", Op::MaxPool(pool), [x]);
        let mean = graph.push("mean", Op::GlobalAveragePool, [pooled]);
        let gate = graph.push("gate", Op::Sigmoid, [mean]);
        let scaled = graph.push("scaled", Op::ScaleChannels, [pooled, gate]);
        let relu = graph.push("relu", Op::Relu, [scaled]);
        let sum = graph.push("sum", Op::Add, [relu, pooled]);
        let dense = builder.dense(sum, 5);
        let bent = builder.prelu(dense);
        builder.norm(bent);
        assert_comes_back(&builder.graph);
    }

    #[test]
    fn several_outputs_come_back_by_name() {
        let mut builder = random::Builder::new(8, 6, 2);
        let x = builder.conv(NodeId(0), 4, 3, 2, 1);
        let deep = builder.conv(x, 4, 3, 1, 1);
        let graph = &mut builder.graph;
        let hard = graph.push("hard", Op::HardSigmoid { alpha: 0.3, beta: 0.4 }, [deep]);
        let large = graph.push("large", Op::Upsample { factor: [2, 2] }, [hard]);
        let image = graph.push("image", Op::Relu, [NodeId(0)]);
        let both = graph.push("both", Op::Concat, [large, image]);
        let mean = graph.push("mean", Op::GlobalAveragePool, [both]);
        let output = |name: &str, node| Output { name: name.to_owned(), node };
        graph.outputs = vec![output("maps", both), output("mean", mean)];
        assert_comes_back(graph);
        let file = to_onnx(graph, &[]).unwrap();
        let file = proto::Model::decode(&file[..]).unwrap().graph.unwrap();
        let names: Vec<&str> = file.output.iter().map(|output| &*output.name).collect();
        assert_eq!(names, ["maps", "mean"]);
        assert_eq!(file.output[0], value("maps", &[48, 7]));
    }
}
