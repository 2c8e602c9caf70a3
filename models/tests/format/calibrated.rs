//! A finished file with other thresholds is the file that a build with them would have written.

use model_format::writer::{ModelBuilder, WriteError, calibrated};
use model_format::{FormatError, ModelFile, Threshold};

use crate::sample;

fn rows(count: u8) -> Vec<Threshold> {
    let row = |i| Threshold { fmr: 0.01 / f32::from(i), cosine: f32::from(i) / 20.0 };
    (1..=count).map(row).collect()
}

/// What `calibrated` makes of the model, and what a build makes.
fn both(model: ModelBuilder, thresholds: &[Threshold]) -> [Vec<u8>; 2] {
    let command = "another command, longer than the sample's";
    let file = ModelFile::from_bytes(model.build().unwrap()).unwrap();
    let made = calibrated(&file.view(), thresholds, command).unwrap();
    let mut model = ModelBuilder { thresholds: thresholds.to_vec(), ..model };
    model.metadata.command = command.into();
    [made, model.build().unwrap()]
}

#[test]
fn it_is_the_file_that_a_build_writes() {
    for count in [0, 1, 16] {
        for model in [sample::model(), sample::gated(), sample::detector()] {
            let [made, built] = both(model, &rows(count));
            assert_eq!(made, built, "{count}");
        }
    }
}

#[test]
fn id_plan_and_weights_stay_and_a_signature_goes() {
    let before = ModelFile::from_bytes(sample::signed()).unwrap();
    let before = before.view();
    let made = calibrated(&before, &rows(3), before.metadata().command).unwrap();
    let after = ModelFile::from_bytes(made).unwrap();
    let after = after.view();
    assert_eq!(after.id(), before.id());
    assert_eq!(after.metadata(), before.metadata());
    assert_eq!(after.thresholds().collect::<Vec<_>>(), rows(3));
    assert!(before.signature().is_some() && after.signature().is_none());
    // Header and plan apart, which hold lengths, all is the same up to the metadata, whose place stands at 56.
    let start = u32::from_le_bytes(before.bytes()[56..60].try_into().unwrap()) as usize;
    assert_eq!(after.bytes()[128..start], before.bytes()[128..start]);
    assert_eq!(after.tensors().collect::<Vec<_>>(), before.tensors().collect::<Vec<_>>());
}

#[test]
fn rejects_what_a_file_cannot_hold() {
    let file = ModelFile::from_bytes(sample::bytes()).unwrap();
    let refused = |thresholds: &[Threshold], command: &str| {
        calibrated(&file.view(), thresholds, command).unwrap_err()
    };
    let error = refused(&rows(17), "");
    assert_eq!(error, WriteError::TooManyThresholds { count: 17, limit: 16 });
    let error = refused(&[Threshold { fmr: 1e-3, cosine: 1.5 }], "");
    let wrong = FormatError::Threshold { index: 0, fmr: 1e-3, cosine: 1.5 };
    assert_eq!(error, WriteError::Format(wrong));
    let error = refused(&rows(1), &"x".repeat(65_536));
    assert!(matches!(error, WriteError::TextTooLong { len: 65_536, .. }), "{error}");
}
