//! Sets with and without identity rows, split records, every fault, and a million images in two seconds.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::header::{EXACT, Header};
use super::*;
use crate::data::fixture::say;
use crate::data::listing::Place;
use crate::data::{DataError, Source};

/// Packs records as they are given; their keys are their places.
fn pack(folder: &Path, records: &[(Header, &[u8])]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut index = String::new();
    for (key, (header, image)) in records.iter().enumerate() {
        index += &format!("{key}\t{}\n", bytes.len());
        frame::write(&mut bytes, &[header.bytes(), image.to_vec()].concat()).unwrap();
    }
    let path = folder.join("train.rec");
    fs::write(&path, bytes).unwrap();
    fs::write(folder.join("train.idx"), index).unwrap();
    path
}

fn image(label: f32) -> Header {
    Header::of_image(label, 0)
}

fn range(first: u16, end: u16) -> Header {
    Header::of_range(0, first.into(), end.into())
}

/// Two persons, 3 and 8, with two images and one.
fn whole() -> Vec<(Header, &'static [u8])> {
    vec![
        (range(4, 6), b""),
        (image(3.0), b"three"),
        (image(3.0), b"3"),
        (image(8.0), b"eight"),
        (range(1, 3), b""),
        (range(3, 4), b""),
    ]
}

fn names(records: &[(Header, &[u8])]) -> Result<(Vec<String>, Rows), DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = pack(folder.path(), records);
    let mut names = Vec::new();
    let rows = list(&path, |name, _| names.push(name.to_owned()))?;
    Ok((names, rows))
}

/// The record and the fault that a set is refused for.
fn fault(records: &[(Header, &[u8])]) -> (u64, RecordFault) {
    match names(records).unwrap_err() {
        DataError::Record { key, fault, .. } => (key, fault),
        other => panic!("{other}"),
    }
}

#[test]
fn identity_rows_are_counted_apart() {
    let (names, rows) = names(&whole()).unwrap();
    assert_eq!(names, ["3/1", "3/2", "8/3"]);
    assert_eq!(rows, Rows { rows: 6, images: 3, identities: 2, header: true });
}

#[test]
fn packs_without_identity_rows_are_read_by_their_labels() {
    let mut several = image(0.0);
    several.labels = vec![12.0, 7.0, 7.0];
    let (names, rows) = names(&[(image(5.0), b"a"), (image(5.0), b"b"), (several, b"c")]).unwrap();
    assert_eq!(names, ["05/0", "05/1", "12/2"]);
    assert_eq!(rows, Rows { rows: 3, images: 3, identities: 0, header: false });
}

/// Public bug reports (MagFace 29, LightCNN 5): a label at or above the class count crashed the trainer. Here the count
/// comes from the labels that there are.
#[test]
fn labels_above_the_class_count_become_dense() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path(), &[(image(5.0), b"a"), (image(900_000.0), b"b"), (image(5.0), b"c")]);
    fs::write(folder.path().join("train.property"), "2,112,112").unwrap();
    let source = Source::open(&[folder.path().into()]).unwrap();
    assert_eq!(source.identities(), ["000005", "900000"]);
    let labels: Vec<usize> = source.images().iter().map(|image| image.identity).collect();
    assert_eq!(labels, [0, 0, 1]);
    assert_eq!(source.read(2).unwrap(), b"b");
}

#[test]
fn payloads_with_the_magic_word_survive() {
    let magic = 0xced7_230a_u32.to_le_bytes();
    let header = image(1.0).bytes();
    // At a multiple of four it splits the record, elsewhere not; at the end, twice in a row, and right behind the header.
    for payload in [
        [&b"abcd"[..], &magic, b"efg"].concat(),
        [&b"abc"[..], &magic, b"efg"].concat(),
        [&magic[..], &magic, &magic].concat(),
        magic.to_vec(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = pack(folder.path(), &[(image(1.0), &payload), (image(2.0), b"next")]);
        let source = Source::open(&[path]).unwrap();
        assert_eq!(source.read(0).unwrap(), payload);
        assert_eq!(source.read(1).unwrap(), b"next");
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &[header.clone(), payload.clone()].concat()).unwrap();
        assert!(bytes.len().is_multiple_of(4));
    }
    let mut bytes = Vec::new();
    frame::write(&mut bytes, &[&b"abcd"[..], &magic, b"efg"].concat()).unwrap();
    let part = |number: u32, length: u32| (number << 29 | length).to_le_bytes();
    let expected = [&magic[..], &part(1, 4), b"abcd", &magic, &part(3, 3), b"efg\0"].concat();
    assert_eq!(bytes, expected);
}

#[test]
fn rejects_ranges_that_do_not_cover_the_images() {
    let with = |at: usize, header: Header| {
        let mut records = whole();
        records[at].0 = header;
        fault(&records)
    };
    assert_eq!(with(5, range(2, 4)), (5, RecordFault::Gap { found: 2, expected: 3 }));
    assert_eq!(with(4, range(2, 3)), (4, RecordFault::Gap { found: 2, expected: 1 }));
    assert_eq!(with(5, range(3, 3)), (0, RecordFault::Gap { found: 3, expected: 4 }));
    assert_eq!(with(5, range(3, 9)), (5, RecordFault::NotIndexed { missing: 6 }));
    assert_eq!(with(0, range(4, 7)), (0, RecordFault::NotIndexed { missing: 6 }));
    assert_eq!(with(4, range(3, 1)), (4, RecordFault::Range { first: 3.0, end: 1.0 }));
    assert_eq!(with(4, image(0.0)), (4, RecordFault::NoRange { labels: 0 }));
}

#[test]
fn rejects_labels_that_are_no_classes() {
    for label in [-1.0, 0.5, 3e9, f32::INFINITY] {
        let found = fault(&[(image(0.0), b"a"), (image(label), b"b")]);
        assert_eq!(found, (1, RecordFault::Label { label }));
    }
    assert!(matches!(fault(&[(image(f32::NAN), b"a")]), (0, RecordFault::Label { .. })));
}

#[test]
fn rejects_an_image_in_another_persons_range() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = whole();
    records[2].0 = image(8.0);
    let source = Source::open(&[pack(folder.path(), &records)]).unwrap();
    assert_eq!(source.read(0).unwrap(), b"three");
    let error = source.read(1).unwrap_err();
    let fault = RecordFault::OtherPerson { label: 8, expected: 3 };
    assert!(
        matches!(&error, DataError::Record { key: 2, offset: 80, fault: found, .. } if *found == fault),
        "{error}"
    );
}

#[test]
fn rejects_damaged_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = pack(folder.path(), &whole());
    let sound = fs::read(&path).unwrap();
    let broken = |at: usize, bytes: &[u8]| {
        let mut file = sound.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(&path, file).unwrap();
        let opened = Source::open(core::slice::from_ref(&path));
        match opened.and_then(|source| source.read(0)).unwrap_err() {
            DataError::Record { path: named, key, offset, fault } => {
                assert_eq!(named, path);
                (key, offset, fault)
            }
            other => panic!("{other}"),
        }
    };
    // Record 1 starts at byte 40, behind the header's 8 + 32 bytes.
    assert_eq!(broken(40, b"RIFF"), (1, 40, RecordFault::Magic { found: 0x4646_4952 }));
    let needed = 8 + 0x1fff_ffff;
    let left = sound.len() as u64 - 40;
    let truncated = RecordFault::Truncated { needed, left };
    assert_eq!(broken(44, &0x1fff_ffff_u32.to_le_bytes()), (1, 40, truncated));
    let short = RecordFault::Short { length: 5, needed: 24 };
    assert_eq!(broken(44, &5_u32.to_le_bytes()), (1, 40, short));
    let short = RecordFault::Short { length: 29, needed: 24 + 4 * u64::from(u32::MAX) };
    assert_eq!(broken(48, &[0xff; 4]), (1, 40, short));
    let part = RecordFault::Part { part: 2, expected: "0 or 1" };
    assert_eq!(broken(44, &(2 << 29 | 29_u32).to_le_bytes()), (1, 40, part));
    let part = RecordFault::Part { part: 0, expected: "2 or 3" };
    assert_eq!(broken(44, &(1 << 29 | 29_u32).to_le_bytes()), (1, 40, part));
}

#[test]
fn rejects_images_of_absurd_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.rec");
    let length = (64 << 20) + 1_u32;
    let mut file = File::create(&path).unwrap();
    file.write_all(&0xced7_230a_u32.to_le_bytes()).unwrap();
    file.write_all(&length.to_le_bytes()).unwrap();
    file.set_len(8 + u64::from(length)).unwrap();
    fs::write(folder.path().join("train.idx"), "7\t0\n").unwrap();
    let error = Source::open(&[path]).unwrap().read(0).unwrap_err();
    let fault = RecordFault::TooLarge { bytes: length.into(), limit: 64 << 20 };
    assert!(matches!(&error, DataError::Record { key: 7, fault: found, .. } if *found == fault));
}

#[test]
fn rejects_an_index_that_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = pack(folder.path(), &whole());
    let index = folder.path().join("train.idx");
    let refused = |text: &str| {
        fs::write(&index, text).unwrap();
        list(&path, |_, _| ()).unwrap_err().to_string()
    };
    for (text, expected) in [
        ("0\t0\n1\n", "line 2: not `KEY TAB OFFSET`"),
        ("0\t0\nx\t40\n", "line 2: not `KEY TAB OFFSET`"),
        ("0\t0\n1\t99999\n", "line 2: offset 99999 lies behind the .rec's"),
        ("0\t0\n1\t40\n1\t80\n", "key 1 stands in it twice"),
    ] {
        assert!(refused(text).contains(expected), "{}", refused(text));
    }
    assert!(refused("").contains("no .jpg"), "{}", refused(""));
    fs::remove_file(&index).unwrap();
    let error = list(&path, |_, _| ()).unwrap_err();
    assert!(matches!(error, DataError::NotFound { path } if path == index));
}

#[test]
fn property_is_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rec = folder.path().join("train.rec");
    assert_eq!(Property::beside(&rec).unwrap(), None);
    let path = folder.path().join("train.property");
    fs::write(&path, "85742,112,112\n").unwrap();
    let expected = Property { classes: 85_742, height: 112, width: 112 };
    assert_eq!(Property::beside(&rec).unwrap(), Some(expected));
    for text in ["", "85742,112", "a,b,c", "-1,2,3"] {
        fs::write(&path, text).unwrap();
        assert!(matches!(Property::beside(&rec), Err(DataError::Property { .. })), "{text}");
    }
}

#[test]
fn rejects_more_rows_than_floats_can_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = RecordWriter::create(folder.path()).unwrap();
    writer.skip_to(EXACT - 1);
    writer.push(0, b"last").unwrap();
    let error = writer.push(0, b"one more").unwrap_err();
    assert!(matches!(error, DataError::RecordRows { limit: 16_777_216, .. }), "{error}");
}

/// A set of a million images, of which only the headers that must be read are there; the rest is a hole in the file.
#[test]
fn a_million_images_open_within_two_seconds() {
    const IMAGES: u64 = 1_000_000;
    const PERSONS: u64 = 20_000;
    const EACH: u64 = IMAGES / PERSONS;
    /// Bytes from record to record.
    const STEP: u64 = 8192;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.rec");
    let mut file = File::create(&path).unwrap();
    let mut put = |key: u64, header: Header, image: &[u8]| {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &[header.bytes(), image.to_vec()].concat()).unwrap();
        file.seek(SeekFrom::Start(key * STEP)).unwrap();
        file.write_all(&bytes).unwrap();
    };
    let end = 1 + IMAGES;
    put(0, Header::of_range(0, end as f32, (end + PERSONS) as f32), b"");
    for person in 0..PERSONS {
        let first = 1 + person * EACH;
        put(first, image(person as f32), b"image");
        put(end + person, Header::of_range(0, first as f32, (first + EACH) as f32), b"");
    }
    let mut index = String::with_capacity(20 << 20);
    for key in 0..end + PERSONS {
        use core::fmt::Write as _;
        writeln!(index, "{key}\t{}", key * STEP).unwrap();
    }
    fs::write(folder.path().join("train.idx"), index).unwrap();

    let start = Instant::now();
    let source = Source::open(core::slice::from_ref(&path)).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let length = fs::metadata(&path).unwrap().len();
    say(&format!("1,000,000 images in a .rec of {length} bytes opened in {seconds:.2} s"));
    assert_eq!((source.images().len(), source.identities().len()), (1_000_000, 20_000));
    assert_eq!(source.path(999_950), "19999/0999951");
    assert_eq!(source.read(999_950).unwrap(), b"image");
    assert_eq!(size_of_val(&source.images()[0]), 48);
    assert!(seconds < 2.0, "{seconds} s");
}

#[test]
fn places_know_their_label() {
    let folder = tempfile::tempdir().unwrap();
    let mut places = Vec::new();
    list(&pack(folder.path(), &whole()), |_, place| places.push(place)).unwrap();
    assert_eq!(places[2], Place::Record { key: 3, offset: 116, label: 8 });
}
