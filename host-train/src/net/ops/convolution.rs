//! Every kind of convolution as one operation: which kernel runs, what shape comes out.

use super::flex::{dims, nhwc, tensor, values};
use super::full::{self, Windows};
use super::{depthwise, global_depthwise, pointwise};
use burn::backend::flex::FlexTensor;

/// What a convolution does. All are NHWC and without bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvKind {
    /// Over all channels, padding `size / 2`; weights `[out, size * size * in]` (row, column, channel).
    Full {
        /// Pixels a side of the window, odd.
        size: usize,
        /// Not zero.
        stride: usize,
    },
    /// 1x1; weights `[out, in]`.
    Pointwise,
    /// 3x3 a channel, padding 1; weights `[9, channels]`.
    Depthwise {
        /// 1 or 2.
        stride: usize,
    },
    /// A channel's weighted sum over the whole image of `side * side` pixels; weights `[side * side, channels]`.
    GlobalDepthwise {
        /// Pixels a side.
        side: usize,
    },
}

impl ConvKind {
    /// Shape of the weights, and how many inputs one output sums over.
    pub(crate) fn weights(self, inputs: usize, outputs: usize) -> ([usize; 2], usize) {
        match self {
            Self::Full { size, .. } => ([outputs, size * size * inputs], size * size * inputs),
            Self::Pointwise => ([outputs, inputs], inputs),
            Self::Depthwise { .. } => ([depthwise::TAPS, outputs], depthwise::TAPS),
            Self::GlobalDepthwise { side } => ([side * side, outputs], side * side),
        }
    }
}

/// Contiguous `x [batch, height, width, in]` and `w` to `y [batch, height', width', out]`.
pub(super) fn forward(x: &FlexTensor, w: &FlexTensor, kind: ConvKind) -> FlexTensor {
    let (shape, [rows, columns]) = (nhwc(x), matrix_dims(w));
    let (x, w) = (values(x), values(w));
    let (y, out, channels) = match kind {
        ConvKind::Full { size, stride } => {
            let windows = Windows { shape, size, stride };
            (full::forward(x, w, windows, rows), shape.strided(stride), rows)
        }
        ConvKind::Pointwise => (pointwise::forward(x, w, columns, rows), shape, rows),
        ConvKind::Depthwise { stride } => {
            (depthwise::forward(x, w, shape, stride), shape.strided(stride), columns)
        }
        ConvKind::GlobalDepthwise { side } => {
            (global_depthwise::forward(x, w, columns), shape.strided(side), columns)
        }
    };
    tensor(y, [out.batch, out.height, out.width, channels])
}

/// Gradients `(dx, dw)` from a contiguous `dy`. Where the input takes none, `dx` is not `wanted` and may be left out.
pub(super) fn backward(
    x: &FlexTensor,
    w: &FlexTensor,
    dy: &FlexTensor,
    kind: ConvKind,
    wanted: bool,
) -> (Option<FlexTensor>, FlexTensor) {
    let (shape, [rows, columns]) = (nhwc(x), matrix_dims(w));
    let (x_dims, w_dims) = (dims(x), dims(w));
    let (x, w, dy) = (values(x), values(w), values(dy));
    let (dx, dw) = match kind {
        ConvKind::Full { size, stride } => {
            let windows = Windows { shape, size, stride };
            let (dx, dw) = full::backward(x, w, dy, windows, rows, wanted);
            return (dx.map(|dx| tensor(dx, x_dims)), tensor(dw, w_dims));
        }
        ConvKind::Pointwise => pointwise::backward(x, w, dy, columns, rows),
        ConvKind::Depthwise { stride } => depthwise::backward(x, w, dy, shape, stride),
        ConvKind::GlobalDepthwise { .. } => global_depthwise::backward(x, w, dy, columns),
    };
    (Some(tensor(dx, x_dims)), tensor(dw, w_dims))
}

fn matrix_dims(w: &FlexTensor) -> [usize; 2] {
    dims(w).try_into().expect("weights are tensors of two dimensions")
}
