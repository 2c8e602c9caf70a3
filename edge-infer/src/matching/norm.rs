//! The inverse length of an int8 vector, the same bits on every target.
//!
//! `core` has no square root, and a target's own may differ in the last bit, so the root is taken
//! in integers. The sum of squares is an exact integer; shifted left by an even number of bits
//! until it fills 64, its integer root has 32 significant bits:
//!
//! ```text
//! n = squares << 2k,  2^62 <= n < 2^64        root = floor(sqrt(n)) >= 2^31
//! 1 / sqrt(squares) = 2^k / sqrt(n)  ~  2^k / root,  too large by less than 2^-31 of itself
//! ```
//!
//! The division in `f64` adds 2^-53 and the rounding to `f32` at most 2^-24, so the result lies
//! within 0.51 units in the last place of the true value.

use super::MAX_LEN;
use crate::kernels::Tier;

/// `1 / sqrt(Σ v²)` of a vector that is not zero: finite and positive.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct InverseNorm(f32);

impl InverseNorm {
    /// Of `values`; `None` if all of them are zero or there are more than [`MAX_LEN`].
    pub fn of(values: &[i8]) -> Option<Self> {
        if values.len() > MAX_LEN {
            return None;
        }
        // Not negative and, by the length, no overflow.
        Self::from_squares(Tier::detect().dot(values, values).unsigned_abs().into())
    }

    /// The number itself.
    pub fn get(self) -> f32 {
        self.0
    }

    fn from_squares(squares: u64) -> Option<Self> {
        let half = squares.leading_zeros() / 2;
        let root = squares.checked_shl(2 * half)?.isqrt();
        Some(Self(((1_u64 << half) as f64 / root as f64) as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    /// Distance from the true value in units of the last place.
    fn error_in_ulps(squares: u64) -> f64 {
        let inverse = InverseNorm::from_squares(squares).unwrap().get();
        let ulp = f64::from(inverse.next_up()) - f64::from(inverse);
        (f64::from(inverse) - 1.0 / (squares as f64).sqrt()).abs() / ulp
    }

    #[test]
    fn squares_of_powers_of_two_are_exact() {
        assert_eq!(InverseNorm::of(&[1]).unwrap().get(), 1.0);
        assert_eq!(InverseNorm::of(&[-64, 0]).unwrap().get(), 1.0 / 64.0);
        assert_eq!(InverseNorm::of(&[-128; 4]).unwrap().get(), 1.0 / 256.0);
    }

    #[test]
    fn small_sums_are_within_the_bound() {
        for squares in 1..100_000 {
            assert!(error_in_ulps(squares) <= 0.51, "{squares}");
        }
    }

    #[test]
    fn zero_and_overlong_vectors_have_none() {
        assert_eq!(InverseNorm::of(&[]), None);
        assert_eq!(InverseNorm::of(&[0; 9]), None);
        assert_eq!(InverseNorm::of(&vec![1; MAX_LEN + 1]), None);
        let longest = InverseNorm::of(&vec![-128; MAX_LEN]).unwrap().get();
        assert!((f64::from(longest) * 128.0 * (MAX_LEN as f64).sqrt() - 1.0).abs() < 1e-7);
    }

    proptest! {
        #[test]
        fn any_sum_is_within_the_bound(squares in 1_u64..=65_535 * 128 * 128) {
            prop_assert!(error_in_ulps(squares) <= 0.51);
        }
    }
}
