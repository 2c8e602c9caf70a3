//! The commands around a running door: doctor, demo, completions, the manual page. No networks and no hardware are needed here.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn door(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_door"));
    command.args(["--config", "/dev/null"]).args(arguments).env_remove("DOOR_MODELS");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_demo_opens_for_ada_alone_and_ends_locked() {
    let output = door(&["demo", "--seconds", "18"]);
    let (told, scenes) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{scenes}");
    assert_eq!(told.matches("OPEN").count(), 1, "{told}");
    for state in ["candidate", "granted", "cooldown", "held"] {
        assert!(told.contains(state), "{state}: {told}");
    }
    assert!(scenes.contains("Ada comes, who is enrolled"), "{scenes}");
    assert!(told.lines().last().unwrap().contains("locked"), "{told}");
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    image::RgbImage::new(64, 48).save(at("frame.png")).unwrap();
    let set = [
        "source.kind=folder".to_owned(),
        format!("source.path={}", folder.path().display()),
        format!("log.folder={}", at("log")),
        format!("people.folder={}", at("people")),
        format!("people.key={}", at("key")),
        format!("models.folder={}", folder.path().display()),
    ];
    let with = |command: &[&str], more: &[&str]| {
        let set = set.iter().flat_map(|setting| ["--set", setting.as_str()]);
        let arguments: Vec<&str> =
            command.iter().copied().chain(set).chain(more.iter().copied()).collect();
        door(&arguments)
    };
    assert!(with(&["people", "init"], &[]).status.success());
    let output = with(&["doctor", "--json"], &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["wrong"], 1, "{report}");
    let state = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()["state"].clone()
    };
    assert_eq!((state("camera"), state("networks")), ("ok".into(), "wrong".into()));
    assert_eq!(
        (state("relay"), state("people"), state("log")),
        ("warning".into(), "warning".into(), "ok".into())
    );

    // Whoever asks for a second factor needs something to give it to.
    let asked = ["--set", "second_factor=20000"];
    let told = text(&with(&["doctor"], &asked).stdout);
    assert!(told.contains("nobody gets in") && told.contains("set reader.kind"), "{told}");
    let made = Command::new("mkfifo").arg(at("keys")).status().unwrap();
    assert!(made.success());
    let device = format!("reader.device={}", at("keys"));
    let reader = [&asked[..], &["--set", "reader.kind=pipe", "--set", &device]].concat();
    let told = text(&with(&["doctor"], &reader).stdout);
    assert!(told.contains("0 of 0 people have a PIN or card"), "{told}");
    let idle = text(&with(&["doctor"], &reader[2..]).stdout);
    assert!(idle.contains("no second factor is asked for"), "{idle}");

    // A key that others may read, a camera and a relay that are not there.
    std::fs::set_permissions(at("key"), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .unwrap();
    let elsewhere = [
        "source.kind=v4l2",
        "source.device=/dev/no-video",
        "relay.kind=gpio",
        "relay.chip=/dev/no-chip",
    ];
    let output = with(&["doctor"], &elsewhere.map(|setting| ["--set", setting]).concat());
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for needed in ["chmod 600", "/dev/no-video", "/dev/no-chip", "host-train import", "gpioinfo"] {
        assert!(told.contains(needed), "{needed}: {told}");
    }
    assert!(text(&output.stderr).contains("4 things are wrong"));
}

#[test]
fn a_door_that_cannot_start_says_why_after_it_has_locked() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("edges");
    let output = door(&[
        "run",
        "--set",
        &format!("relay.log={}", log.display()),
        "--set",
        &format!("models.folder={}", folder.path().display()),
    ]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("the lock is engaged") && told.contains("detector.afm"), "{told}");
    let edges = door_linux::lock::read_edges(&log).unwrap();
    assert!(!edges.is_empty() && edges.iter().all(|edge| !edge.unlocked));
}

#[test]
fn shells_and_readers_are_told_of_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&door(&["completions", shell]).stdout);
        for command in ["run", "doctor", "demo", "enroll", "replay"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert!(text(&door(&["man"]).stdout).contains(".TH door 1"));
    let folder = tempfile::tempdir().unwrap();
    assert!(door(&["man", "--out", folder.path().to_str().unwrap()]).status.success());
    assert!(folder.path().join("door-run.1").exists());
}
