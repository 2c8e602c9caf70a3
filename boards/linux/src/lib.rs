//! The door on Linux boards: Raspberry Pi, Jetson, and any PC to try it on.
//!
//! ```text
//! disk    files that are whole or absent: one small trait, the real folder behind it
//!   ├── store   people and templates, encrypted at rest      ──> gallery in memory ──> edge_infer::matching
//!   └── audit   what the door did, hash-chained and bounded
//! vision ─ enrol        faces of pictures: who is to be enrolled, and from which of them
//!   ├── survey          strangers' pictures against those enrolled and each other: does the model's table hold here?
//!   └── watch           frame, faces, gallery, edge_infer::door, lock: the loop, under a camera or a list (replay)
//!       └── hub             what the loop shows, for pages, brokers and meters, which it never waits for
//! camera, inputs, lock  where frames and events come from, PINs among them; what holds the door
//!   └── run             threads around the loop, and every way out of it with the lock engaged
//! config, cli           settings in one file, and the commands
//! ```
//!
//! Whether a face opens the door is decided in `edge-infer`: there are no thresholds and no arithmetic on scores here.
#![allow(clippy::std_instead_of_core, reason = "a program for Linux: std is the normal path")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

pub mod audit;
pub mod camera;
pub mod cli;
mod clock;
pub mod config;
pub mod demo;
pub mod disk;
pub mod enrol;
mod hex;
pub mod hub;
pub mod inputs;
pub mod lock;
pub mod metrics;
pub mod mqtt;
pub mod outside;
mod port;
pub mod replay;
pub mod run;
pub mod store;
pub mod survey;
pub mod vision;
pub mod watch;
pub mod web;
pub mod webhook;
