//! Depthwise 3x3 filters that slide along a row, or two, sixteen channels at a time.
//!
//! Each column of four inputs is first brought into a tier's order, padding like all others, and then met by the taps of every
//! window that it is in. The taps of a column are in the same order.
//!
//! ```text
//! rows ── order ──> column 0 │ column 1 │ column 2 │ column 3 ..      64 bytes each
//!                  └──────── window 0 ────────┘
//!                             └──────── window 1 ────────┘
//!
//! of a column      row          0   1   2   3
//!                  upper taps   t   t   t   0
//!                  lower taps   0   t   t   t
//! ```

mod columns;
mod filter;

use super::super::{Epilogue, Lines, WINDOWS};
use super::BYTES;
use super::interleave::Interleave;
use super::lanes::{copy, load_bytes, store_vector};
use super::taps::Taps;
pub(super) use columns::{Column, Columns};
pub(super) use filter::{Dots, Pairs};

/// The taps of sixteen channels, a column after the other.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    pub(super) upper: [Column; 3],
    pub(super) lower: [Column; 3],
}

impl Weights {
    pub(super) const ZERO: Self = Self { upper: [Column::ZERO; 3], lower: [Column::ZERO; 3] };
}

/// How a tier slides.
pub(super) trait Sliding {
    /// How it brings columns into its order.
    const ORDER: Interleave;

    /// Filters windows of sixteen channels: by their taps, of the upper windows or of the lower ones, from the windows' columns,
    /// which are `stride` apart, to as many results as asked for, which are `step` apart.
    ///
    /// # Safety
    /// There are as many columns as that takes, and room for as many results; the processor has the tier's features.
    unsafe fn filter(
        of: (&Weights, bool),
        columns: (*const Column, usize),
        rounding: &Rounding<'_>,
        results: (*mut i8, usize, usize),
    );
}

/// What sixteen channels' sums start from, and are rounded with.
pub(super) struct Rounding<'a> {
    bias: &'a [i32; BYTES],
    positive: &'a [f32; BYTES],
    negative: &'a [f32; BYTES],
    zero_point: i8,
}

/// Filters all windows.
///
/// # Safety
/// The processor has the tier's features.
#[inline]
#[target_feature(enable = "neon")]
pub(super) unsafe fn slide<S: Sliding>(
    taps: &mut Taps,
    lines: &Lines<'_>,
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let Taps { start, sliding, columns, .. } = taps;
    let last = lines.windows.saturating_sub(1);
    let needed = last.saturating_mul(lines.stride).saturating_add(3);
    let Some(columns) = columns.get_mut(..needed) else {
        return;
    };
    pad(columns, lines);
    let Epilogue { positive, negative, zero_point, step, .. } = *epilogue;
    let weights = sliding.iter().zip(start.bias());
    let multipliers = positive.as_chunks().0.iter().zip(negative.as_chunks().0);
    let mut whole = start.parts.min(positive.len() / BYTES);
    let end = lines.below.unwrap_or(0) + last * step + whole * BYTES;
    if output.len() < end || !lines.hold(inside(columns, lines).len(), whole * BYTES) {
        whole = 0;
    }
    let mut to = output.as_mut_ptr();
    let mut rows = lines.rows.map(|row| row.values.as_ptr());
    for ((weights, bias), (positive, negative)) in weights.clone().zip(multipliers).take(whole) {
        let rounding = Rounding { bias, positive, negative, zero_point };
        let from = (columns.as_ptr(), lines.stride);
        // SAFETY: there are `needed` columns; the rows have whole parts at all that are inside, and the output has them from the
        // last window's result on; the caller has seen to the features.
        unsafe {
            let steps = lines.rows.map(|row| row.step);
            Column::fill(inside(columns, lines), S::ORDER, (rows, steps));
            S::filter((weights, false), from, &rounding, (to, step, lines.windows));
            if let Some(below) = lines.below {
                let to = to.wrapping_add(below);
                S::filter((weights, true), from, &rounding, (to, step, lines.windows));
            }
        }
        to = to.wrapping_add(BYTES);
        rows = rows.map(|row| row.wrapping_add(BYTES));
    }
    for (part, weights) in weights.enumerate().take(start.parts).skip(whole) {
        // SAFETY: the caller has seen to the features.
        unsafe { slide_few::<S>(weights, (columns, lines), part * BYTES, (epilogue, output)) }
    }
}

/// Sixteen channels from `first` on, or those that there are, which need not be followed by further bytes.
///
/// # Safety
/// There are as many columns as windows need; the processor has the tier's features.
#[cold]
#[target_feature(enable = "neon")]
unsafe fn slide_few<S: Sliding>(
    (weights, bias): (&Weights, &[i32; BYTES]),
    (columns, lines): (&mut [Column], &Lines<'_>),
    first: usize,
    (epilogue, output): (&Epilogue<'_>, &mut [i8]),
) {
    fill_few::<S>(inside(columns, lines), lines, first);
    let mut multipliers = [[0.0; BYTES]; 2];
    for (few, all) in multipliers.iter_mut().zip([epilogue.positive, epilogue.negative]) {
        copy(all.get(first..).unwrap_or_default(), few);
    }
    let [positive, negative] = &multipliers;
    let rounding = Rounding { bias, positive, negative, zero_point: epilogue.zero_point };
    let channels = epilogue.positive.len().saturating_sub(first);
    let windows = lines.windows.min(WINDOWS);
    for below in [Some(0), lines.below].into_iter().flatten() {
        let mut rounded = [[0; BYTES]; WINDOWS];
        let results = (rounded.as_mut_ptr().cast(), BYTES, windows);
        // SAFETY: the caller has seen to columns and features, and there are at least as many vectors as windows.
        unsafe {
            S::filter((weights, below > 0), (columns.as_ptr(), lines.stride), &rounding, results);
        }
        let output = output.get_mut(below + first..).unwrap_or_default();
        for (window, rounded) in rounded.iter().enumerate().take(windows) {
            let rounded = rounded.get(..channels).unwrap_or(rounded);
            copy(rounded, output.get_mut(window * epilogue.step..).unwrap_or_default());
        }
    }
}

/// Brings the rows' sixteen channels from `first` on into order, behind which there may be no further bytes.
#[inline]
#[target_feature(enable = "neon")]
fn fill_few<S: Sliding>(columns: &mut [Column], lines: &Lines<'_>, first: usize) {
    if lines.hold(columns.len(), first + BYTES) {
        let rows = lines.rows.map(|row| row.values.as_ptr().wrapping_add(first));
        let steps = lines.rows.map(|row| row.step);
        // SAFETY: every row holds a vector at all columns.
        unsafe { Column::fill(columns, S::ORDER, (rows, steps)) }
        return;
    }
    for (index, column) in columns.chunks_mut(1).enumerate() {
        let vectors = lines.rows.map(|row| {
            let from_here = row.values.get(index * row.step + first..);
            let mut vector = [0; BYTES];
            store_vector(load_bytes(from_here.unwrap_or_default()), &mut vector);
            vector
        });
        let rows = vectors.each_ref().map(|vector| vector.as_ptr());
        // SAFETY: there is one column, and the vectors of its rows.
        unsafe { Column::fill(column, S::ORDER, (rows, [0; 4])) }
    }
}

impl Lines<'_> {
    /// Whether all rows hold so many numbers at each of so many columns.
    #[inline(always)]
    fn hold(&self, columns: usize, numbers: usize) -> bool {
        let last = columns.saturating_sub(1);
        self.rows.iter().all(|row| row.values.len() >= last * row.step + numbers)
    }
}

/// The columns that are not padding.
#[inline(always)]
fn inside<'c>(columns: &'c mut [Column], lines: &Lines<'_>) -> &'c mut [Column] {
    let from_here = columns.get_mut(lines.before..).unwrap_or_default();
    let count = lines.inside.min(from_here.len());
    from_here.get_mut(..count).unwrap_or_default()
}

/// Columns of padding, on the left and on the right.
#[inline(always)]
fn pad(columns: &mut [Column], lines: &Lines<'_>) {
    let (left, rest) = columns.split_at_mut(lines.before.min(columns.len()));
    let (_, right) = rest.split_at_mut(lines.inside.min(rest.len()));
    for column in left.iter_mut().chain(right) {
        *column = Column::of(lines.padding);
    }
}
