//! From false match rates to cosines: the table that a model file carries for doors.
//!
//! A rate in the table is an upper bound, not what was counted: at and above its cosine so few impostor pairs score that, with
//! 95 %, the true false match rate is not above it ([`edge_infer::door::confidence`]).
//!
//! ```text
//!   cosine(rate) = least c of four decimals  with  bound(impostor scores >= c, impostor scores) <= rate
//! ```
//!
//! Four decimals, because people copy cosines by hand; and because a cosine may differ in its last bit when the two templates
//! change places, it lies clear of the highest score that must stay out.
//!
//! A door compares with the mean of a person's templates, up to [`MERGED`] in one, and strangers are a little closer to a mean than to
//! a single template. So a rate's cosine is the strictest of those of pairs and of faces with means of 2, 3 .. templates.
//!
//! The bound takes pairs as if they knew nothing of each other. All pairs of a set share its faces, and one person who looks like
//! many weighs on all of these pairs: the true rate is less certain than the bound says. It is also that of people like those
//! measured, by such a camera, and of one comparison: a gallery of N people compares N times.

use super::roc::{OperatingPoint, Roc};
use edge_infer::door::confidence::{fewest_trials, most_events, upper_bound};
use edge_infer::matching::MERGED;
use model_format::{MAX_THRESHOLDS, Threshold};
use serde::Serialize;

/// The rates of a table, the loosest first, with their names: as many as a model file has places for.
///
/// A door takes the next row that is strict enough for its gallery, and never a cosine between two. So rows are near each other, that
/// no gallery matches at a rate more than two and a half times lower than it needs; by 1, 2 and 5, that people can read them; and from the
/// loosest that a door may ask for down to a target of 1e-4 among a thousand templates.
pub const CALIBRATED_RATES: [(&str, f64); MAX_THRESHOLDS as usize] = [
    ("1e-2", 1e-2),
    ("5e-3", 5e-3),
    ("2e-3", 2e-3),
    ("1e-3", 1e-3),
    ("5e-4", 5e-4),
    ("2e-4", 2e-4),
    ("1e-4", 1e-4),
    ("5e-5", 5e-5),
    ("2e-5", 2e-5),
    ("1e-5", 1e-5),
    ("5e-6", 5e-6),
    ("2e-6", 2e-6),
    ("1e-6", 1e-6),
    ("5e-7", 5e-7),
    ("2e-7", 2e-7),
    ("1e-7", 1e-7),
];

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
    /// A face matches a template, or the mean of some, at and above it, -1 to 1.
    pub cosine: f32,
    /// Templates in the means that ask for it; 1 where pairs do.
    pub templates: usize,
    /// Comparisons of strangers with those that match there.
    pub accepted_impostors: usize,
    /// Upper bound of their true false match rate there, not above `fmr`.
    pub bound: f64,
    /// Share of the genuine pairs that match there.
    pub tar: f64,
    /// Share of the comparisons with the right person's mean of [`MERGED`] that match there.
    pub tar_of_means: f64,
}

/// A rate that the data does not support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The rate's name.
    pub rate: &'static str,
    /// Why it is not in the table.
    pub reason: String,
}

/// The cosines of [`CALIBRATED_RATES`], and the rates that have none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdTable {
    /// Rates falling, cosines rising.
    pub thresholds: Vec<CalibratedThreshold>,
    /// Every other rate.
    pub left_out: Vec<LeftOut>,
}

impl ThresholdTable {
    /// The table that holds for pairs and for means of 2, 3 .. [`MERGED`] templates. It is empty where the faces do not suffice for so many.
    pub fn new(pairs: &Roc, means: &[Roc]) -> Self {
        let mut table = Self { thresholds: Vec::new(), left_out: Vec::new() };
        let kinds: Vec<&Roc> = core::iter::once(pairs).chain(means).collect();
        let [.., largest] = kinds[..] else { unreachable!("pairs are one of them") };
        if kinds.len() < MERGED {
            let most = kinds.len() + 1;
            let reason = format!(
                "nobody has more than {most} photographs: doors compare with means of up to {MERGED}, so somebody needs {}",
                MERGED + 1
            );
            table.left_out =
                CALIBRATED_RATES.map(|(rate, _)| LeftOut { rate, reason: reason.clone() }).into();
            return table;
        }
        // From the strictest rate up, so that of equal cosines the stricter keeps its place.
        for (rate, value) in CALIBRATED_RATES.into_iter().rev() {
            // Either form of the rate must hold.
            let fmr = value as f32;
            match strictest(&kinds, value.min(fmr.into())) {
                Err(reason) => table.left_out.push(LeftOut { rate, reason }),
                Ok((cosine, kind)) => {
                    let stricter = table.thresholds.last().filter(|last| last.cosine <= cosine);
                    if let Some(CalibratedThreshold { rate: kept, .. }) = stricter {
                        let reason = format!("its least cosine is that of {kept} too");
                        table.left_out.push(LeftOut { rate, reason });
                        continue;
                    }
                    let OperatingPoint { accepted_impostors, impostors, .. } =
                        kinds[kind].at_threshold(cosine);
                    table.thresholds.push(CalibratedThreshold {
                        rate,
                        fmr,
                        cosine,
                        templates: kind + 1,
                        accepted_impostors,
                        bound: upper_bound(accepted_impostors, impostors),
                        tar: pairs.at_threshold(cosine).tar,
                        tar_of_means: largest.at_threshold(cosine).tar,
                    });
                }
            }
        }
        table.thresholds.reverse();
        table.left_out.reverse();
        table
    }

    /// The thresholds as a model file has them.
    pub fn rows(&self) -> Vec<Threshold> {
        let rows = self.thresholds.iter();
        rows.map(|at| Threshold { fmr: at.fmr, cosine: at.cosine }).collect()
    }
}

/// The least cosine that keeps the rate for all kinds and the first kind that asks for it, or why there is none.
fn strictest(kinds: &[&Roc], rate: f64) -> Result<(f32, usize), String> {
    let mut strictest = (f32::MIN, 0);
    for (kind, roc) in kinds.iter().enumerate() {
        let cosine = least_cosine(roc, rate).map_err(|reason| match kind {
            0 => reason,
            _ => format!("of means of {} templates, {reason}", kind + 1),
        })?;
        if cosine > strictest.0 {
            strictest = (cosine, kind);
        }
    }
    Ok(strictest)
}

/// The least cosine that keeps the rate, or why there is none.
fn least_cosine(roc: &Roc, rate: f64) -> Result<f32, String> {
    let scores = roc.impostor_scores();
    let most = most_events(rate, scores.len()).ok_or_else(|| {
        let fewest = fewest_trials(0, rate);
        format!("it needs at least {fewest} comparisons of strangers, there are {}", scores.len())
    })?;
    // Even the loosest rate lets only a few through.
    let rejected = scores[scores.len() - 1 - most];
    let cosine = (((f64::from(rejected) + CLEAR) * STEPS).ceil() / STEPS) as f32;
    if cosine > 1.0 {
        return Err(format!("more than {most} comparisons of strangers score {rejected} or more"));
    }
    Ok(cosine)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Pairs, and as many of the same scores with means.
    fn table(impostor: Vec<f32>) -> ThresholdTable {
        let roc = Roc::new(vec![0.35, 0.9], impostor).unwrap();
        ThresholdTable::new(&roc, &vec![roc.clone(); MERGED - 1])
    }

    fn cosines(table: &ThresholdTable) -> Vec<(&'static str, f32)> {
        table.thresholds.iter().map(|t| (t.rate, t.cosine)).collect()
    }

    #[test]
    fn a_thousand_pairs_by_hand() {
        // Scores 0, 0.0005 .. 0.4995. Of 1,000, 4 may pass at 1e-2 (see `confidence`): the fifth from above, 0.4975, may not. At 5e-3 1
        // may, and 0.4990 may not.
        let made = table((0..1_000).map(|i| i as f32 / 2_000.0).collect());
        assert_eq!(cosines(&made), [("1e-2", 0.4976), ("5e-3", 0.4991)]);
        let at = &made.thresholds[0];
        assert_eq!((at.fmr, at.accepted_impostors, at.tar), (0.01, 4, 0.5));
        assert!((at.bound - 0.009_129_95).abs() < 1e-7 && at.bound <= f64::from(at.fmr));
        let reasons: Vec<&str> = made.left_out.iter().map(|out| &*out.reason).collect();
        // ln 0.05 / ln 0.998 is 1496.4.
        assert_eq!(reasons[0], "it needs at least 1497 comparisons of strangers, there are 1000");
        assert_eq!(made.left_out.len(), 14);
    }

    #[test]
    fn a_cosine_holds_for_means_too() {
        // As above, but strangers come 0.1 closer to means of three, of which there are 300, than to anything else.
        let scores = |count: u16, add: f32| {
            (0..count).map(move |i| f32::from(i) / f32::from(2 * count) + add)
        };
        let roc = |count, add, genuine| Roc::new(genuine, scores(count, add).collect()).unwrap();
        let pairs = roc(1_000, 0.0, vec![0.35, 0.9]);
        let mut means = [0.0, 0.1, 0.0].map(|add| roc(300, add, vec![0.35, 0.58, 0.59, 0.65]));
        means[0] = roc(1_000, 0.0, vec![0.1]);
        let made = ThresholdTable::new(&pairs, &means);
        // None of 300 may pass at 1e-2, the highest of which is 0.59833.
        assert_eq!(cosines(&made), [("1e-2", 0.5984)]);
        let at = &made.thresholds[0];
        assert_eq!(
            (at.templates, at.accepted_impostors, at.tar, at.tar_of_means),
            (3, 0, 0.5, 0.25)
        );
        assert!((at.bound - 0.009_936_1).abs() < 1e-6, "{}", at.bound);
        let reason = "of means of 3 templates, it needs at least 598 comparisons of strangers, there are 300";
        assert_eq!(made.left_out[0].reason, reason);
        // Where nobody has enough photographs for them, nothing is claimed.
        let made = ThresholdTable::new(&pairs, &means[..1]);
        assert!(made.thresholds.is_empty() && made.left_out.len() == 16);
        assert!(made.left_out[0].reason.starts_with("nobody has more than 3 photographs"));
    }

    #[test]
    fn rates_are_what_their_names_say_and_near_each_other() {
        assert!(CALIBRATED_RATES.iter().all(|(name, value)| name.parse() == Ok(*value)));
        for [(_, looser), (name, rate)] in CALIBRATED_RATES.array_windows() {
            let times = looser / rate;
            assert!(times > 1.9 && times < 2.6, "{name}: {times}");
        }
    }

    #[test]
    fn a_rate_without_one_accepted_pair_needs_its_number_of_pairs() {
        for (pairs, rates) in
            [(298, 0), (299, 1), (598, 2), (1_497, 3), (2_994, 3), (2_995, 4), (5_990, 5)]
        {
            assert_eq!(table(vec![0.25; pairs]).left_out.len(), 16 - rates.min(1), "{pairs}");
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
        assert_eq!(out[..4], ["1e-2", "5e-3", "2e-3", "5e-4"]);
        assert_eq!(out.len(), 15);
        assert_eq!(made.left_out[0].reason, "its least cosine is that of 1e-3 too");
    }

    #[test]
    fn a_network_that_maps_all_faces_to_one_point_has_no_threshold() {
        let made = table(vec![1.0; 3_000]);
        assert!(made.thresholds.is_empty());
        assert_eq!(
            made.left_out[0].reason,
            "more than 20 comparisons of strangers score 1 or more"
        );
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
        assert_eq!(made.thresholds.last().map(|at| at.rate), Some("1e-4"));
        assert_eq!(made.thresholds.len(), 7);
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
