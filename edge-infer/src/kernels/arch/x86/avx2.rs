//! 256-bit vectors with `vpmaddwd`: two products of int16, summed into each int32 lane, exactly.
//!
//! `vpmaddubsw`, which takes bytes, saturates its sums and so is of no use here: inputs and weights
//! are widened to int16 first.
//!
//! Sixteen channels have their sums in two vectors, in the order in which unpacking deals out int16
//! and in which packing collects them:
//!
//! ```text
//! unpacklo_epi16  ->  0 1 2 3 |  8  9 10 11     vector 0
//! unpackhi_epi16  ->  4 5 6 7 | 12 13 14 15     vector 1
//! ```

use core::arch::{asm, x86_64::*};
use core::hint::black_box;

use super::super::{BLOCK, DEPTH, Epilogue, STRIPS, Strip, Sums, Weights};
use super::LONGEST_ROW;
use super::filled::Filled;

/// Sixteen sums, or other numbers of 32 bits in their order.
type Pair = [__m256i; 2];
/// Channels of a pair.
const WIDTH: usize = 16;
/// Pairs of a block.
const PAIRS: usize = BLOCK / WIDTH;
/// Inputs that one instruction takes of each channel.
const GROUP: usize = 2;
/// Pixels whose sums of 16 channels are in registers at a time: 12 vectors, beside 2 of weights.
const TILE: usize = 6;
/// Rows of `dots` whose products are in registers at a time.
const ROWS: usize = 8;
/// Groups of a panel.
const GROUPS: usize = DEPTH / GROUP;

/// Two weights of each of 16 channels, widened, in the order of sums.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Duo([[[i16; GROUP]; 8]; 2]);

impl Duo {
    const ZERO: Self = Self([[[0; GROUP]; 8]; 2]);

    #[inline(always)]
    fn of_channel(&mut self, channel: usize) -> Option<&mut [i16; GROUP]> {
        self.0.get_mut(channel / 4 % 2)?.get_mut(channel / 8 % 2 * 4 + channel % 4)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(&self) -> Pair {
        let [a, b] = &self.0;
        // SAFETY: both are arrays of 32 bytes.
        unsafe { [_mm256_load_si256(a.as_ptr().cast()), _mm256_load_si256(b.as_ptr().cast())] }
    }
}

/// Weights of a block's channels, sixteen channels after the other.
pub(crate) struct Panel {
    /// The inputs of a tile's pixels, here because to clear them for every few pixels would take long.
    rows: [Row; TILE],
    start: Start,
    duos: [Filled<Duo, GROUPS>; PAIRS],
}

/// Taps of a block's channels, sixteen channels after the other, two taps in a duo.
pub(crate) struct Taps {
    start: Start,
    duos: [[Duo; STRIPS / GROUP]; PAIRS],
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

impl Taps {
    pub(crate) const EMPTY: Self =
        Self { start: Start::ZERO, duos: [[Duo::ZERO; STRIPS / GROUP]; PAIRS] };
}

/// What a block's sums start from.
struct Start {
    /// The bias in the order of sums.
    values: Sums,
    /// Whether sums are there already.
    continues: bool,
    /// Pairs that have channels.
    pairs: usize,
}

impl Start {
    const ZERO: Self = Self { values: Sums::ZERO, continues: false, pairs: 0 };

    #[target_feature(enable = "avx2")]
    fn of(weights: &Weights<'_>) -> Self {
        let mut start = Self {
            values: Sums::ZERO,
            continues: weights.bias.is_none(),
            pairs: weights.channels.div_ceil(WIDTH),
        };
        let bias = weights.bias.unwrap_or_default();
        for (values, bias) in start.values.0.as_chunks_mut().0.iter_mut().zip(bias.chunks(WIDTH)) {
            store(natural(bias), values);
        }
        start
    }

    /// A pixel's pair before anything is added.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sums(&self, pair: usize, there: &Sums) -> Pair {
        load(part(if self.continues { there } else { &self.values }, pair))
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
            let mut values = strip.of(pixel, len);
            let mut to = at;
            while !values.is_empty() && to < DEPTH {
                let wide = _mm256_cvtepi8_epi16(load_bytes(values));
                // SAFETY: `to` is below `DEPTH`, so 16 numbers of 2 bytes from there end within the
                // row.
                unsafe { _mm256_storeu_si256(self.0.as_mut_ptr().byte_add(2 * to).cast(), wide) }
                values = values.get(WIDTH..).unwrap_or_default();
                to += WIDTH;
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

#[target_feature(enable = "avx2")]
pub(crate) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    let zero_point = _mm256_set1_epi16(epilogue.zero_point.into());
    let negative = epilogue.negative.chunks(WIDTH);
    for (pair, (positive, negative)) in epilogue.positive.chunks(WIDTH).zip(negative).enumerate() {
        let channels = positive.len();
        let positive = natural(bytemuck::try_cast_slice(positive).unwrap_or_default());
        let negative = natural(bytemuck::try_cast_slice(negative).unwrap_or_default());
        for (pixel, sums) in sums.iter().enumerate() {
            let first = pixel * epilogue.step + pair * WIDTH;
            let Some(output) = output.get_mut(first..) else {
                return;
            };
            let mut reals = [_mm256_setzero_ps(); 2];
            let multipliers = positive.into_iter().zip(negative);
            let sums = load(part(sums, pair));
            for ((real, sum), (positive, negative)) in reals.iter_mut().zip(sums).zip(multipliers) {
                // The mask's sign bit chooses: it is the sum's.
                let multiplier = _mm256_blendv_ps(
                    _mm256_castsi256_ps(positive),
                    _mm256_castsi256_ps(negative),
                    _mm256_castsi256_ps(sum),
                );
                *real = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), multiplier);
            }
            if let Some(residual) = epilogue.residual {
                let values = load_bytes(residual.values.get(first..).unwrap_or_default());
                let zero_point = _mm256_set1_epi32(residual.zero_point.into());
                let multiplier = _mm256_set1_ps(residual.multiplier);
                for (real, value) in reals.iter_mut().zip(widen(values)) {
                    let distance = _mm256_cvtepi32_ps(_mm256_sub_epi32(value, zero_point));
                    *real = _mm256_add_ps(*real, _mm256_mul_ps(distance, multiplier));
                }
            }
            let [a, b] = reals;
            let rounded = _mm256_adds_epi16(_mm256_packs_epi32(round(a), round(b)), zero_point);
            let (low, high) =
                (_mm256_castsi256_si128(rounded), _mm256_extracti128_si256::<1>(rounded));
            store_bytes(_mm_packs_epi16(low, high), channels, output);
        }
    }
}

#[target_feature(enable = "avx2")]
pub(crate) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let (a, b) = (a.get(..len).unwrap_or(a), b.get(..len).unwrap_or(b));
    let mut products = _mm256_setzero_si256();
    for (a, b) in a.chunks(WIDTH).zip(b.chunks(WIDTH)) {
        let (a, b) = (_mm256_cvtepi8_epi16(load_bytes(a)), _mm256_cvtepi8_epi16(load_bytes(b)));
        products = _mm256_add_epi32(products, _mm256_madd_epi16(a, b));
    }
    let mut lanes = [0; 8];
    // SAFETY: `lanes` is an array of 32 bytes.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), products) }
    lanes.iter().fold(0, |sum, &lane| sum.wrapping_add(lane))
}

#[target_feature(enable = "avx2")]
pub(crate) fn dots<const N: usize>(
    probe: &[i8; N],
    rows: &[[[i8; N]; ROWS]],
    sums: &mut [[i32; ROWS]],
) {
    let mut weights = [_mm256_setzero_si256(); LONGEST_ROW / WIDTH];
    for (weights, probe) in weights.iter_mut().zip(probe.as_chunks::<WIDTH>().0) {
        *weights = _mm256_cvtepi8_epi16(load_bytes(probe));
    }
    for (sums, rows) in sums.iter_mut().zip(rows) {
        let mut products = [_mm256_setzero_si256(); ROWS];
        for (products, row) in products.iter_mut().zip(rows) {
            for (bytes, &weights) in row.as_chunks::<WIDTH>().0.iter().zip(&weights) {
                let bytes = _mm256_cvtepi8_epi16(load_bytes(bytes));
                *products = _mm256_add_epi32(*products, _mm256_madd_epi16(bytes, weights));
            }
        }
        let [a, b, c, d, e, f, g, h] = products;
        // Of each row two sums, one in either half.
        let first = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let last = _mm256_hadd_epi32(_mm256_hadd_epi32(e, f), _mm256_hadd_epi32(g, h));
        let low = _mm256_permute2x128_si256::<0x20>(first, last);
        let high = _mm256_permute2x128_si256::<0x31>(first, last);
        // SAFETY: `sums` is an array of 32 bytes.
        unsafe {
            _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm256_add_epi32(low, high));
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

/// Nearest integers, ties to even. Too large ones give at least 4096; too small ones and NaN the
/// least integer, so that packing saturates them as the contract says.
#[inline]
#[target_feature(enable = "avx2")]
fn round(real: __m256) -> __m256i {
    // Of a NaN and a number `vminps` gives its second operand.
    _mm256_cvtps_epi32(_mm256_min_ps(_mm256_set1_ps(4096.0), real))
}

/// Each byte as an int32, in the order of sums.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(bytes: __m128i) -> Pair {
    let wide = _mm256_cvtepi8_epi16(bytes);
    [
        _mm256_srai_epi32::<16>(_mm256_unpacklo_epi16(wide, wide)),
        _mm256_srai_epi32::<16>(_mm256_unpackhi_epi16(wide, wide)),
    ]
}

/// At most 16 numbers, brought from the order of the channels into that of sums; then zeros.
#[inline]
#[target_feature(enable = "avx2")]
fn natural(numbers: &[i32]) -> Pair {
    let mut all = [0; WIDTH];
    for (to, &number) in all.iter_mut().zip(numbers) {
        *to = number;
    }
    let [a, b] = load(&all);
    [_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)]
}

/// The sums of the sixteen channels `pair`.
#[inline(always)]
fn part(sums: &Sums, pair: usize) -> &[i32; WIDTH] {
    sums.0.as_chunks().0.get(pair).unwrap_or(&[0; WIDTH])
}

#[inline(always)]
fn part_mut(sums: &mut Sums, pair: usize) -> Option<&mut [i32; WIDTH]> {
    sums.0.as_chunks_mut().0.get_mut(pair)
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(numbers: &[i32; WIDTH]) -> Pair {
    let numbers: *const __m256i = numbers.as_ptr().cast();
    // SAFETY: the array holds twice 32 bytes.
    unsafe { [_mm256_loadu_si256(numbers), _mm256_loadu_si256(numbers.add(1))] }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(pair: Pair, numbers: &mut [i32; WIDTH]) {
    let numbers: *mut __m256i = numbers.as_mut_ptr().cast();
    let [a, b] = pair;
    // SAFETY: the array holds twice 32 bytes.
    unsafe {
        _mm256_storeu_si256(numbers, a);
        _mm256_storeu_si256(numbers.add(1), b);
    }
}

/// The first 16 bytes, or all there are and then zeros.
#[inline]
#[target_feature(enable = "avx2")]
fn load_bytes(bytes: &[i8]) -> __m128i {
    let mut few = [0; WIDTH];
    let bytes = bytes.first_chunk().unwrap_or_else(|| {
        for (to, &byte) in few.iter_mut().zip(bytes) {
            *to = byte;
        }
        &few
    });
    // SAFETY: `bytes` is an array of 16 bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Writes the first `count` bytes, at most 16, or as many as there is room for.
#[inline]
#[target_feature(enable = "avx2")]
fn store_bytes(vector: __m128i, count: usize, output: &mut [i8]) {
    let mut bytes = [0; WIDTH];
    // SAFETY: `bytes` is an array of 16 bytes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), vector) }
    match output.first_chunk_mut() {
        Some(all) if count >= WIDTH => *all = bytes,
        _ => {
            for (to, byte) in output.iter_mut().zip(bytes).take(count) {
                *to = byte;
            }
        }
    }
}
