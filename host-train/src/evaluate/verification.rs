//! The LFW protocol: accuracy over folds, each judged with a threshold picked on the others.
//!
//! Huang et al., "Labeled Faces in the Wild" (2007), view 2. A threshold picked on the pairs it judges flatters the
//! network, so a pair list with a single fold is refused by [`k_fold`]; [`best_threshold`] says plainly what it is.
//!
//! # The threshold
//! A pair is accepted when `score >= threshold`. Between two neighbouring distinct scores every threshold decides alike, so
//! the candidates are the midpoints of all neighbours, "accept all" (the lowest score) and "reject all" (the next f32 above
//! the highest score): an exact search, where published scripts step through a grid of 400 or 10,000 values. Of candidates
//! with equal accuracy the highest wins: it accepts fewer impostors. (The published scripts take the first best of
//! ascending distances, which is the same rule.)

use super::error::EvaluateError;
use serde::{Deserialize, Serialize};

/// One pair of a pair list, after scoring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredPair {
    /// The fold that the pair list put this pair in; any numbers, not necessarily consecutive.
    pub fold: usize,
    /// Cosine of the two embeddings, in [-1, 1].
    pub score: f32,
    /// Whether both images show one person.
    pub same: bool,
}

/// A threshold and how it does on the pairs it was picked from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestThreshold {
    /// Accept when `score >= threshold`.
    pub threshold: f32,
    /// Share of those same pairs decided rightly, in [0, 1]: optimistic, because the threshold knows them.
    pub accuracy: f64,
}

/// One fold, judged with the threshold of all the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldResult {
    /// The fold's number in the pair list.
    pub fold: usize,
    /// Pairs in it.
    pub pairs: usize,
    /// Picked on all other folds.
    pub threshold: f32,
    /// Share of this fold's pairs decided rightly, in [0, 1].
    pub accuracy: f64,
}

/// The result of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct KFold {
    /// Mean of the folds' accuracies, each fold weighing the same, in [0, 1].
    pub accuracy: f64,
    /// Standard deviation of the folds' accuracies, over the folds at hand (divided by k, as the ArcFace code does).
    /// LFW's own tables print the standard error of the mean instead: divide by `sqrt(k - 1)`.
    pub accuracy_std: f64,
    /// The best threshold over all pairs together: the one to use elsewhere. The accuracy above never used it.
    pub threshold: f32,
    /// Each fold, in ascending number.
    pub folds: Vec<FoldResult>,
}

/// Accuracy by the k-fold protocol. Costs one sort and one pass over the pairs for each fold.
///
/// # Errors
/// - [`EvaluateError::ScoreNotFinite`] for a NaN or infinite score.
/// - [`EvaluateError::NeedsBothKinds`] without genuine or without impostor pairs.
/// - [`EvaluateError::OneFold`] when all pairs are in one fold.
/// - [`EvaluateError::OneSidedFolds`] when the other folds hold only genuine or only impostor pairs.
pub fn k_fold(pairs: &[ScoredPair]) -> Result<KFold, EvaluateError> {
    let sorted = sorted_by_score(pairs)?;
    let mut numbers: Vec<usize> = pairs.iter().map(|pair| pair.fold).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if let [fold] = numbers[..] {
        return Err(EvaluateError::OneFold { fold, pairs: pairs.len() });
    }

    let folds = numbers.iter().map(|&fold| judge(&sorted, fold)).collect::<Result<Vec<_>, _>>()?;
    let k = folds.len() as f64;
    let mean = folds.iter().map(|fold| fold.accuracy).sum::<f64>() / k;
    let variance = folds.iter().map(|fold| (fold.accuracy - mean).powi(2)).sum::<f64>() / k;
    Ok(KFold {
        accuracy: mean,
        accuracy_std: variance.sqrt(),
        threshold: search(&sorted).threshold,
        folds,
    })
}

/// The threshold that decides most of `pairs` rightly, folds ignored, with its accuracy on those same pairs.
///
/// For a development list with one fold: carry the threshold to other pairs; do not publish the accuracy.
///
/// # Errors
/// [`EvaluateError::ScoreNotFinite`] and [`EvaluateError::NeedsBothKinds`], as for [`k_fold`].
pub fn best_threshold(pairs: &[ScoredPair]) -> Result<BestThreshold, EvaluateError> {
    sorted_by_score(pairs).map(|sorted| search(&sorted))
}

/// A copy in ascending score, checked for scores and for both kinds of pair.
fn sorted_by_score(pairs: &[ScoredPair]) -> Result<Vec<ScoredPair>, EvaluateError> {
    if let Some(index) = pairs.iter().position(|pair| !pair.score.is_finite()) {
        return Err(EvaluateError::ScoreNotFinite {
            kind: "pair",
            index,
            count: pairs.len(),
            value: pairs[index].score,
        });
    }
    let genuine = pairs.iter().filter(|pair| pair.same).count();
    let impostor = pairs.len() - genuine;
    if genuine == 0 || impostor == 0 {
        return Err(EvaluateError::NeedsBothKinds { genuine, impostor });
    }
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable_by(|a, b| a.score.total_cmp(&b.score));
    Ok(sorted)
}

fn judge(sorted: &[ScoredPair], fold: usize) -> Result<FoldResult, EvaluateError> {
    let (held_out, others): (Vec<ScoredPair>, Vec<ScoredPair>) =
        sorted.iter().copied().partition(|pair| pair.fold == fold);
    let genuine = others.iter().filter(|pair| pair.same).count();
    let impostor = others.len() - genuine;
    if genuine == 0 || impostor == 0 {
        return Err(EvaluateError::OneSidedFolds { fold, genuine, impostor });
    }
    let threshold = search(&others).threshold;
    let right = held_out.iter().filter(|pair| (pair.score >= threshold) == pair.same).count();
    Ok(FoldResult {
        fold,
        pairs: held_out.len(),
        threshold,
        accuracy: right as f64 / held_out.len() as f64,
    })
}

/// The best threshold for pairs in ascending, finite score. At least one pair.
fn search(sorted: &[ScoredPair]) -> BestThreshold {
    // Start by accepting all; each step up rejects one more pair.
    let mut right = sorted.iter().filter(|pair| pair.same).count();
    let mut best = (right, sorted[0].score);
    for (position, pair) in sorted.iter().enumerate() {
        if pair.same {
            right -= 1;
        } else {
            right += 1;
        }
        let above = sorted.get(position + 1).map(|next| next.score);
        if above == Some(pair.score) {
            continue; // equal scores are decided together
        }
        if right >= best.0 {
            best = (right, between(pair.score, above));
        }
    }
    BestThreshold { threshold: best.1, accuracy: best.0 as f64 / sorted.len() as f64 }
}

/// A threshold that rejects `below` and accepts `above`.
fn between(below: f32, above: Option<f32>) -> f32 {
    let Some(above) = above else {
        return below.next_up();
    };
    let middle = f64::midpoint(f64::from(below), f64::from(above)) as f32;
    // Between neighbouring floats the midpoint rounds to one of them, and `below` would be accepted.
    if middle > below { middle } else { above }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pair(fold: usize, score: f32, same: bool) -> ScoredPair {
        ScoredPair { fold, score, same }
    }

    /// Two folds whose best thresholds differ, so that picking on the judged fold would show.
    ///
    /// Fold 1: impostor .10 .20, genuine .50 .60: best between .20 and .50 -> .35, alone it would score 1.
    /// Fold 2: impostor .40 .52, genuine .70 .80: best between .52 and .70 -> .61, alone it would score 1.
    fn two_folds() -> Vec<ScoredPair> {
        vec![
            pair(1, 0.10, false),
            pair(1, 0.60, true),
            pair(1, 0.20, false),
            pair(1, 0.50, true),
            pair(2, 0.80, true),
            pair(2, 0.40, false),
            pair(2, 0.70, true),
            pair(2, 0.52, false),
        ]
    }

    #[test]
    fn the_threshold_comes_from_the_other_fold() {
        let result = k_fold(&two_folds()).unwrap();
        // Fold 1 with .61: both genuine rejected, 2 of 4 right. Fold 2 with .35: both impostors accepted, 2 of 4 right.
        assert_eq!(result.folds[0].threshold, 0.61);
        assert_eq!(result.folds[0].accuracy, 0.5);
        assert_eq!(result.folds[1].threshold, 0.35);
        assert_eq!(result.folds[1].accuracy, 0.5);
        assert_eq!((result.accuracy, result.accuracy_std), (0.5, 0.0));
        // All eight, ascending: .10i .20i .40i .50g .52i .60g .70g .80g. Rejecting up to .40 or up to .52 gives 7 of 8
        // right; the higher gap, .52 to .60, wins.
        assert_eq!(result.threshold, 0.56);
        assert_eq!(best_threshold(&two_folds()).unwrap().accuracy, 7.0 / 8.0);
    }

    #[test]
    fn mean_and_deviation_weigh_folds_equally() {
        // Fold 3 is separable by either threshold; folds 1 and 2 as before but now judged with more evidence.
        let mut pairs = two_folds();
        pairs.extend([pair(3, 0.0, false), pair(3, 0.9, true)]);
        let result = k_fold(&pairs).unwrap();
        // Without 1: 0i .4i .52i .7g .8g .9g -> .61, fold 1 scores 2/4. Without 2: 0i .1i .2i .5g .6g .9g -> .35, 2/4.
        // Without 3: .56, fold 3 scores 2/2. Mean 2/3, variance ((1/6)^2 * 2 + (1/3)^2) / 3 = 1/18.
        let accuracies: Vec<f64> = result.folds.iter().map(|fold| fold.accuracy).collect();
        assert_eq!(accuracies, [0.5, 0.5, 1.0]);
        assert!((result.accuracy - 2.0 / 3.0).abs() < 1e-15);
        assert!((result.accuracy_std - (1.0_f64 / 18.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn order_of_pairs_changes_nothing() {
        let mut pairs = two_folds();
        let expected = k_fold(&pairs).unwrap();
        pairs.reverse();
        assert_eq!(k_fold(&pairs).unwrap(), expected);
    }

    #[test]
    fn collapsed_embeddings_score_exactly_one_half() {
        let pairs: Vec<ScoredPair> = (0..600).map(|i| pair(i / 60, 1.0, i % 2 == 0)).collect();
        let result = k_fold(&pairs).unwrap();
        assert_eq!((result.accuracy, result.accuracy_std), (0.5, 0.0));
        // Accepting all is as right as rejecting all: the higher threshold wins, and nobody enters.
        assert_eq!(result.threshold, 1.0_f32.next_up());
    }

    #[test]
    fn neighbouring_floats_are_still_told_apart() {
        let low = 0.5_f32;
        let best = best_threshold(&[pair(0, low, false), pair(0, low.next_up(), true)]).unwrap();
        assert_eq!(best, BestThreshold { threshold: low.next_up(), accuracy: 1.0 });
    }

    #[test]
    fn no_threshold_cuts_inside_a_tie() {
        let pairs = [pair(0, 0.5, false), pair(0, 0.5, true), pair(0, 0.75, true)];
        let best = best_threshold(&pairs).unwrap();
        assert_eq!(best, BestThreshold { threshold: 0.625, accuracy: 2.0 / 3.0 });
    }

    #[test]
    fn inverted_scores_are_best_refused_or_accepted_whole() {
        let pairs = [pair(0, 0.1, true), pair(0, 0.2, true), pair(0, 0.8, false)];
        let best = best_threshold(&pairs).unwrap();
        assert_eq!(best, BestThreshold { threshold: 0.1, accuracy: 2.0 / 3.0 });
    }

    #[test]
    fn rejects_a_single_fold() {
        let pairs = [pair(9, 0.1, false), pair(9, 0.9, true)];
        assert_eq!(k_fold(&pairs), Err(EvaluateError::OneFold { fold: 9, pairs: 2 }));
        assert_eq!(best_threshold(&pairs).unwrap().threshold, 0.5);
    }

    #[test]
    fn rejects_folds_that_hold_one_kind() {
        let pairs = [pair(1, 0.1, false), pair(2, 0.9, true)];
        let expected = EvaluateError::OneSidedFolds { fold: 1, genuine: 1, impostor: 0 };
        assert_eq!(k_fold(&pairs), Err(expected));
    }

    #[test]
    fn rejects_lists_of_one_kind() {
        let expected = EvaluateError::NeedsBothKinds { genuine: 2, impostor: 0 };
        assert_eq!(k_fold(&[pair(1, 0.1, true), pair(2, 0.9, true)]), Err(expected));
        let expected = EvaluateError::NeedsBothKinds { genuine: 0, impostor: 0 };
        assert_eq!(k_fold(&[]), Err(expected));
    }

    #[test]
    fn rejects_a_score_that_is_not_a_number() {
        let pairs = [pair(1, 0.1, false), pair(2, f32::NAN, true)];
        let refused = k_fold(&pairs).unwrap_err();
        assert!(refused.to_string().starts_with("score 1 of 2 pair scores is NaN"));
    }
}
