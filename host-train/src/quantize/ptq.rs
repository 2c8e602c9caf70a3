//! Weights, biases and multipliers of one linear layer, by the number contract.
//!
//! With weights `w` stored as `w_q = round(w / s_w[c])`, inputs `x = s_in * (x_q - zp_in)` and one unit of the sum worth
//! `step[c] = s_in * s_w[c]`:
//!
//! ```text
//! y / step[c] = sum w_q * (x_q - zp_in) + b / step[c] = sum w_q * x_q + bias_q,   bias_q = round(b / step[c]) - zp_in * sum w_q
//! y_q         = clamp(round(acc * m[c]) + zp_out),   m[c] = step[c] / s_out
//! ```
//!
//! The engine sums the raw `w_q * x_q`, so the zero point's part lies in the bias. Everything is computed in double
//! precision and rounded once. The image's own mean and scale are absorbed here too, see [`Filters::absorb_image`].

use super::QuantizeError;
use super::range::Affine;
use crate::graph::{Input, Op};

/// Largest stored weight; -128 is not used, so that kernels may negate.
const MAX_WEIGHT: f64 = 127.0;

/// Most units that a bias may take. Where a channel's weights are tiny beside its bias (a channel that training switched
/// off), its weight scale is raised until the bias fits; the weights that this rounds away were below the bias's own ulp.
const MAX_BIAS: f64 = (1_u32 << 30) as f64;

/// A linear layer's parameters, one row of weights an output channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filters {
    pub(crate) weight: Vec<f64>,
    pub(crate) bias: Vec<f64>,
    /// Channels that a row runs over, innermost; none where each row has its own channel (depthwise).
    pub(super) row_channels: Option<usize>,
}

/// A linear layer in int8.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Linear {
    /// As the float weights are laid out.
    pub(super) weights: Vec<i8>,
    /// Input zero point's part included.
    pub(super) bias: Vec<i32>,
    /// Real value of one unit of each channel's sum.
    pub(super) steps: Vec<f64>,
}

impl Filters {
    /// The parameters of a convolution (full or depthwise) or dense layer; `channels` are its operand's.
    pub(crate) fn of(op: &Op, channels: usize) -> Option<Self> {
        let (weight, bias, outs, row_channels) = match op {
            Op::Conv2d(conv) => {
                let row_channels = (!conv.is_depthwise()).then_some(conv.in_per_group);
                (&conv.weight, &conv.bias, conv.out_channels, row_channels)
            }
            Op::FullyConnected(dense) => {
                (&dense.weight, &dense.bias, dense.out_features, Some(channels))
            }
            _ => return None,
        };
        let wide = |values: &Vec<f32>| values.iter().map(|v| f64::from(*v)).collect();
        Some(Self {
            weight: wide(weight),
            bias: bias.as_ref().map_or_else(|| vec![0.0; outs], wide),
            row_channels,
        })
    }

    /// Weights of one row.
    pub(crate) fn depth(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    /// The operand's channel that weight `i` of row `row` multiplies.
    pub(crate) fn channel(&self, row: usize, i: usize) -> usize {
        self.row_channels.map_or(row, |channels| i % channels)
    }

    /// Takes the image's normalisation into a layer that reads it. The image is stored as `u8 - 128` with scale 1 and the
    /// zero point of [`image_affine`], so with `x' = stored - zero_point`:
    ///
    /// `(u8 - mean[c]) * scale[c] = scale[c] * x' + scale[c] * (zero_point + 128 - mean[c])`
    ///
    /// The first term scales the weights. The second is a constant that goes into the bias; it is zero when all means are
    /// one whole number. Otherwise a border tap is off: the float network pads with zero after normalisation, the bias
    /// counts the constant for padded taps too. With means of 127.5 that is half a pixel step per padded tap.
    pub(super) fn absorb_image(&mut self, input: &Input) {
        self.for_image(input, |weight, bias, scale, offset| {
            *weight *= scale;
            *bias += *weight * offset;
        });
    }

    /// Undoes [`absorb_image`](Self::absorb_image).
    pub(super) fn release_image(&mut self, input: &Input) {
        self.for_image(input, |weight, bias, scale, offset| {
            *bias -= *weight * offset;
            *weight /= scale;
        });
    }

    /// Calls `change` with each weight, its row's bias, and of the weight's channel the scale and `zero_point + 128 - mean`.
    fn for_image(&mut self, input: &Input, change: impl Fn(&mut f64, &mut f64, f64, f64)) {
        let zero = f64::from(image_affine(input).zero_point) + 128.0;
        let depth = self.depth();
        for row in 0..self.bias.len() {
            for i in 0..depth {
                let c = self.channel(row, i);
                let (scale, mean) = (f64::from(input.scale[c]), f64::from(input.mean[c]));
                let weight = &mut self.weight[row * depth + i];
                change(weight, &mut self.bias[row], scale, zero - mean);
            }
        }
    }

    /// Rounds the layer. `mean` is each input channel's mean over calibration images: what rounding the weights adds to
    /// the output on average, `sum (w_q * s_w - w) * mean`, is taken off the bias.
    ///
    /// # Errors
    /// [`QuantizeError::Overflow`] when a sum could leave 32 bits.
    pub(super) fn quantize(
        &self,
        node: &str,
        input: Affine,
        mean: &[f64],
    ) -> Result<Linear, QuantizeError> {
        let depth = self.depth();
        let in_scale = f64::from(input.scale);
        let mut linear = Linear::default();
        for (row, (weights, &bias)) in self.weight.chunks_exact(depth).zip(&self.bias).enumerate() {
            let scale = weight_scale(weights, bias, in_scale);
            let stored: Vec<i8> = weights.iter().map(|w| round_weight(*w, scale) as i8).collect();
            let drift: f64 = stored
                .iter()
                .zip(weights)
                .enumerate()
                .map(|(i, (&q, w))| (f64::from(q) * scale - w) * mean[self.channel(row, i)])
                .sum();
            linear.push(node, input, &stored, scale, bias - drift)?;
        }
        Ok(linear)
    }
}

impl Linear {
    /// Appends a channel: its stored weights of `scale` each, and its bias in real units.
    ///
    /// # Errors
    /// [`QuantizeError::Overflow`] when a sum could leave 32 bits.
    pub(super) fn push(
        &mut self,
        node: &str,
        input: Affine,
        stored: &[i8],
        scale: f64,
        bias: f64,
    ) -> Result<(), QuantizeError> {
        let sum: i64 = stored.iter().map(|&q| i64::from(q)).sum();
        let magnitude: i64 = stored.iter().map(|&q| i64::from(q).abs()).sum();
        let step = f64::from(input.scale) * scale;
        let units = (bias / step).round_ties_even() as i64;
        let channel = self.bias.len();
        let bias = stored_bias(node, channel, units, input.zero_point, sum, magnitude)?;
        self.weights.extend(stored);
        self.bias.push(bias);
        self.steps.push(step);
        Ok(())
    }
}

/// A channel's bias as it is stored: its `units` of the sum, less what the zero point of the input adds to it with weights of
/// this `sum`; `magnitude` is the sum of their magnitudes.
///
/// # Errors
/// [`QuantizeError::Overflow`] when a sum could leave 32 bits.
pub(super) fn stored_bias(
    node: &str,
    channel: usize,
    units: i64,
    zero_point: i8,
    sum: i64,
    magnitude: i64,
) -> Result<i32, QuantizeError> {
    let bias = units.saturating_sub(i64::from(zero_point) * sum);
    let worst = bias.saturating_abs().saturating_add(128 * magnitude);
    match i32::try_from(bias) {
        Ok(bias) if worst <= i64::from(i32::MAX) => Ok(bias),
        _ => Err(QuantizeError::Overflow { node: node.to_owned(), channel, worst }),
    }
}

/// The image tensor: stored `u8 - 128`, one unit a pixel step, zero point nearest to the middle of the means.
pub(super) fn image_affine(input: &Input) -> Affine {
    let low = input.mean.iter().copied().fold(f32::INFINITY, f32::min);
    let high = input.mean.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let middle = (f64::from(low) + f64::from(high)) / 2.0;
    Affine { scale: 1.0, zero_point: (middle.round() - 128.0).clamp(-128.0, 127.0) as i8 }
}

/// Multipliers from sums to stored outputs, `numerator[i] / out_scale`.
///
/// # Errors
/// [`QuantizeError::Multiplier`] when one is not finite in `f32`.
pub(super) fn multipliers(
    node: &str,
    numerators: &[f64],
    out_scale: f32,
) -> Result<Vec<f32>, QuantizeError> {
    let multiplier = |(channel, numerator): (usize, &f64)| {
        let value = numerator / f64::from(out_scale);
        let rounded = value as f32;
        match rounded.is_finite() {
            true => Ok(rounded),
            false => Err(QuantizeError::Multiplier { node: node.to_owned(), channel, value }),
        }
    };
    numerators.iter().enumerate().map(multiplier).collect()
}

pub(super) fn round_weight(weight: f64, scale: f64) -> f64 {
    (weight / scale).round_ties_even().clamp(-MAX_WEIGHT, MAX_WEIGHT)
}

/// Largest weight at 127, unless the bias asks for a larger scale.
pub(super) fn weight_scale(weights: &[f64], bias: f64, in_scale: f64) -> f64 {
    let largest = weights.iter().fold(0.0_f64, |max, w| max.max(w.abs()));
    let floor = bias.abs() / (in_scale * MAX_BIAS);
    match (largest / MAX_WEIGHT).max(floor) {
        scale if scale > 0.0 => scale,
        // No weights and no bias: any scale will do.
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Conv2d, FullyConnected};
    use model_format::ColourOrder;

    fn dense(weight: Vec<f32>, bias: Vec<f32>) -> Op {
        Op::FullyConnected(FullyConnected { weight, out_features: bias.len(), bias: Some(bias) })
    }

    const INPUT: Affine = Affine { scale: 0.5, zero_point: -10 };

    #[test]
    fn numbers_of_a_small_layer_are_known() {
        // Two rows; the largest weights are 127 and 254 units of 1/100.
        let op = dense(vec![1.27, -0.5, 0.004, -2.54, 0.031, 1.0], vec![3.0, -1.0]);
        let linear = Filters::of(&op, 3).unwrap();
        let linear = linear.quantize("fc", INPUT, &[0.0; 3]).unwrap();
        assert_eq!(linear.weights, [127, -50, 0, -127, 2, 50]);
        // Steps 0.5 * 0.01 and 0.5 * 0.02 (to f32's rounding of the weights).
        assert!((linear.steps[0] - 0.005).abs() < 1e-9 && (linear.steps[1] - 0.01).abs() < 1e-9);
        // 3 / 0.005 = 600 and -1 / 0.01 = -100, less zero point times the row's sum: 77 and -75.
        assert_eq!(linear.bias, [600 + 770, -100 - 750]);
        assert_eq!(multipliers("fc", &[0.005, 0.01], 0.25).unwrap(), [0.02, 0.04]);
    }

    #[test]
    fn the_mean_error_of_rounded_weights_leaves_the_bias() {
        // 0.504 is stored as 0.50: at a mean input of 100 the output is 0.4 low, which the bias gives back.
        let op = dense(vec![1.27, 0.504], vec![0.0]);
        let filters = Filters::of(&op, 2).unwrap();
        let plain = filters.quantize("fc", INPUT, &[0.0, 0.0]).unwrap();
        let corrected = filters.quantize("fc", INPUT, &[0.0, 100.0]).unwrap();
        assert_eq!(plain.weights, [127, 50]);
        assert_eq!(corrected.weights, plain.weights);
        assert_eq!(corrected.bias[0] - plain.bias[0], 80); // 0.4 / (0.5 * 0.01)
    }

    /// Such a row has one weight a pixel, as a depthwise one has, but all rows read the one channel.
    #[test]
    fn rows_over_one_channel_read_that_channel() {
        let filters = Filters::of(&dense(vec![1.27, 0.504], vec![0.0, 0.0]), 1).unwrap();
        let linear = filters.quantize("fc", INPUT, &[100.0]).unwrap();
        assert_eq!(linear.weights, [127, 127]);
        assert_eq!((filters.channel(0, 0), filters.channel(1, 0)), (0, 0));
    }

    fn image(mean: [f32; 3], scale: [f32; 3]) -> Input {
        Input { height: 1, width: 1, colour: ColourOrder::Rgb, mean, scale }
    }

    #[test]
    fn the_image_is_stored_around_its_mean() {
        let zero = |mean| image_affine(&image(mean, [1.0; 3]));
        assert_eq!(zero([127.5; 3]), Affine { scale: 1.0, zero_point: 0 });
        assert_eq!(zero([0.0; 3]).zero_point, -128);
        assert_eq!(zero([123.7, 116.3, 103.5]).zero_point, -14);
        assert_eq!(zero([300.0; 3]).zero_point, 127);
    }

    #[test]
    fn normalisation_moves_into_weights_and_bias() {
        let input = image([100.0, 101.0, 103.0], [0.5, 0.25, 2.0]);
        let mut filters = Filters::of(&dense(vec![1.0, 8.0, -1.0], vec![5.0]), 3).unwrap();
        let before = filters.clone();
        filters.absorb_image(&input);
        assert_eq!(filters.weight, [0.5, 2.0, -2.0]);
        // Zero at 102, the middle: 5 + 0.5 * 2 + 2 * 1 - 2 * -1.
        assert_eq!(filters.bias, [10.0]);
        filters.release_image(&input);
        assert_eq!(filters, before);
        // A depthwise convolution has one channel a row.
        let mut filters = Filters::of(
            &Op::Conv2d(Conv2d {
                weight: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
                bias: None,
                out_channels: 3,
                in_per_group: 1,
                kernel: [1, 2],
                stride: [1, 1],
                padding: [0; 4],
                groups: 3,
            }),
            3,
        )
        .unwrap();
        filters.absorb_image(&input);
        assert_eq!(filters.weight, [0.5, 1.0, 0.75, 1.0, 10.0, 12.0]);
        assert_eq!(filters.bias, [3.0, 1.75, -22.0]);
    }

    #[test]
    fn a_channel_without_weights_keeps_its_bias() {
        let op = dense(vec![0.0, 0.0, 1e-12, 0.0, 0.0, 0.0], vec![0.75, -2.0, 0.0]);
        let linear = Filters::of(&op, 2).unwrap();
        let linear = linear.quantize("fc", INPUT, &[0.0; 2]).unwrap();
        for (channel, expected) in [0.75, -2.0, 0.0].iter().enumerate() {
            let real = f64::from(linear.bias[channel]) * linear.steps[channel];
            assert!((real - expected).abs() < 1e-6, "{real}");
            assert!(linear.steps[channel] > 0.0);
        }
    }

    #[test]
    fn rejects_a_sum_that_could_overflow() {
        // 132,105 weights of 127 times inputs of up to 128 leave 32 bits; 132,103 do not.
        let layer = |count| {
            let filters = Filters::of(&dense(vec![1.0; count], vec![0.0]), 1).unwrap();
            let input = Affine { scale: 1.0, zero_point: 0 };
            filters.quantize("huge", input, &[0.0])
        };
        assert!(layer(132_103).is_ok());
        let Err(QuantizeError::Overflow { node, channel, worst }) = layer(132_105) else {
            panic!("accepted");
        };
        assert_eq!((node.as_str(), channel, worst), ("huge", 0, 132_105 * 127 * 128));
    }

    #[test]
    fn rejects_a_multiplier_that_is_not_finite() {
        let error = multipliers("conv", &[1.0, 1e30], 1e-20);
        let Err(QuantizeError::Multiplier { node, channel, .. }) = error else {
            panic!("accepted: {error:?}");
        };
        assert_eq!((node.as_str(), channel), ("conv", 1));
    }
}
