//! Layers with weights or windows: convolutions, dense layers, pools.

use super::proto;
use super::{Builder, OnnxError, attribute, sizes, unusable};
use crate::graph::{Conv2d, FullyConnected, MaxPool, Op, Shape};

impl Builder<'_> {
    /// `Conv`. A dilated window becomes a larger one with zeros between its weights.
    pub(super) fn convolution(
        &self,
        node: &proto::Node,
        from: Shape,
        padded: [usize; 4],
    ) -> Result<Conv2d, OnnxError> {
        let shape = self.constant(node, 1).map_or(&[][..], |w| &w.dims);
        let extents: Vec<usize> = shape.iter().filter_map(|d| usize::try_from(*d).ok()).collect();
        let [outs, in_per_group, rows, columns] = extents[..] else {
            return Err(unusable(node, "its weights are not of four dimensions"));
        };
        let groups = sizes::<1>(node, "group", [1])?[0];
        if in_per_group.checked_mul(groups) != Some(from.channels) {
            return Err(unusable(node, "its groups and weights do not fit the operand's channels"));
        }
        let count = [outs, in_per_group, rows, columns].into_iter().try_fold(1, usize::checked_mul);
        let count = count.ok_or_else(|| unusable(node, "its weights' dimensions are absurd"))?;
        let weight = channels_last(&self.floats(node, 1, count)?, in_per_group, rows * columns);
        let dilations = sizes(node, "dilations", [1; 2])?;
        let stretched = |size: usize, dilation: usize| {
            let between = size.checked_sub(1)?.checked_mul(dilation)?;
            between.checked_add(1).filter(|size| *size <= MOST_WINDOW && dilation > 0)
        };
        let kernel = stretched(rows, dilations[0]).zip(stretched(columns, dilations[1]));
        let (height, width) = kernel.ok_or_else(|| unusable(node, "its window is absurd"))?;
        bounded(node, [outs, in_per_group, height, width])?;
        let window = Window { kernel: [height, width], stride: sizes(node, "strides", [1; 2])? };
        let padding = both(self.padding(node, from, window)?, padded);
        Ok(Conv2d {
            weight: dilated(&weight, [rows, columns, in_per_group], dilations),
            bias: self.optional_floats(node, 2, outs)?,
            out_channels: outs,
            in_per_group,
            kernel: window.kernel,
            stride: window.stride,
            padding,
            groups,
        })
    }

    /// `Gemm`, with weights either way round.
    pub(super) fn gemm(
        &self,
        node: &proto::Node,
        from: Shape,
    ) -> Result<FullyConnected, OnnxError> {
        let flag = |name| attribute(node, name).map_or(0, |a| a.i);
        let factor = |name| attribute(node, name).map_or(1.0, |a| a.f);
        if flag("transA") != 0 {
            return Err(unusable(node, "transA = 1 would turn the batch; export without it"));
        }
        let mut dense = self.dense(node, from, flag("transB") != 0)?;
        let (alpha, beta) = (factor("alpha"), factor("beta"));
        dense.weight.iter_mut().for_each(|weight| *weight *= alpha);
        if let Some(bias) = self.optional_floats(node, 2, dense.out_features)? {
            dense.bias = Some(bias.into_iter().map(|bias| beta * bias).collect());
        }
        Ok(dense)
    }

    /// The matrix at input 1, `[out, in]` when `rows_are_outputs`, else `[in, out]`, over the flattened NCHW operand.
    pub(super) fn dense(
        &self,
        node: &proto::Node,
        from: Shape,
        rows_are_outputs: bool,
    ) -> Result<FullyConnected, OnnxError> {
        let dims = self.constant(node, 1).map_or(&[][..], |w| &w.dims);
        let [rows, columns] = dims[..] else {
            return Err(unusable(node, "its weights are no constant matrix"));
        };
        let outs = usize::try_from(if rows_are_outputs { rows } else { columns });
        let outs = outs.map_err(|_| unusable(node, "its weights have no extent"))?;
        let inputs = from.elements();
        let mut weight = self.floats(node, 1, outs.saturating_mul(inputs))?;
        if !rows_are_outputs {
            weight = (0..outs * inputs)
                .map(|place| weight[place % inputs * outs + place / inputs])
                .collect();
        }
        let weight = channels_last(&weight, from.channels, from.height * from.width);
        Ok(FullyConnected { weight, bias: None, out_features: outs })
    }

    /// `MaxPool`.
    pub(super) fn max_pool(
        &self,
        node: &proto::Node,
        from: Shape,
        padded: [usize; 4],
    ) -> Result<MaxPool, OnnxError> {
        if padded != [0; 4] {
            return Err(unusable(node, "zeros padded before a maximum are not known here"));
        }
        let window = self.pool(node)?;
        let padding = self.padding(node, from, window)?;
        Ok(MaxPool { kernel: window.kernel, stride: window.stride, padding })
    }

    /// `AveragePool`: the mean of everything, or a depthwise convolution with equal weights.
    pub(super) fn average_pool(
        &self,
        node: &proto::Node,
        from: Shape,
        padded: [usize; 4],
    ) -> Result<Op, OnnxError> {
        let window = self.pool(node)?;
        let padding = self.padding(node, from, window)?;
        if padding == [0; 4] && padded == [0; 4] && window.kernel == [from.height, from.width] {
            return Ok(Op::GlobalAveragePool);
        }
        let counted = attribute(node, "count_include_pad").is_some_and(|a| a.i != 0);
        if padding != [0; 4] && !counted {
            return Err(unusable(node, "a mean that leaves its padding out is not known here"));
        }
        let padding = both(padding, padded);
        let [height, width] = window.kernel;
        bounded(node, [from.channels, height, width, 1])?;
        let taps = height * width;
        Ok(Op::Conv2d(Conv2d {
            weight: vec![1.0 / taps as f32; taps * from.channels],
            bias: None,
            out_channels: from.channels,
            in_per_group: 1,
            kernel: window.kernel,
            stride: window.stride,
            padding,
            groups: from.channels,
        }))
    }

    fn pool(&self, node: &proto::Node) -> Result<Window, OnnxError> {
        if attribute(node, "ceil_mode").is_some_and(|a| a.i != 0) {
            return Err(unusable(node, "ceil_mode is not known here; pad explicitly"));
        }
        if attribute(node, "dilations").is_some_and(|a| a.ints.iter().any(|d| *d != 1)) {
            return Err(unusable(node, "a dilated pool is not known here"));
        }
        let kernel = sizes(node, "kernel_shape", [0; 2])?;
        if kernel.iter().any(|size| *size == 0 || *size > MOST_WINDOW) {
            return Err(unusable(node, "its window is absurd"));
        }
        Ok(Window { kernel, stride: sizes(node, "strides", [1; 2])? })
    }

    /// Top, left, bottom, right; worked out where the file leaves it to us.
    fn padding(
        &self,
        node: &proto::Node,
        from: Shape,
        window: Window,
    ) -> Result<[usize; 4], OnnxError> {
        let automatic = attribute(node, "auto_pad").map_or(&b""[..], |a| &a.s);
        let lower = match automatic {
            b"" | b"NOTSET" => return sizes(node, "pads", [0; 4]),
            b"VALID" => return Ok([0; 4]),
            b"SAME_UPPER" => false,
            b"SAME_LOWER" => true,
            _ => return Err(unusable(node, "its auto_pad is no word of ONNX")),
        };
        let around = |extent: usize, axis: usize| {
            let stride = window.stride[axis].max(1);
            let reached = extent.div_ceil(stride).saturating_sub(1).saturating_mul(stride);
            let missing = reached.saturating_add(window.kernel[axis]).saturating_sub(extent);
            let (small, large) = (missing / 2, missing.div_ceil(2));
            if lower { (large, small) } else { (small, large) }
        };
        let ((top, bottom), (left, right)) = (around(from.height, 0), around(from.width, 1));
        Ok([top, left, bottom, right])
    }
}

/// Pixels a side of a window, at most.
const MOST_WINDOW: usize = 1 << 10;

/// Weights that are made of a few numbers of the file, at most.
const MOST_WEIGHTS: usize = 1 << 26;

/// A few bytes must not ask for all memory.
fn bounded(node: &proto::Node, extents: [usize; 4]) -> Result<(), OnnxError> {
    let count = extents.into_iter().try_fold(1, usize::checked_mul);
    if count.is_some_and(|count| count <= MOST_WEIGHTS) {
        return Ok(());
    }
    Err(unusable(node, "it would have too many weights"))
}

#[derive(Clone, Copy)]
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
}

/// A layer's own padding around the zeros that were there before it.
fn both(own: [usize; 4], before: [usize; 4]) -> [usize; 4] {
    core::array::from_fn(|side| own[side].saturating_add(before[side]))
}

/// `[out][channel][pixel]` to `[out][pixel][channel]`.
fn channels_last(weight: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let rows = weight.chunks_exact((channels * pixels).max(1));
    rows.flat_map(|row| {
        (0..pixels).flat_map(move |p| (0..channels).map(move |c| row[c * pixels + p]))
    })
    .collect()
}

/// `[out][row][column][channel]` with zeros between rows and columns.
fn dilated(weight: &[f32], [rows, columns, channels]: [usize; 3], by: [usize; 2]) -> Vec<f32> {
    if by == [1; 2] {
        return weight.to_vec();
    }
    let (height, width) = ((rows - 1) * by[0] + 1, (columns - 1) * by[1] + 1);
    let mut all = Vec::new();
    for window in weight.chunks_exact(rows * columns * channels) {
        let mut large = vec![0.0; height * width * channels];
        for (place, pixel) in window.chunks_exact(channels).enumerate() {
            let (row, column) = (place / columns * by[0], place % columns * by[1]);
            large[(row * width + column) * channels..][..channels].copy_from_slice(pixel);
        }
        all.extend(large);
    }
    all
}
