//! One test for each reason to refuse a model, with the numbers that it must state.

mod constant;
mod file;
mod metadata;
mod op;
mod plan;
mod rows;
mod signature;
mod write;

use model_format::writer::{ModelBuilder, WriteError, reseal};
use model_format::{FormatError, ModelFile, OpError};

use crate::sample;

/// Why the sample is refused after `edit` of its bytes, under a right checksum.
fn edited_bytes(edit: impl FnOnce(&mut Vec<u8>)) -> FormatError {
    let mut file = sample::bytes();
    edit(&mut file);
    reseal(&mut file);
    ModelFile::from_bytes(file).unwrap_err()
}

/// Why the sample is refused after `edit` of the model.
fn edited_model(edit: impl FnOnce(&mut ModelBuilder)) -> FormatError {
    edited(sample::model(), edit)
}

/// Why the sample without weights is refused after `edit` of the model.
fn edited_gated(edit: impl FnOnce(&mut ModelBuilder)) -> FormatError {
    edited(sample::gated(), edit)
}

/// Why the sample with two outputs is refused after `edit` of the model.
fn edited_detector(edit: impl FnOnce(&mut ModelBuilder)) -> FormatError {
    edited(sample::detector(), edit)
}

/// Why the sample with a stream is refused after `edit` of the model.
fn edited_stream(edit: impl FnOnce(&mut ModelBuilder)) -> FormatError {
    edited(sample::streamed(), edit)
}

fn edited(mut model: ModelBuilder, edit: impl FnOnce(&mut ModelBuilder)) -> FormatError {
    edit(&mut model);
    match model.build() {
        Err(WriteError::Format(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn in_op(op: u16, error: OpError) -> FormatError {
    FormatError::Op { op, error }
}

#[test]
fn messages_state_the_numbers() {
    let error = OpError::AccumulatorRange { channel: 3, worst: 2_147_483_648 };
    assert_eq!(
        in_op(5, error).to_string(),
        "op 5: channel 3 can sum to magnitude 2147483648, beyond int32"
    );
}
