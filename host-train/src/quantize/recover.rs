//! From a model file back to real numbers: what its stored values stand for, and the parameters of its linear operations.
//!
//! ```text
//! real = scale * (stored - zero point)        w = unit[c] * w_q,    unit[c] = step[c] / s_in
//! step[c] = m[c] * s_out, or the scale        b = step[c] * (bias_q + zp_in * sum w_q)
//!           of a sum that is kept
//! ```
//!
//! It undoes what `ptq` and `lower` do, for reports: no result of a network is computed from these numbers in place of the
//! engine.

use super::ptq::Filters;
use super::range::Affine;
use model_format::{FullyConnectedResult, ModelView, Op, Requantize, Tensor};

impl Affine {
    /// That of a tensor of a file.
    pub(crate) fn of(tensor: &Tensor) -> Self {
        Self { scale: tensor.scale, zero_point: tensor.zero_point }
    }
}

/// The grid of the values that an operation writes; none where it keeps its sums.
pub(crate) fn grid(view: &ModelView<'_>, op: &Op<'_>) -> Option<Affine> {
    match op {
        Op::FullyConnected(op) if matches!(op.result, FullyConnectedResult::Sums { .. }) => None,
        _ => view.tensor(op.output()).map(|tensor| Affine::of(&tensor)),
    }
}

/// The real values of what an operation has written.
pub(crate) fn values(view: &ModelView<'_>, op: &Op<'_>, written: &[u8]) -> Vec<f32> {
    match (grid(view, op), op) {
        (Some(grid), _) => written.iter().map(|&byte| grid.real(byte.cast_signed())).collect(),
        (None, Op::FullyConnected(op)) => {
            let FullyConnectedResult::Sums { scales } = op.result else { return Vec::new() };
            let sums = written.as_chunks().0.iter().map(|word| i32::from_le_bytes(*word));
            sums.zip(scales).map(|(sum, scale)| sum as f32 * scale).collect()
        }
        (None, _) => Vec::new(),
    }
}

/// A linear operation's parameters in real numbers.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    /// Weights and bias; of an operation that reads the image, with the image's normalisation in them.
    pub(crate) filters: Filters,
    /// The real value of one unit of each row's weights.
    pub(crate) units: Vec<f64>,
}

/// The parameters of a convolution or dense layer; none where an operation has no weights.
pub(crate) fn parameters(view: &ModelView<'_>, op: &Op<'_>) -> Option<Recovered> {
    let scale = f64::from(view.tensor(op.output())?.scale);
    let requantized = |r: &Requantize<'_>| -> Vec<f64> {
        r.multiplier.iter().map(|m| f64::from(*m) * scale).collect()
    };
    let (weights, bias, depthwise, steps) = match op {
        Op::Conv2d(op) => (op.weights, op.bias, false, requantized(&op.requantize)),
        Op::DepthwiseConv2d(op) => (op.weights, op.bias, true, requantized(&op.requantize)),
        Op::FullyConnected(op) => {
            let steps = match &op.result {
                FullyConnectedResult::Requantized(requantize) => requantized(requantize),
                FullyConnectedResult::Sums { scales } => {
                    scales.iter().map(|s| f64::from(*s)).collect()
                }
            };
            (op.weights, op.bias, false, steps)
        }
        _ => return None,
    };
    let input = view.tensor(op.reads().0)?;
    let rows = bias.len();
    let depth = weights.len() / rows;
    let units: Vec<f64> = steps.iter().map(|step| step / f64::from(input.scale)).collect();
    let mut filters = Filters {
        weight: Vec::with_capacity(weights.len()),
        bias: Vec::with_capacity(rows),
        row_channels: (!depthwise).then_some(input.shape.channels.into()),
    };
    for row in 0..rows {
        // A file has a depthwise filter's channels innermost.
        let stored = |i: usize| weights[if depthwise { i * rows + row } else { row * depth + i }];
        let sum: i64 = (0..depth).map(|i| i64::from(stored(i))).sum();
        filters.weight.extend((0..depth).map(|i| units[row] * f64::from(stored(i))));
        let bias = i64::from(bias[row]) + i64::from(input.zero_point) * sum;
        filters.bias.push(steps[row] * bias as f64);
    }
    Some(Recovered { filters, units })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{NodeId, fold, random};
    use crate::quantize::{Options, Provenance, fuse, quantize};
    use model_format::ModelFile;

    #[test]
    fn stored_values_come_back() {
        let grid = Affine { scale: 0.25, zero_point: -3 };
        for stored in i8::MIN..=i8::MAX {
            assert_eq!(grid.stored(grid.real(stored).into()), stored);
        }
        assert_eq!((grid.real(5), grid.stored(1e9), grid.stored(-1e9)), (2.0, 127, -128));
    }

    /// Rounded one by one, a weight is off by half a unit at most, and a bias by what bias correction moved it.
    #[test]
    fn parameters_are_those_that_were_rounded() {
        let mut graph = fold(&random::small(3)).unwrap();
        graph.input.mean = [100.0, 120.0, 140.0];
        let options = Options { equalise: false, reconstruct: false, ..Options::default() };
        let images = random::images(8, 12, 12, 1);
        let bytes =
            quantize(&graph, &images, &options, None, &Provenance::default()).unwrap().bytes;
        let file = ModelFile::from_bytes(bytes).unwrap();
        let view = file.view();
        let layers = fuse::fuse(&graph).unwrap();
        let shapes = graph.check().unwrap();
        let mut compared = 0;
        for (layer, op) in layers.iter().zip(view.ops()) {
            let channels = shapes[layer.operands[0].0].channels;
            let expected = Filters::of(&graph.node(layer.head).op, channels);
            let Some(mut recovered) = parameters(&view, &op) else {
                assert!(expected.is_none());
                continue;
            };
            if layer.operands[0] == NodeId(0) {
                recovered.filters.release_image(&graph.input);
            }
            let expected = expected.unwrap();
            let depth = expected.depth();
            for (i, (got, expected)) in
                recovered.filters.weight.iter().zip(&expected.weight).enumerate()
            {
                let unit = match layer.operands[0] {
                    NodeId(0) => recovered.units[i / depth] / f64::from(graph.input.scale[i % 3]),
                    _ => recovered.units[i / depth],
                };
                assert!((got - expected).abs() < 0.501 * unit, "{got} {expected} {unit}");
            }
            for (got, expected) in recovered.filters.bias.iter().zip(&expected.bias) {
                assert!((got - expected).abs() < 0.1, "{got} {expected}");
            }
            compared += 1;
        }
        assert_eq!(compared, 10);
    }
}
