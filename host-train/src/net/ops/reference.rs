//! The operations as plain tensor operations: slow, obvious, differentiated by the library. Tests compare against them.

use super::batch_norm::EPSILON;
use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

fn nchw(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

fn nhwc(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

pub(super) fn pointwise(x: Tensor<4>, w: Tensor<2>) -> Tensor<4> {
    let [out, inputs] = w.dims();
    let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
    nhwc(conv2d(nchw(x), w.reshape([out, inputs, 1, 1]), None, options))
}

pub(super) fn depthwise(x: Tensor<4>, w: Tensor<2>, stride: usize) -> Tensor<4> {
    let channels = w.dims()[1];
    let options = ConvOptions::new([stride, stride], [1, 1], [1, 1], channels);
    nhwc(conv2d(nchw(x), w.transpose().reshape([channels, 1, 3, 3]), None, options))
}

pub(super) fn global_depthwise(x: Tensor<4>, w: Tensor<2>) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let weighted = x.reshape([batch, height * width, channels]) * w.unsqueeze::<3>();
    weighted.sum_dim(1).reshape([batch, 1, 1, channels])
}

pub(super) fn full(x: Tensor<4>, w: Tensor<2>, size: usize, stride: usize) -> Tensor<4> {
    let (out, inputs) = (w.dims()[0], x.dims()[3]);
    let options = ConvOptions::new([stride; 2], [size / 2; 2], [1, 1], 1);
    let w = w.reshape([out, size, size, inputs]).permute([0, 3, 1, 2]);
    nhwc(conv2d(nchw(x), w, None, options))
}

pub(super) fn batch_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    slope: Option<Tensor<1>>,
) -> Tensor<4> {
    let channels = x.dims()[3];
    let count = x.shape().num_elements() / channels;
    let rows = x.clone().reshape([count, channels]);
    let mean = rows.clone().mean_dim(0);
    let variance = (rows - mean.clone()).powi_scalar(2).mean_dim(0);
    affine(x, (mean.reshape([channels]), variance.reshape([channels])), gamma, beta, slope)
}

/// Normalization by these means and variances.
pub(super) fn affine(
    x: Tensor<4>,
    (mean, variance): (Tensor<1>, Tensor<1>),
    gamma: Tensor<1>,
    beta: Tensor<1>,
    slope: Option<Tensor<1>>,
) -> Tensor<4> {
    let deviation = variance.add_scalar(EPSILON).sqrt();
    let centred = x - mean.unsqueeze();
    let t = centred / deviation.unsqueeze() * gamma.unsqueeze() + beta.unsqueeze();
    match slope {
        None => t,
        Some(slope) => {
            let negative = t.clone().clamp_max(0.0);
            t.clamp_min(0.0) + negative * slope.unsqueeze()
        }
    }
}
