//! The signature block: its place, and what of it has one meaning only.

use model_format::writer::reseal;
use model_format::{FormatError, ModelFile, Section};

use crate::sample;

/// Where the plan keeps the block's offset.
const OFFSET: usize = 72;

/// Why the signed sample is refused after `edit` of its bytes and the block's start, under a right checksum.
fn edited(edit: impl FnOnce(&mut Vec<u8>, usize)) -> FormatError {
    let mut file = sample::signed();
    let start = file.len() - 128;
    edit(&mut file, start);
    reseal(&mut file);
    ModelFile::from_bytes(file).unwrap_err()
}

fn put(file: &mut [u8], at: usize, value: usize) {
    file[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
}

#[test]
fn rejects_signature_not_last() {
    // Bytes behind the block, and a block cut short, under a length that fits.
    let len = sample::signed().len();
    let offset = u32::try_from(len - 128).unwrap();
    for changed in [len + 64, len + 1, len - 1, len - 128] {
        let refused = edited(|file, _| {
            file.resize(changed, 0);
            put(file, 8, changed);
        });
        let total = u32::try_from(changed).unwrap();
        assert_eq!(refused, FormatError::SignatureNotLast { offset, total });
    }
    let refused = edited(|file, _| put(file, OFFSET, 0xffff_ffc0));
    let total = u32::try_from(len).unwrap();
    assert_eq!(refused, FormatError::SignatureNotLast { offset: 0xffff_ffc0, total });
}

#[test]
fn rejects_a_signature_inside_or_beside_its_place() {
    let section = Section::Signature;
    let refused = edited(|file, _| put(file, OFFSET, 64));
    assert!(
        matches!(refused, FormatError::SectionOverlap { section: found, offset: 64, .. } if found == section),
        "{refused}"
    );
    let refused = edited(|file, start| put(file, OFFSET, start + 1));
    let offset = u32::try_from(sample::signed().len() - 127).unwrap();
    assert_eq!(refused, FormatError::SectionMisaligned { section, offset });
}

#[test]
fn rejects_a_block_that_the_plan_does_not_name() {
    let refused = edited(|file, _| put(file, OFFSET, 0));
    let offset = sample::signed().len() - 128;
    assert_eq!(refused, FormatError::ReservedNotZero { offset });
}

#[test]
fn rejects_unknown_signature_algorithm() {
    for found in [0, 2, 255] {
        let refused = edited(|file, start| file[start] = found);
        assert_eq!(refused, FormatError::UnknownSignatureAlgorithm { found });
    }
}

#[test]
fn rejects_reserved_bytes_of_and_before_the_block() {
    let start = sample::signed().len() - 128;
    for offset in [start - 1, start + 1, start + 31, 76, 127] {
        let refused = edited(|file, _| file[offset] = 1);
        assert_eq!(refused, FormatError::ReservedNotZero { offset });
    }
}
