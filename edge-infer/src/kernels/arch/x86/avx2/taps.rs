//! Depthwise products: two taps of sixteen channels at a time.

use core::arch::x86_64::*;

use super::super::super::{BLOCK, STRIPS, Strip, Sums, Weights};
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
        for (channel, &weight) in row.iter().take(weights.channels).enumerate() {
            let duo = taps.duos.get_mut(channel / WIDTH).and_then(|duos| duos.get_mut(tap / GROUP));
            let place = duo.and_then(|duo| duo.of_channel(channel)?.get_mut(tap % GROUP));
            if let Some(place) = place {
                *place = weight.into();
            }
        }
    }
}

#[target_feature(enable = "avx2")]
pub(crate) fn multiply_taps(taps: &Taps, strips: &[Strip<'_>], sums: &mut [Sums]) {
    for pair in 0..taps.start.pairs {
        match strips.len().div_ceil(GROUP) {
            1 => multiply_duos::<1>(taps, pair, strips, sums),
            2 => multiply_duos::<2>(taps, pair, strips, sums),
            3 => multiply_duos::<3>(taps, pair, strips, sums),
            4 => multiply_duos::<4>(taps, pair, strips, sums),
            5 => multiply_duos::<5>(taps, pair, strips, sums),
            _ => multiply_duos::<{ STRIPS / GROUP }>(taps, pair, strips, sums),
        }
    }
}

/// Two taps at a time, `D` times, for sixteen channels.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply_duos<const D: usize>(
    taps: &Taps,
    pair: usize,
    strips: &[Strip<'_>],
    sums: &mut [Sums],
) {
    let duos = taps.duos.get(pair).and_then(|duos| duos.first_chunk::<D>());
    let (Some(&any), Some(duos)) = (strips.first(), duos) else {
        return;
    };
    // The weights of the last duo's missing tap are zero: any strip will do.
    let mut of_duos = [[any; GROUP]; D];
    for (to, &strip) in of_duos.as_flattened_mut().iter_mut().zip(strips) {
        *to = strip;
    }
    let first = pair * WIDTH;
    // Behind the last channels of the last pixel there may be no further bytes.
    let last = sums.len().saturating_sub(1);
    let needed = |strip: &Strip<'_>| last * strip.step + first + WIDTH;
    let whole = of_duos.as_flattened().iter().all(|strip| strip.values.len() >= needed(strip));
    for (pixel, sums) in sums.iter_mut().enumerate() {
        let mut vectors = taps.start.sums(pair, sums);
        for (duo, strips) in duos.iter().zip(&of_duos) {
            let mut inputs = [_mm256_setzero_si256(); GROUP];
            for (input, strip) in inputs.iter_mut().zip(strips) {
                let bytes = if whole {
                    // SAFETY: `pixel` is at most `last`, and all strips hold 16 bytes more than
                    // this many.
                    unsafe {
                        let from = strip.values.as_ptr().add(pixel * strip.step + first);
                        _mm_loadu_si128(from.cast())
                    }
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

/// The two inputs of each channel side by side.
#[inline]
#[target_feature(enable = "avx2")]
fn interleave([a, b]: [__m256i; GROUP]) -> Pair {
    [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
}
