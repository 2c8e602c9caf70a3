//! Fully connected layer: one dot product over the whole input for each output.
//!
//! ```text
//! sum[o] = bias[o] + Σ i  input[i] * weights[o, i]
//! ```
//!
//! A hidden layer requantizes its sums. A network's last layer keeps them: the embedding is
//! `f32(sum) * scale`, which loses nothing, and a template is cut from that.

use super::geometry::{check, product};
use super::{BLOCK, LengthError, Requantize, Tier};

/// Arguments of [`fully_connected`] and [`fully_connected_sums`].
#[derive(Clone, Copy, Debug)]
pub struct FullyConnected<'a> {
    /// Stored values, flattened NHWC.
    pub input: &'a [i8],
    /// `[out][in]`.
    pub weights: &'a [i8],
    /// One an output, the input's zero point folded in. Its length is the number of outputs.
    pub bias: &'a [i32],
}

/// Computes the layer and rounds its sums to int8.
///
/// # Errors
/// A slice's length does not fit the others. `output` is then untouched.
pub fn fully_connected(
    tier: Tier,
    layer: &FullyConnected<'_>,
    requantize: &Requantize<'_>,
    output: &mut [i8],
) -> Result<(), LengthError> {
    layer.check()?;
    check("output", output, layer.bias.len())?;
    requantize.check(layer.bias.len())?;
    let mut blocks = output.chunks_mut(BLOCK);
    layer.for_each_block(tier, |first, sums| {
        if let Some(output) = blocks.next() {
            requantize.block(first, sums, output);
        }
    });
    Ok(())
}

/// Computes the layer and stores its sums as they are: `output` takes four little-endian bytes for
/// each.
///
/// # Errors
/// A slice's length does not fit the others. `output` is then untouched.
pub fn fully_connected_sums(
    tier: Tier,
    layer: &FullyConnected<'_>,
    output: &mut [u8],
) -> Result<(), LengthError> {
    layer.check()?;
    check("output", output, product(&[layer.bias.len(), size_of::<i32>()]))?;
    let (words, _) = output.as_chunks_mut();
    let mut words = words.iter_mut();
    layer.for_each_block(tier, |_, sums| {
        for (sum, word) in sums.iter().zip(&mut words) {
            *word = sum.to_le_bytes();
        }
    });
    Ok(())
}

impl FullyConnected<'_> {
    fn check(&self) -> Result<(), LengthError> {
        check("weights", self.weights, product(&[self.input.len(), self.bias.len()]))
    }

    /// Hands over the sums of each block of outputs and the index of its first one.
    #[inline(always)]
    fn for_each_block(&self, tier: Tier, mut finish: impl FnMut(usize, &[i32])) {
        let row_len = self.input.len();
        for (block, bias) in self.bias.chunks(BLOCK).enumerate() {
            let first = block * BLOCK;
            let mut weights = self.weights.get(first * row_len..).unwrap_or_default();
            let weights = weights.split_off(..bias.len() * row_len).unwrap_or_default();
            let mut sums = [0; BLOCK];
            let sums = sums.get_mut(..bias.len()).unwrap_or_default();
            tier.dots(self.input, weights, sums);
            for (sum, &bias) in sums.iter_mut().zip(bias) {
                *sum = sum.wrapping_add(bias);
            }
            finish(first, sums);
        }
    }
}
