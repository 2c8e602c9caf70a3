//! The board's lights, of which the first is the lock's relay: QEMU traces every change of them (`-trace led_change_intensity`), which no
//! firmware can leave out or make up.

use core::convert::Infallible;

use door_firmware::pin::{PinLight, PinLock};
use embedded_hal::digital::{ErrorType, OutputPin, PinState};

use crate::Board;

/// One light of the FPGA I/O block, lit while its pin is high.
#[derive(Debug)]
pub struct Light {
    register: *mut u32,
    mask: u32,
}

/// The relay, high to release the lock.
pub const RELAY: u32 = 0;
/// The light for blink codes.
pub const STATUS: u32 = 1;

impl Light {
    fn new(board: &Board, index: u32) -> Self {
        Self { register: core::ptr::with_exposed_provenance_mut(board.fpgaio), mask: 1 << index }
    }

    /// Sets the pin, whatever else changes its neighbours meanwhile.
    fn write(&mut self, high: bool) {
        cortex_m::interrupt::free(|_| {
            // SAFETY: the address is the register of the lights on this board, which may be read and written at any time; with
            // interrupts off nothing comes in between.
            unsafe {
                let lights = self.register.read_volatile();
                let lights = if high { lights | self.mask } else { lights & !self.mask };
                self.register.write_volatile(lights);
            }
        });
    }

    /// The pin's level.
    pub fn is_high(&self) -> bool {
        // SAFETY: as above; reading changes nothing.
        unsafe { self.register.read_volatile() & self.mask != 0 }
    }
}

impl ErrorType for Light {
    type Error = Infallible;
}

impl OutputPin for Light {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.write(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.write(true);
        Ok(())
    }
}

/// A handle to the lock, which is engaged by that. Every handle is of the same pin.
pub fn lock(board: &Board) -> PinLock<Light> {
    match PinLock::new(Light::new(board, RELAY), PinState::High) {
        Ok(lock) => lock,
        Err(door_firmware::pin::PinError(never)) => match never {},
    }
}

/// The light for people.
pub fn status(board: &Board) -> PinLight<Light> {
    PinLight(Light::new(board, STATUS))
}

/// Whether the lock is released now.
pub fn is_unlocked(board: &Board) -> bool {
    Light::new(board, RELAY).is_high()
}
