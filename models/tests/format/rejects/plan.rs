//! Tensors, their lives and their places.

use model_format::{ElementType, FormatError, OpError, Shape, TensorIndex};

use super::{edited_bytes, edited_model, in_op};
use crate::sample::{self, TENSOR, TENSORS};

#[test]
fn rejects_unknown_element_type() {
    let refused = edited_bytes(|file| file[TENSORS + 2 * TENSOR + 6] = 3);
    assert_eq!(refused, FormatError::UnknownElementType { tensor: 2, found: 3 });
}

#[test]
fn rejects_shape_empty() {
    let refused = edited_model(|model| model.tensors[3].shape.width = 0);
    let shape = Shape { height: 4, width: 0, channels: 4 };
    assert_eq!(refused, FormatError::ShapeEmpty { tensor: 3, shape });
}

#[test]
fn rejects_tensor_scale() {
    for scale in [0.0, -1.0, f32::INFINITY] {
        let refused = edited_model(|model| model.tensors[1].scale = scale);
        assert_eq!(refused, FormatError::TensorScale { tensor: 1, scale });
    }
    let refused = edited_model(|model| model.tensors[1].scale = f32::NAN);
    assert!(matches!(refused, FormatError::TensorScale { tensor: 1, scale } if scale.is_nan()));
}

#[test]
fn rejects_tensor_misaligned() {
    let refused = edited_model(|model| model.tensors[6].offset = 130);
    assert_eq!(refused, FormatError::TensorMisaligned { tensor: 6, offset: 130 });
}

#[test]
fn rejects_tensor_outside_arena() {
    let refused = edited_model(|model| model.arena_bytes = 191);
    let (tensor, arena) = (3, 191);
    assert_eq!(refused, FormatError::TensorOutsideArena { tensor, offset: 128, len: 64, arena });
    // A product beyond 32 bits, and an end beyond them.
    let refused = edited_model(|model| {
        model.tensors[3].shape = Shape { height: u16::MAX, width: u16::MAX, channels: u16::MAX };
        model.tensors[3].offset = u32::MAX;
    });
    let len = 65_535_u64.pow(3);
    let expected = FormatError::TensorOutsideArena { tensor, offset: u32::MAX, len, arena: 192 };
    assert_eq!(refused, expected);
}

#[test]
fn rejects_endpoint_missing() {
    let refused = edited_model(|model| model.output = TensorIndex(7));
    assert_eq!(refused, FormatError::EndpointMissing { tensor: 7, count: 7 });
}

#[test]
fn rejects_endpoints_equal() {
    let refused = edited_model(|model| model.input = TensorIndex(6));
    assert_eq!(refused, FormatError::EndpointsEqual { tensor: 6 });
}

#[test]
fn rejects_input_tensor() {
    let refused = edited_model(|model| model.input = TensorIndex(1));
    assert_eq!(refused, FormatError::InputTensor { channels: 4, element: ElementType::I8 });
}

#[test]
fn rejects_first_step() {
    // The input is born at step 0.
    let refused = edited_model(|model| model.tensors[0].first = 1);
    assert_eq!(refused, FormatError::FirstStep { tensor: 0, first: 1 });
    // A tensor that no op writes.
    for first in [0, 1, 7] {
        let refused = edited_model(|model| {
            model.tensors.push(sample::tensor([1, 1, 1], 180, [first, 6]));
        });
        assert_eq!(refused, FormatError::FirstStep { tensor: 7, first });
    }
}

#[test]
fn rejects_written_twice() {
    // Op 2 writes where op 1 has written.
    let refused = edited_model(|model| {
        sample::conv(model, 2).input = TensorIndex(3);
        sample::conv(model, 2).output = TensorIndex(2);
    });
    assert_eq!(refused, in_op(2, OpError::WrittenTwice { tensor: 2, first: 2 }));
}

#[test]
fn rejects_last_step() {
    // Step 5 does not read tensor 3, nor does step 7 exist.
    for last in [5, 7] {
        let refused = edited_model(|model| model.tensors[3].last = last);
        assert_eq!(refused, FormatError::LastStep { tensor: 3, last });
    }
    // The caller reads the output after the last step.
    let refused = edited_model(|model| model.tensors[6].last = 7);
    assert_eq!(refused, FormatError::LastStep { tensor: 6, last: 7 });
}

#[test]
fn rejects_tensor_that_nothing_reads() {
    let refused = edited_model(|model| {
        sample::conv(model, 2).input = TensorIndex(0);
        sample::conv(model, 2).weights.truncate(12);
        model.tensors[0].last = 3;
        sample::add(model).inputs = [TensorIndex(3), TensorIndex(1)];
        model.tensors[1].last = 4;
        model.tensors[2] = sample::tensor([4, 4, 4], 192, [2, 2]);
        model.tensors[4].offset = 192;
        model.arena_bytes = 256;
    });
    assert_eq!(refused, FormatError::LastStep { tensor: 2, last: 2 });
}

#[test]
fn rejects_read_before_written() {
    let refused = edited_model(|model| sample::conv(model, 1).input = TensorIndex(4));
    assert_eq!(refused, in_op(1, OpError::ReadBeforeWritten { tensor: 4, first: 4 }));
}

#[test]
fn rejects_read_after_last() {
    let refused = edited_model(|model| model.tensors[1].last = 2);
    assert_eq!(refused, in_op(2, OpError::ReadAfterLast { tensor: 1, last: 2 }));
}

#[test]
fn rejects_arena_overlap() {
    // Tensor 3 is read at the step that writes tensor 4.
    let refused = edited_model(|model| model.tensors[4].offset = 128 - 63);
    assert_eq!(refused, FormatError::ArenaOverlap { first: 3, second: 4 });
}
