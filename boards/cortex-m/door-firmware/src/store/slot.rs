//! A record's place in flash: a fixed number of bytes, written by one call and read back.
//!
//! ```text
//!  0         4      6      8               8 + len              SLOT
//!  | CRC-32  | kind | len  | payload       | zero               |      CRC-32 of IEEE 802.3 over all bytes from 4 on
//! ```
//!
//! Power that fails while it is programmed leaves a slot that is blank, damaged or whole, and damage to one slot moves no other. A
//! `kind` belongs to one store, so that no store takes another's record for its own.

use embedded_storage::nor_flash::NorFlash;

use super::bytes::{Reader, Writer};
use super::flash::{FlashError, GRAIN, Region};

/// Bytes before the payload.
pub(crate) const HEAD: usize = 8;

/// Whose record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) [u8; 2]);

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// Nothing was programmed since the erase.
    Blank,
    /// Something that is no whole record of this kind.
    Damaged,
    /// The payload of one.
    Whole(&'a [u8]),
}

/// The bytes of one slot in memory.
#[derive(Debug)]
pub(crate) struct Slot<const SLOT: usize>([u8; SLOT]);

impl<const SLOT: usize> Slot<SLOT> {
    pub(crate) const EMPTY: Self = Self([0; SLOT]);
    /// The most bytes of a payload.
    pub(crate) const CAPACITY: usize = SLOT - HEAD;

    /// How many fit in a sector.
    pub(crate) fn per_sector(sector: u32) -> Result<u32, FlashError> {
        let fits = SLOT > HEAD && SLOT.is_multiple_of(GRAIN as usize);
        match sector.checked_div(SLOT as u32) {
            Some(slots) if fits && slots > 0 && SLOT <= usize::from(u16::MAX) => Ok(slots),
            _ => Err(FlashError::Record { bytes: SLOT, sector }),
        }
    }

    /// A record of `payload`; `None` if it is too long.
    pub(crate) fn seal(kind: Kind, payload: &[u8]) -> Option<Self> {
        let mut slot = Self::EMPTY;
        let len = u16::try_from(payload.len()).ok()?;
        Writer::new(slot.0.get_mut(4..)?)
            .put(&kind.0)
            .put(&len.to_le_bytes())
            .put(payload)
            .finish()?;
        let checksum = crc32fast::hash(slot.0.get(4..)?);
        slot.0.first_chunk_mut().map(|at: &mut [u8; 4]| *at = checksum.to_le_bytes())?;
        Some(slot)
    }

    /// What it holds.
    pub(crate) fn open(&self, kind: Kind) -> Content<'_> {
        if self.0.iter().all(|&byte| byte == 0xff) {
            return Content::Blank;
        }
        self.payload(kind).map_or(Content::Damaged, Content::Whole)
    }

    fn payload(&self, kind: Kind) -> Option<&[u8]> {
        let mut fields = Reader(&self.0);
        let checksum = fields.u32()?;
        if crc32fast::hash(fields.0) != checksum || fields.array()? != kind.0 {
            return None;
        }
        let len = fields.u16()?;
        fields.slice(len.into())
    }

    pub(crate) fn read<F: NorFlash>(
        &mut self,
        region: &mut Region<F>,
        at: u32,
    ) -> Result<(), FlashError> {
        region.read(at, &mut self.0)
    }

    pub(crate) fn program<F: NorFlash>(
        &self,
        region: &mut Region<F>,
        at: u32,
    ) -> Result<(), FlashError> {
        region.program_blank(at, &self.0)
    }

    /// Leaves nothing of a template or name in memory.
    pub(crate) fn clear(&mut self) {
        self.0 = [0; SLOT];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: Kind = Kind(*b"ab");

    #[test]
    fn bytes_are_as_drawn() {
        let slot = Slot::<64>::seal(KIND, b"123456789").unwrap();
        assert_eq!(slot.0[4..18], *b"ab\x09\x00123456789\x00");
        let mut whole = std::vec![b'a', b'b', 9, 0];
        whole.extend_from_slice(b"123456789");
        whole.resize(60, 0);
        assert_eq!(slot.0[..4], crc32fast::hash(&whole).to_le_bytes());
        assert_eq!(slot.open(KIND), Content::Whole(b"123456789"));
    }

    #[test]
    fn another_kind_and_a_payload_too_long_are_no_record() {
        let slot = Slot::<64>::seal(KIND, &[7; 56]).unwrap();
        assert_eq!(slot.open(Kind(*b"ba")), Content::Damaged);
        assert!(Slot::<64>::seal(KIND, &[7; 57]).is_none());
        assert_eq!(Slot::<64>([0xff; 64]).open(KIND), Content::Blank);
        assert_eq!(Slot::<64>([0; 64]).open(KIND), Content::Damaged);
    }

    #[test]
    fn rejects_sizes_that_do_not_fit() {
        assert_eq!(Slot::<64>::per_sector(4096), Ok(64));
        assert_eq!(
            Slot::<96>::per_sector(4096),
            Err(FlashError::Record { bytes: 96, sector: 4096 })
        );
        assert_eq!(
            Slot::<8192>::per_sector(4096),
            Err(FlashError::Record { bytes: 8192, sector: 4096 })
        );
    }

    proptest! {
        #[test]
        fn up_to_three_flipped_bits_are_seen(flips in prop::collection::hash_set(0_usize..64 * 8, 1..=3)) {
            let mut slot = Slot::<64>::seal(KIND, b"a template").unwrap();
            for bit in flips {
                slot.0[bit / 8] ^= 1 << (bit % 8);
            }
            prop_assert_eq!(slot.open(KIND), Content::Damaged);
        }
    }
}
