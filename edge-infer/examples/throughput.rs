//! Multiply-accumulates a second of each kernel, on the layer shapes of MobileFaceNet at 112x112.
//!
//! `cargo run --release -p edge-infer --features std --example throughput`, for each tier of the
//! processor. A figure of merit for the machine it runs on: one thread, the best of several passes.
//! The whole network is 221 million multiply-accumulates.

use core::hint::black_box;
use edge_infer::kernels::{
    Activation, Convolution, Extent, FullyConnected, Geometry, Requantize, Tier, Window, conv2d,
    depthwise_conv2d, fully_connected_sums,
};
use std::time::Instant;

const PASSES: usize = 20;

fn main() {
    for tier in Tier::available() {
        println!("{}", tier.name());
        layers(tier);
    }
}

fn layers(tier: Tier) {
    let conv = |side: u16, channels: [u16; 2], kernel: u8, stride: u8| Geometry {
        input: Extent { height: side, width: side, channels: channels[0] },
        output: Extent {
            height: side / u16::from(stride),
            width: side / u16::from(stride),
            channels: channels[1],
        },
        window: Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            top: kernel / 2,
            left: kernel / 2,
        },
    };
    let global = Geometry {
        input: Extent { height: 7, width: 7, channels: 512 },
        output: Extent { height: 1, width: 1, channels: 512 },
        window: Window { kernel: [7; 2], stride: [1; 2], top: 0, left: 0 },
    };
    run(tier, "conv2d 3x3, 3 -> 64, stride 2", conv(112, [3, 64], 3, 2), false);
    run(tier, "conv2d 1x1, 64 -> 128 at 56x56", conv(56, [64, 128], 1, 1), false);
    run(tier, "conv2d 1x1, 128 -> 64 at 28x28", conv(28, [128, 64], 1, 1), false);
    run(tier, "conv2d 1x1, 128 -> 256 at 14x14", conv(14, [128, 256], 1, 1), false);
    run(tier, "conv2d 1x1, 128 -> 512 at 7x7", conv(7, [128, 512], 1, 1), false);
    run(tier, "depthwise 3x3, 64 at 56x56", conv(56, [64, 64], 3, 1), true);
    run(tier, "depthwise 3x3, 256 at 14x14", conv(14, [256, 256], 3, 1), true);
    run(tier, "depthwise 7x7, 512 to 1x1", global, true);
    let (input, weights, bias) = (values(512), values(512 * 128), vec![0; 128]);
    let mut output = vec![0; 4 * 128];
    report("fully_connected 512 -> 128", 512 * 128, || {
        let layer = FullyConnected { input: black_box(&input), weights: &weights, bias: &bias };
        fully_connected_sums(tier, &layer, black_box(&mut output)).expect("lengths fit");
    });
}

fn run(tier: Tier, name: &str, geometry: Geometry, depthwise: bool) {
    let outputs = usize::from(geometry.output.channels);
    let inputs = if depthwise { 1 } else { usize::from(geometry.input.channels) };
    let per_output =
        inputs * usize::from(geometry.window.kernel[0]) * usize::from(geometry.window.kernel[1]);
    let (input, weights) = (values(geometry.input.elements()), values(per_output * outputs));
    let (bias, multiplier, negative) =
        (vec![7; outputs], vec![0.001; outputs], vec![0.0003; outputs]);
    let mut output = vec![0; geometry.output.elements()];
    report(name, per_output * output.len(), || {
        let requantize = Requantize {
            multiplier: &multiplier,
            activation: Activation::Prelu(&negative),
            zero_point: -3,
        };
        let input = black_box(&input);
        let layer = Convolution {
            geometry,
            input,
            pad_value: 5,
            weights: &weights,
            bias: &bias,
            requantize,
            residual: None,
        };
        let kernel = if depthwise { depthwise_conv2d } else { conv2d };
        kernel(tier, &layer, black_box(&mut output)).expect("lengths fit");
    });
}

fn report(name: &str, macs: usize, mut pass: impl FnMut()) {
    let best = (0..PASSES)
        .map(|_| {
            let start = Instant::now();
            pass();
            start.elapsed()
        })
        .min()
        .expect("at least one pass");
    println!(
        "{name:36} {:7.3} ms  {:6.2} GMAC/s",
        best.as_secs_f64() * 1e3,
        macs as f64 / best.as_secs_f64() / 1e9
    );
}

/// Fixed pseudo-random int8 values.
fn values(count: usize) -> Vec<i8> {
    (0_u32..).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as i8).take(count).collect()
}
