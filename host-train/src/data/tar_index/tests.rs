//! Archives as tar programs write them, and every way to break one.
#![allow(clippy::unwrap_used)]

use std::fs;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;

fn entry(archive: &mut Builder<Vec<u8>>, name: &str, data: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, data).unwrap();
}

/// Two images of 3 and 600 bytes: headers at 0 and 1024, end mark at 2560.
fn two_images() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    entry(&mut archive, "lfw/Ann/1.jpg", b"one");
    entry(&mut archive, "lfw/Bo/2.jpg", &[2; 600]);
    archive.into_inner().unwrap()
}

fn list_bytes(bytes: &[u8]) -> Result<Vec<Found>, DataError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("faces.tar");
    fs::write(&path, bytes).unwrap();
    list(&path)
}

fn image(name: &str, offset: u64, length: u64) -> Found {
    Found { name: name.to_owned(), place: Place::Span(Span { offset, length }) }
}

#[test]
fn spans_point_at_the_data() {
    assert_eq!(
        list_bytes(&two_images()).unwrap(),
        [image("lfw/Ann/1.jpg", 512, 3), image("lfw/Bo/2.jpg", 1536, 600)]
    );
}

#[test]
fn long_names_are_read_whole() {
    let name = format!("top/{}/{}.jpg", "P".repeat(90), "i".repeat(90));
    let mut archive = Builder::new(Vec::new());
    entry(&mut archive, &name, b"long");
    let bytes = archive.into_inner().unwrap();
    let found = list_bytes(&bytes).unwrap();
    assert_eq!(found[0].name, name);
    let Place::Span(Span { offset, length: 4 }) = found[0].place else {
        panic!("{:?}", found[0]);
    };
    assert_eq!(&bytes[offset as usize..][..4], b"long");
}

#[test]
fn other_files_links_folders_and_hidden_names_are_passed_over() {
    let mut archive = Builder::new(Vec::new());
    entry(&mut archive, "Ann/notes.txt", b"no");
    entry(&mut archive, "Ann/._1.jpg", b"no");
    entry(&mut archive, "__MACOSX/Ann/1.jpg", b"no");
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo] {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        archive.append_link(&mut header, "Ann/link.jpg", "/etc/passwd").unwrap();
    }
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Directory);
    header.set_size(0);
    archive.append_data(&mut header, "Ann/folder.jpg/", &[][..]).unwrap();
    assert_eq!(list_bytes(&archive.into_inner().unwrap()).unwrap(), []);
}

#[test]
fn names_are_normalised() {
    assert_eq!(parts("./lfw//Ann/1.jpg"), ["lfw", "Ann", "1.jpg"]);
    assert_eq!(parts("/lfw/Ann/../Bo/1.jpg"), ["lfw", "Bo", "1.jpg"]);
    assert_eq!(parts("../../Ann/1.jpg"), ["Ann", "1.jpg"]);
}

#[test]
fn rejects_an_archive_cut_anywhere() {
    let bytes = two_images();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("faces.tar");
    fs::write(&path, &bytes).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    for length in (1..=2560).rev() {
        file.set_len(length).unwrap();
        match list(&path).unwrap_err() {
            // Not even one header: it could be any file.
            DataError::NotATar { .. } => assert!(length < 512),
            DataError::TruncatedTar { length: reported, .. } => assert_eq!(reported, length),
            other => panic!("{length}: {other}"),
        }
    }
    let error = list_bytes(&bytes[..1700]).unwrap_err();
    assert!(error.to_string().contains("436 bytes of lfw/Bo/2.jpg are missing"), "{error}");
    let error = list_bytes(&bytes[..2560]).unwrap_err();
    assert!(error.to_string().contains("end mark"), "{error}");
}

#[test]
fn rejects_what_is_not_a_tar() {
    for bytes in [&b""[..], b"tar,path,label\n", &[0x1f; 4096], &[b'x'; 512]] {
        let error = list_bytes(bytes).unwrap_err();
        assert!(matches!(error, DataError::NotATar { .. }), "{error}");
    }
}

#[test]
fn rejects_a_damaged_header() {
    let mut bytes = two_images();
    bytes[1024] ^= 1;
    let error = list_bytes(&bytes).unwrap_err();
    assert!(matches!(error, DataError::CorruptTar { offset: 1024, .. }), "{error}");
}

#[test]
fn rejects_an_entry_larger_than_the_archive() {
    let mut bytes = two_images();
    // Size field of the first header: 11 octal digits at 124; then its checksum again.
    bytes[124..135].copy_from_slice(b"77777777777");
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..512].iter().map(|&byte| u32::from(byte)).sum();
    bytes[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let error = list_bytes(&bytes).unwrap_err();
    assert!(matches!(error, DataError::TruncatedTar { .. }), "{error}");
}

#[test]
fn rejects_names_that_are_not_utf8() {
    let mut archive = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.as_mut_bytes()[..9].copy_from_slice(b"Jos\xe9/1.jpg".get(..9).unwrap());
    header.as_mut_bytes()[9..11].copy_from_slice(b"pg");
    header.set_cksum();
    archive.append(&header, &[][..]).unwrap();
    let error = list_bytes(&archive.into_inner().unwrap()).unwrap_err();
    assert!(matches!(error, DataError::NotUtf8 { .. }), "{error}");
}
