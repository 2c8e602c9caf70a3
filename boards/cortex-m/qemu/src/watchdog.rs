//! The CMSDK watchdog: its first expiry is the unmaskable interrupt, its second a reset.

use door_firmware::ports::Watchdog;

use crate::Board;

/// Words of the block.
const LOAD: usize = 0;
const CONTROL: usize = 2;
const INTERRUPT_CLEAR: usize = 3;
const LOCK: usize = 0xC00 / 4;

const INTERRUPT_ENABLE: u32 = 1;
const RESET_ENABLE: u32 = 2;
const KEY: u32 = 0x1ACC_E551;

/// A watchdog that runs.
#[derive(Debug)]
pub struct Cmsdk {
    registers: *mut u32,
    ticks: u32,
}

impl Cmsdk {
    /// Starts it: an interrupt after `ms` without food, a reset after as much again.
    pub fn start(board: &Board, ms: u32) -> Self {
        let registers = core::ptr::with_exposed_provenance_mut(board.watchdog);
        let ticks = u64::from(board.watchdog_hz) * u64::from(ms) / 1_000;
        let watchdog = Self { registers, ticks: u32::try_from(ticks).unwrap_or(u32::MAX) };
        watchdog.write(LOCK, KEY);
        watchdog.write(LOAD, watchdog.ticks);
        watchdog.write(CONTROL, INTERRUPT_ENABLE | RESET_ENABLE);
        watchdog
    }

    fn write(&self, word: usize, value: u32) {
        // SAFETY: the words are registers of the block that the board has at this address; writing them touches no memory.
        unsafe { self.registers.add(word).write_volatile(value) };
    }
}

impl Watchdog for Cmsdk {
    fn feed(&mut self) {
        self.write(INTERRUPT_CLEAR, 1);
        // Loading begins anew.
        self.write(LOAD, self.ticks);
    }
}

/// It stops: between two visits there is no camera, and so nothing that could feed it.
impl Drop for Cmsdk {
    fn drop(&mut self) {
        self.write(CONTROL, 0);
    }
}
