//! The pin of the relay, and those of the serial line.
//!
//! The start has driven the relay to locked before any Rust ran; whoever makes a [`Relay`] drives it again.

use core::convert::Infallible;

use door_pi::board::{Board, RELAY_PIN};
use embedded_hal::digital::{ErrorType, OutputPin};

use crate::hw::registers::Registers;

/// Where the block lies in the peripherals.
pub(crate) const OFFSET: usize = 0x20_0000;
/// Functions of the pins 10 to 19, three bits each; 1 is an output.
pub(crate) const RELAY_SELECT: usize = 0x04;
/// Bits of the relay's function.
pub(crate) const RELAY_SELECT_SHIFT: u32 = RELAY_PIN % 10 * 3;
/// A one sets the pin of its bit low.
pub(crate) const CLEAR: usize = 0x28;
/// A one sets the pin of its bit high.
const SET: usize = 0x1C;

const _: () = assert!(
    RELAY_PIN / 10 == 1,
    "the functions of the relay and the serial line are in one register"
);

/// The relay's input: high is unlocked.
#[derive(Clone, Copy)]
pub(crate) struct Relay(Registers);

impl Relay {
    /// The relay, locked.
    pub(crate) fn locked(board: &'static Board) -> Self {
        let pins = Registers::of::<OFFSET>(board);
        pins.write::<CLEAR>(1 << RELAY_PIN);
        Self(pins)
    }
}

impl ErrorType for Relay {
    type Error = Infallible;
}

impl OutputPin for Relay {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.write::<CLEAR>(1 << RELAY_PIN);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.write::<SET>(1 << RELAY_PIN);
        Ok(())
    }
}

/// Gives the pins 14 and 15 to the PL011 (function 0, which is 0b100), wherever the firmware had put it.
pub(crate) fn connect_serial(board: &'static Board) {
    let pins = Registers::of::<OFFSET>(board);
    let others = pins.read::<RELAY_SELECT>() & !(0b111_111 << 12);
    pins.write::<RELAY_SELECT>(others | 0b100_100 << 12);
}
