//! The boards that the image starts on, as data: how they are told apart, and where their registers lie.
//!
//! A Pi 5 is none of them: its pins are in a chip behind PCI Express, and no emulator has that one.

/// GPIO of the relay: pin 11 of the header.
pub const RELAY_PIN: u32 = 17;

/// Where the firmware puts the RAM disk: `initramfs disk.tar 0x08000000` in `config.txt`.
pub const DISK_START: usize = 0x0800_0000;
/// Bytes that are mapped for it; a multiple of 2 MiB.
pub const DISK_BYTES: usize = 0x0400_0000;

/// A kind of Raspberry Pi.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// What logs call it.
    pub name: &'static str,
    /// Part number of its core, bits 15 to 4 of `MIDR_EL1`.
    pub part: u16,
    /// Where its peripherals start.
    pub peripherals: usize,
    /// How an interrupt of the core's own timer gets to the core.
    pub interrupts: Interrupts,
    /// Registers that are mapped: first address and the one behind the last, multiples of 2 MiB within 4 GiB.
    pub registers: [[usize; 2]; 2],
}

/// The way from timer to core.
#[derive(Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// A register a core, in the block at this address (BCM2836, "ARM-local peripherals").
    Local(usize),
    /// A GIC-400, with its distributor and its interface to the core.
    Gic {
        /// Address of the distributor.
        distributor: usize,
        /// Address of the interface.
        interface: usize,
    },
}

/// Raspberry Pi 3: BCM2837, Cortex-A53.
pub const PI_3: Board = Board {
    name: "Raspberry Pi 3",
    part: 0xD03,
    peripherals: 0x3F00_0000,
    interrupts: Interrupts::Local(0x4000_0000),
    registers: [[0x3F00_0000, 0x4000_0000], [0x4000_0000, 0x4020_0000]],
};

/// Raspberry Pi 4: BCM2711, Cortex-A72.
pub const PI_4: Board = Board {
    name: "Raspberry Pi 4",
    part: 0xD08,
    peripherals: 0xFE00_0000,
    interrupts: Interrupts::Gic { distributor: 0xFF84_1000, interface: 0xFF84_2000 },
    registers: [[0xFE00_0000, 0xFF80_0000], [0xFF80_0000, 0x1_0000_0000]],
};

impl Board {
    /// Which it is, by the core's identity `midr`.
    #[must_use]
    pub fn of(midr: u64) -> Option<&'static Self> {
        [&PI_3, &PI_4].into_iter().find(|board| u64::from(board.part) == midr >> 4 & 0xFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_told_by_their_cores() {
        // Cortex-A53 r0p4, Cortex-A72 r0p3, Cortex-A76 r4p1.
        assert_eq!(Board::of(0x410F_D034), Some(&PI_3));
        assert_eq!(Board::of(0x410F_D083), Some(&PI_4));
        assert_eq!(Board::of(0x414F_D0B1), None);
    }

    #[test]
    fn registers_are_whole_blocks_apart_from_the_disk() {
        for range in [PI_3, PI_4].iter().flat_map(|board| board.registers) {
            assert_eq!(range.map(|edge| edge % (2 << 20)), [0, 0]);
            assert!(range[0] >= DISK_START + DISK_BYTES && range[1] <= 4 << 30);
        }
    }
}
