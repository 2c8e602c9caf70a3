//! Depthwise products: four taps of 64 channels at a time; the columns of a 3x3 window serve the pixels that share them.

use core::arch::x86_64::*;

use super::super::super::{BLOCK, STRIPS, Strip, Sums, Weights};
use super::super::columns::{COLUMN, follows};
use super::lanes::{interleave, load_bytes, mask, narrow, store, store_bytes, to_unsigned};
use super::{GROUP, Line, Start, Vectors, excess, load_lines, vectors};

/// Four weights of each of 64 channels, in the order of 4 vectors.
type Quad = [Line; 4];

/// `STRIPS` taps of each channel of a block, four in a quad.
pub(crate) struct Taps {
    start: Start,
    quads: [Quad; STRIPS / GROUP],
    channels: usize,
}

impl Taps {
    pub(crate) const EMPTY: Self =
        Self { start: Start::ZERO, quads: [[Line::ZERO; 4]; STRIPS / GROUP], channels: 0 };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn pack_taps(weights: Weights<'_>, taps: &mut Taps) {
    taps.channels = weights.channels.min(BLOCK);
    let count = weights.depth.div_ceil(GROUP);
    let mut rows = [&[][..]; STRIPS];
    for (to, row) in rows.iter_mut().zip(weights.rows().take(weights.depth)) {
        *to = row.get(..taps.channels).unwrap_or(row);
    }
    for (quad, rows) in taps.quads.iter_mut().zip(in_quads(weights.depth, rows, &[])) {
        let mut vectors = [_mm512_setzero_si512(); GROUP];
        for (vector, row) in vectors.iter_mut().zip(rows) {
            *vector = load_bytes(row);
        }
        for (to, weights) in quad.iter_mut().zip(interleave(vectors)) {
            store_bytes(weights, &mut to.0);
        }
    }
    let excess = excess(taps.quads.get(..count).unwrap_or_default());
    taps.start = match vectors(taps.channels) {
        1 => Start::of(&weights, narrow::<1>(excess)),
        2 => Start::of(&weights, narrow::<2>(excess)),
        _ => Start::of(&weights, excess),
    };
}

/// Which quad has which taps: four after the other, but of nine those of a column, which neighbouring pixels share.
#[inline(always)]
fn in_quads<T: Copy>(taps: usize, all: [T; STRIPS], none: T) -> [[T; GROUP]; STRIPS / GROUP] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = all;
    match taps {
        9 => [[a, d, g, none], [b, e, h, none], [c, f, i, none], [none; GROUP]],
        _ => [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]],
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn multiply_taps(taps: &Taps, strips: &[Strip<'_>], sums: &mut [Sums]) {
    let needed = |strip: &Strip<'_>| sums.len().saturating_sub(1) * strip.step + taps.channels;
    let Some(&any) = strips.first() else {
        return;
    };
    if strips.iter().any(|strip| strip.values.len() < needed(strip)) {
        return;
    }
    // The weights of missing taps are zero: any strip will do.
    let mut all = [any; STRIPS];
    for (to, &strip) in all.iter_mut().zip(strips) {
        *to = strip;
    }
    let quads = in_quads(strips.len(), all, any);
    let [left, middle, right, _] = &quads;
    // SAFETY: every strip of the quads is one of `strips`, whose values reach to the last pixel's last
    // channel.
    unsafe {
        match (vectors(taps.channels), strips.len()) {
            (1, _) => multiply_quads::<{ STRIPS / GROUP }, GROUP, 1>(taps, &quads, sums),
            (2, _) => multiply_quads::<{ STRIPS / GROUP }, GROUP, 2>(taps, &quads, sums),
            (_, 9) if follows(left, middle) && follows(middle, right) => {
                multiply_columns::<1>(taps, [left, middle, right], sums);
            }
            (_, 9) if follows(left, right) => {
                multiply_columns::<2>(taps, [left, middle, right], sums);
            }
            (_, 9) => multiply_quads::<3, COLUMN, 4>(taps, &quads, sums),
            (_, 0..=4) => multiply_quads::<1, GROUP, 4>(taps, &quads, sums),
            (_, 5..=8) => multiply_quads::<2, GROUP, 4>(taps, &quads, sums),
            (_, 10..=12) => multiply_quads::<3, GROUP, 4>(taps, &quads, sums),
            _ => multiply_quads::<{ STRIPS / GROUP }, GROUP, 4>(taps, &quads, sums),
        }
    }
}

/// The inputs plus 128 of the first taps of a quad, in the order of sums.
///
/// # Safety
/// Every strip holds `mask`'s channels of this pixel.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn load_quad<const TAPS: usize>(
    strips: &[Strip<'_>; GROUP],
    pixel: usize,
    mask: u64,
) -> Vectors {
    let mut inputs = [_mm512_setzero_si512(); GROUP];
    for (input, strip) in inputs.iter_mut().zip(strips).take(TAPS) {
        // SAFETY: the caller has the strip hold this pixel's channels; the mask has a bit for each, and
        // others are not read.
        let values =
            unsafe { _mm512_maskz_loadu_epi8(mask, strip.values.as_ptr().add(pixel * strip.step)) };
        *input = to_unsigned(values);
    }
    interleave(inputs)
}

/// A quad, of which `TAPS` are there, at a time, `Q` times, for sums in `V` vectors.
///
/// # Safety
/// Every strip of the quads holds the channels of every pixel.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn multiply_quads<const Q: usize, const TAPS: usize, const V: usize>(
    taps: &Taps,
    strips: &[[Strip<'_>; GROUP]],
    sums: &mut [Sums],
) {
    let (Some(quads), mask) = (taps.quads.first_chunk::<Q>(), mask(taps.channels)) else {
        return;
    };
    for (pixel, sums) in sums.iter_mut().enumerate() {
        let mut products = [_mm512_setzero_si512(); 4];
        for (quad, strips) in quads.iter().zip(strips) {
            // SAFETY: the caller has the strips hold this pixel.
            add_products(
                &mut products,
                unsafe { load_quad::<TAPS>(strips, pixel, mask) },
                load_lines(quad),
            );
        }
        let mut vectors = taps.start.sums::<V>(sums);
        for (vector, products) in vectors.iter_mut().zip(narrow::<V>(products)) {
            *vector = _mm512_add_epi32(*vector, products);
        }
        store(vectors, sums);
    }
}

/// The columns of a window that moves `STEP` of them from pixel to pixel, so that the others are there already.
///
/// # Safety
/// Every strip of the columns holds the channels of every pixel.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn multiply_columns<const STEP: usize>(
    taps: &Taps,
    [left, middle, right]: [&[Strip<'_>; GROUP]; 3],
    sums: &mut [Sums],
) {
    let ([first, second, third, _], mask) = (&taps.quads, mask(taps.channels));
    let weights = [load_lines(first), load_lines(second), load_lines(third)];
    // SAFETY: the caller has the strips hold the first pixel.
    let (first, second) =
        unsafe { (load_quad::<COLUMN>(left, 0, mask), load_quad::<COLUMN>(middle, 0, mask)) };
    // What a pixel before the first one would have.
    let mut inputs = if STEP == 1 { [first, first, second] } else { [first; 3] };
    for (pixel, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller has the strips hold this pixel.
        let (new, last) = unsafe {
            (load_quad::<COLUMN>(middle, pixel, mask), load_quad::<COLUMN>(right, pixel, mask))
        };
        let [_, b, c] = inputs;
        inputs = if STEP == 1 { [b, c, last] } else { [c, new, last] };
        let mut vectors = taps.start.sums(sums);
        for (inputs, weights) in inputs.into_iter().zip(weights) {
            add_products(&mut vectors, inputs, weights);
        }
        store(vectors, sums);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_products(sums: &mut Vectors, inputs: Vectors, weights: Vectors) {
    for ((sum, input), weights) in sums.iter_mut().zip(inputs).zip(weights) {
        *sum = _mm512_dpbusd_epi32(*sum, input, weights);
    }
}
