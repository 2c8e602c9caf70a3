//! Dense products: the weights of a block in quads, the inputs of some pixels in rows, and all their sums in registers.

use core::arch::x86_64::*;
use core::hint::black_box;

use super::super::super::{DEPTH, Strip, Sums, Weights};
use super::super::filled::Filled;
use super::lanes::{load_bytes, store, store_bytes, transpose_lanes, transpose_numbers};
use super::staged::Staged;
use super::{BYTES, GROUP, Line, Start, excess, load_lines, vectors};

/// Vectors of sums that are in registers at a time, beside those of weights.
const TILE: usize = 24;
/// Most groups of a panel.
const GROUPS: usize = DEPTH / GROUP;

/// The weights of a block, group after group, each in as many lines as a pixel's sums have vectors.
pub(crate) struct Panel {
    /// Here because its memory would else be cleared for every few pixels.
    staged: Staged,
    start: Start,
    lines: Filled<Line, { 4 * GROUPS }>,
    vectors: usize,
}

impl Panel {
    pub(crate) fn empty() -> Self {
        Self { staged: Staged::empty(), start: Start::ZERO, lines: Filled::empty(), vectors: 0 }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn pack(weights: Weights<'_>, panel: &mut Panel) {
    panel.vectors = vectors(weights.channels);
    match panel.vectors {
        1 => pack_of::<1>(weights, panel),
        2 => pack_of::<2>(weights, panel),
        _ => pack_of::<4>(weights, panel),
    }
}

/// Brings together the groups of four weights that channels have at the same place: a transposition
/// of 32-bit numbers, sixteen groups of sixteen channels at a time.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn pack_of<const V: usize>(weights: Weights<'_>, panel: &mut Panel) {
    let lines = panel.lines.fill(weights.depth.div_ceil(GROUP) * V, Line::ZERO);
    let (groups, _) = lines.as_chunks_mut::<V>();
    for (groups, done) in groups.chunks_mut(BYTES / GROUP).zip((0..).step_by(BYTES)) {
        for vector in 0..V {
            // For each lane of the vector its four channels' groups, a lane for each four.
            let mut lanes = [[_mm512_setzero_si512(); 4]; 4];
            for (lane, of_lane) in lanes.iter_mut().enumerate() {
                let mut rows = [_mm512_setzero_si512(); 4];
                for (index, row) in rows.iter_mut().enumerate() {
                    let channel = 4 * V * lane + 4 * vector + index;
                    *row = load_bytes(weights.of_channel(channel, done));
                }
                *of_lane = transpose_numbers(rows);
            }
            let [a, b, c, d] = lanes;
            for (index, (((a, b), c), d)) in a.into_iter().zip(b).zip(c).zip(d).enumerate() {
                let every_fourth = groups.iter_mut().skip(index).step_by(4);
                for (lines, weights) in every_fourth.zip(transpose_lanes([a, b, c, d])) {
                    if let Some(line) = lines.get_mut(vector) {
                        store_bytes(weights, &mut line.0);
                    }
                }
            }
        }
    }
    panel.start = Start::of(&weights, excess(groups));
}

/// Works on as many pixels at a time as there are registers, then on the rest.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn multiply(panel: &mut Panel, strips: &[Strip<'_>], len: usize, sums: &mut [Sums]) {
    match panel.vectors {
        1 => multiply_tiles::<12, 1>(panel, strips, len, sums),
        2 => multiply_tiles::<12, 2>(panel, strips, len, sums),
        _ => multiply_tiles::<6, 4>(panel, strips, len, sums),
    }
}

/// `P` pixels at a time, and the rest in tiles of fewer.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_tiles<const P: usize, const V: usize>(
    panel: &mut Panel,
    strips: &[Strip<'_>],
    len: usize,
    sums: &mut [Sums],
) {
    const { assert!(P * V <= TILE) }
    let all = sums.len();
    let rest = multiply_some::<P, V>(panel, strips, len, 0, sums);
    let rest = multiply_some::<4, V>(panel, strips, len, all - rest.len(), rest);
    let rest = multiply_some::<2, V>(panel, strips, len, all - rest.len(), rest);
    multiply_some::<1, V>(panel, strips, len, all - rest.len(), rest);
}

/// Stages and multiplies `P` pixels at a time, of which `first` is the first one; gives back the sums that are left.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_some<'s, const P: usize, const V: usize>(
    panel: &mut Panel,
    strips: &[Strip<'_>],
    len: usize,
    first: usize,
    sums: &'s mut [Sums],
) -> &'s mut [Sums] {
    let (tiles, rest) = sums.as_chunks_mut::<P>();
    for (tile, first) in tiles.iter_mut().zip((first..).step_by(P)) {
        panel.staged.stage::<P>(strips, first, len);
        multiply_tile::<P, V>(panel, tile);
    }
    rest
}

/// All sums of the tile stay in registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_tile<const P: usize, const V: usize>(panel: &Panel, sums: &mut [Sums; P]) {
    let Panel { staged, start, lines, .. } = panel;
    let mut tile = [[_mm512_setzero_si512(); V]; P];
    for (vectors, there) in tile.iter_mut().zip(sums.iter()) {
        *vectors = start.sums(there);
    }
    let (groups, _) = lines.values().as_chunks::<V>();
    for (group, lines) in groups.iter().take(staged.groups()).enumerate() {
        let weights = load_lines(lines);
        for (pixel, vectors) in tile.iter_mut().enumerate() {
            // SAFETY: as many pixels have just been staged, and `group` is one of theirs.
            let input = _mm512_set1_epi32(unsafe { staged.group(pixel, group) });
            for (vector, weights) in vectors.iter_mut().zip(weights) {
                *vector = _mm512_dpbusd_epi32(*vector, input, weights);
            }
        }
    }
    for (vectors, sums) in tile.into_iter().zip(sums) {
        store(vectors, sums);
    }
}

/// As many sums as a tile has.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn saturate(turns: u32) -> u64 {
    let mut sums = black_box([_mm512_setzero_si512(); TILE]);
    let (input, weights) = (_mm512_set1_epi8(3), _mm512_set1_epi8(5));
    for _ in 0..turns {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, input, weights);
        }
    }
    black_box(sums);
    u64::from(turns) * (TILE * BYTES) as u64
}
