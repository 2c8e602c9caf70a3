//! Four rows of inputs, or of taps, as columns in a tier's order.

use core::arch::asm;

use super::super::super::WINDOWS;
use super::BYTES;

/// Four numbers of sixteen channels, in the tier's order.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(in super::super) struct Column([[i8; BYTES]; 4]);

impl Column {
    pub(in super::super) const ZERO: Self = Self::of(0);

    /// One of equal numbers, in any order.
    pub(in super::super) const fn of(number: i8) -> Self {
        Self([[number; BYTES]; 4])
    }
}

/// Columns under as many windows as there are at a time, at stride 2.
pub(in super::super) type Columns = [Column; 2 * WINDOWS + 1];

/// Writes columns, one after the other, of rows that have a vector at each of as many steps.
///
/// # Safety
/// The rows have them.
pub(in super::super) type Order =
    unsafe fn(rows: [*const i8; 4], steps: [usize; 4], columns: &mut [Column]);

/// A loop that loads a vector of each row and stores them with an instruction.
macro_rules! order {
    ($(#[$doc:meta])* $name:ident, $store:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As [`Order`].
        #[target_feature(enable = "neon")]
        pub(in super::super) unsafe fn $name(
            rows: [*const i8; 4],
            steps: [usize; 4],
            columns: &mut [Column],
        ) {
            let ([a, b, c, d], [i, j, k, l]) = (rows, steps);
            // SAFETY: the loop reads a vector of each row and writes a column as often as there are columns.
            unsafe {
                asm!(
                    "cbz {count}, 3f",
                    "2:",
                    "ld1 {{v0.16b}}, [{a}], {i}",
                    "ld1 {{v1.16b}}, [{b}], {j}",
                    "ld1 {{v2.16b}}, [{c}], {k}",
                    "ld1 {{v3.16b}}, [{d}], {l}",
                    "sub {count}, {count}, #1",
                    concat!($store, " {{v0.16b, v1.16b, v2.16b, v3.16b}}, [{columns}], #64"),
                    "cbnz {count}, 2b",
                    "3:",
                    a = inout(reg) a => _, b = inout(reg) b => _,
                    c = inout(reg) c => _, d = inout(reg) d => _,
                    i = in(reg) i, j = in(reg) j, k = in(reg) k, l = in(reg) l,
                    columns = inout(reg) columns.as_mut_ptr() => _,
                    count = inout(reg) columns.len() => _,
                    out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

order!(
    /// The four numbers of a channel together: vector `v` of a column holds those of channels `4 * v ..`.
    by_channel,
    "st4"
);
order!(
    /// The four rows one after the other.
    by_row,
    "st1"
);
