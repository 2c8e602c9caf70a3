//! A part of a batch that goes through the network at once, its loss, and what else is seen on the way.

use super::distillation::Teacher;
use super::report::StepError;
use super::sharded::Sharded;
use crate::data::Batch;
use crate::loss::{NormStatistics, Part, unit_rows};
use burn::tensor::{Gradients, Tensor};

/// What the loss of some images is, and what came with it.
pub(super) struct Loss {
    pub(super) loss: Tensor<1>,
    /// To the class centres, degrees; none when labels are not looked at.
    pub(super) angles: Vec<f32>,
    /// To the teacher's embeddings, degrees.
    pub(super) teacher_angle: Option<f64>,
    pub(super) norms: Option<NormStatistics>,
    /// Gradients by the class centres, where `loss` does not lead to them.
    pub(super) centres: Option<Gradients>,
}

/// The class centres that take part in a step.
#[derive(Clone, Copy)]
pub(super) enum Centres<'a> {
    /// All of them.
    Whole(&'a Part<'a>),
    /// This rank's.
    Sharded(Sharded<'a>),
}

/// Images that are learned at once, with both labels of each where they are blended.
pub(super) struct Piece<'a> {
    pub(super) pixels: &'a [u8],
    pub(super) labels: &'a [u32],
    pub(super) next: &'a [u32],
    pub(super) kept: Option<f32>,
}

/// The batch in `count` equal parts, with `next`, the labels of what its images are blended with.
pub(super) fn pieces<'a>(
    batch: &'a Batch,
    next: &'a [u32],
    count: usize,
) -> impl Iterator<Item = Piece<'a>> {
    let images = batch.labels.len().div_ceil(count);
    let image = batch.pixels.len() / batch.labels.len();
    let labels = batch.labels.chunks(images).zip(next.chunks(images));
    let kept = batch.kept;
    batch.pixels.chunks(images * image).zip(labels).map(move |(pixels, (labels, next))| Piece {
        pixels,
        labels,
        next,
        kept,
    })
}

impl Piece<'_> {
    /// The loss of the embeddings that a student has made of these `images`: the head's over `centres`, the teacher's, or both.
    pub(super) fn loss(
        &self,
        embeddings: Tensor<2>,
        images: Tensor<4>,
        teacher: Option<&Teacher>,
        centres: Option<Centres<'_>>,
    ) -> Result<Loss, StepError> {
        let taught = teacher.map(|teacher| {
            let taught = teacher.embed(self.pixels, images);
            teacher.loss(embeddings.clone(), taught)
        });
        let weight = teacher.map_or(1.0, Teacher::margin);
        let own = match centres {
            None => None,
            Some(Centres::Whole(part)) => Some(self.margin_loss(embeddings, part, weight)?),
            Some(Centres::Sharded(shards)) => Some(shards.loss(embeddings, self, weight)?),
        };
        match (own, taught) {
            (Some(own), None) => Ok(own),
            (Some(own), Some((loss, teacher_angle))) => {
                Ok(Loss { loss: loss + own.loss.clone(), teacher_angle, ..own })
            }
            (None, Some((loss, teacher_angle))) => {
                Ok(Loss { loss, angles: Vec::new(), teacher_angle, norms: None, centres: None })
            }
            (None, None) => unreachable!("without a teacher, labels count"),
        }
    }

    /// `weight` times the head's loss, of blended images for both labels in their shares, and the angles to the first label's
    /// centre.
    fn margin_loss(
        &self,
        embeddings: Tensor<2>,
        part: &Part<'_>,
        weight: f64,
    ) -> Result<Loss, StepError> {
        // Blended images have labels of the same batch, so both losses are over the same classes.
        let first = part.forward(embeddings.clone(), self.labels)?;
        let mut loss = match self.kept {
            None => first.loss,
            Some(kept) => {
                let second = part.forward(embeddings, self.next)?;
                first.loss.mul_scalar(kept) + second.loss.mul_scalar(1.0 - kept)
            }
        };
        if weight != 1.0 {
            loss = loss.mul_scalar(weight);
        }
        let (angles, teacher_angle) = (degrees(&first.target_cosine), None);
        Ok(Loss { loss, angles, teacher_angle, norms: first.norms, centres: None })
    }
}

pub(super) fn degrees(cosines: &[f64]) -> Vec<f32> {
    cosines.iter().map(|c| c.clamp(-1.0, 1.0).acos().to_degrees() as f32).collect()
}

/// Mean cosine over all pairs of different rows, from the length of the mean direction:
/// `|sum u_i|^2 = n + n (n - 1) mean`.
pub(super) fn mean_similarity(embeddings: Tensor<2>) -> f64 {
    let count = embeddings.dims()[0] as f64;
    let directions = unit_rows(embeddings.detach());
    let square: f32 = directions.sum_dim(0).powi_scalar(2).sum().into_scalar();
    (f64::from(square) - count) / (count * (count - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn similarity_of_equal_and_opposite_embeddings() {
        let device = Device::flex();
        let equal = Tensor::<2>::from_floats([[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]], &device);
        assert!((mean_similarity(equal) - 1.0).abs() < 1e-6);
        let opposite = Tensor::<2>::from_floats([[1.0, 0.0], [-3.0, 0.0]], &device);
        assert!((mean_similarity(opposite) + 1.0).abs() < 1e-6);
    }
}
