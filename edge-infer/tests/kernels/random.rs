//! Every kernel against its definition, on random and extreme values and on shapes that leave every
//! kind of remainder.

use edge_infer::kernels::{Extent, Window};
use proptest::prelude::*;

use crate::definition::Values;
use crate::layers::{
    CHANNELS, check_add, check_average, check_convolution, check_convolution_of_scale,
    check_fully_connected, check_max_pool, check_scaling, geometry,
};

/// Channels in whole vectors, and more than a block of them, and the first that are not.
const FREQUENT: [u16; 6] = [16, 24, 48, 64, 80, 144];

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

    /// What tiers have short cuts for: 1x1 windows, whose sums are rounded in registers, and rows of 3x3 ones; and layers that
    /// reach too far for them.
    #[test]
    fn frequent_convolutions_equal_their_definition(
        (height, width) in (1_u16..4, 1_u16..120),
        channels in 0..FREQUENT.len(),
        inputs in 1_u16..100,
        stride in [1_u8..3, 1_u8..4],
        before in [0_u8..3, 0_u8..8],
        after in [0_u8..3, 0_u8..8],
        depthwise in any::<bool>(),
        scale in prop::sample::select(vec![1.0, 10.0, 100.0, 1e4, 1e33]),
        seed in any::<u64>(),
    ) {
        let channels = FREQUENT[channels];
        let (inputs, window, after) = if depthwise {
            (channels, Window { kernel: [3, 3], stride, top: before[0], left: before[1] }, after)
        } else {
            (inputs, Window { kernel: [1, 1], stride: [1, 1], top: 0, left: 0 }, [0, 0])
        };
        if let Some(geometry) = geometry(Extent { height, width, channels: inputs }, channels, window, after) {
            check_convolution_of_scale(geometry, depthwise, seed, scale);
        }
    }

    /// Rows of many pixels with less than a block of channels, as tiers take several pixels at a time there.
    #[test]
    fn convolutions_of_few_channels_equal_their_definition(
        (height, width) in (1_u16..4, 1_u16..80),
        channels in [1_u16..50, 1_u16..50],
        kernel in [1_u8..4, 1_u8..4],
        stride in [1_u8..3, 1_u8..3],
        before in [0_u8..6, 0_u8..6],
        after in [0_u8..6, 0_u8..6],
        depthwise in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let [inputs, outputs] = channels;
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
