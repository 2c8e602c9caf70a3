//! 512-bit vectors with `vpdpbusd`: four products of an unsigned and a signed byte, summed into
//! each int32 lane, exactly.
//!
//! The unsigned side is the input plus 128 (`x ^ 0x80`). What that adds, `128 * Σ weights`, does
//! not depend on the input, so it is taken off where the sums start.
//!
//! Channel `c` of a block has its sum in vector `c / 4 % 4`, lane `c / 16 * 4 + c % 4`: the order in
//! which unpacking deals out bytes and in which packing collects them.
//!
//! ```text
//! unpacklo_epi8, unpacklo_epi16  ->  0 1 2 3 | 16 17 18 19 | 32 .. | 48 ..   vector 0
//! unpacklo_epi8, unpackhi_epi16  ->  4 5 6 7 | 20 ..                         vector 1
//! ```

use core::arch::x86_64::*;
use core::hint::black_box;

use super::super::{BLOCK, DEPTH, Epilogue, STRIPS, Strip, Sums, Weights};
use super::LONGEST_ROW;
use super::filled::Filled;

/// The sums of a block, or any other 64 numbers of 32 bits in their order.
type Vectors = [__m512i; 4];
/// Bytes of a vector.
const BYTES: usize = 64;
/// Inputs that one instruction takes of each channel.
const GROUP: usize = 4;
/// Pixels whose sums are in registers at a time: 24 vectors, beside 4 of weights.
const TILE: usize = 6;
/// Rows of `dots` whose products are in registers at a time: as many as an instruction stores sums.
const ROWS: usize = 16;
/// Groups of a panel.
const GROUPS: usize = DEPTH / GROUP;

/// Four weights of each of 64 channels, in the order of sums.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Quad([[i8; BYTES]; 4]);

impl Quad {
    const ZERO: Self = Self([[0; BYTES]; 4]);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn load(&self) -> Vectors {
        let mut vectors = [_mm512_setzero_si512(); 4];
        for (vector, bytes) in vectors.iter_mut().zip(&self.0) {
            // SAFETY: `bytes` is an array of 64 bytes, and aligned as the quad is.
            *vector = unsafe { _mm512_load_si512(bytes.as_ptr().cast()) };
        }
        vectors
    }
}

/// `GROUPS` times four inputs of each channel of a block.
pub(crate) struct Panel {
    /// The inputs of a tile's pixels, here because to clear them for every few pixels would take long.
    rows: [Row; TILE],
    start: Start,
    quads: Filled<Quad, GROUPS>,
}

/// `STRIPS` taps of each channel of a block, four in a quad.
pub(crate) struct Taps {
    start: Start,
    quads: [Quad; STRIPS / GROUP],
    channels: usize,
}

impl Panel {
    pub(crate) fn empty() -> Self {
        Self { rows: [Row::ZERO; TILE], start: Start::ZERO, quads: Filled::empty() }
    }
}

impl Taps {
    pub(crate) const EMPTY: Self =
        Self { start: Start::ZERO, quads: [Quad::ZERO; STRIPS / GROUP], channels: 0 };
}

/// What is added to a block's sums for the bias and against the inputs' 128 too many.
struct Start {
    /// In the order of sums.
    values: Sums,
    /// Whether sums are there already.
    continues: bool,
}

impl Start {
    const ZERO: Self = Self { values: Sums::ZERO, continues: false };

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn of(weights: &Weights<'_>, quads: &[Quad]) -> Self {
        let mut values = natural(weights.bias.unwrap_or_default());
        let excess = _mm512_set1_epi8(i8::MIN);
        let mut sums = [_mm512_setzero_si512(); 4];
        for quad in quads {
            for (sum, weights) in sums.iter_mut().zip(quad.load()) {
                *sum = _mm512_dpbusd_epi32(*sum, excess, weights);
            }
        }
        for (value, sum) in values.iter_mut().zip(sums) {
            *value = _mm512_sub_epi32(*value, sum);
        }
        let mut start = Self { values: Sums::ZERO, continues: weights.bias.is_none() };
        store(values, &mut start.values);
        start
    }

    /// The sums of one pixel before anything is added.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn sums(&self, there: &Sums) -> Vectors {
        let mut vectors = load(&self.values);
        if self.continues {
            for (vector, there) in vectors.iter_mut().zip(load(there)) {
                *vector = _mm512_add_epi32(*vector, there);
            }
        }
        vectors
    }
}

/// Brings together the groups of four weights that channels have at the same place: a transposition
/// of 32-bit numbers, sixteen groups of sixteen channels at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    let quads = panel.quads.fill(weights.depth.div_ceil(GROUP), Quad::ZERO);
    for (quads, done) in quads.chunks_mut(BYTES / GROUP).zip((0..).step_by(BYTES)) {
        for vector in 0..4 {
            // For each lane of the vector its four channels' groups, a lane for each four.
            let mut lanes = [[_mm512_setzero_si512(); 4]; 4];
            for (lane, groups) in lanes.iter_mut().enumerate() {
                let mut rows = [_mm512_setzero_si512(); 4];
                for (index, row) in rows.iter_mut().enumerate() {
                    *row = load_bytes(weights.of_channel(16 * lane + 4 * vector + index, done));
                }
                *groups = transpose_numbers(rows);
            }
            let [a, b, c, d] = lanes;
            for (index, (((a, b), c), d)) in a.into_iter().zip(b).zip(c).zip(d).enumerate() {
                let groups = quads.iter_mut().skip(index).step_by(4);
                for (quad, group) in groups.zip(transpose_lanes([a, b, c, d])) {
                    if let Some(to) = quad.0.get_mut(vector) {
                        store_bytes(group, to);
                    }
                }
            }
        }
    }
    panel.start = Start::of(&weights, panel.quads.values());
}

/// Works on as many pixels at a time as there are registers, then on the rest.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    let rest = multiply_tiles::<TILE>(panel, strips, len, 0, sums);
    let rest = multiply_tiles::<4>(panel, strips, len, sums.len() - rest, sums);
    let rest = multiply_tiles::<2>(panel, strips, len, sums.len() - rest, sums);
    multiply_tiles::<1>(panel, strips, len, sums.len() - rest, sums);
}

/// Stages and multiplies `P` pixels at a time from pixel `first` on; returns how many are left.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_tiles<const P: usize>(
    panel: &mut Panel,
    strips: &[Strip<'_>],
    len: usize,
    first: usize,
    sums: &mut [Sums],
) -> usize {
    let (tiles, rest) = sums.get_mut(first..).unwrap_or_default().as_chunks_mut::<P>();
    let Panel { rows, start, quads } = panel;
    let Some(rows) = rows.first_chunk_mut::<P>() else {
        return rest.len();
    };
    for (tile, first) in tiles.iter_mut().zip((first..).step_by(P)) {
        for (row, pixel) in rows.iter_mut().zip(first..) {
            row.stage(strips, pixel, len);
        }
        multiply_tile(start, quads.values(), rows, tile);
    }
    rest.len()
}

/// The inputs of one pixel plus 128, strip after strip, in groups of four; vectors are stored whole
/// and may reach behind the last one.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Row([i32; GROUPS + BYTES / GROUP]);

impl Row {
    const ZERO: Self = Self([0; GROUPS + BYTES / GROUP]);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn stage(&mut self, strips: &[Strip<'_>], pixel: usize, len: usize) {
        let mut at = 0;
        for strip in strips {
            let mut values = strip.of(pixel, len);
            let mut to = at;
            while !values.is_empty() {
                let unsigned = to_unsigned(load_bytes(values));
                if to < DEPTH {
                    // SAFETY: `to` is below `DEPTH`, so 64 bytes from there end within the row.
                    unsafe {
                        _mm512_storeu_si512(self.0.as_mut_ptr().byte_add(to).cast(), unsigned)
                    }
                }
                values = values.get(BYTES..).unwrap_or_default();
                to += BYTES;
            }
            at += len;
        }
    }
}

/// All sums of the tile stay in registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_tile<const P: usize>(
    start: &Start,
    quads: &[Quad],
    rows: &[Row; P],
    sums: &mut [Sums; P],
) {
    let mut tile = [[_mm512_setzero_si512(); 4]; P];
    for (vectors, there) in tile.iter_mut().zip(sums.iter()) {
        *vectors = start.sums(there);
    }
    for (group, quad) in quads.iter().enumerate() {
        let weights = quad.load();
        for (vectors, row) in tile.iter_mut().zip(rows) {
            let input = _mm512_set1_epi32(row.0.get(group).copied().unwrap_or_default());
            for (vector, weights) in vectors.iter_mut().zip(weights) {
                *vector = _mm512_dpbusd_epi32(*vector, input, weights);
            }
        }
    }
    for (vectors, sums) in tile.iter().zip(sums) {
        store(*vectors, sums);
    }
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
        for (to, weights) in quad.0.iter_mut().zip(interleave(vectors)) {
            store_bytes(weights, to);
        }
    }
    taps.start = Start::of(&weights, taps.quads.get(..count).unwrap_or_default());
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
        match strips.len() {
            9 if follows(left, middle) && follows(middle, right) => {
                multiply_columns::<1>(taps, [left, middle, right], sums);
            }
            9 if follows(left, right) => {
                multiply_columns::<2>(taps, [left, middle, right], sums);
            }
            0..=4 => multiply_quads::<1>(taps, &quads, sums),
            5..=8 => multiply_quads::<2>(taps, &quads, sums),
            9..=12 => multiply_quads::<3>(taps, &quads, sums),
            _ => multiply_quads::<4>(taps, &quads, sums),
        }
    }
}

/// Taps of a column of a 3x3 window.
const COLUMN: usize = 3;

/// Whether each pixel has under `after` what the next one has under `before`.
fn follows(before: &[Strip<'_>; GROUP], after: &[Strip<'_>; GROUP]) -> bool {
    before.iter().zip(after).take(COLUMN).all(|(before, after)| {
        let next = before.values.as_ptr().wrapping_add(before.step);
        before.step == after.step && next == after.values.as_ptr()
    })
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

/// Four taps at a time, `Q` times.
///
/// # Safety
/// Every strip of the quads holds the channels of every pixel.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn multiply_quads<const Q: usize>(
    taps: &Taps,
    strips: &[[Strip<'_>; GROUP]],
    sums: &mut [Sums],
) {
    let (Some(quads), mask) = (taps.quads.first_chunk::<Q>(), mask(taps.channels)) else {
        return;
    };
    for (pixel, sums) in sums.iter_mut().enumerate() {
        let mut vectors = taps.start.sums(sums);
        for (quad, strips) in quads.iter().zip(strips) {
            // SAFETY: the caller has the strips hold this pixel.
            add_products(
                &mut vectors,
                unsafe { load_quad::<GROUP>(strips, pixel, mask) },
                quad.load(),
            );
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
    let weights = [first.load(), second.load(), third.load()];
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn requantize(sums: &[Sums], epilogue: &Epilogue<'_>, output: &mut [i8]) {
    let positive = natural(bytemuck::try_cast_slice(epilogue.positive).unwrap_or_default());
    let negative = natural(bytemuck::try_cast_slice(epilogue.negative).unwrap_or_default());
    let (mut alike, mut small) = (true, true);
    for (positive, negative) in positive.into_iter().zip(negative) {
        alike &= _mm512_cmpneq_epi32_mask(positive, negative) == 0;
        small &= all_below_one(positive) && all_below_one(negative);
    }
    // Without a residual, a sum times less than one is no larger than a sum, and no NaN.
    let limited = epilogue.residual.is_some() || !small;
    let multipliers = [positive, negative];
    match (alike, limited) {
        (true, true) => round_all::<true, true>(sums, multipliers, epilogue, output),
        (true, false) => round_all::<true, false>(sums, multipliers, epilogue, output),
        (false, true) => round_all::<false, true>(sums, multipliers, epilogue, output),
        (false, false) => round_all::<false, false>(sums, multipliers, epilogue, output),
    }
}

/// Whether these are numbers between -1 and 1.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn all_below_one(reals: __m512i) -> bool {
    let magnitudes = _mm512_and_si512(reals, _mm512_set1_epi32(i32::MAX));
    _mm512_cmpge_epi32_mask(magnitudes, _mm512_set1_epi32(1.0_f32.to_bits().cast_signed())) == 0
}

/// `ALIKE` multipliers for both signs, reals that must be `LIMITED` before they become integers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn round_all<const ALIKE: bool, const LIMITED: bool>(
    sums: &[Sums],
    [positive, negative]: [Vectors; 2],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let channels = epilogue.positive.len();
    let zero = _mm512_setzero_si512();
    let zero_point = _mm512_set1_epi16(epilogue.zero_point.into());
    for (pixel, sums) in sums.iter().enumerate() {
        let first = pixel * epilogue.step;
        let Some(output) = output.get_mut(first..) else {
            return;
        };
        let mut reals = [_mm512_setzero_ps(); 4];
        let multipliers = positive.into_iter().zip(negative);
        for ((real, sum), (mut multiplier, negative)) in
            reals.iter_mut().zip(load(sums)).zip(multipliers)
        {
            if !ALIKE {
                let below_zero = _mm512_cmplt_epi32_mask(sum, zero);
                multiplier = _mm512_mask_blend_epi32(below_zero, multiplier, negative);
            }
            *real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_castsi512_ps(multiplier));
        }
        if let Some(residual) = epilogue.residual {
            let values = residual.values.get(first..).unwrap_or_default();
            let values = load_bytes(values.get(..channels).unwrap_or(values));
            let zero_point = _mm512_set1_epi32(residual.zero_point.into());
            let multiplier = _mm512_set1_ps(residual.multiplier);
            for (real, value) in reals.iter_mut().zip(widen(values)) {
                let distance = _mm512_cvtepi32_ps(_mm512_sub_epi32(value, zero_point));
                *real = _mm512_add_ps(*real, _mm512_mul_ps(distance, multiplier));
            }
        }
        if LIMITED {
            for real in &mut reals {
                *real = limit(*real);
            }
        }
        let [a, b, c, d] = reals;
        let [a, b, c, d] = [round(a), round(b), round(c), round(d)];
        let low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
        let high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
        let rounded = _mm512_packs_epi16(low, high);
        let room = output.len().min(channels);
        store_bytes(rounded, output.get_mut(..room).unwrap_or_default());
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let len = a.len().min(b.len());
    let (mut a, mut b) = (a.get(..len).unwrap_or(a), b.get(..len).unwrap_or(b));
    let excess = _mm512_set1_epi8(i8::MIN);
    let (mut products, mut too_many) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    while !a.is_empty() {
        let weights = load_bytes(b);
        products = _mm512_dpbusd_epi32(products, to_unsigned(load_bytes(a)), weights);
        too_many = _mm512_dpbusd_epi32(too_many, excess, weights);
        a = a.get(BYTES..).unwrap_or_default();
        b = b.get(BYTES..).unwrap_or_default();
    }
    _mm512_reduce_add_epi32(_mm512_sub_epi32(products, too_many))
}

/// Here the row is the unsigned side, so that what its 128 adds is the same for all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn dots<const N: usize>(
    probe: &[i8; N],
    rows: &[[[i8; N]; ROWS]],
    sums: &mut [[i32; ROWS]],
) {
    let mut weights = [_mm512_setzero_si512(); LONGEST_ROW / BYTES];
    let mut too_many = _mm512_setzero_si512();
    for (weights, probe) in weights.iter_mut().zip(probe.as_chunks::<BYTES>().0) {
        *weights = load_bytes(probe);
        too_many = _mm512_dpbusd_epi32(too_many, _mm512_set1_epi8(i8::MIN), *weights);
    }
    let start = _mm512_sub_epi32(_mm512_setzero_si512(), too_many);
    for (sums, rows) in sums.iter_mut().zip(rows) {
        let mut products = [[start; 4]; 4];
        for (products, row) in products.as_flattened_mut().iter_mut().zip(rows) {
            for (bytes, &weights) in row.as_chunks::<BYTES>().0.iter().zip(&weights) {
                *products = _mm512_dpbusd_epi32(*products, to_unsigned(load_bytes(bytes)), weights);
            }
        }
        let [a, b, c, d] = products.map(|four| add_numbers(four));
        // SAFETY: `sums` is an array of 64 bytes.
        unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), add_lanes([a, b, c, d])) }
    }
}

/// Within each lane of 128 bits, number `i` is the sum of vector `i`'s numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_numbers([a, b, c, d]: Vectors) -> __m512i {
    let pair = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    pair(pair(a, c), pair(b, d))
}

/// Lane `i` of 128 bits is the sum of vector `i`'s lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_lanes([a, b, c, d]: Vectors) -> __m512i {
    let pair = |a, b| {
        let (even, odd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        _mm512_add_epi32(even, odd)
    };
    pair(pair(a, b), pair(c, d))
}

/// As many sums as a tile has.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn saturate(turns: u32) -> u64 {
    const SUMS: usize = 4 * TILE;
    let mut sums = black_box([_mm512_setzero_si512(); SUMS]);
    let (input, weights) = (_mm512_set1_epi8(3), _mm512_set1_epi8(5));
    for _ in 0..turns {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, input, weights);
        }
    }
    black_box(sums);
    u64::from(turns) * (SUMS * BYTES) as u64
}

/// `x + 128` of each byte.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn to_unsigned(signed: __m512i) -> __m512i {
    _mm512_xor_si512(signed, _mm512_set1_epi8(i8::MIN))
}

/// Leaves too large numbers at 4096. Of a NaN and a number `vminps` gives its second operand.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn limit(real: __m512) -> __m512 {
    _mm512_min_ps(_mm512_set1_ps(4096.0), real)
}

/// Nearest integers, ties to even. Too small numbers and NaN give the least integer, so that packing
/// saturates them as the contract says; so would too large ones, if they were not limited.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn round(real: __m512) -> __m512i {
    _mm512_cvt_roundps_epi32::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(real)
}

/// Each byte as an int32, in the order of sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn widen(bytes: __m512i) -> Vectors {
    let mut wide = interleave([bytes; GROUP]);
    for vector in &mut wide {
        *vector = _mm512_srai_epi32::<24>(*vector);
    }
    wide
}

/// At most 64 numbers, brought from the order of the channels into that of sums; then zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn natural(numbers: &[i32]) -> Vectors {
    let mut vectors = [_mm512_setzero_si512(); 4];
    for (vector, numbers) in vectors.iter_mut().zip(numbers.chunks(16)) {
        let mask = (u16::MAX as u32 >> (16 - numbers.len())) as u16;
        // SAFETY: the mask has a bit for each number; the others are not read.
        *vector = unsafe { _mm512_maskz_loadu_epi32(mask, numbers.as_ptr()) };
    }
    transpose_lanes(vectors)
}

/// Vector `i` gets lane `i` of 128 bits of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn transpose_lanes([a, b, c, d]: Vectors) -> Vectors {
    let (even, even_2) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0x88>(c, d));
    let (odd, odd_2) = (_mm512_shuffle_i32x4::<0xdd>(a, b), _mm512_shuffle_i32x4::<0xdd>(c, d));
    [
        _mm512_shuffle_i32x4::<0x88>(even, even_2),
        _mm512_shuffle_i32x4::<0x88>(odd, odd_2),
        _mm512_shuffle_i32x4::<0xdd>(even, even_2),
        _mm512_shuffle_i32x4::<0xdd>(odd, odd_2),
    ]
}

/// Within each lane of 128 bits, vector `i` gets number `i` of 32 bits of each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn transpose_numbers([a, b, c, d]: Vectors) -> Vectors {
    let (low, high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (low_2, high_2) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    [
        _mm512_unpacklo_epi64(low, low_2),
        _mm512_unpackhi_epi64(low, low_2),
        _mm512_unpacklo_epi64(high, high_2),
        _mm512_unpackhi_epi64(high, high_2),
    ]
}

/// Brings the bytes together that four vectors have at the same place, in the order of sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn interleave([a, b, c, d]: [__m512i; GROUP]) -> Vectors {
    let (low, high) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
    let (low_2, high_2) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
    [
        _mm512_unpacklo_epi16(low, low_2),
        _mm512_unpackhi_epi16(low, low_2),
        _mm512_unpacklo_epi16(high, high_2),
        _mm512_unpackhi_epi16(high, high_2),
    ]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn load(sums: &Sums) -> Vectors {
    let mut vectors = [_mm512_setzero_si512(); 4];
    for (vector, sums) in vectors.iter_mut().zip(sums.0.as_chunks::<16>().0) {
        // SAFETY: `sums` is an array of 64 bytes.
        *vector = unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) };
    }
    vectors
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn store(vectors: Vectors, sums: &mut Sums) {
    for (vector, sums) in vectors.into_iter().zip(sums.0.as_chunks_mut::<16>().0) {
        // SAFETY: `sums` is an array of 64 bytes.
        unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), vector) }
    }
}

/// The first 64 bytes, or all there are and then zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn load_bytes(bytes: &[i8]) -> __m512i {
    if let Some(all) = bytes.first_chunk::<BYTES>() {
        // SAFETY: `all` is an array of 64 bytes.
        return unsafe { _mm512_loadu_si512(all.as_ptr().cast()) };
    }
    // SAFETY: the mask has a bit for each byte; the others are not read.
    unsafe { _mm512_maskz_loadu_epi8(mask(bytes.len()), bytes.as_ptr()) }
}

/// Fills at most 64 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn store_bytes(vector: __m512i, bytes: &mut [i8]) {
    if let Some(all) = bytes.first_chunk_mut::<BYTES>() {
        // SAFETY: `all` is an array of 64 bytes.
        return unsafe { _mm512_storeu_si512(all.as_mut_ptr().cast(), vector) };
    }
    // SAFETY: the mask has a bit for each byte; the others are not written.
    unsafe { _mm512_mask_storeu_epi8(bytes.as_mut_ptr(), mask(bytes.len()), vector) }
}

/// A bit for each of `bytes`, at most 64.
#[inline(always)]
fn mask(bytes: usize) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(bytes as u32)).unwrap_or_default()
}
