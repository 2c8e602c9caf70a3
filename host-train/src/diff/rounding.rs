//! How far off an int8 layer alone may be: what rounding explains.
//!
//! Its operands are real tensors moved to the nearest stored value, which is an error `e^2` of each channel: as measured, for the ends
//! of the grid may cut values off. Weights and output are rounded with steps of `u` and `s_out`, an error of a
//! twelfth of the step's square each. A row of weights `w`, on
//! inputs of mean square `x^2`, with a sum's other operand:
//!
//! ```text
//! variance = s_out^2 / 12 + sum w^2 e^2 + u^2 / 12 * sum x^2 + e_other^2
//! ```
//!
//! Weights chosen by reconstruction are further from the float weights than half a unit, but not what they make of the
//! inputs. The limit has room for it.

use crate::quantize::{Affine, grid, parameters};
use model_format::{ModelView, Op, TensorIndex};

/// A channel's error may be this many deviations.
pub(super) const LIMIT: f64 = 6.0;

/// The whole tensor's may be as many times more with what the ends of the grid cut off: images that calibration has not seen
/// reach further.
pub(super) const CUT: f64 = 4.0;

/// What the grid may do to a channel whose size is a guess, mean square in steps: 40 times what rounding does. More is no
/// accident of calibration, but a wrong size.
const MOST: f64 = 40.0 / 12.0;

/// An operand as the layer gets it; by channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Operand {
    /// Mean square of its values.
    pub(super) squares: Vec<f64>,
    /// Mean square of what moving them to the grid did.
    pub(super) errors: Vec<f64>,
}

impl Operand {
    /// Leaves of its error what is explained when its channels may be of a wrong size; its steps are of `scale`.
    pub(super) fn limit(&mut self, scale: f32) {
        let most = MOST * f64::from(scale).powi(2);
        self.errors.iter_mut().for_each(|error| *error = error.min(most));
    }
}

/// The variance that rounding explains of each output channel, in the file's sizes.
pub(super) fn variance(view: &ModelView<'_>, op: &Op<'_>, operands: &[Operand]) -> Vec<f64> {
    let scale = |index: TensorIndex| view.tensor(index).map_or(1.0, |t| f64::from(t.scale));
    let output = grid(view, op).map_or(0.0, |Affine { scale, .. }| f64::from(scale).powi(2) / 12.0);
    let Operand { squares, errors } = &operands[0];
    let other = |channel: usize| operands.get(1).map_or(0.0, |other| other.errors[channel]);
    match op {
        Op::ScaleChannels(op) => {
            // The largest gate, and by how much it moves with the tensor that chooses it.
            let unit = scale(op.output) / scale(op.input);
            let most = op.factors.iter().fold(0.0_f32, |most, factor| most.max(factor.abs()));
            let steps = op.factors.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            let slope = unit / scale(op.gate) * f64::from(steps.fold(0.0, f32::max));
            let gate = unit * f64::from(most);
            let of = |(c, (square, error)): (usize, (&f64, &f64))| {
                output + gate * gate * error + slope * slope * square * other(c)
            };
            squares.iter().zip(errors).enumerate().map(of).collect()
        }
        _ => match parameters(view, op) {
            Some(recovered) => {
                let filters = &recovered.filters;
                let row = |(row, unit): (usize, &f64)| {
                    let weights = &filters.weight[row * filters.depth()..][..filters.depth()];
                    let of = |(i, weight): (usize, &f64)| {
                        let c = filters.channel(row, i);
                        weight * weight * errors[c] + unit * unit / 12.0 * squares[c]
                    };
                    output + other(row) + weights.iter().enumerate().map(of).sum::<f64>()
                };
                recovered.units.iter().enumerate().map(row).collect()
            }
            // Sums and pools pass errors on.
            None => errors.iter().enumerate().map(|(c, e)| output + e + other(c)).collect(),
        },
    }
}
