//! Drawn faces: an endless, seeded population of parametric people and photographs of them, for a first run without
//! data and for tests. Nothing here is a real person's likeness.
//!
//! ```text
//! population, hairstyles ──> Identity (lasting)  ┐
//!                                                ├─> portrait: skull, skin, eyes, nose, mouth, beard, hair, ... ─> film ─> FaceImage
//! Difficulty ──────────────> Shot (one picture)  ┘
//! ```
//!
//! An [`Identity`] holds what stays with a person, a [`Shot`] what changes from picture to picture; [`draw`] is a pure
//! function of the two. A face is drawn as layers of antialiased signed-distance shapes on a solid that turns and is
//! lit, so pose moves features by their depth and light falls on relief.

mod beard;
mod dataset;
mod dice;
mod eyes;
mod film;
mod hair;
mod hairstyles;
mod identity;
mod maths;
mod mouth;
mod nose;
mod nuisance;
mod pairs;
mod palette;
mod population;
mod portrait;
mod projection;
mod scene;
mod shot;
mod skin;
mod skull;
mod surface;
#[cfg(test)]
mod tests;
mod worn;

pub use dataset::{DrawnFaces, DrawnFacesError, SIZES};
pub use identity::Identity;
pub use pairs::balanced_pairs;
pub use portrait::{draw, landmarks};
pub use projection::TEMPLATE;
pub use shot::{Difficulty, Pose, Shot};
