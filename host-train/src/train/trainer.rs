//! One training step: batch in, parameters moved, report out. Steps that would poison the weights are not taken.

use super::checkpoint::Checkpoint;
use super::config::{ConfigError, TrainConfig};
use super::distillation::Teacher;
use super::model::{FaceModel, ParameterError, parameters, with_parameters};
use super::sgd::{NamedGradients, Sgd};
use crate::data::Batch;
use crate::net::{DropoutKey, PIXEL_MEAN, PIXEL_SCALE};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// So many steps in a row without a finite loss and gradient end the run.
const DIVERGED_AFTER: u32 = 10;

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

/// The model, its optimizer, and how far they are.
pub struct Trainer {
    config: TrainConfig,
    model: FaceModel,
    sgd: Sgd,
    teacher: Option<Teacher>,
    device: Device,
    step: u64,
    skipped_in_a_row: u32,
}

impl Trainer {
    /// A new model for `classes` identities.
    ///
    /// # Errors
    /// Settings that no run can have.
    pub fn new(config: TrainConfig, classes: usize) -> Result<Self, ConfigError> {
        let device = Device::flex().autodiff();
        let model = FaceModel::new(&config, classes, &device)?;
        Ok(Self {
            config,
            model,
            sgd: Sgd::default(),
            teacher: None,
            device,
            step: 0,
            skipped_in_a_row: 0,
        })
    }

    /// This trainer with a teacher.
    #[must_use]
    pub fn taught_by(self, teacher: Teacher) -> Self {
        Self { teacher: Some(teacher), ..self }
    }

    /// This trainer as it was when `checkpoint` was taken.
    ///
    /// # Errors
    /// The checkpoint is of another network or class count.
    pub fn resumed(self, checkpoint: &Checkpoint) -> Result<Self, ParameterError> {
        let inner = self.device.clone().inner();
        Ok(Self {
            model: with_parameters(self.model, &checkpoint.parameters)?,
            sgd: Sgd::from_state(&checkpoint.velocity, &inner),
            step: checkpoint.step,
            ..self
        })
    }

    /// The state to go on from.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            step: self.step,
            parameters: parameters(&self.model),
            velocity: self.sgd.state(),
        }
    }

    /// Steps done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The model as it is.
    #[must_use]
    pub fn into_model(self) -> FaceModel {
        self.model
    }

    /// Learns from one batch. Also gives each image's angle to its class's centre, degrees, in the batch's order; none when
    /// labels are not looked at.
    ///
    /// # Errors
    /// Too many steps in a row were not finite.
    pub fn learn(&mut self, batch: &Batch) -> Result<(StepReport, Vec<f32>), StepError> {
        let rate = self.config.rate(self.step);
        let key = DropoutKey { seed: self.config.seed, step: self.step };
        let taught = self.teacher.as_ref().map(|t| t.embed(&batch.pixels, &self.device));
        let (embeddings, seen) = self.model.network.forward(self.pixels(batch), Some(key));
        let similarity = mean_similarity(embeddings.clone());
        let (loss, angles, teacher_angle) = self.loss(embeddings, taught, batch);
        let value: f32 = loss.clone().into_scalar();
        let gradients = NamedGradients::take(&self.model, &loss.backward());
        let finite = value.is_finite() && gradients.norm.is_finite();
        let norm = gradients.norm;
        if finite {
            self.model.network.commit(seen);
            self.model = self.sgd.step(self.model.clone(), gradients, rate, &self.config);
            self.skipped_in_a_row = 0;
        } else {
            self.skipped_in_a_row += 1;
        }
        let sum = angles.iter().copied().map(f64::from).sum::<f64>();
        let report = StepReport {
            step: self.step,
            loss: value.is_finite().then_some(f64::from(value)),
            angle: (!angles.is_empty()).then(|| sum / angles.len() as f64),
            teacher_angle,
            rate,
            gradient_norm: norm.is_finite().then_some(norm),
            skipped: !finite,
            similarity,
        };
        if self.skipped_in_a_row >= DIVERGED_AFTER {
            let (step, in_a_row) = (self.step, self.skipped_in_a_row);
            return Err(StepError::Diverged { step, in_a_row, rate });
        }
        self.step += 1;
        Ok((report, angles))
    }

    /// What the settings make of the margin loss and the teacher's; the angles to the class centres and to the teacher.
    fn loss(
        &self,
        embeddings: Tensor<2>,
        taught: Option<Tensor<2>>,
        batch: &Batch,
    ) -> (Tensor<1>, Vec<f32>, Option<f64>) {
        let Some((teacher, taught)) = self.teacher.as_ref().zip(taught) else {
            let (loss, angles) = self.margin_loss(embeddings, batch);
            return (loss, angles, None);
        };
        let (loss, angle) = teacher.loss(embeddings.clone(), taught);
        if teacher.margin() == 0.0 {
            return (loss, Vec::new(), angle);
        }
        let (margin, angles) = self.margin_loss(embeddings, batch);
        (loss + margin.mul_scalar(teacher.margin()), angles, angle)
    }

    /// The margin loss, of blended images for both labels in their shares, and the angles to the first label's centre.
    fn margin_loss(&self, embeddings: Tensor<2>, batch: &Batch) -> (Tensor<1>, Vec<f32>) {
        let first = self.model.margin.forward(embeddings.clone(), self.labels(&batch.labels));
        let loss = match batch.kept {
            None => first.loss,
            Some(kept) => {
                let mut next = batch.labels.clone();
                next.rotate_left(1);
                let second = self.model.margin.forward(embeddings, self.labels(&next));
                first.loss.mul_scalar(kept) + second.loss.mul_scalar(1.0 - kept)
            }
        };
        (loss, angles(first.target_cosine))
    }

    /// Normalised pixels, `[batch, side, side, 3]`.
    fn pixels(&self, batch: &Batch) -> Tensor<4> {
        let side = self.config.network.input;
        let normalised: Vec<f32> =
            batch.pixels.iter().map(|&p| (f32::from(p) - PIXEL_MEAN) * PIXEL_SCALE).collect();
        let shape = [batch.labels.len(), side, side, 3];
        Tensor::from_data(TensorData::new(normalised, shape), &self.device)
    }

    fn labels(&self, labels: &[u32]) -> Tensor<1, Int> {
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let count = labels.len();
        Tensor::from_data(TensorData::new(labels, [count]), &self.device)
    }
}

fn angles(cosine: Tensor<1>) -> Vec<f32> {
    let cosine: Vec<f32> =
        cosine.into_data().try_to_vec().expect("the loss computes cosines in f32");
    cosine.into_iter().map(|c| c.clamp(-1.0, 1.0).acos().to_degrees()).collect()
}

/// Mean cosine over all pairs of different rows, from the length of the mean direction:
/// `|sum u_i|^2 = n + n (n - 1) mean`.
fn mean_similarity(embeddings: Tensor<2>) -> f64 {
    let embeddings = embeddings.detach();
    let count = embeddings.dims()[0] as f64;
    let length = embeddings.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(1e-12);
    let square: f32 = (embeddings / length).sum_dim(0).powi_scalar(2).sum().into_scalar();
    (f64::from(square) - count) / (count * (count - 1.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::net::NetworkConfig;

    fn config() -> TrainConfig {
        TrainConfig {
            network: NetworkConfig {
                input: 32,
                base_channels: 16,
                embedding: 32,
                ..NetworkConfig::default()
            },
            batch: 8,
            steps: 20,
            warm_up: 4,
            learning_rate: 3.0,
            ..TrainConfig::default()
        }
    }

    /// Two colours of noise: a task that a few steps make progress on.
    fn batch(step: u64) -> Batch {
        let labels: Vec<u32> = (0..8).map(|i| i % 2).collect();
        let pixels = labels.iter().flat_map(|&label| {
            (0..32 * 32 * 3).map(move |i| {
                let noise = (i as u64 * 2_654_435_761 + step * 977 + u64::from(label)) % 97;
                (noise as u8) + if i % 3 == label { 120 } else { 0 }
            })
        });
        Batch { pixels: pixels.collect(), labels, kept: None, step }
    }

    fn run(trainer: &mut Trainer, steps: core::ops::Range<u64>) -> Vec<StepReport> {
        steps.map(|step| trainer.learn(&batch(step)).unwrap().0).collect()
    }

    #[test]
    fn learns() {
        let mut trainer = Trainer::new(TrainConfig { steps: 50, ..config() }, 2).unwrap();
        let reports = run(&mut trainer, 0..50);
        let (first, last) = (reports[0].loss.unwrap(), reports[49].loss.unwrap());
        assert!(last < first / 4.0, "loss {first} to {last}");
        assert!(reports.iter().all(|r| !r.skipped && !r.collapsed()));
    }

    #[test]
    fn resumed_run_repeats_every_bit() {
        let mut whole = Trainer::new(config(), 2).unwrap();
        let expected = run(&mut whole, 0..20);
        let mut first = Trainer::new(config(), 2).unwrap();
        let mut got = run(&mut first, 0..7);
        let stored = first.checkpoint();
        // Another seed: everything that decides the rest must come from the checkpoint.
        let fresh = Trainer::new(TrainConfig { seed: 77, ..config() }, 2).unwrap();
        let mut second = fresh.resumed(&stored).unwrap();
        got.extend(run(&mut second, 7..20));
        assert_eq!(got, expected);
        assert_eq!(second.checkpoint(), whole.checkpoint());
    }

    #[test]
    fn rejects_a_checkpoint_of_another_class_count() {
        let stored = Trainer::new(config(), 3).unwrap().checkpoint();
        let error = Trainer::new(config(), 2).unwrap().resumed(&stored).err().unwrap();
        let expected = ParameterError::Shape {
            name: "margin.weight".to_owned(),
            found: vec![3, 32],
            needed: vec![2, 32],
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn rejects_a_checkpoint_without_a_parameter() {
        let mut stored = Trainer::new(config(), 2).unwrap().checkpoint();
        let name = "network.stem.mean";
        stored.parameters.remove(name).unwrap();
        let error = Trainer::new(config(), 2).unwrap().resumed(&stored).err();
        assert_eq!(error, Some(ParameterError::Missing(name.to_owned())));
    }

    /// A weight that is not a number makes every loss one too: steps are left out, nothing else is touched, the run ends.
    #[test]
    fn leaves_out_steps_that_are_not_finite_then_ends() {
        let mut stored = Trainer::new(config(), 2).unwrap().checkpoint();
        stored.parameters.get_mut("network.head.weight").unwrap().numbers[0] = f32::NAN;
        let mut trainer = Trainer::new(config(), 2).unwrap().resumed(&stored).unwrap();
        for step in 0..9 {
            let (report, _) = trainer.learn(&batch(step)).unwrap();
            assert!(report.skipped && report.loss.is_none());
        }
        let after = trainer.checkpoint();
        for (name, before) in &stored.parameters {
            let after = &after.parameters[name];
            let same =
                before.numbers.iter().zip(&after.numbers).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{name} moved");
        }
        let error = trainer.learn(&batch(9)).unwrap_err();
        assert!(matches!(error, StepError::Diverged { step: 9, in_a_row: 10, .. }));
    }

    #[test]
    fn similarity_of_equal_and_opposite_embeddings() {
        let device = Device::flex();
        let equal = Tensor::<2>::from_floats([[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]], &device);
        assert!((mean_similarity(equal) - 1.0).abs() < 1e-6);
        let opposite = Tensor::<2>::from_floats([[1.0, 0.0], [-3.0, 0.0]], &device);
        assert!((mean_similarity(opposite) + 1.0).abs() < 1e-6);
    }
}
