//! Pixels to a face decision in int8, without std and without alloc.
//!
//! ```text
//! frame ─ engine ─> maps ─ detect ─> 5 landmarks
//! frame, 5 landmarks ─ image ─> aligned RGB ─ engine ─> embedding ─ matching ─> person, cosine
//!                        │                       │                                     │
//!                        │                    kernels                                  │
//!                        └── light, sharpness, pose ──────────────────────────── door ─┴─> unlock, or why not
//! ```
//!
//! - [`detect`]: boxes and landmarks from a detector's outputs; the largest face from frame to frame.
//! - [`image`]: views a frame, turns a face upright, stores pixels as int8, measures what they are worth.
//! - [`engine`]: walks a model's ops over one arena that the caller lends.
//! - [`embedder`]: alignment, measures and engine for one face: from its landmarks to its template.
//! - [`kernels`]: the layers over plain slices, by a number contract that gives every target the
//!   same bits.
//! - [`matching`]: int8 templates, cosine, search of a gallery.
//! - [`door`]: from what was measured of several frames to a lock's pulse, with time as an argument.
//!
//! The model file and its checks are left to `model-format`; cameras, clocks, pins and storage to the board.
//! The host measures a model with this very crate, so there is no second int8 implementation that
//! could differ from it.
//!
//! Only the vector instructions in `kernels::arch` are `unsafe`, and no code panics: slices are split
//! with checks, chunk sizes are constants, sums wrap, and a build for bare metal links no panic
//! function.
//!
//! Feature `std` finds the processor's instructions while running, and lets a gallery be searched by
//! several threads; without it the build's own target features choose. The bits are the same either
//! way.
//!
//! ```
//! use edge_infer::engine::Engine;
//! use edge_infer::image::{Frame, align};
//! use edge_infer::matching::{Best, GalleryView, Template};
//! use model_format::ModelView;
//!
//! /// The closest enrolled person to the face with these landmarks. All memory is the caller's.
//! fn recognise(
//!     model: ModelView<'_>,
//!     gallery: &GalleryView<'_>,
//!     frame: &Frame<'_>,
//!     landmarks: &align::Landmarks,
//!     arena: &mut [u8],
//! ) -> Result<Option<Best>, Box<dyn core::error::Error>> {
//!     let turn = align::similarity(landmarks, &model.metadata().landmarks)?;
//!     let mut face = [0; 112 * 112 * 3];
//!     align::warp(frame, &turn, &mut face, 112, 112)?;
//!     let mut embedding = [0.0; 128];
//!     Engine::new(model).run(&face, arena)?.embedding(&mut embedding)?;
//!     let template = Template::from_embedding(&embedding, model.id())?;
//!     Ok(gallery.search(template.as_ref())?)
//! }
//! ```
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing
    )
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")
)]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod detect;
pub mod door;
pub mod embedder;
pub mod engine;
mod float;
pub mod image;
pub mod kernels;
pub mod matching;
