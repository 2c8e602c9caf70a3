//! `LESSONS.md` names tests that exist.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

/// Names of all functions behind `#[test]` under `folder`.
fn tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            tests(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let behind = text.split("#[test]").skip(1);
            let name = |text: &str| Some(text.split_once("fn ")?.1.split_once('(')?.0.to_owned());
            names.extend(behind.filter_map(name));
        }
    }
}

#[test]
fn every_lesson_names_a_test_that_exists() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    for crate_ in ["models", "edge-infer", "host-train", "tests"] {
        tests(&here.join("..").join(crate_), &mut names);
    }
    let text = std::fs::read_to_string(here.join("LESSONS.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ["));
    let held: Vec<&str> = rows
        .flat_map(|row| row.rsplit('|').nth(1).unwrap().split(','))
        .map(|name| name.trim().trim_matches('`'))
        .collect();
    let missing: Vec<_> = held.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
    assert!(held.len() >= 30 && names.len() > 500, "{} lessons, {} tests", held.len(), names.len());
}
