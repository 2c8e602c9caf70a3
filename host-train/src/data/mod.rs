//! Faces and their identities: where images come from and how they reach the trainer.

mod face_image;
pub mod synthetic;

pub use face_image::FaceImage;
