//! Depthwise products: two taps of sixteen channels at a time; the columns of a 3x3 window serve the pixels that share them.

use core::arch::x86_64::*;

use super::super::super::{BLOCK, STRIPS, Strip, Sums, Weights};
use super::super::columns::{COLUMN, follows};
use super::lanes::{load_bytes, part_mut, store};
use super::{Duo, GROUP, PAIRS, Pair, Start, WIDTH};

/// Taps of a block's channels, sixteen channels after the other, two taps in a duo.
pub(crate) struct Taps {
    start: Start,
    duos: [[Duo; STRIPS / GROUP]; PAIRS],
}

impl Taps {
    pub(crate) const EMPTY: Self =
        Self { start: Start::ZERO, duos: [[Duo::ZERO; STRIPS / GROUP]; PAIRS] };
}

#[target_feature(enable = "avx2")]
pub(crate) fn pack_taps(weights: Weights<'_>, taps: &mut Taps) {
    *taps = Taps::EMPTY;
    taps.start = Start::of(&weights);
    for (tap, row) in weights.rows().take(weights.depth).enumerate() {
        let place = place(tap, weights.depth);
        for (channel, &weight) in row.iter().take(weights.channels).enumerate() {
            let duo =
                taps.duos.get_mut(channel / WIDTH).and_then(|duos| duos.get_mut(place / GROUP));
            let place = duo.and_then(|duo| duo.of_channel(channel)?.get_mut(place % GROUP));
            if let Some(place) = place {
                *place = weight.into();
            }
        }
    }
}

/// Which place of the duos a tap has: two taps after the other, but of nine those of a column in two duos, which neighbouring pixels
/// share.
#[inline(always)]
fn place(tap: usize, taps: usize) -> usize {
    match taps {
        9 => tap % COLUMN * 2 * GROUP + tap / COLUMN,
        _ => tap,
    }
}

#[target_feature(enable = "avx2")]
pub(crate) fn multiply_taps(taps: &Taps, strips: &[Strip<'_>], sums: &mut [Sums]) {
    let Some(&any) = strips.first() else {
        return;
    };
    // The weights of missing taps are zero: any strip will do.
    let mut all = [any; STRIPS];
    for (tap, &strip) in strips.iter().enumerate() {
        if let Some(to) = all.get_mut(place(tap, strips.len())) {
            *to = strip;
        }
    }
    // Behind the last channels of the last pixel there may be no further bytes.
    let last = sums.len().saturating_sub(1);
    let needed = |strip: &Strip<'_>| last * strip.step + taps.start.pairs * WIDTH;
    let whole = strips.iter().all(|strip| strip.values.len() >= needed(strip));
    let (duos, _) = all.as_chunks();
    let Some(columns) = all.as_chunks().0.first_chunk::<3>() else {
        return;
    };
    for pair in 0..taps.start.pairs {
        match (strips.len(), columns) {
            (9, [left, middle, right])
                if whole && follows(left, middle) && follows(middle, right) =>
            {
                // SAFETY: all strips hold the pair's channels of every pixel.
                unsafe { multiply_columns::<1>(taps, pair, columns, sums) }
            }
            (9, [left, _, right]) if whole && follows(left, right) => {
                // SAFETY: as above.
                unsafe { multiply_columns::<2>(taps, pair, columns, sums) }
            }
            (1..=2, _) => multiply_duos::<1>(taps, pair, duos, whole, sums),
            (3..=4, _) => multiply_duos::<2>(taps, pair, duos, whole, sums),
            (5..=6, _) => multiply_duos::<3>(taps, pair, duos, whole, sums),
            (7..=8, _) => multiply_duos::<4>(taps, pair, duos, whole, sums),
            (9..=12, _) => multiply_duos::<6>(taps, pair, duos, whole, sums),
            _ => multiply_duos::<{ STRIPS / GROUP }>(taps, pair, duos, whole, sums),
        }
    }
}

/// Two taps at a time, `D` times, for sixteen channels.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply_duos<const D: usize>(
    taps: &Taps,
    pair: usize,
    strips: &[[Strip<'_>; GROUP]],
    whole: bool,
    sums: &mut [Sums],
) {
    let Some(duos) = taps.duos.get(pair).and_then(|duos| duos.first_chunk::<D>()) else {
        return;
    };
    let first = pair * WIDTH;
    for (pixel, sums) in sums.iter_mut().enumerate() {
        let mut vectors = taps.start.sums(pair, sums);
        for (duo, strips) in duos.iter().zip(strips) {
            let mut inputs = [_mm256_setzero_si256(); GROUP];
            for (input, strip) in inputs.iter_mut().zip(strips) {
                let bytes = if whole {
                    // SAFETY: all strips hold the pair's channels of every pixel.
                    unsafe { load_channels(strip, pixel, first) }
                } else {
                    load_bytes(strip.of(pixel, BLOCK).get(first..).unwrap_or_default())
                };
                *input = _mm256_cvtepi8_epi16(bytes);
            }
            let vectors = vectors.iter_mut().zip(interleave(inputs));
            for ((vector, input), weights) in vectors.zip(duo.load()) {
                *vector = _mm256_add_epi32(*vector, _mm256_madd_epi16(input, weights));
            }
        }
        if let Some(sums) = part_mut(sums, pair) {
            store(vectors, sums);
        }
    }
}

/// Sixteen channels of a pixel, from channel `first` on.
///
/// # Safety
/// The strip holds them.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_channels(strip: &Strip<'_>, pixel: usize, first: usize) -> __m128i {
    // SAFETY: the caller has the strip hold these bytes.
    unsafe { _mm_loadu_si128(strip.values.as_ptr().add(pixel * strip.step + first).cast()) }
}

/// The columns of a window that moves `STEP` of them from pixel to pixel: each is loaded once, and its products are added to the sums
/// of every pixel that sees it.
///
/// # Safety
/// Every strip holds the pair's channels of every pixel.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn multiply_columns<const STEP: usize>(
    taps: &Taps,
    pair: usize,
    [left, middle, right]: &[[Strip<'_>; 2 * GROUP]; 3],
    sums: &mut [Sums],
) {
    let Some([a, b, c, d, e, f, ..]) = taps.duos.get(pair) else {
        return;
    };
    let (of_left, of_middle, of_right) = ([a, b], [c, d], [e, f]);
    let nothing = [_mm256_setzero_si256(); 2];
    // SAFETY: the caller has the strips hold the first pixel.
    let (first, second) = unsafe { (load_column(left, 0, pair), load_column(middle, 0, pair)) };
    // The sums of a pixel without its last `STEP` columns; where those move by one, also of the next pixel with its first one.
    let mut begun = add_column(nothing, first, of_left);
    let mut next = nothing;
    if STEP == 1 {
        begun = add_column(begun, second, of_middle);
        next = add_column(nothing, second, of_left);
    }
    for (pixel, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller has the strips hold this pixel.
        let last = unsafe { load_column(right, pixel, pair) };
        let mut vectors = begun;
        if STEP == 1 {
            begun = add_column(next, last, of_middle);
            next = add_column(nothing, last, of_left);
        } else {
            // SAFETY: as above.
            let new = unsafe { load_column(middle, pixel, pair) };
            vectors = add_column(vectors, new, of_middle);
            begun = add_column(nothing, last, of_left);
        }
        vectors = add_column(vectors, last, of_right);
        for (vector, start) in vectors.iter_mut().zip(taps.start.sums(pair, sums)) {
            *vector = _mm256_add_epi32(*vector, start);
        }
        if let Some(sums) = part_mut(sums, pair) {
            store(vectors, sums);
        }
    }
}

/// The inputs of a column, in two duos' order; the last place of the second one is empty.
///
/// # Safety
/// Every strip holds the pair's channels of the pixel.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_column(strips: &[Strip<'_>; 2 * GROUP], pixel: usize, pair: usize) -> [Pair; 2] {
    let mut inputs = [_mm256_setzero_si256(); COLUMN];
    for (input, strip) in inputs.iter_mut().zip(strips) {
        // SAFETY: the caller has the strip hold these channels.
        *input = _mm256_cvtepi8_epi16(unsafe { load_channels(strip, pixel, pair * WIDTH) });
    }
    let [a, b, c] = inputs;
    [interleave([a, b]), interleave([c, _mm256_setzero_si256()])]
}

/// Adds a column's products to sums.
#[inline]
#[target_feature(enable = "avx2")]
fn add_column(mut sums: Pair, column: [Pair; 2], weights: [&Duo; 2]) -> Pair {
    for (inputs, duo) in column.into_iter().zip(weights) {
        for ((sum, input), weights) in sums.iter_mut().zip(inputs).zip(duo.load()) {
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(input, weights));
        }
    }
    sums
}

/// The two inputs of each channel side by side.
#[inline]
#[target_feature(enable = "avx2")]
fn interleave([a, b]: [__m256i; GROUP]) -> Pair {
    [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
}
