//! Windows of any size over images: convolutions, by the kernels of this module where one has it, else by the library's; maxima,
//! enlargement.

use super::plain::{nchw, nhwc};
use super::{ConvKind, convolution};
use crate::cpu::lanes::LANES;
use burn::tensor::Tensor;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions, PadMode};

/// Where a window stands and how it moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Rows, columns.
    pub(crate) kernel: [usize; 2],
    /// Down, right.
    pub(crate) stride: [usize; 2],
    /// Rows and columns around the image: top, left, bottom, right.
    pub(crate) padding: [usize; 4],
}

/// Which channels a filter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filters {
    /// One filter a channel; weights `[window, channels]`.
    Depthwise,
    /// All channels of one of so many groups; weights `[out, window * in / groups]`, the channel innermost.
    Grouped(usize),
}

impl Window {
    /// The kernel of this module for images `[height, width, channels]`, if there is one.
    fn kind(self, filters: Filters, [height, width, channels]: [usize; 3]) -> Option<ConvKind> {
        let ([side, columns], [stride, right]) = (self.kernel, self.stride);
        if side != columns || stride != right {
            return None;
        }
        let centred = side % 2 == 1 && self.padding == [side / 2; 4];
        let whole = self.padding == [0; 4] && [height, width] == [side; 2];
        let fits = channels.is_multiple_of(LANES);
        match (filters, side) {
            (Filters::Grouped(1), 1) if centred && stride == 1 => Some(ConvKind::Pointwise),
            (Filters::Grouped(1), size) if centred => Some(ConvKind::Full { size, stride }),
            (Filters::Depthwise, 3) if centred && fits && stride <= 2 => {
                Some(ConvKind::Depthwise { stride })
            }
            (Filters::Depthwise, side) if whole && fits => Some(ConvKind::GlobalDepthwise { side }),
            _ => None,
        }
    }
}

/// A convolution of `x [batch, height, width, in]` with zero padding and without bias.
pub(crate) fn windowed(x: Tensor<4>, w: Tensor<2>, window: Window, filters: Filters) -> Tensor<4> {
    let [_, height, width, channels] = x.dims();
    if let Some(kind) = window.kind(filters, [height, width, channels]) {
        return convolution(x, w, kind);
    }
    let [rows, columns] = window.kernel;
    let (w, groups) = match filters {
        Filters::Depthwise => (w.transpose(), channels),
        Filters::Grouped(groups) => (w, groups),
    };
    let w = w.reshape([-1, rows as i32, columns as i32, (channels / groups) as i32]);
    let [top, left, bottom, right] = window.padding;
    // What is the same on both sides is the convolution's own to pad.
    let (down, across) = (top.min(bottom), left.min(right));
    let rest = [top - down, left - across, bottom - down, right - across];
    let options = ConvOptions::new(window.stride, [down, across], [1, 1], groups);
    nhwc(conv2d(padded(nchw(x), rest, 0.0), nchw(w), None, options))
}

/// The largest value under each window of `x [batch, height, width, c]`; padding never counts.
pub(crate) fn maximum(x: Tensor<4>, window: Window) -> Tensor<4> {
    let x = padded(nchw(x), window.padding, f32::NEG_INFINITY);
    let options = MaxPoolOptions::new(window.kernel).with_stride(window.stride);
    nhwc(max_pool2d(x, options))
}

/// Every pixel of `x [batch, height, width, c]` so many times down and to the right.
pub(crate) fn enlarged(x: Tensor<4>, [down, right]: [usize; 2]) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let pixels: Tensor<6> = x.reshape([batch, height, 1, width, 1, channels]);
    let repeated = pixels.repeat(&[1, 1, down, 1, right, 1]);
    repeated.reshape([batch, height * down, width * right, channels])
}

/// `x [batch, channels, height, width]` with `value` around it.
fn padded(x: Tensor<4>, [top, left, bottom, right]: [usize; 4], value: f32) -> Tensor<4> {
    if [top, left, bottom, right] == [0; 4] {
        return x;
    }
    x.pad([(top, bottom), (left, right)], PadMode::Constant(value))
}
