//! Every kind of set gives the same images and labels: stored bytes, decoded pixels, order, classes.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::data::fixture::{jpeg, real_faces, say, write_jpegs};
use crate::data::{Dataset, TrainingSet};
use sha2::{Digest, Sha256};

const FORMATS: [(Format, &str); 4] = [
    (Format::Folder, "copy"),
    (Format::Tar, "copy.tar"),
    (Format::RecordIo, "copy-rec"),
    (Format::Parquet, "copy.parquet"),
];

fn open(path: &Path) -> Arc<Source> {
    Arc::new(Source::open(&[path.to_owned()]).unwrap())
}

/// Hashes of all stored bytes and of all pixels, with the labels that a trainer sees.
fn contents(source: &Arc<Source>) -> Vec<(String, String, u32)> {
    let set = TrainingSet::from_folders(source.clone()).unwrap();
    let hash = |bytes: &[u8]| format!("{:x?}", Sha256::digest(bytes));
    (0..set.len())
        .map(|index| {
            let (face, label) = set.image(index).unwrap();
            (hash(&source.read(index).unwrap()), hash(&face.rgb), label)
        })
        .collect()
}

fn copy(source: &Source, format: Format, to: &Path) {
    convert(source, &Selection::all(source), format, to, || ()).unwrap();
}

#[test]
fn every_kind_of_set_gives_the_same_images_and_labels() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    write_jpegs(&folder, &[3, 1, 4, 2]);
    let first = open(&folder);
    let expected = contents(&first);
    assert_eq!(expected.len(), 10);
    for (format, name) in FORMATS {
        let path = root.path().join(name);
        copy(&first, format, &path);
        let copied = open(&path);
        assert!(contents(&copied) == expected, "{name}");
        // And on from there to each other kind.
        for (next, next_name) in FORMATS {
            let path = root.path().join(format!("{next:?}-{next_name}"));
            copy(&copied, next, &path);
            assert!(contents(&open(&path)) == expected, "{name} to {next_name}");
            match next {
                Format::Folder | Format::RecordIo => fs::remove_dir_all(path).unwrap(),
                _ => fs::remove_file(path).unwrap(),
            }
        }
    }
    // Folder, tar and Parquet keep the names too.
    for name in ["copy", "copy.tar", "copy.parquet"] {
        let copied = open(&root.path().join(name));
        assert_eq!(copied.identities(), first.identities());
        assert_eq!(copied.path(9), "Dee/001.jpg");
    }
    assert_eq!(open(&root.path().join("copy-rec")).path(9), "3/10");
}

/// Public bug reports 791 and 1751: the rows of an index are more than the images.
#[test]
fn folder_to_rec_counts_images_not_rows() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    write_jpegs(&folder, &[3, 1, 4, 2]);
    let rec = root.path().join("rec");
    copy(&open(&folder), Format::RecordIo, &rec);
    let lines = fs::read_to_string(rec.join("train.idx")).unwrap().lines().count();
    assert_eq!(lines, 15);
    let source = open(&rec);
    assert_eq!((source.images().len(), source.identities().len()), (10, 4));
    let rows = source.opened().next().unwrap().2.unwrap();
    assert_eq!((rows.rows, rows.images, rows.identities, rows.header), (15, 10, 4, true));
    assert_eq!(fs::read_to_string(rec.join("train.property")).unwrap(), "4,16,16\n");
}

/// Public bug report 524: red stays red, whatever packs it.
#[test]
fn colours_are_rgb_from_every_kind_of_set() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    for person in ["Ann", "Bo"] {
        fs::create_dir_all(folder.join(person)).unwrap();
        for image in 0..2 {
            let red = jpeg(16, [250, 5 * image, 5]);
            fs::write(folder.join(person).join(format!("{image}.jpg")), red).unwrap();
        }
    }
    let first = open(&folder);
    let pairs = root.path().join("pairs.csv");
    fs::write(&pairs, "fold,a,b,same\n1,Ann/0.jpg,Ann/1.jpg,1\n").unwrap();
    let bin = root.path().join("pairs.bin");
    convert_pairs(&first, &Pairs::read(&pairs, &first).unwrap(), &bin, || ()).unwrap();
    let mut paths = vec![folder.clone(), bin];
    for (format, name) in FORMATS {
        paths.push(root.path().join(name));
        copy(&first, format, &root.path().join(name));
    }
    for path in paths {
        let source = open(&path);
        for index in 0..source.images().len() {
            let face = source.load(index).unwrap();
            let last = &face.rgb[15 * 3..][..3];
            assert!(last[0] > 200 && last[2] < 60, "{}: {last:?}", source.full_name(index));
        }
    }
}

#[test]
fn pairs_travel_with_their_images() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    write_jpegs(&folder, &[3, 3]);
    let source = open(&folder);
    let list = root.path().join("pairs.csv");
    let rows =
        "2,Ann/000.jpg,Bo/000.jpg,0\n1,Ann/000.jpg,Ann/002.jpg,1\n1,Bo/002.jpg,Bo/001.jpg,1\n";
    fs::write(&list, format!("fold,a,b,same\n{rows}")).unwrap();
    let pairs = Pairs::read(&list, &source).unwrap();
    let bin = root.path().join("pairs.bin");
    convert_pairs(&source, &pairs, &bin, || ()).unwrap();
    let packed = open(&bin);
    let read = Pairs::read(&bin, &packed).unwrap();
    // Fold 2, the first in the list, keeps its place.
    let order = [0, 1, 2];
    for (pair, from) in read.pairs().iter().zip(order) {
        let from = pairs.pairs()[from];
        assert_eq!(pair.same, from.same);
        assert_eq!(packed.read(pair.a).unwrap(), source.read(from.a).unwrap());
        assert_eq!(packed.read(pair.b).unwrap(), source.read(from.b).unwrap());
    }
    // Who anybody is, the file does not say, so nobody trains on it.
    let error = TrainingSet::from_folders(packed).unwrap_err();
    assert!(matches!(error, DataError::OneImageEach { identities: 6 }), "{error}");
    let error = Pairs::read(&bin, &source).unwrap_err();
    assert!(matches!(error, DataError::PairsElsewhere { .. }), "{error}");
}

#[test]
fn a_manifest_chooses_merges_and_names() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    write_jpegs(&folder, &[2, 2, 1]);
    let source = open(&folder);
    let path = root.path().join("m.csv");
    let rows =
        "faces,Bo/000.jpg,5\nfaces,Ann/000.jpg,5\nfaces,Cy-Lee/000.jpg,3\nfaces,Ann/001.jpg,9\n";
    fs::write(&path, format!("tar,path,label\n{rows}")).unwrap();
    let manifest = Manifest::read(&path, &source).unwrap();
    let selection = Selection::of_manifest(&source, &manifest);
    assert_eq!((selection.len(), selection.persons()), (4, 3));
    let tar = root.path().join("chosen.tar");
    convert(&source, &selection, Format::Tar, &tar, || ()).unwrap();
    let chosen = open(&tar);
    let names: Vec<&str> = (0..4).map(|index| chosen.path(index)).collect();
    // Ann's label holds one of Bo's images; her other image is a person of its own.
    assert_eq!(names, ["Ann/000.jpg", "Ann/Bo-000.jpg", "Ann-2/Ann-001.jpg", "Cy-Lee/000.jpg"]);
    assert_eq!(chosen.read(1).unwrap(), fs::read(folder.join("Bo/000.jpg")).unwrap());
}

#[test]
fn formats_follow_the_ending() {
    for (name, format) in [
        ("a.tar", Format::Tar),
        ("a.parquet", Format::Parquet),
        ("a.BIN", Format::Verification),
        ("a.rec", Format::RecordIo),
        ("a", Format::Folder),
        ("a.b", Format::Folder),
    ] {
        assert_eq!(Format::of(Path::new(name)), format, "{name}");
    }
    assert_eq!("rec".parse(), Ok(Format::RecordIo));
    assert!("mxnet".parse::<Format>().is_err());
}

#[test]
fn rejects_what_exists_and_leaves_nothing_half_written() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("faces");
    write_jpegs(&folder, &[2, 2]);
    fs::write(folder.join("Bo/001.jpg"), b"no image").unwrap();
    let source = open(&folder);
    let all = Selection::all(&source);
    for (format, name) in FORMATS {
        let to = root.path().join(name);
        let error = convert(&source, &all, format, &to, || ()).unwrap_err();
        assert!(matches!(error, DataError::UnknownFormat { .. }), "{error}");
        fs::write(&to, b"mine").unwrap();
        let error = convert(&source, &all, format, &to, || ()).unwrap_err();
        assert!(error.to_string().contains("it exists already"), "{error}");
        assert_eq!(fs::read(&to).unwrap(), b"mine");
    }
    let to = root.path().join("pairs.bin");
    let error = convert(&source, &all, Format::Verification, &to, || ()).unwrap_err();
    assert!(matches!(error, DataError::NoPairs));
    let left: Vec<PathBuf> =
        fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 5, "{left:?}");
}

/// Packs that other programs made: counts, the same images in every other kind, and pairs that agree with the folders.
#[test]
fn real_packs_hold_what_they_should() {
    let Some(faces) = real_faces("InsightFace's own formats") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let rec = open(&faces.join("format-rec40"));
    assert_eq!((rec.images().len(), rec.identities().len()), (274, 40));
    let rows = rec.opened().next().unwrap().2.unwrap();
    assert_eq!((rows.rows, rows.images, rows.identities, rows.header), (315, 274, 40, true));
    let expected = contents(&rec);
    for (format, name) in FORMATS {
        let path = root.path().join(name);
        copy(&rec, format, &path);
        assert!(contents(&open(&path)) == expected, "{name}");
    }
    // Our RecordIO set is theirs, byte for byte.
    for file in ["train.rec", "train.idx", "train.property"] {
        let (ours, theirs) = (root.path().join("copy-rec").join(file), faces.join("format-rec40"));
        assert!(fs::read(ours).unwrap() == fs::read(theirs.join(file)).unwrap(), "{file}");
    }

    let bin = faces.join("format-lfw120.bin");
    let packed = open(&bin);
    let pairs = Pairs::read(&bin, &packed).unwrap();
    assert_eq!((pairs.pairs().len(), pairs.fold_names().len()), (120, 10));
    let test = open(&faces.join("lfw112-valtest.tar"));
    let hash = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
    let stored: HashMap<[u8; 32], usize> =
        (0..test.images().len()).map(|index| (hash(&test.read(index).unwrap()), index)).collect();
    for pair in pairs.pairs() {
        let [a, b] = [pair.a, pair.b].map(|image| stored[&hash(&packed.read(image).unwrap())]);
        assert_eq!(test.images()[a].identity == test.images()[b].identity, pair.same);
        assert_eq!(packed.load(pair.a).unwrap(), test.load(a).unwrap());
    }
    say("real .rec (274 images) copied to every kind; real .bin (240 images) equal to the tar");
}
