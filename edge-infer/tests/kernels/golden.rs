//! Every kernel against its definition, on random and extreme values and on shapes that leave every
//! kind of remainder.

use edge_infer::kernels::{
    Activation, Add, Addend, Concat, Convolution, Extent, FullyConnected, Geometry,
    GlobalAveragePool, Lookup, MaxPool, Requantize, ScaleChannels, Tier, Upsample, Window, add,
    concat, conv2d, depthwise_conv2d, fully_connected, fully_connected_sums, global_average_pool,
    lookup, max_pool, scale_channels, upsample,
};
use proptest::prelude::*;

use crate::definition::{Values, convolution_by_definition, requantize, term};

/// Channel counts around the block of 64 and the vector widths below it.
const CHANNELS: [u16; 9] = [1, 2, 3, 7, 8, 17, 64, 65, 130];

/// The output of a window over `input` with padding on all four sides, or `None` where it does not
/// fit.
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
    let height = side(input.height, window.top, bottom, window.kernel[0], window.stride[0])?;
    let width = side(input.width, window.left, right, window.kernel[1], window.stride[1])?;
    Some(Geometry { input, output: Extent { height, width, channels }, window })
}

/// Runs a random layer of this geometry in the kernel and by definition.
fn check_convolution(geometry: Geometry, depthwise: bool, seed: u64) {
    let mut values = Values(seed);
    let outputs = usize::from(geometry.output.channels);
    let taps = geometry.window.kernel.map(usize::from).iter().product::<usize>();
    let terms = if depthwise { taps } else { taps * usize::from(geometry.input.channels) };
    let input = values.bytes(geometry.input.elements(), -128);
    let weights = values.bytes(terms * outputs, -127);
    let bias = values.biases(outputs);
    let multiplier = values.multipliers(outputs, terms);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn convolutions_equal_their_definition(
        (height, width) in (1_u16..9, 1_u16..9),
        channels in [0..CHANNELS.len(), 0..CHANNELS.len()],
        kernel in [1_u8..6, 1_u8..6],
        stride in [1_u8..4, 1_u8..4],
        before in [0_u8..4, 0_u8..4],
        after in [0_u8..4, 0_u8..4],
        depthwise in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let [inputs, outputs] = channels.map(|index| CHANNELS[index]);
        let window = Window { kernel, stride, top: before[0], left: before[1] };
        let outputs = if depthwise { inputs } else { outputs };
        let input = Extent { height, width, channels: inputs };
        if let Some(geometry) = geometry(input, outputs, window, after) {
            check_convolution(geometry, depthwise, seed);
        }
    }

    #[test]
    fn fully_connected_equals_its_definition(
        inputs in 1_usize..300,
        outputs in 1_usize..150,
        seed in any::<u64>(),
    ) {
        check_fully_connected(inputs, outputs, Values(seed));
    }

    #[test]
    fn add_equals_its_definition(
        pixels in 1_usize..5,
        channels in 1_usize..140,
        multipliers in [-2.0_f32..2.0, -2.0_f32..2.0],
        seed in any::<u64>(),
    ) {
        check_add(pixels, channels, multipliers, Values(seed));
    }

    #[test]
    fn max_pool_equals_its_definition(
        (height, width) in (1_u16..9, 1_u16..9),
        channels in 0..CHANNELS.len(),
        kernel in [1_u8..5, 1_u8..5],
        stride in [1_u8..4, 1_u8..4],
        seed in any::<u64>(),
    ) {
        let [top, left] = kernel.map(|taps| seed as u8 % taps);
        let window = Window { kernel, stride, top, left };
        let input = Extent { height, width, channels: CHANNELS[channels] };
        if let Some(geometry) = geometry(input, input.channels, window, [top, left]) {
            check_max_pool(geometry, Values(seed));
        }
    }

    #[test]
    fn average_and_scaling_equal_their_definitions(
        pixels in 1_usize..60,
        channels in 1_usize..140,
        multiplier in -2.0_f32..2.0,
        seed in any::<u64>(),
    ) {
        check_average(pixels, channels, multiplier, Values(seed));
        check_scaling(pixels, channels, Values(seed));
    }
}

fn check_fully_connected(inputs: usize, outputs: usize, mut values: Values) {
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

fn check_add(pixels: usize, channels: usize, multipliers: [f32; 2], mut values: Values) {
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
        let mut output = vec![0; count];
        let layer = Add { channels, inputs, activation, zero_point };
        add(&layer, &mut output).expect("lengths fit");
        for (index, &output) in output.iter().enumerate() {
            let sum = term(inputs[0], index) + term(inputs[1], index);
            let activated = match activation {
                Activation::Relu => sum.max(0.0),
                Activation::Prelu(slopes) if sum < 0.0 => sum * slopes[index % channels],
                _ => sum,
            };
            let rounded = f64::from(activated).round_ties_even() + f64::from(zero_point);
            assert_eq!(output, rounded.clamp(-128.0, 127.0) as i8);
        }
    }
}

fn check_max_pool(geometry: Geometry, mut values: Values) {
    let Geometry { input: from, output: to, window } = geometry;
    let input = values.bytes(from.elements(), -128);
    let mut output = vec![0; to.elements()];
    max_pool(&MaxPool { geometry, input: &input }, &mut output).expect("lengths fit");
    let channels = usize::from(to.channels);
    for (index, &output) in output.iter().enumerate() {
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
        assert_eq!(Some(output), seen.map(|(_, &value)| value).max());
    }
}

fn check_average(pixels: usize, channels: usize, multiplier: f32, mut values: Values) {
    let input = values.bytes(pixels * channels, -128);
    let zero_points = values.bytes(2, -128);
    let (input_zero_point, zero_point) = (zero_points[0], zero_points[1]);
    let layer =
        GlobalAveragePool { input: &input, pixels, input_zero_point, multiplier, zero_point };
    let mut output = vec![0; channels];
    global_average_pool(&layer, &mut output).expect("lengths fit");
    for (channel, &output) in output.iter().enumerate() {
        let column = input.iter().skip(channel).step_by(channels);
        let sum = column.map(|&x| i64::from(x) - i64::from(input_zero_point)).sum();
        assert_eq!(output, requantize(sum, multiplier, multiplier, 0.0, zero_point));
    }
}

fn check_scaling(pixels: usize, channels: usize, mut values: Values) {
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
    let mut output = vec![0; input.len()];
    scale_channels(&layer, &mut output).expect("lengths fit");
    for (index, (&output, &x)) in output.iter().zip(&input).enumerate() {
        let factor = factors[(i64::from(gate[index % channels]) + 128) as usize];
        let distance = i64::from(x) - i64::from(input_zero_point);
        assert_eq!(output, requantize(distance, factor, factor, 0.0, zero_point));
    }
}

#[test]
fn a_window_larger_than_its_input_and_a_global_one() {
    let square = |side, channels| Extent { height: side, width: side, channels };
    let window = |kernel, pad| Window { kernel: [kernel; 2], stride: [1; 2], top: pad, left: pad };
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
fn overflowing_residuals_saturate_the_same_way_everywhere() {
    let one = Extent { height: 1, width: 1, channels: 1 };
    let layer = Convolution {
        geometry: Geometry {
            input: one,
            output: one,
            window: Window { kernel: [1; 2], stride: [1; 2], top: 0, left: 0 },
        },
        input: &[0],
        pad_value: 0,
        weights: &[0],
        bias: &[i32::MAX],
        requantize: Requantize {
            multiplier: &[f32::MAX],
            activation: Activation::None,
            zero_point: 0,
        },
        residual: Some(Addend { values: &[-1], multiplier: f32::MAX, zero_point: 127 }),
    };
    for tier in Tier::available() {
        for kernel in [conv2d, depthwise_conv2d] {
            let mut output = [0];
            kernel(tier, &layer, &mut output).expect("lengths fit");
            // Infinity minus infinity.
            assert_eq!(output, [-128], "{}", tier.name());
        }
    }
}

#[test]
fn multipliers_that_are_no_numbers_give_the_same_everywhere() {
    let pixels = Extent { height: 1, width: 3, channels: 1 };
    let outputs = Extent { channels: 16, ..pixels };
    let window = Window { kernel: [1; 2], stride: [1; 2], top: 0, left: 0 };
    let mut multiplier = [0.5; 16];
    multiplier[..3].copy_from_slice(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let layer = Convolution {
        geometry: Geometry { input: pixels, output: outputs, window },
        input: &[-2, 0, 2],
        pad_value: 0,
        weights: &[3; 16],
        bias: &[0; 16],
        requantize: Requantize {
            multiplier: &multiplier,
            activation: Activation::None,
            zero_point: 5,
        },
        residual: None,
    };
    for tier in Tier::available() {
        let mut output = [0; 48];
        conv2d(tier, &layer, &mut output).expect("lengths fit");
        // Zero times infinity is no number; that gives what minus infinity gives.
        let (pixels, _) = output.as_chunks::<16>();
        let first_four = pixels.iter().map(|pixel| &pixel[..4]).collect::<Vec<_>>();
        let expected = [[-128, -128, 127, 2], [-128, -128, -128, 5], [-128, 127, -128, 8]];
        assert_eq!(first_four, expected, "{}", tier.name());
    }
}

#[test]
fn a_small_convolution_by_hand() {
    // 2x2 input, 3x3 window padded by 1 with the zero point 10: only the four inputs differ from
    // 10.
    let geometry = Geometry {
        input: Extent { height: 2, width: 2, channels: 1 },
        output: Extent { height: 1, width: 1, channels: 1 },
        window: Window { kernel: [3; 2], stride: [1; 2], top: 1, left: 1 },
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
    for tier in Tier::available() {
        let mut output = [0];
        conv2d(tier, &layer, &mut output).expect("lengths fit");
        // 1*5 + 2*6 + 3*8 + 4*9 = 77; 77 / 4 = 19.25; 19 - 1.
        assert_eq!(output, [18]);
        depthwise_conv2d(tier, &layer, &mut output).expect("lengths fit");
        assert_eq!(output, [18]);
    }
}

#[test]
fn pools_and_a_scaling_by_hand() {
    let input = [1, -9, 4, -3, -128, 7, 100, 127]; // 2x2 pixels of 2 channels
    let extent = |side| Extent { height: side, width: side, channels: 2 };
    let window = Window { kernel: [2, 2], stride: [2, 2], top: 1, left: 1 };
    let geometry = Geometry { input: extent(2), output: extent(2), window };
    let mut output = [0; 8];
    // Padded by one on all sides, each window meets one pixel.
    max_pool(&MaxPool { geometry, input: &input }, &mut output).expect("lengths fit");
    assert_eq!(output, input);
    let window = Window { top: 0, left: 0, ..window };
    let geometry = Geometry { output: extent(1), window, ..geometry };
    max_pool(&MaxPool { geometry, input: &input }, &mut output[..2]).expect("lengths fit");
    assert_eq!(output[..2], [100, 127]);

    let average = GlobalAveragePool {
        input: &input,
        pixels: 4,
        input_zero_point: 1,
        multiplier: 0.125,
        zero_point: -2,
    };
    global_average_pool(&average, &mut output[..2]).expect("lengths fit");
    // (1 + 4 - 128 + 100 - 4) / 8 = -3.375; (-9 - 3 + 7 + 127 - 4) / 8 = 14.75.
    assert_eq!(output[..2], [-5, 13]);

    let mut factors = [0.0; 256];
    (factors[0], factors[255]) = (0.5, -2.0);
    let scaling = ScaleChannels {
        input: &input,
        input_zero_point: 1,
        gate: &[-128, 127],
        factors: &factors,
        zero_point: 3,
    };
    scale_channels(&scaling, &mut output).expect("lengths fit");
    // Halves of 0, 3, -129, 99 to even; -2 times -10, -4, 6, 126; 3 added.
    assert_eq!(output, [3, 23, 5, 11, -61, -9, 53, -128]);
}

#[test]
fn a_lookup_is_its_table() {
    // Minus the value, as far as int8 goes.
    let table: Vec<i8> = (i8::MIN..=i8::MAX).map(i8::saturating_neg).collect();
    let mut output = [0; 5];
    let layer = Lookup { input: &[-128, -1, 0, 1, 127], table: &table };
    lookup(&layer, &mut output).expect("slices fit");
    assert_eq!(output, [127, 1, 0, -1, -127]);
}

#[test]
fn a_concatenation_brings_both_sides_to_one_scale() {
    // Two pixels: one channel as it is, two channels halved about their zero point 10 and moved to -3.
    let layer = Concat {
        pixels: 2,
        channels: [1, 2],
        inputs: [
            Addend { values: &[-128, 127], multiplier: 1.0, zero_point: -3 },
            Addend { values: &[10, 13, 15, -128], multiplier: 0.5, zero_point: 10 },
        ],
        zero_point: -3,
    };
    let mut output = [0; 6];
    concat(&layer, &mut output).expect("slices fit");
    // Halves go to the even neighbour: 3 / 2 to 2, 5 / 2 to 2; -138 / 2 is exact.
    assert_eq!(output, [-128, -3, -1, 127, -1, -72]);
    let wide = Addend { values: &[127, -128], multiplier: 4.0, zero_point: 0 };
    let layer = Concat { inputs: [wide, Addend { values: &[0; 4], ..wide }], ..layer };
    concat(&layer, &mut output).expect("slices fit");
    assert_eq!(output, [127, -3, -3, -128, -3, -3]);
}

#[test]
fn an_enlargement_repeats_pixels() {
    // Two rows of two pixels of two channels.
    let layer = Upsample {
        extent: Extent { height: 2, width: 2, channels: 2 },
        input: &[1, 2, 3, 4, 5, 6, 7, 8],
        factor: [1, 2],
    };
    let mut output = [0; 16];
    upsample(&layer, &mut output).expect("slices fit");
    assert_eq!(output, [1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6, 7, 8, 7, 8]);
    upsample(&Upsample { factor: [2, 1], ..layer }, &mut output).expect("slices fit");
    assert_eq!(output, [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8]);
}
