//! Why an ONNX file is not usable here; every message names the node.

use crate::graph::GraphError;

/// Why an ONNX file is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The file could not be read.
    #[error(transparent)]
    Read(std::io::Error),
    /// The bytes are not an ONNX model.
    #[error("not an ONNX model: {0}")]
    Decode(#[from] prost::DecodeError),
    /// No graph, or not one image in, or nothing out.
    #[error(
        "the model has {inputs} inputs and {outputs} outputs: one image in, and at least one tensor out is needed"
    )]
    Ends {
        /// Inputs that are not constants.
        inputs: usize,
        /// Outputs.
        outputs: usize,
    },
    /// No node makes this output, or what makes it is only known inside a network.
    #[error("output {name} is no tensor that a node makes of the image")]
    Output {
        /// The output's name.
        name: String,
    },
    /// The input is no batch of colour images.
    #[error(
        "input {name} has shape {shape:?}: batch x 3 x height x width is needed, with height and width known or given (--size)"
    )]
    InputShape {
        /// The input's name.
        name: String,
        /// Its shape, 0 where it is open.
        shape: Vec<i64>,
    },
    /// An operation that no face network seen so far has needed.
    #[error(
        "node {node}: {op} is not known here; export the network in inference mode, or without it"
    )]
    Op {
        /// The node's name.
        node: String,
        /// Its operation.
        op: String,
    },
    /// A known operation, used in a way that is not.
    #[error("node {node} ({op}): {what}")]
    Use {
        /// The node's name.
        node: String,
        /// Its operation.
        op: String,
        /// What is not supported, or missing.
        what: &'static str,
    },
    /// The operator set is too old or too new.
    #[error("the file is of operator set {version}: export it with one from 9 to 21")]
    Opset {
        /// What the file says.
        version: i64,
    },
    /// Numbers of a type that no weight has.
    #[error(
        "node {node}: constant {name} is of ONNX's type {data_type}: float, double, float16 and bfloat16 are known here"
    )]
    ElementType {
        /// The node's name.
        node: String,
        /// The constant's name.
        name: String,
        /// ONNX's number of the element type.
        data_type: i32,
    },
    /// Weights that lie beside the file can't be read.
    #[error("node {node}: constant {name} lies in another file: {what}")]
    External {
        /// The node's name.
        node: String,
        /// The constant's name.
        name: String,
        /// What is wrong with that file.
        what: String,
    },
    /// A constant is not what the node needs.
    #[error("node {node}: constant {name} has {got} values, {expected} are needed")]
    Constant {
        /// The node's name.
        node: String,
        /// The constant's name.
        name: String,
        /// Values needed.
        expected: usize,
        /// Values there.
        got: usize,
    },
    /// The graph that the file makes is not sound.
    #[error(transparent)]
    Graph(#[from] GraphError),
}
