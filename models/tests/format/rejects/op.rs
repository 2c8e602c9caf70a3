//! Single ops: tensors, window, shapes, constants.

use model_format::writer::ActivationSpec;
use model_format::{
    Constant, ElementType, FormatError, MAX_MULTIPLIER, OpError, Padding, Shape, Tag, TensorIndex,
    Window,
};

use super::{edited_bytes, edited_model, in_op};
use crate::sample::{self, OP, OPS};

/// Field offsets in an op record.
const ACTIVATION: usize = 1;
const VARIANT: usize = 2;
const WEIGHTS: usize = 20;
const BIAS: usize = 28;

fn put(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn rejects_unknown_tag() {
    for (op, at, tag) in [
        (0, 0, Tag::OpKind),
        (1, ACTIVATION, Tag::Activation),
        (2, VARIANT, Tag::OpVariant),
        (4, VARIANT, Tag::OpVariant),
    ] {
        let refused = edited_bytes(|file| file[OPS + usize::from(op) * OP + at] = 9);
        assert_eq!(refused, in_op(op, OpError::UnknownTag { tag, found: 9 }));
    }
}

#[test]
fn rejects_unused_field() {
    for (op, at) in [
        (0, 6),           // residual of a convolution without
        (2, 52),          // first operand multiplier of a convolution
        (2, 44),          // negative multipliers without PReLU
        (3, VARIANT),     // an add has one variant
        (3, 10),          // window of an add
        (3, WEIGHTS + 4), // weights of an add
        (4, 14),          // padding of a fully connected op
        (5, ACTIVATION),  // activation of sums
    ] {
        let refused = edited_bytes(|file| file[OPS + usize::from(op) * OP + at] = 1);
        assert_eq!(
            refused,
            in_op(op, OpError::UnusedField),
            "op {op}, byte {at}"
        );
    }
}

#[test]
fn rejects_tensor_missing() {
    let refused = edited_model(|model| sample::add(model).inputs[1] = TensorIndex(7));
    assert_eq!(
        refused,
        in_op(
            3,
            OpError::TensorMissing {
                tensor: 7,
                count: 7
            }
        )
    );
}

#[test]
fn rejects_tensors_not_distinct() {
    let refused = edited_model(|model| sample::add(model).inputs[1] = TensorIndex(3));
    assert_eq!(refused, in_op(3, OpError::TensorsNotDistinct { tensor: 3 }));
    let refused = edited_model(|model| sample::add(model).inputs[1] = TensorIndex(4));
    assert_eq!(refused, in_op(3, OpError::TensorsNotDistinct { tensor: 4 }));
    let refused = edited_model(|model| sample::conv(model, 1).input = TensorIndex(2));
    assert_eq!(refused, in_op(1, OpError::TensorsNotDistinct { tensor: 2 }));
}

#[test]
fn rejects_element_type() {
    let (expected, found) = (ElementType::I8, ElementType::I32);
    let refused = edited_model(|model| {
        model.tensors[5].element = found;
        model.arena_bytes = 256;
    });
    assert_eq!(
        refused,
        in_op(
            4,
            OpError::ElementType {
                tensor: 5,
                expected,
                found
            }
        )
    );
    let refused = edited_model(|model| model.tensors[6].element = expected);
    let (expected, found) = (found, expected);
    assert_eq!(
        refused,
        in_op(
            5,
            OpError::ElementType {
                tensor: 6,
                expected,
                found
            }
        )
    );
}

#[test]
fn rejects_window_empty() {
    for (kernel, stride) in [([0, 3], [1, 1]), ([3, 3], [1, 0])] {
        let window = Window {
            kernel,
            stride,
            padding: Padding::default(),
        };
        let refused = edited_model(|model| sample::conv(model, 0).window = window);
        assert_eq!(refused, in_op(0, OpError::WindowEmpty { window }));
    }
}

#[test]
fn rejects_padding_too_large() {
    let padding = Padding {
        top: 1,
        left: 1,
        bottom: 1,
        right: 3,
    };
    let refused = edited_model(|model| sample::conv(model, 1).window.padding = padding);
    assert_eq!(
        refused,
        in_op(
            1,
            OpError::PaddingTooLarge {
                padding,
                kernel: [3, 3]
            }
        )
    );
}

#[test]
fn rejects_kernel_too_large() {
    let refused = edited_model(|model| sample::conv(model, 0).window = sample::window(7, 1));
    assert_eq!(
        refused,
        in_op(
            0,
            OpError::KernelTooLarge {
                kernel: [7, 7],
                padded: [6, 6]
            }
        )
    );
}

#[test]
fn rejects_output_shape() {
    let found = Shape {
        height: 4,
        width: 4,
        channels: 4,
    };
    // A convolution without its padding.
    let refused = edited_model(|model| sample::conv(model, 0).window = sample::window(3, 0));
    assert_eq!(
        refused,
        in_op(
            0,
            OpError::OutputShape {
                expected: [2, 2, 4],
                found
            }
        )
    );
    // A depthwise convolution that would change the channels.
    let refused = edited_model(|model| sample::conv(model, 1).input = TensorIndex(0));
    assert_eq!(
        refused,
        in_op(
            1,
            OpError::OutputShape {
                expected: [4, 4, 3],
                found
            }
        )
    );
    // A fully connected op that would write an image.
    let refused = edited_model(|model| {
        model.tensors[5].shape = Shape {
            height: 2,
            width: 1,
            channels: 4,
        };
    });
    let found = Shape {
        height: 2,
        width: 1,
        channels: 4,
    };
    assert_eq!(
        refused,
        in_op(
            4,
            OpError::OutputShape {
                expected: [1, 1, 4],
                found
            }
        )
    );
}

#[test]
fn rejects_operand_shape() {
    let expected = Shape {
        height: 4,
        width: 4,
        channels: 4,
    };
    let found = Shape {
        height: 4,
        width: 4,
        channels: 3,
    };
    // As residual, and as either input of an add.
    let refused = edited_model(|model| {
        sample::conv(model, 2).residual.as_mut().unwrap().tensor = TensorIndex(0);
    });
    assert_eq!(
        refused,
        in_op(
            2,
            OpError::OperandShape {
                tensor: 0,
                expected,
                found
            }
        )
    );
    for input in 0..2 {
        let refused = edited_model(|model| sample::add(model).inputs[input] = TensorIndex(0));
        assert_eq!(
            refused,
            in_op(
                3,
                OpError::OperandShape {
                    tensor: 0,
                    expected,
                    found
                }
            )
        );
    }
}

#[test]
fn rejects_constant_outside() {
    let (constant, offset, len, section) = (Constant::Weights, 1024, 108, 992);
    let refused = edited_bytes(|file| put(file, OPS + WEIGHTS, offset));
    let expected = OpError::ConstantOutside {
        constant,
        offset,
        len,
        section,
    };
    assert_eq!(refused, in_op(0, expected));
    // An end beyond 32 bits.
    let offset = u32::MAX - 63;
    let refused = edited_bytes(|file| put(file, OPS + WEIGHTS, offset));
    let expected = OpError::ConstantOutside {
        constant,
        offset,
        len,
        section,
    };
    assert_eq!(refused, in_op(0, expected));
}

#[test]
fn rejects_constant_misaligned() {
    let (constant, align) = (Constant::Weights, 64);
    let refused = edited_bytes(|file| put(file, OPS + WEIGHTS, 4));
    let expected = OpError::ConstantMisaligned {
        constant,
        offset: 4,
        len: 108,
        align,
    };
    assert_eq!(refused, in_op(0, expected));
    let (constant, align) = (Constant::Bias, 4);
    let refused = edited_bytes(|file| put(file, OPS + BIAS + 4, 15));
    let expected = OpError::ConstantMisaligned {
        constant,
        offset: 108,
        len: 15,
        align,
    };
    assert_eq!(refused, in_op(0, expected));
}

#[test]
fn rejects_constant_length() {
    let length = |constant, expected, found| OpError::ConstantLength {
        constant,
        expected,
        found,
    };
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
}

#[test]
fn rejects_multiplier_range() {
    let range = |constant, index, value| OpError::MultiplierRange {
        constant,
        index,
        value,
    };
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
        let magnitude: i32 = (0..width)
            .map(|i| i32::from(op.weights[start + i * step]).abs())
            .sum();
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
    assert_eq!(
        refused,
        in_op(5, OpError::AccumulatorRange { channel: 1, worst })
    );
}
