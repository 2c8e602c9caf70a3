//! Mean of each channel over a whole image.
//!
//! ```text
//! sum[c] = Σ pixels  input[pixel, c] - input_zero_point
//! y[c]   = clamp(round_ties_even(f32(sum[c]) * multiplier) + zero_point, -128, 127)
//! ```

use super::geometry::{check, product};
use super::{BLOCK, LengthError, Plain, Tier, arch};

/// Arguments of [`global_average_pool`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GlobalAveragePool<'a> {
    /// Stored values, NHWC. Their number is the output's times the pixels.
    pub input: &'a [i8],
    /// Pixels of the image.
    pub pixels: usize,
    /// Zero point of the input.
    pub input_zero_point: i8,
    /// Scale of the input over that of the output and the number of pixels.
    pub multiplier: f32,
    /// Zero point of the output.
    pub zero_point: i8,
}

/// Writes one mean a channel into `output`, whose length is the number of channels.
///
/// # Errors
/// The input is not `pixels` times as long as the output. `output` is then untouched.
pub fn global_average_pool(
    tier: Tier,
    layer: &GlobalAveragePool<'_>,
    output: &mut [i8],
) -> Result<(), LengthError> {
    let channels = output.len();
    check("input", layer.input, product(&[layer.pixels, channels]))?;
    tier.compiled((layer, output));
    Ok(())
}

impl Plain for (&GlobalAveragePool<'_>, &mut [i8]) {
    #[inline(always)]
    fn run(self) {
        let (layer, output) = self;
        let channels = output.len();
        let multipliers = [layer.multiplier; BLOCK];
        // A checked model's sums fit an i32; for another, wrapping gives a wrong mean but no panic.
        let zeros = i32::from(layer.input_zero_point).wrapping_mul(layer.pixels as i32);
        for (block, output) in output.chunks_mut(BLOCK).enumerate() {
            let mut sums = [zeros.wrapping_neg(); BLOCK];
            for pixel in 0..layer.pixels {
                let values =
                    layer.input.get(pixel * channels + block * BLOCK..).unwrap_or_default();
                arch::accumulate(&mut sums, values);
            }
            arch::requantize(&sums, &multipliers, &multipliers, layer.zero_point, output);
        }
    }
}
