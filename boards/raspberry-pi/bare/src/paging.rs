//! The memory map as the processor reads it: an identity map of 4 GiB in four tables, with rights as narrow as pages and blocks allow.
//!
//! ```text
//! giga     4 x 1 GiB ──> low      512 x 2 MiB ──> pages   512 x 4 KiB: code, constants, data, stacks; guard pages are not there
//!             └───────> high      512 x 2 MiB     registers outside the first GiB
//! ```
//!
//! Code is not writable, nothing else can be executed, the RAM disk is not writable, registers are never cached, and address 0 is not
//! mapped. Switching it on is left to the program.

use core::ops::Range;

use crate::board::{Board, DISK_BYTES, DISK_START};

/// Bytes of a page.
pub const PAGE: usize = 4 << 10;
/// Bytes of a block.
pub const BLOCK: usize = 2 << 20;
const GIGA: usize = 1 << 30;

/// Attribute 0: registers, `Device-nGnRE`. Attribute 1: memory that is cached, written back, allocated on reads and writes.
pub const MEMORY_ATTRIBUTES: u64 = 0xFF04;

/// Addresses of 32 bits in pages of 4 KiB; tables are read through the caches, physical addresses have 36 bits.
pub const TRANSLATION_CONTROL: u64 =
    32 | 1 << 8 | 1 << 10 | 0b11 << 12 | NO_SECOND_TABLE | 0b001 << 32;
const NO_SECOND_TABLE: u64 = 1 << 23;

/// What is switched on: the map, the data cache, the check of the stack's alignment, the instruction cache, and that what can be written
/// cannot be executed, whatever a table says.
pub const SYSTEM_CONTROL: u64 = 1 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19;

/// A table, where the processor may look for it.
#[derive(Debug)]
#[repr(C, align(4096))]
struct Table([u64; 512]);

/// All tables of a map.
#[derive(Debug)]
#[repr(C)]
pub struct Tables {
    giga: Table,
    low: Table,
    high: Table,
    pages: Table,
}

/// What may be done with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    Execute,
    Read,
    Write,
    Registers,
}

/// Where the linker has put things; every edge a multiple of [`PAGE`], those of the zeros of [`BLOCK`].
#[derive(Clone, Debug)]
pub struct Layout {
    /// Code.
    pub text: Range<usize>,
    /// Constants.
    pub constants: Range<usize>,
    /// Variables and both stacks.
    pub data: [Range<usize>; 3],
    /// Variables that start as zeros, the networks' memory among them.
    pub zeros: Range<usize>,
}

impl Rights {
    /// The descriptor of `address`; `kind` is 0b11 for a page, 0b01 for a block.
    const fn descriptor(self, address: usize, kind: u64) -> u64 {
        const USED: u64 = 1 << 10;
        const INNER_SHAREABLE: u64 = 0b11 << 8;
        const READ_ONLY: u64 = 1 << 7;
        const CACHED: u64 = 1 << 2;
        const NEVER_PRIVILEGED: u64 = 1 << 53;
        const NEVER_USER: u64 = 1 << 54;
        let rights = match self {
            Self::Execute => CACHED | INNER_SHAREABLE | READ_ONLY,
            Self::Read => CACHED | INNER_SHAREABLE | READ_ONLY | NEVER_PRIVILEGED,
            Self::Write => CACHED | INNER_SHAREABLE | NEVER_PRIVILEGED,
            Self::Registers => NEVER_PRIVILEGED,
        };
        address as u64 | rights | NEVER_USER | USED | kind
    }
}

impl Tables {
    /// Tables that map nothing.
    pub const EMPTY: Self = Self {
        giga: Table([0; 512]),
        low: Table([0; 512]),
        high: Table([0; 512]),
        pages: Table([0; 512]),
    };

    /// Fills the tables, which lie at the address that the processor sees, so that they are its map of `board`.
    pub fn fill(&mut self, layout: &Layout, board: &Board) {
        *self = Self::EMPTY;
        let address = |table: &Table| core::ptr::from_ref(table).addr() as u64 | 0b11;
        let (low, high, pages) = (address(&self.low), address(&self.high), address(&self.pages));
        set(&mut self.giga, 0, low);
        set(&mut self.low, 0, pages);
        self.map_pages(&layout.text, Rights::Execute);
        self.map_pages(&layout.constants, Rights::Read);
        layout.data.iter().for_each(|range| self.map_pages(range, Rights::Write));
        self.map_blocks(&layout.zeros, Rights::Write, high);
        self.map_blocks(&(DISK_START..DISK_START + DISK_BYTES), Rights::Read, high);
        for [start, end] in board.registers {
            self.map_blocks(&(start..end), Rights::Registers, high);
        }
    }

    /// The address that the processor begins at.
    #[must_use]
    pub fn root(&self) -> u64 {
        core::ptr::from_ref(&self.giga).addr() as u64
    }

    fn map_pages(&mut self, range: &Range<usize>, rights: Rights) {
        for address in range.clone().step_by(PAGE) {
            set(&mut self.pages, address / PAGE, rights.descriptor(address, 0b11));
        }
    }

    /// A GiB other than the first gets the table `high`, of which there is one.
    fn map_blocks(&mut self, range: &Range<usize>, rights: Rights, high: u64) {
        for address in range.clone().step_by(BLOCK) {
            let table = if address < GIGA {
                &mut self.low
            } else {
                set(&mut self.giga, address / GIGA, high);
                &mut self.high
            };
            set(table, address % GIGA / BLOCK, rights.descriptor(address, 0b01));
        }
    }
}

fn set(table: &mut Table, index: usize, descriptor: u64) {
    if let Some(entry) = table.0.get_mut(index) {
        *entry = descriptor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{PI_3, PI_4};

    const LAYOUT: Layout = Layout {
        text: 0x8_0000..0xC_0000,
        constants: 0xC_0000..0xD_0000,
        data: [0xD_0000..0xE_0000, 0xE_1000..0x12_1000, 0x12_2000..0x12_6000],
        zeros: 0x20_0000..0xA0_0000,
    };

    fn tables(board: &Board) -> Box<Tables> {
        let mut tables = Box::new(Tables::EMPTY);
        tables.fill(&LAYOUT, board);
        tables
    }

    /// As the processor walks: address and rights, `None` where it would fault.
    fn walk(tables: &Tables, address: usize) -> Option<(usize, Rights)> {
        let follow = |entry: u64| {
            let at = |table: &Table| core::ptr::from_ref(table).addr() as u64;
            [&tables.low, &tables.high, &tables.pages]
                .into_iter()
                .find(|table| at(table) | 3 == entry)
        };
        let blocks = follow(tables.giga.0[address / GIGA])?;
        let mut entry = blocks.0[address % GIGA / BLOCK];
        let mut size = BLOCK;
        if let Some(pages) = follow(entry) {
            (entry, size) = (pages.0[address % BLOCK / PAGE], PAGE);
        }
        let kind = if size == BLOCK { 0b01 } else { 0b11 };
        if entry & 0b11 != kind {
            return None;
        }
        let base = (entry & 0xF_FFFF_F000) as usize;
        let all = [Rights::Execute, Rights::Read, Rights::Write, Rights::Registers];
        let rights = all.into_iter().find(|rights| rights.descriptor(base, kind) == entry)?;
        Some((base + address % size, rights))
    }

    #[test]
    fn every_address_is_itself_with_the_rights_of_its_part() {
        for (board, registers) in [(&PI_3, 0x3F20_0028), (&PI_4, 0xFE20_0028)] {
            let tables = tables(board);
            for (address, rights) in [
                (0x8_0000, Rights::Execute),
                (0xB_FFFF, Rights::Execute),
                (0xC_0000, Rights::Read),
                (0xD_0008, Rights::Write),
                (0x12_0FFF, Rights::Write),
                (0x12_2000, Rights::Write),
                (0x20_0000, Rights::Write),
                (0x9F_FFFF, Rights::Write),
                (DISK_START, Rights::Read),
                (DISK_START + DISK_BYTES - 1, Rights::Read),
                (registers, Rights::Registers),
            ] {
                assert_eq!(walk(&tables, address), Some((address, rights)), "{address:x}");
            }
        }
        assert_eq!(walk(&tables(&PI_3), 0x4000_0040), Some((0x4000_0040, Rights::Registers)));
        assert_eq!(walk(&tables(&PI_4), 0xFF84_2000), Some((0xFF84_2000, Rights::Registers)));
    }

    #[test]
    fn guard_pages_address_zero_and_all_else_fault() {
        let missing = [0, 0x7_FFFF, 0xE_0000, 0xE_0FFF, 0x12_1000, 0x12_6000, 0xA0_0000];
        for address in
            missing.into_iter().chain([DISK_START - 1, DISK_START + DISK_BYTES, GIGA * 2])
        {
            assert_eq!(walk(&tables(&PI_3), address), None, "{address:x}");
            assert_eq!(walk(&tables(&PI_4), address), None, "{address:x}");
        }
        assert_eq!(walk(&tables(&PI_3), 0xFE20_0000), None);
        assert_eq!(walk(&tables(&PI_4), 0x3F20_0000), None);
    }

    #[test]
    fn nothing_is_both_written_and_executed() {
        let writable = |descriptor: u64| descriptor & 1 << 7 == 0;
        let executable = |descriptor: u64| descriptor & 1 << 53 == 0;
        for rights in [Rights::Execute, Rights::Read, Rights::Write, Rights::Registers] {
            let descriptor = rights.descriptor(0, 0b11);
            assert!(!(writable(descriptor) && executable(descriptor)), "{rights:?}");
            assert_ne!(descriptor & 1 << 54, 0, "no program of a user");
        }
    }
}
