//! 3x3 windows that slide along rows: the tier brings each column of input into order once for all the taps that meet it, and
//! rounds the sums while it has them.
//!
//! ```text
//! output row y      windows over input rows  0 1 2
//!            y + 1                             1 2 3       the same columns, where windows move down by one row
//! ```

use super::weights;
use crate::kernels::arch::{Lines, NEAR, Primitives, Slide, Strip, WINDOWS};
use crate::kernels::geometry::Overlap;
use crate::kernels::{BLOCK, Convolution, Window};

/// Whether the layer is one that [`Primitives::SLIDE`] takes.
pub(super) fn can<T: Primitives>(layer: &Convolution<'_>) -> bool {
    let Window { kernel, stride, .. } = layer.geometry.window;
    kernel == [3, 3]
        && (1..=2).contains(&stride[1])
        && layer.residual.is_none()
        && (0..layer.bias.len()).step_by(BLOCK).all(|first| layer.reach::<T>(first) < NEAR)
}

/// Filters `layer.input` into `output`, a block of channels after the other.
pub(super) fn run<T: Primitives>(
    tier: T,
    slide: Slide<T>,
    layer: &Convolution<'_>,
    output: &mut [i8],
) {
    let shape = layer.geometry.output;
    let (height, width) = (usize::from(shape.height), usize::from(shape.width));
    let channels = usize::from(shape.channels);
    let together = if layer.geometry.window.stride[0] == 1 { 2 } else { 1 };
    let padding = [layer.pad_value; BLOCK];
    let mut taps = tier.taps();
    for first in (0..channels).step_by(BLOCK) {
        tier.pack_taps(weights(layer, first, 0), &mut taps);
        let epilogue = layer.epilogue::<T>(first);
        for y in (0..height).step_by(together) {
            let below = (together.min(height - y) == 2).then_some(width * channels);
            for x in (0..width).step_by(WINDOWS) {
                let windows = WINDOWS.min(width - x);
                let lines = lines(layer, first, [y, x], (windows, below), &padding);
                let start = (y * width + x) * channels + first;
                let output = output.get_mut(start..).unwrap_or_default();
                slide(tier, &mut taps, &lines, &epilogue, output);
            }
        }
    }
}

/// The rows under as many windows from `(y, x)` of the output on, and those below, for the channels from `first` on.
#[inline(always)]
fn lines<'a>(
    layer: &Convolution<'a>,
    first: usize,
    [y, x]: [usize; 2],
    (windows, below): (usize, Option<usize>),
    padding: &'a [i8],
) -> Lines<'a> {
    let Window { stride, top, left, .. } = layer.geometry.window;
    let [down, right] = stride.map(usize::from);
    let (height, width) = (layer.geometry.input.height.into(), layer.geometry.input.width.into());
    let channels = usize::from(layer.geometry.input.channels);
    let columns = Overlap::new(x * right, left, usize::MAX, width);
    let rows = Overlap::new(y * down, top, 4, height);
    let row = |row: usize| match row.checked_sub(rows.before) {
        Some(inside) if inside < rows.inside => {
            let start = ((rows.start + inside) * width + columns.start) * channels;
            Strip { values: layer.input.get(start + first..).unwrap_or_default(), step: channels }
        }
        _ => Strip { values: padding, step: 0 },
    };
    Lines {
        rows: [row(0), row(1), row(2), row(3)],
        below,
        before: columns.before,
        inside: columns.inside,
        padding: layer.pad_value,
        stride: right,
        windows,
    }
}
