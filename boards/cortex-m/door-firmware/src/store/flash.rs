//! A range of a flash chip: erased by sectors, programmed once, read back. What lies where is left to the stores.

use core::cell::RefCell;
use core::ops::Range;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError as _, NorFlashErrorKind, ReadNorFlash,
};

/// What everything that is programmed starts at and is long, a multiple of: the flash's own words must divide it.
pub const GRAIN: u32 = 64;

/// Why flash was not read or changed. Offsets are bytes of the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlashError {
    /// The range is not whole sectors of the chip.
    #[error(
        "{start:#x}..{end:#x} is not a range of whole {sector}-byte sectors of a flash of {capacity} bytes"
    )]
    Range {
        /// Where it starts.
        start: u32,
        /// Where it ends.
        end: u32,
        /// Bytes of a sector.
        sector: u32,
        /// Bytes of the chip.
        capacity: usize,
    },
    /// The chip's words are too long.
    #[error("words of {read} bytes to read and {write} to program do not divide {GRAIN}")]
    Words {
        /// Bytes that are read at once.
        read: usize,
        /// Bytes that are programmed at once.
        write: usize,
    },
    /// The range is too short for what it has to hold.
    #[error("{sectors} sectors where {needed} are needed")]
    TooFewSectors {
        /// How many it needs.
        needed: u32,
        /// How many there are.
        sectors: u32,
    },
    /// A record is longer than a sector, or no multiple of [`GRAIN`].
    #[error(
        "records of {bytes} bytes in sectors of {sector}; they must be a multiple of {GRAIN} and fit"
    )]
    Record {
        /// Of a record.
        bytes: usize,
        /// Of a sector.
        sector: u32,
    },
    /// The driver refused.
    #[error("the flash driver failed at {offset:#x}: {kind}")]
    Driver {
        /// Where.
        offset: u32,
        /// How.
        kind: NorFlashErrorKind,
    },
    /// Other bytes came back than were programmed: worn out, or not blank before.
    #[error(
        "the flash does not keep what is programmed at {offset:#x}; the sector is worn out or was not blank"
    )]
    NotKept {
        /// Where.
        offset: u32,
    },
    /// A sector is not blank after it was erased.
    #[error("the sector at {offset:#x} is not blank after an erase; it is worn out")]
    NotErased {
        /// Where it starts.
        offset: u32,
    },
}

/// A range of whole sectors, addressed from 0.
#[derive(Debug)]
pub(crate) struct Region<F> {
    flash: F,
    start: u32,
    len: u32,
}

impl<F: NorFlash> Region<F> {
    /// `range` of `flash`, of at least `sectors` sectors.
    pub(crate) fn new(flash: F, range: Range<u32>, sectors: u32) -> Result<Self, FlashError> {
        let fits = |word: usize| word > 0 && (GRAIN as usize).is_multiple_of(word);
        if !fits(F::READ_SIZE) || !fits(F::WRITE_SIZE) {
            return Err(FlashError::Words { read: F::READ_SIZE, write: F::WRITE_SIZE });
        }
        let (Range { start, end }, capacity) = (range, flash.capacity());
        let sector = Self::SECTOR;
        let whole = sector > 0 && start.is_multiple_of(sector) && end.is_multiple_of(sector);
        if start > end || end as usize > capacity || !whole {
            return Err(FlashError::Range { start, end, sector, capacity });
        }
        let region = Self { flash, start, len: end - start };
        match region.sectors() {
            found if found < sectors => {
                Err(FlashError::TooFewSectors { needed: sectors, sectors: found })
            }
            _ => Ok(region),
        }
    }

    /// Bytes of a sector.
    pub(crate) const SECTOR: u32 = F::ERASE_SIZE as u32;

    /// Bytes of the range.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn sectors(&self) -> u32 {
        self.len / Self::SECTOR
    }

    /// Reads `into.len()` bytes, a multiple of the chip's word to read.
    pub(crate) fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), FlashError> {
        let offset = self.start + at;
        self.flash
            .read(offset, into)
            .map_err(|error| FlashError::Driver { offset, kind: error.kind() })
    }

    /// Whether all bytes of `range`, multiples of [`GRAIN`], are 0xff.
    pub(crate) fn is_blank(&mut self, range: Range<u32>) -> Result<bool, FlashError> {
        self.all(range, |_, bytes| bytes.iter().all(|&byte| byte == 0xff))
    }

    /// Erases a sector and looks whether it is blank.
    pub(crate) fn erase(&mut self, sector: u32) -> Result<(), FlashError> {
        let at = sector * Self::SECTOR;
        let offset = self.start + at;
        let erased = self.flash.erase(offset, offset + Self::SECTOR);
        erased.map_err(|error| FlashError::Driver { offset, kind: error.kind() })?;
        match self.is_blank(at..at + Self::SECTOR)? {
            true => Ok(()),
            false => Err(FlashError::NotErased { offset }),
        }
    }

    /// Programs `bytes`, a multiple of [`GRAIN`], where the flash is blank, and reads them back.
    pub(crate) fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let offset = self.start + at;
        let written = self.flash.write(offset, bytes);
        written.map_err(|error| FlashError::Driver { offset, kind: error.kind() })?;
        let same = self.all(at..at + bytes.len() as u32, |from, read| {
            bytes.get(from as usize..).is_some_and(|rest| rest.starts_with(read))
        })?;
        if same { Ok(()) } else { Err(FlashError::NotKept { offset }) }
    }

    /// [`program`](Self::program), after a look whether the flash is blank there.
    pub(crate) fn program_blank(&mut self, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
        match self.is_blank(at..at + bytes.len() as u32)? {
            true => self.program(at, bytes),
            false => Err(FlashError::NotKept { offset: self.start + at }),
        }
    }

    /// Whether `holds` of each piece of `range` and where it starts, from the range's start.
    fn all(
        &mut self,
        range: Range<u32>,
        mut holds: impl FnMut(u32, &[u8]) -> bool,
    ) -> Result<bool, FlashError> {
        let mut piece = [0; GRAIN as usize];
        for at in range.clone().step_by(piece.len()) {
            self.read(at, &mut piece)?;
            if !holds(at - range.start, &piece) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// One chip for several stores. Only one of them uses it at a time, for the time of one call.
#[derive(Debug)]
pub struct Shared<'a, F>(pub &'a RefCell<F>);

impl<F> Clone for Shared<'_, F> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<F: ErrorType> ErrorType for Shared<'_, F> {
    type Error = F::Error;
}

impl<F: ReadNorFlash> ReadNorFlash for Shared<'_, F> {
    const READ_SIZE: usize = F::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        self.0.borrow_mut().read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.borrow().capacity()
    }
}

impl<F: NorFlash> NorFlash for Shared<'_, F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        self.0.borrow_mut().erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), F::Error> {
        self.0.borrow_mut().write(offset, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sim::{Rp2350, Stm32H7};

    /// What is wrong with a chip.
    #[derive(Clone, Copy, PartialEq)]
    enum Wrong {
        Nothing,
        Write,
        Erase,
        /// Bits that cannot be programmed to 0 at this place.
        Stuck(u32),
        /// Bits that an erase leaves at 0 at this place.
        Worn(u32),
    }

    /// A chip with words of `WORD` bytes and something wrong with it.
    struct Bad<const WORD: usize>(Rp2350, Wrong);

    #[derive(Debug)]
    struct Broken;

    impl embedded_storage::nor_flash::NorFlashError for Broken {
        fn kind(&self) -> NorFlashErrorKind {
            NorFlashErrorKind::Other
        }
    }

    impl<const WORD: usize> ErrorType for Bad<WORD> {
        type Error = Broken;
    }

    impl<const WORD: usize> ReadNorFlash for Bad<WORD> {
        const READ_SIZE: usize = 1;

        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Broken> {
            self.0.read(offset, bytes).map_err(|_| Broken)?;
            let place = |at: u32| at.checked_sub(offset).map(|at| at as usize);
            match self.1 {
                Wrong::Stuck(at) => {
                    if let Some(byte) = place(at).and_then(|at| bytes.get_mut(at)) {
                        *byte |= 4;
                    }
                }
                Wrong::Worn(at) => {
                    if let Some(byte) = place(at).and_then(|at| bytes.get_mut(at)) {
                        *byte &= !4;
                    }
                }
                _ => {}
            }
            Ok(())
        }

        fn capacity(&self) -> usize {
            self.0.capacity()
        }
    }

    impl<const WORD: usize> NorFlash for Bad<WORD> {
        const WRITE_SIZE: usize = WORD;
        const ERASE_SIZE: usize = 4096;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), Broken> {
            let erased = self.0.erase(from, to).map_err(|_| Broken);
            if self.1 == Wrong::Erase { Err(Broken) } else { erased }
        }

        fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Broken> {
            let written = self.0.write(offset, bytes).map_err(|_| Broken);
            if self.1 == Wrong::Write { Err(Broken) } else { written }
        }
    }

    fn region(wrong: Wrong) -> Region<Bad<1>> {
        Region::new(Bad(Rp2350::new(3), wrong), 4096..12288, 2).unwrap()
    }

    #[test]
    fn rejects_words_and_ranges_that_do_not_fit() {
        let words = Region::new(Bad::<96>(Rp2350::new(3), Wrong::Nothing), 0..4096, 1).map(|_| ());
        assert_eq!(words, Err(FlashError::Words { read: 1, write: 96 }));
        let few = Region::new(Rp2350::new(3), 0..4096, 2).map(|_| ());
        assert_eq!(few, Err(FlashError::TooFewSectors { needed: 2, sectors: 1 }));
        for (start, end) in [(0, 100), (100, 4096), (8192, 4096), (8192, 16384)] {
            let range = Region::new(Rp2350::new(3), Range { start, end }, 1).map(|_| ());
            let capacity = 3 * 4096;
            assert_eq!(range, Err(FlashError::Range { start, end, sector: 4096, capacity }));
        }
        assert!(Region::new(Stm32H7::new(1), 0..0x2_0000, 1).is_ok());
    }

    #[test]
    fn rejects_a_driver_that_fails() {
        let kind = NorFlashErrorKind::Other;
        let driver = |offset| Err(FlashError::Driver { offset, kind });
        assert_eq!(region(Wrong::Write).program(64, &[0; 64]), driver(4096 + 64));
        assert_eq!(region(Wrong::Erase).erase(1), driver(8192));
        assert_eq!(region(Wrong::Nothing).read(8192, &mut [0; 64]), driver(4096 + 8192));
    }

    #[test]
    fn rejects_flash_that_keeps_other_bytes() {
        let mut stuck = region(Wrong::Stuck(4096 + 70));
        let not_kept = Err(FlashError::NotKept { offset: 4096 + 64 });
        assert_eq!(stuck.program_blank(64, &[0; 64]), not_kept);
        assert_eq!(stuck.program_blank(128, &[0; 64]), Ok(()));
        assert_eq!(
            region(Wrong::Worn(8192 + 5)).erase(1),
            Err(FlashError::NotErased { offset: 8192 })
        );
        assert_eq!(region(Wrong::Worn(8192 + 5)).erase(0), Ok(()));
        let mut twice = region(Wrong::Nothing);
        twice.program_blank(64, &[1; 64]).unwrap();
        assert_eq!(twice.program_blank(64, &[0; 64]), not_kept, "it was not blank");
    }
}
