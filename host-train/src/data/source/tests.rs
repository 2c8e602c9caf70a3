//! Sources made of folders, archives and both, and every source that is refused.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::data::fixture::{png, tar_of, write_folder};

fn open(paths: &[&Path]) -> Result<Source, DataError> {
    let paths: Vec<PathBuf> = paths.iter().map(|&path| path.to_owned()).collect();
    Source::open(&paths)
}

fn names(source: &Source) -> Vec<&str> {
    (0..source.images().len()).map(|index| source.path(index)).collect()
}

#[test]
fn order_and_identities_come_from_names() {
    let root = tempfile::tempdir().unwrap();
    // `Al-Bo` sorts before `Al/` by plain bytes; the person `Al` must come first and stay together.
    write_folder(root.path(), &["Al-Bo/1.jpg", "Al/2.jpg", "Al/1.jpg", "Zo/1.png"]);
    let source = open(&[root.path()]).unwrap();
    assert_eq!(names(&source), ["Al/1.jpg", "Al/2.jpg", "Al-Bo/1.jpg", "Zo/1.png"]);
    assert_eq!(source.identities(), ["Al", "Al-Bo", "Zo"]);
    let labels: Vec<usize> = source.images().iter().map(|image| image.identity).collect();
    assert_eq!(labels, [0, 0, 1, 2]);
    for index in 0..4 {
        assert_eq!(source.find(source.path(index)), Some(index));
    }
    assert_eq!(source.find("Al/3.jpg"), None);
    assert_eq!(source.find("Al"), None);
}

#[test]
fn folder_and_archive_of_the_same_files_are_the_same_source() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    let files = ["lfw/Bo/1.jpg", "lfw/Ann/2.jpg", "lfw/Ann/1.jpg"];
    write_folder(&folder, &files);
    let archive = tar_of(root.path(), "faces.tar", &files);
    let (folder, archive) = (open(&[&folder]).unwrap(), open(&[&archive]).unwrap());
    assert_eq!(names(&folder), ["Ann/1.jpg", "Ann/2.jpg", "Bo/1.jpg"]);
    assert_eq!(names(&folder), names(&archive));
    for index in 0..3 {
        // The fixture's files hold their own name.
        let expected = format!("lfw/{}", names(&folder)[index]).into_bytes();
        assert_eq!(folder.read(index).unwrap(), expected);
        assert_eq!(archive.read(index).unwrap(), expected);
    }
}

#[test]
fn a_person_split_over_two_sources_is_one_identity() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("new");
    write_folder(&folder, &["Ann/9.jpg", "Cy/1.jpg"]);
    let archive = tar_of(root.path(), "old.tar", &["top/Ann/1.jpg", "top/Bo/1.jpg"]);
    let ways = [open(&[&folder, &archive]), open(&[&archive, &folder])];
    for source in ways.map(Result::unwrap) {
        assert_eq!(names(&source), ["Ann/1.jpg", "Ann/9.jpg", "Bo/1.jpg", "Cy/1.jpg"]);
        assert_eq!(source.identities(), ["Ann", "Bo", "Cy"]);
        assert_eq!(source.read(0).unwrap(), b"top/Ann/1.jpg");
        assert_eq!(source.read(1).unwrap(), b"Ann/9.jpg");
    }
}

#[test]
fn an_image_is_found_by_its_archive_with_and_without_the_top() {
    let root = tempfile::tempdir().unwrap();
    let one = tar_of(root.path(), "one.tar", &["top/Ann/1.jpg"]);
    let two = tar_of(root.path(), "two.tar", &["top/Bo/1.jpg"]);
    let source = open(&[&one, &two]).unwrap();
    assert_eq!(source.find_in("one.tar", "top/Ann/1.jpg"), Some(0));
    assert_eq!(source.find_in("one.tar", "Ann/1.jpg"), Some(0));
    assert_eq!(source.find_in("two.tar", "top/Ann/1.jpg"), None);
    assert!(source.has_origin("two.tar") && !source.has_origin("three.tar"));
}

#[test]
fn reads_from_many_threads_are_the_reads_of_one() {
    use rayon::prelude::*;
    let root = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..200).map(|n| format!("p{}/{n:03}.jpg", n % 7)).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let source = open(&[&tar_of(root.path(), "many.tar", &files)]).unwrap();
    (0..2000_usize).into_par_iter().for_each(|n| {
        let index = n % 200;
        let expected = source.path(index).as_bytes();
        assert_eq!(source.read(index).unwrap(), expected);
    });
}

#[test]
fn load_decodes_and_names_the_place() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    write_folder(&folder, &["Ann/bad.jpg", "Ann/good.png"]);
    std::fs::write(folder.join("Ann/good.png"), png(2, 2, [1, 2, 3])).unwrap();
    let source = open(&[&folder]).unwrap();
    assert_eq!(source.load(1).unwrap().rgb, [1, 2, 3].repeat(4));
    let error = source.load(0).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}", folder.join("Ann/bad.jpg").display())), "{error}");

    let archive = tar_of(root.path(), "a.tar", &["top/Ann/bad.jpg"]);
    let error = open(&[&archive]).unwrap().load(0).unwrap_err().to_string();
    assert!(error.contains("a.tar: top/Ann/bad.jpg: neither JPEG nor PNG (15 bytes)"), "{error}");
}

#[test]
fn rejects_a_missing_path() {
    let root = tempfile::tempdir().unwrap();
    let gone = root.path().join("gone");
    assert!(matches!(open(&[&gone]), Err(DataError::NotFound { path }) if path == gone));
    // Also a file that vanished after it was listed.
    write_folder(root.path(), &["Ann/1.jpg"]);
    let source = open(&[root.path()]).unwrap();
    std::fs::remove_file(root.path().join("Ann/1.jpg")).unwrap();
    assert!(matches!(source.read(0), Err(DataError::NotFound { .. })));
}

#[test]
fn rejects_an_archive_that_shrank_after_it_was_listed() {
    let root = tempfile::tempdir().unwrap();
    let archive = tar_of(root.path(), "a.tar", &["Ann/1.jpg"]);
    let source = open(&[&archive]).unwrap();
    std::fs::write(&archive, b"").unwrap();
    let error = source.read(0).unwrap_err();
    assert!(matches!(&error, DataError::Io { path, .. } if *path == archive), "{error}");
}

#[test]
fn rejects_a_source_without_images() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("Ann")).unwrap();
    std::fs::write(root.path().join("Ann/notes.txt"), b"").unwrap();
    assert!(matches!(open(&[root.path()]), Err(DataError::NoImages { .. })));
    let archive = tar_of(root.path(), "empty.tar", &[]);
    assert!(matches!(open(&[&archive]), Err(DataError::NoImages { path }) if path == archive));
}

#[test]
fn rejects_a_file_that_is_no_archive() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("faces.zip");
    std::fs::write(&file, b"PK\x03\x04").unwrap();
    assert!(matches!(open(&[&file]), Err(DataError::NotATar { .. })));
}

#[test]
fn rejects_two_images_of_one_name() {
    let root = tempfile::tempdir().unwrap();
    let one = tar_of(root.path(), "one.tar", &["Ann/1.jpg"]);
    let two = tar_of(root.path(), "two.tar", &["top/Ann/1.jpg"]);
    let error = open(&[&one, &two]).unwrap_err();
    assert!(
        matches!(&error, DataError::DuplicateImage { image, first, second }
            if image == "Ann/1.jpg" && *first == one && *second == two),
        "{error}"
    );
    let twice = tar_of(root.path(), "twice.tar", &["Ann/1.jpg", "Ann/1.jpg"]);
    assert!(matches!(open(&[&twice]), Err(DataError::DuplicateImage { .. })));
}

#[test]
fn rejects_an_image_file_larger_than_the_limit() {
    let root = tempfile::tempdir().unwrap();
    write_folder(root.path(), &["Ann/1.jpg"]);
    let file = File::create(root.path().join("Ann/1.jpg")).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    let error = open(&[root.path()]).unwrap().read(0).unwrap_err();
    assert!(
        matches!(error, DataError::FileTooLarge { bytes, limit, .. } if bytes == limit + 1),
        "{error}"
    );
}
