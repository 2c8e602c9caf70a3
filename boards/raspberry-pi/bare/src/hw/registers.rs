//! Registers of the board's peripherals, 32 bits each, as one block of up to 4 KiB a peripheral.

use door_pi::board::{Board, Interrupts};

/// Bytes of a block.
const LEN: usize = 0x1000;

/// The registers of one peripheral.
#[derive(Clone, Copy)]
pub(crate) struct Registers(usize);

impl Registers {
    /// Those `offset` bytes into the board's peripherals, a multiple of [`LEN`].
    pub(crate) const fn of<const OFFSET: usize>(board: &'static Board) -> Self {
        const { assert!(OFFSET.is_multiple_of(LEN) && OFFSET < 0x100_0000) };
        Self(board.peripherals + OFFSET)
    }

    /// Of interrupts: the GIC's distributor and its interface to the core; or twice the one block of local registers.
    pub(crate) const fn of_interrupts(board: &'static Board) -> [Self; 2] {
        match board.interrupts {
            Interrupts::Local(block) => [Self(block), Self(block)],
            Interrupts::Gic { distributor, interface } => [Self(distributor), Self(interface)],
        }
    }

    /// The value of a register.
    pub(crate) fn read<const OFFSET: usize>(self) -> u32 {
        // SAFETY: as in `write`; reading a register of these peripherals breaks no rule of Rust.
        unsafe { self.at::<OFFSET>().read_volatile() }
    }

    /// Sets a register.
    pub(crate) fn write<const OFFSET: usize>(self, value: u32) {
        // SAFETY: a block's address comes from the table of the board that the core's identity proves, where registers of 32 bits are and
        // no memory, mapped as such for the whole of the program; the offset is aligned and within the block.
        unsafe { self.at::<OFFSET>().write_volatile(value) };
    }

    const fn at<const OFFSET: usize>(self) -> *mut u32 {
        const { assert!(OFFSET.is_multiple_of(4) && OFFSET < LEN) };
        core::ptr::with_exposed_provenance_mut(self.0 + OFFSET)
    }
}
