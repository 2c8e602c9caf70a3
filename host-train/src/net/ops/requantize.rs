//! From whole sums to int8 steps, rounded as the engine rounds them, with a gradient that passes the rounding by.
//!
//! ```text
//! s = sum[n, c] + bias[c]
//! t = s (s < 0 ? negative[c] : positive[c])                    without a residual
//! t = s (s < 0 ? negative[c] : positive[c]) + r[n, c] factor   with one
//! y = clamp(round_ties_even(t), low, high)
//! ```
//!
//! Sums, biases, `r` and `y` are whole numbers in f32: distances from their tensors' zero points, so no zero point appears here.
//! Every product and sum is rounded by itself, as in the engine; sums below 2^24 are exact, and then `y` is the engine's to the bit.
//!
//! Backward, the rounding counts as if it were not there (straight-through, arXiv 1308.3432), the limits do not:
//! `dt = dy` where `low <= t <= high`, else 0.

use crate::cpu::buffers::take;
use crate::cpu::lanes::vectorized;
use crate::cpu::matrix::sum_in_order;
use rayon::prelude::*;

/// Rows of one partial sum; partial sums are added in their order, whatever the thread count.
const ROWS_AT_ONCE: usize = 1024;

/// What a requantization knows beside its tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Steps {
    /// Least result.
    pub low: f32,
    /// Greatest result.
    pub high: f32,
    /// What a residual's steps are worth in steps of the result; none without a residual.
    pub factor: Option<f32>,
}

/// One number a channel each.
#[derive(Clone, Copy)]
pub(super) struct Channels<'a> {
    pub(super) bias: &'a [f32],
    pub(super) positive: &'a [f32],
    pub(super) negative: &'a [f32],
}

/// Gradients of one layer.
pub(super) struct Gradients {
    pub(super) sums: Vec<f32>,
    pub(super) residual: Option<Vec<f32>>,
    pub(super) bias: Vec<f32>,
    pub(super) positive: Vec<f32>,
    pub(super) negative: Vec<f32>,
}

/// `sums [rows, channels]` to `y` of the same shape; `residual` has it too, and does not count without a factor.
pub(super) fn forward(
    sums: &[f32],
    channels: Channels<'_>,
    residual: &[f32],
    steps: Steps,
) -> Vec<f32> {
    let block = ROWS_AT_ONCE * channels.bias.len();
    let mut y = take(sums.len());
    y.par_chunks_mut(block)
        .zip(sums.par_chunks(block).zip(residual.par_chunks(block)))
        .for_each(|(y, (sums, residual))| apply(sums, channels, residual, steps, y));
    y
}

/// Gradients from `dy [rows, channels]`.
pub(super) fn backward(
    sums: &[f32],
    channels: Channels<'_>,
    residual: &[f32],
    steps: Steps,
    dy: &[f32],
) -> Gradients {
    let count = channels.bias.len();
    let block = ROWS_AT_ONCE * count;
    // `dt` first: a residual's gradient but for its factor.
    let mut dsums = take(sums.len());
    dsums
        .par_chunks_mut(block)
        .zip(sums.par_chunks(block).zip(residual.par_chunks(block)))
        .zip(dy.par_chunks(block))
        .for_each(|((dt, (sums, residual)), dy)| inside(sums, channels, residual, steps, dy, dt));
    let dresidual = steps.factor.map(|factor| {
        let mut dresidual = take(sums.len());
        let both = dresidual.par_iter_mut().zip(&dsums).with_min_len(block);
        both.for_each(|(dr, dt)| *dr = dt * factor);
        dresidual
    });
    let parts = dsums.par_chunks_mut(block).zip(sums.par_chunks(block)).map(|(dt, sums)| {
        let mut totals = vec![0.0; 3 * count];
        through(sums, channels, dt, &mut totals);
        totals
    });
    let parts = parts.collect();
    let totals = sum_in_order(parts);
    let row = |i: usize| totals.get(i * count..(i + 1) * count).unwrap_or_default().to_vec();
    let (bias, positive, negative) = (row(0), row(1), row(2));
    Gradients { sums: dsums, residual: dresidual, bias, positive, negative }
}

/// `t` of one value.
#[inline(always)]
fn scaled(sum: f32, [bias, positive, negative]: [f32; 3], residual: f32) -> f32 {
    let s = sum + bias;
    s * if s < 0.0 { negative } else { positive } + residual
}

vectorized! {
    fn apply<'a>(
        simd;
        sums: &'a [f32],
        channels: Channels<'a>,
        residual: &'a [f32],
        steps: Steps,
        y: &'a mut [f32],
    ) {
        let count = channels.bias.len();
        let factor = steps.factor.unwrap_or(0.0);
        let rows = sums.chunks_exact(count).zip(residual.chunks_exact(count));
        for ((sums, residual), y) in rows.zip(y.chunks_exact_mut(count)) {
            let Channels { bias, positive, negative } = channels;
            let numbers = bias.iter().zip(positive).zip(negative);
            let values = y.iter_mut().zip(sums).zip(residual).zip(numbers);
            for (((y, &s), &r), ((&bias, &positive), &negative)) in values {
                let t = scaled(s, [bias, positive, negative], r * factor);
                *y = t.round_ties_even().clamp(steps.low, steps.high);
            }
        }
    }
}

vectorized! {
    /// `dt`.
    fn inside<'a>(
        simd;
        sums: &'a [f32],
        channels: Channels<'a>,
        residual: &'a [f32],
        steps: Steps,
        dy: &'a [f32],
        dt: &'a mut [f32],
    ) {
        let count = channels.bias.len();
        let factor = steps.factor.unwrap_or(0.0);
        let rows = sums.chunks_exact(count).zip(residual.chunks_exact(count));
        let gradients = dy.chunks_exact(count).zip(dt.chunks_exact_mut(count));
        for ((sums, residual), (dy, dt)) in rows.zip(gradients) {
            let Channels { bias, positive, negative } = channels;
            let numbers = bias.iter().zip(positive).zip(negative);
            let values = dt.iter_mut().zip(dy).zip(sums).zip(residual).zip(numbers);
            for ((((dt, &dy), &s), &r), ((&bias, &positive), &negative)) in values {
                let t = scaled(s, [bias, positive, negative], r * factor);
                *dt = if t >= steps.low && t <= steps.high { dy } else { 0.0 };
            }
        }
    }
}

vectorized! {
    /// `dt` to `dsum`, in place, and the sums over all rows: of biases, then of both multipliers.
    fn through<'a>(
        simd;
        sums: &'a [f32],
        channels: Channels<'a>,
        dt: &'a mut [f32],
        totals: &'a mut [f32],
    ) {
        let count = channels.bias.len();
        let (dbias, rest) = totals.split_at_mut(count);
        let (dpositive, dnegative) = rest.split_at_mut(count);
        for (sums, dt) in sums.chunks_exact(count).zip(dt.chunks_exact_mut(count)) {
            let Channels { bias, positive, negative } = channels;
            let numbers = bias.iter().zip(positive).zip(negative);
            let gains = dbias.iter_mut().zip(&mut *dpositive).zip(&mut *dnegative);
            let values = dt.iter_mut().zip(sums).zip(numbers).zip(gains);
            for (((dt, &s), ((&bias, &m), &n)), ((dbias, dm), dn)) in values {
                let s = s + bias;
                let below = s < 0.0;
                let gain = *dt * s;
                *dm += if below { 0.0 } else { gain };
                *dn += if below { gain } else { 0.0 };
                *dt *= if below { n } else { m };
                *dbias += *dt;
            }
        }
    }
}
