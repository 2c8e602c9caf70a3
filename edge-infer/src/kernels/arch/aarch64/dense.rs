//! What the tiers' dense products share: the walk over tiles of four pixels and parts of sixteen channels, and what becomes of
//! a tile's sums. The products of a part are the tier's own affair: from its weights, the tile's inputs and the bias to sums
//! in the order of the channels.
//!
//! Whole tiles are rounded in registers where they can be; sums that others are added to, the last pixels and odd numbers of
//! channels take the way through memory.

use core::arch::aarch64::*;
use core::ptr;

use super::super::{BLOCK, Epilogue, Strip, Sums};
use super::BYTES;
use super::lanes::{Numbers, add, load, part_mut, store};
use super::panel::{Panel, Step};
use super::requantize::{self, Part, Reals, is_near, requantize};
use super::tile::{Inputs, TILE};
use crate::kernels::Addend;

/// The sums of sixteen channels of each pixel of a tile.
pub(super) type Products = [Numbers; TILE];

/// Adds up the products of the pixels from `first` on.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn multiply<const FORM: u8>(
    panel: &mut Panel,
    (strips, len): (&[Strip<'_>], usize),
    (first, sums): (usize, &mut [Sums]),
    products: impl Fn(&[Step], &Inputs<'_>, &[i32; BYTES]) -> Products,
) {
    let Panel { start, parts, count, tile } = panel;
    for (sums, first) in sums.chunks_mut(TILE).zip((first..).step_by(TILE)) {
        // Pixels behind the last one are read as what is there, and not stored.
        let inputs = tile.fill::<FORM>(strips, len, first, *count);
        let weights = parts.iter().zip(start.bias()).enumerate().take(start.parts);
        for (part, (weights, bias)) in weights {
            let products = products(weights, &inputs, bias);
            for (sums, numbers) in sums.iter_mut().zip(products) {
                let to = part_mut(sums, part);
                store(if start.continues { add(load(to), numbers) } else { numbers }, to);
            }
        }
    }
}

/// Adds up the products of all pixels and rounds them.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn finish<const FORM: u8>(
    panel: &mut Panel,
    (strips, len): (&[Strip<'_>], usize),
    sums: &mut [Sums],
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
    products: impl Fn(&[Step], &Inputs<'_>, &[i32; BYTES]) -> Products,
) {
    let channels = epilogue.positive.len();
    let mut tiles = sums.len() / TILE;
    let last = (tiles * TILE).saturating_sub(1);
    if panel.start.continues
        || channels != panel.start.parts * BYTES
        || !is_near(epilogue)
        || output.len() < last * epilogue.step + channels
        || epilogue
            .residual
            .is_some_and(|residual| residual.values.len() < last * epilogue.step + channels)
    {
        tiles = 0;
    }
    let walk = Walk { panel, strips, len, tiles, epilogue };
    // What has no activation has the same multipliers on both sides, and not only equal ones.
    let alike = ptr::eq(epilogue.positive, epilogue.negative);
    // SAFETY: output and residual hold all channels of the last pixel, and so those of every pixel before.
    unsafe {
        let values = |residual: Addend<'_>, at| vld1q_s8(residual.values.as_ptr().add(at));
        match epilogue.residual {
            None if alike => {
                walk.round::<FORM>(output, &products, |part, sums, _| part.scale_alike(sums))
            }
            None => walk.round::<FORM>(output, &products, |part, sums, _| part.scale(sums)),
            Some(residual) if alike => walk.round::<FORM>(output, &products, |part, sums, at| {
                requantize::add(part.scale_alike(sums), residual, values(residual, at))
            }),
            Some(residual) => walk.round::<FORM>(output, &products, |part, sums, at| {
                requantize::add(part.scale(sums), residual, values(residual, at))
            }),
        }
    }
    let done = tiles * TILE;
    let sums = sums.get_mut(done..).unwrap_or_default();
    if !sums.is_empty() {
        multiply::<FORM>(panel, (strips, len), (done, sums), products);
        let at = done * epilogue.step;
        let residual = epilogue.residual.map(|residual| residual.skip(at));
        let output = output.get_mut(at..).unwrap_or_default();
        requantize(sums, &Epilogue { residual, ..*epilogue }, output);
    }
}

/// Tiles that are rounded in registers.
struct Walk<'a> {
    panel: &'a mut Panel,
    strips: &'a [Strip<'a>],
    len: usize,
    tiles: usize,
    epilogue: &'a Epilogue<'a>,
}

impl Walk<'_> {
    /// `scale` makes of a pixel's sums and the place of its first channel what is to be rounded.
    ///
    /// # Safety
    /// `output` holds all parts of the last tile's last pixel.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn round<const FORM: u8>(
        self,
        output: &mut [i8],
        products: impl Fn(&[Step], &Inputs<'_>, &[i32; BYTES]) -> Products,
        scale: impl Fn(&Part, Numbers, usize) -> Reals,
    ) {
        let Self { panel: Panel { start, parts, count, tile }, strips, len, tiles, epilogue } =
            self;
        let multipliers = [epilogue.positive, epilogue.negative].map(|all| all.as_chunks().0);
        let [positive, negative] = multipliers;
        for first in (0..tiles * TILE).step_by(TILE) {
            let inputs = tile.fill::<FORM>(strips, len, first, *count);
            let weights = parts.iter().zip(start.bias()).take(start.parts);
            let multipliers = positive.iter().zip(negative);
            let mut at = first * epilogue.step;
            for ((weights, bias), (positive, negative)) in weights.zip(multipliers) {
                let products = products(weights, &inputs, bias);
                let part = Part::of(epilogue, positive, negative);
                let mut to = at;
                for sums in products {
                    let rounded = part.nearest(scale(&part, sums, to));
                    // SAFETY: the caller has the output hold sixteen bytes of every part and pixel.
                    unsafe { vst1q_s8(output.as_mut_ptr().add(to), rounded) }
                    to += epilogue.step;
                }
                at += BYTES;
            }
        }
    }
}

const _: () = assert!(BLOCK.is_multiple_of(BYTES));
