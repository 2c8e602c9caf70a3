//! How far off an int8 layer alone may be: what rounding explains.
//!
//! Its operands are real tensors moved to the nearest stored value, an error of variance `s^2 / 12` with steps of `s`; so are
//! weights and output. A row of weights `w` in units of `u`, on inputs of mean square `x^2`, with a sum's other operand `r`:
//!
//! ```text
//! variance = s_out^2 / 12 + s_in^2 / 12 * sum w^2 + u^2 / 12 * sum x^2 + s_r^2 / 12
//! ```
//!
//! Weights chosen by reconstruction are further from the float weights than half a unit, but not what they make of the
//! inputs. The limit has room for it.

use crate::quantize::{Affine, grid, parameters};
use model_format::{ModelView, Op, TensorIndex};

/// A channel's error may be this many deviations.
pub(super) const LIMIT: f64 = 6.0;

/// The variance that rounding explains of each output channel, in the file's sizes. `squares` are the mean squares of the first
/// operand's channels.
pub(super) fn variance(view: &ModelView<'_>, op: &Op<'_>, squares: &[f64]) -> Vec<f64> {
    let step = |scale: f32| f64::from(scale).powi(2) / 12.0;
    let of = |index: TensorIndex| match view.tensor(index) {
        // The image is what it is.
        Some(tensor) if index != view.input_index() => step(tensor.scale),
        _ => 0.0,
    };
    let (first, second) = op.reads();
    let output = grid(view, op).map_or(0.0, |Affine { scale, .. }| step(scale));
    let around = output + second.map_or(0.0, of);
    let channels = view.tensor(op.output()).map_or(0, |tensor| tensor.shape.channels.into());
    match op {
        Op::ScaleChannels(scale) => {
            // By how much one step of the gate, and one of the image, move the output.
            let slopes = scale.factors.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            let slope = f64::from(slopes.fold(0.0, f32::max)).powi(2);
            let most = scale.factors.iter().fold(0.0_f32, |most, factor| most.max(factor.abs()));
            let image = view.tensor(first).map_or(1.0, |tensor| f64::from(tensor.scale).powi(2));
            let moved = |square: &f64| f64::from(most).powi(2) + slope * square / image;
            squares.iter().map(|square| output * (1.0 + moved(square))).collect()
        }
        Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_) => {
            let Some(recovered) = parameters(view, op) else { return Vec::new() };
            let filters = &recovered.filters;
            let row = |(row, unit): (usize, &f64)| {
                let weights = &filters.weight[row * filters.depth()..][..filters.depth()];
                let squared: f64 = weights.iter().map(|weight| weight * weight).sum();
                let inputs: f64 =
                    (0..weights.len()).map(|i| squares[filters.channel(row, i)]).sum();
                around + of(first) * squared + unit * unit / 12.0 * inputs
            };
            recovered.units.iter().enumerate().map(row).collect()
        }
        _ => vec![around + of(first); channels],
    }
}
