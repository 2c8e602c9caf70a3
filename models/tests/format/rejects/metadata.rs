//! Input description, thresholds, texts, outputs.

use model_format::writer::{OutputSpec, reseal};
use model_format::{FormatError, ModelFile, TensorIndex, Text, Threshold};

use super::{edited_bytes, edited_detector, edited_model};
use crate::sample;

/// Field offsets in the metadata record.
const THRESHOLD_COUNT: usize = 70;
const TEXT_LENGTHS: usize = 80;
const TEXTS: usize = 224;

/// Where the metadata section starts.
fn start(file: &[u8]) -> usize {
    u32::from_le_bytes(file[56..60].try_into().unwrap()) as usize
}

#[test]
fn rejects_unknown_colour_order() {
    let refused = edited_bytes(|file| {
        let at = start(file);
        file[at] = 0;
    });
    assert_eq!(refused, FormatError::UnknownColourOrder { found: 0 });
}

#[test]
fn rejects_input_spec() {
    let refused = edited_model(|model| model.metadata.input.scale[1] = 0.0);
    assert_eq!(refused, FormatError::InputSpec { channel: 1, mean: 120.0, scale: 0.0 });
    let mean = f32::INFINITY;
    let refused = edited_model(|model| model.metadata.input.mean[2] = mean);
    assert_eq!(refused, FormatError::InputSpec { channel: 2, mean, scale: 0.02 });
}

#[test]
fn rejects_landmark() {
    let y = f32::NEG_INFINITY;
    let refused = edited_model(|model| model.metadata.landmarks[3][1] = y);
    assert_eq!(refused, FormatError::Landmark { index: 3, x: 1.5, y });
}

#[test]
fn rejects_embedding_length() {
    let refused = edited_model(|model| model.metadata.embedding_len = 128);
    assert_eq!(refused, FormatError::EmbeddingLength { stated: 128, channels: 2 });
}

#[test]
fn rejects_threshold_count() {
    let refused = edited_bytes(|file| {
        let at = start(file) + THRESHOLD_COUNT;
        file[at] = 17;
    });
    assert_eq!(refused, FormatError::ThresholdCount { count: 17, limit: 16 });
}

#[test]
fn rejects_threshold() {
    for (fmr, cosine) in [(0.0, 0.5), (1.0, 0.5), (0.5, -1.5), (0.5, f32::INFINITY)] {
        let refused = edited_model(|model| model.thresholds.push(Threshold { fmr, cosine }));
        assert_eq!(refused, FormatError::Threshold { index: 2, fmr, cosine });
    }
    let nan = Threshold { fmr: f32::NAN, cosine: 0.5 };
    let refused = edited_model(|model| model.thresholds[0] = nan);
    assert!(matches!(refused, FormatError::Threshold { index: 0, fmr, .. } if fmr.is_nan()));
}

#[test]
fn rejects_text_length() {
    let refused = edited_bytes(|file| {
        let at = start(file) + TEXT_LENGTHS;
        file[at] += 1;
    });
    assert_eq!(refused, FormatError::TextLength { stated: 71, found: 70 });
}

#[test]
fn rejects_text_encoding() {
    let refused = edited_bytes(|file| {
        let at = start(file) + TEXTS + "sample".len() + 3;
        file[at] = 0xff;
    });
    assert_eq!(refused, FormatError::TextEncoding { text: Text::Data, valid: 3 });
    // The verdict is the last of all: of "int8 98.5 %, float 98.6 %", the blank before the last sign.
    let mut file = sample::gated().build().unwrap();
    let at = file.len() - 2;
    file[at] = 0xff;
    reseal(&mut file);
    let refused = ModelFile::from_bytes(file).unwrap_err();
    assert_eq!(refused, FormatError::TextEncoding { text: Text::Verdict, valid: 23 });
}

#[test]
fn rejects_embedding_or_outputs() {
    let refused = edited_detector(|model| model.metadata.embedding_len = 6);
    assert_eq!(refused, FormatError::EmbeddingOrOutputs { stated: 6, outputs: 2 });
    let refused = edited_detector(|model| model.outputs.clear());
    assert_eq!(refused, FormatError::EmbeddingLength { stated: 0, channels: 6 });
}

#[test]
fn rejects_output_cut() {
    // The second name's length, 6, is 8 bytes from the end; the first byte of a length of 256 more.
    let mut file = sample::detector().build().unwrap();
    let at = file.len() - 7;
    file[at] = 1;
    reseal(&mut file);
    assert_eq!(ModelFile::from_bytes(file).unwrap_err(), FormatError::OutputCut { at: 8 });
}

#[test]
fn rejects_output_count() {
    let refused = edited_detector(|model| {
        let many = (0..65).map(|i| OutputSpec { name: format!("{i}"), tensor: TensorIndex(i) });
        model.outputs = many.collect();
    });
    assert_eq!(refused, FormatError::OutputCount { count: 65, limit: 64 });
}

#[test]
fn rejects_outputs_alike() {
    let alike = FormatError::OutputsAlike { index: 1 };
    assert_eq!(edited_detector(|model| model.outputs[1].name = "maps".into()), alike);
    assert_eq!(edited_detector(|model| model.outputs[1].tensor = TensorIndex(3)), alike);
    let unnamed = edited_detector(|model| model.outputs[0].name.clear());
    assert_eq!(unnamed, FormatError::OutputsAlike { index: 0 });
}

#[test]
fn rejects_first_output_and_outputs_that_are_no_tensors() {
    let refused = edited_detector(|model| model.outputs.reverse());
    assert_eq!(refused, FormatError::FirstOutput { plan: 3, first: 2 });
    let refused = edited_detector(|model| model.outputs[1].tensor = TensorIndex(4));
    assert_eq!(refused, FormatError::EndpointMissing { tensor: 4, count: 4 });
    let refused = edited_detector(|model| model.outputs[1].tensor = TensorIndex(0));
    assert_eq!(refused, FormatError::EndpointsEqual { tensor: 0 });
}
