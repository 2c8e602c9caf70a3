//! Who gets in, on photographs of real people, through the program as it is called. Neither photographs nor all networks are part of
//! the repository, so this is ignored unless asked for, and best run optimised:
//!
//! ```text
//! DOOR_MODELS=DIR cargo test --release -p door-linux --test replay_faces -- --ignored --nocapture
//! ```
//!
//! DIR holds detector.afm, embedding.afm, liveness-2.7.afm and liveness-4.0.afm.
#![allow(clippy::unwrap_used)]

mod scenario;

use scenario::{ENROLLED, STRANGERS, Scenario, VISITS};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const FACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/faces");

fn replay(scenario: Scenario, arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    scenario::build(scenario, Path::new(FACES), folder.path()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_door"))
        .arg("replay")
        .arg(folder.path().join("visits.csv"))
        .arg("--root")
        .arg(folder.path())
        .arg("--people")
        .arg(folder.path().join("people"))
        .arg("--json")
        .args(arguments)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let report = String::from_utf8(output.stdout).unwrap();
    println!("{scenario:?} {report}");
    serde_json::from_str(&report).unwrap()
}

fn count(report: &Value, key: &str) -> usize {
    usize::try_from(report[key].as_u64().unwrap()).unwrap()
}

#[test]
#[ignore = "needs ../shared/faces and DOOR_MODELS"]
fn strangers_stay_out_and_those_enrolled_get_in() {
    let report = replay(Scenario::Crops, &["--set", "liveness=off"]);
    assert_eq!(count(&report, "genuine"), ENROLLED * VISITS);
    assert_eq!(count(&report, "strangers"), STRANGERS);
    assert_eq!(count(&report, "strangers_granted"), 0);
    assert_eq!(count(&report, "genuine_as_other"), 0);
    let granted = count(&report, "genuine_granted");
    assert!(granted * 100 >= ENROLLED * VISITS * 95, "{granted}");
    assert!(count(&report, "longest_open_ms") <= 3_000);
    assert!(report["fpir_bound"].as_f64().unwrap() <= 1e-3);
}

#[test]
#[ignore = "needs ../shared/faces and DOOR_MODELS"]
fn whole_photographs_let_no_stranger_in() {
    let report = replay(Scenario::Whole, &["--set", "liveness=off"]);
    assert_eq!(count(&report, "strangers"), STRANGERS);
    assert_eq!(count(&report, "strangers_granted"), 0);
    assert_eq!(count(&report, "genuine_as_other"), 0);
}

/// howdy 822, InspireFace 349: prints of those enrolled.
#[test]
#[ignore = "needs ../shared/faces and DOOR_MODELS"]
fn howdy_822_prints_stay_out() {
    let report = replay(Scenario::Prints, &[]);
    assert_eq!((count(&report, "prints"), count(&report, "prints_granted")), (11, 0));
    // Without the gate they are those people, so it is the gate that keeps them out.
    let open = replay(Scenario::Prints, &["--set", "liveness=off"]);
    assert!(count(&open, "prints_granted") >= 5, "{open}");
}
