//! Global depthwise convolution (GDConv): every channel is one weighted sum over all pixels,
//! `y[n, c] = sum_p x[n, p, c] w[p, c]`.

use crate::cpu::buffers::take;
use crate::cpu::matrix::sum_in_order;
use rayon::prelude::*;

/// `x [batch, pixels, channels]`, `w [pixels, channels]` to `y [batch, channels]`.
pub(crate) fn forward(x: &[f32], w: &[f32], channels: usize) -> Vec<f32> {
    let mut y = vec![0.0; x.len() / w.len() * channels];
    y.par_chunks_mut(channels).zip(x.par_chunks(w.len())).for_each(|(y, x)| {
        for (x, w) in x.chunks_exact(channels).zip(w.chunks_exact(channels)) {
            for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
                *y += x * w;
            }
        }
    });
    y
}

/// Gradients `(dx, dw)` from `dy [batch, channels]`.
pub(crate) fn backward(x: &[f32], w: &[f32], dy: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let mut dx = take(x.len());
    let parts = dx
        .par_chunks_mut(w.len())
        .zip(x.par_chunks(w.len()))
        .zip(dy.par_chunks(channels))
        .map(|((dx, x), dy)| {
            let mut dw = vec![0.0; w.len()];
            let pixels = dx
                .chunks_exact_mut(channels)
                .zip(x.chunks_exact(channels))
                .zip(w.chunks_exact(channels))
                .zip(dw.chunks_exact_mut(channels));
            for (((dx, x), w), dw) in pixels {
                for ((((dx, x), w), dw), dy) in dx.iter_mut().zip(x).zip(w).zip(dw).zip(dy) {
                    *dx = dy * w;
                    *dw = dy * x;
                }
            }
            dw
        })
        .collect();
    (dx, sum_in_order(parts))
}
