//! Faces and their identities: where images come from and how they reach the trainer.
//!
//! ```text
//! folders, tars,  ──> Source ──┬──> TrainingSet (+ manifest) ──┐
//! .rec .bin .parquet           │    drawn faces (synthetic) ───┴─ Dataset ──> Loader ──> batches
//!                              ├──> Pairs ──> evaluation
//!                              └──> inspect, convert, clean, overlap
//! ```
//!
//! Pixels are 8-bit RGB, HWC, and keep their size: aligning faces is done before, by their landmarks. Bad data is refused
//! by a [`DataError`] that names the file; nothing here prints, resizes or repairs.

pub mod augment;
pub mod clean;
pub mod convert;
mod decode;
mod error;
mod face_image;
mod fit;
#[cfg(test)]
mod fixture;
mod image_folder;
mod in_memory;
pub mod inspect;
mod jpeg;
mod lfw;
mod listing;
mod loader;
mod manifest;
mod mix;
pub mod noise;
pub mod overlap;
mod parquet_rows;
mod random;
mod record_io;
mod source;
pub mod synthetic;
mod table;
mod tar_index;
mod training_set;
mod verification;

pub use augment::{Augment, AugmentError};
pub use decode::{MAX_PIXELS, decode};
pub use error::DataError;
pub use face_image::FaceImage;
pub use in_memory::InMemory;
pub use lfw::{Pair, Pairs};
pub use loader::{Batch, Loader, LoaderConfig, check_batch};
pub use manifest::Manifest;
pub use parquet_rows::ParquetFault;
pub(crate) use random::{Choices, Purpose};
pub use record_io::{Property, RecordFault, Rows};
pub use source::{ImageRef, Source};
pub use training_set::{Dataset, TrainingSet};
pub use verification::PickleFault;
