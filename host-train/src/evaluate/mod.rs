//! How well a network tells people apart: from scores to figures, and from figures to a page.
//!
//! ```text
//! pair list ──> ScoredPair ──> k_fold ──────> accuracy +- std, threshold ─┐
//!                  └─────────> Roc ─────────> TAR@FAR, EER, AUC, curve ───┼──> PairsSummary, AllPairsSummary (JSON)
//! identities ──> all_pairs ──> Roc ─────────> the same                  ──┤      └──> comparison: float beside int8
//!           ├──> ranks ──────│──────────────> rank-1, CMC               ──┤            └──> report::render (HTML)
//!           └──> OpenSet     │──────────────> FNIR@FPIR                 ──┘
//!                            └──────────────> ThresholdTable: the cosine of each false match rate
//! ```
//!
//! A score is a cosine: higher means more alike, and a pair is accepted when `score >= threshold`, in every function here
//! and in the engine. Nothing here computes an embedding or reads an image file: callers bring scores (float by `graph`,
//! int8 by `edge-infer`) and get the same figures for both.
//!
//! A figure that the data cannot support is refused, never printed: a FAR below one impostor, an accuracy whose threshold
//! was picked on the pairs it judges, a score that is not a number.

mod collapse;
mod comparison;
mod error;
mod histogram;
mod identification;
mod means;
mod open_set;
pub mod report;
mod roc;
mod separation;
mod summary;
mod thresholds;
mod unit_rows;
mod verification;

pub use collapse::{COLLAPSED_SPREAD, is_collapsed};
pub use comparison::{ComparisonRow, Unit, comparison_text, points_lost};
pub use error::EvaluateError;
pub use histogram::Histogram;
pub use identification::{
    AllPairs, Rank1, Ranks, all_pairs, first_images, impostor_pairs, nearest, rank1, ranks,
};
pub use means::{groups, mean_scores};
pub use open_set::OpenSet;
pub use roc::{OperatingPoint, Roc, RocPoint, STANDARD_FARS, resolvable};
pub use separation::Separation;
pub use summary::{AllPairsSummary, PairsSummary, Rates};
pub use thresholds::{CALIBRATED_RATES, CalibratedThreshold, LeftOut, ThresholdTable};
pub use unit_rows::UnitRows;
pub(crate) use unit_rows::dot;
pub use verification::{BestThreshold, FoldResult, KFold, ScoredPair, best_threshold, k_fold};
