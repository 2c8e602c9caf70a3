//! A histogram of fixed, equal bins that remembers its mean: ArcFace's angles and the scores of a pair list.

use super::error::{EvaluateError, check_finite};
use serde::{Deserialize, Serialize};

/// Counts over `[low, high]` in equal bins.
///
/// Bin `i` of `n` holds `low + i*w <= value < low + (i+1)*w` with `w = (high - low) / n`; the last bin holds `high` as well,
/// and a value outside the range lands in the nearest end bin. The mean is of the values themselves, not of bin centres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    low: f64,
    high: f64,
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// Angles in degrees, 180 bins of one degree, from cosines between embeddings and their class centres.
    ///
    /// `theta = acos(cosine)`; cosines a rounding step outside [-1, 1] are taken as the end they overshoot.
    ///
    /// # Errors
    /// [`EvaluateError::ScoreNotFinite`].
    pub fn of_angles(cosines: &[f32]) -> Result<Self, EvaluateError> {
        check_finite("histogram", cosines)?;
        let angles =
            cosines.iter().map(|&cosine| f64::from(cosine).clamp(-1.0, 1.0).acos().to_degrees());
        Ok(Self::fill(0.0, 180.0, 180, angles))
    }

    /// Cosines in 100 bins of 0.02 over [-1, 1].
    ///
    /// # Errors
    /// [`EvaluateError::ScoreNotFinite`].
    pub fn of_scores(scores: &[f32]) -> Result<Self, EvaluateError> {
        check_finite("histogram", scores)?;
        Ok(Self::of_finite_scores(scores))
    }

    /// [`Self::of_scores`] for scores already known to be finite.
    pub(super) fn of_finite_scores(scores: &[f32]) -> Self {
        Self::fill(-1.0, 1.0, 100, scores.iter().map(|&score| f64::from(score)))
    }

    fn fill(low: f64, high: f64, bins: usize, values: impl Iterator<Item = f64>) -> Self {
        let mut counts = vec![0; bins];
        let mut sum = 0.0;
        for value in values {
            let position = (value - low) / (high - low) * bins as f64;
            // `as` saturates, so a value below `low` lands in bin 0.
            counts[(position as usize).min(bins - 1)] += 1;
            sum += value;
        }
        Self { low, high, counts, sum }
    }

    /// Number of values counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Mean of the values counted, in their own unit; `None` when there are none.
    pub fn mean(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| self.sum / total as f64)
    }

    /// Values counted in each bin, lowest bin first.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Each bin as `(lower edge, upper edge, share of all values)`; shares are 0 when there are no values.
    pub fn shares(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let width = (self.high - self.low) / self.counts.len() as f64;
        let total = self.total().max(1) as f64;
        self.counts.iter().enumerate().map(move |(bin, &count)| {
            let lower = self.low + bin as f64 * width;
            (lower, lower + width, count as f64 / total)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn known_cosines_land_in_their_degree() {
        // acos of 1, 0.5 and -1 is 0, 60 and 180 degrees; 60 is not exact in f32, so 0.49 (60.66 degrees) stands in.
        let angles = Histogram::of_angles(&[1.0, 0.49, 0.49, -1.0]).unwrap();
        assert_eq!(angles.counts().len(), 180);
        assert_eq!(angles.counts()[0], 1);
        assert_eq!(angles.counts()[60], 2);
        assert_eq!(angles.counts()[179], 1, "180 degrees belongs to the last bin");
        assert_eq!(angles.total(), 4);
        let expected = (2.0 * 60.659_418 + 180.0) / 4.0;
        assert!((angles.mean().unwrap() - expected).abs() < 1e-4);
    }

    #[test]
    fn a_cosine_rounded_above_one_is_zero_degrees() {
        let angles = Histogram::of_angles(&[1.000_000_2, -1.000_000_2]).unwrap();
        assert_eq!((angles.counts()[0], angles.counts()[179]), (1, 1));
        assert_eq!(angles.mean(), Some(90.0));
    }

    #[test]
    fn score_bins_cover_the_cosine_range() {
        let scores = Histogram::of_scores(&[-1.0, -0.001, 0.001, 1.0, 1.0]).unwrap();
        let counts = scores.counts();
        assert_eq!((counts[0], counts[49], counts[50], counts[99]), (1, 1, 1, 2));
        let (lower, upper, share) = scores.shares().last().unwrap();
        assert!((lower - 0.98).abs() < 1e-12 && (upper - 1.0).abs() < 1e-12);
        assert_eq!(share, 0.4);
    }

    #[test]
    fn no_values_have_no_mean() {
        let empty = Histogram::of_scores(&[]).unwrap();
        assert_eq!((empty.total(), empty.mean()), (0, None));
        assert!(empty.shares().all(|(_, _, share)| share == 0.0));
    }

    #[test]
    fn rejects_a_cosine_that_is_not_a_number() {
        let refused = Histogram::of_angles(&[0.5, f32::NAN]);
        assert!(matches!(refused, Err(EvaluateError::ScoreNotFinite { index: 1, count: 2, .. })));
    }
}
