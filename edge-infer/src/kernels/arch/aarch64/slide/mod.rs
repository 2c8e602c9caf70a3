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
use filter::{Filter, Rounding};
pub(super) use filter::{filter, filter_by_dots};

/// The taps of sixteen channels, a column after the other.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    pub(super) upper: [Column; 3],
    pub(super) lower: [Column; 3],
}

impl Weights {
    pub(super) const ZERO: Self = Self { upper: [Column::ZERO; 3], lower: [Column::ZERO; 3] };
}

#[target_feature(enable = "neon")]
pub(super) fn slide(
    taps: &mut Taps,
    lines: &Lines<'_>,
    (epilogue, output): (&Epilogue<'_>, &mut [i8]),
    order: Interleave,
    filter: Filter,
) {
    let Taps { start, sliding, columns, .. } = taps;
    let last = lines.windows.saturating_sub(1);
    let needed = last.saturating_mul(lines.stride).saturating_add(3);
    let Some(columns) = columns.get_mut(..needed) else {
        return;
    };
    pad(columns, lines);
    let Epilogue { positive, negative, zero_point, step, .. } = *epilogue;
    let whole = output.len() >= lines.below.unwrap_or(0) + last * step + start.parts * BYTES;
    let multipliers = positive.as_chunks().0.iter().zip(negative.as_chunks().0);
    let all = sliding.iter().zip(start.bias()).zip(multipliers);
    let mut done = 0;
    if whole {
        for ((weights, bias), (positive, negative)) in all.take(start.parts) {
            fill(columns, lines, done, order);
            let rounding = Rounding { bias, positive, negative, zero_point };
            for below in [Some(0), lines.below].into_iter().flatten() {
                let to = output.as_mut_ptr().wrapping_add(below + done);
                let results = (to, step, lines.windows);
                // SAFETY: there are `needed` columns, and from the last window's result on the output has all parts; a tier
                // brings a filter of its own features.
                unsafe {
                    filter(
                        (weights, below > 0),
                        (columns.as_ptr(), lines.stride),
                        &rounding,
                        results,
                    );
                }
            }
            done += BYTES;
        }
    }
    // A part that has not all its channels, or the last ones of a tensor's last pixel.
    for (part, (weights, bias)) in sliding.iter().zip(start.bias()).enumerate().take(start.parts) {
        let first = part * BYTES;
        if first >= done {
            fill(columns, lines, first, order);
            for below in [Some(0), lines.below].into_iter().flatten() {
                let output = output.get_mut(below + first..).unwrap_or_default();
                let weights = ((weights, below > 0), bias);
                slide_few(weights, (columns, lines), (first, epilogue, output), filter);
            }
        }
    }
}

/// Sixteen channels from `first` on, or those that there are, which need not be followed by further bytes.
#[cold]
#[target_feature(enable = "neon")]
fn slide_few(
    (weights, bias): ((&Weights, bool), &[i32; BYTES]),
    (columns, lines): (&[Column], &Lines<'_>),
    (first, epilogue, output): (usize, &Epilogue<'_>, &mut [i8]),
    filter: Filter,
) {
    let mut multipliers = [[0.0; BYTES]; 2];
    for (few, all) in multipliers.iter_mut().zip([epilogue.positive, epilogue.negative]) {
        copy(all.get(first..).unwrap_or_default(), few);
    }
    let [positive, negative] = &multipliers;
    let rounding = Rounding { bias, positive, negative, zero_point: epilogue.zero_point };
    let mut rounded = [[0; BYTES]; WINDOWS];
    let windows = lines.windows.min(WINDOWS);
    let results = (rounded.as_mut_ptr().cast(), BYTES, windows);
    // SAFETY: the caller has as many columns as windows need, and there are at least as many vectors as windows; a tier brings
    // a filter of its own features.
    unsafe { filter(weights, (columns.as_ptr(), lines.stride), &rounding, results) }
    let channels = epilogue.positive.len().saturating_sub(first);
    for (window, rounded) in rounded.iter().enumerate().take(windows) {
        let rounded = rounded.get(..channels).unwrap_or(rounded);
        copy(rounded, output.get_mut(window * epilogue.step..).unwrap_or_default());
    }
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

/// Brings the rows' sixteen channels from `first` on into order.
#[inline]
#[target_feature(enable = "neon")]
fn fill(columns: &mut [Column], lines: &Lines<'_>, first: usize, order: Interleave) {
    let inside = columns.get_mut(lines.before..).unwrap_or_default();
    let inside = inside.split_at_mut(lines.inside.min(inside.len())).0;
    let last = inside.len().saturating_sub(1);
    if lines.rows.iter().all(|row| row.values.len() >= last * row.step + first + BYTES) {
        let rows = lines.rows.map(|row| row.values.as_ptr().wrapping_add(first));
        // SAFETY: every row holds a vector at the last column, and so at all before.
        unsafe { Column::fill(inside, order, (rows, lines.rows.map(|row| row.step))) }
    } else {
        fill_to_the_end(inside, lines, first, order);
    }
}

/// Behind the last channels of the last pixel there may be no further bytes.
#[cold]
#[target_feature(enable = "neon")]
fn fill_to_the_end(inside: &mut [Column], lines: &Lines<'_>, first: usize, order: Interleave) {
    for (index, column) in inside.chunks_mut(1).enumerate() {
        let vectors = lines.rows.map(|row| {
            let from_here = row.values.get(index * row.step + first..);
            let mut vector = [0; BYTES];
            store_vector(load_bytes(from_here.unwrap_or_default()), &mut vector);
            vector
        });
        // SAFETY: there is one column, and the vectors of its rows.
        unsafe {
            let rows = vectors.each_ref().map(|vector| vector.as_ptr());
            Column::fill(column, order, (rows, [0; 4]));
        }
    }
}
