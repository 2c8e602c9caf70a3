//! A part of a batch that goes through the network at once, its loss, and what else is seen on the way.

use super::distillation::Teacher;
use crate::data::Batch;
use crate::loss::{LabelError, NormStatistics, Part, unit_rows};
use burn::tensor::Tensor;

/// What the loss of some images is, and what came with it.
pub(super) struct Loss {
    pub(super) loss: Tensor<1>,
    /// To the class centres, degrees; none when labels are not looked at.
    pub(super) angles: Vec<f32>,
    /// To the teacher's embeddings, degrees.
    pub(super) teacher_angle: Option<f64>,
    pub(super) norms: Option<NormStatistics>,
}

/// Images that are learned at once, with both labels of each where they are blended.
pub(super) struct Piece<'a> {
    pub(super) pixels: &'a [u8],
    labels: &'a [u32],
    next: &'a [u32],
    kept: Option<f32>,
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
    /// The loss of the images' embeddings: the head's over `centres`, the teacher's, or both.
    pub(super) fn loss(
        &self,
        embeddings: Tensor<2>,
        teacher: Option<&Teacher>,
        centres: Option<&Part<'_>>,
    ) -> Result<Loss, LabelError> {
        let own =
            centres.map(|centres| head_loss(embeddings.clone(), centres, self)).transpose()?;
        let taught = teacher.map(|teacher| {
            let taught = teacher.embed(self.pixels, &embeddings.device());
            let (loss, angle) = teacher.loss(embeddings, taught);
            (loss, angle, teacher.margin())
        });
        match (own, taught) {
            (Some(own), None) => Ok(own),
            (Some(own), Some((loss, teacher_angle, margin))) => {
                let loss = loss + own.loss.mul_scalar(margin);
                Ok(Loss { loss, teacher_angle, ..own })
            }
            (None, Some((loss, teacher_angle, _))) => {
                Ok(Loss { loss, angles: Vec::new(), teacher_angle, norms: None })
            }
            (None, None) => unreachable!("without a teacher, labels count"),
        }
    }
}

/// The head's loss, of blended images for both labels in their shares, and the angles to the first label's centre.
fn head_loss(
    embeddings: Tensor<2>,
    centres: &Part<'_>,
    piece: &Piece<'_>,
) -> Result<Loss, LabelError> {
    // Blended images have labels of the same batch, so both losses are over the same classes.
    let first = centres.forward(embeddings.clone(), piece.labels)?;
    let loss = match piece.kept {
        None => first.loss,
        Some(kept) => {
            let second = centres.forward(embeddings, piece.next)?;
            first.loss.mul_scalar(kept) + second.loss.mul_scalar(1.0 - kept)
        }
    };
    let angles = degrees(&first.target_cosine);
    Ok(Loss { loss, angles, teacher_angle: None, norms: first.norms })
}

fn degrees(cosines: &[f64]) -> Vec<f32> {
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
