//! Tensors that are held a few rows at a time.

use model_format::writer::{LookupSpec, ModelBuilder, OpSpec};
use model_format::{FormatError, MaxPool, OpError, Rows, TensorIndex};

use super::{edited, edited_stream, in_op};
use crate::sample;

/// A band of `held` rows, of which the first slice makes `lead` and each other one `pace`.
fn band(held: u16, lead: u16, pace: u16) -> Rows {
    Rows { held, lead, pace, every: 1 }
}

/// The image, each value by a table, then every second row of it: the last row is never read.
fn every_second_row(made: Rows) -> ModelBuilder {
    let mut model = sample::gated();
    let [image, all, few] = [0, 1, 2].map(TensorIndex);
    model.ops = vec![
        OpSpec::Lookup(LookupSpec { input: image, output: all, table: vec![0; 256] }),
        OpSpec::MaxPool(MaxPool {
            input: all,
            output: few,
            window: model_format::Window { stride: [2, 1], ..sample::window(1, 0) },
        }),
    ];
    model.tensors = vec![
        sample::tensor([4, 4, 3], 0, [0, 1]),
        sample::tensor([4, 4, 3], 64, [1, 1]),
        sample::tensor([2, 4, 3], 128, [1, 1]),
    ];
    model.tensors[1].rows = made;
    model.tensors[2].rows = band(0, 1, 1);
    model.output = few;
    model
}

#[test]
fn rejects_tensor_rows() {
    let wrong = [
        Rows { held: 1, ..Rows::ALL },
        Rows { lead: 1, ..Rows::ALL },
        Rows { pace: 0, ..band(3, 2, 1) },
        Rows { every: 0, ..band(3, 2, 1) },
        band(5, 2, 1),
        band(2, 3, 1),
        band(2, 1, 3),
    ];
    for rows in wrong {
        let refused = edited_stream(|model| model.tensors[1].rows = rows);
        assert_eq!(refused, FormatError::TensorRows { tensor: 1, height: 4, rows });
    }
}

#[test]
fn rejects_slice_count() {
    let rows = Rows { held: 0, lead: 1, pace: 1, every: 257 };
    let refused = edited_stream(|model| model.tensors[4].rows = rows);
    assert_eq!(refused, FormatError::SliceCount { tensor: 4, slices: 1028, limit: 1024 });
}

#[test]
fn rejects_endpoint_in_parts() {
    let refused = edited_stream(|model| model.tensors[0].rows = band(0, 4, 1));
    assert_eq!(refused, FormatError::EndpointInParts { tensor: 0 });
    let refused = edited(every_second_row(band(3, 1, 3)), |model| {
        model.tensors[2].rows = band(1, 1, 1);
    });
    assert_eq!(refused, FormatError::EndpointInParts { tensor: 2 });
}

#[test]
fn rejects_band_outlives_step() {
    let refused = edited_stream(|model| model.tensors[3].last = 2);
    assert_eq!(refused, FormatError::BandOutlivesStep { tensor: 3, first: 1, last: 2 });
}

#[test]
fn rejects_not_in_slices() {
    // A dense layer writes what is made at once.
    let refused = edited_stream(|model| model.tensors[5].rows = band(0, 1, 1));
    assert_eq!(refused, in_op(4, OpError::NotInSlices { tensor: 5 }));
    // It reads what is whole.
    let refused = edited_stream(|model| {
        model.tensors[4].rows = band(4, 4, 1);
        for (tensor, [first, last]) in [(4, [1, 1]), (5, [1, 2]), (6, [2, 2])] {
            (model.tensors[tensor].first, model.tensors[tensor].last) = (first, last);
        }
    });
    assert_eq!(refused, in_op(0, OpError::RowsUnmade { tensor: 1, made: 2, height: 4, slices: 1 }));
    let refused = edited_stream(|model| {
        let lead = band(4, 4, 1);
        model.tensors[1..=4].iter_mut().for_each(|tensor| tensor.rows = lead);
        for (tensor, [first, last]) in [(4, [1, 1]), (5, [1, 2]), (6, [2, 2])] {
            (model.tensors[tensor].first, model.tensors[tensor].last) = (first, last);
        }
    });
    assert_eq!(refused, in_op(4, OpError::NotInSlices { tensor: 4 }));
    // A gate is whole.
    let refused = edited(sample::gated(), |model| {
        let [image, gate, scaled] = [0, 1, 2].map(TensorIndex);
        let mut scale = sample::scale_channels(model).clone();
        (scale.input, scale.gate, scale.output) = (image, gate, scaled);
        model.ops = vec![
            OpSpec::Lookup(LookupSpec { input: image, output: gate, table: vec![0; 256] }),
            OpSpec::ScaleChannels(scale),
        ];
        model.tensors = vec![
            sample::tensor([1, 1, 3], 0, [0, 1]),
            sample::tensor([1, 1, 3], 64, [1, 1]),
            sample::tensor([1, 1, 3], 128, [1, 1]),
        ];
        model.tensors[1].rows = band(1, 1, 1);
        model.output = scaled;
    });
    assert_eq!(refused, in_op(1, OpError::NotInSlices { tensor: 1 }));
}

#[test]
fn rejects_rows_not_held() {
    let not_held = |op, tensor, slice, needed, held| {
        in_op(op, OpError::RowsNotHeld { tensor, slice, needed, held })
    };
    // Given up before the depthwise filter has seen it.
    let refused = edited_stream(|model| model.tensors[1].rows = band(2, 2, 1));
    assert_eq!(refused, not_held(1, 1, 1, [0, 3], [1, 3]));
    // Not made yet.
    let refused = edited_stream(|model| model.tensors[1].rows = band(3, 1, 1));
    assert_eq!(refused, not_held(1, 1, 0, [0, 2], [0, 1]));
    // Of a residual, the rows of the output itself.
    let refused = edited_stream(|model| {
        model.tensors[1].rows = band(4, 4, 1);
        model.tensors[2].rows = band(4, 4, 1);
        model.tensors[3].rows = band(2, 2, 2);
    });
    assert_eq!(refused, not_held(3, 3, 1, [1, 2], [2, 4]));
}

#[test]
fn rejects_rows_unmade() {
    let sound = every_second_row(band(3, 1, 3)).build();
    assert!(sound.is_ok(), "{sound:?}");
    let refused = edited(every_second_row(band(2, 1, 2)), |_| ());
    let unmade = OpError::RowsUnmade { tensor: 1, made: 3, height: 4, slices: 2 };
    assert_eq!(refused, in_op(0, unmade));
}

#[test]
fn rejects_order_within_a_stream() {
    let refused = edited_stream(|model| sample::conv(model, 1).input = TensorIndex(3));
    assert_eq!(refused, in_op(1, OpError::ReadBeforeWritten { tensor: 3, first: 1 }));
    let refused = edited_stream(|model| sample::add(model).output = TensorIndex(1));
    assert_eq!(refused, in_op(3, OpError::WrittenTwice { tensor: 1, first: 1 }));
}

/// All of a stream's tensors live during all of it.
#[test]
fn rejects_arena_overlap_within_a_stream() {
    let refused = edited_stream(|model| model.tensors[4].offset = 16);
    assert_eq!(refused, FormatError::ArenaOverlap { first: 0, second: 4 });
}
