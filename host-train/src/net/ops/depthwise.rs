//! 3x3 depthwise convolution, padding 1, stride 1 or 2, over NHWC; weights `[9, channels]` (row, column).
//!
//! `y[n, i, j, c] = sum_{ky, kx} x[n, s i + ky - 1, s j + kx - 1, c] w[ky, kx, c]`, zeros outside.
//! Every pass walks rows; within a row one block of 16 channels keeps its nine weights (or sums) in registers.

use super::shape::Nhwc;
use crate::cpu::buffers::take;
use crate::cpu::lanes::{vectorized, vectors, vectors_mut};
use crate::cpu::matrix::sum_in_order;
use core::array;
use rayon::prelude::*;

/// Weights of one channel.
pub(crate) const TAPS: usize = 9;

/// `x [batch, height, width, channels]` to `y`, height and width divided by `stride` (rounded up).
pub(crate) fn forward(x: &[f32], w: &[f32], shape: Nhwc, stride: usize) -> Vec<f32> {
    let out = shape.strided(stride);
    let mut y = take(out.pixels() * shape.channels);
    y.par_chunks_mut(out.image_len())
        .zip(x.par_chunks(shape.image_len()))
        .for_each(|(y, x)| image_forward(x, w, y, shape, stride));
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
    let turned: Vec<f32> = w.chunks_exact(shape.channels).rev().flatten().copied().collect();
    let mut dx = take(x.len());
    let parts = dx
        .par_chunks_mut(shape.image_len())
        .zip(x.par_chunks(shape.image_len()))
        .zip(dy.par_chunks(out.image_len()))
        .map(|((dx, x), dy)| {
            let mut dw = vec![0.0; TAPS * shape.channels];
            image_weight_gradient(x, dy, &mut dw, shape, stride);
            if stride == 1 {
                image_forward(dy, &turned, dx, out, 1);
            } else {
                image_input_gradient_stride2(dy, w, dx, shape);
            }
            dw
        })
        .collect();
    (dx, sum_in_order(parts))
}

/// The rows `centre - 1 ..= centre + 1` of an image; `outside` stands in for those beyond its edge.
#[inline(always)]
fn window_rows<'a, V>(image: &'a [V], outside: &'a [V], centre: usize) -> [&'a [V]; 3] {
    let row = outside.len();
    array::from_fn(|ky| {
        let start = (centre + ky).wrapping_sub(1).wrapping_mul(row);
        image.get(start..start.wrapping_add(row)).unwrap_or(outside)
    })
}

vectorized! {
    fn image_forward<'a>(
        simd;
        x: &'a [f32],
        w: &'a [f32],
        y: &'a mut [f32],
        shape: Nhwc,
        stride: usize,
    ) {
        let blocks = shape.channels / S::F32_LANES;
        let outside = vec![simd.splat_f32s(0.0); shape.width * blocks];
        let (x, w) = (vectors::<S>(x), vectors::<S>(w));
        let out_row = shape.strided(stride).width * blocks;
        for (i, y) in vectors_mut::<S>(y).chunks_exact_mut(out_row).enumerate() {
            let rows = window_rows(x, &outside, i * stride);
            for block in 0..blocks {
                let taps: [S::f32s; TAPS] = array::from_fn(|t| w[t * blocks + block]);
                for (j, y) in y[block..].iter_mut().step_by(blocks).enumerate() {
                    let centre = j * stride;
                    let at = centre * blocks + block;
                    let mut sums = [simd.splat_f32s(0.0); 3];
                    for ky in 0..3 {
                        sums[ky] = simd.mul_add_f32s(rows[ky][at], taps[3 * ky + 1], sums[ky]);
                    }
                    if centre > 0 {
                        for ky in 0..3 {
                            sums[ky] = simd.mul_add_f32s(rows[ky][at - blocks], taps[3 * ky], sums[ky]);
                        }
                    }
                    if centre + 1 < shape.width {
                        for ky in 0..3 {
                            sums[ky] = simd.mul_add_f32s(rows[ky][at + blocks], taps[3 * ky + 2], sums[ky]);
                        }
                    }
                    *y = simd.add_f32s(simd.add_f32s(sums[0], sums[1]), sums[2]);
                }
            }
        }
    }
}

vectorized! {
    /// `dw[ky, kx, c] = sum_{i, j} x[s i + ky - 1, s j + kx - 1, c] dy[i, j, c]` of one image.
    fn image_weight_gradient<'a>(
        simd;
        x: &'a [f32],
        dy: &'a [f32],
        dw: &'a mut [f32],
        shape: Nhwc,
        stride: usize,
    ) {
        let blocks = shape.channels / S::F32_LANES;
        let outside = vec![simd.splat_f32s(0.0); shape.width * blocks];
        let (x, dw) = (vectors::<S>(x), vectors_mut::<S>(dw));
        let out_row = shape.strided(stride).width * blocks;
        for (i, dy) in vectors::<S>(dy).chunks_exact(out_row).enumerate() {
            let rows = window_rows(x, &outside, i * stride);
            for block in 0..blocks {
                let mut sums = [simd.splat_f32s(0.0); TAPS];
                for (j, dy) in dy[block..].iter().step_by(blocks).enumerate() {
                    let centre = j * stride;
                    let at = centre * blocks + block;
                    for ky in 0..3 {
                        sums[3 * ky + 1] = simd.mul_add_f32s(rows[ky][at], *dy, sums[3 * ky + 1]);
                    }
                    if centre > 0 {
                        for ky in 0..3 {
                            sums[3 * ky] = simd.mul_add_f32s(rows[ky][at - blocks], *dy, sums[3 * ky]);
                        }
                    }
                    if centre + 1 < shape.width {
                        for ky in 0..3 {
                            sums[3 * ky + 2] =
                                simd.mul_add_f32s(rows[ky][at + blocks], *dy, sums[3 * ky + 2]);
                        }
                    }
                }
                for (t, sum) in sums.into_iter().enumerate() {
                    let total = &mut dw[t * blocks + block];
                    *total = simd.add_f32s(*total, sum);
                }
            }
        }
    }
}

vectorized! {
    /// Of stride 2, input row `2 i` was read by output row `i` through the window's middle row alone, and row `2 i + 1`
    /// by output rows `i` (its lower row) and `i + 1` (its upper row); columns alike.
    fn image_input_gradient_stride2<'a>(
        simd;
        dy: &'a [f32],
        w: &'a [f32],
        dx: &'a mut [f32],
        shape: Nhwc,
    ) {
        let blocks = shape.channels / S::F32_LANES;
        let out_width = shape.strided(2).width;
        let outside = vec![simd.splat_f32s(0.0); out_width * blocks];
        let (dy, w) = (vectors::<S>(dy), vectors::<S>(w));
        for (y, dx) in vectors_mut::<S>(dx).chunks_exact_mut(shape.width * blocks).enumerate() {
            let [_, here, below] = window_rows(dy, &outside, y / 2);
            let readers = if y % 2 == 0 { [(1, here), (1, &outside[..])] } else { [(2, here), (0, below)] };
            for block in 0..blocks {
                let tap = |ky: usize, kx: usize| w[(3 * ky + kx) * blocks + block];
                let taps: [[S::f32s; 3]; 2] =
                    array::from_fn(|r| array::from_fn(|kx| tap(readers[r].0, kx)));
                for (x, dx) in dx[block..].iter_mut().step_by(blocks).enumerate() {
                    let at = x / 2 * blocks + block;
                    let mut sum = simd.splat_f32s(0.0);
                    for ((_, row), taps) in readers.into_iter().zip(&taps) {
                        if x % 2 == 0 {
                            sum = simd.mul_add_f32s(row[at], taps[1], sum);
                        } else {
                            sum = simd.mul_add_f32s(row[at], taps[2], sum);
                            if x / 2 + 1 < out_width {
                                sum = simd.mul_add_f32s(row[at + blocks], taps[0], sum);
                            }
                        }
                    }
                    *dx = sum;
                }
            }
        }
    }
}
