//! Tensors that are never whole: ops that run together, slice by slice, and the few rows that pass between them.
//!
//! Ops whose output the next ones read a few rows at a time make one step, a *stream*. It runs in slices: in each, every
//! op in turn makes some more rows of its output, from rows that are there. The output of all but the last op is a *band*,
//! which holds its newest rows and gives up the oldest for them; the last output is whole, as is all that comes from
//! outside. Each row is made once.
//!
//! ```text
//! slice 1   expand, 28 rows      depthwise 3x3, 28 rows     project, 28 rows
//!           |0|1|2|              |0|1|                      |0|1|
//! slice 2       |1|2|3|4|            |2|3|                  |0|1|2|3|
//!           4 rows held          2 rows held                whole
//!           lead 3, pace 2       lead 2, pace 2             lead 2, pace 2
//! ```
//!
//! In the file these are the last fields of a tensor record; all zero means a whole tensor, made at once:
//!
//! ```text
//! 20      22      24      26      28
//! | held  | lead  | pace  | every | reserved, zero
//! ```

use core::ops::Range;

use crate::record::u16_at;
use crate::tensor::{TENSOR_RECORD, field};

/// The most slices of a stream.
pub const MAX_SLICES: u16 = 1024;

/// When the rows of a tensor are made, and how many are held. After slice `k`, counted from 0, there are
/// `(lead + k * pace) / every` rows, rounded down, or all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows that a band holds, the newest; 0 of a whole tensor.
    pub held: u16,
    /// `every` times the rows of the first slice.
    pub lead: u16,
    /// Rows that `every` further slices make; 0 where one slice makes all.
    pub pace: u16,
    /// Slices in which `pace` rows are made; 0 where one slice makes all.
    pub every: u16,
}

impl Rows {
    /// A whole tensor, made at once.
    pub const ALL: Self = Self { held: 0, lead: 0, pace: 0, every: 0 };

    /// Whether the tensor is a band, and so never whole.
    #[must_use]
    pub const fn is_band(&self) -> bool {
        self.held > 0
    }

    /// How many of `height` rows there are after slice `slice`, those included that a band has given up.
    #[must_use]
    pub fn made(&self, height: u16, slice: u16) -> u16 {
        let Self { lead, pace, every, .. } = *self;
        // Below 2^32: the largest product is (2^16 - 1)^2.
        let rows = u32::from(slice).saturating_mul(pace.into()).saturating_add(lead.into());
        let rows = rows.checked_div(every.into());
        rows.and_then(|rows| u16::try_from(rows).ok()).map_or(height, |rows| rows.min(height))
    }

    /// The rows that slice `slice` makes of `height`; often none.
    #[must_use]
    pub fn of_slice(&self, height: u16, slice: u16) -> Range<u16> {
        let before = slice.checked_sub(1).map_or(0, |slice| self.made(height, slice));
        before..self.made(height, slice)
    }

    /// The rows of `height` that can be read in slice `slice`, from when they are made there: a band's newest, all of a
    /// whole tensor.
    #[must_use]
    pub fn in_arena(&self, height: u16, slice: u16) -> Range<u16> {
        if !self.is_band() {
            return 0..height;
        }
        let made = self.made(height, slice);
        made.saturating_sub(self.held)..made
    }

    /// The slices that make all of `height` rows.
    #[must_use]
    pub fn slices(&self, height: u16) -> u32 {
        let Self { lead, pace, every, .. } = *self;
        let all = u32::from(height).saturating_mul(every.into());
        let later = all.saturating_sub(lead.into());
        match pace {
            0 => 1,
            pace => later.div_ceil(pace.into()).saturating_add(1),
        }
    }

    /// Whether the four numbers make sense for a tensor of `height` rows: none but a band's slice makes more rows than it
    /// holds.
    pub(crate) fn fit(&self, height: u16) -> bool {
        let Self { held, lead, pace, every } = *self;
        if pace == 0 || every == 0 {
            return *self == Self::ALL;
        }
        let first = lead.checked_div(every).unwrap_or(u16::MAX);
        let later = pace.div_ceil(every);
        held <= height && (!self.is_band() || held >= first.max(later).min(height))
    }

    pub(crate) fn decode(record: &[u8; TENSOR_RECORD]) -> Self {
        Self {
            held: u16_at::<{ field::HELD }, _>(record),
            lead: u16_at::<{ field::LEAD }, _>(record),
            pace: u16_at::<{ field::PACE }, _>(record),
            every: u16_at::<{ field::EVERY }, _>(record),
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn encode(&self, record: &mut [u8; TENSOR_RECORD]) {
        use crate::record::put;
        put::<{ field::HELD }, _, _>(record, self.held.to_le_bytes());
        put::<{ field::LEAD }, _, _>(record, self.lead.to_le_bytes());
        put::<{ field::PACE }, _, _>(record, self.pace.to_le_bytes());
        put::<{ field::EVERY }, _, _>(record, self.every.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_tensor_is_made_in_one_slice() {
        assert_eq!(
            (Rows::ALL.made(7, 0), Rows::ALL.of_slice(7, 0), Rows::ALL.slices(7)),
            (7, 0..7, 1)
        );
        assert_eq!((Rows::ALL.in_arena(7, 0), Rows::ALL.of_slice(7, 1)), (0..7, 7..7));
    }

    #[test]
    fn a_band_gives_up_its_oldest_rows() {
        let rows = Rows { held: 4, lead: 3, pace: 2, every: 1 };
        let slices: std::vec::Vec<_> = (0..rows.slices(8) as u16)
            .map(|k| (rows.of_slice(8, k), rows.in_arena(8, k)))
            .collect();
        assert_eq!(slices, [(0..3, 0..3), (3..5, 1..5), (5..7, 3..7), (7..8, 4..8)]);
    }

    #[test]
    fn a_row_may_take_several_slices() {
        let rows = Rows { held: 0, lead: 1, pace: 1, every: 2 };
        let made: std::vec::Vec<_> =
            (0..rows.slices(3) as u16).map(|k| rows.of_slice(3, k).len()).collect();
        assert_eq!(made, [0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn numbers_beyond_the_height_make_all_rows() {
        let rows = Rows { held: 0, lead: u16::MAX, pace: u16::MAX, every: 1 };
        assert_eq!((rows.made(9, 0), rows.made(9, u16::MAX), rows.slices(9)), (9, 9, 1));
    }

    #[test]
    fn a_band_holds_what_a_slice_makes() {
        let fit = |held, lead, pace, every| Rows { held, lead, pace, every }.fit(8);
        assert!(fit(0, 0, 0, 0) && fit(3, 3, 2, 1) && fit(0, 8, 8, 1) && fit(2, 3, 3, 2));
        assert!(!fit(3, 0, 0, 0) && !fit(0, 1, 0, 0) && !fit(0, 1, 1, 0) && !fit(0, 1, 0, 1));
        assert!(!fit(2, 3, 2, 1) && !fit(1, 1, 3, 2) && !fit(9, 3, 2, 1));
        assert!(fit(8, 9, 20, 1), "no more than all rows are made");
    }
}
