//! What a step tells: the report that becomes a line of the log, and why a run ends at a step.

use crate::loss::LabelError;
use crate::ranks::RankError;
use serde::{Deserialize, Serialize};

/// Above this mean cosine between embeddings of a batch, the network gives every face the same embedding.
const COLLAPSED_ABOVE: f64 = 0.95;

/// What a step did; a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Counted from 0.
    pub step: u64,
    /// The loss, mean over the batch; null when it was not finite.
    pub loss: Option<f64>,
    /// Mean angle between embeddings and their own class's centre, degrees; null when labels are not looked at.
    pub angle: Option<f64>,
    /// Mean angle between embeddings and the teacher's, degrees; null without a teacher.
    #[serde(default)]
    pub teacher_angle: Option<f64>,
    /// Learning rate used.
    pub rate: f64,
    /// Length of all gradients together, before clipping; null when it was not finite.
    pub gradient_norm: Option<f64>,
    /// Whether the step was left out because loss or gradients were not finite.
    pub skipped: bool,
    /// Mean cosine between embeddings of different images of the batch.
    pub similarity: f64,
}

impl StepReport {
    /// Whether the network gives nearly the same embedding for every face: recognition has become chance.
    #[must_use]
    pub fn collapsed(&self) -> bool {
        self.similarity > COLLAPSED_ABOVE
    }
}

/// A step that ends the run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The batch holds a class that the head does not.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// Another rank is lost, or learns something else.
    #[error(transparent)]
    Ranks(#[from] RankError),
    /// Nothing finite came out for too long.
    #[error(
        "loss or gradients were not finite for {in_a_row} steps in a row up to step {step} (rate {rate}): \
         resume from the last checkpoint with a lower --learning-rate or a longer --warm-up"
    )]
    Diverged {
        /// The last of them.
        step: u64,
        /// How many.
        in_a_row: u32,
        /// The rate at that step.
        rate: f64,
    },
}
