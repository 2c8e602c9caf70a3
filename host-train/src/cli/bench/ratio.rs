//! How much longer one of two takes that were timed in turns, and how sure that is.

use super::quantile;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Samples drawn of the pairs.
const SAMPLES: usize = 1000;

/// A ratio of medians.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Ratio {
    /// The second's median over the first's.
    pub(super) ratio: f64,
    /// Ends of the range in which 95 % of the ratios lie if the pairs of runs are drawn anew with replacement (the bootstrap).
    pub(super) ratio_95: [f64; 2],
}

impl Ratio {
    /// Of the times of runs that followed each other: what slowed a pair down did so to both.
    pub(super) fn of(first: &[f64], second: &[f64]) -> Self {
        let pairs: Vec<(f64, f64)> = first.iter().copied().zip(second.iter().copied()).collect();
        let medians = |pairs: &[(f64, f64)]| {
            let (mut first, mut second): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            quantile(&mut second, 0.5) / quantile(&mut first, 0.5)
        };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut drawn = pairs.clone();
        let mut ratios = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            drawn.fill_with(|| pairs[rng.random_range(0..pairs.len())]);
            ratios.push(medians(&drawn));
        }
        let ratio_95 = [quantile(&mut ratios, 0.025), quantile(&mut ratios, 0.975)];
        Self { ratio: medians(&pairs), ratio_95 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_without_noise_has_no_spread() {
        let ratio = Ratio::of(&[2.0; 9], &[3.0; 9]);
        assert_eq!(ratio, Ratio { ratio: 1.5, ratio_95: [1.5, 1.5] });
    }

    /// The times go up and down together by more than the two differ.
    #[test]
    fn the_range_holds_the_true_ratio_and_shrinks_with_more_runs() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut width = |runs: usize| {
            let first: Vec<f64> = (0..runs).map(|_| 1.0 + rng.random_range(0.0..0.5)).collect();
            let second: Vec<f64> =
                first.iter().map(|time| time * (1.1 + rng.random_range(-0.02..0.02))).collect();
            let Ratio { ratio, ratio_95: [low, high] } = Ratio::of(&first, &second);
            assert!(low <= ratio && ratio <= high && low <= 1.1 && 1.1 <= high, "{low} to {high}");
            high - low
        };
        let (few, many) = (width(20), width(2000));
        assert!(many < few / 3.0 && few < 0.5, "{few}, {many}");
    }
}
