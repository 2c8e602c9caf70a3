//! Flash in memory that does what real flash does: programs pages, erases sectors, loses power in the middle of either, flips bits and
//! wears out. For tests on a host.
//!
//! ```text
//! operation  1        2        3        4            each a page programmed or a sector erased
//!            done     done     cut      nothing more is read or written until `power_on`
//!                              ^ before it, partly, or right after it
//! ```
//!
//! Programming what is not blank is refused, on every geometry: flash with error correction does not allow it, and no store here needs
//! it.

extern crate std;

use core::ops::Range;
use std::vec;
use std::vec::Vec;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// The flash inside an STM32H743: words of 32 bytes, sectors of 128 KiB.
pub type Stm32H7 = SimFlash<32, 32, 0x2_0000>;
/// The flash beside an RP2350: single bytes in pages of 256, sectors of 4 KiB.
pub type Rp2350 = SimFlash<1, 256, 4096>;
/// Flash on QSPI whose power may fail between any two bytes.
pub type Qspi = SimFlash<1, 1, 4096>;

/// Flash of words of `WRITE` bytes, programmed by pages of `PAGE`, erased by sectors of `ERASE`.
#[derive(Clone, Debug)]
pub struct SimFlash<const WRITE: usize, const PAGE: usize, const ERASE: usize> {
    bytes: Vec<u8>,
    erases: Vec<u32>,
    operations: u64,
    cut: Option<(u64, Cut)>,
    powered: bool,
}

/// How far an operation gets when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It does not begin.
    Before,
    /// Some bits are changed; which ones follows from the number.
    Partly(u64),
    /// It is done, and nobody learns of it.
    After,
}

/// Why the flash refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimError {
    /// There is no power.
    PowerCut,
    /// Outside of the chip, or no multiple of a word or sector.
    Address(NorFlashErrorKind),
    /// A word is not blank.
    NotBlank {
        /// Where.
        offset: u32,
    },
}

impl NorFlashError for SimError {
    fn kind(&self) -> NorFlashErrorKind {
        match *self {
            Self::Address(kind) => kind,
            Self::PowerCut | Self::NotBlank { .. } => NorFlashErrorKind::Other,
        }
    }
}

impl<const WRITE: usize, const PAGE: usize, const ERASE: usize> SimFlash<WRITE, PAGE, ERASE> {
    /// A blank chip of so many sectors.
    pub fn new(sectors: u32) -> Self {
        let sectors = sectors as usize;
        Self {
            bytes: vec![0xff; sectors * ERASE],
            erases: vec![0; sectors],
            operations: 0,
            cut: None,
            powered: true,
        }
    }

    /// How many operations there were, those that were cut among them.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Lets the power fail at the `number`th operation from now, counted from 0.
    pub fn cut_at(&mut self, number: u64, cut: Cut) {
        self.cut = Some((self.operations + number, cut));
    }

    /// Whether the power failed.
    pub fn is_off(&self) -> bool {
        !self.powered
    }

    /// Gives power again, and takes back a cut that did not happen.
    pub fn power_on(&mut self) {
        (self.powered, self.cut) = (true, None);
    }

    /// How often each sector was erased.
    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    /// All that is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Flips one bit.
    pub fn flip(&mut self, bit: usize) {
        self.bytes[bit / 8] ^= 1 << (bit % 8);
    }

    /// Runs one operation on `range`: all of it by `whole`, or a part by `part` if the power fails here.
    fn operate(
        &mut self,
        range: Range<usize>,
        whole: impl FnOnce(&mut [u8]),
        part: impl FnOnce(&mut [u8], Noise),
    ) -> Result<(), SimError> {
        let number = self.operations;
        self.operations += 1;
        let stored = &mut self.bytes[range];
        match self.cut {
            Some((at, cut)) if at == number => {
                self.powered = false;
                match cut {
                    Cut::Before => {}
                    Cut::Partly(seed) => {
                        part(stored, Noise(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
                    }
                    Cut::After => whole(stored),
                }
                Err(SimError::PowerCut)
            }
            _ => {
                whole(stored);
                Ok(())
            }
        }
    }

    /// Where an access lies, if there is power and the chip allows it.
    fn check(&self, from: u32, len: usize, word: usize) -> Result<Range<usize>, SimError> {
        let from = from as usize;
        if !self.powered {
            return Err(SimError::PowerCut);
        }
        if !from.is_multiple_of(word) || !len.is_multiple_of(word) {
            return Err(SimError::Address(NorFlashErrorKind::NotAligned));
        }
        match from.checked_add(len) {
            Some(end) if end <= self.bytes.len() => Ok(from..end),
            _ => Err(SimError::Address(NorFlashErrorKind::OutOfBounds)),
        }
    }
}

impl<const WRITE: usize, const PAGE: usize, const ERASE: usize> ErrorType
    for SimFlash<WRITE, PAGE, ERASE>
{
    type Error = SimError;
}

impl<const WRITE: usize, const PAGE: usize, const ERASE: usize> ReadNorFlash
    for SimFlash<WRITE, PAGE, ERASE>
{
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        let range = self.check(offset, bytes.len(), 1)?;
        bytes.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WRITE: usize, const PAGE: usize, const ERASE: usize> NorFlash
    for SimFlash<WRITE, PAGE, ERASE>
{
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimError> {
        let Some(len) = to.checked_sub(from) else {
            return Err(SimError::Address(NorFlashErrorKind::OutOfBounds));
        };
        let range = self.check(from, len as usize, ERASE)?;
        for start in range.step_by(ERASE) {
            self.erases[start / ERASE] += 1;
            self.operate(start..start + ERASE, |stored| stored.fill(0xff), tear_erase)?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        let mut range = self.check(offset, bytes.len(), WRITE)?;
        if let Some(at) = range.clone().find(|&at| self.bytes[at] != 0xff) {
            return Err(SimError::NotBlank { offset: at as u32 });
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            // Up to the end of the page.
            let len = rest.len().min(PAGE - range.start % PAGE);
            let (page, after) = rest.split_at(len);
            self.operate(
                range.start..range.start + len,
                |stored| stored.copy_from_slice(page),
                |stored, noise| tear_program::<WRITE>(stored, page, noise),
            )?;
            (range.start, rest) = (range.start + len, after);
        }
        Ok(())
    }
}

/// What a page is left as: some of the bits that were to become 0 are. Of longer words nothing is certain, as their error correction
/// does not fit.
fn tear_program<const WRITE: usize>(stored: &mut [u8], page: &[u8], mut noise: Noise) {
    let whole =
        if noise.next().is_multiple_of(2) { 0 } else { noise.next() as usize % (page.len() + 1) };
    for (at, (stored, &byte)) in stored.iter_mut().zip(page).enumerate() {
        let random = noise.next() as u8;
        *stored = match (at < whole, WRITE) {
            (true, _) => byte,
            (false, 1) => byte | random,
            (false, _) => random,
        };
    }
}

/// What a sector is left as: all 0, as flash is before it is erased; erased up to somewhere; or some bits of it.
fn tear_erase(stored: &mut [u8], mut noise: Noise) {
    let until = noise.next() as usize % (stored.len() + 1);
    match noise.next() % 3 {
        0 => stored.fill(0),
        1 => stored[..until].fill(0xff),
        _ => stored.iter_mut().for_each(|byte| *byte |= noise.next() as u8),
    }
}

/// Numbers that look random, the same ones for the same seed: SplitMix64.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_one_operation_and_a_word_is_written_once() {
        let mut flash = Rp2350::new(2);
        flash.write(200, &[0; 100]).unwrap();
        assert_eq!(flash.operations(), 2, "the page ends at 256");
        assert_eq!(flash.write(299, &[0]), Err(SimError::NotBlank { offset: 299 }));
        flash.erase(0, 8192).unwrap();
        assert_eq!((flash.operations(), flash.erases()), (4, &[1, 1][..]));
        assert_eq!(
            Stm32H7::new(1).write(0, &[0; 16]),
            Err(SimError::Address(NorFlashErrorKind::NotAligned))
        );
        assert_eq!(
            flash.write(8190, &[0; 3]),
            Err(SimError::Address(NorFlashErrorKind::OutOfBounds))
        );
    }

    #[test]
    fn a_cut_stops_everything_at_its_operation() {
        for (cut, third) in [(Cut::Before, 0xff), (Cut::After, 0)] {
            let mut flash = Qspi::new(1);
            flash.cut_at(2, cut);
            assert_eq!(flash.write(0, &[0; 4]), Err(SimError::PowerCut));
            assert_eq!(flash.bytes()[..4], [0, 0, third, 0xff]);
            assert_eq!(flash.read(0, &mut [0]), Err(SimError::PowerCut));
            flash.power_on();
            assert_eq!(flash.read(0, &mut [0]), Ok(()));
        }
    }

    #[test]
    fn torn_bits_are_among_those_that_change() {
        let mut kinds = [0; 3];
        for seed in 0..100 {
            let mut flash = Rp2350::new(1);
            flash.cut_at(0, Cut::Partly(seed));
            flash.write(0, &[0x0f; 256]).unwrap_err();
            assert!(flash.bytes()[..256].iter().all(|byte| byte & 0x0f == 0x0f));
            assert!(flash.bytes()[256..].iter().all(|&byte| byte == 0xff));
            flash.power_on();
            flash.cut_at(0, Cut::Partly(seed));
            flash.erase(0, 4096).unwrap_err();
            let zeros = flash.bytes().iter().filter(|&&byte| byte == 0).count();
            kinds[(zeros == 4096) as usize] += 1;
        }
        assert!(kinds[0] > 20 && kinds[1] > 20, "{kinds:?}");
    }
}
