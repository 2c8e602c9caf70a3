//! What an accepted model promises, checked again by other means than the parser's: by playing the plan over a map of
//! the arena, and by indexing weights as the layouts say.

use core::ops::Range;
use model_format::writer::content_id;

use model_format::{
    Activation, ElementType, FullyConnectedResult, ModelView, Op, Requantize, Rows, Shape, Tensor,
    TensorIndex, Window,
};

/// Arenas up to this size are played; larger ones, which an edit may state, would cost memory and teach nothing.
const LARGEST_ARENA: usize = 1 << 20;

/// Checks all promises.
///
/// # Panics
/// If one is broken.
pub(crate) fn check(view: &ModelView<'_>) {
    assert_eq!(view.tensors().count(), view.tensor_count());
    assert_eq!(view.ops().count(), view.op_count());
    assert_eq!(view.tensor(view.input_index()), Some(view.input()));
    assert_eq!(view.tensor(view.output_index()), Some(view.output()));
    let channels = view.output().shape.channels;
    assert_eq!(view.metadata().embedding_len, if view.is_embedding() { channels } else { 0 });
    assert_eq!(view.outputs().next().map(|output| output.tensor), Some(view.output_index()));
    assert_eq!(view.input().shape.channels, 3);
    assert!(view.weights_bytes() < view.total_bytes());
    for threshold in view.thresholds() {
        assert!(threshold.cosine.abs() <= 1.0 && threshold.fmr > 0.0);
    }
    let words = format!("{view:?} {:?} {} {}", view.metadata(), content_id(view), view.macs());
    assert!(!words.is_empty());
    for (index, op) in (0..).zip(view.ops()) {
        assert_eq!(view.op(index), Some(op));
        check_op(view, &op);
    }
    play(view);
}

/// Runs the plan on a map that knows which row of which tensor each byte of the arena holds.
fn play(view: &ModelView<'_>) {
    if view.arena_bytes() > LARGEST_ARENA {
        return;
    }
    let mut holder = vec![None; view.arena_bytes()];
    let tensor = |index: TensorIndex| view.tensor(index).expect("ops name tensors that exist");
    // Where each row that the arena holds of a tensor lies, its newest row being `made - 1`.
    let places = |index: TensorIndex, made: usize| {
        let Tensor { offset, shape, element, rows, .. } = tensor(index);
        assert!(element == ElementType::I8 || offset.is_multiple_of(4));
        let row = usize::from(shape.width) * usize::from(shape.channels) * element.size();
        let held = if rows.held == 0 { usize::MAX } else { rows.held.into() };
        let oldest = made.saturating_sub(held);
        (oldest..made).map(move |at| (at, offset as usize + (at - oldest) * row, row))
    };
    let height = |index: TensorIndex| usize::from(tensor(index).shape.height);
    let mut made = vec![0; view.tensor_count()];
    let image = view.input_index();
    made[usize::from(image.0)] = height(image);
    for (row, start, len) in places(image, height(image)) {
        holder[start..start + len].fill(Some((image, row)));
    }
    for step in view.steps() {
        for slice in 0..view.slices(&step) {
            for op in step.clone().map(|op| view.op(op).expect("a step's ops exist")) {
                let output = op.output();
                let Rows { lead, pace, every, .. } = tensor(output).rows;
                let before = made[usize::from(output.0)];
                let after = match every {
                    0 => height(output),
                    every => {
                        let rows = usize::from(lead) + usize::from(slice) * usize::from(pace);
                        (rows / usize::from(every)).min(height(output))
                    }
                };
                made[usize::from(output.0)] = after;
                if before == after {
                    continue;
                }
                // A band's older rows have moved.
                for (row, start, len) in places(output, after) {
                    holder[start..start + len].fill(Some((output, row)));
                }
                // The output is written while the inputs are still read.
                let (first, second) = op.reads();
                for read in [Some(first), second].into_iter().flatten() {
                    let needed = rows_needed(&op, read, before..after, height(read));
                    let mut there = needed.clone().map(|_| false).collect::<Vec<_>>();
                    for (row, start, len) in places(read, made[usize::from(read.0)]) {
                        if needed.contains(&row) {
                            let row_there = Some((read, row));
                            assert!(
                                holder[start..start + len].iter().all(|&byte| byte == row_there)
                            );
                            there[row - needed.start] = true;
                        }
                    }
                    assert!(there.into_iter().all(|there| there), "{op:?}");
                }
            }
        }
        for op in step.map(|op| view.op(op).expect("a step's ops exist")) {
            assert_eq!(made[usize::from(op.output().0)], height(op.output()));
        }
    }
    for output in view.outputs().map(|output| output.tensor) {
        assert_eq!(tensor(output).rows.held, 0);
        for (row, start, len) in places(output, height(output)) {
            assert!(holder[start..start + len].iter().all(|&byte| byte == Some((output, row))));
        }
    }
}

/// The rows of `read` that an op needs to make rows `made`, by the definition of a window.
fn rows_needed(op: &Op<'_>, read: TensorIndex, made: Range<usize>, height: usize) -> Range<usize> {
    let window = match op {
        Op::Conv2d(op) if op.input == read => op.window,
        Op::DepthwiseConv2d(op) if op.input == read => op.window,
        Op::MaxPool(op) => op.window,
        Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Add(_) | Op::Lookup(_) | Op::Concat(_) => {
            return made;
        }
        Op::ScaleChannels(op) if op.input == read => return made,
        Op::ScaleChannels(_)
        | Op::FullyConnected(_)
        | Op::GlobalAveragePool(_)
        | Op::Upsample(_) => {
            return 0..height;
        }
    };
    let taps = made.flat_map(|y| (0..usize::from(window.kernel[0])).map(move |tap| (y, tap)));
    let rows = taps.filter_map(|(y, tap)| {
        let row = y * usize::from(window.stride[0]) + tap;
        row.checked_sub(window.padding.top.into()).filter(|&row| row < height)
    });
    let rows: Vec<usize> = rows.collect();
    let first = rows.iter().min().copied().expect("every window meets its input");
    first..rows.iter().max().map_or(first, |last| last + 1)
}

fn check_op(view: &ModelView<'_>, op: &Op<'_>) {
    let shape = |index: TensorIndex| view.tensor(index).expect("ops name tensors that exist").shape;
    let stored = |index: TensorIndex| {
        let tensor = view.tensor(index).expect("ops name tensors that exist");
        (tensor.scale, tensor.zero_point)
    };
    let output = shape(op.output());
    let channels = usize::from(output.channels);
    match op {
        Op::Conv2d(op) => {
            let input = shape(op.input);
            check_window(op.window, input, output);
            let row = taps(op.window) * usize::from(input.channels);
            assert_eq!(op.weights.len(), row * channels);
            check_sums(op.bias, channels, |channel, i| op.weights[channel * row + i], row);
            check_requantize(&op.requantize, channels);
        }
        Op::DepthwiseConv2d(op) => {
            assert_eq!(shape(op.input).channels, output.channels);
            check_window(op.window, shape(op.input), output);
            let taps = taps(op.window);
            assert_eq!(op.weights.len(), taps * channels);
            check_sums(op.bias, channels, |channel, i| op.weights[i * channels + channel], taps);
            check_requantize(&op.requantize, channels);
        }
        Op::FullyConnected(op) => {
            let row = shape(op.input).elements();
            assert_eq!(output.elements(), channels);
            assert_eq!(op.weights.len(), row * channels);
            check_sums(op.bias, channels, |channel, i| op.weights[channel * row + i], row);
            match &op.result {
                FullyConnectedResult::Requantized(requantize) => {
                    check_requantize(requantize, channels)
                }
                FullyConnectedResult::Sums { scales } => check_finite(scales, channels),
            }
        }
        Op::Add(op) => {
            assert!(op.inputs.iter().all(|&input| shape(input) == output));
            check_finite(&op.multipliers, 2);
            check_activation(&op.activation, channels);
        }
        Op::MaxPool(op) => {
            assert_eq!(shape(op.input).channels, output.channels);
            check_window(op.window, shape(op.input), output);
            assert_eq!(stored(op.input), stored(op.output));
        }
        Op::GlobalAveragePool(op) => {
            let input = shape(op.input);
            assert_eq!((output.elements(), input.channels), (channels, output.channels));
            assert!(i32::try_from(input.elements() / channels * 255).is_ok());
            check_finite(&[op.multiplier], 1);
        }
        Op::ScaleChannels(op) => {
            let gate = shape(op.gate);
            assert_eq!(shape(op.input), output);
            assert_eq!((gate.elements(), gate.channels), (channels, output.channels));
            check_finite(op.factors, 256);
        }
        Op::Lookup(op) => {
            assert_eq!((shape(op.input), op.table.len()), (output, 256));
        }
        Op::Concat(op) => {
            let [first, second] = op.inputs.map(shape);
            assert_eq!(first.elements() + second.elements(), output.elements());
            assert_eq!((first.height, first.width), (second.height, second.width));
            assert_eq!((first.height, first.width), (output.height, output.width));
            check_finite(&op.multipliers, 2);
        }
        Op::Upsample(op) => {
            let input = shape(op.input);
            let [down, right] = op.factor.map(u16::from);
            let sides = (input.height.checked_mul(down), input.width.checked_mul(right));
            assert_eq!(sides, (Some(output.height), Some(output.width)));
            assert_eq!((input.channels, stored(op.input)), (output.channels, stored(op.output)));
        }
    }
}

/// The last place of the kernel is inside the padded input, and one more step would not be.
fn check_window(window: Window, input: Shape, output: Shape) {
    let padding = window.padding;
    let sides = [
        (input.height, output.height, padding.top, padding.bottom),
        (input.width, output.width, padding.left, padding.right),
    ];
    for ((input, output, before, after), (kernel, stride)) in
        sides.into_iter().zip(window.kernel.into_iter().zip(window.stride))
    {
        let padded = u32::from(input) + u32::from(before) + u32::from(after);
        let end = |places: u32| (places - 1) * u32::from(stride) + u32::from(kernel);
        assert!(end(u32::from(output)) <= padded && end(u32::from(output) + 1) > padded);
        assert!(before < kernel && after < kernel);
    }
}

fn taps(window: Window) -> usize {
    let [height, width] = window.kernel;
    usize::from(height) * usize::from(width)
}

/// The largest and the smallest sum that int8 inputs can give are int32.
fn check_sums(bias: &[i32], channels: usize, weight: impl Fn(usize, usize) -> i8, len: usize) {
    assert_eq!(bias.len(), channels);
    for (channel, &bias) in bias.iter().enumerate() {
        let (mut smallest, mut largest) = (i64::from(bias), i64::from(bias));
        for i in 0..len {
            let weight = i64::from(weight(channel, i));
            assert_ne!(weight, -128);
            let ends = [-128 * weight, 127 * weight];
            smallest += ends[0].min(ends[1]);
            largest += ends[0].max(ends[1]);
        }
        assert!(i32::try_from(smallest).is_ok() && i32::try_from(largest).is_ok());
    }
}

fn check_requantize(requantize: &Requantize<'_>, channels: usize) {
    check_finite(requantize.multiplier, channels);
    check_activation(&requantize.activation, channels);
}

fn check_activation(activation: &Activation<'_>, channels: usize) {
    if let Activation::Prelu(negative) = activation {
        check_finite(negative, channels);
    }
}

/// `len` values whose product with any int32 sum is finite.
fn check_finite(values: &[f32], len: usize) {
    assert_eq!(values.len(), len);
    assert!(values.iter().all(|value| (value * i32::MIN as f32).is_finite()));
}
