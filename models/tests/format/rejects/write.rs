//! Models that do not fit the format at all. A file beyond 4 GiB is not built here: it would take that much memory.

use model_format::writer::WriteError;
use model_format::{Text, Threshold};

use crate::sample;

#[test]
fn rejects_text_too_long() {
    let mut model = sample::model();
    model.metadata.licence = "x".repeat(65_536);
    let expected = WriteError::TextTooLong { text: Text::Licence, len: 65_536, limit: 65_535 };
    assert_eq!(model.build(), Err(expected));
    model.metadata.licence.pop();
    assert!(model.build().is_ok());
}

#[test]
fn rejects_too_many_thresholds() {
    let mut model = sample::model();
    model.thresholds = vec![Threshold { fmr: 0.5, cosine: 0.0 }; 16];
    assert!(model.build().is_ok());
    model.thresholds.push(Threshold { fmr: 0.5, cosine: 0.0 });
    assert_eq!(model.build(), Err(WriteError::TooManyThresholds { count: 17, limit: 16 }));
}
