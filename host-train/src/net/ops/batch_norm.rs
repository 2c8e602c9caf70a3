//! Training batch normalization with an optional PReLU behind it, fused: one pass for the statistics, one to apply, two
//! for the gradients.
//!
//! ```text
//! t = scale[c] x + shift[c],   scale = gamma / sqrt(var + eps),   shift = beta - mean scale
//! y = t where t > 0, slope[c] t elsewhere                          (y = t without PReLU)
//! ```
//!
//! Mean and variance are over the batch and all pixels of a channel; the variance divides by the count (biased). The batch may
//! be that of all ranks, and mean and variance may be given ones, which no gradient goes through: [`Moments`].

use crate::cpu::buffers::take;
use crate::cpu::lanes::{vectorized, vectors, vectors_mut};
use crate::ranks::Ranks;
use rayon::prelude::*;
use std::sync::Arc;

/// Added to the variance.
pub(crate) const EPSILON: f64 = 1e-5;

/// Rows of one partial sum; partial sums are added in f64 in their order, whatever the thread count.
const ROWS_AT_ONCE: usize = 1024;

/// Values of two tensors that together fit the nearest cache.
const NEAR_FLOATS: usize = 2048;

/// Whose mean and variance a layer takes.
#[derive(Clone, Debug)]
pub(crate) enum Moments {
    /// Those of this batch and of the other ranks', which normalize it at the same time; of this one alone without others.
    Batch(Arc<Ranks>),
    /// These, one a channel.
    Given {
        /// Means.
        mean: Vec<f32>,
        /// Variances.
        variance: Vec<f32>,
    },
}

impl Moments {
    /// Those that leave a layer its factor and offset alone: with this variance, the deviation is 1 and a scale is its factor to the
    /// bit.
    pub(crate) fn neutral(channels: usize) -> Self {
        Self::Given { mean: vec![0.0; channels], variance: vec![(1.0 - EPSILON) as f32; channels] }
    }
}

/// Statistics of one batch, and the affine map that they make of the layer.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f32>,
    /// Divided by the count, not by the count less one.
    pub(crate) variance: Vec<f32>,
    /// With whom the batch is shared; none when the batch has no part in mean and variance.
    ranks: Option<Arc<Ranks>>,
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

/// `x [rows, channels]` to `y` of the same shape.
pub(crate) fn forward(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    slope: Option<&[f32]>,
    moments: Moments,
) -> (Vec<f32>, Statistics) {
    let statistics = match moments {
        Moments::Batch(ranks) => of_batch(x, gamma, beta, ranks),
        Moments::Given { mean, variance } => {
            let given = (0..gamma.len()).map(|c| (f64::from(mean[c]), f64::from(variance[c])));
            Statistics::new(given, gamma, beta, None)
        }
    };
    let channels = gamma.len();
    let mut y = take(x.len());
    y.par_chunks_mut(ROWS_AT_ONCE * channels)
        .zip(x.par_chunks(ROWS_AT_ONCE * channels))
        .for_each(|(y, x)| apply(x, y, &statistics, slope));
    (y, statistics)
}

impl Statistics {
    /// From mean and variance of every channel.
    fn new(
        moments: impl Iterator<Item = (f64, f64)>,
        gamma: &[f32],
        beta: &[f32],
        ranks: Option<Arc<Ranks>>,
    ) -> Self {
        let zeros = || vec![0.0; gamma.len()];
        let (mean, variance, inverse_deviation) = (zeros(), zeros(), zeros());
        let (scale, shift) = (zeros(), zeros());
        let mut s = Self { mean, variance, ranks, inverse_deviation, scale, shift };
        for (c, (mean, variance)) in moments.enumerate() {
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
}

fn of_batch(x: &[f32], gamma: &[f32], beta: &[f32], ranks: Arc<Ranks>) -> Statistics {
    let channels = gamma.len();
    let parts: Vec<Vec<f32>> = x
        .par_chunks(ROWS_AT_ONCE * channels)
        .map(|x| {
            let mut sums = vec![0.0; 2 * channels];
            add_moments(x, &mut sums);
            sums
        })
        .collect();
    let (sums, count) = over(&ranks, sum(&parts), x.len() / channels);
    let (first, square) = sums.split_at(channels);
    let moments = first.iter().zip(square).map(|(sum, square)| {
        let mean = sum / count;
        (mean, (square / count - mean * mean).max(0.0))
    });
    Statistics::new(moments, gamma, beta, Some(ranks))
}

/// Sums over the batches of all ranks, and how many rows those have. When a rank is lost, the own ones: a backward pass has no
/// way to fail, and the step finds out at its end.
fn over(ranks: &Ranks, mut own: Vec<f64>, rows: usize) -> (Vec<f64>, f64) {
    own.push(rows as f64);
    let all = ranks.gather(&own).unwrap_or_else(|_| vec![own]);
    let mut total = sum(&all);
    let rows = total.pop().unwrap_or_default();
    (total, rows)
}

/// Gradients from `dy [rows, channels]`. With `g` the gradient of `t` and `h` the normalised input:
/// `dbeta = sum g`, `dgamma = sum g h`, `dx = gamma / sqrt(var + eps) (g - mean(g) - h mean(g h))`, `dslope = sum dy min(t, 0)`.
/// The means are over the rows that mean and variance are of, on whatever rank; the sums are over this rank's, since a step adds
/// up the ranks' gradients. With given mean and variance, `dx` loses both means.
pub(crate) fn backward(
    x: &[f32],
    dy: &[f32],
    gamma: &[f32],
    slope: Option<&[f32]>,
    statistics: &Statistics,
) -> Gradients {
    let channels = gamma.len();
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
    let sums = sum(&parts);
    let mut g = Gradients {
        x: take(x.len()),
        gamma: vec![0.0; channels],
        beta: vec![0.0; channels],
        slope: vec![0.0; channels],
    };
    let shared = statistics.ranks.as_ref();
    let shared = shared.map(|ranks| over(ranks, sums[..2 * channels].to_vec(), x.len() / channels));
    // dx = a g + b x + c, a channel each.
    let mut line = vec![0.0; 3 * channels];
    for c in 0..channels {
        let (mean, inverse) =
            (f64::from(statistics.mean[c]), f64::from(statistics.inverse_deviation[c]));
        let normalised = |sums: &[f64]| (sums[channels + c] - mean * sums[c]) * inverse;
        let a = f64::from(gamma[c]) * inverse;
        line[c] = a as f32;
        if let Some((all, count)) = &shared {
            let b = -a * inverse * normalised(all) / count;
            line[channels + c] = b as f32;
            line[2 * channels + c] = (-a * all[c] / count - b * mean) as f32;
        }
        g.gamma[c] = normalised(&sums) as f32;
        g.beta[c] = sums[c] as f32;
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
fn sum<T: Copy + Into<f64>>(parts: &[Vec<T>]) -> Vec<f64> {
    let mut total = vec![0.0; parts.first().map_or(0, Vec::len)];
    for part in parts {
        for (total, value) in total.iter_mut().zip(part) {
            *total += (*value).into();
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
                        *y = select(simd, positive, t, simd.mul_f32s(t, *slope));
                    }
                }
            }
        }
    }
}

/// One value or the other. pulp's own `select_f32s` is compiled without the vector width where it is not inlined: with
/// AVX2 a quarter of a training step went into its calls.
#[inline(always)]
fn select<S: pulp::Simd>(simd: S, first: S::m32s, a: S::f32s, b: S::f32s) -> S::f32s {
    let bits = simd.select_u32s(first, simd.transmute_u32s_f32s(a), simd.transmute_u32s_f32s(b));
    simd.transmute_f32s_u32s(bits)
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
            let g = select(simd, positive, dy, simd.mul_f32s(dy, slope));
            (g, simd.mul_f32s(dy, select(simd, positive, zero, t)))
        }
    }
}

vectorized! {
    /// Adds to `[sum g, sum g x, sum dy min(t, 0)]` those of some rows. A few rows at a time, which stay in the nearest
    /// cache while the channels' sums, each in registers, go over them; two vectors of channels, to hide the sums' latency.
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
        let slope = slope.map(vectors::<S>);
        let blocks = scale.len();
        let near = (NEAR_FLOATS / statistics.scale.len()).max(1) * blocks;
        let affine = Affine { scale, shift, slope };
        let sums = vectors_mut::<S>(sums);
        for rows in vectors::<S>(x).chunks(near).zip(vectors::<S>(dy).chunks(near)) {
            for pair in 0..blocks / 2 {
                add_gradients::<S, 2>(simd, rows, &affine, 2 * pair, sums);
            }
            if blocks % 2 == 1 {
                add_gradients::<S, 1>(simd, rows, &affine, blocks - 1, sums);
            }
        }
    }
}

/// A vector of channels each.
struct Affine<'a, V> {
    scale: &'a [V],
    shift: &'a [V],
    slope: Option<&'a [V]>,
}

/// The sums of `N` vectors of channels, from the `first` on.
#[inline(always)]
fn add_gradients<S: pulp::Simd, const N: usize>(
    simd: S,
    (x, dy): (&[S::f32s], &[S::f32s]),
    affine: &Affine<'_, S::f32s>,
    first: usize,
    sums: &mut [S::f32s],
) {
    let blocks = affine.scale.len();
    let mut totals = [[simd.splat_f32s(0.0); 3]; N];
    for (x, dy) in x.chunks_exact(blocks).zip(dy.chunks_exact(blocks)) {
        let channels = x[first..first + N].iter().zip(&dy[first..first + N]);
        for (i, ((x, dy), total)) in channels.zip(&mut totals).enumerate() {
            let t = simd.mul_add_f32s(*x, affine.scale[first + i], affine.shift[first + i]);
            let slope = affine.slope.map(|slope| slope[first + i]);
            let (g, slope_gain) = through_activation(simd, t, *dy, slope);
            *total = [
                simd.add_f32s(total[0], g),
                simd.mul_add_f32s(g, *x, total[1]),
                simd.add_f32s(total[2], slope_gain),
            ];
        }
    }
    for (i, totals) in totals.into_iter().enumerate() {
        for (k, total) in totals.into_iter().enumerate() {
            let sum = &mut sums[k * blocks + first + i];
            *sum = simd.add_f32s(*sum, total);
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
