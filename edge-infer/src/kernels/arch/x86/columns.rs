//! 3x3 windows by columns: what neighbouring pixels share of their windows, both tiers load once.

use super::Strip;

/// Taps of a column.
pub(super) const COLUMN: usize = 3;

/// Whether each pixel has under the column `after` what the next one has under `before`.
pub(super) fn follows(before: &[Strip<'_>], after: &[Strip<'_>]) -> bool {
    before.iter().zip(after).take(COLUMN).all(|(before, after)| {
        let next = before.values.as_ptr().wrapping_add(before.step);
        before.step == after.step && next == after.values.as_ptr()
    })
}
