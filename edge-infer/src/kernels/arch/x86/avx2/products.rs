//! Dense products: the weights of a block in duos, the inputs of some pixels in rows, and their sums in registers.

use core::arch::{asm, x86_64::*};
use core::hint::black_box;

use super::super::super::{DEPTH, Strip, Sums, Weights};
use super::super::filled::Filled;
use super::lanes::{load_bytes, part_mut, store};
use super::{Duo, GROUP, PAIRS, Start, WIDTH};

/// Pixels whose sums of 16 channels are in registers at a time: 12 vectors, beside 2 of weights.
const TILE: usize = 6;
/// Groups of a panel.
const GROUPS: usize = DEPTH / GROUP;

/// Weights of a block's channels, sixteen channels after the other.
pub(crate) struct Panel {
    /// The inputs of a tile's pixels, here because to clear them for every few pixels would take long.
    rows: [Row; TILE],
    start: Start,
    duos: [Filled<Duo, GROUPS>; PAIRS],
}

impl Panel {
    pub(crate) fn empty() -> Self {
        Self {
            rows: [Row::ZERO; TILE],
            start: Start::ZERO,
            duos: core::array::from_fn(|_| Filled::empty()),
        }
    }
}

/// Brings together the groups of two weights that channels have at the same place: a transposition of 32-bit numbers,
/// eight groups of eight channels at a time.
#[target_feature(enable = "avx2")]
pub(crate) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.start = Start::of(&weights);
    for (pair, duos) in panel.duos.iter_mut().enumerate().take(panel.start.pairs) {
        let duos = duos.fill(weights.depth.div_ceil(GROUP), Duo::ZERO);
        for (duos, done) in duos.chunks_mut(WIDTH / GROUP).zip((0..).step_by(WIDTH)) {
            for vector in 0..2 {
                let mut rows = [_mm256_setzero_si256(); 8];
                for (place, row) in rows.iter_mut().enumerate() {
                    let channel = WIDTH * pair + 4 * vector + place / 4 * 8 + place % 4;
                    let weights = load_bytes(weights.of_channel(channel, done));
                    *row = _mm256_cvtepi8_epi16(weights);
                }
                for (duo, groups) in duos.iter_mut().zip(transpose(rows)) {
                    if let Some(to) = duo.0.get_mut(vector) {
                        // SAFETY: `to` is an array of 32 bytes.
                        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), groups) }
                    }
                }
            }
        }
    }
}

/// Vector `i` gets number `i` of 32 bits of each.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(rows: [__m256i; 8]) -> [__m256i; 8] {
    // Within lanes of 128 bits, four rows of four numbers; then the lanes.
    let [a, b, c, d, e, f, g, h] = rows;
    let [first, second] = [[a, b, c, d], [e, f, g, h]].map(|[a, b, c, d]| {
        let (low, high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let (low_2, high_2) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
        [
            _mm256_unpacklo_epi64(low, low_2),
            _mm256_unpackhi_epi64(low, low_2),
            _mm256_unpacklo_epi64(high, high_2),
            _mm256_unpackhi_epi64(high, high_2),
        ]
    });
    let mut transposed = [_mm256_setzero_si256(); 8];
    let (low, high) = transposed.split_at_mut(4);
    for (((low, high), first), second) in low.iter_mut().zip(high).zip(first).zip(second) {
        *low = _mm256_permute2x128_si256::<0x20>(first, second);
        *high = _mm256_permute2x128_si256::<0x31>(first, second);
    }
    transposed
}

/// Stages the inputs of some pixels as rows of int16, then multiplies each such tile.
#[target_feature(enable = "avx2")]
pub(crate) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    let Panel { rows, start, duos } = panel;
    let mut first = 0;
    let mut sums = sums;
    while !sums.is_empty() {
        let pixels = match sums.len() {
            TILE.. => TILE,
            2.. => 2,
            _ => 1,
        };
        for (pixel, row) in (first..first + pixels).zip(&mut *rows) {
            row.stage(strips, pixel, len);
        }
        first += pixels;
        let tile = sums.split_off_mut(..pixels).unwrap_or_default();
        for (pair, duos) in duos.iter().enumerate().take(start.pairs) {
            match pixels {
                TILE => multiply_tile::<TILE>(start, duos, pair, rows, tile),
                2 => multiply_tile::<2>(start, duos, pair, rows, tile),
                _ => multiply_tile::<1>(start, duos, pair, rows, tile),
            }
        }
    }
}

/// The inputs of one pixel, strip after strip, widened, in groups of two; vectors are stored whole
/// and may reach behind the last one.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Row([i32; GROUPS + 8]);

impl Row {
    const ZERO: Self = Self([0; GROUPS + 8]);

    #[inline]
    #[target_feature(enable = "avx2")]
    fn stage(&mut self, strips: &[Strip<'_>], pixel: usize, len: usize) {
        let mut at = 0;
        for strip in strips {
            // Vectors are loaded whole too, as far as there are values: what lies behind the piece is overwritten or has no weights.
            let mut values = strip.values.get(pixel * strip.step..).unwrap_or_default();
            for to in (at..DEPTH.min(at + len)).step_by(WIDTH) {
                let wide = _mm256_cvtepi8_epi16(load_bytes(values));
                // SAFETY: `to` is below `DEPTH`, so 16 numbers of 2 bytes from there end within the
                // row.
                unsafe { _mm256_storeu_si256(self.0.as_mut_ptr().byte_add(2 * to).cast(), wide) }
                values = values.get(WIDTH..).unwrap_or_default();
            }
            at += len;
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn multiply_tile<const P: usize>(
    start: &Start,
    duos: &Filled<Duo, GROUPS>,
    pair: usize,
    rows: &[Row; TILE],
    sums: &mut [Sums],
) {
    let mut tile = [[_mm256_setzero_si256(); 2]; P];
    for (vectors, there) in tile.iter_mut().zip(sums.iter()) {
        *vectors = start.sums(pair, there);
    }
    for (group, duo) in duos.values().iter().enumerate() {
        let weights = duo.load();
        for (vectors, row) in tile.iter_mut().zip(rows) {
            // SAFETY: a panel has `GROUPS` duos, a row more numbers than that.
            let input = _mm256_set1_epi32(unsafe { *row.0.get_unchecked(group) });
            for (vector, weights) in vectors.iter_mut().zip(weights) {
                *vector = _mm256_add_epi32(*vector, _mm256_madd_epi16(input, weights));
            }
        }
    }
    for (vectors, sums) in tile.into_iter().zip(sums) {
        if let Some(sums) = part_mut(sums, pair) {
            store(vectors, sums);
        }
    }
}

/// As many sums as a tile has, in the pairs of instructions of its innermost loop.
#[target_feature(enable = "avx2")]
pub(crate) fn saturate(turns: u32) -> u64 {
    const SUMS: usize = 2 * TILE;
    let mut sums = black_box([_mm256_setzero_si256(); SUMS]);
    let (input, weights) = (_mm256_set1_epi16(3), _mm256_set1_epi16(5));
    for _ in 0..turns {
        for sum in &mut sums {
            // As assembly: the compiler would take the product out of the loop.
            // SAFETY: the instructions read and write these registers only, and are of `avx2`.
            unsafe {
                asm!(
                    "vpmaddwd {product}, {input}, {weights}",
                    "vpaddd {sum}, {sum}, {product}",
                    sum = inout(ymm_reg) *sum,
                    product = out(ymm_reg) _,
                    input = in(ymm_reg) input,
                    weights = in(ymm_reg) weights,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
        }
    }
    black_box(sums);
    u64::from(turns) * (SUMS * WIDTH) as u64
}
