//! The channels of two images side by side, each brought from its own scale to the output's.
//!
//! ```text
//! y[pixel, c] = clamp(round_ties_even(f32(a[pixel, c] - a_zero_point) * a_multiplier) + zero_point)     c < channels of a
//! y[pixel, channels of a + c] = the same of b
//! ```
//!
//! A multiplier of 1 between equal zero points passes values on as they are.

use super::geometry::{check, product};
use super::{Addend, LengthError, Plain, Tier, arch};

/// Arguments of [`concat()`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concat<'a> {
    /// Pixels of each image.
    pub pixels: usize,
    /// Channels of each image.
    pub channels: [usize; 2],
    /// The images, NHWC.
    pub inputs: [Addend<'a>; 2],
    /// Zero point of the output.
    pub zero_point: i8,
}

/// Writes the pixels of both images into `output`.
///
/// # Errors
/// A slice is not as long as its pixels and channels say. `output` is then untouched.
pub fn concat(tier: Tier, layer: &Concat<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let ([a, b], [first, second]) = (layer.inputs, layer.channels);
    let channels = first.saturating_add(second);
    check("first input", a.values, product(&[layer.pixels, first]))?;
    check("second input", b.values, product(&[layer.pixels, second]))?;
    check("output", output, product(&[layer.pixels, channels]))?;
    tier.compiled((layer, output));
    Ok(())
}

impl Plain for (&Concat<'_>, &mut [i8]) {
    #[inline(always)]
    fn run(self) {
        let (layer, output) = self;
        let ([mut a, mut b], [first, second]) = (layer.inputs, layer.channels);
        let mut unwritten = output;
        for _ in 0..layer.pixels {
            for (input, channels) in [(&mut a, first), (&mut b, second)] {
                let output = unwritten.split_off_mut(..channels).unwrap_or_default();
                for (output, &value) in output.iter_mut().zip(input.values) {
                    let distance = i32::from(value) - i32::from(input.zero_point);
                    let scaled = distance as f32 * input.multiplier;
                    *output = arch::round_to_i8(scaled, layer.zero_point);
                }
                *input = input.skip(channels);
            }
        }
    }
}
