//! 1x1 convolution over NHWC: one matrix product, `y[rows, out] = x[rows, in] w[out, in]^T`.

use crate::cpu::buffers::take;
use crate::cpu::matrix::{Matrix, Write, multiply, rows_in_cache, sum_in_order};
use rayon::prelude::*;

/// Weight gradients are summed in this many parts, whatever the thread count: the same sum on every machine.
const GRADIENT_PARTS: usize = 8;

/// `x [rows, inputs]`, `w [outputs, inputs]` to `y [rows, outputs]`.
pub(crate) fn forward(x: &[f32], w: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    let rows = x.len() / inputs;
    let block = rows_in_cache(inputs + outputs);
    let mut y = take(rows * outputs);
    y.par_chunks_mut(block * outputs).zip(x.par_chunks(block * inputs)).for_each(|(y, x)| {
        let x = Matrix::new(x, x.len() / inputs, inputs);
        let w = Matrix::new(w, outputs, inputs);
        multiply(y, Write::Replace, x, w.transposed());
    });
    y
}

/// Gradients `(dx [rows, inputs], dw [outputs, inputs])` from `dy [rows, outputs]`: `dx = dy w`, `dw = dy^T x`.
pub(crate) fn backward(
    x: &[f32],
    w: &[f32],
    dy: &[f32],
    inputs: usize,
    outputs: usize,
) -> (Vec<f32>, Vec<f32>) {
    let rows = x.len() / inputs;
    let block = rows_in_cache(inputs + outputs);
    let part = rows.div_ceil(block).div_ceil(GRADIENT_PARTS) * block;
    let mut dx = take(x.len());
    let parts = dx
        .par_chunks_mut(part * inputs)
        .zip(x.par_chunks(part * inputs))
        .zip(dy.par_chunks(part * outputs))
        .map(|((dx, x), dy)| {
            let mut dw = vec![0.0; outputs * inputs];
            let blocks = dx
                .chunks_mut(block * inputs)
                .zip(x.chunks(block * inputs))
                .zip(dy.chunks(block * outputs));
            for ((dx, x), dy) in blocks {
                let n = x.len() / inputs;
                let dy = Matrix::new(dy, n, outputs);
                let w = Matrix::new(w, outputs, inputs);
                multiply(dx, Write::Replace, dy, w);
                multiply(&mut dw, Write::Add, dy.transposed(), Matrix::new(x, n, inputs));
            }
            dw
        })
        .collect();
    (dx, sum_in_order(parts))
}
