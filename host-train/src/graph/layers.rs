//! Float arithmetic of single layers, NHWC, one image: what the executor calls, knowing nothing of nodes.
//!
//! A convolution is a matrix product: `out[position][o] = patches[position][tap] * weight[o][tap]^T`, a position being an
//! output pixel and a tap one `(ky, kx, channel)`. A 1x1 convolution needs no patches: the image already is that matrix.
//! Depthwise convolutions have too little work a channel for a product and run as loops with the channel innermost.

use super::{Conv2d, FullyConnected, MaxPool, Shape};
use crate::cpu::buffers;
use crate::cpu::lanes::vectorized;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Any convolution but depthwise. `x` has shape `from`, `out` shape `to` and is overwritten.
pub(super) fn conv2d(conv: &Conv2d, x: &[f32], from: Shape, out: &mut [f32], to: Shape) {
    fill_bias(out, conv.bias.as_deref(), conv.out_channels);
    let positions = to.height * to.width;
    let depth = conv.kernel[0] * conv.kernel[1] * conv.in_per_group;
    let outs = conv.out_channels / conv.groups;
    if conv.kernel == [1, 1] && conv.stride == [1, 1] && conv.padding == [0; 4] && conv.groups == 1
    {
        return add_product(x, &conv.weight, [positions, depth], out, conv.out_channels);
    }
    let mut patches = buffers::take(positions * depth);
    for group in 0..conv.groups {
        gather(conv, group, x, from, &mut patches, to);
        let weight = &conv.weight[group * outs * depth..][..outs * depth];
        let out = &mut out[group * outs..];
        add_product(&patches, weight, [positions, depth], out, conv.out_channels);
    }
    buffers::give(patches);
}

/// One filter a channel. `weight` is `[ky][kx][channel]`, see [`channel_inner`].
pub(super) fn depthwise(
    conv: &Conv2d,
    weight: &[f32],
    x: &[f32],
    from: Shape,
    out: &mut [f32],
    to: Shape,
) {
    let channels = conv.out_channels;
    fill_bias(out, conv.bias.as_deref(), channels);
    for (oy, row) in out.chunks_exact_mut(to.width * channels).enumerate() {
        for (ky, iy) in taps(oy, conv.kernel[0], conv.stride[0], conv.padding[0], from.height) {
            let filters = &weight[ky * conv.kernel[1] * channels..][..conv.kernel[1] * channels];
            let x = &x[iy * from.width * channels..][..from.width * channels];
            depthwise_row(filters, x, row, conv, channels);
        }
    }
}

vectorized! {
    /// Adds what one row of the window makes of one row of the operand.
    fn depthwise_row<'a>(
        simd;
        filters: &'a [f32],
        x: &'a [f32],
        out: &'a mut [f32],
        conv: &'a Conv2d,
        channels: usize,
    ) {
        let width = x.len() / channels;
        for (ox, sum) in out.chunks_exact_mut(channels).enumerate() {
            let start = ox * conv.stride[1];
            let (first, end) = inside(start, conv.kernel[1], conv.padding[1], width);
            for kx in first..end {
                let pixel = &x[(start + kx - conv.padding[1]) * channels..][..channels];
                let filter = &filters[kx * channels..][..channels];
                for ((sum, x), w) in sum.iter_mut().zip(pixel).zip(filter) {
                    *sum += x * w;
                }
            }
        }
    }
}

/// Depthwise weights `[channel][ky][kx]` as `[ky][kx][channel]`, the order in which [`depthwise`] reads them.
pub(super) fn channel_inner(conv: &Conv2d) -> Vec<f32> {
    let taps = conv.kernel[0] * conv.kernel[1];
    let at = |i| conv.weight[(i % conv.out_channels) * taps + i / conv.out_channels];
    (0..conv.weight.len()).map(at).collect()
}

/// A dense layer; `out` is overwritten.
pub(super) fn fully_connected(dense: &FullyConnected, x: &[f32], out: &mut [f32]) {
    fill_bias(out, dense.bias.as_deref(), dense.out_features);
    add_product(x, &dense.weight, [1, x.len()], out, dense.out_features);
}

/// Largest value under each window; `out` is overwritten.
pub(super) fn max_pool(pool: &MaxPool, x: &[f32], from: Shape, out: &mut [f32], to: Shape) {
    out.fill(f32::NEG_INFINITY);
    for (position, largest) in out.chunks_exact_mut(to.channels).enumerate() {
        let (oy, ox) = (position / to.width, position % to.width);
        for (_, iy) in taps(oy, pool.kernel[0], pool.stride[0], pool.padding[0], from.height) {
            for (_, ix) in taps(ox, pool.kernel[1], pool.stride[1], pool.padding[1], from.width) {
                let pixel = &x[(iy * from.width + ix) * from.channels..][..from.channels];
                for (largest, x) in largest.iter_mut().zip(pixel) {
                    *largest = largest.max(*x);
                }
            }
        }
    }
}

/// The channels of `left`, which has so many, then those of `right`, `channels` together; `out` is overwritten.
pub(super) fn concat(
    left: &[f32],
    right: &[f32],
    left_channels: usize,
    channels: usize,
    out: &mut [f32],
) {
    let pixels = left.chunks_exact(left_channels).zip(right.chunks_exact(channels - left_channels));
    for (out, (left, right)) in out.chunks_exact_mut(channels).zip(pixels) {
        let (first, second) = out.split_at_mut(left_channels);
        first.copy_from_slice(left);
        second.copy_from_slice(right);
    }
}

/// Every pixel repeated; `out` is overwritten.
pub(super) fn upsample([down, right]: [usize; 2], x: &[f32], from: Shape, out: &mut [f32]) {
    let row = from.width * right * from.channels;
    for (y, row) in out.chunks_exact_mut(row).enumerate() {
        let x = &x[y / down * from.width * from.channels..];
        for (x_, pixel) in row.chunks_exact_mut(from.channels).enumerate() {
            pixel.copy_from_slice(&x[x_ / right * from.channels..][..from.channels]);
        }
    }
}

/// Mean of each channel, summed in double precision; `out` is overwritten.
pub(super) fn global_average_pool(x: &[f32], out: &mut [f32]) {
    let channels = out.len();
    let pixels = (x.len() / channels) as f64;
    for (channel, mean) in out.iter_mut().enumerate() {
        let column = x[channel..].iter().step_by(channels);
        *mean = (column.map(|x| f64::from(*x)).sum::<f64>() / pixels) as f32;
    }
}

/// `x[c] = gate[c] * x[c]`.
pub(super) fn scale_channels(gate: &[f32], x: &mut [f32]) {
    for pixel in x.chunks_exact_mut(gate.len()) {
        for (x, gate) in pixel.iter_mut().zip(gate) {
            *x *= gate;
        }
    }
}

vectorized! {
    /// `x[c] = slope[c] * x[c]` where negative.
    pub(super) fn prelu<'a>(simd; slope: &'a [f32], x: &'a mut [f32]) {
        for pixel in x.chunks_exact_mut(slope.len()) {
            for (x, slope) in pixel.iter_mut().zip(slope) {
                // Not a comparison: the compiler makes it a branch, and signs are random. Exact, one side is always zero.
                *x = x.max(0.0) + slope * x.min(0.0);
            }
        }
    }
}

vectorized! {
    /// `x` kept between `low` and `high`.
    pub(super) fn clip<'a>(simd; low: f32, high: f32, x: &'a mut [f32]) {
        for x in x {
            *x = x.max(low).min(high);
        }
    }
}

vectorized! {
    /// `sum += x`.
    pub(super) fn add<'a>(simd; x: &'a [f32], sum: &'a mut [f32]) {
        for (sum, x) in sum.iter_mut().zip(x) {
            *sum += x;
        }
    }
}

vectorized! {
    /// `x[c] = factor[c] * x[c] + offset[c]`, in double precision.
    pub(super) fn affine<'a>(simd; affine: &'a [(f64, f64)], x: &'a mut [f32]) {
        for pixel in x.chunks_exact_mut(affine.len()) {
            for (x, (factor, offset)) in pixel.iter_mut().zip(affine) {
                *x = (factor * f64::from(*x) + offset) as f32;
            }
        }
    }
}

/// `out[row][o] += sum over depth of x[row][depth] * weight[o][depth]`; rows of `out` are `stride` apart and as many
/// outputs wide as `weight` has rows.
fn add_product(
    x: &[f32],
    weight: &[f32],
    [rows, depth]: [usize; 2],
    out: &mut [f32],
    stride: usize,
) {
    let outs = weight.len() / depth;
    let x = MatRef::from_row_major_slice(&x[..rows * depth], rows, depth);
    let weight = MatRef::from_row_major_slice(weight, outs, depth);
    // The transposed constructor: `from_row_major_slice_with_stride_mut` of faer 0.24.4 mixes up its two strides.
    let out = MatMut::from_column_major_slice_with_stride_mut(out, outs, rows, stride);
    let out = out.transpose_mut();
    matmul(out, Accum::Add, x, weight.transpose(), 1.0, Par::Seq);
}

/// The patch of every output position for one channel group, `[position][ky][kx][in per group]`; padding taps are zero.
fn gather(conv: &Conv2d, group: usize, x: &[f32], from: Shape, patches: &mut [f32], to: Shape) {
    let depth = conv.in_per_group;
    let [height, width] = conv.kernel;
    patches.fill(0.0);
    for (position, patch) in patches.chunks_exact_mut(height * width * depth).enumerate() {
        let (oy, ox) = (position / to.width, position % to.width);
        for (ky, iy) in taps(oy, height, conv.stride[0], conv.padding[0], from.height) {
            for (kx, ix) in taps(ox, width, conv.stride[1], conv.padding[1], from.width) {
                let source = (iy * from.width + ix) * from.channels + group * depth;
                patch[(ky * width + kx) * depth..][..depth].copy_from_slice(&x[source..][..depth]);
            }
        }
    }
}

/// The taps of one window side that fall inside the operand: pairs of tap and operand coordinate.
fn taps(
    output: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    side: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let start = output * stride;
    let (first, end) = inside(start, kernel, padding, side);
    (first..end).map(move |tap| (tap, start + tap - padding))
}

/// The first tap of a window at padded coordinate `start` that is inside the operand, and the end of those that are.
#[inline(always)]
fn inside(start: usize, kernel: usize, padding: usize, side: usize) -> (usize, usize) {
    (padding.saturating_sub(start), kernel.min((side + padding).saturating_sub(start)))
}

fn fill_bias(out: &mut [f32], bias: Option<&[f32]>, channels: usize) {
    match bias {
        Some(bias) => out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(bias)),
        None => out.fill(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::random;

    /// The definition in [`Conv2d`]'s docs, one output at a time, in double precision.
    fn by_definition(conv: &Conv2d, x: &[f32], from: Shape, to: Shape) -> Vec<f32> {
        let [kh, kw] = conv.kernel;
        let outs = conv.out_channels / conv.groups;
        let value = |index: usize| {
            let (o, position) = (index % to.channels, index / to.channels);
            let (oy, ox) = (position / to.width, position % to.width);
            let mut sum = conv.bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]));
            for tap in 0..kh * kw {
                let y = (oy * conv.stride[0] + tap / kw).wrapping_sub(conv.padding[0]);
                let x_ = (ox * conv.stride[1] + tap % kw).wrapping_sub(conv.padding[1]);
                if y >= from.height || x_ >= from.width {
                    continue;
                }
                for i in 0..conv.in_per_group {
                    let channel = o / outs * conv.in_per_group + i;
                    let pixel = x[(y * from.width + x_) * from.channels + channel];
                    let weight = conv.weight[(o * kh * kw + tap) * conv.in_per_group + i];
                    sum += f64::from(pixel) * f64::from(weight);
                }
            }
            sum as f32
        };
        (0..to.elements()).map(value).collect()
    }

    #[test]
    fn convolutions_equal_their_definition() {
        let mut rng = random::rng(3);
        // channels, outputs, groups, kernel, stride, padding: plain, strided, uneven padding, 1x1, strided 1x1, grouped,
        // depthwise, depthwise strided, depthwise over the whole image, window mostly outside.
        for (channels, outs, groups, kernel, stride, padding) in [
            (3, 5, 1, [3, 3], [1, 1], [1; 4]),
            (3, 8, 1, [3, 3], [2, 2], [1; 4]),
            (4, 6, 1, [2, 3], [1, 2], [0, 2, 1, 0]),
            (8, 3, 1, [1, 1], [1, 1], [0; 4]),
            (8, 3, 1, [1, 1], [2, 2], [0; 4]),
            (6, 4, 2, [3, 3], [1, 1], [1; 4]),
            (4, 8, 4, [3, 3], [1, 1], [1; 4]),
            (5, 5, 5, [3, 3], [1, 1], [1; 4]),
            (5, 5, 5, [3, 3], [2, 2], [1; 4]),
            (5, 5, 5, [7, 6], [1, 1], [0; 4]),
            (2, 3, 1, [3, 3], [4, 4], [2; 4]),
        ] {
            let from = Shape { height: 7, width: 6, channels };
            let in_per_group = channels / groups;
            let conv = Conv2d {
                weight: random::normal(&mut rng, outs * kernel[0] * kernel[1] * in_per_group, 1.0),
                bias: Some(random::normal(&mut rng, outs, 1.0)),
                out_channels: outs,
                in_per_group,
                kernel,
                stride,
                padding,
                groups,
            };
            let to = Shape {
                height: (7 + padding[0] + padding[2] - kernel[0]) / stride[0] + 1,
                width: (6 + padding[1] + padding[3] - kernel[1]) / stride[1] + 1,
                channels: outs,
            };
            let x = random::normal(&mut rng, from.elements(), 1.0);
            let mut out = vec![f32::NAN; to.elements()];
            if conv.is_depthwise() {
                depthwise(&conv, &channel_inner(&conv), &x, from, &mut out, to);
            } else {
                conv2d(&conv, &x, from, &mut out, to);
            }
            let expected = by_definition(&conv, &x, from, to);
            for (got, expected) in out.iter().zip(&expected) {
                assert!((got - expected).abs() < 1e-4, "{got} {expected} {conv:?}");
            }
        }
    }

    #[test]
    fn pools_and_a_gate_by_hand() {
        let from = Shape { height: 2, width: 3, channels: 2 };
        let x = [1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0, 5.0, -5.0, 6.0, -6.0];
        // Windows of 2x2 from one above and left of the image, two apart: the corners' pixels.
        let pool = MaxPool { kernel: [2; 2], stride: [2; 2], padding: [1, 1, 1, 0] };
        let to = Shape { height: 2, width: 2, channels: 2 };
        let mut out = [f32::NAN; 8];
        max_pool(&pool, &x, from, &mut out, to);
        assert_eq!(out, [1.0, -1.0, 3.0, -2.0, 4.0, -4.0, 6.0, -5.0]);
        let mut mean = [f32::NAN; 2];
        global_average_pool(&x, &mut mean);
        assert_eq!(mean, [3.5, -3.5]);
        scale_channels(&[0.5, 2.0], &mut out);
        assert_eq!(out, [0.5, -2.0, 1.5, -4.0, 2.0, -8.0, 3.0, -10.0]);
    }

    #[test]
    fn channels_side_by_side_and_pixels_repeated() {
        let mut out = [f32::NAN; 6];
        concat(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0], 2, 3, &mut out);
        assert_eq!(out, [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
        // A row of two pixels of two channels, becoming two rows of six.
        let from = Shape { height: 1, width: 2, channels: 2 };
        let mut out = [f32::NAN; 24];
        upsample([2, 3], &[1.0, 2.0, 3.0, 4.0], from, &mut out);
        let row = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0];
        assert_eq!((&out[..12], &out[12..]), (&row[..], &row[..]));
    }

    #[test]
    fn prelu_bends_only_the_negative_side() {
        let mut x = [-2.0, -2.0, 3.0, 0.0];
        prelu(&[0.25, -1.0], &mut x);
        assert_eq!(x, [-0.5, 2.0, 3.0, 0.0]);
    }
}
