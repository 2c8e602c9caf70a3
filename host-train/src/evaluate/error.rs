//! What evaluation refuses, with the numbers behind each refusal.

use thiserror::Error;

/// A question that the scores at hand cannot answer.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A score is NaN or infinite.
    #[error(
        "score {index} of {count} {kind} scores is {value}: a network that emits this is broken or diverged in training"
    )]
    ScoreNotFinite {
        /// Which list: `genuine`, `impostor`, `pair` or `histogram`.
        kind: &'static str,
        /// Position in that list, from 0.
        index: usize,
        /// Length of that list.
        count: usize,
        /// The offending value.
        value: f32,
    },

    /// A curve needs both kinds of pair.
    #[error("{genuine} genuine and {impostor} impostor pairs: at least one of each is needed")]
    NeedsBothKinds {
        /// Pairs of one person.
        genuine: usize,
        /// Pairs of two people.
        impostor: usize,
    },

    /// All pairs lie in one fold, so no other fold can pick the threshold.
    #[error(
        "all {pairs} pairs are in fold {fold}: accuracy needs a threshold picked on other folds; \
         give a pair list with two folds or more, or read EER and TAR@FAR, which need none"
    )]
    OneFold {
        /// The only fold.
        fold: usize,
        /// Pairs in it.
        pairs: usize,
    },

    /// With one fold held out, the rest cannot pick a threshold.
    #[error(
        "without fold {fold} there remain {genuine} genuine and {impostor} impostor pairs: \
         the threshold cannot be picked from one kind alone; mix both kinds into every fold"
    )]
    OneSidedFolds {
        /// The fold held out.
        fold: usize,
        /// Genuine pairs in all other folds.
        genuine: usize,
        /// Impostor pairs in all other folds.
        impostor: usize,
    },

    /// A false-accept rate outside (0, 1].
    #[error("a false-accept rate of {far} is not in (0, 1]")]
    FarOutOfRange {
        /// The rate asked for.
        far: f64,
    },

    /// Fewer impostor pairs than the rate asked for can resolve.
    #[error(
        "a false-accept rate of {far} cannot be measured with {impostors} impostor pairs, \
         where one pair is {:.1e}; add identities or ask for a higher rate", 1.0 / *impostors as f64
    )]
    FarBelowResolution {
        /// The rate asked for.
        far: f64,
        /// Impostor pairs at hand; the least rate is one over this.
        impostors: usize,
    },

    /// No person has a second image.
    #[error("none of the {people} people has a second image: nothing can be searched for")]
    NoProbe {
        /// People in the set.
        people: usize,
    },

    /// Only one person: there is nobody to be mistaken for.
    #[error("all {images} images are of one person: at least two people are needed")]
    OnePerson {
        /// Images in the set.
        images: usize,
    },

    /// Embedding values do not divide into rows.
    #[error("{values} embedding values are not a whole number of rows of {len}")]
    RaggedRows {
        /// Values given.
        values: usize,
        /// Values a row should have.
        len: usize,
    },

    /// An embedding with no direction: zero, NaN or infinite.
    #[error("embedding {row} has a length of {norm}: it points nowhere, so it has no cosine")]
    NoDirection {
        /// Row of the embedding, from 0.
        row: usize,
        /// Its Euclidean length.
        norm: f64,
    },
}

/// Refuses the first score of `scores` that is NaN or infinite.
pub(super) fn check_finite(kind: &'static str, scores: &[f32]) -> Result<(), EvaluateError> {
    match scores.iter().position(|score| !score.is_finite()) {
        None => Ok(()),
        Some(index) => Err(EvaluateError::ScoreNotFinite {
            kind,
            index,
            count: scores.len(),
            value: scores[index],
        }),
    }
}
