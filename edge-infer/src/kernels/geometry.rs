//! Where a sliding window lies: which taps of it meet the input, and which meet padding.
//!
//! All kernels with windows share this one walk. A window of `kernel` taps at output `(y, x)` starts at
//! input row `y * stride - top` and column `x * stride - left`:
//!
//! ```text
//!            padding │ input row
//!   taps      0   1  │  2   3   4      kernel width 5, left 2, x = 0
//!             before │   inside
//! ```
//!
//! In NHWC neighbouring taps are neighbours in the input and in the weights, so `n` of them over `C`
//! channels are one contiguous row of `n * C` numbers.

use super::LengthError;

/// Height, width and channels of an NHWC tensor with a batch of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
    /// Channels of a pixel, which lie next to each other.
    pub channels: u16,
}

impl Extent {
    /// Number of values, or `usize::MAX` where that is not countable (no slice is that long, so a
    /// length check fails).
    pub fn elements(self) -> usize {
        product(&[self.height.into(), self.width.into(), self.channels.into()])
    }
}

/// Size and steps of a sliding window. Taps right of and below the input are padding too, as far as
/// the output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps: height, width.
    pub kernel: [u8; 2],
    /// Input pixels from one output to the next: down, right.
    pub stride: [u8; 2],
    /// Rows of padding above the input.
    pub top: u8,
    /// Columns of padding left of the input.
    pub left: u8,
}

/// A window, the tensor it slides over and the tensor it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Shape of the input.
    pub input: Extent,
    /// Shape of the output.
    pub output: Extent,
    /// The window.
    pub window: Window,
}

impl Geometry {
    /// Taps of the window.
    pub(super) fn taps(&self) -> usize {
        let [height, width] = self.window.kernel.map(usize::from);
        height * width
    }
}

/// A [`Geometry`] as the kernels walk it: pixel after pixel, in segments.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    /// Height, width.
    input: [usize; 2],
    output: [usize; 2],
    /// The first column from which on windows reach beyond the right edge.
    end: usize,
    geometry: Geometry,
}

impl Walk {
    /// The walk over a geometry. Where each pixel is its own window, the image is one long row.
    pub(super) fn new(geometry: Geometry) -> Self {
        let size = |extent: Extent| [extent.height, extent.width].map(usize::from);
        let (mut input, mut output) = (size(geometry.input), size(geometry.output));
        let Window { kernel, stride, top, left } = geometry.window;
        if (kernel, stride, top, left) == ([1, 1], [1, 1], 0, 0) && input == output {
            let [height, width] = input;
            input = [1, height * width];
            output = input;
        }
        let last = (usize::from(left) + input[1]).checked_sub(kernel[1].into());
        let end = last.and_then(|last| last.checked_div(stride[1].into())).map_or(0, |x| x + 1);
        Self { input, output, end: end.min(output[1]), geometry }
    }

    /// Pixels of the output.
    pub(super) fn pixels(&self) -> usize {
        let [height, width] = self.output;
        height * width
    }

    /// Columns of the output.
    pub(super) fn width(&self) -> usize {
        let [_, width] = self.output;
        width
    }

    /// Columns of the input.
    pub(super) fn input_width(&self) -> usize {
        let [_, width] = self.input;
        width
    }

    /// The segment that begins at output pixel `pixel`, of at most `most` pixels.
    #[inline(always)]
    pub(super) fn segment(&self, pixel: usize, most: usize) -> Segment {
        let Window { kernel, stride, top, left } = self.geometry.window;
        let [kernel_height, kernel_width] = kernel.map(usize::from);
        let [down, right] = stride.map(usize::from);
        let ([input_height, input_width], [_, width]) = (self.input, self.output);
        let y = pixel.checked_div(width).unwrap_or(0);
        let x = pixel - y * width;
        let rows = Overlap::new(y * down, top, kernel_height, input_height);
        let columns = Overlap::new(x * right, left, kernel_width, input_width);
        let pixels = if columns.inside < kernel_width { 1 } else { self.end.saturating_sub(x) };
        Segment { pixels: pixels.min(most).max(1), rows, columns }
    }

    /// The input row under row `row` of a segment's windows; `None` in padding.
    #[inline(always)]
    pub(super) fn input_row(&self, segment: &Segment, row: usize) -> Option<usize> {
        let Overlap { before, inside, start } = segment.rows;
        let inside = row >= before && row < before + inside;
        // `row` is at least `before` where it is inside.
        inside.then(|| start + row - before)
    }

    /// Index of the input pixel in this row and column.
    #[inline(always)]
    pub(super) fn input_pixel(&self, row: usize, column: usize) -> usize {
        row * self.input_width() + column
    }
}

/// One axis of a window against the input: `before` taps of padding, then `inside` taps from input
/// index `start`.
#[derive(Clone, Copy)]
pub(super) struct Overlap {
    pub(super) before: usize,
    pub(super) inside: usize,
    pub(super) start: usize,
}

/// Neighbouring pixels of one output row whose windows meet the input alike.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    /// Number of pixels, at least 1; more than 1 only if no column of the windows lies in padding.
    pub(super) pixels: usize,
    /// Rows of the windows.
    pub(super) rows: Overlap,
    /// Columns of the first window.
    pub(super) columns: Overlap,
}

impl Overlap {
    /// `origin` is the window's first tap in padded coordinates, where the input begins at
    /// `padding`.
    #[inline(always)]
    pub(super) fn new(origin: usize, padding: u8, kernel: usize, input: usize) -> Self {
        let padding = usize::from(padding);
        let before = padding.saturating_sub(origin).min(kernel);
        let end = (padding + input).saturating_sub(origin).min(kernel);
        Self {
            before,
            inside: end.saturating_sub(before),
            start: (origin + before).saturating_sub(padding),
        }
    }
}

/// Product of lengths, `usize::MAX` on overflow.
pub(super) fn product(lengths: &[usize]) -> usize {
    lengths.iter().fold(1, |product: usize, &length| product.saturating_mul(length))
}

/// Refuses input and output that differ in channels, for layers that treat each channel by itself.
pub(super) fn check_channels(geometry: &Geometry) -> Result<(), LengthError> {
    let (needed, got) = (geometry.input.channels.into(), geometry.output.channels.into());
    if needed == got { Ok(()) } else { Err(LengthError { what: "a pixel's output", needed, got }) }
}

/// Refuses a slice whose length is not `needed`.
pub(super) fn check<T>(what: &'static str, slice: &[T], needed: usize) -> Result<(), LengthError> {
    if slice.len() == needed { Ok(()) } else { Err(LengthError { what, needed, got: slice.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn elements_that_cannot_be_counted_saturate() {
        assert_eq!(product(&[usize::MAX, 2]), usize::MAX);
        assert_eq!(Extent { height: 3, width: 5, channels: 7 }.elements(), 105);
    }

    proptest! {
        /// Against the definition: tap (ky, kx) meets input (y * stride + ky - top, x * stride + kx
        /// - left).
        #[test]
        fn segments_are_the_windows_of_all_pixels_in_order(
            (height, width) in (1_u16..6, 1_u16..9),
            kernel in [1_u8..5, 1_u8..5],
            stride in [1_u8..4, 1_u8..4],
            (top, left) in (0_u8..7, 0_u8..7),
            most in 1_usize..9,
        ) {
            let input = Extent { height, width, channels: 1 };
            let window = Window { kernel, stride, top, left };
            let geometry = Geometry { input, output: input, window };
            let (mut expected, mut seen) = (Vec::new(), Vec::new());
            let inside = |place: i64, len: u16| (0..i64::from(len)).contains(&place);
            for pixel in 0..i64::from(height) * i64::from(width) {
                let (y, x) = (pixel / i64::from(width), pixel % i64::from(width));
                for ky in 0..i64::from(kernel[0]) {
                    for kx in 0..i64::from(kernel[1]) {
                        let row = y * i64::from(stride[0]) + ky - i64::from(top);
                        let column = x * i64::from(stride[1]) + kx - i64::from(left);
                        let is_input = inside(row, height) && inside(column, width);
                        expected.push(is_input.then(|| (row * i64::from(width) + column) as usize));
                    }
                }
            }
            let walk = Walk::new(geometry);
            let mut first = 0;
            while first < walk.pixels() {
                let segment = walk.segment(first, most);
                prop_assert!((1..=most).contains(&segment.pixels));
                first += segment.pixels;
                for pixel in 0..segment.pixels {
                    for row in 0..usize::from(kernel[0]) {
                        let row = walk.input_row(&segment, row);
                        for column in 0..usize::from(kernel[1]) {
                            let column = column.checked_sub(segment.columns.before);
                            let column = column.filter(|&column| column < segment.columns.inside);
                            seen.push(row.zip(column).map(|(row, column)| {
                                let start = walk.input_pixel(row, segment.columns.start);
                                start + column + pixel * usize::from(stride[1])
                            }));
                        }
                    }
                }
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
