//! Files as data set hubs write them, and files that are refused.
#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::data::Source;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// One column's values in a group.
enum Column<'a> {
    Bytes(&'a [&'a [u8]]),
    Levels(&'a [&'a [u8]], &'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
}

/// Writes required or optional columns, in order, one group a list.
fn write(
    path: &Path,
    schema: &str,
    compression: Compression,
    info: Option<&str>,
    groups: &[&[Column<'_>]],
) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let info = info.map(|info| vec![KeyValue::new("huggingface".to_owned(), info.to_owned())]);
    let properties =
        WriterProperties::builder().set_compression(compression).set_key_value_metadata(info);
    let file = File::create(path).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
    for columns in groups {
        let mut group = file.next_row_group().unwrap();
        for column in *columns {
            let mut writer = group.next_column().unwrap().unwrap();
            let bytes = |values: &[&[u8]]| {
                values.iter().map(|v| ByteArray::from(v.to_vec())).collect::<Vec<_>>()
            };
            match column {
                Column::Bytes(values) => {
                    writer.typed::<ByteArrayType>().write_batch(&bytes(values), None, None)
                }
                Column::Levels(values, levels) => {
                    writer.typed::<ByteArrayType>().write_batch(&bytes(values), Some(levels), None)
                }
                Column::Int32(values) => {
                    writer.typed::<Int32Type>().write_batch(values, None, None)
                }
                Column::Int64(values) => {
                    writer.typed::<Int64Type>().write_batch(values, None, None)
                }
            }
            .unwrap();
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    file.close().unwrap();
}

fn rows(path: &Path) -> Result<Vec<(String, Vec<u8>)>, DataError> {
    let source = Source::open(&[path.to_owned()])?;
    (0..source.images().len())
        .map(|index| Ok((source.path(index).to_owned(), source.read(index)?)))
        .collect()
}

fn refused(schema: &str, columns: &[Column<'_>]) -> ParquetFault {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, schema, Compression::UNCOMPRESSED, None, &[columns]);
    match rows(&path).unwrap_err() {
        DataError::Parquet { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

const HUB: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (STRING); }
    required int64 label;
}";

const PLAIN: &str = "message m { required binary image; required int32 label; }";

#[test]
fn an_image_struct_with_class_names_in_compressed_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let info =
        r#"{"info": {"features": {"label": {"names": ["Zoe", "Ann"], "_type": "ClassLabel"}}}}"#;
    let first = [
        Column::Levels(&[b"one", b"two"], &[2, 2]),
        Column::Levels(&[b"IMG_1.jpg"], &[2, 1]),
        Column::Int64(&[1, 0]),
    ];
    let second = [
        Column::Levels(&[b"three"], &[2]),
        Column::Levels(&[b"Ann/three.jpg"], &[2]),
        Column::Int64(&[1]),
    ];
    for compression in [Compression::SNAPPY, Compression::GZIP(Default::default())] {
        write(&path, HUB, compression, Some(info), &[&first, &second]);
        let expected = [("Ann/0", "one"), ("Ann/three.jpg", "three"), ("Zoe/1", "two")]
            .map(|(name, bytes)| (name.to_owned(), bytes.as_bytes().to_vec()));
        assert_eq!(rows(&path).unwrap(), expected);
    }
}

#[test]
fn a_binary_column_with_numbers_or_strings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let images = || Column::Bytes(&[b"a", b"b", b"c"]);
    write(
        &path,
        PLAIN,
        Compression::UNCOMPRESSED,
        None,
        &[&[images(), Column::Int32(&[10, 2, 10])]],
    );
    let names: Vec<String> = rows(&path).unwrap().into_iter().map(|row| row.0).collect();
    assert_eq!(names, ["02/1", "10/0", "10/2"]);
    let schema = "message m { required binary identity (STRING); required binary jpg; }";
    let persons = Column::Bytes(&[b"Bo", b"Ann", b"Bo"]);
    write(&path, schema, Compression::UNCOMPRESSED, None, &[&[persons, images()]]);
    let names: Vec<String> = rows(&path).unwrap().into_iter().map(|row| row.0).collect();
    assert_eq!(names, ["Ann/1", "Bo/0", "Bo/2"]);
}

#[test]
fn shards_are_one_set_and_two_numbered_sets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.parquet", "a.parquet"] {
        let columns = [Column::Bytes(&[name.as_bytes(), b"x"]), Column::Int32(&[4, 5])];
        write(&folder.path().join(name), PLAIN, Compression::UNCOMPRESSED, None, &[&columns]);
    }
    let found = rows(folder.path()).unwrap();
    let names: Vec<&str> = found.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(names, ["4/00000-0", "4/00001-0", "5/00000-1", "5/00001-1"]);
    assert_eq!((&found[0].1[..], &found[1].1[..]), (&b"a.parquet"[..], &b"b.parquet"[..]));
    let two = ["a.parquet", "b.parquet"].map(|name| folder.path().join(name));
    let error = Source::open(&two).unwrap_err();
    assert!(matches!(&error, DataError::Numbered { second, .. } if *second == two[1]), "{error}");
}

#[test]
fn rejects_compression_that_is_not_built_in() {
    for (codec, named) in
        [(Compression::ZSTD(Default::default()), "ZSTD"), (Compression::LZ4, "LZ4")]
    {
        let error = check_compression(codec).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("write it with snappy"), "{error}");
    }
    assert_eq!(check_compression(Compression::SNAPPY), Ok(()));
}

#[test]
fn rejects_files_without_images_or_labels() {
    let fault = refused("message m { required int32 label; }", &[Column::Int32(&[1])]);
    assert_eq!(fault, ParquetFault::NoImageColumn { columns: "label".to_owned() });
    let fault = refused("message m { required binary image; }", &[Column::Bytes(&[b"a"])]);
    assert_eq!(fault, ParquetFault::NoLabelColumn { columns: "image".to_owned() });
}

#[test]
fn rejects_rows_without_image_or_label() {
    let columns = [Column::Levels(&[], &[0]), Column::Levels(&[], &[0]), Column::Int64(&[0])];
    assert_eq!(refused(HUB, &columns), ParquetFault::NoImage { row: 0 });
    let schema = "message m { required binary image; optional binary label (STRING); }";
    let columns = [Column::Bytes(&[b"a", b"b"]), Column::Levels(&[b"Ann"], &[1, 0])];
    assert_eq!(refused(schema, &columns), ParquetFault::NoLabel { row: 1 });
}

#[test]
fn rejects_labels_that_are_no_persons() {
    let columns = [Column::Bytes(&[b"a", b"b"]), Column::Int32(&[0, -1])];
    let classes = u32::MAX.into();
    assert_eq!(refused(PLAIN, &columns), ParquetFault::Label { row: 1, label: -1, classes });
    let schema = "message m { required binary image; required binary label (STRING); }";
    for name in [&b""[..], b"a/b", b"\xff"] {
        let columns = [Column::Bytes(&[b"a"]), Column::Bytes(&[name])];
        assert_eq!(refused(schema, &columns), ParquetFault::Name { row: 0 });
    }
}

/// Any changed byte and any cut gives rows or an error that names the file, never a panic.
#[test]
fn rejects_damaged_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let columns = [Column::Bytes(&[b"first", b"second"]), Column::Int32(&[0, 1])];
    write(&path, PLAIN, Compression::SNAPPY, None, &[&columns]);
    let sound = fs::read(&path).unwrap();
    for length in 0..sound.len() {
        fs::write(&path, &sound[..length]).unwrap();
        let error = rows(&path).unwrap_err();
        assert!(matches!(&error, DataError::Parquet { fault: ParquetFault::Damaged(_), .. }));
        assert!(error.to_string().contains("a.parquet: "), "{error}");
    }
    for at in 0..sound.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, sound[at] ^ 4] {
            let mut bytes = sound.clone();
            bytes[at] = value;
            fs::write(&path, bytes).unwrap();
            let _ = rows(&path);
        }
    }
}
