//! `host-train device` against the firmware's own answers, over TCP in one process, the device's flash being memory.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use device_protocol::{Key, MAX_WIRE};
use door_firmware::protocol::{Outcome, Parts, Pipeline, Server};
use door_firmware::store::audit::{Audit, Event, Kind, Layout, Moment, Rate};
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::{Gallery, PreprocessingId};
use door_firmware::store::sim::Rp2350;
use host_train::data::synthetic::{Difficulty, DrawnFaces};
use model_format::{ModelFile, ModelId};
use serde_json::Value;
use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use tests::{run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128.afm");
const PREPROCESSING: PreprocessingId = PreprocessingId([2; 16]);

/// A device that runs for as long as the test does: its port, and a folder with the key it has.
struct Device {
    folder: tempfile::TempDir,
    port: u16,
    key: PathBuf,
}

impl Device {
    /// Whose model is this one, and whose self-test ends with this number.
    fn new(model: ModelId, self_test: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("door.key");
        std::fs::write(&key, "07".repeat(32) + "\n").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || serve(&listener, model, self_test));
        Self { folder, port, key }
    }

    /// Runs a command, `{}` in it being these paths.
    fn run(&self, command: &str, paths: &[&Path]) -> std::process::Output {
        let words = format!(
            "device {command} --port tcp:127.0.0.1:{} --key {}",
            self.port,
            self.key.display()
        );
        run(PROGRAM, &words, paths)
    }

    fn json(&self, command: &str, paths: &[&Path]) -> Value {
        serde_json::from_str(&stdout(&self.run(&format!("{command} --json"), paths))).unwrap()
    }

    /// The drawn faces of one person, of the network's size.
    fn faces(&self, person: u64) -> [PathBuf; 2] {
        let drawn = DrawnFaces::new(5, person..person + 1, 2, 112, Difficulty::default()).unwrap();
        [0, 1].map(|index| {
            let path = self.folder.path().join(format!("{person}-{index}.png"));
            let (face, _) = drawn.image(index);
            image::RgbImage::from_raw(112, 112, face.rgb).unwrap().save(&path).unwrap();
            path
        })
    }
}

fn serve(listener: &TcpListener, model: ModelId, self_test: u16) {
    let chip = RefCell::new(Rp2350::new(6));
    let (mut gallery, _) = Gallery::<_, 256>::open(Shared(&chip), 0..8192, PREPROCESSING).unwrap();
    let rate = Rate { burst: 10, each_ms: 1000 };
    let layout = Layout { kept: 8192..16384, routine: 16384..24576, rate };
    let (mut audit, _) = Audit::open(Shared(&chip), layout, Moment::default()).unwrap();
    let _ = audit.append(Event::new(Kind::Started), Moment::default());
    let pipeline = Pipeline { model, preprocessing: PREPROCESSING };
    let mut server = Server::new(Key::new([7; 32]), pipeline);
    let mut nonces = 0_u128;
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut piece = [0; 100];
        while let Ok(len @ 1..) = stream.read(&mut piece) {
            for &byte in &piece[..len] {
                let mut out = [0; MAX_WIRE];
                let mut parts = Parts {
                    gallery: &mut gallery,
                    audit: &mut audit,
                    slots: None,
                    self_test: &mut || self_test,
                    nonce: &mut || {
                        nonces += 1;
                        nonces.to_le_bytes()
                    },
                    now: Moment { utc_ms: 0, mono_ms: 1500 },
                };
                let Outcome { send, .. } = server.receive(byte, &mut parts, &mut out);
                stream.write_all(send).unwrap();
            }
        }
    }
}

fn model() -> ModelId {
    ModelFile::from_bytes(std::fs::read(MODEL).unwrap()).unwrap().view().id()
}

fn error(output: &std::process::Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn people_come_and_go_and_the_log_says_so() {
    let device = Device::new(model(), 0);
    let (ada, eve) = (device.faces(1), device.faces(2));
    let model = Path::new(MODEL);
    let enrolled = device.json("enroll --name Ada --model {} {} {}", &[model, &ada[0], &ada[1]]);
    assert_eq!((enrolled["person"].as_u64(), enrolled["templates"].as_u64()), (Some(1), Some(2)));
    let enrolled = device.json("enroll --name Eve --model {} {}", &[model, &eve[0]]);
    assert_eq!(enrolled["person"], 2);
    device.json("enroll --name Eve --person 2 --model {} {}", &[model, &eve[1]]);

    let listed = device.json("list", &[]);
    let rows = listed.as_array().unwrap();
    let people: Vec<_> = rows
        .iter()
        .map(|row| (row["person"].as_u64().unwrap(), row["name"].as_str().unwrap()))
        .collect();
    assert_eq!(people, [(1, "Ada"), (1, "Ada"), (2, "Eve"), (2, "Eve")]);
    assert!(
        rows.iter().all(|row| row["dormant"] == false
            && row["template"].is_null()
            && row["values"] == 128)
    );

    // What lies on the device is, bit for bit, what `embed` prints.
    let out = device.folder.path().join("people.json");
    stdout(&device.run("export --out {}", &[&out]));
    let exported: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let embedded =
        stdout(&run(PROGRAM, "embed --json --model {} {} {}", &[model, &ada[0], &ada[1]]));
    let embedded: Value = serde_json::from_str(&embedded).unwrap();
    for at in 0..2 {
        assert_eq!(exported[at]["template"], embedded[at]["template"]);
    }

    assert_eq!(stdout(&device.run("remove 1", &[])), "person 1: 2 templates removed\n");
    assert_eq!(device.json("list", &[]).as_array().unwrap().len(), 2);
    let unknown = error(&device.run("remove 1", &[]), 2);
    assert_eq!(unknown, "error: nobody with that number is enrolled\n");

    let log = device.json("log", &[]);
    let kinds: Vec<_> = log["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["started", "enrolled", "enrolled", "enrolled", "enrolled", "exported", "removed"]
    );
    assert_eq!((log["changed"].as_u64(), log["head_seq"].as_u64()), (Some(0), Some(7)));
    assert_eq!(log["head_hash"].as_str().unwrap().len(), 64);
    assert_eq!(stdout(&device.run("selftest", &[])), "the self-test passes\n");
}

#[test]
fn another_key_is_refused_and_that_is_in_the_log() {
    let mut device = Device::new(model(), 0);
    let right = device.key.clone();
    device.key = device.folder.path().join("other.key");
    std::fs::write(&device.key, "08".repeat(32)).unwrap();
    let refused = error(&device.run("list", &[]), 2);
    assert_eq!(refused, "error: the device has another key than the file given with --key\n");
    device.key = right;
    let log = device.json("log --book routine", &[]);
    assert_eq!(log["records"][0]["kind"], "unauthorized");
}

#[test]
fn another_model_stores_nothing() {
    let device = Device::new(ModelId([9; 16]), 0);
    let face = &device.faces(1)[0];
    let refused =
        error(&device.run("enroll --name Ada --model {} {}", &[Path::new(MODEL), face]), 2);
    assert!(refused.contains("the door runs 09090909090909090909090909090909"), "{refused}");
    assert_eq!(stdout(&device.run("list", &[])), "0 templates\n");
}

#[test]
fn a_failing_self_test_is_exit_1_and_a_port_that_is_none_exit_2() {
    let device = Device::new(model(), 3);
    let failed = error(&device.run("selftest", &[]), 1);
    assert_eq!(
        failed,
        "error: the self-test fails: the door is locked and its light blinks 3 times\n"
    );
    let nobody = run(PROGRAM, "device list --port tcp:127.0.0.1:1 --key {}", &[&device.key]);
    assert!(error(&nobody, 2).starts_with("error: tcp:127.0.0.1:1: "), "{nobody:?}");
    let no_key = run(PROGRAM, "device list --port tcp:127.0.0.1:1 --key {}", &[Path::new(MODEL)]);
    assert_eq!(no_key.status.code(), Some(2));
}
