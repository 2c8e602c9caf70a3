//! Dense products: the weights of a block in quads, the inputs of some pixels in rows, and all their sums in registers.

use core::arch::x86_64::*;
use core::hint::black_box;

use super::super::super::{DEPTH, Strip, Sums, Weights};
use super::super::filled::Filled;
use super::lanes::{
    load_bytes, store, store_bytes, to_unsigned, transpose_lanes, transpose_numbers,
};
use super::{BYTES, GROUP, Quad, Start};

/// Pixels whose sums are in registers at a time: 24 vectors, beside 4 of weights.
const TILE: usize = 6;
/// Groups of a panel.
const GROUPS: usize = DEPTH / GROUP;

/// `GROUPS` times four inputs of each channel of a block.
pub(crate) struct Panel {
    /// The inputs of a tile's pixels, here because to clear them for every few pixels would take long.
    rows: [Row; TILE],
    start: Start,
    quads: Filled<Quad, GROUPS>,
}

impl Panel {
    pub(crate) fn empty() -> Self {
        Self { rows: [Row::ZERO; TILE], start: Start::ZERO, quads: Filled::empty() }
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
