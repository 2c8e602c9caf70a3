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
use crate::net::NetworkConfig;
use crate::ranks::{RankError, Ranks};
use core::ops::ControlFlow;
use std::sync::Arc;

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

/// Whether one of `ranks` ranks can learn from `dataset`: it is as large as the data that the run began with, holds a batch, which
/// divides among the ranks, the machine has the memory for as many classes, and the teacher, which is returned, teaches such a
/// network.
///
/// # Errors
/// [`FitError::DataChanged`], the batch is larger than the data, [`FitError::Config`], [`FitError::Memory`] or
/// [`FitError::Teacher`].
pub fn prepare(
    run: &RunConfig,
    dataset: &dyn Dataset,
    ranks: usize,
) -> Result<Option<Teacher>, FitError> {
    let (found_classes, found_images) = (dataset.class_count(), dataset.len());
    if (found_classes, found_images) != (run.classes, run.images) {
        let (classes, images) = (run.classes, run.images);
        return Err(FitError::DataChanged { classes, images, found_classes, found_images });
    }
    check_batch(run.train.batch, found_images)?;
    let batch = run.train.images_at_once(ranks)?;
    check_memory(&TrainConfig { batch, ..run.train.clone() }, run.classes, available_memory())?;
    let NetworkConfig { input, embedding, .. } = run.train.network;
    let open = |distillation| Teacher::open(distillation, input, embedding);
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
}

/// Why an accuracy could not be had.
pub type VerifyError = Box<dyn core::error::Error + Send + Sync>;

/// What this program has to do with a run.
pub struct Role<'a> {
    /// Where rank 0, which may be the only one, keeps the run; the others have none.
    pub folder: Option<&'a RunFolder>,
    /// Who else learns it.
    pub ranks: Arc<Ranks>,
}

impl<'a> From<&'a RunFolder> for Role<'a> {
    /// All of it.
    fn from(folder: &'a RunFolder) -> Self {
        Self { folder: Some(folder), ranks: Ranks::alone() }
    }
}

/// What rank 0 writes of a run beside its checkpoints.
struct Records<'a> {
    folder: &'a RunFolder,
    log: Log,
    best: Option<f64>,
}

impl Records<'_> {
    /// After each step: a checkpoint when it is due or nothing comes after it, and the accuracy when it is.
    fn step(
        &mut self,
        run: &RunConfig,
        trainer: &Trainer,
        last: bool,
        watch: &mut impl Watch,
    ) -> Result<(), FitError> {
        let step = trainer.step();
        if last || step.is_multiple_of(run.train.checkpoint_every) {
            self.folder.save(&trainer.checkpoint())?;
        }
        let due = |v: &Verification| step == run.train.steps || step.is_multiple_of(v.every);
        if !run.verification.as_ref().is_some_and(due) {
            return Ok(());
        }
        let accuracy = watch.verify(&trainer.finished(), step).map_err(FitError::Verify)?;
        if let Some(accuracy) = accuracy {
            self.log.verified(step, accuracy)?;
            if self.best.is_none_or(|best| accuracy > best) {
                self.folder.save_best(&trainer.checkpoint())?;
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
    let Role { folder, ranks } = role.into();
    let config = &run.train;
    let teacher = prepare(run, dataset.as_ref(), ranks.count())?;
    let mut trainer = Trainer::new(config.clone(), run.classes)?.among(Arc::clone(&ranks));
    if let Some(teacher) = teacher {
        trainer = trainer.taught_by(teacher);
    }
    if let Some(checkpoint) = resume {
        trainer = trainer.resumed(checkpoint)?;
    }
    trainer = of_rank_0(trainer, &ranks)?;
    let loader = Loader::new(
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
    let left = config.steps.saturating_sub(trainer.step());
    for batch in loader.take(usize::try_from(left).unwrap_or(usize::MAX)) {
        let learned = trainer.learn(&batch?).map_err(FitError::from);
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
            // The steps that were done together need not be done again.
            folder.save(&trainer.checkpoint())?;
        }
        let stop = stop?;
        let done = step == config.steps;
        if let Some(records) = &mut records {
            records.step(run, &trainer, done || stop, watch)?;
        }
        if stop && !done {
            return Ok(Fitted::Stopped { step });
        }
    }
    Ok(Fitted::Finished(Box::new(trainer.finished())))
}

/// Every rank's trainer as rank 0's is.
fn of_rank_0(trainer: Trainer, ranks: &Ranks) -> Result<Trainer, FitError> {
    if ranks.count() == 1 {
        return Ok(trainer);
    }
    let state = trainer.checkpoint().to_bytes().map_err(FitError::State)?;
    if ranks.rank() == 0 {
        ranks.share_state(&state)?;
        return Ok(trainer);
    }
    // Velocities and an average are as large as the parameters; the names of either take less than as much again or a MiB.
    let most = 4 * state.len() as u64 + (1 << 20);
    let state = ranks.state_of_first(most)?;
    Ok(trainer.resumed(&Checkpoint::from_bytes(&state).map_err(FitError::State)?)?)
}
