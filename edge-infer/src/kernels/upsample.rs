//! An image enlarged to its nearest pixels, by whole factors.
//!
//! ```text
//! y[row, column, c] = input[row / down, column / right, c]
//! ```
//!
//! Stored values pass as they are: output and input share scale and zero point.

use super::geometry::{check, product};
use super::{Extent, LengthError};

/// Arguments of [`upsample`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upsample<'a> {
    /// Shape of the input.
    pub extent: Extent,
    /// Stored values, NHWC.
    pub input: &'a [i8],
    /// Times that each pixel is repeated, down and right.
    pub factor: [u8; 2],
}

/// Writes every pixel `down` times `right` times into `output`.
///
/// # Errors
/// The input is not of its extent, or the output not as large as the factors say. `output` is then
/// untouched.
pub fn upsample(layer: &Upsample<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let [down, right] = layer.factor.map(usize::from);
    check("input", layer.input, layer.extent.elements())?;
    check("output", output, product(&[layer.extent.elements(), down, right]))?;
    let channels = usize::from(layer.extent.channels);
    let row = usize::from(layer.extent.width) * channels;
    let mut unwritten = output;
    let mut input = layer.input;
    for _ in 0..layer.extent.height {
        let pixels = input.split_off(..row).unwrap_or_default();
        for _ in 0..down {
            let mut pixels = pixels;
            while let Some(pixel) = pixels.split_off(..channels).filter(|pixel| !pixel.is_empty()) {
                for _ in 0..right {
                    let copy = unwritten.split_off_mut(..channels).unwrap_or_default();
                    copy.iter_mut().zip(pixel).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
    Ok(())
}
