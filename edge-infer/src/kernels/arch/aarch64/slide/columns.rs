//! Four rows of inputs, or of taps, as columns in a tier's order.

use super::super::super::WINDOWS;
use super::super::interleave::{Four, Interleave};
use super::BYTES;

/// Four numbers of sixteen channels, in the tier's order.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(in super::super) struct Column(Four);

/// Columns under as many windows as there are at a time, at stride 2.
pub(in super::super) type Columns = [Column; 2 * WINDOWS + 1];

impl Column {
    pub(in super::super) const ZERO: Self = Self::of(0);

    /// One of equal numbers, in any order.
    pub(in super::super) const fn of(number: i8) -> Self {
        Self([[number; BYTES]; 4])
    }

    /// Writes columns, one after the other.
    ///
    /// # Safety
    /// The rows have a vector at each of as many steps.
    #[inline(always)]
    pub(in super::super) unsafe fn fill(
        columns: &mut [Self],
        order: Interleave,
        rows: ([*const i8; 4], [usize; 4]),
    ) {
        let to = (columns.as_mut_ptr().cast(), size_of::<Self>());
        // SAFETY: the caller has the rows have them, and there is room for four vectors in each column.
        unsafe { order(rows, to, columns.len()) }
    }
}
