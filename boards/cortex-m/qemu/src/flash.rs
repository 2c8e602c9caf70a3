//! Flash, which these boards have none of that a program can write: a part of the large memory, which a reset leaves as it is.
//!
//! ```text
//! 0        2          6            10         330        650      652      sectors of 4 KiB
//! | people | log, kept | log, routine | model A  | model B  | state |
//! ```

use core::ops::Range;

use door_firmware::store::audit::{self, Rate};
use door_firmware::store::memory::{MemoryFlash, SECTOR};
use door_firmware::store::model;
use door_firmware::store::storage::Layout;

use crate::files::{FileError, Store};

/// Sectors of the whole.
const SECTORS: u32 = 652;

/// Where everything lies.
pub fn layout() -> Layout {
    Layout {
        gallery: sectors(0..2),
        audit: audit::Layout {
            kept: sectors(2..6),
            routine: sectors(6..10),
            rate: Rate { burst: 60, each_ms: 30_000 },
        },
        models: model::Layout {
            a: sectors(10..330),
            b: sectors(330..650),
            state: sectors(650..SECTORS),
        },
    }
}

/// The chip, blank if power just came. To be opened before anything else is put into `store`, so that it lies where it lay before a reset.
///
/// # Errors
/// [`FileError::Memory`].
pub fn open(store: &Store, power_came: bool) -> Result<MemoryFlash<'static>, FileError> {
    let memory = store.take(SECTORS as usize * SECTOR)?;
    Ok(if power_came { MemoryFlash::blank(memory) } else { MemoryFlash::new(memory) })
}

fn sectors(range: Range<u32>) -> Range<u32> {
    range.start * SECTOR as u32..range.end * SECTOR as u32
}
