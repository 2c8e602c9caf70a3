//! Layers with results worked out by hand, and those at the ends of what numbers can do.
//!
//! A test here is a plain function where there is no test harness.

use alloc::vec::Vec;

use edge_infer::kernels::{
    Activation, Addend, Concat, Convolution, Extent, Geometry, GlobalAveragePool, Lookup, MaxPool,
    Requantize, ScaleChannels, Tier, Upsample, Window, concat, conv2d, depthwise_conv2d,
    global_average_pool, lookup, max_pool, scale_channels, upsample,
};

use crate::layers::{check_convolution, geometry};

#[cfg_attr(test, test)]
pub(crate) fn a_window_larger_than_its_input_and_a_global_one() {
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

#[cfg_attr(test, test)]
pub(crate) fn overflowing_residuals_saturate_the_same_way_everywhere() {
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

#[cfg_attr(test, test)]
pub(crate) fn multipliers_that_are_no_numbers_give_the_same_everywhere() {
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

#[cfg_attr(test, test)]
pub(crate) fn a_small_convolution_by_hand() {
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

#[cfg_attr(test, test)]
pub(crate) fn pools_and_a_scaling_by_hand() {
    Tier::available().for_each(pool_and_scale);
}

fn pool_and_scale(tier: Tier) {
    let input = [1, -9, 4, -3, -128, 7, 100, 127]; // 2x2 pixels of 2 channels
    let extent = |side| Extent { height: side, width: side, channels: 2 };
    let window = Window { kernel: [2, 2], stride: [2, 2], top: 1, left: 1 };
    let geometry = Geometry { input: extent(2), output: extent(2), window };
    let mut output = [0; 8];
    // Padded by one on all sides, each window meets one pixel.
    max_pool(tier, &MaxPool { geometry, input: &input }, &mut output).expect("lengths fit");
    assert_eq!(output, input);
    let window = Window { top: 0, left: 0, ..window };
    let geometry = Geometry { output: extent(1), window, ..geometry };
    max_pool(tier, &MaxPool { geometry, input: &input }, &mut output[..2]).expect("lengths fit");
    assert_eq!(output[..2], [100, 127]);

    let average = GlobalAveragePool {
        input: &input,
        pixels: 4,
        input_zero_point: 1,
        multiplier: 0.125,
        zero_point: -2,
    };
    global_average_pool(tier, &average, &mut output[..2]).expect("lengths fit");
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
    scale_channels(tier, &scaling, &mut output).expect("lengths fit");
    // Halves of 0, 3, -129, 99 to even; -2 times -10, -4, 6, 126; 3 added.
    assert_eq!(output, [3, 23, 5, 11, -61, -9, 53, -128]);
}

#[cfg_attr(test, test)]
pub(crate) fn a_lookup_is_its_table() {
    // Minus the value, as far as int8 goes.
    let table: Vec<i8> = (i8::MIN..=i8::MAX).map(i8::saturating_neg).collect();
    let mut output = [0; 5];
    let layer = Lookup { input: &[-128, -1, 0, 1, 127], table: &table };
    lookup(&layer, &mut output).expect("slices fit");
    assert_eq!(output, [127, 1, 0, -1, -127]);
}

#[cfg_attr(test, test)]
pub(crate) fn a_concatenation_brings_both_sides_to_one_scale() {
    Tier::available().for_each(concatenate);
}

fn concatenate(tier: Tier) {
    // Two pixels: one channel as it is, two channels halved about their zero point 10 and moved to
    // -3.
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
    concat(tier, &layer, &mut output).expect("slices fit");
    // Halves go to the even neighbour: 3 / 2 to 2, 5 / 2 to 2; -138 / 2 is exact.
    assert_eq!(output, [-128, -3, -1, 127, -1, -72]);
    let wide = Addend { values: &[127, -128], multiplier: 4.0, zero_point: 0 };
    let layer = Concat { inputs: [wide, Addend { values: &[0; 4], ..wide }], ..layer };
    concat(tier, &layer, &mut output).expect("slices fit");
    assert_eq!(output, [127, -3, -3, -128, -3, -3]);
}

#[cfg_attr(test, test)]
pub(crate) fn an_enlargement_repeats_pixels() {
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
