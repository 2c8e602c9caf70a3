//! Depthwise 3x3 filters that slide along a row, sixteen channels at a time.
//!
//! Each column of three inputs is first brought into a tier's order, padding like all others, and then met by the three taps of
//! every window that it is in. The taps of a column are in the same order.
//!
//! ```text
//! rows ── order ──> column 0 │ column 1 │ column 2 │ column 3 ..      64 bytes each
//!                  └──────── window 0 ────────┘
//!                             └──────── window 1 ────────┘
//! ```

mod columns;
mod filter;

use super::super::{Epilogue, Lines};
use super::lanes::{copy, load_bytes, store_vector};
use super::taps::Taps;
use super::{BYTES, PIXELS};
pub(super) use columns::{Column, Columns, Order, by_channel, by_row};
use filter::{Filter, Rounding};
pub(super) use filter::{filter, filter_by_dots};

#[target_feature(enable = "neon")]
pub(super) fn slide(
    taps: &mut Taps,
    lines: &Lines<'_>,
    (pixels, epilogue, output): (usize, &Epilogue<'_>, &mut [i8]),
    order: Order,
    filter: Filter,
) {
    let Taps { start, sliding, columns, .. } = taps;
    let last = pixels.saturating_sub(1);
    let needed = last.saturating_mul(lines.stride).saturating_add(3);
    let Some(columns) = columns.get_mut(..needed) else {
        return;
    };
    let Epilogue { positive, negative, zero_point, step, .. } = *epilogue;
    let whole = output.len() >= last * step + start.parts * BYTES;
    let multipliers = positive.as_chunks().0.iter().zip(negative.as_chunks().0);
    let all = sliding.iter().zip(start.bias()).zip(multipliers);
    let mut done = 0;
    if whole {
        for ((taps, bias), (positive, negative)) in all.take(start.parts) {
            fill(columns, lines, done, order);
            let rounding = Rounding { positive, negative, zero_point };
            let results = (output.as_mut_ptr().wrapping_add(done), step, pixels);
            // SAFETY: there are `needed` columns, and from the last pixel on the output has all parts; a tier brings a filter of
            // its own features.
            unsafe { filter((taps, bias), columns.as_ptr(), lines.stride, &rounding, results) }
            done += BYTES;
        }
    }
    // A part that has not all its channels, or the last ones of a tensor's last pixel.
    for (part, (taps, bias)) in sliding.iter().zip(start.bias()).enumerate().take(start.parts) {
        let first = part * BYTES;
        if first >= done {
            fill(columns, lines, first, order);
            let rest = output.get_mut(first..).unwrap_or_default();
            slide_few(
                (taps, bias),
                (columns, lines.stride),
                first,
                (pixels, epilogue, rest),
                filter,
            );
        }
    }
}

/// Sixteen channels from `first` on, or those that there are, which need not be followed by further bytes.
#[cold]
#[target_feature(enable = "neon")]
fn slide_few(
    weights: (&[Column; 3], &[i32; BYTES]),
    (columns, stride): (&[Column], usize),
    first: usize,
    (pixels, epilogue, output): (usize, &Epilogue<'_>, &mut [i8]),
    filter: Filter,
) {
    let mut multipliers = [[0.0; BYTES]; 2];
    for (few, all) in multipliers.iter_mut().zip([epilogue.positive, epilogue.negative]) {
        copy(all.get(first..).unwrap_or_default(), few);
    }
    let [positive, negative] = &multipliers;
    let rounding = Rounding { positive, negative, zero_point: epilogue.zero_point };
    let mut rounded = [[0; BYTES]; PIXELS];
    let pixels = pixels.min(PIXELS);
    let results = (rounded.as_mut_ptr().cast(), BYTES, pixels);
    // SAFETY: the caller has as many columns as pixels need, and there are at least as many vectors as pixels; a tier brings a
    // filter of its own features.
    unsafe { filter(weights, columns.as_ptr(), stride, &rounding, results) }
    let channels = epilogue.positive.len().saturating_sub(first);
    for (pixel, rounded) in rounded.iter().enumerate().take(pixels) {
        let rounded = rounded.get(..channels).unwrap_or(rounded);
        copy(rounded, output.get_mut(pixel * epilogue.step..).unwrap_or_default());
    }
}

/// Brings the rows' sixteen channels from `first` on into order.
#[target_feature(enable = "neon")]
fn fill(columns: &mut [Column], lines: &Lines<'_>, first: usize, order: Order) {
    let padding = [lines.padding; BYTES];
    let (left, rest) = columns.split_at_mut(lines.before.min(columns.len()));
    let (inside, right) = rest.split_at_mut(lines.inside.min(rest.len()));
    for outside in [left, right] {
        if !outside.is_empty() {
            // SAFETY: a step of 0 stays at the one vector that there is.
            unsafe { order([padding.as_ptr(); 3], [0; 3], outside) }
        }
    }
    let last = inside.len().saturating_sub(1);
    if lines.rows.iter().all(|row| row.values.len() >= last * row.step + first + BYTES) {
        let rows = lines.rows.map(|row| row.values.as_ptr().wrapping_add(first));
        // SAFETY: every row holds a vector at the last column, and so at all before.
        unsafe { order(rows, lines.rows.map(|row| row.step), inside) }
        return;
    }
    // Behind the last channels of the last pixel there may be no further bytes.
    for (index, column) in inside.chunks_mut(1).enumerate() {
        let vectors = lines.rows.map(|row| {
            let from_here = row.values.get(index * row.step + first..);
            let mut vector = [0; BYTES];
            store_vector(load_bytes(from_here.unwrap_or_default()), &mut vector);
            vector
        });
        // SAFETY: there is one column, and the vectors of its rows.
        unsafe { order(vectors.each_ref().map(|vector| vector.as_ptr()), [0; 3], column) }
    }
}
