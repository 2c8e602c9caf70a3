//! 3x3 depthwise convolution, padding 1, stride 1 or 2, over NHWC; weights `[9, channels]` (row, column).
//!
//! `y[n, i, j, c] = sum_{ky, kx} x[n, s i + ky - 1, s j + kx - 1, c] w[ky, kx, c]`, zeros outside.
//! Every pass walks rows; within a row one block of 16 channels keeps its nine weights (or sums) in registers.

use super::lanes::{LANES, Lane, ZERO, add, lanes, lanes_mut, multiply_add, vectorized};
use super::matrix::sum_in_order;
use super::shape::Nhwc;
use core::array;
use rayon::prelude::*;

/// Weights of one channel.
pub(crate) const TAPS: usize = 9;

/// `x [batch, height, width, channels]` to `y`, height and width divided by `stride` (rounded up).
pub(crate) fn forward(x: &[f32], w: &[f32], shape: Nhwc, stride: usize) -> Vec<f32> {
    let out = shape.strided(stride);
    let mut y = vec![0.0; out.pixels() * shape.channels];
    y.par_chunks_mut(out.image_len())
        .zip(x.par_chunks(shape.image_len()))
        .for_each(|(y, x)| vectorized(|| image_forward(x, w, y, shape, stride)));
    y
}

/// Gradients `(dx, dw)` from `dy`.
pub(crate) fn backward(
    x: &[f32],
    w: &[f32],
    dy: &[f32],
    shape: Nhwc,
    stride: usize,
) -> (Vec<f32>, Vec<f32>) {
    let out = shape.strided(stride);
    // Of stride 1, the input's gradient is the same convolution with the window turned half around.
    let turned: Vec<f32> = w
        .chunks_exact(shape.channels)
        .rev()
        .flatten()
        .copied()
        .collect();
    let mut dx = vec![0.0; x.len()];
    let parts = dx
        .par_chunks_mut(shape.image_len())
        .zip(x.par_chunks(shape.image_len()))
        .zip(dy.par_chunks(out.image_len()))
        .map(|((dx, x), dy)| {
            let mut dw = vec![0.0; TAPS * shape.channels];
            vectorized(|| {
                image_weight_gradient(x, dy, &mut dw, shape, stride);
                if stride == 1 {
                    image_forward(dy, &turned, dx, out, 1);
                } else {
                    image_input_gradient_stride2(dy, w, dx, shape);
                }
            });
            dw
        })
        .collect();
    (dx, sum_in_order(parts))
}

/// The rows `s i - 1 ..= s i + 1` of an image; `outside` stands in for those beyond its edge.
#[inline(always)]
fn window_rows<'a>(
    image: &'a [Lane],
    outside: &'a [Lane],
    shape: Nhwc,
    centre: usize,
) -> [&'a [Lane]; 3] {
    let row = shape.row_len() / LANES;
    array::from_fn(|ky| {
        let y = (centre + ky).wrapping_sub(1);
        if y < shape.height {
            &image[y * row..(y + 1) * row]
        } else {
            outside
        }
    })
}

#[inline(always)]
fn image_forward(x: &[f32], w: &[f32], y: &mut [f32], shape: Nhwc, stride: usize) {
    let blocks = shape.channels / LANES;
    let outside = vec![ZERO; shape.row_len() / LANES];
    let (x, w) = (lanes(x), lanes(w));
    let out_row = shape.strided(stride).row_len() / LANES;
    for (i, y) in lanes_mut(y).chunks_exact_mut(out_row).enumerate() {
        let rows = window_rows(x, &outside, shape, i * stride);
        for block in 0..blocks {
            let taps: [Lane; TAPS] = array::from_fn(|t| w[t * blocks + block]);
            for (j, y) in y[block..].iter_mut().step_by(blocks).enumerate() {
                let centre = j * stride;
                let mut sums = [ZERO; 3];
                for (ky, (sum, row)) in sums.iter_mut().zip(rows).enumerate() {
                    let at = centre * blocks + block;
                    *sum = multiply_add(&row[at], &taps[3 * ky + 1], sum);
                    if centre > 0 {
                        *sum = multiply_add(&row[at - blocks], &taps[3 * ky], sum);
                    }
                    if centre + 1 < shape.width {
                        *sum = multiply_add(&row[at + blocks], &taps[3 * ky + 2], sum);
                    }
                }
                *y = add(&add(&sums[0], &sums[1]), &sums[2]);
            }
        }
    }
}

/// `dw[ky, kx, c] = sum_{i, j} x[s i + ky - 1, s j + kx - 1, c] dy[i, j, c]` of one image.
#[inline(always)]
fn image_weight_gradient(x: &[f32], dy: &[f32], dw: &mut [f32], shape: Nhwc, stride: usize) {
    let blocks = shape.channels / LANES;
    let outside = vec![ZERO; shape.row_len() / LANES];
    let (x, dw) = (lanes(x), lanes_mut(dw));
    let out_row = shape.strided(stride).row_len() / LANES;
    for (i, dy) in lanes(dy).chunks_exact(out_row).enumerate() {
        let rows = window_rows(x, &outside, shape, i * stride);
        for block in 0..blocks {
            let mut sums = [ZERO; TAPS];
            for (j, dy) in dy[block..].iter().step_by(blocks).enumerate() {
                let centre = j * stride;
                let at = centre * blocks + block;
                for (ky, row) in rows.into_iter().enumerate() {
                    let sums = &mut sums[3 * ky..3 * ky + 3];
                    sums[1] = multiply_add(&row[at], dy, &sums[1]);
                    if centre > 0 {
                        sums[0] = multiply_add(&row[at - blocks], dy, &sums[0]);
                    }
                    if centre + 1 < shape.width {
                        sums[2] = multiply_add(&row[at + blocks], dy, &sums[2]);
                    }
                }
            }
            for (t, sum) in sums.iter().enumerate() {
                let total = &mut dw[t * blocks + block];
                *total = add(total, sum);
            }
        }
    }
}

/// Of stride 2, input row `2 i` was read by output row `i` through the window's middle row alone, and row `2 i + 1` by
/// output rows `i` (its lower row) and `i + 1` (its upper row); columns alike.
#[inline(always)]
fn image_input_gradient_stride2(dy: &[f32], w: &[f32], dx: &mut [f32], shape: Nhwc) {
    let blocks = shape.channels / LANES;
    let out = shape.strided(2);
    let out_row = out.row_len() / LANES;
    let outside = vec![ZERO; out_row];
    let (dy, w) = (lanes(dy), lanes(w));
    let row_of = |i: usize| {
        if i < out.height {
            &dy[i * out_row..(i + 1) * out_row]
        } else {
            &outside[..]
        }
    };
    for (y, dx) in lanes_mut(dx)
        .chunks_exact_mut(shape.row_len() / LANES)
        .enumerate()
    {
        let readers = if y % 2 == 0 {
            [(1, row_of(y / 2)), (1, &outside[..])]
        } else {
            [(2, row_of(y / 2)), (0, row_of(y / 2 + 1))]
        };
        for block in 0..blocks {
            let taps: [[Lane; 3]; 2] = array::from_fn(|r| {
                array::from_fn(|kx| w[(3 * readers[r].0 + kx) * blocks + block])
            });
            for (x, dx) in dx[block..].iter_mut().step_by(blocks).enumerate() {
                let at = x / 2 * blocks + block;
                let mut sum = ZERO;
                for ((_, row), taps) in readers.into_iter().zip(&taps) {
                    if x % 2 == 0 {
                        sum = multiply_add(&row[at], &taps[1], &sum);
                    } else {
                        sum = multiply_add(&row[at], &taps[2], &sum);
                        if x / 2 + 1 < out.width {
                            sum = multiply_add(&row[at + blocks], &taps[0], &sum);
                        }
                    }
                }
                *dx = sum;
            }
        }
    }
}
