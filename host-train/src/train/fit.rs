//! The loop over steps: batches in, log and checkpoints out.

use super::checkpoint::Checkpoint;
use super::distillation::{Teacher, TeacherError};
use super::memory::{MemoryError, available_memory, check_memory};
use super::model::{FaceModel, ParameterError};
use super::run::{RunConfig, RunError, RunFolder};
use super::trainer::{StepError, StepReport, Trainer};
use crate::data::{DataError, Dataset, Loader, LoaderConfig, check_batch};
use crate::net::NetworkConfig;
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
    Config(#[from] super::config::ConfigError),
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

/// Whether a run can learn from `dataset`: it is as large as the data that the run began with, holds a batch, and the machine has
/// the memory for as many classes.
///
/// # Errors
/// [`FitError::DataChanged`], the batch is larger than the data, or [`FitError::Memory`].
pub fn check_data(run: &RunConfig, dataset: &dyn Dataset) -> Result<(), FitError> {
    let (found_classes, found_images) = (dataset.class_count(), dataset.len());
    if (found_classes, found_images) != (run.classes, run.images) {
        let (classes, images) = (run.classes, run.images);
        return Err(FitError::DataChanged { classes, images, found_classes, found_images });
    }
    check_batch(run.train.batch, found_images)?;
    Ok(check_memory(&run.train, run.classes, available_memory())?)
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
    /// [`Verification::every`](super::run::Verification::every) steps. None where nothing is held back.
    ///
    /// # Errors
    /// Whatever keeps it from being known; the run ends.
    fn verify(&mut self, _model: &FaceModel, _step: u64) -> Result<Option<f64>, VerifyError> {
        Ok(None)
    }
}

/// Why an accuracy could not be had.
pub type VerifyError = Box<dyn core::error::Error + Send + Sync>;

/// Trains `dataset` to the end of the run's steps, from its beginning or from `resume`.
///
/// The checkpoint of the best verification so far is kept apart.
///
/// # Errors
/// What [`FitError`] lists; the last checkpoint stays as it is and the run can be resumed from it.
pub fn fit(
    dataset: Arc<dyn Dataset>,
    folder: &RunFolder,
    run: &RunConfig,
    resume: Option<&Checkpoint>,
    watch: &mut impl Watch,
) -> Result<Fitted, FitError> {
    let config = &run.train;
    check_data(run, dataset.as_ref())?;
    let mut trainer = Trainer::new(config.clone(), run.classes)?;
    if let Some(distillation) = &config.distillation {
        let NetworkConfig { input, embedding, .. } = config.network;
        trainer = trainer.taught_by(Teacher::open(distillation, input, embedding)?);
    }
    if let Some(checkpoint) = resume {
        trainer = trainer.resumed(checkpoint)?;
    }
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
    let mut log = folder.log(trainer.step())?;
    let mut best = folder.best_accuracy(trainer.step())?;
    let left = config.steps.saturating_sub(trainer.step());
    for batch in loader.take(usize::try_from(left).unwrap_or(usize::MAX)) {
        let (report, angles) = trainer.learn(&batch?)?;
        log.write(&report)?;
        let stop = watch.step(&report, &angles).is_break();
        let step = trainer.step();
        let last = step == config.steps;
        if last || stop || step.is_multiple_of(config.checkpoint_every) {
            folder.save(&trainer.checkpoint())?;
        }
        if last || run.verification.as_ref().is_some_and(|v| step.is_multiple_of(v.every)) {
            let accuracy = watch.verify(&trainer.finished(), step).map_err(FitError::Verify)?;
            if let Some(accuracy) = accuracy {
                log.verified(step, accuracy)?;
                if best.is_none_or(|best| accuracy > best) {
                    folder.save_best(&trainer.checkpoint())?;
                    best = Some(accuracy);
                }
            }
        }
        if stop && !last {
            return Ok(Fitted::Stopped { step });
        }
    }
    Ok(Fitted::Finished(Box::new(trainer.finished())))
}
