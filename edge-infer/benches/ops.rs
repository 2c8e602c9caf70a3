//! The kernels one by one, on layer shapes of the shipped models, on every tier of this processor. An item is a
//! multiply-accumulate, or a value where nothing is multiplied.
//!
//! `cargo bench -p edge-infer --features std --bench ops [FILTER]`. `host-train bench` times whole networks and says what share
//! of the processor's peak they reach.

use core::fmt;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use edge_infer::kernels::{
    Activation, Add, Addend, Convolution, Extent, FullyConnected, Geometry, MaxPool, Requantize,
    Tier, Window, add, conv2d, depthwise_conv2d, fully_connected_sums, max_pool,
};

fn main() {
    divan::main();
}

/// A layer, and a tier to run it on.
struct Case {
    tier: Tier,
    /// Of the output, which is square.
    side: u16,
    channels: [u16; 2],
}

impl fmt::Display for Case {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { side, channels: [inputs, outputs], .. }, tier) = (self, self.tier.name());
        write!(to, "{tier}, {side}x{side}, {inputs} to {outputs}")
    }
}

/// Every tier with every shape: side of the output, channels in and out.
fn cases(shapes: &[(u16, [u16; 2])]) -> Vec<Case> {
    let on = |tier| shapes.iter().map(move |&(side, channels)| Case { tier, side, channels });
    Tier::available().flat_map(on).collect()
}

/// A window of `kernel` squared that keeps the size, or halves it with a stride of 2.
fn same(case: &Case, kernel: u8, stride: u8) -> Geometry {
    let [inputs, outputs] = case.channels;
    let extent = |side, channels| Extent { height: side, width: side, channels };
    Geometry {
        input: extent(case.side * u16::from(stride), inputs),
        output: extent(case.side, outputs),
        window: Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            top: kernel / 2,
            left: kernel / 2,
        },
    }
}

/// Times `kernel` on random numbers, with a PReLU, as most layers have one.
fn convolve(
    bencher: Bencher<'_, '_>,
    tier: Tier,
    geometry: Geometry,
    inputs: u16,
    kernel: impl Fn(Tier, &Convolution<'_>, &mut [i8]) -> Result<(), edge_infer::kernels::LengthError>,
) {
    let outputs = usize::from(geometry.output.channels);
    let per_output =
        geometry.window.kernel.map(usize::from).iter().product::<usize>() * usize::from(inputs);
    let (input, weights) = (values(geometry.input.elements()), values(per_output * outputs));
    let (bias, multiplier, negative) =
        (vec![7; outputs], vec![0.001; outputs], vec![0.0003; outputs]);
    let mut output = vec![0; geometry.output.elements()];
    let requantize = Requantize {
        multiplier: &multiplier,
        activation: Activation::Prelu(&negative),
        zero_point: -3,
    };
    let layer = Convolution {
        geometry,
        input: &input,
        pad_value: 5,
        weights: &weights,
        bias: &bias,
        requantize,
        residual: None,
    };
    bencher.counter(ItemsCount::new(per_output * output.len())).bench_local(|| {
        kernel(tier, black_box(&layer), black_box(&mut output)).expect("lengths fit");
    });
}

#[divan::bench(args = cases(&[
    (128, [16, 16]), (64, [16, 64]), (40, [32, 17]), (56, [64, 128]), (28, [128, 64]), (14, [128, 256]), (14, [256, 128]), (7, [128, 512]),
]))]
fn pointwise(bencher: Bencher<'_, '_>, case: &Case) {
    convolve(bencher, case.tier, same(case, 1, 1), case.channels[0], conv2d);
}

#[divan::bench(args = cases(&[(128, [3, 16]), (56, [3, 64])]))]
fn stem(bencher: Bencher<'_, '_>, case: &Case) {
    convolve(bencher, case.tier, same(case, 3, 2), case.channels[0], conv2d);
}

#[divan::bench(args = cases(&[
    (128, [16; 2]), (40, [13; 2]), (56, [64; 2]), (28, [128; 2]), (14, [256; 2]), (7, [512; 2]),
]))]
fn depthwise(bencher: Bencher<'_, '_>, case: &Case) {
    convolve(bencher, case.tier, same(case, 3, 1), 1, depthwise_conv2d);
}

#[divan::bench(args = cases(&[(1, [512; 2])]))]
fn depthwise_global(bencher: Bencher<'_, '_>, case: &Case) {
    let mut geometry = same(case, 7, 7);
    (geometry.window.top, geometry.window.left) = (0, 0);
    convolve(bencher, case.tier, geometry, 1, depthwise_conv2d);
}

/// A window of one tap: a product a value, and what it takes to make int8 of it.
#[divan::bench(args = cases(&[(128, [16; 2]), (56, [64; 2]), (14, [256; 2])]))]
fn requantize(bencher: Bencher<'_, '_>, case: &Case) {
    convolve(bencher, case.tier, same(case, 1, 1), 1, depthwise_conv2d);
}

#[divan::bench(args = cases(&[(1, [512, 128])]))]
fn fully_connected(bencher: Bencher<'_, '_>, case: &Case) {
    let [inputs, outputs] = case.channels.map(usize::from);
    let (input, weights, bias) = (values(inputs), values(inputs * outputs), vec![0; outputs]);
    let layer = FullyConnected { input: &input, weights: &weights, bias: &bias };
    let mut output = vec![0; size_of::<i32>() * outputs];
    bencher.counter(ItemsCount::new(inputs * outputs)).bench_local(|| {
        fully_connected_sums(case.tier, black_box(&layer), black_box(&mut output))
            .expect("lengths fit");
    });
}

/// It is in no network whose planner could put it into a convolution.
#[divan::bench(args = cases(&[(14, [64; 2]), (14, [128; 2])]))]
fn sum(bencher: Bencher<'_, '_>, case: &Case) {
    let (pixels, channels) =
        (usize::from(case.side) * usize::from(case.side), case.channels[0].into());
    let (first, second) = (values(pixels * channels), values(pixels * channels));
    let addend = |values, multiplier| Addend { values, multiplier, zero_point: 3 };
    let layer = Add {
        channels,
        inputs: [addend(&first, 0.7), addend(&second, 0.6)],
        activation: Activation::None,
        zero_point: -3,
    };
    let mut output = vec![0; pixels * channels];
    bencher.counter(ItemsCount::new(output.len())).bench_local(|| {
        add(case.tier, black_box(&layer), black_box(&mut output)).expect("lengths fit");
    });
}

#[divan::bench(args = cases(&[(64, [16; 2]), (32, [64; 2])]))]
fn maximum(bencher: Bencher<'_, '_>, case: &Case) {
    let mut geometry = same(case, 2, 2);
    (geometry.window.top, geometry.window.left) = (0, 0);
    let input = values(geometry.input.elements());
    let layer = MaxPool { geometry, input: &input };
    let mut output = vec![0; geometry.output.elements()];
    bencher.counter(ItemsCount::new(output.len())).bench_local(|| {
        max_pool(case.tier, black_box(&layer), black_box(&mut output)).expect("lengths fit");
    });
}

/// Fixed pseudo-random int8 values from -127 to 127.
fn values(count: usize) -> Vec<i8> {
    let value = |i: u32| ((i.wrapping_mul(2_654_435_761) >> 24) as i8).max(-127);
    (0..).map(value).take(count).collect()
}
