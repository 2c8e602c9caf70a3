//! Arithmetic on extents: what exporters put before a `Reshape` so that the batch stays open.
//!
//! ```text
//! Shape [0, c, h, w] ─> Gather 0 ─> Unsqueeze ─> Concat with -1 ─> Reshape [0, -1]
//! ```
//!
//! The batch has the extent 0 here, which is how a `Reshape` is told to leave one as it is.

use super::{Builder, OnnxError, Value, attribute, name, proto, unusable};

impl Builder<'_> {
    /// The numbers that a node makes of extents and constants alone; none where it computes on images.
    pub(super) fn extents(&self, node: &proto::Node) -> Result<Option<proto::Tensor>, OnnxError> {
        let op = node.op_type.as_str();
        if op == "Shape" {
            return self.shape_of(node).map(Some);
        }
        let computes =
            matches!(op, "Gather" | "Squeeze" | "Unsqueeze" | "Concat" | "Cast" | "Identity");
        if !computes || !(0..node.input.len()).all(|index| self.constant(node, index).is_some()) {
            return Ok(None);
        }
        let values = |index: usize| match self.constant(node, index) {
            Some(constant) => self.constants.floats(&name(node), constant),
            None => Ok(Vec::new()),
        };
        let is_list = |index: usize| self.constant(node, index).is_some_and(|c| c.dims.len() < 2);
        let first = values(0)?;
        Ok(Some(match op {
            "Cast" | "Identity" => {
                let dims = self.constant(node, 0).map_or_else(Vec::new, |c| c.dims.clone());
                proto::Tensor::of_floats(dims, first)
            }
            _ if !(0..node.input.len()).all(is_list)
                || attribute(node, "axis").is_some_and(|axis| axis.i != 0) =>
            {
                return Err(unusable(node, "of constants, only lists of extents are known here"));
            }
            "Concat" => {
                let all = (0..node.input.len()).map(values).collect::<Result<Vec<_>, _>>()?;
                list(all.concat())
            }
            "Gather" => {
                let at = |index: f32| {
                    let index = if index < 0.0 { index + first.len() as f32 } else { index };
                    // Saturating, and past the end what is beyond any list.
                    first.get(index as usize).copied().filter(|_| index >= 0.0)
                };
                let found: Option<Vec<f32>> = values(1)?.into_iter().map(at).collect();
                list(found.ok_or_else(|| unusable(node, "there is no such extent"))?)
            }
            _ => list(first),
        }))
    }

    fn shape_of(&self, node: &proto::Node) -> Result<proto::Tensor, OnnxError> {
        let (x, last) = match self.value(node, 0) {
            Some(Value::Tensor(x)) => (x, false),
            Some(Value::ChannelsLast(x)) => (x, true),
            _ => return Err(unusable(node, "only shapes of images are known here")),
        };
        let shape = self.shapes[x.0];
        let [h, w, c] = [shape.height, shape.width, shape.channels].map(|extent| extent as f32);
        Ok(list(if last { vec![0.0, h, w, c] } else { vec![0.0, c, h, w] }))
    }
}

fn list(values: Vec<f32>) -> proto::Tensor {
    proto::Tensor::of_floats(vec![values.len() as i64], values)
}
