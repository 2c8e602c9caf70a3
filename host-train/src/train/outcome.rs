//! What learning from one part of a batch came to, beside its gradients; and how the ranks tell each other.

use crate::loss::NormStatistics;
use crate::net::BatchStatistics;
use crate::ranks::{RankError, Ranks};

/// What one part of a batch came to.
pub(super) struct Outcome {
    /// Mean over the part.
    pub(super) loss: f64,
    /// Mean cosine between embeddings of different images of the part.
    pub(super) similarity: f64,
    /// To the teacher's embeddings, degrees.
    pub(super) teacher_angle: Option<f64>,
    /// To the class centres, degrees; none when labels are not looked at.
    pub(super) angles: Vec<f32>,
    /// AdaFace's statistics with this part in them.
    pub(super) norms: Option<NormStatistics>,
    /// Normalization's, of each unit.
    pub(super) statistics: Vec<BatchStatistics>,
}

impl Outcome {
    /// All of it; how many numbers that are follows from the settings, so ranks have as many.
    fn numbers(&self) -> Vec<f64> {
        let norms = self.norms.iter().flat_map(|norms| [norms.mean, norms.deviation]);
        let statistics = self.statistics.iter().flat_map(BatchStatistics::numbers);
        let single = self.angles.iter().copied().chain(statistics).map(f64::from);
        let first = [self.loss, self.similarity].into_iter().chain(self.teacher_angle);
        first.chain(norms).chain(single).collect()
    }

    /// The outcome of another rank by its [`Self::numbers`].
    fn with_numbers(&self, numbers: &[f64]) -> Self {
        let mut numbers = numbers.iter().copied();
        // As many as this rank's, or they would not have been taken.
        let mut next = || numbers.next().unwrap_or(f64::NAN);
        Self {
            loss: next(),
            similarity: next(),
            teacher_angle: self.teacher_angle.map(|_| next()),
            norms: self.norms.map(|_| NormStatistics { mean: next(), deviation: next() }),
            angles: self.angles.iter().map(|_| next() as f32).collect(),
            statistics: self
                .statistics
                .iter()
                .map(|own| own.with_numbers(own.numbers().iter().map(|_| next() as f32).collect()))
                .collect(),
        }
    }
}

/// The outcomes of all ranks' parts, as they lie in the batch: the first part of each rank, then the second of each.
///
/// # Errors
/// A rank is lost, or `labels`, the whole batch's, are not the same everywhere.
pub(super) fn of_all_ranks(
    own: Vec<Outcome>,
    ranks: &Ranks,
    labels: &[u32],
    step: u64,
) -> Result<Vec<Outcome>, RankError> {
    if ranks.count() == 1 {
        return Ok(own);
    }
    let labels: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let mut numbers = vec![f64::from(crc32c::crc32c(&labels))];
    numbers.extend(own.iter().flat_map(Outcome::numbers));
    let all = ranks.gather(&numbers)?;
    if let Some(rank) = all.iter().position(|theirs| theirs[0] != all[0][0]) {
        return Err(RankError::Batch { rank, step });
    }
    let length = (numbers.len() - 1) / own.len();
    let of = |part: usize, theirs: &Vec<f64>| {
        own[part].with_numbers(&theirs[1 + part * length..][..length])
    };
    Ok((0..own.len()).flat_map(|part| all.iter().map(move |theirs| of(part, theirs))).collect())
}
