//! Two-dimensional convolution: every output channel sees every input channel of the window.
//!
//! ```text
//! sum[y, x, o] = bias[o] + Σ ky, kx, i  input[row, column, i] * weights[o, ky, kx, i]
//! row = y * stride + ky - top          column = x * stride + kx - left
//! ```
//!
//! A row of the window is contiguous in the input and in the weights, so a window is one strip of
//! `kernel width * channels` numbers for each kernel row, and neighbouring pixels have theirs a
//! fixed step apart. Only windows that reach into padding left or right are copied first.
//!
//! ```text
//! for each block of output channels                its weights are packed once,
//!   for each stretch of output pixels                 if a panel holds the window
//!     for each segment of it: pixels of one row that meet padding alike
//!       for each chunk of the window   multiply: sums += strips x panel
//!     requantize: sums -> output
//! ```

use super::arch::{DEPTH, Epilogue, Finish, Primitives, STRIPS, Strip, Sums, Weights};
use super::geometry::{Segment, Walk, check, product};
use super::{Addend, BLOCK, Geometry, LengthError, Requantize, Tier, on_tier};

/// Arguments of [`conv2d`] and [`depthwise_conv2d`](super::depthwise_conv2d()).
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// Shapes and window.
    pub geometry: Geometry,
    /// Stored values, NHWC.
    pub input: &'a [i8],
    /// What a tap outside the input reads: the input's zero point.
    pub pad_value: i8,
    /// `[out][ky][kx][in]` for [`conv2d`], `[ky][kx][channel]` for depthwise; -127 to 127, as the sums
    /// of others are not alike on every tier.
    pub weights: &'a [i8],
    /// One an output channel, the input's zero point folded in.
    pub bias: &'a [i32],
    /// From sums to int8.
    pub requantize: Requantize<'a>,
    /// A tensor of the output's shape, added after the activation.
    pub residual: Option<Addend<'a>>,
}

/// Convolves `layer.input` into `output` (NHWC, the geometry's output shape).
///
/// # Errors
/// A slice's length is not what the geometry needs. `output` is then untouched.
pub fn conv2d(tier: Tier, layer: &Convolution<'_>, output: &mut [i8]) -> Result<(), LengthError> {
    let geometry = &layer.geometry;
    let row_len = geometry.taps() * usize::from(geometry.input.channels);
    layer.check(output, product(&[row_len, geometry.output.channels.into()]))?;
    on_tier!(tier, primitives => run(primitives, layer, output));
    Ok(())
}

fn run<T: Primitives>(tier: T, layer: &Convolution<'_>, output: &mut [i8]) {
    let walk = Walk::new(layer.geometry);
    let mut chunks = Chunk::all(&layer.geometry);
    if let (Some(finish), Some(all), None) = (T::FINISH, chunks.next(), chunks.next()) {
        return finish_each_segment((tier, finish), layer, &walk, all, output);
    }
    let mut panel = tier.panel();
    let mut packed = None;
    layer.for_each_segment(tier, &walk, output, |first, segment, sums| {
        for chunk in Chunk::all(&layer.geometry) {
            if packed != Some((first, chunk)) {
                tier.pack(chunk.weights(layer, first), &mut panel);
                packed = Some((first, chunk));
            }
            chunk.with_strips(layer, &walk, &segment, |strips| {
                tier.multiply(&mut panel, strips, chunk.len, sums);
            });
        }
    });
}

/// The same of windows that a panel holds all of, by a tier that needs no sums in memory, nor ends a segment for want of them.
fn finish_each_segment<T: Primitives>(
    (tier, finish): (T, Finish<T>),
    layer: &Convolution<'_>,
    walk: &Walk,
    all: Chunk,
    output: &mut [i8],
) {
    let channels = usize::from(layer.geometry.output.channels);
    let mut panel = tier.panel();
    for first in (0..channels).step_by(BLOCK) {
        tier.pack(all.weights(layer, first), &mut panel);
        let epilogue = layer.epilogue::<T>(first);
        let mut pixel = 0;
        while pixel < walk.pixels() {
            let segment = walk.segment(pixel, usize::MAX);
            let start = pixel * channels + first;
            pixel += segment.pixels;
            let output = output.get_mut(start..).unwrap_or_default();
            let residual = layer.residual.map(|residual| residual.skip(start));
            let epilogue = Epilogue { residual, ..epilogue };
            all.with_strips(layer, walk, &segment, |strips| {
                let strips = (strips, all.len);
                finish(tier, &mut panel, strips, segment.pixels, &epilogue, output);
            });
        }
    }
}

/// A part of the window that a panel holds: some whole kernel rows, or a part of one.
#[derive(Clone, Copy, PartialEq)]
struct Chunk {
    /// The first kernel row.
    row: usize,
    /// Kernel rows.
    rows: usize,
    /// Where the part starts in each of them.
    offset: usize,
    /// How long it is.
    len: usize,
}

impl Chunk {
    /// The chunks of the window, in the order of the weights.
    fn all(geometry: &Geometry) -> impl Iterator<Item = Self> + use<> {
        let height = usize::from(geometry.window.kernel[0]);
        let row_len = Self::row_len(geometry);
        let rows = DEPTH.checked_div(row_len).unwrap_or(0).clamp(1, STRIPS);
        (0..height).step_by(rows).flat_map(move |row| {
            (0..row_len).step_by(DEPTH).map(move |offset| Self {
                row,
                rows: rows.min(height - row),
                offset,
                len: DEPTH.min(row_len - offset),
            })
        })
    }

    /// Numbers of a kernel row.
    fn row_len(geometry: &Geometry) -> usize {
        usize::from(geometry.window.kernel[1]) * usize::from(geometry.input.channels)
    }

    /// The chunk's weights of the block of channels from `first` on.
    fn weights<'w>(&self, layer: &Convolution<'w>, first: usize) -> Weights<'w> {
        let kernel_row = Self::row_len(&layer.geometry);
        let row_len = kernel_row * usize::from(layer.geometry.window.kernel[0]);
        let start = self.row * kernel_row + self.offset;
        let bias = layer.bias.get(first..).unwrap_or_default();
        Weights {
            values: layer.weights.get(first * row_len + start..).unwrap_or_default(),
            row_len,
            depth: self.rows * self.len,
            channels: bias.len().min(BLOCK),
            bias: (start == 0).then_some(bias),
        }
    }

    /// Lends `use_strips` the strips that the segment's windows have in this chunk.
    #[inline(always)]
    fn with_strips(
        &self,
        layer: &Convolution<'_>,
        walk: &Walk,
        segment: &Segment,
        use_strips: impl FnOnce(&[Strip<'_>]),
    ) {
        let Self { row, rows, offset, len } = *self;
        let channels = usize::from(layer.geometry.input.channels);
        let width = usize::from(layer.geometry.window.kernel[1]);
        let step = usize::from(layer.geometry.window.stride[1]) * channels;
        let input = |row: usize| {
            let start = walk.input_pixel(row, segment.columns.start) * channels;
            layer.input.get(start..).unwrap_or_default()
        };
        let reaches_out = segment.columns.inside < width;
        let mut memory;
        let mut copies: &mut [i8] = &mut [];
        if reaches_out || segment.rows.inside < usize::from(layer.geometry.window.kernel[0]) {
            memory = [layer.pad_value; DEPTH];
            copies = &mut memory;
        }
        if reaches_out {
            let before = segment.columns.before * channels;
            let end = before + segment.columns.inside * channels;
            let copies = copies.chunks_mut(len.max(1)).take(rows).enumerate();
            for (copy, row) in copies.map(|(index, copy)| (copy, row + index)) {
                let Some(row) = walk.input_row(segment, row) else {
                    continue;
                };
                // Kernel row positions `before..end` are input, and `offset..` is the copy's part.
                let to = copy.get_mut(before.saturating_sub(offset)..).unwrap_or_default();
                let from = input(row).get(offset.saturating_sub(before)..).unwrap_or_default();
                let count = end.saturating_sub(before.max(offset));
                for (to, &value) in to.iter_mut().zip(from).take(count) {
                    *to = value;
                }
            }
        }
        let mut strips = [Strip::default(); STRIPS];
        let strips = strips.get_mut(..rows).unwrap_or_default();
        for (index, strip) in strips.iter_mut().enumerate() {
            let copied = copies.get(index * len..).unwrap_or_default();
            *strip = match walk.input_row(segment, row + index) {
                Some(row) if !reaches_out => {
                    Strip { values: input(row).get(offset..).unwrap_or_default(), step }
                }
                _ => Strip { values: copied, step: 0 },
            };
        }
        use_strips(strips);
    }
}

impl Convolution<'_> {
    /// Checks every slice against the geometry; `weights` is the number of weights that it needs.
    pub(super) fn check(&self, output: &[i8], weights: usize) -> Result<(), LengthError> {
        let channels = usize::from(self.geometry.output.channels);
        check("input", self.input, self.geometry.input.elements())?;
        check("weights", self.weights, weights)?;
        check("bias", self.bias, channels)?;
        check("output", output, self.geometry.output.elements())?;
        self.requantize.check(channels)?;
        self.residual.map_or(Ok(()), |residual| check("residual", residual.values, output.len()))
    }

    /// Fills the output, a block of channels after the other: `accumulate(first, segment, sums)` sums up
    /// the windows of a segment for the channels from `first` on. Stretches of pixels are then rounded to
    /// int8.
    #[inline(always)]
    pub(super) fn for_each_segment<T: Primitives>(
        &self,
        tier: T,
        walk: &Walk,
        output: &mut [i8],
        mut accumulate: impl FnMut(usize, Segment, &mut [Sums]),
    ) {
        let channels = usize::from(self.geometry.output.channels);
        let mut buffer = T::BUFFER;
        let buffer = buffer.as_mut();
        for first in (0..channels).step_by(BLOCK) {
            let epilogue = self.epilogue::<T>(first);
            let mut pixel = 0;
            while pixel < walk.pixels() {
                let pixels = buffer.len().min(walk.pixels() - pixel);
                let start = pixel * channels + first;
                pixel += pixels;
                let sums = buffer.get_mut(..pixels).unwrap_or_default();
                let mut unfilled = &mut *sums;
                while !unfilled.is_empty() {
                    let segment = walk.segment(pixel - unfilled.len(), unfilled.len());
                    let sums = unfilled.split_off_mut(..segment.pixels).unwrap_or_default();
                    accumulate(first, segment, sums);
                }
                let output = output.get_mut(start..).unwrap_or_default();
                let residual = self.residual.map(|residual| residual.skip(start));
                tier.requantize(sums, &Epilogue { residual, ..epilogue }, output);
            }
        }
    }

    /// What becomes of the sums of the block of channels from `first` on, but for a residual.
    pub(super) fn epilogue<T: Primitives>(&self, first: usize) -> Epilogue<'_> {
        let multiplier = self.requantize.multiplier.get(first..).unwrap_or_default();
        let positive = multiplier.get(..BLOCK).unwrap_or(multiplier);
        Epilogue {
            positive,
            negative: self.requantize.activation.negative(first, positive),
            zero_point: self.requantize.zero_point,
            residual: None,
            step: self.geometry.output.channels.into(),
            reach: self.reach::<T>(first),
        }
    }

    /// [`Epilogue::reach`] of the block of channels from `first` on, whatever the input holds.
    pub(super) fn reach<T: Primitives>(&self, first: usize) -> f32 {
        if T::FINISH.is_none() {
            return f32::INFINITY;
        }
        let block = |multipliers: &[f32]| {
            // The bits of magnitudes are in their order, with infinity and NaN at the end.
            let bits = multipliers.iter().take(BLOCK).map(|multiplier| multiplier.abs().to_bits());
            bits.fold(0, |most, bits| bits.max(most))
        };
        let positive = self.requantize.multiplier.get(first..).unwrap_or_default();
        let most = block(positive).max(block(self.requantize.activation.negative(first, positive)));
        let bias = self.bias.get(first..).unwrap_or_default().iter().take(BLOCK);
        let bias = bias.fold(0, |most, bias| bias.unsigned_abs().max(most));
        let depth = self.weights.len().checked_div(self.bias.len()).unwrap_or(0);
        let sum = depth as f32 * (128.0 * 128.0) + bias as f32;
        let residual = self.residual.map_or(0.0, |residual| 255.0 * residual.multiplier.abs());
        sum * f32::from_bits(most) + residual
    }
}
