//! One training step: batch in, parameters moved, report out. Steps that would poison the weights are not taken.

use super::average::Average;
use super::checkpoint::Checkpoint;
use super::config::{ConfigError, TrainConfig, range};
use super::distillation::Teacher;
use super::model::{FaceModel, ParameterError, parameters, with_parameters};
use super::outcome::{Outcome, of_all_ranks};
use super::piece::{Centres, mean_similarity, pieces};
use super::report::{StepError, StepReport};
use super::run::RunConfig;
use super::sgd::{NamedGradients, Sgd};
use super::sharded::{Sharded, collected, is_of_classes, shard_of};
use crate::data::Batch;
use crate::graph::Graph;
use crate::loss::{NormStatistics, Part, Shard};
use crate::net::{BatchNorm, DropoutKey};
use crate::ranks::{RankError, Ranks};
use burn::tensor::{Device, Tensor, TensorData};
use std::sync::Arc;

/// So many steps in a row without a finite loss and gradient end the run.
const DIVERGED_AFTER: u32 = 10;

/// The model, its optimizer, and how far they are.
pub struct Trainer {
    config: TrainConfig,
    classes: usize,
    model: FaceModel,
    sgd: Sgd,
    teacher: Option<Teacher>,
    average: Average,
    ranks: Arc<Ranks>,
    device: Device,
    step: u64,
    skipped_in_a_row: u32,
}

impl Trainer {
    /// A new model for `classes` identities, on the CPU.
    ///
    /// # Errors
    /// Settings that no run can have.
    pub fn new(config: TrainConfig, classes: usize) -> Result<Self, ConfigError> {
        Self::on(&Device::flex(), config, classes)
    }

    /// A new model for `classes` identities on `device`.
    ///
    /// # Errors
    /// Settings that no run can have.
    pub fn on(device: &Device, config: TrainConfig, classes: usize) -> Result<Self, ConfigError> {
        Self::build(device, config, None, classes)
    }

    /// The beginning of a run on `device`.
    ///
    /// # Errors
    /// Settings that no run can have.
    pub fn of(device: &Device, run: &RunConfig) -> Result<Self, ConfigError> {
        Self::build(device, run.train.clone(), run.imported.as_deref(), run.classes)
    }

    fn build(
        device: &Device,
        config: TrainConfig,
        imported: Option<&Graph>,
        classes: usize,
    ) -> Result<Self, ConfigError> {
        let device = device.clone().autodiff();
        let model = FaceModel::new(&config, imported, classes, &device)?;
        Ok(Self {
            config,
            classes,
            model,
            sgd: Sgd::default(),
            teacher: None,
            average: Average::default(),
            ranks: Ranks::alone(),
            device,
            step: 0,
            skipped_in_a_row: 0,
        })
    }

    /// This trainer with a teacher.
    #[must_use]
    pub fn taught_by(self, teacher: Teacher) -> Self {
        Self { teacher: Some(teacher.on(&self.device)), ..self }
    }

    /// This new trainer as one of several, which learn from shares of the same batches, and hold the same model but for
    /// [`TrainConfig::shard_centres`].
    ///
    /// # Errors
    /// The centres are to be shared among more ranks than there are classes.
    pub fn among(self, ranks: Arc<Ranks>) -> Result<Self, ConfigError> {
        let mut among = Self { ranks, ..self };
        if among.is_sharded() {
            let (value, most) = (among.ranks.count() as f64, among.classes as f64);
            range("number of ranks that share the class centres", value, 1.0, most)?;
            let (config, classes, shard) = (&among.config, among.classes, among.shard());
            among.model = among.model.with_shard(config, classes, shard, &among.device)?;
        }
        Ok(among)
    }

    /// Whether other ranks hold class centres that this one does not.
    pub(super) fn is_sharded(&self) -> bool {
        self.config.shard_centres && self.ranks.count() > 1
    }

    /// This rank's share of the class centres.
    fn shard(&self) -> Shard {
        if self.is_sharded() {
            Shard { rank: self.ranks.rank(), ranks: self.ranks.count() }
        } else {
            Shard::WHOLE
        }
    }

    /// This trainer as it was when `checkpoint` was taken.
    ///
    /// # Errors
    /// The checkpoint is of another network or class count.
    pub fn resumed(self, checkpoint: &Checkpoint) -> Result<Self, ParameterError> {
        let inner = self.device.clone().inner();
        let (mut parameters, mut velocity) =
            (checkpoint.parameters.clone(), checkpoint.velocity.clone());
        if self.is_sharded() {
            let held = self.shard().classes(self.classes);
            shard_of(&mut parameters, &held, self.classes);
            shard_of(&mut velocity, &held, self.classes);
        }
        Ok(Self {
            model: with_parameters(self.model, &parameters)?,
            sgd: Sgd::from_state(&velocity, &inner),
            average: Average::from_state(&checkpoint.average, &inner),
            step: checkpoint.step,
            ..self
        })
    }

    /// The state to go on from, on rank 0 that of all ranks, who must ask at the same time.
    ///
    /// # Errors
    /// A rank is lost.
    pub fn state(&self) -> Result<Checkpoint, RankError> {
        let mut state = self.checkpoint();
        if self.is_sharded() {
            collected(&mut state.parameters, &self.ranks)?;
            collected(&mut state.velocity, &self.ranks)?;
        }
        Ok(state)
    }

    /// This rank's state; with class centres elsewhere it is not all there is to go on from.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            step: self.step,
            parameters: parameters(&self.model),
            velocity: self.sgd.state(),
            average: self.average.state(),
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
        if self.average.is_empty() {
            return self.model.clone();
        }
        let mut used = parameters(&self.model);
        used.extend(self.average.state());
        with_parameters(self.model.clone(), &used)
            .expect("the average has the names and shapes of the network that it is of")
    }

    /// Learns from one batch. Also gives each image's angle to its class's centre, degrees, in the batch's order; none when
    /// labels are not looked at.
    ///
    /// Among ranks, all of them are given the same batch at the same time. Each learns from its share of it, and all come to
    /// the same weights and the same report.
    ///
    /// # Errors
    /// Too many steps in a row were not finite, a label is no class of the head, or a rank is lost.
    pub fn learn(&mut self, batch: &Batch) -> Result<(StepReport, Vec<f32>), StepError> {
        let rate = self.config.rate(self.step);
        let (mut gradients, own) = self.own_parts(batch)?;
        let parts = of_all_ranks(own, &self.ranks, &batch.labels, self.step)?;
        let own = |name: &str| self.is_sharded() && is_of_classes(name);
        gradients.add_up(&self.ranks, own)?;
        let norm = gradients.norm(&self.ranks, own)?;
        let mean = |of: fn(&Outcome) -> Option<f64>| -> Option<f64> {
            parts.iter().map(|part| Some(self.share() * of(part)?)).sum()
        };
        let value = mean(|part| Some(part.loss)).filter(|loss| loss.is_finite());
        let teacher_angle = mean(|part| part.teacher_angle);
        let similarity = mean(|part| Some(part.similarity)).unwrap_or_default();
        let finite = value.is_some() && norm.is_finite();
        if finite {
            self.commit(&parts);
            self.model = self.sgd.step(self.model.clone(), gradients, norm, rate, &self.config);
            if self.config.average > 0.0 {
                self.average.take_in(&self.model.network, self.config.average, self.step);
            }
            self.skipped_in_a_row = 0;
        } else {
            self.skipped_in_a_row += 1;
        }
        let angles: Vec<f32> = parts.into_iter().flat_map(|part| part.angles).collect();
        let sum = angles.iter().copied().map(f64::from).sum::<f64>();
        let report = StepReport {
            step: self.step,
            loss: value,
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

    /// Parts of a batch, of all ranks.
    fn part_count(&self) -> usize {
        self.config.accumulate * self.ranks.count()
    }

    /// What one part counts in the mean over the batch.
    fn share(&self) -> f64 {
        1.0 / self.part_count() as f64
    }

    /// Learns this rank's parts of the batch: the first part of each rank, then the second of each, as they lie in the batch.
    fn own_parts(&self, batch: &Batch) -> Result<(NamedGradients, Vec<Outcome>), StepError> {
        let labels_count = self.teacher.as_ref().is_none_or(|teacher| teacher.margin() > 0.0);
        // By the labels of all ranks, so that the same classes take part everywhere.
        let centres =
            labels_count.then(|| self.model.head.part(&batch.labels, self.step)).transpose()?;
        let mut next = batch.labels.clone();
        next.rotate_left(1);
        let together: Vec<_> = pieces(batch, &next, self.config.accumulate).collect();
        let pieces = (0..).zip(pieces(batch, &next, self.part_count()));
        let own = pieces.skip(self.ranks.rank()).step_by(self.ranks.count());
        let rows = centres.as_ref().and_then(Part::rows);
        let (mut gradients, mut outcomes) = (NamedGradients::default(), Vec::new());
        for (index, piece) in own {
            let step = self.step * self.part_count() as u64 + index;
            let key = DropoutKey { seed: self.config.seed, step };
            let images = self.images(piece.pixels);
            let (embeddings, statistics) = self.model.network.forward(
                images.clone(),
                Some(key),
                self.config.batch_norm,
                &self.ranks,
            );
            let all = &together[index as usize / self.ranks.count()];
            let centres = centres.as_ref().map(|part| match self.is_sharded() {
                false => Centres::Whole(part),
                true => Centres::Sharded(Sharded {
                    part,
                    ranks: &self.ranks,
                    labels: all.labels,
                    next: all.next,
                }),
            });
            let mut loss =
                piece.loss(embeddings.clone(), images, self.teacher.as_ref(), centres)?;
            let mut backward = loss.loss.clone().backward();
            let mut part = NamedGradients::take(&self.model, &mut backward);
            if let Some(by_centres) = &mut loss.centres {
                part = part.and(NamedGradients::take(&self.model, by_centres));
            }
            if let Some(rows) = rows {
                let from = loss.centres.as_mut().unwrap_or(&mut backward);
                part = part.and_rows("head", rows, from);
            }
            gradients.add(self.share(), part);
            // Numbers are asked for last: a GPU is then at work while the host is.
            let number: f32 = loss.loss.into_scalar();
            let similarity = mean_similarity(embeddings);
            outcomes.push(Outcome {
                loss: number.into(),
                similarity,
                teacher_angle: loss.teacher_angle,
                angles: loss.angles,
                norms: loss.norms,
                statistics,
            });
        }
        Ok((gradients, outcomes))
    }

    /// Takes what was seen of the batch into the running statistics.
    fn commit(&self, parts: &[Outcome]) {
        // Synced ranks have made the same statistics together.
        let of_the_same = match self.config.batch_norm {
            BatchNorm::Synced => self.ranks.count(),
            BatchNorm::Batch | BatchNorm::Frozen => 1,
        };
        for part in parts.iter().step_by(of_the_same) {
            self.model.network.commit(part.statistics.clone());
        }
        self.model.head.commit(NormStatistics::mean_of(parts.iter().filter_map(|p| p.norms)));
    }

    /// Pixels from 0 to 255, `[images, side, side, 3]`.
    fn images(&self, pixels: &[u8]) -> Tensor<4> {
        let side = self.config.network.input;
        let numbers: Vec<f32> = pixels.iter().map(|&p| f32::from(p)).collect();
        let shape = [pixels.len() / (side * side * 3), side, side, 3];
        Tensor::from_data(TensorData::new(numbers, shape), &self.device)
    }
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
}
