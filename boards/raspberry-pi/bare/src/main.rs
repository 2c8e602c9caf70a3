//! The door on a bare Raspberry Pi 3 or 4, as `kernel8.img`.
//!
//! ```text
//! hw/start ─> main ─> door: self-test, enrolment, frames of the RAM disk ─> relay
//!    │         ├───> bench, if the disk holds a file of that name
//!    │         └───> drill, likewise, in an image for emulators
//!    └─ relay locked, first of all
//! panic, fault, starving ─> ending: relay locked, then the reason logged, then a reset
//! ```
#![no_std]
#![no_main]

mod bench;
mod door;
#[cfg(feature = "emulated")]
mod drill;
mod ending;
mod gpio;
mod hw;
mod interrupts;
mod serial;
mod tick;
mod time;
mod watchdog;

use door_pi::archive::Archive;
use door_pi::board::Board;
use door_pi::key;
use edge_infer::kernels::Tier;
use model_format::PublicKey;

use serial::{Serial, log};
use time::Timer;

/// Whose signature the networks must bear: `DOOR_KEY`, 64 hex digits, when the image is built; anybody's models without.
const KEY: Option<PublicKey> = match option_env!("DOOR_KEY") {
    Some(digits) => Some(PublicKey(key::parse(digits))),
    None => None,
};

fn main(board: &'static Board) -> ! {
    let mut serial = Serial::start(board);
    let tier = Tier::detect();
    log!(serial, "{}, tier {}", board.name, tier.name());
    if cfg!(target_feature = "dotprod") && !hw::processor::has_dot_products() {
        ending::reset("the image is built for cores with dot products, which this one has not");
    }
    let timer = Timer::new().unwrap_or_else(|error| ending::reset(error));
    let disk = Archive::new(hw::memory::disk()).unwrap_or_else(|error| ending::reset(error));
    #[cfg(feature = "emulated")]
    if let Some(word) = disk.file("drill") {
        drill::run(board, timer, word);
    }
    let Some(room) = hw::memory::room() else { ending::reset("the networks' memory is in use") };
    if disk.file("bench").is_some() {
        bench::run(&disk, timer, room, serial).unwrap_or_else(|error| ending::reset(error));
    } else {
        door::run(board, timer, &disk, room, serial);
    }
    // A new handle engages the lock, whoever had it.
    gpio::Relay::locked(board);
    log!(serial, "over: the lock is engaged");
    serial.drain();
    watchdog::power_off(board)
}
