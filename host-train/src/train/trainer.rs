//! One training step: batch in, parameters moved, report out. Steps that would poison the weights are not taken.

use super::average::Average;
use super::checkpoint::Checkpoint;
use super::config::{ConfigError, TrainConfig};
use super::distillation::Teacher;
use super::model::{FaceModel, ParameterError, parameters, with_parameters};
use super::sgd::{NamedGradients, Sgd};
use crate::data::Batch;
use crate::loss::{LabelError, NormStatistics, Part, unit_rows};
use crate::net::{DropoutKey, PIXEL_MEAN, PIXEL_SCALE};
use burn::tensor::{Device, Tensor, TensorData};
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
    /// The batch holds a class that the head does not.
    #[error(transparent)]
    Label(#[from] LabelError),
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

/// What the loss of some images is, and what came with it.
struct Loss {
    loss: Tensor<1>,
    /// To the class centres, degrees; none when labels are not looked at.
    angles: Vec<f32>,
    /// To the teacher's embeddings, degrees.
    teacher_angle: Option<f64>,
    norms: Option<NormStatistics>,
}

/// Images that are learned at once, with both labels of each where they are blended.
struct Piece<'a> {
    pixels: &'a [u8],
    labels: &'a [u32],
    next: &'a [u32],
    kept: Option<f32>,
}

/// The model, its optimizer, and how far they are.
pub struct Trainer {
    config: TrainConfig,
    model: FaceModel,
    sgd: Sgd,
    teacher: Option<Teacher>,
    average: Average,
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
            average: Average::default(),
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
            average: Average::from_state(&checkpoint.average),
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
            average: self.average.state().clone(),
        }
    }

    /// Steps done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The model as it is used: with the averaged network where the run keeps one.
    #[must_use]
    pub fn finished(&self) -> FaceModel {
        with_parameters(self.model.clone(), &self.checkpoint().finished())
            .expect("the average has the names and shapes of the network that it is of")
    }

    /// Learns from one batch. Also gives each image's angle to its class's centre, degrees, in the batch's order; none when
    /// labels are not looked at.
    ///
    /// # Errors
    /// Too many steps in a row were not finite, or a label is no class of the head.
    pub fn learn(&mut self, batch: &Batch) -> Result<(StepReport, Vec<f32>), StepError> {
        let rate = self.config.rate(self.step);
        let labels_count = self.teacher.as_ref().is_none_or(|teacher| teacher.margin() > 0.0);
        let centres =
            labels_count.then(|| self.model.head.part(&batch.labels, self.step)).transpose()?;
        let share = 1.0 / self.config.accumulate as f64;
        let (mut value, mut similarity, mut teacher_angle) = (0.0, 0.0, None);
        let mut gradients = NamedGradients::default();
        let (mut angles, mut statistics) = (Vec::new(), Vec::new());
        let mut next = batch.labels.clone();
        next.rotate_left(1);
        let parts = self.config.accumulate as u64;
        for (part, piece) in (0..parts).zip(self.pieces(batch, &next)) {
            let key = DropoutKey { seed: self.config.seed, step: self.step * parts + part };
            let taught = self.teacher.as_ref().map(|t| t.embed(piece.pixels, &self.device));
            let pixels = self.pixels(piece.pixels);
            let (embeddings, seen) = self.model.network.forward(pixels, Some(key));
            similarity += share * mean_similarity(embeddings.clone());
            let loss = self.loss(embeddings, taught, centres.as_ref(), &piece)?;
            let number: f32 = loss.loss.clone().into_scalar();
            value += share * f64::from(number);
            teacher_angle = loss.teacher_angle.map(|a| teacher_angle.unwrap_or(0.0) + share * a);
            angles.extend(loss.angles);
            let mut backward = loss.loss.backward();
            let mut part = NamedGradients::take(&self.model, &mut backward);
            if let Some(rows) = centres.as_ref().and_then(Part::rows) {
                part = part.and_rows("head", rows, &mut backward);
            }
            gradients.add(share, part);
            statistics.push((seen, loss.norms));
        }
        drop(centres);
        let norm = gradients.norm();
        let finite = value.is_finite() && norm.is_finite();
        if finite {
            for (seen, norms) in statistics {
                self.model.network.commit(seen);
                self.model.head.commit(norms);
            }
            self.model = self.sgd.step(self.model.clone(), gradients, norm, rate, &self.config);
            if self.config.average > 0.0 {
                self.average.take_in(&self.model.network, self.config.average, self.step);
            }
            self.skipped_in_a_row = 0;
        } else {
            self.skipped_in_a_row += 1;
        }
        let sum = angles.iter().copied().map(f64::from).sum::<f64>();
        let report = StepReport {
            step: self.step,
            loss: value.is_finite().then_some(value),
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

    /// The batch in the equal parts that are learned one after the other.
    fn pieces<'a>(
        &self,
        batch: &'a Batch,
        next: &'a [u32],
    ) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        let count = batch.labels.len().div_ceil(self.config.accumulate);
        let image = batch.pixels.len() / batch.labels.len();
        let labels = batch.labels.chunks(count).zip(next.chunks(count));
        let kept = batch.kept;
        batch.pixels.chunks(count * image).zip(labels).map(move |(pixels, (labels, next))| Piece {
            pixels,
            labels,
            next,
            kept,
        })
    }

    /// What the settings make of the head's loss and the teacher's.
    fn loss(
        &self,
        embeddings: Tensor<2>,
        taught: Option<Tensor<2>>,
        centres: Option<&Part<'_>>,
        piece: &Piece<'_>,
    ) -> Result<Loss, LabelError> {
        let own =
            centres.map(|centres| head_loss(embeddings.clone(), centres, piece)).transpose()?;
        let taught = self.teacher.as_ref().zip(taught).map(|(teacher, taught)| {
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

    /// Normalised pixels, `[images, side, side, 3]`.
    fn pixels(&self, pixels: &[u8]) -> Tensor<4> {
        let side = self.config.network.input;
        let normalised: Vec<f32> =
            pixels.iter().map(|&p| (f32::from(p) - PIXEL_MEAN) * PIXEL_SCALE).collect();
        let shape = [pixels.len() / (side * side * 3), side, side, 3];
        Tensor::from_data(TensorData::new(normalised, shape), &self.device)
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
fn mean_similarity(embeddings: Tensor<2>) -> f64 {
    let count = embeddings.dims()[0] as f64;
    let directions = unit_rows(embeddings.detach());
    let square: f32 = directions.sum_dim(0).powi_scalar(2).sum().into_scalar();
    (f64::from(square) - count) / (count * (count - 1.0))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::distillation::tests::teacher;
    use super::*;
    use crate::graph::random;
    use crate::loss::LossConfig;
    use crate::net::NetworkConfig;

    pub(crate) fn config() -> TrainConfig {
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
    pub(crate) fn batch(step: u64) -> Batch {
        let labels: Vec<u32> = (0..8).map(|i| i % 2).collect();
        let pixels = labels.iter().enumerate().flat_map(|(image, &label)| {
            let mut noise = step * 8 + image as u64;
            (0..32 * 32 * 3).map(move |i| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                ((noise >> 33) % 97) as u8 + if i % 3 == label { 120 } else { 0 }
            })
        });
        Batch { pixels: pixels.collect(), labels, kept: None, step }
    }

    pub(crate) fn run(trainer: &mut Trainer, steps: core::ops::Range<u64>) -> Vec<StepReport> {
        steps.map(|step| trainer.learn(&batch(step)).unwrap().0).collect()
    }

    #[test]
    fn learns() {
        let loss = LossConfig::Arcface { m: 0.5, scale: 8.0 };
        let config = TrainConfig { loss, steps: 50, learning_rate: 0.5, ..config() };
        let reports = run(&mut Trainer::new(config, 2).unwrap(), 0..50);
        let mean = |of: &[StepReport]| of.iter().filter_map(|r| r.loss).sum::<f64>() / 10.0;
        let (first, last) = (mean(&reports[..10]), mean(&reports[40..]));
        assert!(last < first / 4.0, "loss {first} to {last}");
        assert!(reports.iter().all(|r| !r.skipped && !r.collapsed()));
    }

    pub(crate) fn repeats_every_bit_when_resumed(
        config: TrainConfig,
        classes: usize,
        other_seed: u64,
    ) {
        let mut whole = Trainer::new(config.clone(), classes).unwrap();
        let expected = run(&mut whole, 0..20);
        let mut first = Trainer::new(config.clone(), classes).unwrap();
        let mut got = run(&mut first, 0..7);
        let stored = first.checkpoint();
        let other = TrainConfig { seed: other_seed, ..config };
        let fresh = Trainer::new(other, classes).unwrap();
        let mut second = fresh.resumed(&stored).unwrap();
        got.extend(run(&mut second, 7..20));
        assert_eq!(got, expected);
        assert_eq!(second.checkpoint(), whole.checkpoint());
    }

    #[test]
    fn resumed_average_and_parts_repeat_every_bit() {
        let config = TrainConfig { average: 0.9, accumulate: 2, ..config() };
        repeats_every_bit_when_resumed(config, 2, 3);
    }

    /// insightface issue 2258: parts must add up to the batch. The second half repeats the first, so that normalization sees
    /// the same statistics in the parts as in the whole.
    #[test]
    fn learned_in_parts_as_in_one() {
        let half = batch(0);
        let count = half.labels.len() / 2;
        let repeated = |v: &[u8]| v[..v.len() / 2].repeat(2);
        let labels = half.labels[..count].repeat(2);
        let twice = Batch { pixels: repeated(&half.pixels), labels, ..half };
        let gradient = |accumulate| {
            let config = TrainConfig { accumulate, ..config() };
            let mut trainer = Trainer::new(config, 2).unwrap();
            let report = trainer.learn(&twice).unwrap().0;
            (report.loss.unwrap(), trainer.checkpoint().velocity)
        };
        let ((loss, whole), (loss_in_parts, parts)) = (gradient(1), gradient(2));
        assert!((loss - loss_in_parts).abs() < 1e-5 * loss, "{loss} {loss_in_parts}");
        let square = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let (mut difference, mut size) = (0.0, 0.0);
        for (name, whole) in &whole {
            let parts = &parts[name].numbers;
            let apart: Vec<f32> = whole.numbers.iter().zip(parts).map(|(a, b)| a - b).collect();
            difference += square(&apart);
            size += square(&whole.numbers);
        }
        let relative = (difference / size).sqrt();
        println!("gradients in two parts against the whole batch: {relative:.1e} relative");
        // The sums are taken in another order, in f32, through fifty layers.
        assert!(relative < 1e-4, "{relative}");
    }

    /// Labels are not looked at: all that moves the student is the teacher.
    #[test]
    fn learns_from_a_teacher() {
        let config = TrainConfig { steps: 60, learning_rate: 10.0, ..config() };
        let mut trainer = Trainer::new(config, 2).unwrap().taught_by(teacher(0.0));
        let mut angles = (0..60).map(|step| {
            let pixels = random::images(8, 32, 32, step % 4).concat();
            let report = trainer.learn(&Batch { pixels, ..batch(step) }).unwrap().0;
            assert!(report.angle.is_none());
            report.teacher_angle.unwrap()
        });
        let (first, last) = (angles.next().unwrap(), angles.last().unwrap());
        assert!(last < first / 2.0, "{first} to {last}");
        let centres = |trainer: &Trainer| trainer.checkpoint().parameters["head.weight"].clone();
        let fresh = Trainer::new(self::config(), 2).unwrap();
        assert_eq!(centres(&trainer), centres(&fresh));
    }

    /// A blended image's loss is that of both labels in their shares; the teacher's comes on top.
    #[test]
    fn losses_add_up() {
        let value =
            |mut trainer: Trainer, batch: &Batch| trainer.learn(batch).unwrap().0.loss.unwrap();
        let plain = || Trainer::new(config(), 2).unwrap();
        let first = batch(0);
        let mut labels = first.labels.clone();
        labels.rotate_left(1);
        let second = Batch { labels, ..first.clone() };
        let (a, b) = (value(plain(), &first), value(plain(), &second));
        let blended = Batch { kept: Some(0.75), ..first.clone() };
        let margin = value(plain(), &blended);
        assert!((margin - (0.75 * a + 0.25 * b)).abs() < 1e-5 * margin);
        let expected = value(plain().taught_by(teacher(0.0)), &blended) + 0.5 * margin;
        let both = value(plain().taught_by(teacher(0.5)), &blended);
        assert!((both - expected).abs() < 1e-5 * expected);
    }

    #[test]
    fn resumed_run_repeats_every_bit() {
        // Another seed: everything that decides the rest must come from the checkpoint.
        repeats_every_bit_when_resumed(config(), 2, 77);
    }

    /// insightface issue 1758: a head of 91,180 classes meets data of 93,431.
    #[test]
    fn rejects_a_checkpoint_of_another_class_count() {
        let stored = Trainer::new(config(), 3).unwrap().checkpoint();
        let error = Trainer::new(config(), 2).unwrap().resumed(&stored).err().unwrap();
        assert_eq!(error, ParameterError::Classes { found: 3, needed: 2 });
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
