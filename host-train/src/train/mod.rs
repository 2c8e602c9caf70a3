//! Training: settings, the step, the run's folder and the loop over them.

mod average;
mod checkpoint;
mod class_means;
mod config;
#[cfg(all(test, any(feature = "gpu", feature = "cuda")))]
mod device_tests;
mod distillation;
mod events;
mod fit;
mod imported;
#[cfg(test)]
mod loss_tests;
mod memory;
mod model;
mod network;
mod outcome;
mod piece;
#[cfg(test)]
mod rank_tests;
mod report;
mod run;
mod schedule;
mod sgd;
mod sharded;
mod trainer;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use class_means::from_class_means;
pub use config::{ConfigError, REFERENCE_BATCH, SMALL_SCALE, TrainConfig};
pub use distillation::{Distillation, Teacher, TeacherError};
pub use fit::{FitError, Fitted, Pace, Role, VerifyError, Watch, fit, prepare};
pub use imported::{ImportedError, settings as imported_settings};
pub use memory::{MemoryError, MemoryEstimate, available_memory, check_memory};
pub use model::{FaceModel, ParameterError, Values, parameters, with_parameters};
pub use network::FaceNetwork;
pub use report::{StepError, StepReport};
pub use run::{Log, RunConfig, RunError, RunFolder, Verification};
pub use schedule::Schedule;
pub use trainer::Trainer;
