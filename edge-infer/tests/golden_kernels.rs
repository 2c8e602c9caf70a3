//! Every kernel against the definition of its layer, written here as plain loops over `i64` sums and
//! `f64` scaling, on random and extreme values and on shapes that leave every kind of remainder.

use edge_infer::kernels::{
    Activation, Add, Addend, Convolution, Extent, FullyConnected, Geometry, Requantize, Window,
    add, conv2d, depthwise_conv2d, fully_connected, fully_connected_sums,
};
use proptest::prelude::*;

/// Channel counts around the block of 64 and the vector widths below it.
const CHANNELS: [u16; 9] = [1, 2, 3, 7, 8, 17, 64, 65, 130];

/// Deterministic values from a seed (SplitMix64).
struct Values(u64);

impl Values {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Any int8; one seed in four gives only the two extremes.
    fn bytes(&mut self, count: usize, lowest: i8) -> Vec<i8> {
        let extreme = self.next().is_multiple_of(4);
        let value = |raw: u64| match (extreme, raw & 1) {
            (true, 0) => lowest,
            (true, _) => 127,
            (false, _) => (raw >> 8) as i8,
        };
        (0..count).map(|_| value(self.next()).max(lowest)).collect()
    }

    fn biases(&mut self, count: usize) -> Vec<i32> {
        (0..count).map(|_| (self.next() as i32) >> 12).collect()
    }

    /// Multipliers for sums of `terms` products: most results fall inside int8, some saturate.
    fn multipliers(&mut self, count: usize, terms: usize) -> Vec<f32> {
        let typical = 60.0 / (5000.0 * (terms as f64).sqrt());
        (0..count)
            .map(|_| ((0.2 + 1.8 * self.unit()) * typical) as f32)
            .collect()
    }
}

/// The number contract in `f64`, rounding to `f32` where the contract says so.
fn requantize(sum: i64, positive: f32, negative: f32, residual: f32, zero_point: i8) -> i8 {
    let multiplier = if sum < 0 { negative } else { positive };
    // Two 24-bit significands multiply exactly in f64, so this is the f32 product.
    let product = (f64::from(sum as f32) * f64::from(multiplier)) as f32;
    let rounded = f64::from(product + residual).round_ties_even() + f64::from(zero_point);
    rounded.clamp(-128.0, 127.0) as i8
}

fn term(addend: Addend<'_>, index: usize) -> f32 {
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
fn convolution_by_definition(layer: &Convolution<'_>, depthwise: bool) -> Vec<i8> {
    let Geometry {
        input,
        output,
        window,
    } = layer.geometry;
    let [kernel_height, kernel_width] = window.kernel.map(usize::from);
    let (inputs, outputs) = (usize::from(input.channels), usize::from(output.channels));
    let pixel = |y: i64, x: i64, channel: usize| {
        let inside =
            (0..i64::from(input.height)).contains(&y) && (0..i64::from(input.width)).contains(&x);
        let index = |y: i64, x: i64| (y * i64::from(input.width) + x) as usize * inputs + channel;
        i64::from(if inside {
            layer.input[index(y, x)]
        } else {
            layer.pad_value
        })
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
                let residual = layer
                    .residual
                    .map_or(0.0, |residual| term(residual, result.len()));
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

/// The output of a window over `input` with padding on all four sides, or `None` where it does not fit.
fn geometry(
    input: Extent,
    channels: u16,
    window: Window,
    [bottom, right]: [u8; 2],
) -> Option<Geometry> {
    let side = |input: u16, before: u8, after: u8, kernel: u8, stride: u8| {
        let padded = input + u16::from(before) + u16::from(after);
        Some(padded.checked_sub(u16::from(kernel))? / u16::from(stride) + 1)
    };
    let height = side(
        input.height,
        window.top,
        bottom,
        window.kernel[0],
        window.stride[0],
    )?;
    let width = side(
        input.width,
        window.left,
        right,
        window.kernel[1],
        window.stride[1],
    )?;
    Some(Geometry {
        input,
        output: Extent {
            height,
            width,
            channels,
        },
        window,
    })
}

/// Runs a random layer of this geometry in the kernel and by definition.
fn check_convolution(geometry: Geometry, depthwise: bool, seed: u64) {
    let mut values = Values(seed);
    let outputs = usize::from(geometry.output.channels);
    let taps = geometry
        .window
        .kernel
        .map(usize::from)
        .iter()
        .product::<usize>();
    let terms = if depthwise {
        taps
    } else {
        taps * usize::from(geometry.input.channels)
    };
    let input = values.bytes(geometry.input.elements(), -128);
    let weights = values.bytes(terms * outputs, -127);
    let bias = values.biases(outputs);
    let multiplier = values.multipliers(outputs, terms);
    let negative: Vec<f32> = multiplier
        .iter()
        .map(|m| m * (values.unit() as f32 * 3.0 - 1.0))
        .collect();
    let residual_values = values.bytes(geometry.output.elements(), -128);
    let zero_points = values.bytes(3, -128);
    let activation = match seed % 3 {
        0 => Activation::None,
        1 => Activation::Relu,
        _ => Activation::Prelu(&negative),
    };
    let residual = (values.next() & 1 == 1).then_some(Addend {
        values: &residual_values,
        multiplier: 0.37,
        zero_point: zero_points[0],
    });
    let layer = Convolution {
        geometry,
        input: &input,
        pad_value: zero_points[1],
        weights: &weights,
        bias: &bias,
        requantize: Requantize {
            multiplier: &multiplier,
            activation,
            zero_point: zero_points[2],
        },
        residual,
    };
    let mut output = vec![0; geometry.output.elements()];
    let kernel = if depthwise { depthwise_conv2d } else { conv2d };
    kernel(&layer, &mut output).expect("the lengths are the geometry's");
    assert_eq!(output, convolution_by_definition(&layer, depthwise));
}

proptest! {
    #[test]
    fn convolutions_equal_their_definition(
        (height, width) in (1_u16..9, 1_u16..9),
        channels in [0..CHANNELS.len(), 0..CHANNELS.len()],
        kernel in [1_u8..6, 1_u8..6], stride in [1_u8..4, 1_u8..4],
        before in [0_u8..4, 0_u8..4], after in [0_u8..4, 0_u8..4],
        depthwise in any::<bool>(), seed in any::<u64>(),
    ) {
        let [inputs, outputs] = channels.map(|index| CHANNELS[index]);
        let window = Window { kernel, stride, top: before[0], left: before[1] };
        let outputs = if depthwise { inputs } else { outputs };
        if let Some(geometry) = geometry(Extent { height, width, channels: inputs }, outputs, window, after) {
            check_convolution(geometry, depthwise, seed);
        }
    }

    #[test]
    fn fully_connected_equals_its_definition(inputs in 1_usize..300, outputs in 1_usize..150, seed in any::<u64>()) {
        let mut values = Values(seed);
        let (input, weights) = (values.bytes(inputs, -128), values.bytes(inputs * outputs, -127));
        let (bias, multiplier) = (values.biases(outputs), values.multipliers(outputs, inputs));
        let layer = FullyConnected { input: &input, weights: &weights, bias: &bias };
        let sums: Vec<i64> = (0..outputs)
            .map(|o| {
                let products = (0..inputs).map(|i| i64::from(input[i]) * i64::from(weights[o * inputs + i]));
                i64::from(bias[o]) + products.sum::<i64>()
            })
            .collect();

        let mut bytes = vec![0; 4 * outputs];
        fully_connected_sums(&layer, &mut bytes).expect("lengths fit");
        let stored: Vec<i64> =
            bytes.chunks(4).map(|word| i64::from(i32::from_le_bytes(word.try_into().expect("four bytes")))).collect();
        prop_assert_eq!(&stored, &sums);

        let scaling = Requantize { multiplier: &multiplier, activation: Activation::Relu, zero_point: -100 };
        let mut output = vec![0; outputs];
        fully_connected(&layer, &scaling, &mut output).expect("lengths fit");
        let expected: Vec<i8> =
            sums.iter().zip(&multiplier).map(|(&sum, &m)| requantize(sum, m, 0.0, 0.0, -100)).collect();
        prop_assert_eq!(output, expected);
    }

    #[test]
    fn add_equals_its_definition(
        pixels in 1_usize..5, channels in 1_usize..140, multipliers in [-2.0_f32..2.0, -2.0_f32..2.0], seed in any::<u64>(),
    ) {
        let mut values = Values(seed);
        let count = pixels * channels;
        let (a, b, zero_points) = (values.bytes(count, -128), values.bytes(count, -128), values.bytes(3, -128));
        let slopes: Vec<f32> = (0..channels).map(|_| values.unit() as f32 * 3.0 - 1.0).collect();
        let inputs = [
            Addend { values: &a, multiplier: multipliers[0], zero_point: zero_points[0] },
            Addend { values: &b, multiplier: multipliers[1], zero_point: zero_points[1] },
        ];
        for activation in [Activation::None, Activation::Relu, Activation::Prelu(&slopes)] {
            let mut output = vec![0; count];
            add(&Add { channels, inputs, activation, zero_point: zero_points[2] }, &mut output).expect("lengths fit");
            for (index, &output) in output.iter().enumerate() {
                let sum = term(inputs[0], index) + term(inputs[1], index);
                let activated = match activation {
                    Activation::Relu => sum.max(0.0),
                    Activation::Prelu(slopes) if sum < 0.0 => sum * slopes[index % channels],
                    _ => sum,
                };
                let rounded = f64::from(activated).round_ties_even() + f64::from(zero_points[2]);
                prop_assert_eq!(output, rounded.clamp(-128.0, 127.0) as i8);
            }
        }
    }
}

#[test]
fn a_window_larger_than_its_input_and_a_global_one() {
    let square = |side, channels| Extent {
        height: side,
        width: side,
        channels,
    };
    let window = |kernel, pad| Window {
        kernel: [kernel; 2],
        stride: [1; 2],
        top: pad,
        left: pad,
    };
    for seed in 0..6 {
        let global = geometry(square(7, 65), 65, window(7, 0), [0, 0]).expect("fits exactly");
        assert_eq!(global.output, square(1, 65));
        check_convolution(global, true, seed);
        check_convolution(global, false, seed);
        let large = geometry(square(2, 17), 17, window(7, 3), [3, 3]).expect("padding makes room");
        check_convolution(large, true, seed);
        check_convolution(large, false, seed);
    }
}

#[test]
fn a_small_convolution_by_hand() {
    // 2x2 input, 3x3 window padded by 1 with the zero point 10: only the four inputs differ from 10.
    let geometry = Geometry {
        input: Extent {
            height: 2,
            width: 2,
            channels: 1,
        },
        output: Extent {
            height: 1,
            width: 1,
            channels: 1,
        },
        window: Window {
            kernel: [3; 2],
            stride: [1; 2],
            top: 1,
            left: 1,
        },
    };
    let layer = Convolution {
        geometry,
        input: &[11, 12, 13, 14],
        pad_value: 10,
        weights: &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        // -10 * (1 + .. + 9): what the host folds in, so that padding adds nothing.
        bias: &[-450],
        requantize: Requantize {
            multiplier: &[0.25],
            activation: Activation::None,
            zero_point: -1,
        },
        residual: None,
    };
    let mut output = [0];
    conv2d(&layer, &mut output).expect("lengths fit");
    // 1*5 + 2*6 + 3*8 + 4*9 = 77; 77 / 4 = 19.25; 19 - 1.
    assert_eq!(output, [18]);
    depthwise_conv2d(&layer, &mut output).expect("lengths fit");
    assert_eq!(output, [18]);
}
