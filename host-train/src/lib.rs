//! Photographs to an int8 face network: data, training, quantization, evaluation and the command line.
//!
//! ```text
//! data ──> train(net, loss) ──> RUN ──> graph ──> quantize ──> model.afm
//!                                │                               │
//!                                └───────── model: embed ────────┘   (float by graph, int8 by edge-infer)
//!                                               │
//!                                            evaluate
//! ```
//!
//! `experiment` goes all these ways for the ArcFace paper's comparisons.
//!
//! There is no int8 arithmetic in this crate: the engine that a door runs is also the host's int8 simulator.
#![allow(clippy::std_instead_of_core, reason = "a host program: std is the normal path")]

pub mod cli;
mod cpu;
pub mod data;
pub mod device;
pub mod diff;
pub mod door;
pub mod evaluate;
pub mod experiment;
pub mod files;
pub mod flash;
pub mod graph;
mod hex;
pub mod key_file;
pub mod likeness;
pub mod loss;
pub mod model;
pub mod net;
pub mod quantize;
pub mod ranks;
pub mod train;
pub mod verdict;
pub mod verify;
