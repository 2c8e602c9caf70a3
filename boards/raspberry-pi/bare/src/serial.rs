//! The log: text on the PL011, 115200 baud, 8 bits, no parity. It never waits long, as the door does not wait for who reads along.

use core::fmt;

use door_pi::board::Board;

use crate::gpio;
use crate::hw::registers::Registers;

const OFFSET: usize = 0x20_1000;
const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const FULL: u32 = 1 << 5;
const BUSY: u32 = 1 << 3;
/// The 48 MHz that the firmware sets, by 16 and 115200: 26 and 3/64.
const DIVISOR: usize = 0x24;
const DIVISOR_64THS: usize = 0x28;
const LINE: usize = 0x2C;
const EIGHT_BITS_QUEUED: u32 = 0b111 << 4;
const CONTROL: usize = 0x30;
const ON_AND_SENDING: u32 = 1 | 1 << 8;

/// Looks at a full queue before a byte is given up: many times what one takes to leave.
const PATIENCE: u32 = 1 << 16;

/// The serial line.
#[derive(Clone, Copy)]
pub(crate) struct Serial(Registers);

impl Serial {
    /// Switches it on.
    pub(crate) fn start(board: &'static Board) -> Self {
        gpio::connect_serial(board);
        let serial = Self::running(board);
        serial.0.write::<CONTROL>(0);
        serial.0.write::<DIVISOR>(26);
        serial.0.write::<DIVISOR_64THS>(3);
        serial.0.write::<LINE>(EIGHT_BITS_QUEUED);
        serial.0.write::<CONTROL>(ON_AND_SENDING);
        serial
    }

    /// As it was started.
    pub(crate) fn running(board: &'static Board) -> Self {
        Self(Registers::of::<OFFSET>(board))
    }

    /// Waits until all is sent, as before a reset.
    pub(crate) fn drain(self) {
        self.wait(BUSY);
    }

    fn wait(self, flag: u32) {
        let mut looks = 0..PATIENCE;
        while self.0.read::<FLAGS>() & flag != 0 && looks.next().is_some() {}
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.wait(FULL);
            self.0.write::<DATA>(byte.into());
        }
        Ok(())
    }
}

/// Logs a line.
macro_rules! log {
    ($serial:expr, $($text:tt)*) => {{
        // The line takes all.
        let _ = ::core::fmt::Write::write_fmt(&mut $serial, format_args!($($text)*));
        let _ = ::core::fmt::Write::write_str(&mut $serial, "\r\n");
    }};
}
pub(crate) use log;
