//! Memory as the linker script and the board's table divide it: the map is switched on here, and what Rust does not know of itself is lent
//! out, what is written once alone.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use door_firmware::rehearsal::Room;
use door_pi::board::{Board, DISK_BYTES, DISK_START};
use door_pi::paging::{Layout, MEMORY_ATTRIBUTES, SYSTEM_CONTROL, TRANSLATION_CONTROL, Tables};

/// Bytes of the networks' arena: both of the shipped kind need less than 1 MiB.
pub(crate) const ARENA: usize = 4 << 20;

// Addresses alone.
unsafe extern "C" {
    safe static text_start: u8;
    safe static text_end: u8;
    safe static rodata_end: u8;
    safe static data_end: u8;
    safe static stack_bottom: u8;
    safe static stack_top: u8;
    safe static exception_stack_bottom: u8;
    safe static exception_stack_top: u8;
    safe static zero_start: u8;
    safe static zero_blocks_end: u8;
}

/// A value that somebody may have to themselves, once.
struct Once<T> {
    value: UnsafeCell<T>,
    taken: AtomicBool,
}

// SAFETY: `take` gives the value to one caller, and nothing else reaches it.
unsafe impl<T: Send> Sync for Once<T> {}

impl<T> Once<T> {
    const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value), taken: AtomicBool::new(false) }
    }

    /// The value; `None` for all but the first who ask.
    #[expect(clippy::mut_from_ref, reason = "one caller gets it")]
    fn take(&'static self) -> Option<&'static mut T> {
        // Not by one exchange, which a core can't do before its caches are on; there is one core, and no interrupt asks.
        if self.taken.load(Ordering::Relaxed) {
            return None;
        }
        self.taken.store(true, Ordering::Relaxed);
        // SAFETY: the flag was not set, so this is the only reference there will ever be.
        Some(unsafe { &mut *self.value.get() })
    }
}

static TABLES: Once<Tables> = Once::new(Tables::EMPTY);
static ROOM: Once<Room<ARENA>> = Once::new(Room::new());

/// Switches the map of `board` and the caches on, once.
pub(super) fn map(board: &'static Board) {
    let Some(tables) = TABLES.take() else { return };
    let edge = |edge: &'static u8| core::ptr::from_ref(edge).addr();
    let layout = Layout {
        text: edge(&text_start)..edge(&text_end),
        constants: edge(&text_end)..edge(&rodata_end),
        data: [
            edge(&rodata_end)..edge(&data_end),
            edge(&stack_bottom)..edge(&stack_top),
            edge(&exception_stack_bottom)..edge(&exception_stack_top),
        ],
        zeros: edge(&zero_start)..edge(&zero_blocks_end),
    };
    tables.fill(&layout, board);
    // SAFETY: an identity map of all that the program uses, so code and data stay where they are; the tables are in memory before the
    // processor walks them, as they were written past caches that hold nothing since the reset; and no older translation is left.
    unsafe {
        asm!(
            "msr mair_el1, {attributes}",
            "msr tcr_el1, {control}",
            "msr ttbr0_el1, {root}",
            "dsb sy",
            "tlbi vmalle1",
            "ic iallu",
            "dsb sy",
            "isb",
            "mrs {system}, sctlr_el1",
            "orr {system}, {system}, {on}",
            "msr sctlr_el1, {system}",
            "isb",
            attributes = in(reg) MEMORY_ATTRIBUTES,
            control = in(reg) TRANSLATION_CONTROL,
            root = in(reg) tables.root(),
            on = in(reg) SYSTEM_CONTROL,
            system = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// The RAM disk: all bytes that are mapped for it, whatever was loaded there.
pub(crate) fn disk() -> &'static [u8] {
    // SAFETY: memory of the board that the linker script leaves free, mapped to be read, and written by nobody after the start.
    unsafe {
        core::slice::from_raw_parts(core::ptr::with_exposed_provenance(DISK_START), DISK_BYTES)
    }
}

/// The memory of networks and people, once.
pub(crate) fn room() -> Option<&'static mut Room<ARENA>> {
    ROOM.take()
}
