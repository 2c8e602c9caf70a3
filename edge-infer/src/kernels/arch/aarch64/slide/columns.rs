//! Three rows of inputs, or of taps, as columns in a tier's order.

use core::arch::asm;

use super::{BYTES, PIXELS};

/// Three numbers of sixteen channels, in the tier's order.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(in super::super) struct Column([[i8; BYTES]; 4]);

impl Column {
    pub(in super::super) const ZERO: Self = Self([[0; BYTES]; 4]);
}

/// Columns under as many windows as there are sums, at stride 2.
pub(in super::super) type Columns = [Column; 2 * PIXELS + 1];

/// Writes columns, one after the other, of rows that have a vector at each of as many steps.
///
/// # Safety
/// The rows have them.
pub(in super::super) type Order =
    unsafe fn(rows: [*const i8; 3], steps: [usize; 3], columns: &mut [Column]);

/// The three numbers of a channel and a zero together: vector `v` of a column holds those of channels `4 * v ..`.
///
/// # Safety
/// As [`Order`].
#[target_feature(enable = "neon")]
pub(in super::super) unsafe fn by_channel(
    rows: [*const i8; 3],
    steps: [usize; 3],
    columns: &mut [Column],
) {
    let ([a, b, c], [i, j, k]) = (rows, steps);
    // SAFETY: the loop reads a vector of each row and writes a column as often as there are columns.
    unsafe {
        asm!(
            "cbz {count}, 3f",
            "movi v3.16b, #0",
            "2:",
            "ld1 {{v0.16b}}, [{a}], {i}",
            "ld1 {{v2.16b}}, [{c}], {k}",
            "ld1 {{v1.16b}}, [{b}], {j}",
            "zip1 v4.16b, v0.16b, v2.16b",
            "zip2 v6.16b, v0.16b, v2.16b",
            "zip1 v5.16b, v1.16b, v3.16b",
            "zip2 v7.16b, v1.16b, v3.16b",
            "sub {count}, {count}, #1",
            "zip1 v16.16b, v4.16b, v5.16b",
            "zip2 v17.16b, v4.16b, v5.16b",
            "zip1 v18.16b, v6.16b, v7.16b",
            "zip2 v19.16b, v6.16b, v7.16b",
            "st1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{columns}], #64",
            "cbnz {count}, 2b",
            "3:",
            a = inout(reg) a => _, b = inout(reg) b => _, c = inout(reg) c => _,
            i = in(reg) i, j = in(reg) j, k = in(reg) k,
            columns = inout(reg) columns.as_mut_ptr() => _,
            count = inout(reg) columns.len() => _,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _,
            out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            options(nostack, preserves_flags),
        );
    }
}

/// The three rows one after the other, and then any bytes.
///
/// # Safety
/// As [`Order`].
#[target_feature(enable = "neon")]
pub(in super::super) unsafe fn by_row(
    rows: [*const i8; 3],
    steps: [usize; 3],
    columns: &mut [Column],
) {
    let ([a, b, c], [i, j, k]) = (rows, steps);
    // SAFETY: the loop reads a vector of each row and writes three of a column as often as there are columns.
    unsafe {
        asm!(
            "cbz {count}, 3f",
            "2:",
            "ld1 {{v0.16b}}, [{a}], {i}",
            "ld1 {{v1.16b}}, [{b}], {j}",
            "ld1 {{v2.16b}}, [{c}], {k}",
            "sub {count}, {count}, #1",
            "st1 {{v0.16b, v1.16b, v2.16b}}, [{columns}], {column}",
            "cbnz {count}, 2b",
            "3:",
            a = inout(reg) a => _, b = inout(reg) b => _, c = inout(reg) c => _,
            i = in(reg) i, j = in(reg) j, k = in(reg) k,
            columns = inout(reg) columns.as_mut_ptr() => _,
            column = in(reg) size_of::<Column>(),
            count = inout(reg) columns.len() => _,
            out("v0") _, out("v1") _, out("v2") _,
            options(nostack, preserves_flags),
        );
    }
}
