//! The loop over steps: batches in, log and checkpoints out.

use super::checkpoint::Checkpoint;
use super::config::{ConfigError, TrainConfig};
use super::distillation::{Teacher, TeacherError};
use super::memory::{MemoryError, available_memory, check_memory};
use super::model::{FaceModel, ParameterError};
use super::report::{StepError, StepReport};
use super::run::{Log, RunConfig, RunError, RunFolder, Verification};
use super::trainer::Trainer;
use crate::data::{DataError, Dataset, Loader, LoaderConfig, check_batch};
use crate::device::DeviceError;
use crate::net::{BatchNorm, NetworkConfig, has_own_kernels};
use crate::ranks::{RankError, Ranks};
use burn::tensor::Device;
use core::ops::ControlFlow;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

/// Why training ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// An image could not be read, or the batch does not fit the data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The machine is too small.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The checkpoint is of something else.
    #[error("the checkpoint does not fit: {0}")]
    Parameters(#[from] ParameterError),
    /// The teacher.
    #[error(transparent)]
    Teacher(#[from] TeacherError),
    /// The accuracy of the network so far.
    #[error("verification: {0}")]
    Verify(VerifyError),
    /// The loss diverged.
    #[error(transparent)]
    Step(#[from] StepError),
    /// Another rank, between steps.
    #[error(transparent)]
    Ranks(#[from] RankError),
    /// What rank 0 begins from is not to be read.
    #[error("rank 0 sent a state that can't be read ({0}): run the same build on all ranks")]
    State(String),
    /// The data has changed since the run began.
    #[error(
        "the run learned {classes} identities from {images} images, the data now has {found_classes} and {found_images}: give the data that it began with"
    )]
    DataChanged {
        /// Then.
        classes: usize,
        /// Then.
        images: usize,
        /// Now.
        found_classes: usize,
        /// Now.
        found_images: usize,
    },
}

/// Whether one of `ranks` ranks can learn from `dataset` on `device`: it is as large as the data that the run began with, holds a
/// batch, which divides among the ranks, the machine has the memory for as many classes (a GPU's memory is not asked for), the
/// device does what the settings need, and the teacher, which is returned, teaches such a network.
///
/// # Errors
/// [`FitError::DataChanged`], the batch is larger than the data, [`FitError::Config`], [`FitError::Memory`],
/// [`FitError::Device`] or [`FitError::Teacher`].
pub fn prepare(
    run: &RunConfig,
    dataset: &dyn Dataset,
    ranks: usize,
    device: &Device,
) -> Result<Option<Teacher>, FitError> {
    let (found_classes, found_images) = (dataset.class_count(), dataset.len());
    if (found_classes, found_images) != (run.classes, run.images) {
        let (classes, images) = (run.classes, run.images);
        return Err(FitError::DataChanged { classes, images, found_classes, found_images });
    }
    check_batch(run.train.batch, found_images)?;
    let batch = run.train.images_at_once(ranks)?;
    if has_own_kernels(device) {
        let config = TrainConfig { batch, ..run.train.clone() };
        let shares = if run.train.shard_centres { ranks } else { 1 };
        let (imported, classes) = (run.imported.as_deref(), run.classes.div_ceil(shares));
        check_memory(&config, imported, classes, available_memory())?;
    } else if run.train.batch_norm == BatchNorm::Synced {
        return Err(DeviceError::Synced.into());
    }
    let NetworkConfig { input, embedding, .. } = run.train.network;
    let open = |distillation| Teacher::open(distillation, (input, input), embedding);
    Ok(run.train.distillation.as_ref().map(open).transpose()?)
}

/// How training ended.
pub enum Fitted {
    /// All steps are done; the last checkpoint is this model.
    Finished(Box<FaceModel>),
    /// It was asked to stop; the last checkpoint is after this many steps.
    Stopped {
        /// Steps done.
        step: u64,
    },
}

/// What watches a run from outside.
pub trait Watch {
    /// Sees a step's report and the batch's angles to their class centres, in degrees. `Break` saves and ends the run.
    fn step(&mut self, report: &StepReport, angles: &[f32]) -> ControlFlow<()>;

    /// The accuracy on pairs held back from training of the network as it would be used; called after every
    /// [`Verification::every`] steps and after the last. None where nothing is held back.
    ///
    /// # Errors
    /// Whatever keeps it from being known; the run ends.
    fn verify(&mut self, _model: &FaceModel, _step: u64) -> Result<Option<f64>, VerifyError> {
        Ok(None)
    }

    /// Sees, at the end, where the time went.
    fn pace(&mut self, _pace: Pace) {}
}

/// Where the time of some steps went. The loader works beside them: whichever is slower holds the other up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Images of these steps, on all ranks.
    pub images: u64,
    /// Taken by the steps themselves.
    pub learning: Duration,
    /// Waited for batches.
    pub waiting: Duration,
}

/// Why an accuracy could not be had.
pub type VerifyError = Box<dyn core::error::Error + Send + Sync>;

/// What this program has to do with a run.
pub struct Role<'a> {
    /// Where rank 0, which may be the only one, keeps the run; the others have none.
    pub folder: Option<&'a RunFolder>,
    /// Who else learns it.
    pub ranks: Arc<Ranks>,
    /// What it computes on.
    pub device: Device,
}

impl<'a> From<&'a RunFolder> for Role<'a> {
    /// All of it, on the CPU.
    fn from(folder: &'a RunFolder) -> Self {
        Self { folder: Some(folder), ranks: Ranks::alone(), device: Device::flex() }
    }
}

/// What is to be done after a step, on all ranks alike.
#[derive(Clone, Copy)]
struct Due {
    checkpoint: bool,
    verification: bool,
}

impl Due {
    /// After so many steps, of which this is the last for now.
    fn after(step: u64, last: bool, run: &RunConfig) -> Self {
        let verify = |v: &Verification| step == run.train.steps || step.is_multiple_of(v.every);
        Self {
            checkpoint: last || step.is_multiple_of(run.train.checkpoint_every),
            verification: run.verification.as_ref().is_some_and(verify),
        }
    }
}

/// What rank 0 writes of a run beside its checkpoints.
struct Records<'a> {
    folder: &'a RunFolder,
    log: Log,
    best: Option<f64>,
}

impl Records<'_> {
    /// After a step on which something is due: the checkpoint, the accuracy.
    fn step(
        &mut self,
        trainer: &Trainer,
        (state, due): (&Checkpoint, Due),
        watch: &mut impl Watch,
    ) -> Result<(), FitError> {
        if due.checkpoint {
            self.folder.save(state)?;
        }
        if !due.verification {
            return Ok(());
        }
        let accuracy = watch.verify(&trainer.finished(), state.step).map_err(FitError::Verify)?;
        if let Some(accuracy) = accuracy {
            self.log.verified(state.step, accuracy)?;
            if self.best.is_none_or(|best| accuracy > best) {
                self.folder.save_best(state)?;
                self.best = Some(accuracy);
            }
        }
        Ok(())
    }
}

/// Trains `dataset` to the end of the run's steps, from its beginning or from `resume`; ranks other than 0 begin where rank 0
/// does.
///
/// The checkpoint of the best verification so far is kept apart. Asked to stop, one rank stops all.
///
/// # Errors
/// What [`FitError`] lists; the run can be resumed from the last checkpoint, which is the last step that was done when a rank is
/// lost.
pub fn fit<'a>(
    dataset: Arc<dyn Dataset>,
    role: impl Into<Role<'a>>,
    run: &RunConfig,
    resume: Option<&Checkpoint>,
    watch: &mut impl Watch,
) -> Result<Fitted, FitError> {
    let Role { folder, ranks, device } = role.into();
    let config = &run.train;
    let teacher = prepare(run, dataset.as_ref(), ranks.count(), &device)?;
    let trainer = Trainer::of(&device, run)?;
    let mut trainer = trainer.among(Arc::clone(&ranks))?;
    if let Some(teacher) = teacher {
        trainer = trainer.taught_by(teacher);
    }
    if let Some(checkpoint) = resume {
        trainer = trainer.resumed(checkpoint)?;
    }
    trainer = of_rank_0(trainer, resume, &ranks)?;
    let mut loader = Loader::new(
        dataset,
        LoaderConfig {
            batch: config.batch,
            seed: config.seed,
            start_step: trainer.step(),
            width: config.network.input,
            height: config.network.input,
            augment: config.augment,
        },
    )?;
    let records = |folder: &'a RunFolder| -> Result<_, FitError> {
        let (log, best) = (folder.log(trainer.step())?, folder.best_accuracy(trainer.step())?);
        Ok(Records { folder, log, best })
    };
    let mut records = folder.map(records).transpose()?;
    let mut pace = Pace::default();
    while trainer.step() < config.steps {
        let asked = Instant::now();
        let Some(batch) = loader.next().transpose()? else { break };
        let begun = Instant::now();
        let learned = trainer.learn(&batch).map_err(FitError::from);
        pace.images += config.batch as u64;
        pace.waiting += begun - asked;
        pace.learning += begun.elapsed();
        let stop = learned.and_then(|(report, angles)| {
            if let Some(Records { log, .. }) = &mut records {
                log.write(&report)?;
            }
            Ok(ranks.any(watch.step(&report, &angles).is_break())?)
        });
        let step = trainer.step();
        if let (Err(FitError::Ranks(_) | FitError::Step(StepError::Ranks(_))), Some(folder)) =
            (&stop, folder)
        {
            // The steps that were done together need not be done again, unless centres are lost with the rank that held them.
            if !trainer.is_sharded() {
                folder.save(&trainer.checkpoint())?;
            }
        }
        let stop = stop?;
        let done = step == config.steps;
        let due = Due::after(step, done || stop, run);
        if due.checkpoint || due.verification {
            let state = trainer.state()?;
            if let Some(records) = &mut records {
                records.step(&trainer, (&state, due), watch)?;
            }
        }
        if stop && !done {
            watch.pace(pace);
            return Ok(Fitted::Stopped { step });
        }
    }
    watch.pace(pace);
    Ok(Fitted::Finished(Box::new(trainer.finished())))
}

/// Every rank's trainer as rank 0's is, which alone may have something to `resume`.
fn of_rank_0(
    trainer: Trainer,
    resume: Option<&Checkpoint>,
    ranks: &Ranks,
) -> Result<Trainer, FitError> {
    if ranks.count() == 1 {
        return Ok(trainer);
    }
    // What is resumed is whole already; the other ranks' new centres are no part of it.
    let state = match (ranks.any(resume.is_some())?, resume) {
        (true, Some(checkpoint)) => checkpoint.clone(),
        (true, None) => trainer.checkpoint(),
        (false, _) => trainer.state()?,
    };
    let state = state.to_bytes().map_err(FitError::State)?;
    if ranks.rank() == 0 {
        ranks.share_state(&state)?;
        return Ok(trainer);
    }
    // Velocities and an average are as large as the parameters; the names of either take less than as much again or a MiB. Of
    // centres, rank 0 may send as often as many as there are ranks.
    let most = 4 * (state.len() * ranks.count()) as u64 + (1 << 20);
    let state = ranks.state_of_first(most)?;
    Ok(trainer.resumed(&Checkpoint::from_bytes(&state).map_err(FitError::State)?)?)
}
