//! Depthwise convolution: each channel is filtered by itself.
//!
//! ```text
//! sum[y, x, c] = bias[c] + Σ ky, kx  input[row, column, c] * weights[ky, kx, c]
//! row = y * stride + ky - top          column = x * stride + kx - left
//! ```
//!
//! The channels of a tap are contiguous in the input and in the weights, so a window is one strip of
//! channels for each tap, and neighbouring pixels have theirs a fixed step apart. Taps in padding
//! read a strip of the padding value. Where channels are few, `cells` takes several pixels at a time.
//!
//! Where a tier can slide a 3x3 window along, `sliding` gives it whole rows instead.

mod cells;
mod sliding;

use super::arch::{Primitives, STRIPS, Strip, Weights};
use super::geometry::{Segment, Walk, check_channels, product};
use super::{BLOCK, Convolution, LengthError, Tier, on_tier};

/// Filters `layer.input` into `output` (NHWC, the geometry's output shape), channel by channel.
///
/// # Errors
/// Input and output differ in channels, or a slice's length is not what the geometry needs.
/// `output` is then untouched.
pub fn depthwise_conv2d(
    tier: Tier,
    layer: &Convolution<'_>,
    output: &mut [i8],
) -> Result<(), LengthError> {
    let geometry = &layer.geometry;
    check_channels(geometry)?;
    layer.check(output, product(&[geometry.taps(), geometry.output.channels.into()]))?;
    on_tier!(tier, primitives => run(primitives, layer, output));
    Ok(())
}

fn run<T: Primitives>(tier: T, layer: &Convolution<'_>, output: &mut [i8]) {
    if let Some(slide) = T::SLIDE.filter(|_| sliding::can::<T>(layer)) {
        return sliding::run(tier, slide, layer, output);
    }
    let walk = Walk::new(layer.geometry);
    if let Some(pixels) = cells::pixels(layer, &walk, T::LANES) {
        return cells::run(tier, layer, &walk, pixels, output);
    }
    let padding = [layer.pad_value; BLOCK];
    let mut taps = tier.taps();
    let mut packed = None;
    layer.for_each_segment(tier, &walk, output, |first, segment, sums| {
        for tap in (0..layer.geometry.taps()).step_by(STRIPS) {
            if packed != Some((first, tap)) {
                tier.pack_taps(weights(layer, first, tap), &mut taps);
                packed = Some((first, tap));
            }
            let mut strips = [Strip::default(); STRIPS];
            let count = fill(&mut strips, tap, first, layer, &walk, &segment, &padding);
            tier.multiply_taps(&taps, strips.get(..count).unwrap_or_default(), sums);
        }
    });
}

/// The weights from tap `tap` on of the block of channels from `first` on.
fn weights<'w>(layer: &Convolution<'w>, first: usize, tap: usize) -> Weights<'w> {
    let channels = usize::from(layer.geometry.output.channels);
    let bias = layer.bias.get(first..).unwrap_or_default();
    Weights {
        values: layer.weights.get(tap * channels + first..).unwrap_or_default(),
        row_len: channels,
        depth: STRIPS.min(layer.geometry.taps() - tap),
        channels: bias.len().min(BLOCK),
        bias: (tap == 0).then_some(bias),
    }
}

/// Fills in the strips of a segment from tap `tap` on, and says how many there are.
#[inline(always)]
fn fill<'a>(
    strips: &mut [Strip<'a>; STRIPS],
    tap: usize,
    first: usize,
    layer: &Convolution<'a>,
    walk: &Walk,
    segment: &Segment,
    padding: &'a [i8],
) -> usize {
    let channels = usize::from(layer.geometry.input.channels);
    let [height, width] = layer.geometry.window.kernel.map(usize::from);
    let step = usize::from(layer.geometry.window.stride[1]) * channels;
    let columns = segment.columns;
    let input = |row: usize| {
        let start = walk.input_pixel(walk.input_row(segment, row)?, columns.start) * channels;
        layer.input.get(start + first..)
    };
    let (mut row, mut column) = (tap / width.max(1), tap % width.max(1));
    let mut seen = input(row);
    let mut count = 0;
    for strip in strips {
        if row >= height {
            break;
        }
        *strip = match (seen, column.checked_sub(columns.before)) {
            (Some(row), Some(inside)) if inside < columns.inside => {
                Strip { values: row.get(inside * channels..).unwrap_or_default(), step }
            }
            _ => Strip { values: padding, step: 0 },
        };
        count += 1;
        column += 1;
        if column == width {
            (row, column) = (row + 1, 0);
            seen = input(row);
        }
    }
    count
}
