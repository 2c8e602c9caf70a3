//! The first 128 bytes: header and plan.
//!
//! ```text
//!   0         4       6       8           12            16                              32
//!  | "AFM\0" |version|   0   | total u32 | CRC-32 u32  | model id, 16 bytes             |
//!  32               40               48               56               64
//!  | tensors        | ops            | constants      | metadata       |   offset u32, length u32 each
//!  64         68       70       72                                    128
//!  | arena u32| input  | output |signature| reserved, zero             |   the plan; signature: offset u32 at 72
//! ```
//!
//! The checksum is the CRC-32 of IEEE 802.3 over all bytes from 16 to the end. Sections lie in the order of the table,
//! each at a multiple of 64; bytes between them are zero. A signature block, if the plan states the offset of one, is the
//! last section. The records themselves are left to their modules.

use crate::error::{FormatError, Section};
use crate::id::ModelId;
use crate::record::{bytes_at, nonzero_in, to_usize, u16_at, u32_at};
use crate::signature::{self, BLOCK};
use crate::tensor::TensorIndex;
use crate::{FORMAT_VERSION, SECTION_ALIGN};

/// Bytes of header and plan together.
pub(crate) const HEADER: usize = 128;

/// The first four bytes of a model file.
pub(crate) const MAGIC: [u8; 4] = *b"AFM\0";

pub(crate) mod field {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = 4;
    pub(crate) const RESERVED: usize = 6;
    pub(crate) const TOTAL: usize = 8;
    pub(crate) const CHECKSUM: usize = 12;
    pub(crate) const ID: usize = 16;
    pub(crate) const TENSORS: usize = 32;
    pub(crate) const OPS: usize = 40;
    pub(crate) const CONSTANTS: usize = 48;
    pub(crate) const METADATA: usize = 56;
    pub(crate) const ARENA: usize = 64;
    pub(crate) const INPUT: usize = 68;
    pub(crate) const OUTPUT: usize = 70;
    pub(crate) const SIGNATURE: usize = 72;
    pub(crate) const PLAN_RESERVED: usize = 76;
}

/// A section: its bytes, and where they start in the file.
#[derive(Clone, Copy)]
pub(crate) struct SectionBytes<'a> {
    pub(crate) offset: usize,
    pub(crate) bytes: &'a [u8],
}

/// Header and plan with the sections that they point to.
pub(crate) struct Header<'a> {
    pub(crate) id: ModelId,
    pub(crate) arena_bytes: u32,
    pub(crate) input: TensorIndex,
    pub(crate) output: TensorIndex,
    pub(crate) tensors: SectionBytes<'a>,
    pub(crate) ops: SectionBytes<'a>,
    pub(crate) constants: SectionBytes<'a>,
    pub(crate) metadata: SectionBytes<'a>,
    pub(crate) signature: Option<&'a [u8; BLOCK]>,
}

impl<'a> Header<'a> {
    /// Reads header and plan, and cuts the sections apart.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let header = header(bytes)?;
        for (from, to) in [(field::RESERVED, field::TOTAL), (field::PLAN_RESERVED, HEADER)] {
            if let Some(offset) = nonzero_in(header, from, to) {
                return Err(FormatError::ReservedNotZero { offset });
            }
        }
        let mut sections =
            Sections { bytes, total: u32_at::<{ field::TOTAL }, _>(header), end: HEADER };
        let header = Self {
            id: ModelId(bytes_at::<{ field::ID }, 16, _>(header)),
            arena_bytes: u32_at::<{ field::ARENA }, _>(header),
            input: TensorIndex(u16_at::<{ field::INPUT }, _>(header)),
            output: TensorIndex(u16_at::<{ field::OUTPUT }, _>(header)),
            tensors: sections
                .next::<{ field::TENSORS }, { field::TENSORS + 4 }>(Section::Tensors, header)?,
            ops: sections.next::<{ field::OPS }, { field::OPS + 4 }>(Section::Ops, header)?,
            constants: sections.next::<{ field::CONSTANTS }, { field::CONSTANTS + 4 }>(
                Section::Constants,
                header,
            )?,
            metadata: sections
                .next::<{ field::METADATA }, { field::METADATA + 4 }>(Section::Metadata, header)?,
            signature: sections.signature(u32_at::<{ field::SIGNATURE }, _>(header))?,
        };
        sections.check_gap(bytes.len())?;
        Ok(header)
    }
}

fn header(bytes: &[u8]) -> Result<&[u8; HEADER], FormatError> {
    bytes.first_chunk().ok_or(FormatError::TooShort { needed: HEADER, found: bytes.len() })
}

/// Checks that this is a whole, undamaged file of this version: size, address, magic, version, length and checksum, in this
/// order, since each makes the next meaningful.
pub(crate) fn check_file(bytes: &[u8]) -> Result<(), FormatError> {
    let header = header(bytes)?;
    let past = bytes.as_ptr().addr() & 3;
    if past != 0 {
        return Err(FormatError::FileMisaligned { past });
    }
    let magic = bytes_at::<{ field::MAGIC }, 4, _>(header);
    if magic != MAGIC {
        return Err(FormatError::Magic { found: magic });
    }
    let version = u16_at::<{ field::VERSION }, _>(header);
    if version != FORMAT_VERSION {
        return Err(FormatError::Version { found: version, supported: FORMAT_VERSION });
    }
    let total = u32_at::<{ field::TOTAL }, _>(header);
    if u32::try_from(bytes.len()) != Ok(total) {
        return Err(FormatError::FileLength { stated: total, found: bytes.len() });
    }
    let (stated, computed) = (u32_at::<{ field::CHECKSUM }, _>(header), checksum(bytes));
    if stated != computed {
        return Err(FormatError::Checksum { stated, computed });
    }
    Ok(())
}

/// CRC-32 of everything after the checksum field.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes.get(field::ID..).unwrap_or_default())
}

/// Walks the sections in the order of the table.
struct Sections<'a> {
    bytes: &'a [u8],
    total: u32,
    /// Where the last section ended.
    end: usize,
}

impl<'a> Sections<'a> {
    fn next<const OFFSET: usize, const LEN: usize>(
        &mut self,
        section: Section,
        header: &[u8; HEADER],
    ) -> Result<SectionBytes<'a>, FormatError> {
        let (offset, len) = (u32_at::<OFFSET, _>(header), u32_at::<LEN, _>(header));
        let start = self.start(section, offset)?;
        let outside = FormatError::SectionOutside { section, offset, len, total: self.total };
        let end = start.checked_add(to_usize(len)).ok_or(outside)?;
        let bytes = self.bytes.get(start..end).ok_or(outside)?;
        self.check_gap(start)?;
        self.end = end;
        Ok(SectionBytes { offset: start, bytes })
    }

    /// The signature block, which ends the file; none at offset 0.
    fn signature(&mut self, offset: u32) -> Result<Option<&'a [u8; BLOCK]>, FormatError> {
        if offset == 0 {
            return Ok(None);
        }
        let start = self.start(Section::Signature, offset)?;
        let block = self
            .bytes
            .last_chunk()
            .filter(|_| start.checked_add(BLOCK) == Some(self.bytes.len()))
            .ok_or(FormatError::SignatureNotLast { offset, total: self.total })?;
        self.check_gap(start)?;
        self.end = self.bytes.len();
        signature::check(block, start)?;
        Ok(Some(block))
    }

    /// Where a section starts: at a multiple of 64, after its predecessor.
    fn start(&self, section: Section, offset: u32) -> Result<usize, FormatError> {
        let start = to_usize(offset);
        if start < self.end {
            let previous_end = u32::try_from(self.end).unwrap_or(u32::MAX);
            return Err(FormatError::SectionOverlap { section, offset, previous_end });
        }
        if !offset.is_multiple_of(SECTION_ALIGN) {
            return Err(FormatError::SectionMisaligned { section, offset });
        }
        Ok(start)
    }

    /// Bytes between the last section and `to` must be zero.
    fn check_gap(&self, to: usize) -> Result<(), FormatError> {
        match nonzero_in(self.bytes, self.end, to) {
            Some(offset) => Err(FormatError::ReservedNotZero { offset }),
            None => Ok(()),
        }
    }
}
