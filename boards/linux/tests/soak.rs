//! `door run` for as long as it is let, on real frames through a camera's program, with lock, log and pages: its memory does not grow.
//!
//! ```text
//! DOOR_MODELS=DIR DOOR_SOAK_SECONDS=3600 cargo test --release -p door-linux --test soak -- --ignored --nocapture
//! ```
//!
//! DIR is that of `replay_faces`. The photographs are no part of the repository, so this is ignored unless asked for. What a loop does
//! without networks for a few seconds is measured with every run of the tests (`exits`, InsightFace 2098).
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

use door_linux::lock::read_edges;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/faces");
/// Until everything was used once: networks, templates, log, pages.
const WARM: Duration = Duration::from_secs(60);
/// What it may grow by after that.
const GROWTH_KIB: u64 = 1_024;
const MOST_KIB: u64 = 64 << 10;
const FPS: u32 = 15;

struct Door(Child);

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Door {
    fn kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches([':', '\t', ' ', 'k', 'B']).parse().unwrap()
    }
}

/// The sample's frames by kind and person, as `live/0001/FILE.jpg`.
fn frames(root: &Path) -> Vec<PathBuf> {
    let sample = File::open(Path::new(FACES).join("nuaa-live-print-sample.tar")).unwrap();
    tar::Archive::new(sample).unpack(root).unwrap();
    let mut found = Vec::new();
    let mut folders = vec![root.join("nuaa")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// What a camera's program writes: frames, each another file by a comment of its own, at the camera's pace, until nobody reads them.
fn film(pipe: &Path, frames: &[PathBuf]) {
    let mut pipe = File::options().write(true).open(pipe).unwrap();
    let (start, mut count) = (Instant::now(), 0_u32);
    for path in frames.iter().cycle() {
        let jpeg = fs::read(path).unwrap();
        let comment = [&[0xff, 0xd8, 0xff, 0xfe, 0, 6][..], &count.to_be_bytes()].concat();
        if pipe.write_all(&comment).and_then(|()| pipe.write_all(&jpeg[2..])).is_err() {
            return;
        }
        count += 1;
        let next = Duration::from_secs(count.into()) / FPS;
        std::thread::sleep(next.saturating_sub(start.elapsed()));
    }
}

#[test]
#[ignore = "needs ../shared/faces and DOOR_MODELS, and takes DOOR_SOAK_SECONDS"]
fn insightface_2098_memory_of_a_running_door_stays_flat() {
    let seconds = std::env::var("DOOR_SOAK_SECONDS").map_or(120, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let frames = frames(folder.path());
    let pipe = folder.path().join("camera");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let config = format!(
        "pulse_ms = 500\ncooldown_ms = 200\n[people]\nfolder = {:?}\nkey = {:?}\n[log]\nfolder = {:?}\n\
         [source]\nkind = \"command\"\ncommand = [\"cat\", {:?}]\nformat = \"mjpeg\"\n[relay]\nlog = {:?}\n\
         [web]\nlisten = \"127.0.0.1:0\"\npasswords = {:?}\nkeep_faces_minutes = 5\n",
        at("people"),
        at("key"),
        at("log"),
        at("camera"),
        at("edges"),
        at("passwords"),
    );
    fs::write(at("door.toml"), config).unwrap();
    let door = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_door"));
        command.args(["--config", &at("door.toml")]).args(arguments);
        command
    };
    assert!(door(&["people", "init"]).status().unwrap().success());
    let mut enrolled = 0;
    for person in fs::read_dir(folder.path().join("nuaa/live")).unwrap() {
        let person = person.unwrap().path();
        let own = frames.iter().filter(|path| path.starts_with(&person)).take(4);
        let name = person.file_name().unwrap().to_str().unwrap();
        let mut enrol = door(&["enroll", "--name", name]);
        enrolled += u32::from(enrol.args(own).output().unwrap().status.success());
    }
    assert!(enrolled >= 8, "{enrolled}");
    let mut password = door(&["web", "password"]).stdin(Stdio::piped()).spawn().unwrap();
    password.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    assert!(password.wait().unwrap().success());

    let told = File::create(at("told")).unwrap();
    let door = Door(door(&["run"]).stderr(told).spawn().unwrap());
    std::thread::spawn(move || film(&pipe, &frames));
    std::thread::sleep(WARM);
    let told = fs::read_to_string(at("told")).unwrap();
    let address = told.lines().find_map(|line| line.strip_prefix("pages at ")).unwrap().to_owned();
    let (start, mut first, mut last) = (Instant::now(), None, 0);
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut page = TcpStream::connect(&address).unwrap();
        page.write_all(b"GET /login HTTP/1.1\r\nHost: door\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        page.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        last = door.kib("VmRSS");
        first.get_or_insert(last);
        std::thread::sleep(Duration::from_secs(5));
    }
    let (first, most) = (first.unwrap(), door.kib("VmHWM"));
    let opened = read_edges(Path::new(&at("edges"))).unwrap();
    let opened = opened.iter().filter(|edge| edge.unlocked).count();
    println!(
        "RSS {first} KiB after a minute, {last} KiB after {seconds} s more, {most} KiB at most; opened {opened} times"
    );
    assert!(opened >= 1, "nobody got in, so nothing was measured");
    assert!(last <= first + GROWTH_KIB, "{first} KiB, then {last} KiB");
    assert!(most < MOST_KIB, "{most} KiB");
}
