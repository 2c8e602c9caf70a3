//! How a program ends that cannot go on: the lock is engaged, and only then anything is said.
//!
//! The emulator's exit status tells the test which end it was. A board that is none of QEMU's resets here.

use core::panic::PanicInfo;

use door_firmware::fault::last_words;
use semihosting::{println, process};

use crate::{Board, pins};

/// Exit status after a panic.
pub const PANICKED: i32 = 101;
/// Exit status after a fault of the processor.
pub const FAULTED: i32 = 102;

/// For the panic handler.
pub fn panicked(board: &Board, info: &PanicInfo<'_>) -> ! {
    last_words(&mut pins::lock(board), || println!("{info}"));
    process::exit(PANICKED)
}

/// For the handler of faults, on a stack of its own.
pub fn faulted(board: &Board) -> ! {
    last_words(&mut pins::lock(board), || {
        // SAFETY: the registers that say what happened are the processor's own, and reading them changes nothing.
        let status = unsafe { &*cortex_m::peripheral::SCB::PTR };
        println!("fault: CFSR {:#010x}, HFSR {:#010x}", status.cfsr.read(), status.hfsr.read());
    });
    process::exit(FAULTED)
}

/// For the watchdog's interrupt. The reset that follows is the watchdog's own.
pub fn starved(board: &Board) -> ! {
    last_words(&mut pins::lock(board), || println!("watchdog: no fresh decision"));
    loop {
        cortex_m::asm::nop();
    }
}
