//! Proof that a graph is well formed: input, order, output, and every node by itself. Whatever passes here runs in the
//! executor without a panic.

use super::shape::MAX_EXTENT;
use super::{Graph, GraphError, Op, Output, Shape};

impl Graph {
    /// Checks the whole graph; returns the shape of every node's tensor, in node order.
    ///
    /// # Errors
    /// The first fault in execution order, naming the node.
    pub fn check(&self) -> Result<Vec<Shape>, GraphError> {
        self.check_input()?;
        if self.outputs.is_empty() {
            return Err(GraphError::NoOutput);
        }
        for (index, Output { name, node }) in self.outputs.iter().enumerate() {
            if name.is_empty() || self.outputs[..index].iter().any(|other| other.name == *name) {
                return Err(GraphError::OutputName(name.clone()));
            }
            if node.0 >= self.nodes.len() {
                return Err(GraphError::NoSuchOutput { output: *node, nodes: self.nodes.len() });
            }
        }
        let mut shapes = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            if (index == 0) != matches!(node.op, Op::Input) {
                return Err(GraphError::MisplacedInput { node: node.name.clone() });
            }
            let operands = node.operands(&shapes)?;
            shapes.push(match &node.op {
                Op::Input => {
                    Shape { height: self.input.height, width: self.input.width, channels: 3 }
                }
                _ => node.shape(&operands)?,
            });
        }
        Ok(shapes)
    }

    fn check_input(&self) -> Result<(), GraphError> {
        let input = &self.input;
        let sides = 1..=MAX_EXTENT;
        if !sides.contains(&input.height) || !sides.contains(&input.width) {
            return Err(GraphError::BadInput("height or width"));
        }
        if !input.mean.iter().all(|mean| mean.is_finite()) {
            return Err(GraphError::BadInput("mean"));
        }
        if !input.scale.iter().all(|s| s.is_finite() && *s != 0.0) {
            return Err(GraphError::BadInput("scale"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::random::Builder;
    use crate::graph::{BatchNorm, Conv2d, FullyConnected, Input, MaxPool, NodeId};
    use model_format::ColourOrder;

    fn conv(channels: usize, outs: usize) -> Conv2d {
        Conv2d {
            weight: vec![1.0; outs * 9 * channels],
            bias: None,
            out_channels: outs,
            in_per_group: channels,
            kernel: [3, 3],
            stride: [2, 1],
            padding: [1, 1, 0, 2],
            groups: 1,
        }
    }

    /// The error of a graph of one node after a 6x5 image.
    fn error(op: Op, inputs: &[NodeId]) -> GraphError {
        let mut graph = Builder::new(6, 5, 1).graph;
        graph.push("faulty", op, inputs);
        graph.check().expect_err("the node is faulty")
    }

    const IMAGE: &[NodeId] = &[NodeId(0)];

    #[test]
    fn shapes_follow_stride_and_uneven_padding() {
        let mut graph = Builder::new(6, 5, 1).graph;
        let x = graph.push("conv", Op::Conv2d(conv(3, 4)), IMAGE);
        graph.push("relu", Op::Relu, [x]);
        let shapes = graph.check().expect("well formed");
        // Rows (6 + 1 + 0 - 3) / 2 + 1, columns (5 + 1 + 2 - 3) / 1 + 1.
        assert_eq!(shapes[2].to_string(), "3x6x4");
        assert_eq!(graph.macs(), Ok(3 * 6 * 4 * 27));
        assert_eq!(graph.parameters(), 4 * 27);
    }

    #[test]
    fn rejects_a_second_input_and_a_missing_one() {
        let node = "faulty".to_owned();
        assert_eq!(error(Op::Input, &[]), GraphError::MisplacedInput { node });
        let mut graph = Builder::new(6, 5, 1).graph;
        graph.nodes[0].op = Op::Relu;
        let node = "input".to_owned();
        assert_eq!(graph.check(), Err(GraphError::MisplacedInput { node }));
    }

    #[test]
    fn rejects_an_output_that_is_no_node() {
        let mut graph = Builder::new(6, 5, 1).graph;
        graph.outputs.clear();
        assert_eq!(graph.check(), Err(GraphError::NoOutput));
        graph.embed_at(NodeId(3));
        let expected = GraphError::NoSuchOutput { output: NodeId(3), nodes: 1 };
        assert_eq!(graph.check(), Err(expected));
    }

    #[test]
    fn rejects_outputs_that_cannot_be_told_apart() {
        let mut graph = Builder::new(6, 5, 1).graph;
        graph.outputs.push(graph.outputs[0].clone());
        assert_eq!(graph.check(), Err(GraphError::OutputName("embedding".to_owned())));
        graph.outputs[1].name.clear();
        assert_eq!(graph.check(), Err(GraphError::OutputName(String::new())));
        graph.outputs[1].name.push_str("other");
        assert!(graph.check().is_ok());
    }

    #[test]
    fn channels_add_up_and_sides_grow() {
        let mut graph = Builder::new(6, 5, 1).graph;
        let x = graph.push("conv", Op::Conv2d(conv(3, 4)), IMAGE);
        let large = graph.push("large", Op::Upsample { factor: [2, 3] }, [x]);
        let both = graph.push("both", Op::Concat, [large, large]);
        let shapes = graph.check().expect("well formed");
        assert_eq!(
            (shapes[2].to_string(), shapes[3].to_string()),
            ("6x18x4".into(), "6x18x8".into())
        );
        graph.push("mixed", Op::Concat, [both, x]);
        let error = graph.check().expect_err("pixels differ");
        assert!(matches!(error, GraphError::Mismatch { op: "Concat", .. }), "{error}");
    }

    #[test]
    fn rejects_factors_and_slopes_that_mean_nothing() {
        for factor in [[0, 1], [1, usize::MAX], [MAX_EXTENT, 1]] {
            let error = error(Op::Upsample { factor }, IMAGE);
            assert!(matches!(error, GraphError::Factor { .. }), "{error}");
        }
        let error = error(Op::HardSigmoid { alpha: f32::NAN, beta: 0.0 }, IMAGE);
        assert!(matches!(error, GraphError::ParameterValue { index: 0, .. }), "{error}");
    }

    #[test]
    fn rejects_a_bad_input_description() {
        let good = Input {
            height: 2,
            width: 2,
            colour: ColourOrder::Rgb,
            mean: [0.0; 3],
            scale: [1.0; 3],
        };
        let check = |change: &dyn Fn(&mut Input)| {
            let mut input = good.clone();
            change(&mut input);
            Graph::new(input).check().map(|_| ())
        };
        assert_eq!(check(&|_| {}), Ok(()));
        let size = Err(GraphError::BadInput("height or width"));
        assert_eq!(check(&|input| input.height = 0), size);
        assert_eq!(check(&|input| input.width = usize::MAX), size);
        let mean = Err(GraphError::BadInput("mean"));
        assert_eq!(check(&|input| input.mean[1] = f32::NAN), mean);
        let scale = Err(GraphError::BadInput("scale"));
        assert_eq!(check(&|input| input.scale[2] = 0.0), scale);
    }

    #[test]
    fn rejects_a_wrong_operand_count() {
        let expected =
            GraphError::Operands { node: "faulty".to_owned(), op: "Add", expected: 2, got: 1 };
        assert_eq!(error(Op::Add, IMAGE), expected);
    }

    #[test]
    fn rejects_an_operand_that_is_not_earlier() {
        let expected = GraphError::NotEarlier { node: "faulty".to_owned(), operand: NodeId(1) };
        assert_eq!(error(Op::Relu, &[NodeId(1)]), expected);
    }

    #[test]
    fn rejects_a_parameter_of_the_wrong_length() {
        let length = |parameter, expected, got| GraphError::ParameterLength {
            node: "faulty".to_owned(),
            parameter,
            expected,
            got,
        };
        let slope = vec![0.1; 4];
        assert_eq!(error(Op::Prelu { slope }, IMAGE), length("slope", 3, 4));
        let mut short = conv(3, 4);
        short.weight.pop();
        assert_eq!(error(Op::Conv2d(short), IMAGE), length("weight", 108, 107));
        let empty = FullyConnected { weight: Vec::new(), bias: None, out_features: 0 };
        let error = error(Op::FullyConnected(empty), IMAGE);
        assert_eq!(error, length("weight", 90, 0));
    }

    #[test]
    fn rejects_values_that_are_not_numbers_and_negative_variances() {
        let value = |parameter, index, value| GraphError::ParameterValue {
            node: "faulty".to_owned(),
            parameter,
            index,
            value,
        };
        let mut infinite = conv(3, 4);
        infinite.bias = Some(vec![0.0, 0.0, f32::INFINITY, 0.0]);
        let got = error(Op::Conv2d(infinite), IMAGE);
        assert_eq!(got, value("bias", 2, f32::INFINITY));
        let norm = BatchNorm {
            gamma: vec![1.0; 3],
            beta: vec![0.0; 3],
            mean: vec![0.0; 3],
            variance: vec![1.0, -0.5, 1.0],
            epsilon: 1e-5,
        };
        let got = error(Op::BatchNorm(norm), IMAGE);
        assert_eq!(got, value("variance", 1, -0.5));
    }

    #[test]
    fn rejects_channels_that_do_not_fit() {
        let expected = GraphError::Channels {
            node: "faulty".to_owned(),
            groups: 1,
            in_per_group: 2,
            out_channels: 4,
            channels: 3,
        };
        assert_eq!(error(Op::Conv2d(conv(2, 4)), IMAGE), expected);
    }

    #[test]
    fn rejects_a_window_larger_than_its_operand() {
        let mut large = conv(3, 4);
        large.kernel = [3, 9];
        let expected = GraphError::Window {
            node: "faulty".to_owned(),
            kernel: [3, 9],
            stride: [2, 1],
            padding: [1, 1, 0, 2],
            operand: Shape { height: 6, width: 5, channels: 3 },
        };
        assert_eq!(error(Op::Conv2d(large.clone()), IMAGE), expected);
        large.stride = [0, 1];
        let got = error(Op::Conv2d(large), IMAGE);
        assert!(matches!(got, GraphError::Window { stride: [0, 1], .. }));
    }

    #[test]
    fn rejects_a_sum_of_different_shapes() {
        let mut graph = Builder::new(6, 5, 1).graph;
        let x = graph.push("conv", Op::Conv2d(conv(3, 3)), IMAGE);
        graph.push("faulty", Op::Add, [NodeId(0), x]);
        let error = graph.check().expect_err("shapes differ");
        let expected = "node faulty: Add cannot take operands of 6x5x3 and 3x6x3";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn rejects_a_gate_that_is_not_one_pixel_of_the_same_channels() {
        for channels in [3, 4] {
            let mut graph = Builder::new(6, 5, 1).graph;
            let x = graph.push("conv", Op::Conv2d(conv(3, channels)), IMAGE);
            let mean = graph.push("mean", Op::GlobalAveragePool, [x]);
            let gate = if channels == 3 { x } else { mean };
            graph.push("faulty", Op::ScaleChannels, [NodeId(0), gate]);
            let error = graph.check().expect_err("no gate of the image");
            assert!(matches!(error, GraphError::Mismatch { op: "ScaleChannels", .. }), "{error}");
        }
    }

    #[test]
    fn pools_have_the_shapes_of_their_windows() {
        let mut graph = Builder::new(7, 6, 1).graph;
        let pool = MaxPool { kernel: [3; 2], stride: [2; 2], padding: [1; 4] };
        let x = graph.push("max", Op::MaxPool(pool), IMAGE);
        let mean = graph.push("mean", Op::GlobalAveragePool, [x]);
        let gate = graph.push("sigmoid", Op::Sigmoid, [mean]);
        graph.push("scaled", Op::ScaleChannels, [x, gate]);
        let shapes = graph.check().expect("well formed");
        let shapes: Vec<String> = shapes.iter().map(ToString::to_string).collect();
        assert_eq!(shapes[1..], ["4x3x3", "1x1x3", "1x1x3", "4x3x3"]);
        assert_eq!((graph.macs(), graph.parameters()), (Ok(0), 0));
    }

    #[test]
    fn rejects_a_maximum_of_padding_alone() {
        let pool = MaxPool { kernel: [2, 3], stride: [1; 2], padding: [1, 1, 2, 1] };
        let error = error(Op::MaxPool(pool), IMAGE);
        assert!(matches!(error, GraphError::Window { padding: [1, 1, 2, 1], .. }), "{error}");
    }
}
