//! The margin loss over class centres of which each rank holds a share (An et al., arXiv 2203.15565), for more identities than one
//! machine has memory for.
//!
//! ```text
//! each rank                                     between the ranks
//! embeddings of its images        ── gather ──> those of all images
//! logits of all, for its classes  ── gather ──> softmax sums over all classes, hence the loss, the same everywhere
//! gradients by all embeddings     ── sum ─────> its own images' rows, which go back through its network
//! gradients by its centres                      stay with it
//! ```

use super::model::{HEAD_CENTRES, HEAD_OFFSETS, Values};
use super::piece::{Loss, Piece, degrees};
use super::report::StepError;
use crate::loss::{HeadOutput, Part, SoftmaxSums};
use crate::ranks::{RankError, Ranks};
use burn::tensor::{Tensor, TensorData};
use core::ops::Range;
use std::collections::BTreeMap;

/// This rank's share of the centres, and the ranks that hold the others.
#[derive(Clone, Copy)]
pub(super) struct Sharded<'a> {
    pub(super) part: &'a Part<'a>,
    pub(super) ranks: &'a Ranks,
    /// Labels of the images that all ranks learn at this time, in the order of the ranks.
    pub(super) labels: &'a [u32],
    /// Those of what they are blended with.
    pub(super) next: &'a [u32],
}

impl Sharded<'_> {
    /// `weight` times the margin loss of a piece: the mean over all ranks' images, with the gradients that this rank's mean would
    /// have.
    pub(super) fn loss(
        &self,
        embeddings: Tensor<2>,
        piece: &Piece<'_>,
        weight: f64,
    ) -> Result<Loss, StepError> {
        let [images, length] = embeddings.dims();
        let numbers: Vec<f64> = embeddings.clone().into_data().iter::<f64>().collect();
        let all = self.ranks.gather(&numbers)?.concat();
        let all = TensorData::new(all, [images * self.ranks.count(), length]);
        let place = (&embeddings.device(), embeddings.dtype());
        let all = Tensor::<2>::from_data(all, place).require_grad();
        let first = self.forward(&all, self.labels)?;
        let loss = match piece.kept {
            None => first.loss,
            Some(kept) => {
                let second = self.forward(&all, self.next)?;
                first.loss.mul_scalar(kept) + second.loss.mul_scalar(1.0 - kept)
            }
        };
        // A step takes the mean over the ranks of what is a sum over them here.
        let factor = weight * self.ranks.count() as f64;
        let mut gradients = loss.clone().mul_scalar(factor).backward();
        let by_all = all.grad_remove(&mut gradients).expect("the loss is of these embeddings");
        let mut by_all: Vec<f32> = by_all.into_data().iter::<f32>().collect();
        self.ranks.sum(&mut by_all)?;
        let first_row = self.ranks.rank() * images;
        let own = by_all[first_row * length..][..images * length].to_vec();
        let own = Tensor::from_data(TensorData::new(own, [images, length]), &embeddings.device());
        // Linear in the embeddings with the loss's slope; the value is the loss's.
        let slope = (embeddings * own).sum();
        let loss = loss.detach().mul_scalar(weight) + (slope.clone() - slope.detach());
        let angles = degrees(&first.target_cosine[first_row..][..images]);
        let (teacher_angle, centres) = (None, Some(gradients));
        Ok(Loss { loss, angles, teacher_angle, norms: first.norms, centres })
    }

    /// The loss over all ranks' classes, with the cosine of each image to its own class's centre, wherever that is.
    fn forward(&self, embeddings: &Tensor<2>, labels: &[u32]) -> Result<HeadOutput, StepError> {
        let logits = self.part.logits(embeddings.clone(), labels)?;
        let own = logits.sums();
        let column = |sums: &Tensor<2>| -> Vec<f64> { sums.clone().into_data().iter().collect() };
        let sums = [&own.most, &own.sum, &own.target].map(column).concat();
        let all = self.ranks.gather(&[&sums[..], logits.target_cosine()].concat())?;
        let count = labels.len();
        let place = (&embeddings.device(), embeddings.dtype());
        let tensor = |of: &[f64], i: usize| {
            let values = of[i * count..][..count].to_vec();
            Tensor::from_data(TensorData::new(values, [count, 1]), place)
        };
        let sums = all.iter().map(|of| SoftmaxSums {
            most: tensor(of, 0),
            sum: tensor(of, 1),
            target: tensor(of, 2),
        });
        let whole = sums.reduce(SoftmaxSums::combine).unwrap_or(own);
        // Those of classes that another rank holds are 0.
        let cosine = |image: usize| all.iter().map(|of| of[3 * count + image]).sum();
        let cosines: Vec<f64> = (0..count).map(cosine).collect();
        Ok(HeadOutput { target_cosine: cosines, ..logits.loss(&whole) })
    }
}

/// Puts together, on rank 0, what all ranks hold of the head's parameters or their velocities; the other ranks keep theirs. All ranks
/// must call it at the same time.
pub(super) fn collected(
    values: &mut BTreeMap<String, Values>,
    ranks: &Ranks,
) -> Result<(), RankError> {
    for (_, values) in values.iter_mut().filter(|(name, _)| is_of_classes(name)) {
        let all = ranks.collect(&values.numbers)?;
        if ranks.rank() == 0 {
            values.numbers = all.concat();
            values.shape[0] = values.numbers.len() / values.shape[1..].iter().product::<usize>();
        }
    }
    Ok(())
}

/// Of the head's whole parameters or their velocities, those of `held` of the `classes`.
pub(super) fn shard_of(values: &mut BTreeMap<String, Values>, held: &Range<usize>, classes: usize) {
    for (_, values) in values.iter_mut().filter(|(name, _)| is_of_classes(name)) {
        let per_class = values.numbers.len() / classes;
        values.numbers = values.numbers[held.start * per_class..held.end * per_class].to_vec();
        values.shape[0] = values.numbers.len() / values.shape[1..].iter().product::<usize>();
    }
}

/// Whether a parameter has rows for each class, of which a rank holds some; AdaFace's statistics have none.
pub(super) fn is_of_classes(name: &str) -> bool {
    matches!(name, HEAD_CENTRES | HEAD_OFFSETS)
}
