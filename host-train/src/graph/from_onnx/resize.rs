//! `Resize` and `Upsample`: pixels repeated a whole number of times.
//!
//! ONNX has a rule from an output pixel to a place in the operand, and one from that place to a pixel. For most pairs of them,
//! and a whole factor, the pixel is `output / factor` rounded down, which is all that is known here; it is tried, not listed.

use super::{Builder, OnnxError, attribute, name, proto, unusable};
use crate::graph::{Op, Shape};

/// Times that a pixel is repeated along a side, at most.
const MOST_TIMES: usize = 1 << 6;

impl Builder<'_> {
    /// `Resize`, or its older form `Upsample`.
    pub(super) fn upsample(&self, node: &proto::Node, from: Shape) -> Result<Op, OnnxError> {
        let word = |name: &str| attribute(node, name).map_or(&b""[..], |a| &a.s);
        if !matches!(word("mode"), b"" | b"nearest") {
            return Err(unusable(node, "only the nearest pixel is known here"));
        }
        let resizes = node.op_type == "Resize";
        // In operator set 10, `Resize` has the inputs of `Upsample`.
        let scales = if resizes && node.input.len() > 2 { 2 } else { 1 };
        let scales = self.numbers(node, scales, "scales")?;
        let sizes = self.numbers(node, 3, "sizes")?;
        let by_size = |index: usize, side: usize| sizes.get(index).map(|size| size / side as f32);
        let scale = |index: usize, side| by_size(index, side).or(scales.get(index).copied());
        let factor = |index, side| {
            let factor = scale(index, side)?;
            let whole = factor >= 1.0 && factor <= MOST_TIMES as f32 && factor.fract() == 0.0;
            whole.then_some(factor as usize)
        };
        let (Some(down), Some(right)) = (factor(2, from.height), factor(3, from.width)) else {
            return Err(unusable(node, "only enlarging by whole factors is known here"));
        };
        if [0, 1].iter().any(|&i| scales.get(i).is_some_and(|scale| *scale != 1.0)) {
            return Err(unusable(node, "only rows and columns can be enlarged"));
        }
        let (place, pixel) = (word("coordinate_transformation_mode"), word("nearest_mode"));
        // `Upsample`, and `Resize` of operator set 10, know no other than the plain rule.
        let plain = !resizes || node.input.len() < 3;
        let repeats = |times: usize| {
            let is = |output: usize| nearest(output, times, place, pixel) == Some(output / times);
            plain || (0..2 * times).all(is)
        };
        match repeats(down) && repeats(right) {
            true => Ok(Op::Upsample { factor: [down, right] }),
            false => Err(unusable(node, "its rule for the nearest pixel does not repeat pixels")),
        }
    }

    /// A list that is an input, or an attribute of the oldest form; none where there is neither.
    fn numbers(
        &self,
        node: &proto::Node,
        index: usize,
        attribute_name: &str,
    ) -> Result<Vec<f32>, OnnxError> {
        match (attribute(node, attribute_name), self.constant(node, index)) {
            (Some(list), _) => Ok(list.floats.clone()),
            (None, Some(list)) => self.constants.floats(&name(node), list),
            (None, None) => Ok(Vec::new()),
        }
    }
}

/// The pixel that ONNX's rules give to `output`; none by rules that are not known here.
fn nearest(output: usize, times: usize, place: &[u8], pixel: &[u8]) -> Option<usize> {
    let (output, times) = (output as f32, times as f32);
    let at = match place {
        b"" | b"half_pixel" | b"pytorch_half_pixel" => (output + 0.5) / times - 0.5,
        b"asymmetric" => output / times,
        b"tf_half_pixel_for_nn" => (output + 0.5) / times,
        _ => return None,
    };
    let pixel = match pixel {
        b"" | b"round_prefer_floor" => (at - 0.5).ceil(),
        b"round_prefer_ceil" => (at + 0.5).floor(),
        b"floor" => at.floor(),
        b"ceil" => at.ceil(),
        _ => return None,
    };
    Some(pixel.max(0.0) as usize)
}
