//! Few channels: neighbouring pixels, taken together, are one pixel of as many times the channels.
//!
//! ```text
//! row of 3 channels      |a b c|a b c|a b c|a b c|..
//! one tap, 4 pixels      |a b c a b c a b c a b c|       a strip, where windows move by one column from pixel to pixel
//! its weights            |a b c a b c a b c a b c|       those of the layer, repeated
//! ```
//!
//! Such a cell fills the block of channels that a tier works on. Cells whose windows reach into padding left or right are copied
//! first. A row's last cell ends with the row and may do again what the one before it has done.

use core::ops::Range;

use super::{Primitives, STRIPS, Strip, Walk, Weights, fill};
use crate::kernels::arch::{Epilogue, Sums};
use crate::kernels::geometry::{Overlap, Segment};
use crate::kernels::{BLOCK, Convolution};

/// Room for the input under the windows of a cell.
const UNDER: usize = 1024;

/// Pixels of a cell, or `None` where a tier that works on `lanes` channels at a time gains nothing by them.
#[inline(always)]
pub(super) fn pixels(layer: &Convolution<'_>, walk: &Walk, lanes: usize) -> Option<usize> {
    // A tier without lanes has no copy of this code, nor room for it on a small stack.
    if lanes == 1 {
        return None;
    }
    let channels = usize::from(layer.geometry.output.channels);
    let window = layer.geometry.window;
    let [height, width] = window.kernel.map(usize::from);
    let pixels = BLOCK.checked_div(channels)?.min(walk.width());
    let alone = pixels * channels.div_ceil(lanes);
    let together = (pixels * channels).div_ceil(lanes);
    let fits = height * width <= STRIPS && height * (pixels + width) * channels <= UNDER;
    (window.stride[1] == 1 && together < alone && fits).then_some(pixels)
}

/// Filters `layer.input` into `output`, `pixels` at a time.
pub(super) fn run<T: Primitives>(
    tier: T,
    layer: &Convolution<'_>,
    walk: &Walk,
    pixels: usize,
    output: &mut [i8],
) {
    let channels = usize::from(layer.geometry.output.channels);
    let repeated = Repeated::of::<T>(layer, pixels);
    let mut taps = tier.taps();
    tier.pack_taps(repeated.weights(layer), &mut taps);
    let mut buffer = T::BUFFER;
    let buffer = buffer.as_mut();
    let mut round = |first: usize, sums: &[Sums]| {
        let start = first * channels;
        let epilogue = repeated.epilogue(layer, start);
        tier.requantize(sums, &epilogue, output.get_mut(start..).unwrap_or_default());
    };
    let padding = [layer.pad_value; BLOCK];
    let mut under = [layer.pad_value; UNDER];
    // The first pixel whose sums are in the buffer, and the cells that are there.
    let (mut first, mut cells) = (0, 0);
    let mut row = 0;
    while row < walk.pixels() {
        let last = row + walk.width() - pixels;
        let mut pixel = row;
        while pixel < row + walk.width() {
            pixel = pixel.min(last);
            if first + cells * pixels != pixel || cells == buffer.len() {
                round(first, buffer.get(..cells).unwrap_or_default());
                (first, cells) = (pixel, 0);
            }
            let segment = walk.segment(pixel, (buffer.len() - cells) * pixels);
            let whole = segment.pixels.checked_div(pixels).unwrap_or(0);
            let mut strips = [Strip::default(); STRIPS];
            let count = if whole > 0 {
                fill(&mut strips, 0, 0, layer, walk, &segment, &padding)
            } else {
                copy(
                    &mut strips,
                    layer,
                    walk,
                    &segment,
                    pixel - row..pixel - row + pixels,
                    &mut under,
                )
            };
            let strips = strips.get_mut(..count).unwrap_or_default();
            for strip in &mut *strips {
                strip.step *= pixels;
            }
            let made = whole.max(1);
            let sums = buffer.get_mut(cells..cells + made).unwrap_or_default();
            tier.multiply_taps(&taps, strips, sums);
            cells += made;
            pixel += made * pixels;
        }
        row += walk.width();
    }
    round(first, buffer.get(..cells).unwrap_or_default());
}

/// Copies the input under the windows of the cell of these columns, and fills in its strips; says how many there are.
fn copy<'a>(
    strips: &mut [Strip<'a>; STRIPS],
    layer: &Convolution<'_>,
    walk: &Walk,
    segment: &Segment,
    cell: Range<usize>,
    under: &'a mut [i8; UNDER],
) -> usize {
    let channels = usize::from(layer.geometry.input.channels);
    let [height, width] = layer.geometry.window.kernel.map(usize::from);
    let row = cell.len() + width - 1;
    let left = layer.geometry.window.left;
    let Overlap { before, inside, start } = Overlap::new(cell.start, left, row, walk.input_width());
    let row_len = row * channels;
    under.fill(layer.pad_value);
    for (row, copy) in under.chunks_mut(row_len.max(1)).take(height).enumerate() {
        let Some(row) = walk.input_row(segment, row) else {
            continue;
        };
        let start = walk.input_pixel(row, start) * channels;
        let from = layer.input.get(start..start + inside * channels).unwrap_or_default();
        let to = copy.get_mut(before * channels..).unwrap_or_default();
        to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
    }
    let taps = (0..height).flat_map(|row| (0..width).map(move |column| [row, column]));
    for (strip, [row, column]) in strips.iter_mut().zip(taps) {
        let values = under.get(row * row_len + column * channels..).unwrap_or_default();
        *strip = Strip { values, step: 0 };
    }
    height * width
}

/// A layer's numbers, once for each pixel of a cell.
struct Repeated {
    channels: usize,
    weights: [[i8; BLOCK]; STRIPS],
    bias: [i32; BLOCK],
    positive: [f32; BLOCK],
    negative: [f32; BLOCK],
    reach: f32,
}

impl Repeated {
    fn of<T: Primitives>(layer: &Convolution<'_>, pixels: usize) -> Self {
        let channels = layer.bias.len();
        let positive = layer.requantize.multiplier;
        let mut repeated = Self {
            channels: channels * pixels,
            weights: [[0; BLOCK]; STRIPS],
            bias: [0; BLOCK],
            positive: [0.0; BLOCK],
            negative: [0.0; BLOCK],
            reach: layer.reach::<T>(0),
        };
        let mut weights = layer.weights;
        for to in repeated.weights.iter_mut().take(layer.geometry.taps()) {
            repeat(to, weights.split_off(..channels).unwrap_or_default());
        }
        repeat(&mut repeated.bias, layer.bias);
        repeat(&mut repeated.positive, positive);
        let negative = layer.requantize.activation.negative(0, positive);
        repeat(&mut repeated.negative, negative.get(..channels).unwrap_or(negative));
        repeated
    }

    fn weights(&self, layer: &Convolution<'_>) -> Weights<'_> {
        Weights {
            values: self.weights.as_flattened(),
            row_len: BLOCK,
            depth: layer.geometry.taps(),
            channels: self.channels,
            bias: self.bias.get(..self.channels),
        }
    }

    /// For cells from number `start` of the output on.
    fn epilogue<'a>(&'a self, layer: &Convolution<'a>, start: usize) -> Epilogue<'a> {
        Epilogue {
            positive: self.positive.get(..self.channels).unwrap_or_default(),
            negative: self.negative.get(..self.channels).unwrap_or_default(),
            zero_point: layer.requantize.zero_point,
            residual: layer.residual.map(|residual| residual.skip(start)),
            step: self.channels,
            reach: self.reach,
        }
    }
}

/// Fills `to` with the numbers, again and again.
fn repeat<N: Copy>(to: &mut [N], numbers: &[N]) {
    for (to, &number) in to.iter_mut().zip(numbers.iter().cycle()) {
        *to = number;
    }
}
