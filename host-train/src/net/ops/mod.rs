//! The network's operations on tensors, NHWC, each with a backward of its own.
//!
//! Plain tensor operations train a MobileFaceNet at 8 to 11 images a second on two cores; most of that time goes into
//! the gradients of 1x1 and depthwise convolutions and into normalization done as many small operations. These do the
//! same sums an order of magnitude faster on the CPU, and give the same bits for any number of threads. Any other device runs
//! the plain ones, which the tests compare them with.
//!
//! | [`ConvKind`] | `x` | `w` | result |
//! |---|---|---|---|
//! | `Full` | `[batch, height, width, in]` | `[out, size * size * in]` | height, width divided by the stride |
//! | `Pointwise` | `[batch, height, width, in]` | `[out, in]` | `[batch, height, width, out]` |
//! | `Depthwise` | `[batch, height, width, c]` | `[9, c]` | height, width divided by the stride |
//! | `GlobalDepthwise` | `[batch, height, width, c]` | `[height * width, c]` | `[batch, 1, 1, c]` |
//!
//! [`batch_norm`], [`affine`], [`clip`] and [`requantize`] take `[batch, height, width, c]` and give the same shape. Kernels of this module take
//! multiples of 16 channels, but for the inputs and outputs of `Full` and `Pointwise`; [`windowed`] and [`affine`] take any number.

mod backward;
mod batch_norm;
mod clip;
mod convolution;
mod depthwise;
mod flex;
mod full;
mod global_depthwise;
mod plain;
mod pointwise;
mod requantize;
mod shape;
#[cfg(test)]
pub(super) mod tests;
mod window;

pub(crate) use batch_norm::{EPSILON, Moments};
pub use convolution::ConvKind;
pub(crate) use requantize::Steps;
pub(crate) use window::{Filters, Window, enlarged, maximum, windowed};

use crate::cpu::lanes::LANES;
use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{Device, Tensor};

/// The operations on a backend's own tensors.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait FaceOps: Backend {
    /// See [`ConvKind`].
    fn convolution(x: FloatTensor<Self>, w: FloatTensor<Self>, kind: ConvKind)
    -> FloatTensor<Self>;
    /// Normalization by `moments`, then PReLU when `prelu` (else `slope` is not read). Also gives `[2, c]`: mean and variance.
    fn batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        slope: FloatTensor<Self>,
        prelu: bool,
        moments: Moments,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    /// `x` between two limits.
    fn clip(x: FloatTensor<Self>, limits: [f32; 2]) -> FloatTensor<Self>;
    /// Whole sums to int8 steps; `residual` does not count without a factor.
    fn requantize(
        sums: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        positive: FloatTensor<Self>,
        negative: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self>;
}

/// Whether a device runs the operations of this module.
pub(crate) fn has_own_kernels(device: &Device) -> bool {
    *device == Device::flex()
}

/// A convolution without bias; shapes as in the table above.
pub(crate) fn convolution(x: Tensor<4>, w: Tensor<2>, kind: ConvKind) -> Tensor<4> {
    if !has_own_kernels(&x.device()) {
        return plain::convolution(x, w, kind);
    }
    Tensor::from_dispatch(Dispatch::convolution(x.into_dispatch(), w.into_dispatch(), kind))
}

/// Batch normalization and PReLU (when a slope is given); also the mean and variance that it took, `[2, c]`, no gradient.
pub(crate) fn batch_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    slope: Option<Tensor<1>>,
    moments: Moments,
) -> (Tensor<4>, Tensor<2>) {
    if !has_own_kernels(&x.device()) {
        return plain::batch_norm(x, gamma, beta, slope, moments);
    }
    let prelu = slope.is_some();
    let slope = slope.unwrap_or_else(|| beta.clone());
    let (y, statistics) = Dispatch::batch_norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        slope.into_dispatch(),
        prelu,
        moments,
    );
    (Tensor::from_dispatch(y), Tensor::from_dispatch(statistics))
}

/// `x` kept between two limits, the first not above the second.
pub(crate) fn clip(x: Tensor<4>, [low, high]: [f32; 2]) -> Tensor<4> {
    if !has_own_kernels(&x.device()) {
        return x.clamp(low, high);
    }
    Tensor::from_dispatch(Dispatch::clip(x.into_dispatch(), [low, high]))
}

/// `factor x + offset` of every channel, then PReLU when a slope is given.
pub(crate) fn affine(
    x: Tensor<4>,
    factor: Tensor<1>,
    offset: Tensor<1>,
    slope: Option<Tensor<1>>,
) -> Tensor<4> {
    let channels = x.dims()[3];
    if has_own_kernels(&x.device()) && channels.is_multiple_of(LANES) {
        return batch_norm(x, factor, offset, slope, Moments::neutral(channels)).0;
    }
    plain::affine(x, factor, offset, slope)
}

/// Whole sums to int8 steps between two limits, as `requantize.rs` states it, on the CPU; `bias`, `positive` and `negative` hold one
/// number a channel, `residual` another tensor's steps and what one of them is worth.
pub(crate) fn requantize(
    sums: Tensor<4>,
    bias: Tensor<1>,
    [positive, negative]: [Tensor<1>; 2],
    residual: Option<(Tensor<4>, f32)>,
    [low, high]: [f32; 2],
) -> Tensor<4> {
    let (residual, factor) = match residual {
        Some((residual, factor)) => (residual, Some(factor)),
        None => (sums.clone(), None),
    };
    Tensor::from_dispatch(Dispatch::requantize(
        sums.into_dispatch(),
        bias.into_dispatch(),
        positive.into_dispatch(),
        negative.into_dispatch(),
        residual.into_dispatch(),
        Steps { low, high, factor },
    ))
}
