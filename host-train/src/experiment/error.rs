//! Why an experiment ended early.

use crate::data::DataError;
use crate::data::synthetic::DrawnFacesError;
use crate::evaluate::EvaluateError;
use crate::files::FileError;
use crate::model::ModelError;
use crate::quantize::QuantizeError;
use crate::train::{FitError, RunError};
use model_format::FormatError;
use std::path::PathBuf;

/// Faces that can't be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FacesError {
    /// Sizes that nothing can be drawn with.
    #[error(transparent)]
    Drawn(#[from] DrawnFacesError),
    /// Photographs, a manifest or a pair list.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What went wrong in a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFailure {
    /// Training.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Its temporary folder.
    #[error(transparent)]
    Folder(#[from] RunError),
    /// A place for that folder.
    #[error("no temporary folder: {0}")]
    Temporary(#[from] std::io::Error),
    /// Embedding.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The scores.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Quantization.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// The int8 file.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// An image.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// There is one already.
    #[error("{} is there already: choose another --out", .0.display())]
    Occupied(PathBuf),
    /// The faces.
    #[error(transparent)]
    Faces(#[from] FacesError),
    /// A result can't be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A run failed.
    #[error("experiment {experiment}, run {run}: {source}")]
    Run {
        /// Which experiment.
        experiment: &'static str,
        /// Which of its runs.
        run: String,
        /// Why.
        source: Box<RunFailure>,
    },
}
