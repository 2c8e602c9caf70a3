//! Files cut short or changed at random: no panic, and what still parses can be walked.

use model_format::writer::{content_id, reseal};
use model_format::{FormatError, ModelFile, ModelView};
use proptest::prelude::*;

use crate::sample;

/// Calls every accessor; hashing the content reads every tensor, op and constant.
fn walk(view: &ModelView<'_>) {
    assert_eq!(view.tensors().count(), view.tensor_count());
    assert_eq!(view.ops().count(), view.op_count());
    assert_eq!(view.tensor(view.input_index()), Some(view.input()));
    assert_eq!(view.tensor(view.output_index()), Some(view.output()));
    assert!(view.weights_bytes() <= view.total_bytes());
    assert!(view.tensors().all(|tensor| tensor.byte_len() <= view.arena_bytes()));
    assert!(view.thresholds().len() <= 16);
    let seen = (content_id(view), view.id(), view.macs(), view.metadata(), view.bytes().len());
    assert!(!format!("{seen:?} {view:?} {:?}", view.signature()).is_empty());
}

#[test]
fn every_truncation_is_refused() {
    let file = sample::signed();
    for len in 0..file.len() {
        let mut cut = file[..len].to_vec();
        for _ in 0..2 {
            let refused = ModelFile::from_bytes(&cut).unwrap_err();
            match refused {
                FormatError::TooShort { found, needed: 128 } => assert_eq!(found, len),
                FormatError::FileLength { stated, found } => {
                    assert_eq!((stated as usize, found), (file.len(), len));
                }
                other => panic!("{len} bytes: {other}"),
            }
            reseal(&mut cut);
        }
    }
}

#[test]
fn every_truncation_with_a_fitting_header_is_refused() {
    let file = sample::bytes();
    for len in 128..file.len() {
        let mut cut = file[..len].to_vec();
        cut[8..12].copy_from_slice(&u32::try_from(len).unwrap().to_le_bytes());
        reseal(&mut cut);
        let refused = ModelFile::from_bytes(&cut).unwrap_err();
        assert!(
            matches!(refused, FormatError::SectionOutside { total, .. } if total as usize == len),
            "{len} bytes: {refused}"
        );
    }
}

#[test]
fn every_changed_byte_is_found_by_the_checksum() {
    let file = sample::bytes();
    for at in 0..file.len() {
        for change in 1..=255 {
            let mut damaged = file.clone();
            damaged[at] ^= change;
            assert!(ModelFile::from_bytes(damaged).is_err(), "byte {at} changed by {change:#04x}");
        }
    }
}

#[test]
fn every_changed_byte_under_a_right_checksum_is_refused_or_harmless() {
    let mut accepted = 0_u32;
    for file in [sample::bytes(), sample::gated().build().unwrap(), sample::signed()] {
        for (at, change) in (0..file.len()).flat_map(|at| (1..=255).map(move |c| (at, c))) {
            let mut changed = file.clone();
            changed[at] ^= change;
            reseal(&mut changed);
            if let Ok(changed) = ModelFile::from_bytes(changed) {
                walk(&changed.view());
                accepted += 1;
            }
        }
    }
    // Weights, texts, seed and the like may hold other values: most changes of those pass.
    assert!(accepted > 100_000, "only {accepted} changes were accepted: does the walk see any?");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn random_edits_are_refused_or_harmless(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        sealed: bool,
        signed: bool,
    ) {
        let mut file = if signed { sample::signed() } else { sample::bytes() };
        for (at, value) in edits {
            let at = at.index(file.len());
            file[at] = value;
        }
        if sealed {
            reseal(&mut file);
        }
        if let Ok(file) = ModelFile::from_bytes(file) {
            walk(&file.view());
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(ModelFile::from_bytes(bytes).is_err());
    }
}
