//! The line to the host: the first UART of the CMSDK, which the emulator connects to a TCP port.

use crate::Board;

/// Words of the block.
const DATA: usize = 0;
const STATE: usize = 1;
const CONTROL: usize = 2;
const DIVISOR: usize = 4;

const SENDING: u32 = 1;
const CAME: u32 = 2;
const SEND_AND_RECEIVE: u32 = 3;
const BAUD: u32 = 115_200;

/// The UART, switched on.
#[derive(Debug)]
pub struct Line(*mut u32);

impl Line {
    /// Switches it on.
    pub fn start(board: &Board) -> Self {
        let line = Self(core::ptr::with_exposed_provenance_mut(board.uart));
        line.write(DIVISOR, board.processor_hz / BAUD);
        line.write(CONTROL, SEND_AND_RECEIVE);
        line
    }

    /// A byte, if one came.
    pub fn receive(&mut self) -> Option<u8> {
        (self.read(STATE) & CAME != 0).then(|| self.read(DATA) as u8)
    }

    /// Sends all of it, however slow the other end is.
    pub fn send(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            while self.read(STATE) & SENDING != 0 {}
            self.write(DATA, byte.into());
        }
    }

    fn read(&self, word: usize) -> u32 {
        // SAFETY: the words are registers of the UART that the board has at this address; reading them touches no memory.
        unsafe { self.0.add(word).read_volatile() }
    }

    fn write(&self, word: usize, value: u32) {
        // SAFETY: as above, of writing.
        unsafe { self.0.add(word).write_volatile(value) };
    }
}
