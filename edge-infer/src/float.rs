//! Exponential and square root, which `core` lacks, with the same bits on every target: sums, products and bit patterns
//! alone, each rounded to IEEE single precision.

/// `ln 2` to so few bits that its multiples here are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
/// `ln 2` less [`LN_2_HIGH`].
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `e^x`, within 2 units in the last place; 0 below -87, `e^88` above 88. NaN gives `e^88`.
pub(crate) fn exp(x: f32) -> f32 {
    if x < -87.0 {
        return 0.0;
    }
    let x = if x < 88.0 { x } else { 88.0 };
    // x = k ln 2 + r, |r| <= ln 2 / 2.
    let k = x * core::f32::consts::LOG2_E + if x < 0.0 { -0.5 } else { 0.5 };
    let k = k as i32;
    let r = (x - k as f32 * LN_2_HIGH) - k as f32 * LN_2_LOW;
    // Taylor's series to the seventh power: the next term is below 2^-28.
    let coefficients =
        [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let series = coefficients.into_iter().fold(0.0, |sum, coefficient| sum * r + coefficient);
    // k is from -126 to 127.
    series * f32::from_bits(((k + 127) as u32) << 23)
}

/// `sqrt(x)` within 2^-23 of itself above 1e-18; 0 below that. NaN gives 0, infinity a number that is not finite.
pub(crate) fn root(x: f32) -> f32 {
    let positive = x > 1e-18;
    if !positive {
        return 0.0;
    }
    // Half the exponent is a first guess, within 4 %; each of Newton's steps squares the error.
    let guess = f32::from_bits((x.to_bits() >> 1) + 0x1fbb_67ae);
    (0..4).fold(guess, |root, _| 0.5 * (root + x / root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_are_what_the_docs_say() {
        assert_eq!((exp(0.0), exp(-100.0)), (1.0, 0.0));
        assert_eq!((exp(f32::INFINITY), exp(f32::NAN)), (exp(88.0), exp(88.0)));
        assert_eq!((root(0.0), root(f32::NAN), root(-1.0)), (0.0, 0.0, 0.0));
        assert_eq!((root(1.0), root(0.25), root(9.0)), (1.0, 0.5, 3.0));
        assert!(!root(f32::INFINITY).is_finite());
    }

    proptest! {
        #[test]
        fn near_std(x in -86.9_f32..88.0, y in 1e-9_f32..=1.0, wide in 1.0_f32..1e38) {
            let exact = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2.5e-7, "{x}");
            for y in [y, wide] {
                let exact = f64::from(y).sqrt();
                prop_assert!((f64::from(root(y)) / exact - 1.0).abs() < 1.2e-7, "{y}");
            }
        }
    }
}
