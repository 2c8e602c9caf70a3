//! The pages as browsers and others see them: the real server, over sockets, with a loop that publishes beside it.
#![allow(clippy::std_instead_of_core, reason = "a program for Linux: std is the normal path")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(unreachable_pub, reason = "a test has no readers outside")]

mod crowd;
mod forms;
mod house;
mod pictures;
mod sign_in;
