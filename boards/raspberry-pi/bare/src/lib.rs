//! What a bare Raspberry Pi needs besides its registers: which board it is, its memory map, the files of its RAM disk. No hardware is touched
//! here, so that all of it is tested on the host; the program in `main.rs` does the rest.
#![cfg_attr(not(test), no_std)]
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
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

pub mod archive;
pub mod board;
pub mod key;
pub mod paging;
