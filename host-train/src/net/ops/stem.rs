//! The first convolution: 3x3, stride 2, padding 1, from 3 colours. The image needs no gradient.
//!
//! Eight output rows at a time are laid out as a patch matrix `[8 * width, 27]`, then one matrix product follows.

use super::shape::Nhwc;
use crate::cpu::buffers::take;
use crate::cpu::matrix::{Matrix, Write, multiply, sum_in_order};
use rayon::prelude::*;

/// Numbers under the window of one output pixel: 3 rows, 3 columns, 3 colours.
pub(crate) const PATCH: usize = 27;

const ROWS_AT_ONCE: usize = 8;

/// `x [batch, height, width, 3]`, `w [outputs, 27]` (row, column, colour) to `y [batch, height/2, width/2, outputs]`.
pub(crate) fn forward(x: &[f32], w: &[f32], shape: Nhwc, outputs: usize) -> Vec<f32> {
    let out = shape.strided(2);
    let mut y = take(out.pixels() * outputs);
    y.par_chunks_mut(out.image_pixels() * outputs).zip(x.par_chunks(shape.image_len())).for_each(
        |(y, image)| {
            let mut patches = vec![0.0; ROWS_AT_ONCE * out.width * PATCH];
            for (band, y) in y.chunks_mut(ROWS_AT_ONCE * out.width * outputs).enumerate() {
                let pixels = y.len() / outputs;
                let patches = &mut patches[..pixels * PATCH];
                fill_patches(image, shape, band * ROWS_AT_ONCE, patches);
                let w = Matrix::new(w, outputs, PATCH).transposed();
                multiply(y, Write::Replace, Matrix::new(patches, pixels, PATCH), w);
            }
        },
    );
    y
}

/// Weight gradient `[outputs, 27]` from `dy [batch, height/2, width/2, outputs]`.
pub(crate) fn backward(x: &[f32], dy: &[f32], shape: Nhwc, outputs: usize) -> Vec<f32> {
    let out = shape.strided(2);
    let parts = dy
        .par_chunks(out.image_pixels() * outputs)
        .zip(x.par_chunks(shape.image_len()))
        .map(|(dy, image)| {
            let mut dw = vec![0.0; outputs * PATCH];
            let mut patches = vec![0.0; ROWS_AT_ONCE * out.width * PATCH];
            for (band, dy) in dy.chunks(ROWS_AT_ONCE * out.width * outputs).enumerate() {
                let pixels = dy.len() / outputs;
                let patches = &mut patches[..pixels * PATCH];
                fill_patches(image, shape, band * ROWS_AT_ONCE, patches);
                let dy = Matrix::new(dy, pixels, outputs).transposed();
                multiply(&mut dw, Write::Add, dy, Matrix::new(patches, pixels, PATCH));
            }
            dw
        })
        .collect();
    sum_in_order(parts)
}

/// Writes the patches of output rows `first..` of one image, as many as `patches` has room for.
fn fill_patches(image: &[f32], shape: Nhwc, first: usize, patches: &mut [f32]) {
    let out_width = shape.strided(2).width;
    for (pixel, patch) in patches.chunks_exact_mut(PATCH).enumerate() {
        let (row, column) = (first + pixel / out_width, pixel % out_width);
        for (ky, taps) in patch.chunks_exact_mut(9).enumerate() {
            let y = (2 * row + ky).wrapping_sub(1);
            for (kx, tap) in taps.chunks_exact_mut(3).enumerate() {
                let x = (2 * column + kx).wrapping_sub(1);
                if y < shape.height && x < shape.width {
                    let at = (y * shape.width + x) * 3;
                    tap.copy_from_slice(&image[at..at + 3]);
                } else {
                    tap.fill(0.0);
                }
            }
        }
    }
}
