//! Pair lists of each kind, by hand and as published, and every list that is refused.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::data::fixture::{real_faces, tar_of};

/// Reads `list` against images 0 Ann 1, 1 Ann 2, 2 Ann 10, 3 Bo 1, 4 Bo 2 (a PNG), 5 Cy 1.
fn read(list: &str) -> Result<Pairs, DataError> {
    let root = tempfile::tempdir().unwrap();
    let images = [
        "lfw/Ann/Ann_0001.jpg",
        "lfw/Ann/Ann_0002.jpg",
        "lfw/Ann/Ann_0010.jpg",
        "lfw/Bo/Bo_0001.jpg",
        "lfw/Bo/Bo_0002.png",
        "lfw/Cy/Cy_0001.jpg",
    ];
    let source = Source::open(&[tar_of(root.path(), "lfw.tar", &images)]).unwrap();
    let path = root.path().join("pairs");
    std::fs::write(&path, list).unwrap();
    Pairs::read(&path, &source)
}

fn pair(fold: usize, a: usize, b: usize, same: bool) -> Pair {
    Pair { a, b, same, fold }
}

#[test]
fn lfw_lists_count_genuine_then_impostor_lines_a_fold() {
    let list = "2\t1\nAnn\t1\t10\nAnn\t2\tCy\t1\nBo\t2\t1\nBo\t1\tAnn\t1\n";
    let expected =
        [pair(0, 0, 2, true), pair(0, 1, 5, false), pair(1, 4, 3, true), pair(1, 3, 0, false)];
    for list in [list.to_owned(), list.replace('\t', "  "), list.replace('\n', "\r\n")] {
        let pairs = read(&list).unwrap();
        assert_eq!(pairs.pairs(), expected);
        assert_eq!(pairs.fold_names(), ["1", "2"]);
    }
}

#[test]
fn a_development_list_is_one_fold() {
    let pairs = read("2\nAnn 1 2\nAnn 1 10\nAnn 1 Bo 1\nBo 1 Cy 1").unwrap();
    let same: Vec<bool> = pairs.pairs().iter().map(|pair| pair.same).collect();
    assert_eq!(same, [true, true, false, false]);
    assert_eq!(pairs.fold_names(), ["1"]);
}

#[test]
fn csv_lists_name_their_folds() {
    let list = "fold,a,b,same\r\n8,Ann/Ann_0001.jpg,Ann/Ann_0002.jpg,1\r\n\
                3,Ann/Ann_0001.jpg,Bo/Bo_0002.png,0\r\n8,Cy/Cy_0001.jpg,Bo/Bo_0001.jpg,0\r\n";
    let pairs = read(list).unwrap();
    assert_eq!(pairs.pairs(), [pair(0, 0, 1, true), pair(1, 0, 4, false), pair(0, 5, 3, false)]);
    assert_eq!(pairs.fold_names(), ["8", "3"]);
}

#[test]
fn rejects_a_pair_of_a_missing_image() {
    for (list, at, name) in [
        ("1\nAnn 1 3\nAnn 1 Bo 1\n", 2, "Ann/Ann_0003.jpg"),
        ("1\nAnn 1 2\nAnn 1 Di 1\n", 3, "Di/Di_0001.jpg"),
        (
            "fold,a,b,same\r\n1,Ann/Ann_0001.jpg,Ann/Ann_0002.jpg,1\r\n1,Ann/Ann_0001.jpg,Bo/Bo_0009.png,0\r\n",
            3,
            "Bo/Bo_0009.png",
        ),
    ] {
        let error = read(list).unwrap_err();
        assert!(
            matches!(&error, DataError::PairImage { line, image, .. } if *line == at && image == name),
            "{error}"
        );
    }
}

#[test]
fn rejects_lines_that_are_no_pairs() {
    for (list, at, words) in [
        ("1\nAnn 1 Bo 1\nAnn 1 2\n", 2, "PERSON NUMBER NUMBER"),
        ("1\nAnn 1 2\nAnn 1 2\n", 3, "PERSON NUMBER PERSON NUMBER"),
        ("1\nAnn 1 two\nAnn 1 Bo 1\n", 2, "not a whole number"),
        ("1\nAnn 1 1\nAnn 1 Bo 1\n", 2, "with itself"),
        ("fold,a,b,same\n1,Ann/Ann_0001.jpg,Bo/Bo_0001.jpg,yes\n", 2, "must be 1 or 0"),
    ] {
        let error = read(list).unwrap_err();
        assert!(
            matches!(&error, DataError::PairSyntax { line, reason, .. } if *line == at && reason.contains(words)),
            "{error}"
        );
    }
}

#[test]
fn rejects_another_number_of_pairs_than_promised() {
    let error = read("2 1\nAnn 1 2\nAnn 1 Bo 1\n").unwrap_err();
    assert!(matches!(error, DataError::PairCount { expected: 4, found: 2, .. }), "{error}");
    let error = read("1 1\nAnn 1 2\nAnn 1 Bo 1\nAnn 1 10\n").unwrap_err();
    assert!(matches!(error, DataError::PairCount { expected: 2, found: 3, .. }), "{error}");
    let error = read(&format!("{} {}\nAnn 1 2\n", usize::MAX, usize::MAX)).unwrap_err();
    assert!(matches!(error, DataError::PairCount { found: 1, .. }), "{error}");
}

#[test]
fn rejects_lists_of_no_known_kind() {
    for list in ["", "\n", "Ann 1 2\n", "1 2 3\n", "0\n", "0 300\n", "fold,a,b,same\n"] {
        let error = read(list).unwrap_err();
        assert!(matches!(error, DataError::PairFormat { .. }), "{list:?}: {error}");
    }
    assert!(matches!(read("a,b\n1,2\n"), Err(DataError::MissingColumn { column: "fold", .. })));
}

#[test]
fn the_real_lists_resolve() {
    let Some(faces) = real_faces("the real pair lists") else {
        return;
    };
    let count = |pairs: &Pairs| {
        let same = pairs.pairs().iter().filter(|pair| pair.same).count();
        (pairs.pairs().len(), same, pairs.fold_names().len())
    };
    let tars = ["lfw112-valtest", "lfw112-train-A-I", "lfw112-train-J-Z"];
    let tars = tars.map(|name| faces.join(format!("{name}.tar")));
    let held_out = Source::open(&tars[..1]).unwrap();
    let read = |name: &str, source| Pairs::read(&faces.join(name), source);

    let test = read("lfw_test_pairs.csv", &held_out).unwrap();
    assert_eq!(count(&test), (1_800, 900, 3));
    assert_eq!(test.fold_names(), ["3", "5", "8"]);
    let validation = read("lfw_val_pairs.csv", &held_out).unwrap();
    assert_eq!(count(&validation), (600, 300, 1));

    // The whole of LFW: 5,749 people, 13,233 images; View 2 has 6,000 pairs.
    let lfw = Source::open(&tars).unwrap();
    assert_eq!((lfw.identities().len(), lfw.images().len()), (5_749, 13_233));
    let view2 = read("pairs.txt", &lfw).unwrap();
    assert_eq!(count(&view2), (6_000, 3_000, 10));
    assert_eq!(count(&read("pairsDevTest.txt", &lfw).unwrap()), (1_000, 500, 1));
    // This copy of the development training list is short of what its first line says.
    assert!(matches!(
        read("pairsDevTrain.txt", &lfw),
        Err(DataError::PairCount { expected: 2_200, found: 400, .. })
    ));
    // Folds 3, 5 and 8 of View 2 are the test list, so both readers must give the same pairs.
    let name = |source: &Source, index: usize| source.path(index).to_owned();
    let named = |source: &Source, pairs: Vec<&Pair>| -> Vec<(String, String, bool)> {
        let named =
            pairs.iter().map(|pair| (name(source, pair.a), name(source, pair.b), pair.same));
        named.collect()
    };
    let folds = view2.pairs().iter().filter(|pair| [2, 4, 7].contains(&pair.fold));
    let expected = named(&lfw, folds.collect());
    assert_eq!(named(&held_out, test.pairs().iter().collect()), expected);
    // A list that the data does not hold is refused at its first such line.
    assert!(matches!(read("pairs.txt", &held_out), Err(DataError::PairImage { line: 2, .. })));
}
