//! The layers as their equations say, as plain loops over `i64` sums and `f64` scaling, and values
//! to try them on.

use alloc::vec::Vec;

use edge_infer::kernels::{Activation, Addend, Convolution, Geometry, Requantize};

/// Deterministic values from a seed (SplitMix64).
pub(crate) struct Values(pub(crate) u64);

impl Values {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Any int8; one seed in four gives only the two extremes.
    pub(crate) fn bytes(&mut self, count: usize, lowest: i8) -> Vec<i8> {
        let extreme = self.next().is_multiple_of(4);
        let value = |raw: u64| match (extreme, raw & 1) {
            (true, 0) => lowest,
            (true, _) => 127,
            (false, _) => (raw >> 8) as i8,
        };
        (0..count).map(|_| value(self.next()).max(lowest)).collect()
    }

    pub(crate) fn biases(&mut self, count: usize) -> Vec<i32> {
        (0..count).map(|_| (self.next() as i32) >> 12).collect()
    }

    /// Multipliers for sums of `terms` products: most results fall inside int8, some saturate.
    pub(crate) fn multipliers(&mut self, count: usize, terms: usize) -> Vec<f32> {
        let typical = 60.0 / (5000 * terms.isqrt()) as f64;
        (0..count).map(|_| ((0.2 + 1.8 * self.unit()) * typical) as f32).collect()
    }
}

/// The number contract in `f64`, rounding to `f32` where the contract says so.
pub(crate) fn requantize(
    sum: i64,
    positive: f32,
    negative: f32,
    residual: f32,
    zero_point: i8,
) -> i8 {
    let multiplier = if sum < 0 { negative } else { positive };
    // Two 24-bit significands multiply exactly in f64, so this is the f32 product.
    let product = (f64::from(sum as f32) * f64::from(multiplier)) as f32;
    nearest(product + residual, zero_point)
}

/// The nearest integer, of two the even one, plus the zero point, within int8. In `f64`, where
/// neighbours from 2^52 on are 1 apart, so that adding as much rounds; `round_ties_even` is not in
/// `core`.
pub(crate) fn nearest(value: f32, zero_point: i8) -> i8 {
    const ONE_APART: f64 = (3_u64 << 51) as f64;
    let rounded = f64::from(value).clamp(-1000.0, 1000.0) + ONE_APART - ONE_APART;
    (rounded + f64::from(zero_point)).clamp(-128.0, 127.0) as i8
}

pub(crate) fn term(addend: Addend<'_>, index: usize) -> f32 {
    let real = f64::from(addend.values[index]) - f64::from(addend.zero_point);
    (real * f64::from(addend.multiplier)) as f32
}

fn negative_side(requantize: &Requantize<'_>, channel: usize) -> f32 {
    match requantize.activation {
        Activation::None => requantize.multiplier[channel],
        Activation::Relu => 0.0,
        Activation::Prelu(negative) => negative[channel],
    }
}

/// Both convolutions from their equations: `depthwise` only decides which weights a channel sees.
pub(crate) fn convolution_by_definition(layer: &Convolution<'_>, depthwise: bool) -> Vec<i8> {
    let Geometry { input, output, window } = layer.geometry;
    let [kernel_height, kernel_width] = window.kernel.map(usize::from);
    let (inputs, outputs) = (usize::from(input.channels), usize::from(output.channels));
    let pixel = |y: i64, x: i64, channel: usize| {
        let inside =
            (0..i64::from(input.height)).contains(&y) && (0..i64::from(input.width)).contains(&x);
        let index = |y: i64, x: i64| (y * i64::from(input.width) + x) as usize * inputs + channel;
        i64::from(if inside { layer.input[index(y, x)] } else { layer.pad_value })
    };
    let mut result = Vec::new();
    for y in 0..i64::from(output.height) {
        for x in 0..i64::from(output.width) {
            for o in 0..outputs {
                let mut sum = i64::from(layer.bias[o]);
                for ky in 0..kernel_height {
                    for kx in 0..kernel_width {
                        let row =
                            y * i64::from(window.stride[0]) + ky as i64 - i64::from(window.top);
                        let column =
                            x * i64::from(window.stride[1]) + kx as i64 - i64::from(window.left);
                        let tap = ky * kernel_width + kx;
                        if depthwise {
                            sum +=
                                pixel(row, column, o) * i64::from(layer.weights[tap * outputs + o]);
                            continue;
                        }
                        for i in 0..inputs {
                            let weight = (o * kernel_height * kernel_width + tap) * inputs + i;
                            sum += pixel(row, column, i) * i64::from(layer.weights[weight]);
                        }
                    }
                }
                let residual = layer.residual.map_or(0.0, |residual| term(residual, result.len()));
                let requantized = &layer.requantize;
                result.push(requantize(
                    sum,
                    requantized.multiplier[o],
                    negative_side(requantized, o),
                    residual,
                    requantized.zero_point,
                ));
            }
        }
    }
    result
}
