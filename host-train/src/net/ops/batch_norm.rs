//! Training batch normalization with an optional PReLU behind it, fused: one pass for the statistics, one to apply, two
//! for the gradients.
//!
//! ```text
//! t = scale[c] x + shift[c],   scale = gamma / sqrt(var + eps),   shift = beta - mean scale
//! y = t where t > 0, slope[c] t elsewhere                          (y = t without PReLU)
//! ```
//!
//! Mean and variance are over the batch and all pixels of a channel; the variance divides by the count (biased).

use crate::cpu::buffers::take;
use crate::cpu::lanes::{vectorized, vectors, vectors_mut};
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
    let mut y = take(x.len());
    y.par_chunks_mut(ROWS_AT_ONCE * channels)
        .zip(x.par_chunks(ROWS_AT_ONCE * channels))
        .for_each(|(y, x)| apply(x, y, &statistics, slope));
    (y, statistics)
}

fn statistics(x: &[f32], gamma: &[f32], beta: &[f32]) -> Statistics {
    let channels = gamma.len();
    let count = (x.len() / channels) as f64;
    let parts: Vec<Vec<f32>> = x
        .par_chunks(ROWS_AT_ONCE * channels)
        .map(|x| {
            let mut sums = vec![0.0; 2 * channels];
            add_moments(x, &mut sums);
            sums
        })
        .collect();
    let sums = sum_f64(&parts, 2 * channels);
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
            gradient_sums(x, dy, statistics, slope, &mut sums);
            sums
        })
        .collect();
    let sums = sum_f64(&parts, 3 * channels);
    let mut g = Gradients {
        x: take(x.len()),
        gamma: vec![0.0; channels],
        beta: vec![0.0; channels],
        slope: vec![0.0; channels],
    };
    // dx = a g + b x + c, a channel each.
    let mut line = vec![0.0; 3 * channels];
    for c in 0..channels {
        let (sum, sum_x) = (sums[c], sums[channels + c]);
        let (mean, inverse) =
            (f64::from(statistics.mean[c]), f64::from(statistics.inverse_deviation[c]));
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
    g.x.par_chunks_mut(block).zip(x.par_chunks(block)).zip(dy.par_chunks(block)).for_each(
        |((dx, x), dy)| {
            apply_gradient(x, dy, dx, statistics, slope, &line);
        },
    );
    g
}

/// Partial sums added up in f64, in their order.
fn sum_f64(parts: &[Vec<f32>], len: usize) -> Vec<f64> {
    let mut total = vec![0.0; len];
    for part in parts {
        for (total, value) in total.iter_mut().zip(part) {
            *total += f64::from(*value);
        }
    }
    total
}

vectorized! {
    /// Adds `[sum x, sum x^2]` of some rows.
    fn add_moments<'a>(simd; x: &'a [f32], sums: &'a mut [f32]) {
        let sums = vectors_mut::<S>(sums);
        let (sum, square) = sums.split_at_mut(sums.len() / 2);
        for row in vectors::<S>(x).chunks_exact(sum.len()) {
            for ((x, sum), square) in row.iter().zip(&mut *sum).zip(&mut *square) {
                *sum = simd.add_f32s(*sum, *x);
                *square = simd.mul_add_f32s(*x, *x, *square);
            }
        }
    }
}

vectorized! {
    fn apply<'a>(
        simd;
        x: &'a [f32],
        y: &'a mut [f32],
        statistics: &'a Statistics,
        slope: Option<&'a [f32]>,
    ) {
        let scale = vectors::<S>(&statistics.scale);
        let shift = vectors::<S>(&statistics.shift);
        let rows = vectors::<S>(x).chunks_exact(scale.len());
        let rows = rows.zip(vectors_mut::<S>(y).chunks_exact_mut(scale.len()));
        let zero = simd.splat_f32s(0.0);
        match slope.map(vectors::<S>) {
            None => {
                for (x, y) in rows {
                    for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                        *y = simd.mul_add_f32s(*x, *scale, *shift);
                    }
                }
            }
            Some(slope) => {
                for (x, y) in rows {
                    let affine = scale.iter().zip(shift).zip(slope);
                    for ((y, x), ((scale, shift), slope)) in y.iter_mut().zip(x).zip(affine) {
                        let t = simd.mul_add_f32s(*x, *scale, *shift);
                        let positive = simd.greater_than_f32s(t, zero);
                        *y = simd.select_f32s(positive, t, simd.mul_f32s(t, *slope));
                    }
                }
            }
        }
    }
}

/// The gradient before the activation, and what the slope's gradient gains (`dy min(t, 0)`).
#[inline(always)]
fn through_activation<S: pulp::Simd>(
    simd: S,
    t: S::f32s,
    dy: S::f32s,
    slope: Option<S::f32s>,
) -> (S::f32s, S::f32s) {
    let zero = simd.splat_f32s(0.0);
    match slope {
        None => (dy, zero),
        Some(slope) => {
            let positive = simd.greater_than_f32s(t, zero);
            let g = simd.select_f32s(positive, dy, simd.mul_f32s(dy, slope));
            (g, simd.mul_f32s(dy, simd.select_f32s(positive, zero, t)))
        }
    }
}

vectorized! {
    /// Sets `[sum g, sum g x, sum dy min(t, 0)]` of some rows, channels outermost so that sums stay in registers.
    fn gradient_sums<'a>(
        simd;
        x: &'a [f32],
        dy: &'a [f32],
        statistics: &'a Statistics,
        slope: Option<&'a [f32]>,
        sums: &'a mut [f32],
    ) {
        let scale = vectors::<S>(&statistics.scale);
        let shift = vectors::<S>(&statistics.shift);
        let (x, dy, slope, blocks) =
            (vectors::<S>(x), vectors::<S>(dy), slope.map(vectors::<S>), scale.len());
        let sums = vectors_mut::<S>(sums);
        for block in 0..blocks {
            let slope = slope.map(|slope| slope[block]);
            let mut totals = [simd.splat_f32s(0.0); 3];
            let column = x[block..].iter().step_by(blocks).zip(dy[block..].iter().step_by(blocks));
            for (x, dy) in column {
                let t = simd.mul_add_f32s(*x, scale[block], shift[block]);
                let (g, slope_gain) = through_activation(simd, t, *dy, slope);
                totals = [
                    simd.add_f32s(totals[0], g),
                    simd.mul_add_f32s(g, *x, totals[1]),
                    simd.add_f32s(totals[2], slope_gain),
                ];
            }
            for (i, total) in totals.into_iter().enumerate() {
                sums[i * blocks + block] = total;
            }
        }
    }
}

vectorized! {
    /// `dx = a g + b x + c`, the three of `line`.
    fn apply_gradient<'a>(
        simd;
        x: &'a [f32],
        dy: &'a [f32],
        dx: &'a mut [f32],
        statistics: &'a Statistics,
        slope: Option<&'a [f32]>,
        line: &'a [f32],
    ) {
        let scale = vectors::<S>(&statistics.scale);
        let shift = vectors::<S>(&statistics.shift);
        let slope = slope.map(vectors::<S>);
        let blocks = scale.len();
        let (a, rest) = vectors::<S>(line).split_at(blocks);
        let (b, c) = rest.split_at(blocks);
        let rows = vectors::<S>(x).chunks_exact(blocks).zip(vectors::<S>(dy).chunks_exact(blocks));
        for ((x, dy), dx) in rows.zip(vectors_mut::<S>(dx).chunks_exact_mut(blocks)) {
            for block in 0..blocks {
                let t = simd.mul_add_f32s(x[block], scale[block], shift[block]);
                let slope = slope.map(|slope| slope[block]);
                let (g, _) = through_activation(simd, t, dy[block], slope);
                let linear = simd.mul_add_f32s(x[block], b[block], c[block]);
                dx[block] = simd.mul_add_f32s(g, a[block], linear);
            }
        }
    }
}
