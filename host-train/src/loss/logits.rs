//! The one path from embeddings over logits to the loss that all losses share.
//!
//! ```text
//! embeddings [b, d] ── / |x| ─┐                              own class: cos t -> f(t)
//!                             ├─> cosines [b, classes * K] ──> nearest of K ──> margin ──> * r, + bias ──> logits ──> loss
//! centres [classes * K, d] ───┘ / |w|
//! ```
//!
//! The margin is worked out on the host, in f64, from the batch's cosines to their own centres alone: [`TargetCurve`] is the
//! only form of it. Its value and slope go back as columns, which make the gradient exact.

use super::adaface::{NormStatistics, image_curve};
use super::config::LossConfig;
use super::head::{Head, LabelError, MarginGradient, SampledRows};
use super::margin::TargetCurve;
use super::softmax::{SoftmaxSums, cross_entropy};
use super::subcentre::nearest;
use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};

/// Square of the shortest vector that is still divided by its own length.
const SHORTEST_SQUARE: f64 = 1e-24;

/// The centres that take part in a step.
pub struct Part<'h> {
    pub(super) head: &'h Head,
    pub(super) step: u64,
    /// Which classes, ascending, and their rows; none when all that are held take part.
    pub(super) sampled: Option<(Vec<usize>, SampledRows)>,
    pub(super) weight: Tensor<2>,
    pub(super) bias: Option<Tensor<2>>,
}

/// A batch's logits, before the softmax.
pub struct Logits {
    /// `[batch, classes that take part]`.
    logits: Tensor<2>,
    /// The true classes' logits `[batch, 1]`, 0 where another rank holds the class.
    target: Tensor<2>,
    target_cosine: Vec<f64>,
    norms: Option<NormStatistics>,
}

/// What a batch gave.
pub struct HeadOutput {
    /// Mean cross-entropy, `[1]`.
    pub loss: Tensor<1>,
    /// Cosine of each embedding to its own class's nearest centre; 0 where another rank holds the class.
    pub target_cosine: Vec<f64>,
    /// For [`Head::commit`], once the step is known to be sound.
    pub norms: Option<NormStatistics>,
}

impl Part<'_> {
    /// The loss of `embeddings [batch, embedding]` of any length and their classes `labels`.
    ///
    /// # Errors
    /// A label whose class has no centre here.
    pub fn forward(&self, embeddings: Tensor<2>, labels: &[u32]) -> Result<HeadOutput, LabelError> {
        let logits = self.logits(embeddings, labels)?;
        let whole = logits.sums();
        Ok(logits.loss(&whole))
    }

    /// The logits alone: with classes on several ranks, each rank gives all ranks' embeddings and labels, then
    /// [`Logits::sums`] are combined before [`Logits::loss`].
    ///
    /// # Errors
    /// A label whose class has no centre here.
    pub fn logits(&self, embeddings: Tensor<2>, labels: &[u32]) -> Result<Logits, LabelError> {
        let loss = self.head.settings.loss;
        let own = self.head.own_classes(labels)?;
        let mut columns = Vec::with_capacity(own.len());
        for (index, class) in own.iter().enumerate() {
            let place = class.map_or(Some(0), |class| self.place(class));
            let absent = LabelError::Absent { index, label: labels[index] };
            columns.push(place.ok_or(absent)? as i64);
        }
        let columns = TensorData::new(columns, [labels.len(), 1]);
        let columns = Tensor::<2, Int>::from_data(columns, &embeddings.device());
        let held: Vec<f64> = own.iter().map(|class| f64::from(class.is_some())).collect();
        let held = column(held, &embeddings);

        let length = lengths(&embeddings);
        let mut cosine = (embeddings / length.clone()).matmul(self.weight.clone().transpose());
        if !loss.has_bias() {
            cosine = cosine / lengths(&self.weight).transpose();
        }
        let mut cosine = nearest(cosine, loss.centres());
        let target = cosine.clone().gather(1, columns.clone());
        let mut own = target.clone() * held.clone();
        if loss.has_bias() {
            let rows = columns.clone().reshape([labels.len()]);
            own = own / lengths(&self.weight).select(0, rows);
        }
        let target_cosine = numbers(own);
        let mut norms = None;
        if loss.has_margin() {
            let (curves, statistics) = self.curves(&length);
            norms = statistics;
            let gain = self.gain(target, &target_cosine, &curves) * held.clone();
            cosine = cosine.scatter(1, columns.clone(), gain, IndexingUpdateOp::Add);
        }
        let mut logits = match loss.scale() {
            Some(scale) => cosine.mul_scalar(scale),
            None => cosine * length,
        };
        if let Some(bias) = &self.bias {
            logits = logits + bias.clone().transpose();
        }
        let target = logits.clone().gather(1, columns) * held;
        Ok(Logits { logits, target, target_cosine, norms })
    }

    /// The rows that took part, when not all did.
    #[must_use]
    pub fn rows(&self) -> Option<&SampledRows> {
        self.sampled.as_ref().map(|(_, rows)| rows)
    }

    /// The column of a class that the head holds.
    fn place(&self, class: usize) -> Option<usize> {
        match &self.sampled {
            Some((classes, _)) => classes.binary_search(&class).ok(),
            None => Some(class - self.head.settings.held.start),
        }
    }

    /// Each image's curve, and AdaFace's statistics with this batch in them.
    fn curves(&self, length: &Tensor<2>) -> (Vec<TargetCurve>, Option<NormStatistics>) {
        let loss = self.head.settings.loss;
        if let (LossConfig::Adaface { m, concentration, .. }, Some(norms)) =
            (loss, &self.head.norms)
        {
            let lengths = numbers(length.clone());
            let before = numbers(norms.value());
            let statistics = NormStatistics { mean: before[0], deviation: before[1] };
            let statistics = statistics.after(&lengths);
            let curve = |length: &f64| image_curve(m, statistics.quality(*length, concentration));
            return (lengths.iter().map(curve).collect(), Some(statistics));
        }
        (vec![loss.curve(self.step); length.dims()[0]], None)
    }

    /// What the margin adds to the cosines of the true classes, `target [batch, 1]`, whose values are `cosines`.
    fn gain(&self, target: Tensor<2>, cosines: &[f64], curves: &[TargetCurve]) -> Tensor<2> {
        let angles = cosines.iter().map(|cosine| cosine.clamp(-1.0, 1.0).acos());
        let (values, slopes) = angles
            .zip(curves)
            .map(|(angle, curve)| match self.head.settings.head.margin_gradient {
                MarginGradient::Exact => (curve.value(angle), curve.slope_by_cosine(angle)),
                MarginGradient::StraightThrough => (curve.value(angle), 1.0),
            })
            .unzip();
        let (values, slopes) = (column(values, &target), column(slopes, &target));
        let moved = target.clone() - target.clone().detach();
        values + moved * slopes - target
    }
}

impl Logits {
    /// As in [`HeadOutput`].
    #[must_use]
    pub fn target_cosine(&self) -> &[f64] {
        &self.target_cosine
    }

    /// What the softmax must know of these classes.
    #[must_use]
    pub fn sums(&self) -> SoftmaxSums {
        SoftmaxSums::of(&self.logits, &self.target)
    }

    /// The loss, when `whole` are the sums over all ranks' classes.
    #[must_use]
    pub fn loss(self, whole: &SoftmaxSums) -> HeadOutput {
        HeadOutput {
            loss: cross_entropy(self.logits, self.target, whole),
            target_cosine: self.target_cosine,
            norms: self.norms,
        }
    }
}

/// The length of every row, `[rows, 1]`. The square is what is kept from 0: a root has no finite slope there.
fn lengths(rows: &Tensor<2>) -> Tensor<2> {
    rows.clone().powi_scalar(2).sum_dim(1).clamp_min(SHORTEST_SQUARE).sqrt()
}

/// Every row divided by its length.
pub(crate) fn unit_rows(rows: Tensor<2>) -> Tensor<2> {
    let length = lengths(&rows);
    rows / length
}

/// `values` as a column `[values, 1]` of the kind and place of `like`.
fn column(values: Vec<f64>, like: &Tensor<2>) -> Tensor<2> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count, 1]), (&like.device(), like.dtype()))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
