//! The file as a whole: header, sections, reserved bytes.

use model_format::{FormatError, ModelView, Section};

use super::edited_bytes;
use crate::sample::{self, CONSTANTS, OP, OPS, TENSOR, TENSORS};

/// Where the section table has the four sections.
const TABLE: [usize; 4] = [32, 40, 48, 56];

fn put(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn rejects_misaligned_file() {
    let file = sample::bytes();
    for past in 1..4 {
        let mut memory = vec![0; file.len() + 8];
        let start = (past + 4 - memory.as_ptr().addr() % 4) % 4;
        let place = &mut memory[start..start + file.len()];
        place.copy_from_slice(&file);
        let refused = ModelView::parse(place).unwrap_err();
        assert_eq!(refused, FormatError::FileMisaligned { past });
    }
}

#[test]
fn rejects_too_short() {
    let refused = edited_bytes(|file| file.truncate(127));
    assert_eq!(refused, FormatError::TooShort { needed: 128, found: 127 });
}

#[test]
fn rejects_magic() {
    let refused = edited_bytes(|file| file[..4].copy_from_slice(b"GGUF"));
    assert_eq!(refused, FormatError::Magic { found: *b"GGUF" });
}

#[test]
fn rejects_version() {
    let refused = edited_bytes(|file| file[4] = 2);
    assert_eq!(refused, FormatError::Version { found: 2, supported: 1 });
    assert_eq!(
        refused.to_string(),
        "format version 2, this build reads version 1; export the model again"
    );
}

#[test]
fn rejects_file_length() {
    let len = sample::bytes().len();
    let stated = u32::try_from(len).unwrap();
    let refused = edited_bytes(|file| file.push(0));
    assert_eq!(refused, FormatError::FileLength { stated, found: len + 1 });
}

#[test]
fn rejects_checksum() {
    let mut file = sample::bytes();
    let stated = u32::from_le_bytes(file[12..16].try_into().unwrap());
    file[CONSTANTS] ^= 1;
    let refused = model_format::ModelFile::from_bytes(&file).unwrap_err();
    let FormatError::Checksum { stated: found, computed } = refused else { panic!("{refused}") };
    assert_eq!(found, stated);
    assert_ne!(computed, stated);
}

#[test]
fn rejects_section_overlap() {
    let refused = edited_bytes(|file| put(file, TABLE[1], 320));
    let section = Section::Ops;
    assert_eq!(refused, FormatError::SectionOverlap { section, offset: 320, previous_end: 352 });
    let refused = edited_bytes(|file| put(file, TABLE[0], 64));
    let section = Section::Tensors;
    assert_eq!(refused, FormatError::SectionOverlap { section, offset: 64, previous_end: 128 });
}

#[test]
fn rejects_section_misaligned() {
    let refused = edited_bytes(|file| put(file, TABLE[1], 388));
    assert_eq!(refused, FormatError::SectionMisaligned { section: Section::Ops, offset: 388 });
}

#[test]
fn rejects_section_outside() {
    let total = u32::try_from(sample::bytes().len()).unwrap();
    let (section, offset) = (Section::Constants, 768);
    for len in [total - 767, u32::MAX] {
        let refused = edited_bytes(|file| put(file, TABLE[2] + 4, len));
        assert_eq!(refused, FormatError::SectionOutside { section, offset, len, total });
    }
}

#[test]
fn rejects_section_length() {
    let refused = edited_bytes(|file| put(file, TABLE[0] + 4, 225));
    let section = Section::Tensors;
    assert_eq!(refused, FormatError::SectionLength { section, len: 225, record: 32 });
    let refused = edited_bytes(|file| {
        let at = u32::from_le_bytes(file[TABLE[3]..TABLE[3] + 4].try_into().unwrap());
        file.truncate(at as usize + 223);
        put(file, 8, at + 223);
        put(file, TABLE[3] + 4, 223);
    });
    let section = Section::Metadata;
    assert_eq!(refused, FormatError::SectionLength { section, len: 223, record: 224 });
}

#[test]
fn rejects_record_count() {
    let refused = super::edited_model(|model| {
        let spare = model.tensors[0];
        model.tensors.resize(1025, spare);
    });
    let (section, limit) = (Section::Tensors, 1024);
    assert_eq!(refused, FormatError::RecordCount { section, count: 1025, limit });
    let refused = super::edited_model(|model| model.ops.clear());
    let section = Section::Ops;
    assert_eq!(refused, FormatError::RecordCount { section, count: 0, limit });
}

#[test]
fn rejects_reserved_not_zero() {
    let metadata = {
        let file = sample::bytes();
        u32::from_le_bytes(file[TABLE[3]..TABLE[3] + 4].try_into().unwrap()) as usize
    };
    let reserved = [
        6,                         // header
        76,                        // plan
        127,                       // plan
        TENSORS + 7 * TENSOR,      // gap after the tensors
        TENSORS + 2 * TENSOR + 28, // tensor
        OPS + 3,                   // op
        OPS + OP + 18,             // op
        OPS + 5 * OP + 63,         // op
        metadata - 1,              // gap after the constants
        metadata + 1,              // metadata
        metadata + 71,             // metadata
        metadata + 95,             // metadata
        metadata + 112,            // first threshold place that is not used
    ];
    for offset in reserved {
        let refused = edited_bytes(|file| file[offset] = 1);
        assert_eq!(refused, FormatError::ReservedNotZero { offset });
    }
}
