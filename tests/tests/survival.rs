//! Training that is stopped, watched, averaged, and begun from another run.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use std::path::{Path, PathBuf};
use tests::{SMALL, faces, run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");

/// Six drawn people, and places for two runs.
struct Place {
    folder: tempfile::TempDir,
    faces: PathBuf,
    first: PathBuf,
    second: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    Place { faces: faces(folder.path(), 6, 4), first: at("first"), second: at("second"), folder }
}

fn words(extra: &str) -> String {
    format!("train --data {{}} --out {{}} {} {extra}", SMALL.join(" "))
}

fn bytes(run: &Path) -> Vec<u8> {
    std::fs::read(run.join("checkpoint.safetensors")).unwrap()
}

fn steps(run: &Path) -> usize {
    std::fs::read_to_string(run.join("log.jsonl")).map_or(0, |log| log.lines().count())
}

/// Whatever the step at which the signal arrives, the resumed run ends with the unbroken one's bits.
#[cfg(unix)]
#[test]
fn interrupted_run_is_saved_and_goes_on_to_the_same_bits() {
    use std::process::{Command, Stdio};
    let p = place();
    let settings = "--steps 60 --average 0.9 --accumulate 2 --augment standard,mix=0.5";
    stdout(&run(PROGRAM, &words(settings), &[&p.faces, &p.first]));
    for signal in ["-INT", "-TERM"] {
        let text = words(settings);
        let mut paths = [&p.faces, &p.second].into_iter();
        let arguments = text.split_whitespace().map(|word| {
            if word == "{}" { paths.next().unwrap().as_os_str().to_owned() } else { word.into() }
        });
        let child = Command::new(PROGRAM).args(arguments).stderr(Stdio::piped()).spawn().unwrap();
        while steps(&p.second) < 5 {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("train --resume --out"), "{told}");
        assert!((5..60).contains(&steps(&p.second)), "{} steps", steps(&p.second));
        stdout(&run(PROGRAM, "train --resume --out {}", &[&p.second]));
        assert!(bytes(&p.second) == bytes(&p.first), "{signal}: other weights");
        std::fs::remove_dir_all(&p.second).unwrap();
    }
}

#[test]
fn best_network_is_kept_apart_and_numbers_go_to_tensorboard() {
    let p = place();
    let pairs = p.folder.path().join("pairs.csv");
    let mut text = "fold,a,b,same\n".to_owned();
    for person in 0..6 {
        let (fold, other) = (person / 2, (person + 3) % 6);
        text += &format!("{fold},p{person:02}/s0.png,p{person:02}/s1.png,1\n");
        text += &format!("{fold},p{person:02}/s0.png,p{other:02}/s1.png,0\n");
    }
    std::fs::write(&pairs, text).unwrap();
    let watched = "--steps 12 --verify-data {} --verify-pairs {} --verify-every 5";
    stdout(&run(PROGRAM, &words(watched), &[&p.faces, &p.first, &p.faces, &pairs]));
    let seen = std::fs::read_to_string(p.first.join("verification.jsonl")).unwrap();
    let seen: Vec<serde_json::Value> =
        seen.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at: Vec<u64> = seen.iter().map(|v| v["step"].as_u64().unwrap()).collect();
    assert_eq!(at, [5, 10, 12]);
    let accuracy = |v: &serde_json::Value| v["accuracy"].as_f64().unwrap();
    let best = seen.iter().map(accuracy).fold(0.0, f64::max);
    let first_best = seen.iter().find(|v| accuracy(v) == best).unwrap()["step"].as_u64().unwrap();
    let kept = host_train::train::Checkpoint::load(&p.first.join("best.safetensors")).unwrap();
    assert_eq!(kept.step, first_best);
    // What is reported while training is what `eval` says of the finished run.
    let last =
        run(PROGRAM, "eval --model {} --data {} --pairs {} --json", &[&p.first, &p.faces, &pairs]);
    let last: serde_json::Value = serde_json::from_str(&stdout(&last)).unwrap();
    assert_eq!(accuracy(&last), accuracy(&seen[2]));
    let events = std::fs::read_dir(&p.first).unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        name.starts_with("events.out.tfevents.").then(|| entry.metadata().unwrap().len())
    });
    assert!(events.sum::<u64>() > 12 * 100);
}

#[test]
fn another_runs_network_is_where_a_run_can_begin() {
    let p = place();
    stdout(&run(PROGRAM, &words("--steps 6"), &[&p.faces, &p.first]));
    let still = words("--steps 1 --learning-rate 0.000001 --seed 9 --init {}");
    stdout(&run(PROGRAM, &still, &[&p.faces, &p.second, &p.first]));
    let load = |run: &Path| {
        host_train::train::Checkpoint::load(&run.join("checkpoint.safetensors")).unwrap()
    };
    let (from, to) = (load(&p.first).parameters, load(&p.second).parameters);
    let distance = |name: &str| {
        let (a, b) = (&from[name].numbers, &to[name].numbers);
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(distance("network.stem.weight") < 1e-6);
    assert!(distance("head.weight") > 0.1, "the class centres were not begun anew");
}

#[test]
fn rejects_the_network_of_another_kind_before_anything_is_written() {
    let p = place();
    stdout(&run(PROGRAM, &words("--steps 1"), &[&p.faces, &p.first]));
    let wider = words("--steps 1 --init {}").replace("--base-channels 16", "--base-channels 32");
    let output = run(PROGRAM, &wider, &[&p.faces, &p.second, &p.first]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("network."), "{output:?}");
    assert!(!p.second.exists());
}
