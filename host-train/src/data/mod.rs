//! Faces and their identities: where images come from and how they reach the trainer.

mod decode;
mod error;
mod face_image;
#[cfg(test)]
mod fixture;
mod image_folder;
mod jpeg;
mod listing;
mod manifest;
mod source;
pub mod synthetic;
mod table;
mod tar_index;

pub use decode::{MAX_PIXELS, decode};
pub use error::DataError;
pub use face_image::FaceImage;
pub use manifest::Manifest;
pub use source::{ImageRef, Source};
