//! Maximum under a sliding window, each channel by itself.
//!
//! ```text
//! y[y, x, c] = max ky, kx  input[row, column, c]       taps outside the input are left out
//! row = y * stride + ky - top          column = x * stride + kx - left
//! ```
//!
//! Stored values are compared as they are: output and input share scale and zero point.

use super::geometry::{Run, check, check_channels};
use super::{Geometry, LengthError, arch};

/// Arguments of [`max_pool`].
#[derive(Clone, Copy, Debug)]
pub struct MaxPool<'a> {
    /// Shapes and window.
    pub geometry: Geometry,
    /// Stored values, NHWC.
    pub input: &'a [i8],
}

/// Writes the maxima into `output` (NHWC, the geometry's output shape). A window wholly outside the
/// input, which no checked model has, gives -128.
///
/// # Errors
/// Input and output differ in channels, or a slice's length is not what the geometry needs.
/// `output` is then untouched.
pub fn max_pool(layer: &MaxPool<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let geometry = &layer.geometry;
    check_channels(geometry)?;
    check("input", layer.input, geometry.input.elements())?;
    check("output", output, geometry.output.elements())?;
    let channels = usize::from(geometry.output.channels);
    let mut unwritten = output;
    for y in 0..usize::from(geometry.output.height) {
        for x in 0..usize::from(geometry.output.width) {
            let largest = unwritten.split_off_mut(..channels).unwrap_or_default();
            largest.fill(i8::MIN);
            geometry.for_each_run(y, x, |Run { taps, pixel, .. }| {
                let Some(pixel) = pixel else {
                    return;
                };
                for step in 0..taps {
                    let seen = layer.input.get((pixel + step) * channels..).unwrap_or_default();
                    arch::maximum(largest, seen);
                }
            });
        }
    }
    Ok(())
}
