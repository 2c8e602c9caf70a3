//! What can be wrong with a float graph, or with an image given to it. Every variant names the node and the numbers.

use super::{NodeId, Shape};

/// Why a graph, or an image given to it, is not usable.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Node 0 is not the input, or another node is.
    #[error("node {node}: the input must be the first node and no other")]
    MisplacedInput {
        /// The offending node's name.
        node: String,
    },
    /// The graph is asked for nothing.
    #[error("the graph has no output")]
    NoOutput,
    /// Two outputs cannot be told apart, or one has no name.
    #[error("there are two outputs named `{0}`, or one without a name")]
    OutputName(String),
    /// An output names a node that does not exist.
    #[error("an output is node {output}, but the graph has {nodes} nodes")]
    NoSuchOutput {
        /// The named node.
        output: NodeId,
        /// Nodes in the graph.
        nodes: usize,
    },
    /// The input description has a zero or huge side, a value that is not finite, or a zero scale.
    #[error(
        "the input description is unusable: {0}; give sides from 1 to 1048576, finite means, finite non-zero scales"
    )]
    BadInput(&'static str),
    /// A node has too few or too many operands.
    #[error("node {node}: {op} takes {expected} operands, got {got}")]
    Operands {
        /// The node's name.
        node: String,
        /// Its operation.
        op: &'static str,
        /// Operands that the operation takes.
        expected: usize,
        /// Operands given.
        got: usize,
    },
    /// An operand is not an earlier node.
    #[error(
        "node {node}: operand {operand} is not an earlier node; sort the graph by execution order"
    )]
    NotEarlier {
        /// The node's name.
        node: String,
        /// The operand.
        operand: NodeId,
    },
    /// A parameter has the wrong number of values.
    #[error("node {node}: {parameter} has {got} values, expected {expected}")]
    ParameterLength {
        /// The node's name.
        node: String,
        /// Which parameter.
        parameter: &'static str,
        /// Values that the node's shape asks for.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A parameter holds a value outside its range.
    #[error(
        "node {node}: {parameter}[{index}] is {value}; weights must be finite, variances not negative"
    )]
    ParameterValue {
        /// The node's name.
        node: String,
        /// Which parameter.
        parameter: &'static str,
        /// Position in it.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A convolution's channels do not agree with its operand.
    #[error(
        "node {node}: {groups} groups of {in_per_group} input channels and {out_channels} outputs do not fit an operand of {channels} channels"
    )]
    Channels {
        /// The node's name.
        node: String,
        /// Groups.
        groups: usize,
        /// Input channels a group.
        in_per_group: usize,
        /// Output channels.
        out_channels: usize,
        /// The operand's channels.
        channels: usize,
    },
    /// A window is empty, huge, or larger than its padded operand; or a maximum's padding is as large as its kernel.
    #[error(
        "node {node}: kernel {kernel:?}, stride {stride:?}, padding {padding:?} do not fit an operand of {operand}"
    )]
    Window {
        /// The node's name.
        node: String,
        /// Height, width.
        kernel: [usize; 2],
        /// Vertical, horizontal.
        stride: [usize; 2],
        /// Top, left, bottom, right.
        padding: [usize; 4],
        /// The operand's shape.
        operand: Shape,
    },
    /// A factor of an enlargement is zero, or makes a side huge.
    #[error("node {node}: an operand of {operand} cannot be enlarged by {factor:?}")]
    Factor {
        /// The node's name.
        node: String,
        /// Rows, columns.
        factor: [usize; 2],
        /// The operand's shape.
        operand: Shape,
    },
    /// The two operands of an addition differ in shape, those of a channel scaling in channels, or those of a concatenation in
    /// pixels.
    #[error("node {node}: {op} cannot take operands of {left} and {right}")]
    Mismatch {
        /// The node's name.
        node: String,
        /// Its operation.
        op: &'static str,
        /// First operand.
        left: Shape,
        /// Second operand.
        right: Shape,
    },
    /// An image is not of the input's size.
    #[error("an image has {got} bytes, the network's input takes {expected} (height x width x 3)")]
    ImageLength {
        /// Bytes of the input.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
}
