//! Constants of ops: where they lie, how many they are, which values they may have.

use model_format::writer::ActivationSpec;
use model_format::{Constant, FormatError, MAX_MULTIPLIER, OpError, Shape};

use super::{edited_bytes, edited_gated, edited_model, in_op};
use crate::sample::{self, OPS};

/// Field offsets in an op record.
const WEIGHTS: usize = 20;
const BIAS: usize = 28;

fn put(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn rejects_constant_outside() {
    let (constant, offset, len, section) = (Constant::Weights, 1024, 108, 992);
    let refused = edited_bytes(|file| put(file, OPS + WEIGHTS, offset));
    let expected = OpError::ConstantOutside { constant, offset, len, section };
    assert_eq!(refused, in_op(0, expected));
    // An end beyond 32 bits.
    let offset = u32::MAX - 63;
    let refused = edited_bytes(|file| put(file, OPS + WEIGHTS, offset));
    let expected = OpError::ConstantOutside { constant, offset, len, section };
    assert_eq!(refused, in_op(0, expected));
}

#[test]
fn rejects_constant_misaligned() {
    let (constant, align) = (Constant::Weights, 64);
    let refused = edited_bytes(|file| put(file, OPS + WEIGHTS, 4));
    let expected = OpError::ConstantMisaligned { constant, offset: 4, len: 108, align };
    assert_eq!(refused, in_op(0, expected));
    let (constant, align) = (Constant::Bias, 4);
    let refused = edited_bytes(|file| put(file, OPS + BIAS + 4, 15));
    let expected = OpError::ConstantMisaligned { constant, offset: 108, len: 15, align };
    assert_eq!(refused, in_op(0, expected));
}

#[test]
fn rejects_constant_length() {
    let length = |constant, expected, found| OpError::ConstantLength { constant, expected, found };
    let refused = edited_model(|model| sample::conv(model, 0).weights.push(1));
    assert_eq!(refused, in_op(0, length(Constant::Weights, 108, 109)));
    let refused = edited_model(|model| sample::conv(model, 1).weights.truncate(35));
    assert_eq!(refused, in_op(1, length(Constant::Weights, 36, 35)));
    let refused = edited_model(|model| sample::fully_connected(model, 4).weights.clear());
    assert_eq!(refused, in_op(4, length(Constant::Weights, 512, 0)));
    let refused = edited_model(|model| sample::conv(model, 1).bias.truncate(3));
    assert_eq!(refused, in_op(1, length(Constant::Bias, 4, 3)));
    let refused = edited_model(|model| sample::conv(model, 2).requantize.multiplier.push(0.5));
    assert_eq!(refused, in_op(2, length(Constant::Multiplier, 4, 5)));
    let slopes = || ActivationSpec::Prelu(vec![0.5; 3]);
    let refused = edited_model(|model| sample::conv(model, 0).requantize.activation = slopes());
    assert_eq!(refused, in_op(0, length(Constant::Negative, 4, 3)));
    let refused = edited_model(|model| sample::add(model).activation = slopes());
    assert_eq!(refused, in_op(3, length(Constant::Negative, 4, 3)));
    let refused = edited_gated(|model| sample::scale_channels(model).factors.truncate(255));
    assert_eq!(refused, in_op(2, length(Constant::Multiplier, 256, 255)));
}

#[test]
fn rejects_multiplier_range() {
    let range = |constant, index, value| OpError::MultiplierRange { constant, index, value };
    let value = MAX_MULTIPLIER * 1.5;
    let refused = edited_model(|model| sample::conv(model, 0).requantize.multiplier[2] = value);
    assert_eq!(refused, in_op(0, range(Constant::Multiplier, 2, value)));
    let value = f32::NEG_INFINITY;
    let refused = edited_model(|model| sample::add(model).multipliers[1] = value);
    assert_eq!(refused, in_op(3, range(Constant::Operand, 1, value)));
    let refused = edited_model(|model| {
        sample::conv(model, 2).residual.as_mut().unwrap().multiplier = value;
    });
    assert_eq!(refused, in_op(2, range(Constant::Operand, 0, value)));
    let refused = edited_gated(|model| sample::average(model).multiplier = value);
    assert_eq!(refused, in_op(1, range(Constant::Operand, 0, value)));
    let refused = edited_gated(|model| sample::scale_channels(model).factors[7] = value);
    assert_eq!(refused, in_op(2, range(Constant::Multiplier, 7, value)));
    let refused = edited_model(|model| {
        sample::add(model).activation = ActivationSpec::Prelu(vec![0.0, 0.0, 0.0, f32::NAN]);
    });
    assert!(matches!(
        refused,
        FormatError::Op {
            op: 3,
            error: OpError::MultiplierRange { constant: Constant::Negative, index: 3, value },
        } if value.is_nan()
    ));
}

#[test]
fn rejects_weight_range() {
    let refused = edited_model(|model| sample::fully_connected(model, 5).weights[9] = -128);
    assert_eq!(refused, in_op(5, OpError::WeightRange { index: 9 }));
}

#[test]
fn rejects_accumulator_range() {
    // The largest sum that fits passes, one more does not: once from below, once from above.
    let edit = |op: usize, channel: usize, step: usize, width: usize, over: i32| {
        let mut model = sample::model();
        let op = sample::conv(&mut model, op);
        let start = if step == 1 { channel * width } else { channel };
        let magnitude: i32 =
            (0..width).map(|i| i32::from(op.weights[start + i * step]).abs()).sum();
        op.bias[channel] = -(i32::MAX - 128 * magnitude + over);
        model.build()
    };
    let worst = 1 << 31;
    for (op, step, width) in [(0, 1, 27), (1, 4, 9)] {
        assert!(edit(usize::from(op), 2, step, width, 0).is_ok());
        let refused = edit(usize::from(op), 2, step, width, 1).unwrap_err();
        let expected = in_op(op, OpError::AccumulatorRange { channel: 2, worst });
        assert_eq!(refused, expected.into());
    }
    let refused = edited_model(|model| {
        let op = sample::fully_connected(model, 5);
        op.weights[8..].fill(127);
        op.bias[1] = i32::MIN;
    });
    let worst = (1 << 31) + 8 * 127 * 128;
    assert_eq!(refused, in_op(5, OpError::AccumulatorRange { channel: 1, worst }));
    // An average over more pixels than int32 can sum: 2^24 of them.
    let refused = edited_gated(|model| {
        let shape = Shape { height: 1 << 15, width: 1 << 9, channels: 3 };
        model.tensors[0].shape = shape;
        model.tensors[1].shape = shape;
        sample::max_pool(model).window = sample::window(1, 0);
        model.tensors[1].offset = 1 << 26;
        model.arena_bytes = 1 << 27;
    });
    let worst = 255 << 24;
    assert_eq!(refused, in_op(1, OpError::AccumulatorRange { channel: 0, worst }));
}
