//! Maximum under a sliding window, each channel by itself.
//!
//! ```text
//! y[y, x, c] = max ky, kx  input[row, column, c]       taps outside the input are left out
//! row = y * stride + ky - top          column = x * stride + kx - left
//! ```
//!
//! Stored values are compared as they are: output and input share scale and zero point.

use super::geometry::{Walk, check, check_channels};
use super::{Geometry, LengthError, Plain, Tier, arch};

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
pub fn max_pool(tier: Tier, layer: &MaxPool<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let geometry = &layer.geometry;
    check_channels(geometry)?;
    check("input", layer.input, geometry.input.elements())?;
    check("output", output, geometry.output.elements())?;
    tier.compiled((layer, output));
    Ok(())
}

impl Plain for (&MaxPool<'_>, &mut [i8]) {
    #[inline(always)]
    fn run(self) {
        let (layer, output) = self;
        let channels = usize::from(layer.geometry.output.channels);
        let height = usize::from(layer.geometry.window.kernel[0]);
        let step = usize::from(layer.geometry.window.stride[1]) * channels;
        let walk = Walk::new(layer.geometry);
        let mut unwritten = output;
        let mut first = 0;
        while first < walk.pixels() {
            let segment = walk.segment(first, usize::MAX);
            first += segment.pixels;
            for pixel in 0..segment.pixels {
                let largest = unwritten.split_off_mut(..channels).unwrap_or_default();
                largest.fill(i8::MIN);
                for row in (0..height).filter_map(|row| walk.input_row(&segment, row)) {
                    let start =
                        walk.input_pixel(row, segment.columns.start) * channels + pixel * step;
                    let mut seen = layer.input.get(start..).unwrap_or_default();
                    for _ in 0..segment.columns.inside {
                        arch::maximum(largest, seen);
                        seen = seen.get(channels..).unwrap_or_default();
                    }
                }
            }
        }
    }
}
