//! The class centres and what learns them: parameters, settings, and which of them take part in a step.

use super::adaface::NormStatistics;
use super::config::{LossConfig, LossError};
use super::logits::Part;
use super::partial_fc::{Shard, sample};
use crate::net::normal;
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Int, Tensor, TensorData};
use core::ops::Range;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
            return Err(LossError::Foreign { loss: loss.name(), setting: "margin gradient" });
        }
        Ok(())
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
    pub(super) settings: Settings,
}

/// What is not learned.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) loss: LossConfig,
    pub(super) head: HeadConfig,
    /// Of all classes, those in this head.
    pub(super) held: Range<usize>,
    /// Classes of all ranks.
    classes: usize,
    seed: u64,
}

/// A face of a class that has no centre.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// There is no such class.
    #[error("image {index} of the batch is of class {label}, the head has classes 0 to {}", classes - 1)]
    Unknown {
        /// Which image.
        index: usize,
        /// Its label.
        label: u32,
        /// Classes that there are.
        classes: usize,
    },
    /// It was not among the labels that the step's centres were drawn for.
    #[error(
        "image {index} of the batch is of class {label}, which does not take part in this step"
    )]
    Absent {
        /// Which image.
        index: usize,
        /// Its label.
        label: u32,
    },
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

    /// The centres that take part in `step`: those of `labels`, and others as the settings say.
    ///
    /// # Errors
    /// A label that is no class.
    pub fn part(&self, labels: &[u32], step: u64) -> Result<Part<'_>, LabelError> {
        let own = self.own_classes(labels)?;
        let Settings { loss, head, held, seed, .. } = &self.settings;
        let whole = self.weight.val();
        if head.class_sample >= 1.0 {
            let bias = self.bias.as_ref().map(Param::val);
            return Ok(Part { head: self, step, sampled: None, weight: whole, bias });
        }
        let needed: BTreeSet<usize> = own.into_iter().flatten().collect();
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
        let sampled = Some((classes, SampledRows { parts }));
        Ok(Part { head: self, step, sampled, weight, bias })
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
    pub(super) fn own_classes(&self, labels: &[u32]) -> Result<Vec<Option<usize>>, LabelError> {
        let Settings { held, classes, .. } = &self.settings;
        let own = labels.iter().enumerate().map(|(index, &label)| {
            let class = label as usize;
            if class >= *classes {
                return Err(LabelError::Unknown { index, label, classes: *classes });
            }
            Ok(held.contains(&class).then_some(class))
        });
        own.collect()
    }
}

fn norms_tensor(norms: NormStatistics, device: &Device) -> Tensor<1> {
    Tensor::from_floats([norms.mean as f32, norms.deviation as f32], device)
}
