//! Every channel of an image times a factor that a gate's value selects: the last step of
//! squeeze-and-excitation.
//!
//! ```text
//! y[pixel, c] = clamp(round_ties_even(f32(input[pixel, c] - input_zero_point) * factors[gate[c] + 128]) + zero_point)
//! ```
//!
//! The table makes any function of the gate free: it has one entry for each of the 256 values.

use super::geometry::check;
use super::{BLOCK, LengthError, Plain, Tier, arch};

/// Entries of the table.
const VALUES: usize = 256;

/// Arguments of [`scale_channels`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleChannels<'a> {
    /// Stored values, NHWC.
    pub input: &'a [i8],
    /// Zero point of the input.
    pub input_zero_point: i8,
    /// One stored value a channel. Its length is the number of channels.
    pub gate: &'a [i8],
    /// 256 factors, that of gate value `g` at `g + 128`.
    pub factors: &'a [f32],
    /// Zero point of the output.
    pub zero_point: i8,
}

/// Writes the scaled image into `output`.
///
/// # Errors
/// The slices do not fit each other, or are not a whole number of pixels. `output` is then
/// untouched.
pub fn scale_channels(
    tier: Tier,
    layer: &ScaleChannels<'_>,
    output: &mut [i8],
) -> Result<(), LengthError> {
    let channels = layer.gate.len();
    let pixels = output.len().checked_div(channels).unwrap_or(0);
    check("output", output, pixels * channels)?;
    check("input", layer.input, output.len())?;
    check("factors", layer.factors, VALUES)?;
    tier.compiled((layer, pixels, output));
    Ok(())
}

impl Plain for (&ScaleChannels<'_>, usize, &mut [i8]) {
    #[inline(always)]
    fn run(self) {
        let (layer, pixels, output) = self;
        let channels = layer.gate.len();
        for (block, gate) in layer.gate.chunks(BLOCK).enumerate() {
            let mut factors = [0.0; BLOCK];
            for (factor, &gate) in factors.iter_mut().zip(gate) {
                // From 0 to 255, as -128 is the least gate.
                let entry = layer.factors.get((i32::from(gate) + 128) as usize);
                *factor = entry.copied().unwrap_or_default();
            }
            for first in (0..pixels).map(|pixel| pixel * channels + block * BLOCK) {
                let input = layer.input.get(first..).unwrap_or_default();
                let output = output.get_mut(first..first + gate.len()).unwrap_or_default();
                arch::scale_row(input, layer.input_zero_point, &factors, layer.zero_point, output);
            }
        }
    }
}
