//! `data`: the commands on drawn faces, and that other commands take what they write.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use tests::{SMALL, faces, run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");

fn json(words: &str, paths: &[&Path]) -> Value {
    serde_json::from_str(&stdout(&run(PROGRAM, words, paths))).unwrap()
}

/// The exit code and standard error of a run that must not succeed.
fn refused(words: &str, paths: &[&Path]) -> (Option<i32>, String) {
    let output = run(PROGRAM, words, paths);
    assert!(!output.status.success(), "{words}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn one_set_in_every_format_is_inspected_and_trained_on_alike() {
    let root = tempfile::tempdir().unwrap();
    let folder = faces(root.path(), 4, 3);
    let mut losses = Vec::new();
    for (name, format) in [("a.tar", ""), ("rec", "--format rec"), ("a.parquet", "")] {
        let made = root.path().join(name);
        stdout(&run(PROGRAM, &format!("data convert {{}} --to {{}} {format}"), &[&folder, &made]));
        let found = json("data inspect {} --json", &[&made]);
        assert_eq!((&found["images"], &found["identities"]), (&12.into(), &4.into()));
        assert_eq!(found["per_identity"]["median"], 3);
        assert_eq!(found["sizes"]["32x32"], 12);
        let run_folder = root.path().join(format!("run-{}", losses.len()));
        let words = format!("train --data {{}} --out {{}} --steps 3 {}", SMALL.join(" "));
        stdout(&run(PROGRAM, &words, &[&made, &run_folder]));
        let log = fs::read_to_string(run_folder.join("log.jsonl")).unwrap();
        let loss = |line: &str| serde_json::from_str::<Value>(line).unwrap()["loss"].clone();
        losses.push(log.lines().map(loss).collect::<Vec<_>>());
    }
    assert_eq!(losses[0].len(), 3);
    assert!(losses[0] == losses[1] && losses[1] == losses[2], "{losses:?}");
    let rec = stdout(&run(PROGRAM, "data inspect {}", &[&root.path().join("rec")]));
    assert!(rec.contains("17 rows = 12 images + 4 identity rows + 1 header"), "{rec}");
}

#[test]
fn verification_sets_are_made_and_evaluated() {
    let root = tempfile::tempdir().unwrap();
    let folder = faces(root.path(), 4, 3);
    let model = root.path().join("run");
    let words = format!("train --data {{}} --out {{}} --steps 3 {}", SMALL.join(" "));
    stdout(&run(PROGRAM, &words, &[&folder, &model]));
    let mut text = "fold,a,b,same\n".to_owned();
    for person in 0..4 {
        let other = (person + 1) % 4;
        text += &format!("{person},p0{person}/s0.png,p0{person}/s1.png,1\n");
        text += &format!("{person},p0{person}/s0.png,p0{other}/s2.png,0\n");
    }
    let (pairs, bin) = (root.path().join("pairs.csv"), root.path().join("pairs.bin"));
    fs::write(&pairs, text).unwrap();
    stdout(&run(PROGRAM, "data convert {} --pairs {} --to {}", &[&folder, &pairs, &bin]));
    let list = json("eval --model {} --data {} --pairs {} --json", &[&model, &folder, &pairs]);
    let packed = json("eval --model {} --pairs {} --json", &[&model, &bin]);
    for key in ["pairs", "auc", "eer", "tar"] {
        assert_eq!(list[key], packed[key], "{key}");
    }
    assert_eq!(packed["pairs"], 8);
    let (code, text) = refused("eval --model {} --pairs {}", &[&model, &pairs]);
    assert!(code == Some(2) && text.contains("--data"), "{text}");
    fs::write(&bin, b"\x80\x03cposix\nsystem\n").unwrap();
    let (code, text) = refused("eval --model {} --pairs {}", &[&model, &bin]);
    assert!(code == Some(2) && text.contains("GLOBAL (posix.system)"), "{text}");
}

#[test]
fn cleaning_lists_and_deletes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = faces(root.path(), 4, 4);
    fs::copy(folder.join("p00/s0.png"), folder.join("p00/s9.png")).unwrap();
    fs::write(folder.join("p03/s9.png"), b"no image").unwrap();
    let count = || fs::read_dir(&folder).unwrap().count();
    let before = count();
    let model = root.path().join("run");
    let sound = root.path().join("sound.csv");
    let rows = (0..16).map(|i| format!("faces,p0{}/s{}.png,{}\n", i / 4, i % 4, i / 4));
    fs::write(&sound, format!("tar,path,label\n{}", rows.collect::<String>())).unwrap();
    let words =
        format!("train --data {{}} --manifest {{}} --out {{}} --steps 3 {}", SMALL.join(" "));
    stdout(&run(PROGRAM, &words, &[&folder, &sound, &model]));
    let out = root.path().join("clean");
    // 180 degrees: an untrained network says nothing about persons, but copies are copies.
    let words = "data clean --model {} --data {} --out {} --angle 180 --json";
    let summary = json(words, &[&model, &folder, &out]);
    assert_eq!((&summary["images"], &summary["kept"]), (&18.into(), &16.into()));
    assert_eq!(
        (&summary["removed"]["near-duplicate"], &summary["removed"]["undecodable"]),
        (&1.into(), &1.into())
    );
    let removed = fs::read_to_string(out.join("removed.csv")).unwrap();
    assert!(
        removed.contains("faces,p00/s9.png,0,p00,near-duplicate,1.0000,p00/s0.png,"),
        "{removed}"
    );
    assert!(fs::read_to_string(out.join("sheet.html")).unwrap().contains("data:image/png;base64,"));
    assert_eq!(count(), before);
    // The manifest is one that training and converting take.
    let made = root.path().join("clean.tar");
    let words = "data convert {} --manifest {} --to {}";
    let text = stdout(&run(PROGRAM, words, &[&folder, &out.join("manifest.csv"), &made]));
    assert!(text.contains("16 images of 4 persons"), "{text}");
    let (code, text) =
        refused("data clean --model {} --data {} --out {}", &[&model, &folder, &out]);
    assert!(code == Some(2) && text.contains("exists already"), "{text}");
    let (code, _) = refused("data inspect {}", &[&folder]);
    assert_eq!(code, Some(1));
}

#[test]
fn overlap_is_told_by_exit_code() {
    let root = tempfile::tempdir().unwrap();
    let folder = faces(root.path(), 4, 2);
    let (train, test) = (root.path().join("train"), root.path().join("test"));
    for (to, person, name) in [
        (&train, "p00", "Ann_A"),
        (&train, "p01", "Bo"),
        (&test, "p02", "Cy"),
        (&test, "p03", "Dee"),
    ] {
        fs::create_dir_all(to.join(name)).unwrap();
        for shot in ["s0.png", "s1.png"] {
            fs::copy(folder.join(person).join(shot), to.join(name).join(shot)).unwrap();
        }
    }
    let words = "data overlap --train {} --test {} --json";
    let none = json(words, &[&train, &test]);
    assert_eq!((&none["names"], &none["files"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    fs::rename(test.join("Cy"), test.join("ann a")).unwrap();
    fs::copy(train.join("Bo/s1.png"), test.join("Dee/s1.png")).unwrap();
    let output = run(PROGRAM, words, &[&train, &test]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["names"][0]["train"], "Ann_A");
    assert_eq!(found["files"][0]["test"], "Dee/s1.png");
    assert_eq!(found["files"][0]["train"], "Bo/s1.png");
}
