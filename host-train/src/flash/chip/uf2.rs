//! UF2, the files that boot ROMs take as a drive: blocks of 512 bytes, each with an address, so that they may arrive in any order.
//!
//! ```text
//!  0       4       8       12        16    20      24       28       32           508
//!  | magic | magic | flags | address | 256 | number | blocks | family | data, zeros | magic
//! ```

use super::Run;

const BLOCK: usize = 512;
const PAGE: usize = 256;
const MAGIC: [u32; 3] = [0x0a32_4655, 0x9e5d_5157, 0x0ab1_6f30];
/// The family is that of a chip, and not the length of a file.
const HAS_FAMILY: u32 = 0x2000;
/// Not for the flash.
const NOT_MAIN: u32 = 1;

/// Why a file is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Uf2Error {
    /// Not a number of whole blocks, or one that is none.
    #[error("block {block} of the UF2 file is none")]
    Block {
        /// Which.
        block: usize,
    },
    /// For another chip.
    #[error("block {block} of the UF2 file is for family {found:08x}, the board is {family:08x}")]
    Family {
        /// Which block.
        block: usize,
        /// Whose it is.
        found: u32,
        /// The board's.
        family: u32,
    },
}

/// The file of these runs, each from a multiple of the sector on. Sectors are filled up: a boot ROM erases them one by one.
pub(super) fn encode(runs: &[Run], family: u32, sector: u32) -> Vec<u8> {
    let mut pages = Vec::new();
    for Run { address, bytes } in runs {
        let whole = bytes.len().next_multiple_of(sector.max(1) as usize);
        for at in (0..whole).step_by(PAGE) {
            let mut page = [0xff; PAGE];
            let rest = bytes.get(at..).unwrap_or_default();
            page.iter_mut().zip(rest).for_each(|(to, &from)| *to = from);
            pages.push((address + at as u32, page));
        }
    }
    let count = pages.len() as u32;
    let block = |(number, (address, page)): (usize, &(u32, [u8; PAGE]))| {
        let mut block = Vec::with_capacity(BLOCK);
        let head =
            [MAGIC[0], MAGIC[1], HAS_FAMILY, *address, PAGE as u32, number as u32, count, family];
        block.extend(head.into_iter().flat_map(u32::to_le_bytes));
        block.extend(page);
        block.resize(BLOCK - 4, 0);
        block.extend(MAGIC[2].to_le_bytes());
        block
    };
    pages.iter().enumerate().flat_map(block).collect()
}

/// Whether a file is meant to be one.
pub(super) fn is(file: &[u8]) -> bool {
    file.starts_with(&MAGIC[0].to_le_bytes())
}

/// What a file writes to the flash, block by block.
pub(super) fn runs(file: &[u8], family: u32) -> Result<Vec<Run>, Uf2Error> {
    let mut runs = Vec::new();
    for (number, block) in file.chunks(BLOCK).enumerate() {
        let none = Uf2Error::Block { block: number };
        let word = |at: usize| {
            let bytes = block.get(at..).and_then(|rest| rest.first_chunk());
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let [first, second, flags, address, bytes, _, _, found] =
            core::array::from_fn(|field| word(4 * field));
        if block.len() != BLOCK || [first, second, word(BLOCK - 4)] != MAGIC {
            return Err(none);
        }
        if flags & NOT_MAIN != 0 {
            continue;
        }
        if flags & HAS_FAMILY != 0 && found != family {
            return Err(Uf2Error::Family { block: number, found, family });
        }
        let data = block.get(32..BLOCK - 4).and_then(|data| data.get(..bytes as usize));
        runs.push(Run { address, bytes: data.ok_or(none)?.to_vec() });
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FAMILY: u32 = 0xe48b_ff59;

    #[test]
    fn blocks_are_as_drawn_and_come_back() {
        let bytes: Vec<u8> = (0..700).map(|at| at as u8).collect();
        let file = encode(&[Run { address: 0x1000_0000, bytes: bytes.clone() }], FAMILY, 512);
        assert_eq!(file.len(), 4 * 512, "two sectors of two pages");
        assert_eq!(file[..12], *b"UF2\n\x57\x51\x5d\x9e\x00\x20\x00\x00");
        assert_eq!(
            file[512 + 12..512 + 32],
            [0, 1, 0, 0x10, 0, 1, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0x59, 0xff, 0x8b, 0xe4]
        );
        assert_eq!(file[1020..1024], [0x30, 0x6f, 0xb1, 0x0a]);
        let back = runs(&file, FAMILY).unwrap();
        assert_eq!(
            back.iter().map(|run| run.address).collect::<Vec<_>>(),
            [0x1000_0000, 0x1000_0100, 0x1000_0200, 0x1000_0300]
        );
        let back: Vec<u8> = back.into_iter().flat_map(|run| run.bytes).collect();
        assert_eq!((&back[..700], &back[700..]), (&bytes[..], &[0xff; 324][..]));
    }

    #[test]
    fn rejects_files_that_are_cut_and_of_other_chips() {
        let file = encode(&[Run { address: 0x1000_0000, bytes: vec![1; 600] }], FAMILY, 256);
        assert_eq!(runs(&file[..1000], FAMILY), Err(Uf2Error::Block { block: 1 }));
        let mut damaged = file.clone();
        damaged[1024 + 511] ^= 1;
        assert_eq!(runs(&damaged, FAMILY), Err(Uf2Error::Block { block: 2 }));
        damaged = file.clone();
        damaged[17] = 2;
        assert_eq!(runs(&damaged, FAMILY), Err(Uf2Error::Block { block: 0 }), "512 bytes of data");
        let other = Uf2Error::Family { block: 0, found: FAMILY, family: 5 };
        assert_eq!(runs(&file, 5), Err(other));
        assert!(is(&file) && !is(b"\x7fELF"));
    }
}
