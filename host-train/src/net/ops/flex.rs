//! The operations on the CPU backend's tensors: borrows slices, calls the kernels, wraps what they made.

use super::shape::Nhwc;
use super::{FaceOps, batch_norm, depthwise, global_depthwise, pointwise, stem};
use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

/// A tensor of these numbers.
pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    let shape = Shape::from(shape.into());
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
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

pub(super) fn pointwise_forward(x: &FlexTensor, w: &FlexTensor) -> FlexTensor {
    let [outputs, inputs] = matrix_dims(w);
    let mut shape = dims(x);
    let y = pointwise::forward(values(x), values(w), inputs, outputs);
    if let Some(channels) = shape.last_mut() {
        *channels = outputs;
    }
    tensor(y, shape)
}

pub(super) fn depthwise_forward(x: &FlexTensor, w: &FlexTensor, stride: usize) -> FlexTensor {
    let shape = nhwc(x);
    let out = shape.strided(stride);
    let y = depthwise::forward(values(x), values(w), shape, stride);
    tensor(y, [out.batch, out.height, out.width, out.channels])
}

pub(super) fn global_depthwise_forward(x: &FlexTensor, w: &FlexTensor) -> FlexTensor {
    let shape = nhwc(x);
    let y = global_depthwise::forward(values(x), values(w), shape.channels);
    tensor(y, [shape.batch, 1, 1, shape.channels])
}

pub(super) fn stem_forward(x: &FlexTensor, w: &FlexTensor) -> FlexTensor {
    let [outputs, _] = matrix_dims(w);
    let shape = nhwc(x);
    let out = shape.strided(2);
    let y = stem::forward(values(x), values(w), shape, outputs);
    tensor(y, [out.batch, out.height, out.width, outputs])
}

pub(super) fn batch_norm_forward(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    slope: Option<&FlexTensor>,
) -> (FlexTensor, batch_norm::Statistics) {
    let (y, statistics) =
        batch_norm::forward(values(x), values(gamma), values(beta), slope.map(values));
    (tensor(y, dims(x)), statistics)
}

/// `[2, c]`: mean, then variance.
pub(super) fn statistics_tensor(statistics: &batch_norm::Statistics) -> FlexTensor {
    let both = [&statistics.mean[..], &statistics.variance[..]].concat();
    tensor(both, [2, statistics.mean.len()])
}

/// Dimensions of a weight matrix.
pub(super) fn matrix_dims(w: &FlexTensor) -> [usize; 2] {
    dims(w).try_into().expect("weights are tensors of two dimensions")
}

impl FaceOps for Flex {
    fn pointwise(x: FlexTensor, w: FlexTensor) -> FlexTensor {
        pointwise_forward(&contiguous(x), &contiguous(w))
    }

    fn depthwise(x: FlexTensor, w: FlexTensor, stride: usize) -> FlexTensor {
        depthwise_forward(&contiguous(x), &contiguous(w), stride)
    }

    fn global_depthwise(x: FlexTensor, w: FlexTensor) -> FlexTensor {
        global_depthwise_forward(&contiguous(x), &contiguous(w))
    }

    fn stem(x: FlexTensor, w: FlexTensor) -> FlexTensor {
        stem_forward(&contiguous(x), &contiguous(w))
    }

    fn batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        slope: FlexTensor,
        prelu: bool,
    ) -> (FlexTensor, FlexTensor) {
        let (x, gamma, beta, slope) =
            (contiguous(x), contiguous(gamma), contiguous(beta), contiguous(slope));
        let (y, statistics) = batch_norm_forward(&x, &gamma, &beta, prelu.then_some(&slope));
        (y, statistics_tensor(&statistics))
    }
}
