//! The class centres, and the one path from embeddings over logits to the loss that all losses share.
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
use super::config::{LossConfig, LossError};
use super::margin::TargetCurve;
use super::partial_fc::{Shard, sample};
use super::softmax::{SoftmaxSums, cross_entropy};
use super::subcentre::nearest;
use crate::net::normal;
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use core::ops::Range;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Square of the shortest vector that is still divided by its own length.
const SHORTEST_SQUARE: f64 = 1e-24;

/// What the gradient of the true class's logit by its cosine is taken to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarginGradient {
    /// The margin's own slope.
    #[default]
    Exact,
    /// 1: the margin moves the logit and is then held constant, as in much published code.
    StraightThrough,
}

/// How the centres learn, whatever the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// The margin's gradient.
    pub margin_gradient: MarginGradient,
    /// Share of the classes that take part in a step, above 0 and at most 1. Those of the batch always do.
    pub class_sample: f64,
}

impl Default for HeadConfig {
    /// Everything exact and whole.
    fn default() -> Self {
        Self { margin_gradient: MarginGradient::Exact, class_sample: 1.0 }
    }
}

/// The class centres, and the loss over them.
#[derive(Module, Debug)]
pub struct Head {
    /// Class centres, `[classes * centres, embedding]`, a class's side by side.
    pub weight: Param<Tensor<2>>,
    /// Softmax's offset of each class, `[classes, 1]`.
    pub bias: Option<Param<Tensor<2>>>,
    /// AdaFace's running mean and deviation of embedding lengths, `[2]`.
    pub norms: Option<RunningState<Tensor<1>>>,
    #[module(skip)]
    settings: Settings,
}

/// What is not learned.
#[derive(Clone, Debug)]
struct Settings {
    loss: LossConfig,
    head: HeadConfig,
    /// Of all classes, those in this head.
    held: Range<usize>,
    /// Classes of all ranks.
    classes: usize,
    seed: u64,
}

/// A face of a class that there is no centre for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("image {index} of the batch is of class {label}, the head has classes 0 to {}", classes - 1)]
pub struct LabelError {
    /// Which image.
    pub index: usize,
    /// Its label.
    pub label: u32,
    /// Classes that there are.
    pub classes: usize,
}

/// A batch's logits, before the softmax.
pub struct Logits {
    /// `[batch, classes that take part]`.
    logits: Tensor<2>,
    /// The true classes' logits `[batch, 1]`, 0 where another rank holds the class.
    target: Tensor<2>,
    target_cosine: Vec<f64>,
    rows: Option<SampledRows>,
    norms: Option<NormStatistics>,
}

/// What a batch gave.
pub struct HeadOutput {
    /// Mean cross-entropy, `[1]`.
    pub loss: Tensor<1>,
    /// Cosine of each embedding to its own class's nearest centre; 0 where another rank holds the class.
    pub target_cosine: Vec<f64>,
    /// The centres that took part, when not all did.
    pub rows: Option<SampledRows>,
    /// For [`Head::commit`], once the step is known to be sound.
    pub norms: Option<NormStatistics>,
}

/// Rows of the head's parameters that took part in a step: the loss's gradient is theirs, not the whole parameters'.
pub struct SampledRows {
    /// Each parameter's field name, row numbers, and those rows.
    pub parts: Vec<(&'static str, Tensor<1, Int>, Tensor<2>)>,
}

impl Head {
    /// Centres in random directions, of about unit length: shorter ones would turn faster than the network learns, and
    /// their gradients would fill the clipping norm. A shard's are the same as in the whole.
    ///
    /// # Errors
    /// Numbers out of range, or a shard without a class.
    pub fn new(
        loss: LossConfig,
        head: HeadConfig,
        [classes, embedding]: [usize; 2],
        shard: Shard,
        seed: u64,
        device: &Device,
    ) -> Result<Self, LossError> {
        loss.check()?;
        head.check(loss)?;
        let held = shard.classes(classes);
        if held.is_empty() {
            let (loss, name, most) = (loss.name(), "number of ranks", classes as f64);
            let value = shard.ranks as f64;
            return Err(LossError::Range { loss, name, value, least: 1.0, most });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // A normal number takes two words of the stream.
        rng.set_word_pos(2 * (held.start * loss.centres() * embedding) as u128);
        let deviation = 1.0 / (embedding as f64).sqrt();
        let weight = normal([held.len() * loss.centres(), embedding], deviation, &mut rng, device);
        let bias =
            loss.has_bias().then(|| Param::from_tensor(Tensor::zeros([held.len(), 1], device)));
        let norms = matches!(loss, LossConfig::Adaface { .. })
            .then(|| RunningState::new(norms_tensor(NormStatistics::default(), device)));
        let settings = Settings { loss, head, held, classes, seed };
        Ok(Self { weight: Param::from_tensor(weight), bias, norms, settings })
    }

    /// The loss of `embeddings [batch, embedding]` of any length and their classes `labels`, at `step`.
    ///
    /// # Errors
    /// A label that is no class.
    pub fn forward(
        &self,
        embeddings: Tensor<2>,
        labels: &[u32],
        step: u64,
    ) -> Result<HeadOutput, LabelError> {
        let logits = self.logits(embeddings, labels, step)?;
        let whole = logits.sums();
        Ok(logits.loss(&whole))
    }

    /// The logits alone: with classes on several ranks, each rank gives all ranks' embeddings and labels, then
    /// [`Logits::sums`] are combined before [`Logits::loss`].
    ///
    /// # Errors
    /// A label that is no class.
    pub fn logits(
        &self,
        embeddings: Tensor<2>,
        labels: &[u32],
        step: u64,
    ) -> Result<Logits, LabelError> {
        let loss = self.settings.loss;
        let own = self.own_classes(labels)?;
        let (part, rows) = self.part(&own, step);
        let place = |class: usize| match &part.classes {
            Some(classes) => classes.binary_search(&class).unwrap_or(0),
            None => class - self.settings.held.start,
        };
        let columns: Vec<i64> = own.iter().map(|class| class.map_or(0, place) as i64).collect();
        let columns = TensorData::new(columns, [labels.len(), 1]);
        let columns = Tensor::<2, Int>::from_data(columns, &embeddings.device());
        let held: Vec<f64> = own.iter().map(|class| f64::from(class.is_some())).collect();
        let held = column(held, &embeddings);

        let length = lengths(&embeddings);
        let mut cosine = (embeddings / length.clone()).matmul(part.weight.clone().transpose());
        if !loss.has_bias() {
            cosine = cosine / lengths(&part.weight).transpose();
        }
        let mut cosine = nearest(cosine, loss.centres());
        let target = cosine.clone().gather(1, columns.clone());
        let target_cosine = numbers(target.clone() * held.clone());
        let mut norms = None;
        if loss.has_margin() {
            let (curves, statistics) = self.curves(&length, step);
            norms = statistics;
            let gain = self.gain(target, &target_cosine, &curves) * held.clone();
            cosine = cosine.scatter(1, columns.clone(), gain, IndexingUpdateOp::Add);
        }
        let mut logits = match loss.scale() {
            Some(scale) => cosine.mul_scalar(scale),
            None => cosine * length,
        };
        if let Some(bias) = part.bias {
            logits = logits + bias.transpose();
        }
        let target = logits.clone().gather(1, columns) * held;
        Ok(Logits { logits, target, target_cosine, rows, norms })
    }

    /// Takes a batch's statistics into the running ones.
    pub fn commit(&self, seen: Option<NormStatistics>) {
        if let (Some(norms), Some(seen)) = (&self.norms, seen) {
            let device = norms.value().device();
            norms.update(norms_tensor(seen, &device));
            norms.value_sync();
        }
    }

    /// The labels as classes, none where another rank holds it.
    fn own_classes(&self, labels: &[u32]) -> Result<Vec<Option<usize>>, LabelError> {
        let Settings { held, classes, .. } = &self.settings;
        let own = labels.iter().enumerate().map(|(index, &label)| {
            let class = label as usize;
            if class >= *classes {
                return Err(LabelError { index, label, classes: *classes });
            }
            Ok(held.contains(&class).then_some(class))
        });
        own.collect()
    }

    /// The centres of a step, and what the optimizer must know of them when they are not all.
    fn part(&self, own: &[Option<usize>], step: u64) -> (Part, Option<SampledRows>) {
        let Settings { loss, head, held, seed, .. } = &self.settings;
        let whole = self.weight.val();
        if head.class_sample >= 1.0 {
            let bias = self.bias.as_ref().map(Param::val);
            return (Part { classes: None, weight: whole, bias }, None);
        }
        let needed: BTreeSet<usize> = own.iter().flatten().copied().collect();
        let classes = sample(held.clone(), &needed, head.class_sample, *seed, step);
        let take = |whole: Tensor<2>, rows_a_class: usize| {
            let first = |class: &usize| (class - held.start) * rows_a_class;
            let rows = classes.iter().flat_map(|class| first(class)..first(class) + rows_a_class);
            let rows: Vec<i64> = rows.map(|row| row as i64).collect();
            let count = rows.len();
            let rows = Tensor::from_data(TensorData::new(rows, [count]), &whole.device().inner());
            // A leaf of its own: the gradient is of these rows only, and the whole never has one.
            let part = Tensor::from_inner(whole.inner().select(0, rows.clone())).require_grad();
            (rows, part)
        };
        let (rows, weight) = take(whole, loss.centres());
        let mut parts = vec![("weight", rows, weight.clone())];
        let bias = self.bias.as_ref().map(|bias| {
            let (rows, bias) = take(bias.val(), 1);
            parts.push(("bias", rows, bias.clone()));
            bias
        });
        (Part { classes: Some(classes), weight, bias }, Some(SampledRows { parts }))
    }

    /// Each image's curve, and AdaFace's statistics with this batch in them.
    fn curves(&self, length: &Tensor<2>, step: u64) -> (Vec<TargetCurve>, Option<NormStatistics>) {
        let loss = self.settings.loss;
        if let (LossConfig::Adaface { m, concentration, .. }, Some(norms)) = (loss, &self.norms) {
            let lengths = numbers(length.clone());
            let before = numbers(norms.value());
            let statistics = NormStatistics { mean: before[0], deviation: before[1] };
            let statistics = statistics.after(&lengths);
            let curve = |length: &f64| image_curve(m, statistics.quality(*length, concentration));
            return (lengths.iter().map(curve).collect(), Some(statistics));
        }
        (vec![loss.curve(step); length.dims()[0]], None)
    }

    /// What the margin adds to the cosines of the true classes, `target [batch, 1]`, whose values are `cosines`.
    fn gain(&self, target: Tensor<2>, cosines: &[f64], curves: &[TargetCurve]) -> Tensor<2> {
        let angles = cosines.iter().map(|cosine| cosine.clamp(-1.0, 1.0).acos());
        let (values, slopes) = angles
            .zip(curves)
            .map(|(angle, curve)| match self.settings.head.margin_gradient {
                MarginGradient::Exact => (curve.value(angle), curve.slope_by_cosine(angle)),
                MarginGradient::StraightThrough => (curve.value(angle), 1.0),
            })
            .unzip();
        let (values, slopes) = (column(values, &target), column(slopes, &target));
        let moved = target.clone() - target.clone().detach();
        values + moved * slopes - target
    }
}

/// The centres that take part in a step.
struct Part {
    /// Which classes, ascending; none when all that are held do.
    classes: Option<Vec<usize>>,
    weight: Tensor<2>,
    bias: Option<Tensor<2>>,
}

impl Logits {
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
            rows: self.rows,
            norms: self.norms,
        }
    }
}

impl HeadConfig {
    /// Checks the numbers, and that they mean something for `loss`.
    ///
    /// # Errors
    /// The share of classes is out of its range, or there is no margin whose gradient could be another.
    pub fn check(&self, loss: LossConfig) -> Result<(), LossError> {
        let (value, least, most) = (self.class_sample, 1e-6, 1.0);
        if !(least..=most).contains(&value) {
            let (loss, name) = (loss.name(), "share of classes");
            return Err(LossError::Range { loss, name, value, least, most });
        }
        if self.margin_gradient != MarginGradient::Exact && !loss.has_margin() {
            return Err(LossError::Foreign {
                loss: loss.name(),
                setting: "a gradient of the margin",
            });
        }
        Ok(())
    }
}

/// The length of every row, `[rows, 1]`. The square is what is kept from 0: a root has no finite slope there.
fn lengths(rows: &Tensor<2>) -> Tensor<2> {
    rows.clone().powi_scalar(2).sum_dim(1).clamp_min(SHORTEST_SQUARE).sqrt()
}

/// `values` as a column `[values, 1]` of the kind and place of `like`.
fn column(values: Vec<f64>, like: &Tensor<2>) -> Tensor<2> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count, 1]), (&like.device(), like.dtype()))
}

fn norms_tensor(norms: NormStatistics, device: &Device) -> Tensor<1> {
    Tensor::from_floats([norms.mean as f32, norms.deviation as f32], device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
