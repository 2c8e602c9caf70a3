//! Training batch normalization with an optional PReLU behind it, fused: one pass for the statistics, one to apply, two
//! for the gradients.
//!
//! ```text
//! t = scale[c] x + shift[c],   scale = gamma / sqrt(var + eps),   shift = beta - mean scale
//! y = t where t > 0, slope[c] t elsewhere                          (y = t without PReLU)
//! ```
//!
//! Mean and variance are over the batch and all pixels of a channel; the variance divides by the count (biased).

use super::lanes::{
    LANES, Lane, ZERO, add, lanes, lanes_mut, multiply, multiply_add, vectorized, where_positive,
};
use core::array;
use rayon::prelude::*;

/// Added to the variance.
pub(crate) const EPSILON: f64 = 1e-5;

/// Rows of one partial sum; partial sums are added in f64 in their order, whatever the thread count.
const ROWS_AT_ONCE: usize = 1024;

/// Statistics of one batch, and the affine map that they make of the layer.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f32>,
    /// Divided by the count, not by the count less one.
    pub(crate) variance: Vec<f32>,
    inverse_deviation: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Gradients of one layer.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
    pub(crate) slope: Vec<f32>,
}

/// `x [rows, channels]` to `y` of the same shape, with the batch's statistics.
pub(crate) fn forward(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    slope: Option<&[f32]>,
) -> (Vec<f32>, Statistics) {
    let statistics = statistics(x, gamma, beta);
    let channels = gamma.len();
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(ROWS_AT_ONCE * channels)
        .zip(x.par_chunks(ROWS_AT_ONCE * channels))
        .for_each(|(y, x)| vectorized(|| apply(x, y, &statistics, slope)));
    (y, statistics)
}

fn statistics(x: &[f32], gamma: &[f32], beta: &[f32]) -> Statistics {
    let channels = gamma.len();
    let count = (x.len() / channels) as f64;
    let sums = sum_blocks(x, channels, 2, |x, sums| {
        let (sum, square) = sums.split_at_mut(channels);
        add_moments(x, lanes_mut(sum), lanes_mut(square));
    });
    let (sum, square) = sums.split_at(channels);
    let mut s = Statistics {
        mean: vec![0.0; channels],
        variance: vec![0.0; channels],
        inverse_deviation: vec![0.0; channels],
        scale: vec![0.0; channels],
        shift: vec![0.0; channels],
    };
    for c in 0..channels {
        let mean = sum[c] / count;
        let variance = (square[c] / count - mean * mean).max(0.0);
        let inverse = 1.0 / (variance + EPSILON).sqrt();
        let scale = f64::from(gamma[c]) * inverse;
        s.mean[c] = mean as f32;
        s.variance[c] = variance as f32;
        s.inverse_deviation[c] = inverse as f32;
        s.scale[c] = scale as f32;
        s.shift[c] = (f64::from(beta[c]) - mean * scale) as f32;
    }
    s
}

/// Gradients from `dy [rows, channels]`. With `g` the gradient of `t` and `h` the normalised input:
/// `dbeta = sum g`, `dgamma = sum g h`, `dx = gamma / sqrt(var + eps) (g - mean(g) - h mean(g h))`, `dslope = sum dy min(t, 0)`.
pub(crate) fn backward(
    x: &[f32],
    dy: &[f32],
    gamma: &[f32],
    slope: Option<&[f32]>,
    statistics: &Statistics,
) -> Gradients {
    let channels = gamma.len();
    let count = (x.len() / channels) as f64;
    let block = ROWS_AT_ONCE * channels;
    let parts: Vec<Vec<f32>> = x
        .par_chunks(block)
        .zip(dy.par_chunks(block))
        .map(|(x, dy)| {
            let mut sums = vec![0.0; 3 * channels];
            vectorized(|| add_gradient_sums(x, dy, statistics, slope, &mut sums));
            sums
        })
        .collect();
    let sums = sum_f64(&parts, 3 * channels);
    let mut g = Gradients {
        x: vec![0.0; x.len()],
        gamma: vec![0.0; channels],
        beta: vec![0.0; channels],
        slope: vec![0.0; channels],
    };
    // dx = a g + b x + c, a channel each.
    let mut line = vec![0.0; 3 * channels];
    for c in 0..channels {
        let (sum, sum_x) = (sums[c], sums[channels + c]);
        let (mean, inverse) = (
            f64::from(statistics.mean[c]),
            f64::from(statistics.inverse_deviation[c]),
        );
        let sum_normalised = (sum_x - mean * sum) * inverse;
        let a = f64::from(gamma[c]) * inverse;
        let b = -a * inverse * sum_normalised / count;
        line[c] = a as f32;
        line[channels + c] = b as f32;
        line[2 * channels + c] = (-a * sum / count - b * mean) as f32;
        g.gamma[c] = sum_normalised as f32;
        g.beta[c] = sum as f32;
        g.slope[c] = sums[2 * channels + c] as f32;
    }
    g.x.par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .zip(dy.par_chunks(block))
        .for_each(|((dx, x), dy)| {
            vectorized(|| apply_gradient(x, dy, dx, statistics, slope, &line));
        });
    g
}

/// Sums `width` numbers a channel over all rows: f32 within a block, f64 over the blocks.
fn sum_blocks(
    x: &[f32],
    channels: usize,
    width: usize,
    add_block: impl Fn(&[f32], &mut [f32]) + Sync,
) -> Vec<f64> {
    let parts: Vec<Vec<f32>> = x
        .par_chunks(ROWS_AT_ONCE * channels)
        .map(|x| {
            let mut sums = vec![0.0; width * channels];
            vectorized(|| add_block(x, &mut sums));
            sums
        })
        .collect();
    sum_f64(&parts, width * channels)
}

fn sum_f64(parts: &[Vec<f32>], len: usize) -> Vec<f64> {
    let mut total = vec![0.0; len];
    for part in parts {
        for (total, value) in total.iter_mut().zip(part) {
            *total += f64::from(*value);
        }
    }
    total
}

#[inline(always)]
fn add_moments(x: &[f32], sum: &mut [Lane], square: &mut [Lane]) {
    for row in lanes(x).chunks_exact(sum.len()) {
        for ((x, sum), square) in row.iter().zip(&mut *sum).zip(&mut *square) {
            *sum = add(sum, x);
            *square = multiply_add(x, x, square);
        }
    }
}

#[inline(always)]
fn apply(x: &[f32], y: &mut [f32], statistics: &Statistics, slope: Option<&[f32]>) {
    let (scale, shift) = (lanes(&statistics.scale), lanes(&statistics.shift));
    let rows = lanes(x)
        .chunks_exact(scale.len())
        .zip(lanes_mut(y).chunks_exact_mut(scale.len()));
    match slope.map(lanes) {
        None => {
            for (x, y) in rows {
                for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                    *y = multiply_add(x, scale, shift);
                }
            }
        }
        Some(slope) => {
            for (x, y) in rows {
                let affine = scale.iter().zip(shift).zip(slope);
                for ((y, x), ((scale, shift), slope)) in y.iter_mut().zip(x).zip(affine) {
                    let t = multiply_add(x, scale, shift);
                    *y = where_positive(&t, &t, &multiply(&t, slope));
                }
            }
        }
    }
}

/// The gradient before the activation, and what the slope's gradient gains (`dy min(t, 0)`).
#[inline(always)]
fn through_activation(t: &Lane, dy: &Lane, slope: Option<&Lane>) -> (Lane, Lane) {
    match slope {
        None => (*dy, ZERO),
        Some(slope) => (
            where_positive(t, dy, &multiply(dy, slope)),
            multiply(dy, &where_positive(t, &ZERO, t)),
        ),
    }
}

/// Adds `[sum g, sum g x, sum dy min(t, 0)]` of some rows, blocks of channels outermost so that sums stay in registers.
#[inline(always)]
fn add_gradient_sums(
    x: &[f32],
    dy: &[f32],
    statistics: &Statistics,
    slope: Option<&[f32]>,
    sums: &mut [f32],
) {
    let (scale, shift) = (lanes(&statistics.scale), lanes(&statistics.shift));
    let (x, dy, slope, blocks) = (lanes(x), lanes(dy), slope.map(lanes), scale.len());
    let sums = lanes_mut(sums);
    for block in 0..blocks {
        let slope = slope.map(|slope| &slope[block]);
        let mut totals = [ZERO; 3];
        let column = x[block..]
            .iter()
            .step_by(blocks)
            .zip(dy[block..].iter().step_by(blocks));
        for (x, dy) in column {
            let t = multiply_add(x, &scale[block], &shift[block]);
            let (g, slope_gain) = through_activation(&t, dy, slope);
            totals = [
                add(&totals[0], &g),
                multiply_add(&g, x, &totals[1]),
                add(&totals[2], &slope_gain),
            ];
        }
        for (i, total) in totals.iter().enumerate() {
            sums[i * blocks + block] = *total;
        }
    }
}

/// `dx = a g + b x + c`.
#[inline(always)]
fn apply_gradient(
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    statistics: &Statistics,
    slope: Option<&[f32]>,
    line: &[f32],
) {
    let (scale, shift) = (lanes(&statistics.scale), lanes(&statistics.shift));
    let blocks = scale.len();
    let line = lanes(line);
    let line: [&[Lane]; 3] = array::from_fn(|i| &line[i * blocks..(i + 1) * blocks]);
    let slope = slope.map(lanes);
    let rows = lanes(x)
        .chunks_exact(blocks)
        .zip(lanes(dy).chunks_exact(blocks));
    for ((x, dy), dx) in rows.zip(lanes_mut(dx).chunks_exact_mut(blocks)) {
        for block in 0..blocks {
            let t = multiply_add(&x[block], &scale[block], &shift[block]);
            let (g, _) = through_activation(&t, &dy[block], slope.map(|slope| &slope[block]));
            let linear = multiply_add(&x[block], &line[1][block], &line[2][block]);
            dx[block] = multiply_add(&g, &line[0][block], &linear);
        }
    }
}

const _: () = assert!(ROWS_AT_ONCE.is_multiple_of(LANES));
