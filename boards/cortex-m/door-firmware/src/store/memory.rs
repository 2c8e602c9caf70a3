//! Flash in memory that a reset does not clear, for boards whose programs can write no other: an emulator's. It forgets all without power.

use core::ops::Range;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Bytes of a sector, as NOR flash has them.
pub const SECTOR: usize = 4096;

/// Sectors in the caller's memory, erased to ones and programmed once, as real flash is.
#[derive(Debug)]
pub struct MemoryFlash<'a>(&'a mut [u8]);

impl<'a> MemoryFlash<'a> {
    /// With what is in `memory`.
    pub fn new(memory: &'a mut [u8]) -> Self {
        Self(memory)
    }

    /// A chip as it leaves the factory: all erased.
    pub fn blank(memory: &'a mut [u8]) -> Self {
        memory.fill(0xff);
        Self(memory)
    }

    fn part(&mut self, range: Range<usize>) -> Result<&mut [u8], NorFlashErrorKind> {
        self.0.get_mut(range).ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ErrorType for MemoryFlash<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for MemoryFlash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        let start = offset as usize;
        bytes.copy_from_slice(self.part(start..start + bytes.len())?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for MemoryFlash<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.part(from as usize..to as usize)?.fill(0xff);
        Ok(())
    }

    /// Refuses what is not blank, as flash with error correction does.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let start = offset as usize;
        let stored = self.part(start..start + bytes.len())?;
        if stored.iter().any(|&byte| byte != 0xff) {
            return Err(NorFlashErrorKind::Other);
        }
        stored.copy_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_programmed_once_between_two_erases_and_outlasts_the_driver() {
        let mut memory = [7; 2 * SECTOR];
        let mut flash = MemoryFlash::blank(&mut memory);
        assert_eq!(flash.write(SECTOR as u32, &[1, 2, 3, 4]), Ok(()));
        assert_eq!(flash.write(SECTOR as u32, &[1, 2, 3, 4]), Err(NorFlashErrorKind::Other));
        let mut flash = MemoryFlash::new(&mut memory);
        let mut read = [0; 6];
        assert_eq!(flash.read(SECTOR as u32 - 1, &mut read), Ok(()));
        assert_eq!(read, [0xff, 1, 2, 3, 4, 0xff]);
        assert_eq!(flash.erase(SECTOR as u32, 2 * SECTOR as u32), Ok(()));
        assert_eq!(flash.write(SECTOR as u32, &[5; 4]), Ok(()));
    }

    #[test]
    fn rejects_what_is_no_sector_no_word_or_not_there() {
        let mut memory = [0; SECTOR];
        let mut flash = MemoryFlash::blank(&mut memory);
        let (end, aligned) = (NorFlashErrorKind::OutOfBounds, NorFlashErrorKind::NotAligned);
        assert_eq!(flash.erase(0, 4095), Err(aligned));
        assert_eq!(flash.erase(0, 8192), Err(end));
        assert_eq!(flash.write(2, &[0; 4]), Err(aligned));
        assert_eq!(flash.write(4096, &[0; 4]), Err(end));
        assert_eq!(flash.read(4095, &mut [0; 2]), Err(end));
    }
}
