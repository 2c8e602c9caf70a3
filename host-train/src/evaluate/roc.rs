//! The receiver operating characteristic of two score lists, exact to the single pair.
//!
//! ```text
//!   FAR(t) = share of impostor scores >= t        (false accepts)
//!   TAR(t) = share of genuine  scores >= t        (true accepts; FRR = 1 - TAR)
//! ```
//!
//! Both lists are sorted in place and kept: 4 bytes a score, so 20 million impostor pairs take 80 MB and nothing else of
//! that size is allocated. Every figure after that is a binary search or one merging pass.

use super::{
    error::{EvaluateError, check_finite},
    histogram::Histogram,
};
use rayon::slice::ParallelSliceMut;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The false-accept rates reported as TAR@FAR, with their JSON keys, as far down as the impostor count allows.
pub const STANDARD_FARS: [(&str, f64); 5] =
    [("1e-2", 1e-2), ("1e-3", 1e-3), ("1e-4", 1e-4), ("1e-5", 1e-5), ("1e-6", 1e-6)];

/// Sorted genuine and impostor scores.
#[derive(Clone, Debug)]
pub struct Roc {
    /// Ascending, finite, at least one.
    genuine: Vec<f32>,
    /// Likewise.
    impostor: Vec<f32>,
}

/// What one threshold does, and the counts behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Accept when `score >= threshold`.
    pub threshold: f32,
    /// Impostor pairs accepted at this threshold: never more than the FAR asked for allows.
    pub accepted_impostors: usize,
    /// All impostor pairs.
    pub impostors: usize,
    /// Genuine pairs accepted, as a share in [0, 1].
    pub tar: f64,
}

/// One point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of impostor pairs accepted, in [0, 1].
    pub far: f64,
    /// Share of genuine pairs accepted, in [0, 1].
    pub tar: f64,
}

impl Roc {
    /// Takes the scores (cosines, in any order) and sorts them.
    ///
    /// # Errors
    /// - [`EvaluateError::ScoreNotFinite`] for a NaN or infinite score.
    /// - [`EvaluateError::NeedsBothKinds`] when either list is empty.
    pub fn new(genuine: Vec<f32>, impostor: Vec<f32>) -> Result<Self, EvaluateError> {
        check_finite("genuine", &genuine)?;
        check_finite("impostor", &impostor)?;
        if genuine.is_empty() || impostor.is_empty() {
            return Err(EvaluateError::NeedsBothKinds {
                genuine: genuine.len(),
                impostor: impostor.len(),
            });
        }
        Ok(Self { genuine: sorted(genuine), impostor: sorted(impostor) })
    }

    /// Genuine pairs.
    pub fn genuine(&self) -> usize {
        self.genuine.len()
    }

    /// Impostor pairs.
    pub fn impostors(&self) -> usize {
        self.impostor.len()
    }

    /// The best operating point whose false-accept rate on these pairs is at most `far`.
    ///
    /// The threshold is the smallest observed score that accepts at most `floor(far * impostors)` impostor pairs; when none
    /// of the scores does, it is the next f32 above them all. Equal impostor scores stand or fall together, so a tie at
    /// the boundary is left out whole and `accepted_impostors` may be lower than allowed.
    ///
    /// # Errors
    /// - [`EvaluateError::FarOutOfRange`] unless `0 < far <= 1`.
    /// - [`EvaluateError::FarBelowResolution`] when `far * impostors < 1`: zero accepted impostors out of too few say
    ///   nothing about a rate.
    pub fn at_far(&self, far: f64) -> Result<OperatingPoint, EvaluateError> {
        if !(far > 0.0 && far <= 1.0) {
            return Err(EvaluateError::FarOutOfRange { far });
        }
        let allowed = allowed(far, self.impostor.len());
        if allowed == 0 {
            return Err(EvaluateError::FarBelowResolution { far, impostors: self.impostor.len() });
        }
        Ok(self.accepting_at_most(allowed))
    }

    /// TAR at each of [`STANDARD_FARS`] that the impostor count can resolve, keyed as in the JSON reports.
    pub fn tar_at_standard_fars(&self) -> BTreeMap<&'static str, OperatingPoint> {
        STANDARD_FARS.iter().filter_map(|&(key, far)| Some((key, self.at_far(far).ok()?))).collect()
    }

    /// Equal error rate: where FAR and FRR meet, in [0, 1].
    ///
    /// With finitely many pairs they step past each other. The two thresholds around the crossing are points of the ROC;
    /// the rate is where the straight line between them meets FAR = FRR (the same polyline whose area is [`Self::auc`]).
    pub fn eer(&self) -> f64 {
        let rates = |threshold: f32| {
            let far = count_from(&self.impostor, threshold) as f64 / self.impostor.len() as f64;
            let frr = 1.0 - count_from(&self.genuine, threshold) as f64 / self.genuine.len() as f64;
            (far, frr)
        };
        // FAR falls and FRR rises with the threshold, so each list can be searched for its first score past the crossing.
        let past = |threshold: &f32| {
            let (far, frr) = rates(*threshold);
            far <= frr
        };
        let genuine = first_where(&self.genuine, past);
        let impostor = first_where(&self.impostor, past);
        let crossed = match (genuine, impostor) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        // Rejecting everything, (0, 1), always lies past the crossing.
        let (far_after, frr_after) = crossed.map_or((0.0, 1.0), rates);
        let before = crossed.map_or_else(|| self.ends()[1], |threshold| self.next_below(threshold));
        let (far_before, frr_before) = rates(before);
        let gap_before = far_before - frr_before;
        let gap_after = frr_after - far_after;
        let along = gap_before / (gap_before + gap_after);
        far_before + along * (far_after - far_before)
    }

    /// Area under the ROC: the chance that a random genuine pair outscores a random impostor pair, ties counting half
    /// (the Mann-Whitney statistic). Exact up to the final division.
    pub fn auc(&self) -> f64 {
        let mut below = 0; // impostors strictly below the genuine score
        let mut up_to = 0; // impostors below or equal
        let mut halves: u128 = 0;
        for &score in &self.genuine {
            while below < self.impostor.len() && self.impostor[below] < score {
                below += 1;
            }
            while up_to < self.impostor.len() && self.impostor[up_to] <= score {
                up_to += 1;
            }
            halves += (below + up_to) as u128;
        }
        let pairs = self.genuine.len() as u128 * self.impostor.len() as u128;
        halves as f64 / (2 * pairs) as f64
    }

    /// About `points` points of the curve, evenly spaced in log FAR from one impostor to all, FAR ascending.
    ///
    /// Made for a logarithmic axis: points where ties leave no impostor accepted are left out.
    pub fn curve(&self, points: usize) -> Vec<RocPoint> {
        let all = self.impostor.len() as f64;
        let steps = points.max(2) - 1;
        let mut curve: Vec<RocPoint> = Vec::with_capacity(points);
        for step in 0..=steps {
            let allowed = all.powf(step as f64 / steps as f64).round() as usize;
            let point = self.accepting_at_most(allowed.min(self.impostor.len()));
            let far = point.accepted_impostors as f64 / all;
            if far > curve.last().map_or(0.0, |last| last.far) {
                curve.push(RocPoint { far, tar: point.tar });
            }
        }
        curve
    }

    /// Histograms of the genuine and of the impostor scores.
    pub fn histograms(&self) -> (Histogram, Histogram) {
        (Histogram::of_finite_scores(&self.genuine), Histogram::of_finite_scores(&self.impostor))
    }

    /// The point with the smallest observed threshold that accepts at most `allowed` impostors; `allowed` at least 1.
    fn accepting_at_most(&self, allowed: usize) -> OperatingPoint {
        // The highest impostor score that must be rejected; with all allowed there is none.
        let threshold = match self.impostor.len().checked_sub(allowed + 1) {
            None => self.ends()[0],
            Some(index) => {
                let rejected = self.impostor[index];
                let above = |scores: &[f32]| {
                    let first = scores.partition_point(|&score| score <= rejected);
                    scores.get(first).copied().unwrap_or(f32::INFINITY)
                };
                let next = above(&self.genuine).min(above(&self.impostor));
                if next.is_finite() { next } else { rejected.next_up() }
            }
        };
        self.at_threshold(threshold)
    }

    /// What accepting from `threshold` on does.
    pub fn at_threshold(&self, threshold: f32) -> OperatingPoint {
        OperatingPoint {
            threshold,
            accepted_impostors: count_from(&self.impostor, threshold),
            impostors: self.impostor.len(),
            tar: count_from(&self.genuine, threshold) as f64 / self.genuine.len() as f64,
        }
    }

    /// The impostor scores, ascending.
    pub(super) fn impostor_scores(&self) -> &[f32] {
        &self.impostor
    }

    /// The lowest and the highest score of all pairs.
    pub(super) fn ends(&self) -> [f32; 2] {
        let last = |scores: &[f32]| scores[scores.len() - 1];
        [self.genuine[0].min(self.impostor[0]), last(&self.genuine).max(last(&self.impostor))]
    }

    /// The observed score just below `threshold`, or `threshold` itself when it is the lowest.
    fn next_below(&self, threshold: f32) -> f32 {
        let below = |scores: &[f32]| {
            let count = scores.partition_point(|&score| score < threshold);
            count.checked_sub(1).map(|index| scores[index])
        };
        match (below(&self.genuine), below(&self.impostor)) {
            (Some(a), Some(b)) => a.max(b),
            (a, b) => a.or(b).unwrap_or(threshold),
        }
    }
}

/// The keys of [`STANDARD_FARS`] that so many impostor pairs resolve.
pub fn resolvable(impostors: usize) -> impl Iterator<Item = &'static str> {
    let rates = STANDARD_FARS.into_iter().filter(move |&(_, far)| allowed(far, impostors) > 0);
    rates.map(|(key, _)| key)
}

/// Events of `trials` that a rate in (0, 1] allows; zero where the trials do not resolve it.
pub(super) fn allowed(rate: f64, trials: usize) -> usize {
    // The factor undoes the binary rounding of rates such as 0.07, whose product with 100 falls short of 7.
    (rate * trials as f64 * (1.0 + 1e-12)).floor() as usize
}

/// Ascending. Of finite values `total_cmp` orders like `<`, except that it puts -0.0 before 0.0, which no comparison below
/// tells apart.
fn sorted(mut scores: Vec<f32>) -> Vec<f32> {
    scores.par_sort_unstable_by(f32::total_cmp);
    scores
}

/// Number of scores at or above `threshold`.
fn count_from(scores: &[f32], threshold: f32) -> usize {
    scores.len() - scores.partition_point(|&score| score < threshold)
}

/// The lowest score for which `past` holds, where `past` holds from some score on.
fn first_where(scores: &[f32], past: impl Fn(&f32) -> bool) -> Option<f32> {
    let first = scores.partition_point(|score| !past(score));
    scores.get(first).copied()
}

#[cfg(test)]
#[path = "roc_tests.rs"]
mod tests;
