//! Random layers: each kernel against its definition, on every tier that there is.
//!
//! This file, `by_hand` and `definition` need no more than `alloc`: `tests/bare-metal` has them
//! too.

use alloc::vec;
use alloc::vec::Vec;

use edge_infer::kernels::{
    Activation, Add, Addend, Convolution, Extent, FullyConnected, Geometry, GlobalAveragePool,
    LengthError, MaxPool, Requantize, ScaleChannels, Tier, Window, add, conv2d, depthwise_conv2d,
    fully_connected, fully_connected_sums, global_average_pool, max_pool, scale_channels,
};

use crate::definition::{Values, convolution_by_definition, nearest, requantize, term};

/// Channel counts around the block of 64 and the vector widths below it.
pub(crate) const CHANNELS: [u16; 11] = [1, 2, 3, 7, 8, 16, 17, 32, 64, 65, 130];

/// The output of a window over `input` with padding on all four sides, or `None` where it does not
/// fit.
pub(crate) fn geometry(
    input: Extent,
    channels: u16,
    window: Window,
    [bottom, right]: [u8; 2],
) -> Option<Geometry> {
    let side = |input: u16, before: u8, after: u8, kernel: u8, stride: u8| {
        let padded = input + u16::from(before) + u16::from(after);
        Some(padded.checked_sub(u16::from(kernel))? / u16::from(stride) + 1)
    };
    let height = side(input.height, window.top, bottom, window.kernel[0], window.stride[0])?;
    let width = side(input.width, window.left, right, window.kernel[1], window.stride[1])?;
    Some(Geometry { input, output: Extent { height, width, channels }, window })
}

/// Runs a random layer of this geometry in the kernel and by definition.
pub(crate) fn check_convolution(geometry: Geometry, depthwise: bool, seed: u64) {
    check_convolution_of_scale(geometry, depthwise, seed, 1.0);
}

/// The same with multipliers that are larger by `scale`.
pub(crate) fn check_convolution_of_scale(
    geometry: Geometry,
    depthwise: bool,
    seed: u64,
    scale: f32,
) {
    let mut values = Values(seed);
    let outputs = usize::from(geometry.output.channels);
    let taps = geometry.window.kernel.map(usize::from).iter().product::<usize>();
    let terms = if depthwise { taps } else { taps * usize::from(geometry.input.channels) };
    let input = values.bytes(geometry.input.elements(), -128);
    let weights = values.bytes(terms * outputs, -127);
    let bias = values.biases(outputs);
    let mut multiplier = values.multipliers(outputs, terms);
    for multiplier in &mut multiplier {
        *multiplier *= scale;
    }
    let negative: Vec<f32> =
        multiplier.iter().map(|m| m * (values.unit() as f32 * 3.0 - 1.0)).collect();
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
        requantize: Requantize { multiplier: &multiplier, activation, zero_point: zero_points[2] },
        residual,
    };
    let kernel = if depthwise { depthwise_conv2d } else { conv2d };
    let expected = convolution_by_definition(&layer, depthwise);
    for tier in Tier::available() {
        let mut output = vec![0; geometry.output.elements()];
        kernel(tier, &layer, &mut output).expect("the lengths are the geometry's");
        assert_eq!(output, expected, "{}", tier.name());
    }
}
pub(crate) fn check_fully_connected(inputs: usize, outputs: usize, mut values: Values) {
    let input = values.bytes(inputs, -128);
    let weights = values.bytes(inputs * outputs, -127);
    let bias = values.biases(outputs);
    let multiplier = values.multipliers(outputs, inputs);
    let layer = FullyConnected { input: &input, weights: &weights, bias: &bias };
    let sum = |(row, &bias): (&[i8], &i32)| {
        let product = |(&x, &w): (&i8, &i8)| i64::from(x) * i64::from(w);
        i64::from(bias) + input.iter().zip(row).map(product).sum::<i64>()
    };
    let sums: Vec<i64> = weights.chunks(inputs).zip(&bias).map(sum).collect();

    let activation = Activation::Relu;
    let scaling = Requantize { multiplier: &multiplier, activation, zero_point: -100 };
    let scaled = sums.iter().zip(&multiplier);
    let expected: Vec<i8> = scaled.map(|(&sum, &m)| requantize(sum, m, 0.0, 0.0, -100)).collect();
    for tier in Tier::available() {
        let mut bytes = vec![0; 4 * outputs];
        fully_connected_sums(tier, &layer, &mut bytes).expect("lengths fit");
        let (words, _) = bytes.as_chunks();
        let stored: Vec<i64> = words.iter().map(|&word| i32::from_le_bytes(word).into()).collect();
        assert_eq!(stored, sums, "{}", tier.name());
        let mut output = vec![0; outputs];
        fully_connected(tier, &layer, &scaling, &mut output).expect("lengths fit");
        assert_eq!(output, expected, "{}", tier.name());
    }
}

/// Runs a kernel on every tier and compares its output.
fn on_every_tier(expected: &[i8], kernel: impl Fn(Tier, &mut [i8]) -> Result<(), LengthError>) {
    for tier in Tier::available() {
        let mut output = vec![0; expected.len()];
        kernel(tier, &mut output).expect("lengths fit");
        assert_eq!(output, expected, "{}", tier.name());
    }
}

pub(crate) fn check_add(pixels: usize, channels: usize, multipliers: [f32; 2], mut values: Values) {
    let count = pixels * channels;
    let stored = [values.bytes(count, -128), values.bytes(count, -128)];
    let zero_points = values.bytes(3, -128);
    let slopes: Vec<f32> = (0..channels).map(|_| values.unit() as f32 * 3.0 - 1.0).collect();
    let inputs = [0, 1].map(|i| Addend {
        values: &stored[i],
        multiplier: multipliers[i],
        zero_point: zero_points[i],
    });
    let zero_point = zero_points[2];
    for activation in [Activation::None, Activation::Relu, Activation::Prelu(&slopes)] {
        let layer = Add { channels, inputs, activation, zero_point };
        let expected = (0..count).map(|index| {
            let sum = term(inputs[0], index) + term(inputs[1], index);
            let activated = match activation {
                Activation::Relu => sum.max(0.0),
                Activation::Prelu(slopes) if sum < 0.0 => sum * slopes[index % channels],
                _ => sum,
            };
            nearest(activated, zero_point)
        });
        on_every_tier(&expected.collect::<Vec<_>>(), |tier, output| add(tier, &layer, output));
    }
}

pub(crate) fn check_max_pool(geometry: Geometry, mut values: Values) {
    let Geometry { input: from, output: to, window } = geometry;
    let input = values.bytes(from.elements(), -128);
    let layer = MaxPool { geometry, input: &input };
    let channels = usize::from(to.channels);
    let expected = (0..to.elements()).map(|index| {
        let (place, channel) = (index / channels, index % channels);
        let start = |place: usize, stride: u8, before: u8| {
            (place * usize::from(stride)) as i64 - i64::from(before)
        };
        let top = start(place / usize::from(to.width), window.stride[0], window.top);
        let left = start(place % usize::from(to.width), window.stride[1], window.left);
        let seen = input.iter().enumerate().filter(|(index, _)| {
            let (pixel, width) = (index / channels, usize::from(from.width));
            let (row, column) = ((pixel / width) as i64 - top, (pixel % width) as i64 - left);
            index % channels == channel
                && (0..i64::from(window.kernel[0])).contains(&row)
                && (0..i64::from(window.kernel[1])).contains(&column)
        });
        seen.map(|(_, &value)| value).max().expect("padding is less than a window")
    });
    on_every_tier(&expected.collect::<Vec<_>>(), |tier, output| max_pool(tier, &layer, output));
}

pub(crate) fn check_average(pixels: usize, channels: usize, multiplier: f32, mut values: Values) {
    let input = values.bytes(pixels * channels, -128);
    let zero_points = values.bytes(2, -128);
    let (input_zero_point, zero_point) = (zero_points[0], zero_points[1]);
    let layer =
        GlobalAveragePool { input: &input, pixels, input_zero_point, multiplier, zero_point };
    let expected = (0..channels).map(|channel| {
        let column = input.iter().skip(channel).step_by(channels);
        let sum = column.map(|&x| i64::from(x) - i64::from(input_zero_point)).sum();
        requantize(sum, multiplier, multiplier, 0.0, zero_point)
    });
    let kernel = |tier, output: &mut [i8]| global_average_pool(tier, &layer, output);
    on_every_tier(&expected.collect::<Vec<_>>(), kernel);
}

pub(crate) fn check_scaling(pixels: usize, channels: usize, mut values: Values) {
    let input = values.bytes(pixels * channels, -128);
    let gate = values.bytes(channels, -128);
    let factors: Vec<f32> = (0..256).map(|_| values.unit() as f32 * 3.0 - 1.0).collect();
    let zero_points = values.bytes(2, -128);
    let (input_zero_point, zero_point) = (zero_points[0], zero_points[1]);
    let layer = ScaleChannels {
        input: &input,
        input_zero_point,
        gate: &gate,
        factors: &factors,
        zero_point,
    };
    let expected = input.iter().enumerate().map(|(index, &x)| {
        let factor = factors[(i64::from(gate[index % channels]) + 128) as usize];
        let distance = i64::from(x) - i64::from(input_zero_point);
        requantize(distance, factor, factor, 0.0, zero_point)
    });
    let kernel = |tier, output: &mut [i8]| scale_channels(tier, &layer, output);
    on_every_tier(&expected.collect::<Vec<_>>(), kernel);
}
