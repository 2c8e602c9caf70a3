//! The loop over steps: batches in, log and checkpoints out.

use super::checkpoint::Checkpoint;
use super::distillation::{Teacher, TeacherError};
use super::memory::{MemoryError, available_memory, check_memory};
use super::model::{FaceModel, ParameterError};
use super::run::{RunConfig, RunError, RunFolder};
use super::trainer::{StepError, StepReport, Trainer};
use crate::data::{DataError, Dataset, Loader, LoaderConfig, check_batch};
use crate::net::NetworkConfig;
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

/// Trains `dataset` to the end of the run's steps, from its beginning or from `resume`.
///
/// `observe` sees every step's report and the batch's angles to their class centres, in degrees. The last checkpoint is
/// the finished model.
///
/// # Errors
/// What [`FitError`] lists; the last checkpoint stays as it is and the run can be resumed from it.
pub fn fit(
    dataset: Arc<dyn Dataset>,
    folder: &RunFolder,
    run: &RunConfig,
    resume: Option<&Checkpoint>,
    mut observe: impl FnMut(&StepReport, &[f32]),
) -> Result<FaceModel, FitError> {
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
    let left = config.steps.saturating_sub(trainer.step());
    for batch in loader.take(usize::try_from(left).unwrap_or(usize::MAX)) {
        let (report, angles) = trainer.learn(&batch?)?;
        log.write(&report)?;
        observe(&report, &angles);
        if trainer.step().is_multiple_of(config.checkpoint_every) || trainer.step() == config.steps
        {
            folder.save(&trainer.checkpoint())?;
        }
    }
    Ok(trainer.into_model())
}
