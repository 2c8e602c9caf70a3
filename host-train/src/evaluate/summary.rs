//! The figures of one model on one set, with the keys that `eval --json` prints.
//!
//! Shares and rates are in [0, 1]. `tar` is an object keyed by false-accept rate ("1e-2", "1e-3", ..) that stops where the
//! impostor pairs no longer resolve the rate; `thresholds`, `accepted_impostors` and `far_bounds` have the same keys and say from
//! which cosine that rate accepts, how many pairs it really let through, and how large the true rate may be. `collapsed` is the alarm of [`is_collapsed`].

use super::{
    ComparisonRow, EvaluateError, Rank1, Roc, ScoredPair, Unit, identification::AllPairs,
    is_collapsed, k_fold,
};
use edge_infer::door::confidence::upper_bound;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Figures from a pair list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairsSummary {
    /// Which network: the model id of an `.afm`, otherwise a name of the caller's choice.
    pub model_id: String,
    /// Pairs scored.
    pub pairs: usize,
    /// Of these, pairs of one person.
    pub genuine: usize,
    /// Of these, pairs of two people.
    pub impostor: usize,
    /// Mean accuracy over the folds, each judged with the threshold of the others.
    pub accuracy: f64,
    /// Standard deviation of the folds' accuracies (divided by the number of folds).
    pub accuracy_std: f64,
    /// Best threshold (cosine) over all pairs.
    pub threshold: f32,
    /// What both kinds of sets give.
    #[serde(flatten)]
    pub rates: Rates,
}

/// Figures from all pairs of a set of identities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AllPairsSummary {
    /// Which network: the model id of an `.afm`, otherwise a name of the caller's choice.
    pub model_id: String,
    /// Pairs of one person.
    pub genuine: usize,
    /// Pairs of two people.
    pub impostor: usize,
    /// Share of searches that find the right person first.
    pub rank1: f64,
    /// What both kinds of sets give.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The figures of a curve, whatever pairs it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// True-accept rate at each resolvable false-accept rate.
    pub tar: BTreeMap<String, f64>,
    /// The cosine from which that rate accepts.
    pub thresholds: BTreeMap<String, f32>,
    /// Impostor pairs accepted at each of these.
    pub accepted_impostors: BTreeMap<String, usize>,
    /// Upper bound of the true false-accept rate there: Clopper and Pearson's, one-sided, 95 %, as if no two pairs shared a face.
    pub far_bounds: BTreeMap<String, f64>,
    /// Equal error rate.
    pub eer: f64,
    /// Area under the ROC.
    pub auc: f64,
    /// Time for one embedding, in milliseconds, as the caller measured it.
    pub ms_per_image: f64,
    /// Whether the scores hardly differ: the network maps every face to one point.
    pub collapsed: bool,
}

impl Rates {
    fn new(roc: &Roc, ms_per_image: f64) -> Self {
        let points = roc.tar_at_standard_fars();
        let keyed = || points.iter().map(|(far, point)| ((*far).to_string(), point));
        Self {
            tar: keyed().map(|(far, point)| (far, point.tar)).collect(),
            thresholds: keyed().map(|(far, point)| (far, point.threshold)).collect(),
            accepted_impostors: keyed()
                .map(|(far, point)| (far, point.accepted_impostors))
                .collect(),
            far_bounds: keyed()
                .map(|(far, point)| (far, upper_bound(point.accepted_impostors, roc.impostors())))
                .collect(),
            eer: roc.eer(),
            auc: roc.auc(),
            ms_per_image,
            collapsed: is_collapsed(&roc.ends()),
        }
    }

    /// Float beside int8: TAR at every rate that both have, EER, AUC.
    fn compare(float: &Self, int8: &Self) -> Vec<ComparisonRow> {
        let tar = float.tar.iter().filter_map(|(far, &tar)| {
            Some(ComparisonRow::share(&format!("TAR@FAR {far}"), tar, *int8.tar.get(far)?))
        });
        let rest = [
            ComparisonRow::share("EER", float.eer, int8.eer),
            ComparisonRow::share("AUC", float.auc, int8.auc),
        ];
        tar.chain(rest).collect()
    }

    fn compare_time(float: &Self, int8: &Self) -> ComparisonRow {
        ComparisonRow {
            name: "time an image".into(),
            unit: Unit::Milliseconds,
            float: float.ms_per_image,
            int8: int8.ms_per_image,
        }
    }
}

impl PairsSummary {
    /// All figures of a scored pair list, and the curve they came from.
    ///
    /// # Errors
    /// Those of [`k_fold`]; [`Roc::new`] refuses nothing that passed it.
    pub fn new(
        pairs: &[ScoredPair],
        ms_per_image: f64,
        model_id: String,
    ) -> Result<(Self, Roc), EvaluateError> {
        let folds = k_fold(pairs)?;
        let scores_of = |same: bool| {
            let wanted = pairs.iter().filter(|pair| pair.same == same);
            wanted.map(|pair| pair.score).collect::<Vec<f32>>()
        };
        let roc = Roc::new(scores_of(true), scores_of(false))?;
        let summary = Self {
            model_id,
            pairs: pairs.len(),
            genuine: roc.genuine(),
            impostor: roc.impostors(),
            accuracy: folds.accuracy,
            accuracy_std: folds.accuracy_std,
            threshold: folds.threshold,
            rates: Rates::new(&roc, ms_per_image),
        };
        Ok((summary, roc))
    }

    /// Float beside int8, row by row; both on the same pair list.
    pub fn compare(float: &Self, int8: &Self) -> Vec<ComparisonRow> {
        let mut rows = vec![ComparisonRow::share("accuracy", float.accuracy, int8.accuracy)];
        rows.extend(Rates::compare(&float.rates, &int8.rates));
        rows.push(ComparisonRow {
            name: "threshold".into(),
            unit: Unit::Cosine,
            float: float.threshold.into(),
            int8: int8.threshold.into(),
        });
        rows.push(Rates::compare_time(&float.rates, &int8.rates));
        rows
    }
}

impl AllPairsSummary {
    /// All figures of the scores of [`super::all_pairs`] and [`super::rank1`], and the curve they came from.
    ///
    /// # Errors
    /// Those of [`Roc::new`].
    pub fn new(
        scores: AllPairs,
        rank1: Rank1,
        ms_per_image: f64,
        model_id: String,
    ) -> Result<(Self, Roc), EvaluateError> {
        let roc = Roc::new(scores.genuine, scores.impostor)?;
        let summary = Self {
            model_id,
            genuine: roc.genuine(),
            impostor: roc.impostors(),
            rank1: rank1.rate(),
            rates: Rates::new(&roc, ms_per_image),
        };
        Ok((summary, roc))
    }

    /// Float beside int8, row by row; both on the same images.
    pub fn compare(float: &Self, int8: &Self) -> Vec<ComparisonRow> {
        let mut rows = vec![ComparisonRow::share("rank-1", float.rank1, int8.rank1)];
        rows.extend(Rates::compare(&float.rates, &int8.rates));
        rows.push(Rates::compare_time(&float.rates, &int8.rates));
        rows
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// 200 pairs dealt into two folds: impostors at 0, .005 .. .495, genuine at .45, .455 .. .945.
    fn pairs() -> Vec<ScoredPair> {
        let impostor =
            (0..100).map(|i| ScoredPair { fold: i % 2, score: i as f32 / 200.0, same: false });
        let genuine = (0..100).map(|i| ScoredPair {
            fold: i % 2,
            score: 0.45 + i as f32 / 200.0,
            same: true,
        });
        impostor.chain(genuine).collect()
    }

    #[test]
    fn json_has_the_agreed_keys() {
        let (summary, roc) = PairsSummary::new(&pairs(), 3.5, "ab".repeat(16)).unwrap();
        assert_eq!((roc.genuine(), roc.impostors()), (100, 100));
        let json = serde_json::to_value(&summary).unwrap();
        for key in [
            "pairs",
            "accuracy",
            "accuracy_std",
            "threshold",
            "tar",
            "eer",
            "auc",
            "ms_per_image",
            "model_id",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["pairs"], 200);
        // One impostor of 100 may pass: .495. All up to .49 are rejected, and with them 9 genuine pairs, .45 .. .49.
        assert_eq!(json["tar"], serde_json::json!({ "1e-2": 0.91 }));
        assert_eq!(json["accepted_impostors"], serde_json::json!({ "1e-2": 1 }));
        assert_eq!(summary.rates.thresholds["1e-2"], 0.495);
        assert_eq!(json["collapsed"], false);
        assert_eq!(serde_json::from_value::<PairsSummary>(json).unwrap(), summary);
    }

    #[test]
    fn all_pairs_json_has_the_agreed_keys() {
        let scores = AllPairs { genuine: vec![0.9, 0.4], impostor: vec![0.5, 0.1, 0.0, -0.2] };
        let rank1 = Rank1 { gallery: 3, probes: 2, correct: 1 };
        let (summary, _) = AllPairsSummary::new(scores, rank1, 1.0, "float".into()).unwrap();
        let json = serde_json::to_value(&summary).unwrap();
        for key in ["genuine", "impostor", "tar", "rank1", "eer", "auc", "ms_per_image", "model_id"]
        {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!((json["genuine"].clone(), json["impostor"].clone()), (2.into(), 4.into()));
        assert_eq!(json["rank1"], 0.5);
        assert_eq!(json["tar"], serde_json::json!({}), "4 impostors resolve no standard rate");
        assert_eq!(json["auc"], 7.0 / 8.0);
    }

    #[test]
    fn a_collapsed_network_is_flagged() {
        let same: Vec<ScoredPair> =
            pairs().into_iter().map(|p| ScoredPair { score: 1.0, ..p }).collect();
        let (summary, _) = PairsSummary::new(&same, 1.0, String::new()).unwrap();
        assert!(summary.rates.collapsed);
        assert_eq!((summary.accuracy, summary.rates.auc, summary.rates.eer), (0.5, 0.5, 0.5));
        assert_eq!(summary.rates.tar["1e-2"], 0.0);
    }

    #[test]
    fn perfect_separation_is_no_collapse() {
        let scores = AllPairs { genuine: vec![1.0, 1.0], impostor: vec![0.0; 4] };
        let rank1 = Rank1 { gallery: 2, probes: 2, correct: 2 };
        let (summary, _) = AllPairsSummary::new(scores, rank1, 1.0, String::new()).unwrap();
        assert!(!summary.rates.collapsed);
        assert_eq!((summary.rates.auc, summary.rates.eer), (1.0, 0.0));
        let scores = AllPairs { genuine: vec![1.0, 1.0], impostor: vec![1.0; 4] };
        let (summary, _) = AllPairsSummary::new(scores, rank1, 1.0, String::new()).unwrap();
        assert!(summary.rates.collapsed);
    }

    #[test]
    fn comparison_rows_keep_to_rates_both_sides_have() {
        let (float, _) = PairsSummary::new(&pairs(), 8.0, String::new()).unwrap();
        let mut int8 = float.clone();
        int8.accuracy -= 0.01;
        let names: Vec<String> =
            PairsSummary::compare(&float, &int8).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["accuracy", "TAR@FAR 1e-2", "EER", "AUC", "threshold", "time an image"]);
        int8.rates.tar.clear();
        assert_eq!(PairsSummary::compare(&float, &int8).len(), 5);
    }
}
