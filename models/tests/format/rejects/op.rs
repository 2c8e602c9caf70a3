//! Single ops: tags, tensors, window, shapes.

use model_format::writer::{OpSpec, reseal};
use model_format::{
    Constant, ElementType, ModelFile, OpError, Padding, Shape, Tag, TensorIndex, Window,
};

use super::{edited_bytes, edited_detector, edited_gated, edited_model, in_op};
use crate::sample::{self, OP, OPS};

/// Field offsets in an op record.
const ACTIVATION: usize = 1;
const VARIANT: usize = 2;
const WEIGHTS: usize = 20;

#[test]
fn rejects_unknown_tag() {
    for (op, at, tag) in [
        (0, 0, Tag::OpKind),
        (1, ACTIVATION, Tag::Activation),
        (2, VARIANT, Tag::OpVariant),
        (4, VARIANT, Tag::OpVariant),
    ] {
        let refused = edited_bytes(|file| file[OPS + usize::from(op) * OP + at] = 99);
        assert_eq!(refused, in_op(op, OpError::UnknownTag { tag, found: 99 }));
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
        assert_eq!(refused, in_op(op, OpError::UnusedField), "op {op}, byte {at}");
    }
}

#[test]
fn rejects_unused_fields_of_ops_without_weights() {
    // Records start at 256 there.
    for (op, at) in [
        (0, ACTIVATION),
        (0, VARIANT),
        (0, 6),       // a second input of a maximum
        (0, WEIGHTS), // weights of a maximum
        (1, VARIANT),
        (1, 10), // window of an average
        (1, 56), // second operand multiplier of an average
        (2, ACTIVATION),
        (2, VARIANT),
        (2, 10), // window of a scaling
        (2, 52), // operand multiplier of a scaling
    ] {
        let mut file = sample::gated().build().unwrap();
        file[256 + usize::from(op) * OP + at] = 1;
        reseal(&mut file);
        let refused = ModelFile::from_bytes(file).unwrap_err();
        assert_eq!(refused, in_op(op, OpError::UnusedField), "op {op}, byte {at}");
    }
}

#[test]
fn rejects_unused_fields_of_ops_that_move_values() {
    for (op, at) in [
        (0, ACTIVATION),
        (0, VARIANT),
        (0, 6),  // a second input of an enlargement
        (0, 12), // stride of an enlargement
        (1, VARIANT),
        (1, 10), // window of a lookup
        (1, 36), // multipliers of a lookup
        (2, ACTIVATION),
        (2, VARIANT),
        (2, WEIGHTS), // weights of a concatenation
    ] {
        let mut file = sample::detector().build().unwrap();
        file[256 + usize::from(op) * OP + at] = 1;
        reseal(&mut file);
        let refused = ModelFile::from_bytes(file).unwrap_err();
        assert_eq!(refused, in_op(op, OpError::UnusedField), "op {op}, byte {at}");
    }
}

#[test]
fn rejects_sides_and_channels_that_do_not_add_up() {
    let refused = |factor| {
        edited_detector(|model| match &mut model.ops[0] {
            OpSpec::Upsample(op) => op.factor = factor,
            other => panic!("op 0 is {other:?}"),
        })
    };
    let found = Shape { height: 8, width: 4, channels: 3 };
    for (factor, expected) in [([2, 2], [8, 8, 3]), ([0, 1], [0, 4, 3]), ([255, 1], [1020, 4, 3])] {
        assert_eq!(refused(factor), in_op(0, OpError::OutputShape { expected, found }));
    }
    let refused = edited_detector(|model| model.tensors[3].shape.channels = 5);
    let found = Shape { channels: 5, ..found };
    assert_eq!(refused, in_op(2, OpError::OutputShape { expected: [8, 4, 6], found }));
    let refused = edited_detector(|model| model.tensors[3].shape.width = 3);
    let (expected, found) =
        (Shape { width: 3, channels: 3, ..found }, Shape { channels: 3, ..found });
    assert_eq!(refused, in_op(2, OpError::OperandShape { tensor: 1, expected, found }));
    let refused = edited_detector(|model| match &mut model.ops[1] {
        OpSpec::Lookup(op) => op.table.truncate(255),
        other => panic!("op 1 is {other:?}"),
    });
    let (constant, expected, found) = (Constant::Weights, 256, 255);
    assert_eq!(refused, in_op(1, OpError::ConstantLength { constant, expected, found }));
    let refused = edited_detector(|model| match &mut model.ops[2] {
        OpSpec::Concat(op) => op.multipliers[1] = f32::INFINITY,
        other => panic!("op 2 is {other:?}"),
    });
    let (constant, index, value) = (Constant::Operand, 1, f32::INFINITY);
    assert_eq!(refused, in_op(2, OpError::MultiplierRange { constant, index, value }));
}

#[test]
fn rejects_quantization_changes() {
    let expected = in_op(0, OpError::QuantizationChanges { tensor: 0 });
    assert_eq!(edited_gated(|model| model.tensors[1].scale = 0.5), expected);
    assert_eq!(edited_gated(|model| model.tensors[1].zero_point = 0), expected);
    assert_eq!(edited_detector(|model| model.tensors[1].zero_point = 0), expected);
}

#[test]
fn rejects_tensor_missing() {
    let refused = edited_model(|model| sample::add(model).inputs[1] = TensorIndex(7));
    assert_eq!(refused, in_op(3, OpError::TensorMissing { tensor: 7, count: 7 }));
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
    assert_eq!(refused, in_op(4, OpError::ElementType { tensor: 5, expected, found }));
    let refused = edited_model(|model| model.tensors[6].element = expected);
    let (expected, found) = (found, expected);
    assert_eq!(refused, in_op(5, OpError::ElementType { tensor: 6, expected, found }));
}

#[test]
fn rejects_window_empty() {
    for (kernel, stride) in [([0, 3], [1, 1]), ([3, 3], [1, 0])] {
        let window = Window { kernel, stride, padding: Padding::default() };
        let refused = edited_model(|model| sample::conv(model, 0).window = window);
        assert_eq!(refused, in_op(0, OpError::WindowEmpty { window }));
    }
}

#[test]
fn rejects_padding_too_large() {
    let padding = Padding { top: 1, left: 1, bottom: 1, right: 3 };
    let refused = edited_model(|model| sample::conv(model, 1).window.padding = padding);
    assert_eq!(refused, in_op(1, OpError::PaddingTooLarge { padding, kernel: [3, 3] }));
}

#[test]
fn rejects_kernel_too_large() {
    let refused = edited_model(|model| sample::conv(model, 0).window = sample::window(7, 1));
    assert_eq!(refused, in_op(0, OpError::KernelTooLarge { kernel: [7, 7], padded: [6, 6] }));
}

#[test]
fn rejects_output_shape() {
    let found = Shape { height: 4, width: 4, channels: 4 };
    // A convolution without its padding.
    let refused = edited_model(|model| sample::conv(model, 0).window = sample::window(3, 0));
    assert_eq!(refused, in_op(0, OpError::OutputShape { expected: [2, 2, 4], found }));
    // A depthwise convolution that would change the channels.
    let refused = edited_model(|model| sample::conv(model, 1).input = TensorIndex(0));
    assert_eq!(refused, in_op(1, OpError::OutputShape { expected: [4, 4, 3], found }));
    // A fully connected op that would write an image.
    let refused = edited_model(|model| {
        model.tensors[5].shape = Shape { height: 2, width: 1, channels: 4 };
    });
    let found = Shape { height: 2, width: 1, channels: 4 };
    assert_eq!(refused, in_op(4, OpError::OutputShape { expected: [1, 1, 4], found }));
    // A maximum without its stride, an average that would keep two rows.
    let refused = edited_gated(|model| sample::max_pool(model).window = sample::window(2, 0));
    let found = Shape { height: 2, width: 2, channels: 3 };
    assert_eq!(refused, in_op(0, OpError::OutputShape { expected: [3, 3, 3], found }));
    let found = Shape { height: 2, width: 1, channels: 3 };
    let refused = edited_gated(|model| model.tensors[2].shape = found);
    assert_eq!(refused, in_op(1, OpError::OutputShape { expected: [1, 1, 3], found }));
}

#[test]
fn rejects_operand_shape() {
    let expected = Shape { height: 4, width: 4, channels: 4 };
    let found = Shape { height: 4, width: 4, channels: 3 };
    // As residual, and as either input of an add.
    let refused = edited_model(|model| {
        sample::conv(model, 2).residual.as_mut().unwrap().tensor = TensorIndex(0);
    });
    assert_eq!(refused, in_op(2, OpError::OperandShape { tensor: 0, expected, found }));
    for input in 0..2 {
        let refused = edited_model(|model| sample::add(model).inputs[input] = TensorIndex(0));
        assert_eq!(refused, in_op(3, OpError::OperandShape { tensor: 0, expected, found }));
    }
    // The image of a scaling, and its gate, which is one pixel.
    let expected = Shape { height: 2, width: 2, channels: 3 };
    let found = Shape { height: 4, width: 4, channels: 3 };
    let refused = edited_gated(|model| sample::scale_channels(model).input = TensorIndex(0));
    assert_eq!(refused, in_op(2, OpError::OperandShape { tensor: 0, expected, found }));
    let expected = Shape { height: 1, width: 1, channels: 3 };
    let refused = edited_gated(|model| sample::scale_channels(model).gate = TensorIndex(0));
    assert_eq!(refused, in_op(2, OpError::OperandShape { tensor: 0, expected, found }));
}
