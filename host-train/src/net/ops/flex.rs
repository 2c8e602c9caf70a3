//! The operations on the CPU backend's tensors: borrows slices, calls the kernels, wraps what they made.

use super::requantize::{self, Channels, Steps};
use super::shape::Nhwc;
use super::{ConvKind, FaceOps, Moments, batch_norm, clip, convolution};
use crate::cpu::buffers;
use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{DType, Shape};

/// A tensor of these numbers.
pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    let shape = Shape::from(shape.into());
    FlexTensor::new(buffers::storage(values), Layout::contiguous(shape), DType::F32)
}

/// The same tensor with its numbers side by side.
pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// The numbers of a contiguous f32 tensor.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("`contiguous` was called, and the networks compute in f32")
}

/// Dimensions.
pub(super) fn dims(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

/// Dimensions of a batch of images.
pub(super) fn nhwc(tensor: &FlexTensor) -> Nhwc {
    let dims: [usize; 4] = dims(tensor).try_into().expect("images are tensors of four dimensions");
    Nhwc::new(dims)
}

pub(super) fn batch_norm_forward(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    slope: Option<&FlexTensor>,
    moments: Moments,
) -> (FlexTensor, batch_norm::Statistics) {
    let (y, statistics) =
        batch_norm::forward(values(x), values(gamma), values(beta), slope.map(values), moments);
    (tensor(y, dims(x)), statistics)
}

/// A contiguous tensor between two limits.
pub(super) fn clipped(x: &FlexTensor, limits: [f32; 2]) -> FlexTensor {
    tensor(clip::forward(values(x), limits), dims(x))
}

/// `[2, c]`: mean, then variance.
pub(super) fn statistics_tensor(statistics: &batch_norm::Statistics) -> FlexTensor {
    let both = [&statistics.mean[..], &statistics.variance[..]].concat();
    tensor(both, [2, statistics.mean.len()])
}

/// All contiguous: sums, bias, both multipliers, residual.
pub(super) fn requantized(tensors: &[FlexTensor; 5], steps: Steps) -> FlexTensor {
    let (sums, residual) = (values(&tensors[0]), values(&tensors[4]));
    tensor(requantize::forward(sums, channels(tensors), residual, steps), dims(&tensors[0]))
}

/// The numbers of [`requantized`] that are one a channel.
pub(super) fn channels([_, bias, positive, negative, _]: &[FlexTensor; 5]) -> Channels<'_> {
    Channels { bias: values(bias), positive: values(positive), negative: values(negative) }
}

impl FaceOps for Flex {
    fn convolution(x: FlexTensor, w: FlexTensor, kind: ConvKind) -> FlexTensor {
        convolution::forward(&contiguous(x), &contiguous(w), kind)
    }

    fn batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        slope: FlexTensor,
        prelu: bool,
        moments: Moments,
    ) -> (FlexTensor, FlexTensor) {
        let (x, gamma, beta, slope) =
            (contiguous(x), contiguous(gamma), contiguous(beta), contiguous(slope));
        let (y, statistics) =
            batch_norm_forward(&x, &gamma, &beta, prelu.then_some(&slope), moments);
        (y, statistics_tensor(&statistics))
    }

    fn clip(x: FlexTensor, limits: [f32; 2]) -> FlexTensor {
        clipped(&contiguous(x), limits)
    }

    fn requantize(
        sums: FlexTensor,
        bias: FlexTensor,
        positive: FlexTensor,
        negative: FlexTensor,
        residual: FlexTensor,
        steps: Steps,
    ) -> FlexTensor {
        requantized(&[sums, bias, positive, negative, residual].map(contiguous), steps)
    }
}
