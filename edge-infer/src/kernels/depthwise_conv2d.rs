//! Depthwise convolution: each channel is filtered by itself.
//!
//! ```text
//! sum[y, x, c] = bias[c] + Σ ky, kx  input[row, column, c] * weights[ky, kx, c]
//! row = y * stride + ky - top          column = x * stride + kx - left
//! ```
//!
//! The channels of a tap are contiguous in the input and in the weights, so a tap is one
//! multiply-accumulate over a block of channels whose sums stay on the stack.

use super::geometry::{Run, check_channels, product};
use super::{BLOCK, Convolution, LengthError, arch};

/// Filters `layer.input` into `output` (NHWC, the geometry's output shape), channel by channel.
///
/// # Errors
/// Input and output differ in channels, or a slice's length is not what the geometry needs.
/// `output` is then untouched.
pub fn depthwise_conv2d(layer: &Convolution<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let geometry = &layer.geometry;
    let channels = usize::from(geometry.output.channels);
    check_channels(geometry)?;
    layer.check(output, product(&[geometry.taps(), channels]))?;
    let padding = [layer.pad_value; BLOCK];
    layer.for_each_block(output, |y, x, block, sums| {
        let first = block * BLOCK;
        geometry.for_each_run(y, x, |Run { tap, taps, pixel }| {
            for step in 0..taps {
                let weights =
                    layer.weights.get((tap + step) * channels + first..).unwrap_or_default();
                let input = match pixel {
                    Some(pixel) => {
                        layer.input.get((pixel + step) * channels + first..).unwrap_or_default()
                    }
                    None => &padding,
                };
                arch::multiply_accumulate(sums, input, weights);
            }
        });
    });
    Ok(())
}
