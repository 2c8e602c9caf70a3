//! A flash chip on SPI or QSPI that speaks what most of them speak, such as Winbond's W25Q: sectors of 4 KiB, pages of 256 bytes, addresses
//! of three bytes. What moves the bytes is left to [`Bus`].
//!
//! ```text
//! program   06 | 02 address bytes of one page | 05 status, until it is ready
//! erase     06 | 20 address                   | 05 status, until it is ready
//! read      03 address bytes
//! ```
//!
//! The processor goes on while the chip is busy, interrupts too: unlike the flash that a program runs from.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

use crate::ports::Clock;

/// Bytes that are erased at once.
pub const SECTOR: usize = 4096;
const PAGE: usize = 256;

const PROGRAM: u8 = 0x02;
const READ: u8 = 0x03;
const STATUS: u8 = 0x05;
const ENABLE_WRITE: u8 = 0x06;
const ERASE: u8 = 0x20;
const IDENTIFY: u8 = 0x9f;
/// Of the status: it programs or erases.
const BUSY: u8 = 1;

/// Longest times of a W25Q64JV are 3 ms for a page and 400 ms for a sector.
const PROGRAM_MS: u32 = 10;
const ERASE_MS: u32 = 1_000;

/// One transfer each, with the chip selected for as long as it lasts.
pub trait Bus {
    /// Sends an instruction.
    fn command(&mut self, instruction: u8, address: Option<u32>);

    /// Sends an instruction, and reads what follows.
    fn read(&mut self, instruction: u8, address: Option<u32>, bytes: &mut [u8]);

    /// Sends an instruction and bytes.
    fn write(&mut self, instruction: u8, address: u32, bytes: &[u8]);
}

/// Such a chip.
#[derive(Debug)]
pub struct SerialFlash<B, C> {
    bus: B,
    clock: C,
    capacity: usize,
}

/// Why the chip was not read or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialFlashError {
    /// No chip answers, or one of another size.
    #[error("the flash chip identifies as {found:02x?}, its last byte must say 2^{bits} bytes")]
    Identity {
        /// Manufacturer, kind, and the exponent of the size.
        found: [u8; 3],
        /// The exponent that is needed.
        bits: u8,
    },
    /// Outside of the chip, or no whole sectors.
    #[error("an address outside of the flash chip, or no whole sectors")]
    Address(NorFlashErrorKind),
    /// It does not become ready.
    #[error("the flash chip is busy for more than {limit_ms} ms")]
    Busy {
        /// The limit.
        limit_ms: u32,
    },
}

impl NorFlashError for SerialFlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Address(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl<B: Bus, C: Clock> SerialFlash<B, C> {
    /// The chip at `bus`, of 2^`bits` bytes, when it has finished what a reset of the board may have left it with.
    ///
    /// # Errors
    /// [`SerialFlashError::Identity`] or [`SerialFlashError::Busy`].
    pub fn open(bus: B, clock: C, bits: u8) -> Result<Self, SerialFlashError> {
        let mut flash = Self { bus, clock, capacity: 1 << bits };
        flash.ready(ERASE_MS)?;
        let mut found = [0; 3];
        flash.bus.read(IDENTIFY, None, &mut found);
        let [.., size] = found;
        if size == bits { Ok(flash) } else { Err(SerialFlashError::Identity { found, bits }) }
    }

    /// Waits until it is not busy.
    fn ready(&mut self, limit_ms: u32) -> Result<(), SerialFlashError> {
        let start_ms = self.clock.now_ms();
        loop {
            let mut status = [BUSY];
            self.bus.read(STATUS, None, &mut status);
            let [status] = status;
            if status & BUSY == 0 {
                return Ok(());
            }
            if self.clock.now_ms() - start_ms > limit_ms.into() {
                return Err(SerialFlashError::Busy { limit_ms });
            }
        }
    }
}

impl<B, C> ErrorType for SerialFlash<B, C> {
    type Error = SerialFlashError;
}

impl<B: Bus, C: Clock> ReadNorFlash for SerialFlash<B, C> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SerialFlashError> {
        check_read(self, offset, bytes.len()).map_err(SerialFlashError::Address)?;
        self.bus.read(READ, Some(offset), bytes);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

impl<B: Bus, C: Clock> NorFlash for SerialFlash<B, C> {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SerialFlashError> {
        check_erase(self, from, to).map_err(SerialFlashError::Address)?;
        (from..to).step_by(SECTOR).try_for_each(|sector| {
            self.bus.command(ENABLE_WRITE, None);
            self.bus.command(ERASE, Some(sector));
            self.ready(ERASE_MS)
        })
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SerialFlashError> {
        check_write(self, offset, bytes.len()).map_err(SerialFlashError::Address)?;
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            // Beyond a page's end the chip goes on at its start.
            let (now, later) = rest.split_at(rest.len().min(PAGE - at as usize % PAGE));
            self.bus.command(ENABLE_WRITE, None);
            self.bus.write(PROGRAM, at, now);
            self.ready(PROGRAM_MS)?;
            (at, rest) = (at + now.len() as u32, later);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::flash::Shared;
    use crate::store::gallery::{Gallery, PreprocessingId, Stored};
    use core::cell::{Cell, RefCell};
    use model_format::ModelId;
    use std::vec;
    use std::vec::Vec;

    const BITS: u8 = 16;

    /// A chip of 64 KiB that is busy for a few looks at its status after each change.
    struct Chip {
        bytes: Vec<u8>,
        id: [u8; 3],
        may_write: bool,
        busy: u32,
        /// Looks at the status until a change is done.
        slow: u32,
    }

    impl Default for Chip {
        fn default() -> Self {
            let bytes = vec![0xff; 1 << BITS];
            Self { bytes, id: [0xef, 0x40, BITS], may_write: false, busy: 0, slow: 3 }
        }
    }

    impl Chip {
        fn change(&mut self) {
            assert!(core::mem::take(&mut self.may_write), "write enable comes first, each time");
            assert_eq!(self.busy, 0, "it does not listen while it is busy");
            self.busy = self.slow;
        }
    }

    impl Bus for Chip {
        fn command(&mut self, instruction: u8, address: Option<u32>) {
            match (instruction, address) {
                (0x06, None) => self.may_write = true,
                (0x20, Some(address)) => {
                    self.change();
                    let start = address as usize & !4095;
                    self.bytes[start..start + 4096].fill(0xff);
                }
                other => panic!("{other:02x?}"),
            }
        }

        fn read(&mut self, instruction: u8, address: Option<u32>, bytes: &mut [u8]) {
            match (instruction, address) {
                (0x05, None) => {
                    bytes.fill(u8::from(self.busy > 0));
                    self.busy = self.busy.saturating_sub(1);
                }
                (0x9f, None) => bytes.copy_from_slice(&self.id),
                (0x03, Some(address)) => {
                    assert_eq!(self.busy, 0);
                    bytes.copy_from_slice(&self.bytes[address as usize..][..bytes.len()]);
                }
                other => panic!("{other:02x?}"),
            }
        }

        fn write(&mut self, instruction: u8, address: u32, bytes: &[u8]) {
            assert_eq!(instruction, 0x02);
            self.change();
            for (i, byte) in bytes.iter().enumerate() {
                let page = address as usize & !255;
                self.bytes[page + (address as usize + i) % 256] &= byte;
            }
        }
    }

    /// A millisecond a look.
    #[derive(Default)]
    struct Looks(Cell<u64>);

    impl Clock for Looks {
        fn now_ms(&self) -> u64 {
            self.0.set(self.0.get() + 1);
            self.0.get()
        }
    }

    fn open(chip: Chip) -> Result<SerialFlash<Chip, Looks>, SerialFlashError> {
        SerialFlash::open(chip, Looks::default(), BITS)
    }

    #[test]
    fn what_is_written_over_pages_comes_back_and_an_erase_takes_its_sector_alone() {
        let mut flash = open(Chip::default()).unwrap();
        let bytes: Vec<u8> = (0..700).map(|i| (i * 7) as u8).collect();
        flash.write(4096 - 300, &bytes).unwrap();
        let mut read = vec![0; 700];
        flash.read(4096 - 300, &mut read).unwrap();
        assert_eq!(read, bytes);
        flash.erase(4096, 8192).unwrap();
        flash.read(4096 - 300, &mut read).unwrap();
        assert_eq!(read[..300], bytes[..300]);
        assert!(read[300..].iter().all(|byte| *byte == 0xff));
    }

    #[test]
    fn people_are_kept_in_it() {
        let chip = RefCell::new(open(Chip::default()).unwrap());
        let ours = PreprocessingId([2; 16]);
        let new = Stored {
            record: 0,
            person: 7,
            name: "Ada",
            model: ModelId([1; 16]),
            preprocessing: ours,
            values: &[5; 128],
        };
        Gallery::<_, 256>::open(Shared(&chip), 0..8192, ours).unwrap().0.store(new).unwrap();
        let (mut again, report) = Gallery::<_, 256>::open(Shared(&chip), 0..8192, ours).unwrap();
        assert_eq!(report.records, 1);
        again
            .for_each_stored(|stored| assert_eq!((stored.person, stored.name), (7, "Ada")))
            .unwrap();
    }

    #[test]
    fn rejects_no_chip_and_one_of_another_size() {
        for id in [[0xff; 3], [0xef, 0x40, BITS + 1]] {
            let error = open(Chip { id, ..Chip::default() }).map(|_| ()).unwrap_err();
            assert_eq!(error, SerialFlashError::Identity { found: id, bits: BITS });
        }
    }

    #[test]
    fn rejects_a_chip_that_stays_busy() {
        let mut flash = open(Chip { slow: u32::MAX, ..Chip::default() }).unwrap();
        assert_eq!(flash.write(0, &[0]), Err(SerialFlashError::Busy { limit_ms: 10 }));
        let stuck = Chip { busy: u32::MAX, ..Chip::default() };
        let error = open(stuck).map(|_| ()).unwrap_err();
        assert_eq!(error, SerialFlashError::Busy { limit_ms: 1_000 });
    }

    #[test]
    fn rejects_addresses_outside_and_parts_of_sectors() {
        let mut flash = open(Chip::default()).unwrap();
        let outside = SerialFlashError::Address(NorFlashErrorKind::OutOfBounds);
        let part = SerialFlashError::Address(NorFlashErrorKind::NotAligned);
        assert_eq!(flash.read((1 << BITS) - 1, &mut [0; 2]), Err(outside));
        assert_eq!(flash.write(1 << BITS, &[0]), Err(outside));
        assert_eq!(flash.erase(0, 4095), Err(part));
    }
}
