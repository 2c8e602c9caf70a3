//! The operations as plain tensor operations, differentiated by the library: what runs on a device without kernels of its own
//! here, and what the tests compare those kernels with.

use super::batch_norm::{EPSILON, Moments};
use super::convolution::ConvKind;
use burn::tensor::module::conv2d;
use burn::tensor::ops::{ConvOptions, PadMode};
use burn::tensor::{Slice, Tensor, TensorData};

/// `[a, b, c, d]` to `[a, d, b, c]`: channels last to channels first.
pub(super) fn nchw(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

/// The way back.
pub(super) fn nhwc(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

/// See [`super::convolution`].
pub(super) fn convolution(x: Tensor<4>, w: Tensor<2>, kind: ConvKind) -> Tensor<4> {
    let [rows, columns] = w.dims();
    let inputs = x.dims()[3];
    let (options, w) = match kind {
        ConvKind::Depthwise { stride } => return depthwise(x, w, stride),
        ConvKind::GlobalDepthwise { .. } => return global_depthwise(x, w),
        ConvKind::Full { size, stride } => {
            let w = w.reshape([rows, size, size, inputs]).permute([0, 3, 1, 2]);
            (ConvOptions::new([stride; 2], [size / 2; 2], [1, 1], 1), w)
        }
        ConvKind::Pointwise => {
            (ConvOptions::new([1, 1], [0, 0], [1, 1], 1), w.reshape([rows, columns, 1, 1]))
        }
    };
    nhwc(conv2d(nchw(x), w, None, options))
}

/// The taps one after the other, each an image shifted and times a row. The library's grouped convolution has a gradient by its
/// weights of which a thread sums a whole batch for one tap of one channel: on a big GPU a step took minutes.
fn depthwise(x: Tensor<4>, w: Tensor<2>, stride: usize) -> Tensor<4> {
    let [_, height, width, channels] = x.dims();
    let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
    // A pixel more below and to the right, so that each tap's rows and columns divide by the stride.
    let padded = nhwc(nchw(x).pad([(1, stride), (1, stride)], PadMode::Constant(0.0)));
    let from = |first: usize, count: usize| {
        Slice::new(first as isize, Some((first + count * stride) as isize), stride as isize)
    };
    let tap = |k: usize| {
        let all = Slice::new(0, None, 1);
        let shifted = padded.clone().slice([all, from(k / 3, rows), from(k % 3, columns), all]);
        shifted * w.clone().slice([k..k + 1, 0..channels]).reshape([1, 1, 1, channels])
    };
    (1..9).fold(tap(0), |sum, k| sum + tap(k))
}

fn global_depthwise(x: Tensor<4>, w: Tensor<2>) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let weighted = x.reshape([batch, height * width, channels]) * w.unsqueeze::<3>();
    weighted.sum_dim(1).reshape([batch, 1, 1, channels])
}

/// Mean of every channel over the batch and all pixels, `[1, 1, 1, channels]`; an image at a time, then over the images, so that
/// a device has enough sums to do at once.
fn channel_mean(x: Tensor<4>) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let count = (batch * height * width) as f64;
    let images = x.reshape([batch, height * width, channels]).sum_dim(1);
    images.sum_dim(0).reshape([1, 1, 1, channels]).div_scalar(count)
}

/// See [`super::batch_norm`].
///
/// # Panics
/// The batch is shared with other ranks: no sums are exchanged in the middle of a library's pass.
pub(super) fn batch_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    slope: Option<Tensor<1>>,
    moments: Moments,
) -> (Tensor<4>, Tensor<2>) {
    let channels = x.dims()[3];
    let (centred, variance, mean) = match moments {
        Moments::Batch(ranks) => {
            assert_eq!(ranks.count(), 1, "synced normalization is refused where it can't be done");
            let mean = channel_mean(x.clone());
            let centred = x - mean.clone();
            let variance = channel_mean(centred.clone().powi_scalar(2));
            (centred, variance, mean)
        }
        Moments::Given { mean, variance } => {
            let numbers = |numbers: Vec<f32>| -> Tensor<4> {
                Tensor::from_data(TensorData::new(numbers, [1, 1, 1, channels]), &x.device())
            };
            let (mean, variance) = (numbers(mean), numbers(variance));
            (x - mean.clone(), variance, mean)
        }
    };
    let row = |x: &Tensor<4>| x.clone().detach().reshape([1, channels]);
    let seen = Tensor::cat(vec![row(&mean), row(&variance)], 0);
    let scale = gamma.unsqueeze() / variance.add_scalar(EPSILON).sqrt();
    (activated(centred * scale + beta.unsqueeze(), slope), seen)
}

/// See [`super::affine`].
pub(super) fn affine(
    x: Tensor<4>,
    factor: Tensor<1>,
    offset: Tensor<1>,
    slope: Option<Tensor<1>>,
) -> Tensor<4> {
    activated(x * factor.unsqueeze() + offset.unsqueeze(), slope)
}

/// PReLU, where there is a slope.
fn activated(t: Tensor<4>, slope: Option<Tensor<1>>) -> Tensor<4> {
    match slope {
        None => t,
        Some(slope) => t.clone().clamp_min(0.0) + t.clamp_max(0.0) * slope.unsqueeze(),
    }
}
