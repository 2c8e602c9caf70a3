//! What the tiers' dense products share: the walk over tiles of four pixels and parts of sixteen channels, and what becomes of
//! a tile's sums. The products of a part are the tier's own affair: from its weights, the tile's inputs and the bias to sums.
//!
//! Tiles are rounded in registers where they can be; sums that others are added to, fewer pixels than a tile and odd numbers of
//! channels take the way through memory.

use core::ptr;

use super::super::{BLOCK, Epilogue, Strip, Sums};
use super::BYTES;
use super::lanes::{Numbers, add, load, part_mut, store};
use super::panel::{Panel, Step};
use super::requantize::{is_near, requantize};
use super::round::{ALIKE, ALIKE_AND_ADDED, BY_SIGN, Results, Rounding};
use super::tile::{Inputs, TILE, Windows};

/// The sums of sixteen channels of each pixel of a tile, in the tier's order.
pub(super) type Products = [Numbers; TILE];

/// What a tier does with a tile and sixteen channels.
pub(super) trait Dense {
    /// How it reads inputs.
    const FORM: u8;

    /// Adds up the products of all inputs.
    ///
    /// # Safety
    /// The processor has the tier's features.
    unsafe fn products(weights: &[Step], inputs: &Inputs<'_>, bias: &[i32; BYTES]) -> Products;

    /// The sums of each pixel, in the order of the channels.
    ///
    /// # Safety
    /// The processor has the tier's features.
    unsafe fn in_order(products: Products) -> [Numbers; TILE];

    /// Rounds the sums and writes the results.
    ///
    /// # Safety
    /// There is room for sixteen results of each pixel, and as many values of a residual, if it is to be added; the processor
    /// has the tier's features.
    unsafe fn round<const KIND: u8>(products: Products, rounding: &Rounding<'_>, results: Results);
}

/// Adds up the products of the pixels from `first` on.
///
/// # Safety
/// The processor has the tier's features.
#[inline]
#[target_feature(enable = "neon")]
pub(super) unsafe fn multiply<D: Dense>(
    panel: &mut Panel,
    (strips, len): (&[Strip<'_>], usize),
    (first, sums): (usize, &mut [Sums]),
) {
    let Panel { start, packed, tile } = panel;
    let windows = Windows::new((strips, len), packed.count());
    for (sums, first) in sums.chunks_mut(TILE).zip((first..).step_by(TILE)) {
        // Pixels behind the last one are read as what is there, and not stored.
        let inputs = tile.fill::<D>(&windows, first);
        let weights = packed.parts().zip(start.bias()).enumerate();
        for (part, (weights, bias)) in weights {
            // SAFETY: the caller has seen to the features.
            let products = unsafe { D::in_order(D::products(weights, &inputs, bias)) };
            for (sums, numbers) in sums.iter_mut().zip(products) {
                let to = part_mut(sums, part);
                store(if start.continues { add(load(to), numbers) } else { numbers }, to);
            }
        }
    }
}

/// Adds up the products of all pixels and rounds them.
///
/// # Safety
/// The processor has the tier's features.
#[inline]
#[target_feature(enable = "neon")]
pub(super) unsafe fn finish<D: Dense>(
    panel: &mut Panel,
    (strips, len): (&[Strip<'_>], usize),
    pixels: usize,
    epilogue: &Epilogue<'_>,
    output: &mut [i8],
) {
    let Epilogue { positive, negative, residual, step, .. } = *epilogue;
    let needed = pixels.saturating_sub(1) * step + positive.len();
    if pixels >= TILE
        && positive.len() == panel.start.parts * BYTES
        && is_near(epilogue)
        && output.len() >= needed
    {
        let walk =
            Walk { windows: Windows::new((strips, len), panel.packed.count()), pixels, epilogue };
        // What has no activation has the same multipliers on both sides, and not only equal ones.
        let alike = ptr::eq(positive, negative);
        // SAFETY: output and residual hold all channels of the last pixel, and so those of every pixel before; the caller has
        // seen to the features.
        unsafe {
            match residual {
                None if alike => return walk.round::<D, ALIKE>(panel, output),
                None => return walk.round::<D, BY_SIGN>(panel, output),
                Some(residual) if alike && residual.values.len() >= needed => {
                    return walk.round::<D, ALIKE_AND_ADDED>(panel, output);
                }
                Some(_) => {}
            }
        }
    }
    let mut sums = [Sums::ZERO; TILE];
    for first in (0..pixels).step_by(TILE) {
        let sums = sums.get_mut(..TILE.min(pixels - first)).unwrap_or_default();
        // SAFETY: the caller has seen to the features.
        unsafe { multiply::<D>(panel, (strips, len), (first, sums)) }
        let at = first * step;
        let residual = residual.map(|residual| residual.skip(at));
        let output = output.get_mut(at..).unwrap_or_default();
        requantize(sums, &Epilogue { residual, ..*epilogue }, output);
    }
}

/// Pixels that are rounded in registers, a whole tile or more.
struct Walk<'a> {
    windows: Windows<'a>,
    pixels: usize,
    epilogue: &'a Epilogue<'a>,
}

impl Walk<'_> {
    /// The last tile ends with the last pixel and may do again what the one before it has done.
    ///
    /// # Safety
    /// `output`, and the residual if it is to be added, hold all parts of the last pixel, and there is a tile; the processor has
    /// the tier's features.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn round<D: Dense, const KIND: u8>(self, panel: &mut Panel, output: &mut [i8]) {
        let Self { windows, pixels, epilogue } = self;
        let Epilogue { positive, negative, zero_point, residual, step, .. } = *epilogue;
        let Panel { start, packed, tile } = panel;
        let values = residual.map_or(ptr::null(), |residual| residual.values.as_ptr());
        for first in (0..pixels).step_by(TILE) {
            let first = first.min(pixels - TILE);
            let inputs = tile.fill::<D>(&windows, first);
            let weights = packed.parts().zip(start.bias());
            let multipliers = positive.as_chunks().0.iter().zip(negative.as_chunks().0);
            let at = first * step;
            let mut results = Results {
                to: output.as_mut_ptr().wrapping_add(at),
                values: values.wrapping_add(at),
                step,
            };
            for ((weights, bias), (positive, negative)) in weights.zip(multipliers) {
                let rounding = Rounding { positive, negative, zero_point, residual };
                // SAFETY: the caller has seen to the features, and has the output and the residual hold sixteen bytes of every
                // part and pixel.
                unsafe { D::round::<KIND>(D::products(weights, &inputs, bias), &rounding, results) }
                results.to = results.to.wrapping_add(BYTES);
                results.values = results.values.wrapping_add(BYTES);
            }
        }
    }
}

const _: () = assert!(BLOCK.is_multiple_of(BYTES));
