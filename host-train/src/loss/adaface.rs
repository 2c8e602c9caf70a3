//! AdaFace: margins by image quality, for which the embedding's length stands (Kim et al., arXiv 2204.00964, equations 11 to 15).
//!
//! ```text
//! q  = clip((|x| - mean) / (deviation / h), -1, 1)       mean and deviation of lengths, running over batches
//! f(t) = cos(t - m q) - (m q + m)
//! ```
//!
//! `q` is held constant when the gradient is taken, as in the paper. Good faces (q = 1) are pulled hardest when far from their
//! centre, poor ones (q = -1) when near it. Where `t - m q` is below 0 or above pi the authors' code holds it there, and the
//! face's own pull vanishes; here the curve goes on as [`TargetCurve`] does.

use super::margin::TargetCurve;
use serde::{Deserialize, Serialize};

/// Share of a new batch in the running statistics.
const SHARE: f64 = 0.01;

/// Lengths are kept in this range, so that one odd face does not move the statistics.
const LENGTHS: (f64, f64) = (1e-3, 100.0);

/// Keeps the quality finite when all lengths are equal.
const LEAST_DEVIATION: f64 = 1e-3;

/// Running mean and deviation of the embeddings' lengths.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormStatistics {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
}

impl Default for NormStatistics {
    /// Where the authors' code starts: at first all faces are of middling quality.
    fn default() -> Self {
        Self { mean: 20.0, deviation: 100.0 }
    }
}

impl NormStatistics {
    /// The statistics after a batch of at least two faces with these lengths; the deviation is the unbiased one.
    #[must_use]
    pub fn after(self, lengths: &[f64]) -> Self {
        let count = lengths.len() as f64;
        let lengths = || lengths.iter().map(|l| l.clamp(LENGTHS.0, LENGTHS.1));
        let mean = lengths().sum::<f64>() / count;
        let variance = lengths().map(|l| (l - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        let towards = |old: f64, new: f64| SHARE * new + (1.0 - SHARE) * old;
        Self { mean: towards(self.mean, mean), deviation: towards(self.deviation, variance.sqrt()) }
    }

    /// The mean of what several parts of a batch made of the same statistics; none of no parts.
    #[must_use]
    pub fn mean_of(parts: impl Iterator<Item = Self>) -> Option<Self> {
        let add = |(sum, count): (Self, f64), part: Self| {
            let (mean, deviation) = (sum.mean + part.mean, sum.deviation + part.deviation);
            (Self { mean, deviation }, count + 1.0)
        };
        let (sum, count) = parts.fold((Self { mean: 0.0, deviation: 0.0 }, 0.0), add);
        let mean = Self { mean: sum.mean / count, deviation: sum.deviation / count };
        (count > 0.0).then_some(mean)
    }

    /// The quality `q` of a face, from -1 to 1, by its embedding's length and the concentration `h`.
    #[must_use]
    pub fn quality(self, length: f64, concentration: f64) -> f64 {
        let length = length.clamp(LENGTHS.0, LENGTHS.1);
        let deviation = self.deviation + LEAST_DEVIATION;
        ((length - self.mean) / deviation * concentration).clamp(-1.0, 1.0)
    }
}

/// The curve of a face of `quality` in [-1, 1] with margin `m`: ArcFace's at -1, CosFace's at 0.
#[must_use]
pub fn image_curve(m: f64, quality: f64) -> TargetCurve {
    TargetCurve { m2: -m * quality, m3: m * quality + m, ..TargetCurve::PLAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_follows_length() {
        let statistics = NormStatistics { mean: 10.0, deviation: 2.0 - LEAST_DEVIATION };
        for (length, expected) in [(10.0, 0.0), (12.0, 0.333), (4.0, -0.999), (2.0, -1.0)] {
            let got = statistics.quality(length, 0.333);
            assert!((got - expected).abs() < 1e-12, "{length}: {got}");
        }
        // Lengths above 100 count as 100.
        assert_eq!(statistics.quality(1e6, 0.01), statistics.quality(100.0, 0.01));
    }

    #[test]
    fn statistics_move_by_a_hundredth() {
        let statistics = NormStatistics::default().after(&[8.0, 10.0, 12.0, 1e9]);
        // Lengths 8, 10, 12, 100: mean 32.5, sum of squares 24.5^2 + 22.5^2 + 20.5^2 + 67.5^2 = 6083.
        assert!((statistics.mean - (0.99 * 20.0 + 0.01 * 32.5)).abs() < 1e-12);
        let deviation = (6083.0_f64 / 3.0).sqrt();
        assert!((statistics.deviation - (99.0 + 0.01 * deviation)).abs() < 1e-12);
    }

    #[test]
    fn parts_of_a_batch_count_alike() {
        let part = |mean, deviation| NormStatistics { mean, deviation };
        let mean = NormStatistics::mean_of([part(1.0, 4.0), part(2.0, 8.0)].into_iter());
        assert_eq!(mean, Some(part(1.5, 6.0)));
        assert_eq!(NormStatistics::mean_of(core::iter::empty()), None);
    }

    #[test]
    fn ends_are_arcface_and_cosface() {
        let at = |quality: f64| image_curve(0.4, quality).value(1.0);
        assert!((at(-1.0) - 1.4_f64.cos()).abs() < 1e-12);
        assert!((at(0.0) - (1.0_f64.cos() - 0.4)).abs() < 1e-12);
        assert!((at(1.0) - (0.6_f64.cos() - 0.8)).abs() < 1e-12);
    }
}
