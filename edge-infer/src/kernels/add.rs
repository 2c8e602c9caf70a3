//! Element-wise addition of two tensors of one shape, where the planner could not put it into a
//! convolution.
//!
//! ```text
//! t = f32(a - a_zero_point) * a_multiplier + f32(b - b_zero_point) * b_multiplier
//! y = clamp(round_ties_even(t < 0 ? t * slope[c] : t) + zero_point, -128, 127)
//! ```

use super::geometry::check;
use super::{Activation, Addend, BLOCK, LengthError, Plain, Tier, arch};

/// Arguments of [`add`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Add<'a> {
    /// Channels of a pixel.
    pub channels: usize,
    /// The two sides.
    pub inputs: [Addend<'a>; 2],
    /// The negative side of the sum; PReLU holds slopes.
    pub activation: Activation<'a>,
    /// Zero point of the output.
    pub zero_point: i8,
}

/// Adds the two inputs into `output`.
///
/// # Errors
/// The slices are not equally long, or not a whole number of pixels. `output` is then untouched.
pub fn add(tier: Tier, layer: &Add<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let [a, b] = layer.inputs;
    let channels = layer.channels;
    check("first input", a.values, output.len())?;
    check("second input", b.values, output.len())?;
    layer.activation.check(channels)?;
    let pixels = output.len().checked_div(channels).unwrap_or(0);
    check("output", output, pixels * channels)?;
    tier.compiled((layer, output));
    Ok(())
}

impl Plain for (&Add<'_>, &mut [i8]) {
    #[inline(always)]
    fn run(self) {
        let (layer, output) = self;
        let [a, b] = layer.inputs;
        // Without slopes of their own, channels need not be told apart.
        let channels = match layer.activation {
            Activation::Prelu(_) => layer.channels,
            Activation::None | Activation::Relu => output.len(),
        };
        let pixels = output.len().checked_div(channels).unwrap_or(0);
        let mut unwritten = output;
        for first in (0..pixels).map(|pixel| pixel * channels) {
            let pixel = unwritten.split_off_mut(..channels).unwrap_or_default();
            for (block, output) in pixel.chunks_mut(BLOCK).enumerate() {
                let channel = block * BLOCK;
                let (a, b) = (a.skip(first + channel), b.skip(first + channel));
                arch::add(a, b, layer.activation.slopes(channel), layer.zero_point, output);
            }
        }
    }
}
