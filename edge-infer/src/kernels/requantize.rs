//! From exact int32 sums back to int8: multiplier by sign, optional residual, rounding.
//!
//! ```text
//! m = sum < 0 ? negative[c] : multiplier[c]
//! t = f32(sum) * m                                           without a residual
//! t = f32(sum) * m + f32(r - r_zero_point) * r_multiplier    with one
//! y = clamp(round_ties_even(t) + zero_point, -128, 127)
//! ```
//!
//! Each multiplication, addition and conversion rounds to IEEE single precision by itself; nothing
//! is fused, so every target gives the same bits. A PReLU or ReLU costs nothing: it only chooses
//! the multiplier.

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
    /// They have a number of their own for each channel. For sums that is the multiplier (slope
    /// times the positive side's multiplier, rounded to `f32`), for [`add`](super::add()) the
    /// slope.
    Prelu(&'a [f32]),
}

impl<'a> Activation<'a> {
    pub(super) fn check(&self, channels: usize) -> Result<(), LengthError> {
        match self {
            Self::Prelu(negative) => check("negative side", negative, channels),
            Self::None | Self::Relu => Ok(()),
        }
    }

    /// The multipliers of negative sums from channel `first` on; `positive` are those of the others.
    pub(super) fn negative(&self, first: usize, positive: &'a [f32]) -> &'a [f32] {
        match self {
            Self::None => positive,
            Self::Relu => &ZEROS,
            Self::Prelu(negative) => negative.get(first..).unwrap_or_default(),
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

/// A tensor that joins another: a convolution's residual, or one side of [`add`](super::add()) or
/// [`concat`](super::concat()).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Addend<'a> {
    /// Stored values, NHWC. Of a sum they have the output's shape.
    pub values: &'a [i8],
    /// Its scale over the output's scale.
    pub multiplier: f32,
    /// Its zero point.
    pub zero_point: i8,
}

impl Addend<'_> {
    /// The part from value `first` on.
    pub(super) fn skip(self, first: usize) -> Self {
        Self { values: self.values.get(first..).unwrap_or_default(), ..self }
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
        for (block, output) in output.chunks_mut(BLOCK).enumerate() {
            let first = block * BLOCK;
            self.block(first, sums.get(first..).unwrap_or_default(), output);
        }
        Ok(())
    }

    pub(super) fn check(&self, channels: usize) -> Result<(), LengthError> {
        check("multiplier", self.multiplier, channels)?;
        self.activation.check(channels)
    }

    /// Channels `first..` of one pixel, at most [`BLOCK`] of them.
    #[inline(always)]
    pub(super) fn block(&self, first: usize, sums: &[i32], output: &mut [i8]) {
        let positive = self.multiplier.get(first..).unwrap_or_default();
        let negative = self.activation.negative(first, positive);
        arch::requantize(sums, positive, negative, self.zero_point, output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(sum: i32, positive: f32, activation: Activation<'_>, zero_point: i8) -> i8 {
        let mut output = [0];
        let requantize = Requantize { multiplier: &[positive], activation, zero_point };
        requantize.row(&[sum], &mut output).unwrap();
        output[0]
    }

    #[test]
    fn halves_go_to_the_even_neighbour_on_both_sides_of_zero() {
        let halves = [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2), (-7, -4)];
        for (sum, rounded) in halves {
            assert_eq!(one(sum, 0.5, Activation::None, 0), rounded, "{sum} / 2");
            // The tie is broken before the zero point is added, so an odd one does not move it.
            assert_eq!(one(sum, 0.5, Activation::None, 5), rounded + 5, "{sum} / 2 + 5");
        }
    }

    #[test]
    fn results_saturate_at_int8() {
        assert_eq!(one(127, 1.0, Activation::None, 0), 127);
        assert_eq!(one(128, 1.0, Activation::None, 0), 127);
        assert_eq!(one(-129, 1.0, Activation::None, 0), -128);
        assert_eq!(one(255, 1.0, Activation::None, -128), 127);
        assert_eq!(one(-256, 1.0, Activation::None, 127), -128);
        for multiplier in [1.0, 4097.0, 1e30, f32::MAX] {
            assert_eq!(one(i32::MAX, multiplier, Activation::None, -128), 127);
            assert_eq!(one(i32::MIN, multiplier, Activation::None, 127), -128);
            assert_eq!(one(i32::MAX, -multiplier, Activation::None, 127), -128);
        }
    }

    #[test]
    fn the_sign_of_the_sum_chooses_the_multiplier() {
        assert_eq!(one(-40, 0.5, Activation::None, 3), -17);
        assert_eq!(one(-40, 0.5, Activation::Relu, 3), 3);
        assert_eq!(one(-40, 0.5, Activation::Prelu(&[0.125]), 3), -2);
        assert_eq!(one(-40, 0.5, Activation::Prelu(&[-0.125]), 3), 8);
        assert_eq!(one(40, 0.5, Activation::Prelu(&[0.125]), 3), 23);
        assert_eq!(one(0, 0.5, Activation::Relu, 3), 3);
        // The smallest sums of either sign.
        assert_eq!(one(1, 10.0, Activation::Prelu(&[100.0]), 0), 10);
        assert_eq!(one(-1, 10.0, Activation::Prelu(&[100.0]), 0), -100);
    }

    #[test]
    fn a_sum_beyond_24_bits_is_first_rounded_to_single_precision() {
        // 2^24 + 1 lies between two f32 values; the even one, 2^24, gives exactly 64.
        assert_eq!(one((1 << 24) + 1, 64.0 / (1 << 24) as f32, Activation::None, 0), 64);
    }

    #[test]
    fn rejects_rows_of_different_lengths() {
        let requantize =
            Requantize { multiplier: &[1.0; 3], activation: Activation::Relu, zero_point: 0 };
        let refusal = |what, needed, got| Err(LengthError { what, needed, got });
        assert_eq!(requantize.row(&[0; 3], &mut [0; 2]), refusal("multiplier", 2, 3));
        assert_eq!(requantize.row(&[0; 4], &mut [0; 3]), refusal("sums", 3, 4));
    }

    /// What the contract asks for, with std's rounding.
    fn by_definition(value: f32, zero_point: i8) -> i8 {
        (f64::from(value.round_ties_even()) + f64::from(zero_point)).clamp(-128.0, 127.0) as i8
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn rounding_equals_round_ties_even(value in -300.0_f32..300.0, zero_point: i8) {
            prop_assert_eq!(arch::round_to_i8(value, zero_point), by_definition(value, zero_point));
        }

        #[test]
        fn rounding_equals_round_ties_even_on_any_number(bits: u32, zero_point: i8) {
            let value = f32::from_bits(bits);
            if !value.is_nan() {
                let expected = by_definition(value, zero_point);
                prop_assert_eq!(arch::round_to_i8(value, zero_point), expected);
            }
        }

        #[test]
        fn quarters_and_their_neighbours_round_to_even(
            quarter in -1200_i32..1200,
            step in -1_i32..=1,
            zero_point: i8,
        ) {
            let exact = quarter as f32 / 4.0;
            let value = match step {
                -1 => exact.next_down(),
                0 => exact,
                _ => exact.next_up(),
            };
            prop_assert_eq!(arch::round_to_i8(value, zero_point), by_definition(value, zero_point));
        }
    }
}
