//! What must outlive a power cut, in flash.
//!
//! | module | job |
//! |---|---|
//! | [`flash`] | a range of a flash chip, written once and read back |
//! | [`model`] | two slots for models, with a trial boot in between |
//! | `slot` | records of one size, each blank, whole or damaged |
//! | `ring` | slots in a circle, the oldest erased for the newest |
//! | [`audit`] | what the door did, in order |
//! | [`gallery`] | the people who may enter |
//! | [`storage`] | all of them in one chip, from a board's start to its proof |
//! | [`memory`] | flash in memory that a reset does not clear, for emulated boards |
//! | [`sim`] | flash in memory that loses power and flips bits, for tests |
//!
//! Ten years, by the counters of [`sim`] (tests `ten_years_wear_no_sector_out`), of the sector that is erased most often:
//!
//! | | 4 KiB sectors of NOR flash, rated 100,000 erases | 128 KiB sectors of an STM32H743, rated 10,000 |
//! |---|---|---|
//! | gallery: 5 people come and 5 go a week, power off each night | 2 sectors: 2,610 | 2 sectors: 2,610 |
//! | audit: 200 openings and 4,000 refusals of different people a day | 16 + 16 sectors: 10,150 | 2 + 2 sectors: 2,540 |
//! | models: an update a month, of which each slot takes every other | 60 | 60 |
//!
//! The lock should not wait for flash: erasing 4 KiB takes tens of milliseconds to half a second, 128 KiB of an STM32H743 seconds. That
//! chip also raises a fault when a torn word is read, which its driver must turn into bytes. Flash on QSPI does neither.
//!
//! Every record has its place at a multiple of its size, so that a damaged one hides no other, and nothing is ever programmed twice
//! between two erases, which flash with error correction (STM32H7) does not allow. That is why the format is not that of
//! `sequential-storage`: there records follow each other by their lengths, so that the rest of a torn one can be taken for a header that
//! hides the next (its issue 136), and one byte at each end says whether a page is erased, which after half an erase it may not be.

pub mod audit;
mod bytes;
pub mod flash;
pub mod gallery;
pub mod memory;
pub mod model;
mod ring;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod slot;
pub mod storage;
#[cfg(test)]
mod trials;
