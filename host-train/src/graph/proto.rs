//! The part of ONNX's protobuf messages that networks of faces use; fields as numbered in `onnx.proto` (IR version 3 on).

/// A file.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Model {
    #[prost(int64, tag = "1")]
    pub(in crate::graph) ir_version: i64,
    #[prost(string, tag = "2")]
    pub(in crate::graph) producer_name: String,
    #[prost(message, optional, tag = "7")]
    pub(in crate::graph) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(in crate::graph) opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub(in crate::graph) metadata_props: Vec<Entry>,
}

/// Which version of its operations a file means.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub(in crate::graph) domain: String,
    #[prost(int64, tag = "2")]
    pub(in crate::graph) version: i64,
}

/// Nodes in an order in which they can run, and the constants they read.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::graph) node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub(in crate::graph) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(in crate::graph) initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(in crate::graph) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(in crate::graph) output: Vec<ValueInfo>,
}

/// An operation on named values.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::graph) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(in crate::graph) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(in crate::graph) name: String,
    #[prost(string, tag = "4")]
    pub(in crate::graph) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(in crate::graph) attribute: Vec<Attribute>,
}

/// A setting of a node.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Attribute {
    #[prost(string, tag = "1")]
    pub(in crate::graph) name: String,
    #[prost(float, tag = "2")]
    pub(in crate::graph) f: f32,
    #[prost(int64, tag = "3")]
    pub(in crate::graph) i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub(in crate::graph) s: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub(in crate::graph) t: Option<Tensor>,
    #[prost(float, repeated, packed = "false", tag = "7")]
    pub(in crate::graph) floats: Vec<f32>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub(in crate::graph) ints: Vec<i64>,
    /// Which of these it has: 1 for `f`, 2 for `i`, 7 for `ints`.
    #[prost(int32, tag = "20")]
    pub(in crate::graph) kind: i32,
}

/// Constants, in one of several places.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(in crate::graph) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(in crate::graph) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(in crate::graph) float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(in crate::graph) int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub(in crate::graph) int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(in crate::graph) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(in crate::graph) raw_data: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    pub(in crate::graph) double_data: Vec<f64>,
    #[prost(message, repeated, tag = "13")]
    pub(in crate::graph) external_data: Vec<Entry>,
    #[prost(int32, tag = "14")]
    pub(in crate::graph) data_location: i32,
}

/// A setting and its text.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Entry {
    #[prost(string, tag = "1")]
    pub(in crate::graph) key: String,
    #[prost(string, tag = "2")]
    pub(in crate::graph) value: String,
}

/// The network's input or output.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(in crate::graph) name: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::graph) r#type: Option<Type>,
}

/// Type of a value.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(in crate::graph) tensor_type: Option<TensorType>,
}

/// Element type and shape.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct TensorType {
    /// 1 for f32.
    #[prost(int32, tag = "1")]
    pub(in crate::graph) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(in crate::graph) shape: Option<TensorShape>,
}

/// Extents.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::graph) dim: Vec<Dimension>,
}

/// One extent: a number or a name.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::graph) struct Dimension {
    #[prost(int64, tag = "1")]
    pub(in crate::graph) dim_value: i64,
    #[prost(string, tag = "2")]
    pub(in crate::graph) dim_param: String,
}
