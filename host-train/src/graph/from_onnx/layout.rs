//! Nodes that compute nothing of their own: they move channels, flatten, name, or end the network.

use super::{Builder, OnnxError, Value, attribute, is_vector, proto, unusable};
use crate::graph::NodeId;

impl Builder<'_> {
    /// What a node gives that computes nothing of its own.
    pub(super) fn passed_on(&self, node: &proto::Node) -> Result<Option<Value>, OnnxError> {
        let (op, first) = (node.op_type.as_str(), self.value(node, 0));
        match (op, first) {
            ("Transpose", Some(value)) => return self.transposed(node, value).map(Some),
            ("Softmax", Some(value)) => return self.shares(node, value).map(Some),
            ("Reshape", Some(Value::ChannelsLast(x))) => {
                return self.pixels_in_a_row(node, x).map(Some);
            }
            ("Identity" | "Cast", Some(value)) => return Ok(Some(value)),
            ("Clip" | "Max" | "Expand", Some(Value::Length(of))) => {
                return Ok(Some(Value::Length(of)));
            }
            ("Div", Some(Value::Tensor(x))) => {
                if matches!(self.value(node, 1), Some(Value::Length(of)) if of == x) {
                    return Ok(Some(Value::Direction(x)));
                }
                return Ok(None);
            }
            _ => {}
        }
        let x = match op {
            "Dropout" | "Flatten" | "Reshape" | "Squeeze" | "Pad" | "ReduceL2"
            | "LpNormalization" => self.operand(node, 0)?,
            _ => return Ok(None),
        };
        let is_vector = is_vector(self.shapes[x.0]);
        match op {
            "Flatten" if attribute(node, "axis").is_some_and(|a| a.i != 1) => {
                Err(unusable(node, "only axis 1, which keeps the images apart, is known here"))
            }
            "Reshape" => self.reshaped(node, x).map(Some),
            "Squeeze" if !is_vector => {
                Err(unusable(node, "there is more than one pixel to squeeze"))
            }
            "ReduceL2" | "LpNormalization" if !is_vector => {
                Err(unusable(node, "lengths of other than embeddings are not known here"))
            }
            "LpNormalization" if attribute(node, "p").is_some_and(|p| p.i != 2) => {
                Err(unusable(node, "only p = 2 is known here"))
            }
            "Pad" => Ok(Some(Value::Padded(x, self.zeros_around(node)?))),
            "ReduceL2" => Ok(Some(Value::Length(x))),
            "LpNormalization" => Ok(Some(Value::Direction(x))),
            _ => Ok(Some(Value::Tensor(x))),
        }
    }

    /// `Transpose`, of channels to the front as an image needs it, or to the end as a detector's outputs do.
    fn transposed(&self, node: &proto::Node, value: Value) -> Result<Value, OnnxError> {
        let order = attribute(node, "perm").map_or(&[][..], |perm| &perm.ints);
        match (value, order) {
            (Value::ChannelsLast(x), [0, 3, 1, 2]) => Ok(Value::Tensor(x)),
            (Value::Tensor(x), [0, 2, 3, 1]) => Ok(Value::ChannelsLast(x)),
            _ => Err(unusable(
                node,
                "only an image's channels may be moved, to the front or the end",
            )),
        }
    }

    /// `Reshape`, to a vector an image, or to the same one with a pixel's two dimensions.
    fn reshaped(&self, node: &proto::Node, x: NodeId) -> Result<Value, OnnxError> {
        match self.list(node, "shape", 1)?[..] {
            [_, _] => Ok(Value::Tensor(x)),
            [_, _, 1.0, 1.0] if is_vector(self.shapes[x.0]) => Ok(Value::Tensor(x)),
            _ => Err(unusable(node, "only a reshape to batch x values is known here")),
        }
    }

    /// `Reshape` of an image with its channels last to batch x pixels x channels, which is how it lies anyway.
    fn pixels_in_a_row(&self, node: &proto::Node, x: NodeId) -> Result<Value, OnnxError> {
        let shape = self.shapes[x.0];
        let is = |stated: f32, extent: usize| stated == -1.0 || stated == extent as f32;
        match self.list(node, "shape", 1)?[..] {
            [_, rows, columns]
                if is(rows, shape.height * shape.width) && is(columns, shape.channels) =>
            {
                Ok(Value::ChannelsLast(x))
            }
            _ => Err(unusable(node, "only a reshape to batch x pixels x channels is known here")),
        }
    }

    /// `Softmax` over channels.
    fn shares(&self, node: &proto::Node, value: Value) -> Result<Value, OnnxError> {
        // Where no axis is given, old operator sets mean the first after the batch, new ones the last: of a vector, both.
        let axis = attribute(node, "axis").map(|axis| axis.i);
        match (value, axis) {
            (Value::Tensor(x), Some(1)) | (Value::ChannelsLast(x), Some(-1)) => {
                Ok(Value::Softmax(x))
            }
            (Value::Tensor(x), None | Some(-1)) if is_vector(self.shapes[x.0]) => {
                Ok(Value::Softmax(x))
            }
            _ => Err(unusable(node, "only shares of a pixel's channels are known here")),
        }
    }
}
