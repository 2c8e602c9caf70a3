//! From exact int32 sums back to int8: multiplier by sign, optional residual, rounding.
//!
//! ```text
//! m = sum < 0 ? negative[c] : multiplier[c]
//! t = f32(sum) * m                                             conv2d, depthwise_conv2d, fully_connected
//! t = f32(sum) * m + f32(r - r_zero_point) * r_multiplier      with a residual
//! y = clamp(round_ties_even(t) + zero_point, -128, 127)
//! ```
//!
//! Each multiplication, addition and conversion rounds to IEEE single precision by itself; nothing is fused, so every
//! target gives the same bits. A PReLU or ReLU costs nothing: it only chooses the multiplier.

use super::geometry::check;
use super::{BLOCK, LengthError, arch};

/// Multipliers for a block of channels whose negative side is dropped.
const ZEROS: [f32; BLOCK] = [0.0; BLOCK];
/// Slopes for a block of channels without activation.
const ONES: [f32; BLOCK] = [1.0; BLOCK];

/// What happens to values below zero, before a residual is added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<'a> {
    /// They keep the multiplier of the positive side.
    None,
    /// They become zero.
    Relu,
    /// They have a number of their own for each channel. For sums that is the multiplier (slope times the positive
    /// side's multiplier, rounded to `f32`), for [`add`](super::add()) the slope.
    Prelu(&'a [f32]),
}

impl<'a> Activation<'a> {
    pub(super) fn check(&self, channels: usize) -> Result<(), LengthError> {
        match self {
            Self::Prelu(negative) => check("negative side", negative, channels),
            Self::None | Self::Relu => Ok(()),
        }
    }

    /// The slope of each channel from `first` on, at most [`BLOCK`] of them.
    pub(super) fn slopes(&self, first: usize) -> &'a [f32] {
        match self {
            Self::None => &ONES,
            Self::Relu => &ZEROS,
            Self::Prelu(slopes) => slopes.get(first..).unwrap_or_default(),
        }
    }
}

/// How a row of sums, one a channel, becomes int8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requantize<'a> {
    /// Input scale times weight scale over output scale, one a channel.
    pub multiplier: &'a [f32],
    /// The negative side.
    pub activation: Activation<'a>,
    /// Zero point of the output.
    pub zero_point: i8,
}

/// A tensor that is added to another: a convolution's residual, or one side of [`add`](super::add()).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Addend<'a> {
    /// Stored values, NHWC. They have the output's shape.
    pub values: &'a [i8],
    /// Its scale over the output's scale.
    pub multiplier: f32,
    /// Its zero point.
    pub zero_point: i8,
}

impl Addend<'_> {
    /// The part from value `first` on.
    pub(super) fn skip(self, first: usize) -> Self {
        Self {
            values: self.values.get(first..).unwrap_or_default(),
            ..self
        }
    }
}

impl Requantize<'_> {
    /// Turns one row of sums into int8: `sums[c]` belongs to channel `c`.
    ///
    /// # Errors
    /// The multipliers, the sums or the output do not have the same length.
    pub fn row(&self, sums: &[i32], output: &mut [i8]) -> Result<(), LengthError> {
        self.check(output.len())?;
        check("sums", sums, output.len())?;
        for (index, (sums, output)) in sums.chunks(BLOCK).zip(output.chunks_mut(BLOCK)).enumerate()
        {
            self.block(index * BLOCK, sums, None, output);
        }
        Ok(())
    }

    pub(super) fn check(&self, channels: usize) -> Result<(), LengthError> {
        check("multiplier", self.multiplier, channels)?;
        self.activation.check(channels)
    }

    /// Channels `first..` of one pixel, at most [`BLOCK`] of them.
    #[inline(always)]
    pub(super) fn block(
        &self,
        first: usize,
        sums: &[i32],
        residual: Option<Addend<'_>>,
        output: &mut [i8],
    ) {
        let positive = self.multiplier.get(first..).unwrap_or_default();
        let negative = match self.activation {
            Activation::None => positive,
            Activation::Relu => &ZEROS,
            Activation::Prelu(negative) => negative.get(first..).unwrap_or_default(),
        };
        match residual {
            None => arch::requantize(sums, positive, negative, self.zero_point, output),
            Some(residual) => {
                arch::requantize_with_residual(
                    sums,
                    positive,
                    negative,
                    residual,
                    self.zero_point,
                    output,
                );
            }
        }
    }
}
