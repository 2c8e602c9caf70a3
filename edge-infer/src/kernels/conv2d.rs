//! Two-dimensional convolution: every output channel sees every input channel of the window.
//!
//! ```text
//! sum[y, x, o] = bias[o] + Σ ky, kx, i  input[row, column, i] * weights[o, ky, kx, i]
//! row = y * stride + ky - top          column = x * stride + kx - left
//! ```
//!
//! For each output pixel and each block of output channels, the runs of the window (see `geometry`)
//! are contiguous rows of the input, and each output channel takes one dot product with its own row
//! of weights. A 1x1 convolution is then one dot product over the input channels.

use super::geometry::{Run, check, product};
use super::{Addend, BLOCK, Geometry, LengthError, Requantize, arch, with_sums};

/// Arguments of [`conv2d`] and [`depthwise_conv2d`](super::depthwise_conv2d()).
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// Shapes and window.
    pub geometry: Geometry,
    /// Stored values, NHWC.
    pub input: &'a [i8],
    /// What a tap outside the input reads: the input's zero point.
    pub pad_value: i8,
    /// `[out][ky][kx][in]` for [`conv2d`], `[ky][kx][channel]` for depthwise.
    pub weights: &'a [i8],
    /// One an output channel, the input's zero point folded in.
    pub bias: &'a [i32],
    /// From sums to int8.
    pub requantize: Requantize<'a>,
    /// A tensor of the output's shape, added after the activation.
    pub residual: Option<Addend<'a>>,
}

/// Convolves `layer.input` into `output` (NHWC, the geometry's output shape).
///
/// # Errors
/// A slice's length is not what the geometry needs. `output` is then untouched.
pub fn conv2d(layer: &Convolution<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let geometry = &layer.geometry;
    let channels = usize::from(geometry.input.channels);
    let row_len = geometry.taps() * channels;
    layer.check(output, product(&[row_len, geometry.output.channels.into()]))?;
    let padding = [layer.pad_value; BLOCK];
    layer.for_each_block(output, |y, x, block, sums| {
        let weights = layer.weights.get(block * row_len * BLOCK..).unwrap_or_default();
        geometry.for_each_run(y, x, |Run { tap, taps, pixel }| {
            let (offset, len) = (tap * channels, taps * channels);
            match pixel {
                Some(pixel) => {
                    let start = pixel * channels;
                    let input = layer.input.get(start..start + len).unwrap_or_default();
                    arch::dot_rows(input, weights, row_len, offset, sums);
                }
                None => {
                    for done in (0..len).step_by(BLOCK) {
                        let input = padding.get(..len - done).unwrap_or(&padding);
                        arch::dot_rows(input, weights, row_len, offset + done, sums);
                    }
                }
            }
        });
    });
    Ok(())
}

impl Convolution<'_> {
    /// Checks every slice against the geometry; `weights` is the number of weights that it needs.
    pub(super) fn check(&self, output: &[i8], weights: usize) -> Result<(), LengthError> {
        let channels = usize::from(self.geometry.output.channels);
        check("input", self.input, self.geometry.input.elements())?;
        check("weights", self.weights, weights)?;
        check("bias", self.bias, channels)?;
        check("output", output, self.geometry.output.elements())?;
        self.requantize.check(channels)?;
        self.residual.map_or(Ok(()), |residual| check("residual", residual.values, output.len()))
    }

    /// Fills the output pixel by pixel and block by block: sums start as the bias, `accumulate(y,
    /// x, block, sums)` adds the window, and the epilogue rounds them to int8.
    #[inline(always)]
    pub(super) fn for_each_block(
        &self,
        output: &mut [i8],
        mut accumulate: impl FnMut(usize, usize, usize, &mut [i32]),
    ) {
        let channels = usize::from(self.geometry.output.channels);
        let mut unwritten = output;
        let mut done = 0;
        for y in 0..usize::from(self.geometry.output.height) {
            for x in 0..usize::from(self.geometry.output.width) {
                let Some(pixel) = unwritten.split_off_mut(..channels) else {
                    return;
                };
                for (block, output) in pixel.chunks_mut(BLOCK).enumerate() {
                    let first = block * BLOCK;
                    let bias = self.bias.get(first..).unwrap_or_default();
                    with_sums(bias, output.len(), |sums| {
                        accumulate(y, x, block, sums);
                        let residual = self.residual.map(|residual| residual.skip(done + first));
                        self.requantize.block(first, sums, residual, output);
                    });
                }
                done += channels;
            }
        }
    }
}
