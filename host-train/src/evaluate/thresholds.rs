//! From false match rates to cosines: the table that a model file carries for doors.
//!
//! A rate in the table is an upper bound, not what was counted: at and above its cosine so few impostor pairs score that, with
//! 95 %, the true false match rate is not above it ([`super::confidence`]).
//!
//! ```text
//!   cosine(rate) = least c of four decimals  with  bound(impostor scores >= c, impostor scores) <= rate
//! ```
//!
//! Four decimals, because people copy cosines by hand; and because a cosine may differ in its last bit when the two templates
//! change places, it lies clear of the highest score that must stay out.
//!
//! The bound takes pairs as if they knew nothing of each other. All pairs of a set share its faces, and one person who looks like
//! many weighs on all of these pairs: the true rate is less certain than the bound says. It is also that of people like those
//! measured, by such a camera, and of one comparison: a gallery of N templates compares N times.

use super::confidence::{fewest_trials, most_events, upper_bound};
use super::roc::{OperatingPoint, Roc, STANDARD_FARS};
use serde::Serialize;

/// Decimals of a threshold, as a factor.
const STEPS: f64 = 1e4;

/// How far a threshold lies above the score that must stay out, at least: some steps of f32 near 1.
const CLEAR: f64 = 1e-6;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibratedThreshold {
    /// The rate's name: "1e-3".
    pub rate: &'static str,
    /// False match rate that is kept with 95 %.
    pub fmr: f32,
    /// Two templates match at and above it, -1 to 1.
    pub cosine: f32,
    /// Impostor pairs that match there.
    pub accepted_impostors: usize,
    /// Upper bound of the true false match rate there, not above `fmr`.
    pub bound: f64,
    /// Share of the genuine pairs that match there.
    pub tar: f64,
}

/// A rate that the data does not support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The rate's name.
    pub rate: &'static str,
    /// Why it is not in the table.
    pub reason: String,
}

/// The cosines of the standard rates, and the rates that have none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdTable {
    /// Rates falling, cosines rising.
    pub thresholds: Vec<CalibratedThreshold>,
    /// Every other standard rate.
    pub left_out: Vec<LeftOut>,
}

impl ThresholdTable {
    /// The table of these scores.
    pub fn new(roc: &Roc) -> Self {
        let mut table = Self { thresholds: Vec::new(), left_out: Vec::new() };
        // From the strictest rate up, so that of equal cosines the stricter keeps its place.
        for (rate, value) in STANDARD_FARS.into_iter().rev() {
            // Either form of the rate must hold.
            let fmr = value as f32;
            match least_cosine(roc, value.min(fmr.into())) {
                Err(reason) => table.left_out.push(LeftOut { rate, reason }),
                Ok(cosine) => {
                    let stricter = table.thresholds.last().filter(|last| last.cosine <= cosine);
                    if let Some(CalibratedThreshold { rate: kept, .. }) = stricter {
                        let reason = format!("its least cosine is that of {kept} too");
                        table.left_out.push(LeftOut { rate, reason });
                        continue;
                    }
                    let OperatingPoint { accepted_impostors, tar, .. } = roc.at_threshold(cosine);
                    let bound = upper_bound(accepted_impostors, roc.impostors());
                    table.thresholds.push(CalibratedThreshold {
                        rate,
                        fmr,
                        cosine,
                        accepted_impostors,
                        bound,
                        tar,
                    });
                }
            }
        }
        table.thresholds.reverse();
        table.left_out.reverse();
        table
    }
}

/// The least cosine that keeps the rate, or why there is none.
fn least_cosine(roc: &Roc, rate: f64) -> Result<f32, String> {
    let scores = roc.impostor_scores();
    let most = most_events(rate, scores.len()).ok_or_else(|| {
        let fewest = fewest_trials(rate);
        format!("it needs at least {fewest} impostor pairs, there are {}", scores.len())
    })?;
    // Even the loosest rate lets only a few through.
    let rejected = scores[scores.len() - 1 - most];
    let cosine = (((f64::from(rejected) + CLEAR) * STEPS).ceil() / STEPS) as f32;
    if cosine > 1.0 {
        return Err(format!("more than {most} impostor pairs score {rejected} or more"));
    }
    Ok(cosine)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table(impostor: Vec<f32>) -> ThresholdTable {
        ThresholdTable::new(&Roc::new(vec![0.35, 0.9], impostor).unwrap())
    }

    fn cosines(table: &ThresholdTable) -> Vec<(&'static str, f32)> {
        table.thresholds.iter().map(|t| (t.rate, t.cosine)).collect()
    }

    #[test]
    fn a_thousand_pairs_by_hand() {
        // Scores 0, 0.0005 .. 0.4995. Of 1,000, 4 may pass at 1e-2 (see `confidence`): the fifth from above, 0.4975, may not.
        let made = table((0..1_000).map(|i| i as f32 / 2_000.0).collect());
        assert_eq!(cosines(&made), [("1e-2", 0.4976)]);
        let at = &made.thresholds[0];
        assert_eq!((at.fmr, at.accepted_impostors, at.tar), (0.01, 4, 0.5));
        assert!((at.bound - 0.009_129_95).abs() < 1e-7 && at.bound <= f64::from(at.fmr));
        let reasons: Vec<&str> = made.left_out.iter().map(|out| &*out.reason).collect();
        assert_eq!(reasons[0], "it needs at least 2995 impostor pairs, there are 1000");
        assert_eq!(made.left_out.len(), 4);
    }

    #[test]
    fn a_rate_without_one_accepted_pair_needs_its_number_of_pairs() {
        for (pairs, rates) in [(298, 0), (299, 1), (2_994, 1), (2_995, 2)] {
            assert_eq!(table(vec![0.25; pairs]).left_out.len(), 5 - rates.min(1), "{pairs}");
            let spread = table((0..pairs).map(|i| 0.5 * i as f32 / pairs as f32).collect());
            assert_eq!(spread.thresholds.len(), rates, "{pairs}");
        }
    }

    #[test]
    fn equal_scores_stay_out_together_and_the_stricter_rate_keeps_their_cosine() {
        let made = table(vec![0.25; 3_000]);
        assert_eq!(cosines(&made), [("1e-3", 0.2501)]);
        assert_eq!(made.thresholds[0].accepted_impostors, 0);
        let out: Vec<&str> = made.left_out.iter().map(|out| out.rate).collect();
        assert_eq!(out, ["1e-2", "1e-4", "1e-5", "1e-6"]);
        assert_eq!(made.left_out[0].reason, "its least cosine is that of 1e-3 too");
    }

    #[test]
    fn a_network_that_maps_all_faces_to_one_point_has_no_threshold() {
        let made = table(vec![1.0; 3_000]);
        assert!(made.thresholds.is_empty());
        assert_eq!(made.left_out[0].reason, "more than 20 impostor pairs score 1 or more");
    }

    /// Every cosine of four decimals, tried from below with a count of its own.
    #[test]
    fn cosines_are_the_least_that_keep_their_rates() {
        // 40,000 scores around zero with a few high ones, in no order.
        let scores: Vec<f32> = (0..40_000_u64)
            .map(|i| {
                let unit =
                    (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1_u64 << 24) as f64;
                (0.9 * unit.powi(9) - 0.1) as f32
            })
            .collect();
        let made = table(scores.clone());
        assert_eq!(made.thresholds.len(), 3);
        assert!(made.thresholds.is_sorted_by(|a, b| a.fmr > b.fmr && a.cosine < b.cosine));
        for at in &made.thresholds {
            let keeps = |step: &i32| {
                let cosine = f64::from(*step) / STEPS;
                let accepted = scores.iter().filter(|&&s| f64::from(s) + CLEAR > cosine).count();
                upper_bound(accepted, scores.len()) <= f64::from(at.fmr)
            };
            let least = (-10_000..=10_000).find(keeps).unwrap();
            assert_eq!(at.cosine, (f64::from(least) / STEPS) as f32, "{}", at.rate);
            let accepted = scores.iter().filter(|&&s| s >= at.cosine).count();
            assert_eq!(at.accepted_impostors, accepted);
            assert!(at.bound <= f64::from(at.fmr), "{at:?}");
        }
    }
}
