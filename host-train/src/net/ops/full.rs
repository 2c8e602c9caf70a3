//! Convolution over all channels, `size x size`, any stride, padding `size / 2`, over NHWC; weights
//! `[outputs, size * size * channels]` (row, column, channel).
//!
//! `y[n, i, j, o] = sum_{ky, kx, c} x[n, s i + ky - size/2, s j + kx - size/2, c] w[o, ky, kx, c]`, zeros outside.
//!
//! A block of output pixels at a time has its windows laid out as the rows of a matrix; then this is a matrix product, as
//! are both gradients. In NHWC one row of a window is one run of neighbouring numbers.

use super::shape::Nhwc;
use crate::cpu::buffers::{give, take};
use crate::cpu::matrix::{Matrix, Write, multiply, sum_in_order};
use rayon::prelude::*;

/// Weight gradients are summed in this many parts, whatever the thread count: the same sum on every machine.
const GRADIENT_PARTS: usize = 8;

/// Numbers of a block of windows: enough rows for the product to be fast, few enough to stay in cache.
const BLOCK: usize = 256 * 1024;

/// A window on images of one shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// The images.
    pub(crate) shape: Nhwc,
    /// Pixels a side, odd.
    pub(crate) size: usize,
    /// Pixels from one window to the next.
    pub(crate) stride: usize,
}

impl Windows {
    /// Numbers under one window.
    fn depth(self) -> usize {
        self.size * self.size * self.shape.channels
    }

    /// Windows of a block.
    fn at_once(self) -> usize {
        (BLOCK / self.depth()).clamp(64, 2048)
    }

    /// The rows of window `index`, of all windows of the batch in the order of the output: where each row starts in the
    /// window, where in the images, and how many numbers of it are inside.
    #[inline]
    fn rows(self, index: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let Nhwc { height, width, channels, .. } = self.shape;
        let out = self.shape.strided(self.stride);
        let (image, place) = (index / out.image_pixels(), index % out.image_pixels());
        let pad = self.size / 2;
        let inside = move |place: usize, side: usize| {
            let start = place * self.stride;
            let first = pad.saturating_sub(start);
            (first, self.size.min(side + pad - start), start + first - pad)
        };
        let (top, bottom, row) = inside(place / out.width, height);
        let (left, right, column) = inside(place % out.width, width);
        (top..bottom).map(move |ky| {
            let pixel = (image * height + row + ky - top) * width + column;
            ((ky * self.size + left) * channels, pixel * channels, (right - left) * channels)
        })
    }

    /// Lays out the windows `first..` as rows of `depth` numbers, as many as `patches` has room for.
    fn gather(self, x: &[f32], first: usize, patches: &mut [f32]) {
        for (i, patch) in patches.chunks_exact_mut(self.depth()).enumerate() {
            let mut end = 0;
            for (at, from, len) in self.rows(first + i) {
                patch[end..at].fill(0.0);
                end = at + len;
                patch[at..end].copy_from_slice(&x[from..from + len]);
            }
            patch[end..].fill(0.0);
        }
    }

    /// Adds such rows to the numbers that they were made of.
    fn scatter(self, patches: &[f32], first: usize, x: &mut [f32]) {
        for (i, patch) in patches.chunks_exact(self.depth()).enumerate() {
            for (at, to, len) in self.rows(first + i) {
                for (x, value) in x[to..to + len].iter_mut().zip(&patch[at..at + len]) {
                    *x += value;
                }
            }
        }
    }
}

/// `x [batch, height, width, channels]` to `y [batch, height / stride, width / stride, outputs]`, rounded up.
pub(crate) fn forward(x: &[f32], w: &[f32], windows: Windows, outputs: usize) -> Vec<f32> {
    let (depth, block) = (windows.depth(), windows.at_once());
    let mut y = take(windows.shape.strided(windows.stride).pixels() * outputs);
    y.par_chunks_mut(block * outputs).enumerate().for_each(|(i, y)| {
        let rows = y.len() / outputs;
        let mut patches = take(rows * depth);
        windows.gather(x, i * block, &mut patches);
        let w = Matrix::new(w, outputs, depth).transposed();
        multiply(y, Write::Replace, Matrix::new(&patches, rows, depth), w);
        give(patches);
    });
    y
}

/// Gradients `(dx, dw)` from `dy`; no `dx` unless it is `wanted`.
pub(crate) fn backward(
    x: &[f32],
    w: &[f32],
    dy: &[f32],
    windows: Windows,
    outputs: usize,
    wanted: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    let (shape, out) = (windows.shape, windows.shape.strided(windows.stride));
    let images = shape.batch.div_ceil(GRADIENT_PARTS);
    let mut dx = if wanted { take(x.len()) } else { Vec::new() };
    let mut dx_parts: Vec<&mut [f32]> = dx.chunks_mut(images * shape.image_len()).collect();
    dx_parts.resize_with(shape.batch.div_ceil(images), Default::default);
    let parts = dx_parts
        .into_par_iter()
        .zip(x.par_chunks(images * shape.image_len()))
        .zip(dy.par_chunks(images * out.image_pixels() * outputs))
        .map(|((dx, x), dy)| part_backward(x, w, dy, dx, windows, outputs))
        .collect();
    (wanted.then_some(dx), sum_in_order(parts))
}

/// Some images' share of `dw`; sets their `dx`, unless it is empty.
fn part_backward(
    x: &[f32],
    w: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    windows: Windows,
    outputs: usize,
) -> Vec<f32> {
    let (depth, block) = (windows.depth(), windows.at_once());
    let mut dw = vec![0.0; outputs * depth];
    let mut patches = take(block * depth);
    dx.fill(0.0);
    for (i, dy) in dy.chunks(block * outputs).enumerate() {
        let rows = dy.len() / outputs;
        let patches = &mut patches[..rows * depth];
        let dy = Matrix::new(dy, rows, outputs);
        windows.gather(x, i * block, patches);
        multiply(&mut dw, Write::Add, dy.transposed(), Matrix::new(patches, rows, depth));
        if !dx.is_empty() {
            multiply(patches, Write::Replace, dy, Matrix::new(w, outputs, depth));
            windows.scatter(patches, i * block, dx);
        }
    }
    give(patches);
    dw
}
