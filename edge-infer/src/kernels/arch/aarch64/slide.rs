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

use core::arch::{aarch64::*, asm};

use super::super::{Epilogue, Lines};
use super::lanes::{copy, load_bytes, store_vector};
use super::requantize::SHIFT;
use super::taps::Taps;
use super::{BYTES, PIXELS};

/// Three numbers of sixteen channels, in the tier's order.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Column([[i8; BYTES]; 4]);

impl Column {
    pub(super) const ZERO: Self = Self([[0; BYTES]; 4]);
}

/// Columns under as many windows as there are sums, at stride 2.
pub(super) type Columns = [Column; 2 * PIXELS + 1];

/// Writes columns, one after the other, of rows that have a vector at each of as many steps.
///
/// # Safety
/// The rows have them.
pub(super) type Order = unsafe fn(rows: [*const i8; 3], steps: [usize; 3], columns: &mut [Column]);

/// Filters windows of sixteen channels: by their taps and bias, from the windows' columns, which are `stride` apart, to as many
/// results as asked for, which are `step` apart.
///
/// # Safety
/// There are as many columns as that takes, and room for as many results.
pub(super) type Filter = unsafe fn(
    (&[Column; 3], &[i32; BYTES]),
    columns: *const Column,
    stride: usize,
    rounding: &Rounding<'_>,
    results: (*mut i8, usize, usize),
);

/// What sixteen channels are rounded with.
pub(super) struct Rounding<'a> {
    positive: &'a [f32; BYTES],
    negative: &'a [f32; BYTES],
    zero_point: i8,
}

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
            // SAFETY: there are `needed` columns, and from the last pixel on the output has all parts.
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
    // SAFETY: the caller has as many columns as pixels need, and there are at least as many vectors as pixels.
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

/// The three numbers of a channel and a zero together: vector `v` of a column holds those of channels `4 * v ..`.
///
/// # Safety
/// As [`Order`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn by_channel(rows: [*const i8; 3], steps: [usize; 3], columns: &mut [Column]) {
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
pub(super) unsafe fn by_row(rows: [*const i8; 3], steps: [usize; 3], columns: &mut [Column]) {
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

/// Products of two vectors with two, added up in int16, which two of them just fit, and of another two. The registers `$low` and
/// `$high` get those of the lower and of the upper channels.
macro_rules! pairs {
    ($low:literal, $high:literal = $x:literal * $v:literal + $y:literal * $w:literal;
     $low_2:literal, $high_2:literal = $x_2:literal * $v_2:literal + $y_2:literal * $w_2:literal) => {
        concat!(
            "smull v", $low, ".8h, v", $x, ".8b, v", $v, ".8b\n", "smull2 v", $high, ".8h, v", $x,
            ".16b, v", $v, ".16b\n", "smull v", $low_2, ".8h, v", $x_2, ".8b, v", $v_2, ".8b\n",
            "smull2 v", $high_2, ".8h, v", $x_2, ".16b, v", $v_2, ".16b\n", "smlal v", $low,
            ".8h, v", $y, ".8b, v", $w, ".8b\n", "smlal2 v", $high, ".8h, v", $y, ".16b, v", $w,
            ".16b\n", "smlal v", $low_2, ".8h, v", $y_2, ".8b, v", $w_2, ".8b\n", "smlal2 v",
            $high_2, ".8h, v", $y_2, ".16b, v", $w_2, ".16b\n",
        )
    };
}

/// Adds such to the sums in registers 16 to 19.
macro_rules! add {
    ($low:literal, $high:literal) => {
        concat!(
            "saddw v16.4s, v16.4s, v",
            $low,
            ".4h\n",
            "saddw v18.4s, v18.4s, v",
            $high,
            ".4h\n",
            "saddw2 v17.4s, v17.4s, v",
            $low,
            ".8h\n",
            "saddw2 v19.4s, v19.4s, v",
            $high,
            ".8h\n",
        )
    };
}

/// Rounds the sums in registers 16 to 19, as `requantize` does: multipliers are in 20 to 27, `SHIFT` in 14 and the zero point in 15.
macro_rules! round {
    () => {
        concat!(
            "cmlt v28.4s, v16.4s, #0\n",
            "cmlt v29.4s, v17.4s, #0\n",
            "cmlt v30.4s, v18.4s, #0\n",
            "cmlt v31.4s, v19.4s, #0\n",
            "scvtf v16.4s, v16.4s\n",
            "scvtf v17.4s, v17.4s\n",
            "bsl v28.16b, v24.16b, v20.16b\n",
            "bsl v29.16b, v25.16b, v21.16b\n",
            "scvtf v18.4s, v18.4s\n",
            "scvtf v19.4s, v19.4s\n",
            "bsl v30.16b, v26.16b, v22.16b\n",
            "bsl v31.16b, v27.16b, v23.16b\n",
            "fmul v16.4s, v16.4s, v28.4s\n",
            "fmul v17.4s, v17.4s, v29.4s\n",
            "fmul v18.4s, v18.4s, v30.4s\n",
            "fmul v19.4s, v19.4s, v31.4s\n",
            "fadd v16.4s, v16.4s, v14.4s\n",
            "fadd v17.4s, v17.4s, v14.4s\n",
            "fadd v18.4s, v18.4s, v14.4s\n",
            "fadd v19.4s, v19.4s, v14.4s\n",
            "uzp1 v16.8h, v16.8h, v17.8h\n",
            "uzp1 v18.8h, v18.8h, v19.8h\n",
            "sqadd v16.8h, v16.8h, v15.8h\n",
            "sqadd v18.8h, v18.8h, v15.8h\n",
            "sqxtn v16.8b, v16.8h\n",
            "sqxtn2 v16.16b, v18.8h\n",
            "st1 {{v16.16b}}, [{results}], {step}\n",
        )
    };
}

/// [`Filter`] of columns [`by_row`].
///
/// # Safety
/// As [`Filter`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn filter(
    (taps, bias): (&[Column; 3], &[i32; BYTES]),
    columns: *const Column,
    stride: usize,
    rounding: &Rounding<'_>,
    (results, step, windows): (*mut i8, usize, usize),
) {
    // SAFETY: the loop reads three columns, the bias, taps and multipliers, and writes sixteen results, for each window.
    unsafe {
        asm!(
            "cbz {count}, 3f",
            "ld1 {{v0.16b, v1.16b, v2.16b}}, [{taps}], {column}",
            "ld1 {{v3.16b, v4.16b, v5.16b}}, [{taps}], {column}",
            "ld1 {{v6.16b, v7.16b, v8.16b}}, [{taps}]",
            "2:",
            "ld1 {{v20.16b, v21.16b, v22.16b}}, [{columns}], {column}",
            "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{bias}]",
            "ld1 {{v23.16b, v24.16b, v25.16b}}, [{columns}], {column}",
            "ld1 {{v26.16b, v27.16b, v28.16b}}, [{columns}], {back}",
            pairs!(29, 30 = 20 * 0 + 21 * 1; 9, 10 = 22 * 2 + 23 * 3),
            pairs!(11, 12 = 24 * 4 + 25 * 5; 13, 31 = 26 * 6 + 27 * 7),
            "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{positive}]",
            add!(29, 30),
            "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{negative}]",
            "smull v29.8h, v28.8b, v8.8b",
            "smull2 v30.8h, v28.16b, v8.16b",
            add!(9, 10),
            add!(11, 12),
            add!(13, 31),
            add!(29, 30),
            "sub {count}, {count}, #1",
            round!(),
            "cbnz {count}, 2b",
            "3:",
            taps = inout(reg) taps => _,
            bias = in(reg) bias,
            columns = inout(reg) columns => _,
            column = in(reg) size_of::<Column>(),
            back = in(reg) stride.wrapping_sub(2).wrapping_mul(size_of::<Column>()),
            positive = in(reg) rounding.positive,
            negative = in(reg) rounding.negative,
            results = inout(reg) results => _,
            step = in(reg) step,
            count = inout(reg) windows => _,
            in("v14") vdupq_n_f32(SHIFT),
            in("v15") vdupq_n_s16(rounding.zero_point.into()),
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _,
            out("v5") _, out("v6") _, out("v7") _, out("v8") _, out("v9") _,
            out("v10") _, out("v11") _, out("v12") _, out("v13") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
            out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack, preserves_flags),
        );
    }
}

/// [`Filter`] of columns [`by_channel`]: `sdot` sums three products and a zero.
///
/// # Safety
/// As [`Filter`].
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn filter_by_dots(
    (taps, bias): (&[Column; 3], &[i32; BYTES]),
    columns: *const Column,
    stride: usize,
    rounding: &Rounding<'_>,
    (results, step, windows): (*mut i8, usize, usize),
) {
    // SAFETY: the loop reads three columns, the bias, taps and multipliers, and writes sixteen results, for each window; the
    // instructions are of feature `dotprod`.
    unsafe {
        asm!(
            "cbz {count}, 3f",
            "ld1 {{v0.16b, v1.16b, v2.16b, v3.16b}}, [{taps}], #64",
            "ld1 {{v4.16b, v5.16b, v6.16b, v7.16b}}, [{taps}], #64",
            "ld1 {{v8.16b, v9.16b, v10.16b, v11.16b}}, [{taps}]",
            "2:",
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{columns}], #64",
            "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{bias}]",
            "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{columns}], #64",
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{columns}], {back}",
            "sdot v16.4s, v20.16b, v0.16b",
            "sdot v17.4s, v21.16b, v1.16b",
            "sdot v18.4s, v22.16b, v2.16b",
            "sdot v19.4s, v23.16b, v3.16b",
            "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{positive}]",
            "sdot v16.4s, v24.16b, v4.16b",
            "sdot v17.4s, v25.16b, v5.16b",
            "sdot v18.4s, v26.16b, v6.16b",
            "sdot v19.4s, v27.16b, v7.16b",
            "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{negative}]",
            "sdot v16.4s, v28.16b, v8.16b",
            "sdot v17.4s, v29.16b, v9.16b",
            "sdot v18.4s, v30.16b, v10.16b",
            "sdot v19.4s, v31.16b, v11.16b",
            "sub {count}, {count}, #1",
            round!(),
            "cbnz {count}, 2b",
            "3:",
            taps = inout(reg) taps => _,
            bias = in(reg) bias,
            columns = inout(reg) columns => _,
            back = in(reg) stride.wrapping_sub(2).wrapping_mul(size_of::<Column>()),
            positive = in(reg) rounding.positive,
            negative = in(reg) rounding.negative,
            results = inout(reg) results => _,
            step = in(reg) step,
            count = inout(reg) windows => _,
            in("v14") vdupq_n_f32(SHIFT),
            in("v15") vdupq_n_s16(rounding.zero_point.into()),
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _,
            out("v6") _, out("v7") _, out("v8") _, out("v9") _, out("v10") _, out("v11") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
            out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack, preserves_flags),
        );
    }
}
