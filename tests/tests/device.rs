//! `host-train device` against the firmware's own answers, over TCP in one process, the device's flash being memory.
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use device_protocol::{Key, MAX_WIRE};
use door_firmware::eyes::Memory;
use door_firmware::protocol::{Outcome, Parts, Pipeline, Server, Slots};
use door_firmware::self_test::KnownAnswer;
use door_firmware::store::audit::{Audit, Event, Kind, Layout, Moment, Rate};
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::{Gallery, PreprocessingId};
use door_firmware::store::model::{self, Boot, Models, Why};
use door_firmware::store::sim::Rp2350;
use host_train::data::synthetic::{Difficulty, DrawnFaces};
use host_train::door::Package;
use host_train::key_file;
use model_format::{ModelFile, ModelId, PublicKey};
use serde_json::Value;
use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use tests::{run, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-train-under-test");
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128.afm");
const OTHER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128-ms1m.afm");
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
        Self::serving(move |listener, _| serve(listener, model, self_test))
    }

    /// Whose models are in slots, the first of them [`MODEL`], and in whose memory of networks is nothing wrong.
    fn with_slots(healthy: bool) -> Self {
        Self::serving(move |listener, folder| serve_slots(listener, folder, healthy))
    }

    fn serving(serve: impl FnOnce(&TcpListener, &Path) + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("door.key");
        std::fs::write(&key, "07".repeat(32) + "\n").unwrap();
        key_file::generate(&folder.path().join("owner")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = folder.path().to_owned();
        thread::spawn(move || serve(&listener, &place));
        Self { folder, port, key }
    }

    fn owner(&self) -> PathBuf {
        self.folder.path().join("owner")
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

type Flash<'a> = Shared<'a, Rp2350>;

/// A slot for either model.
const SLOT: u32 = 272 * 4096;
const SLOTS: model::Layout =
    model::Layout { a: 0..SLOT, b: SLOT..2 * SLOT, state: 2 * SLOT..2 * SLOT + 8192 };

/// The same device with slots: it tests a model on trial on the drawn face, and starts again if that fails.
fn serve_slots(listener: &TcpListener, folder: &Path, healthy: bool) {
    let owner = key_file::read_private(&folder.join("owner")).unwrap();
    let chip = RefCell::new(Rp2350::new(SLOTS.state.end / 4096 + 6));
    {
        let first = ModelFile::from_bytes(std::fs::read(MODEL).unwrap()).unwrap();
        let Package { file, signed, .. } = Package::new(&first.view(), &owner, 1).unwrap();
        let mut models = Models::open(Shared(&chip), SLOTS, owner.public()).unwrap();
        let mut install = models.install(signed).unwrap();
        install.write(&file).unwrap();
        install.finish().unwrap();
    }
    let mut nonces = 0_u128;
    loop {
        let (mut models, boot) = start(&chip, owner.public(), healthy);
        let at = SLOTS.state.end;
        let (mut gallery, _) =
            Gallery::<_, 256>::open(Shared(&chip), at..at + 8192, PREPROCESSING).unwrap();
        let rate = Rate { burst: 10, each_ms: 1000 };
        let rings = Layout { kept: at + 8192..at + 16384, routine: at + 16384..at + 24576, rate };
        let (mut audit, _) = Audit::open(Shared(&chip), rings, Moment::default()).unwrap();
        let pipeline = Pipeline { model: boot.manifest.model, preprocessing: PREPROCESSING };
        let mut server = Server::new(Key::new([7; 32]), pipeline);
        'boot: for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut piece = [0; 1000];
            while let Ok(len @ 1..) = stream.read(&mut piece) {
                for &byte in &piece[..len] {
                    let mut parts = Parts {
                        gallery: &mut gallery,
                        audit: &mut audit,
                        slots: Some(Slots { models: &mut models, boot: &boot }),
                        self_test: &mut || 0,
                        nonce: &mut || {
                            nonces += 1;
                            nonces.to_le_bytes()
                        },
                        now: Moment { utc_ms: 0, mono_ms: 1500 },
                    };
                    let mut out = [0; MAX_WIRE];
                    let Outcome { send, restart, .. } = server.receive(byte, &mut parts, &mut out);
                    stream.write_all(send).unwrap();
                    if restart {
                        break 'boot;
                    }
                }
            }
        }
    }
}

fn start(chip: &RefCell<Rp2350>, owner: PublicKey, healthy: bool) -> (Models<Flash<'_>>, Boot) {
    let mut models = Models::open(Shared(chip), SLOTS, owner).unwrap();
    let boot = models.boot().unwrap();
    if boot.why != Why::Trial {
        return (models, boot);
    }
    let stored = chip.borrow().bytes()[boot.file.start as usize..boot.file.end as usize].to_vec();
    let file = ModelFile::from_bytes(stored).unwrap();
    file.view().verify(&owner).unwrap();
    let len = usize::from(file.view().metadata().embedding_len);
    let answer = KnownAnswer::of(
        file.view(),
        &mut Memory {
            arena: &mut vec![0; file.view().arena_bytes()],
            crop: &mut vec![0; file.view().input().shape.elements()],
            embedding: &mut vec![0.0; len],
            template: &mut vec![0; len],
            previous: &mut vec![0; len],
        },
    );
    assert_eq!(answer.unwrap(), boot.manifest.known_answer());
    // The first model is as it left the factory.
    if boot.manifest.counter > 1 && !healthy {
        return start(chip, owner, healthy);
    }
    models.confirm().unwrap();
    (models, boot)
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

fn id(path: &str) -> String {
    ModelFile::from_bytes(std::fs::read(path).unwrap()).unwrap().view().id().to_string()
}

#[test]
fn a_model_is_updated_and_older_ones_and_strangers_are_refused() {
    let device = Device::with_slots(true);
    let (owner, other) = (device.owner(), Path::new(OTHER));
    let first = format!("model {}, update 1, confirmed\n", id(MODEL));
    assert_eq!(stdout(&device.run("list", &[])), format!("{first}0 templates\n"));
    let updated = device.json("update --owner {} {}", &[&owner, other]);
    let expected = serde_json::json!({
        "counter": 2, "model_id": id(OTHER), "state": "confirmed", "counter_before": 1, "model_id_before": id(MODEL),
    });
    assert_eq!(updated, expected);
    let second = format!("model {}, update 2, confirmed\n", id(OTHER));
    assert_eq!(stdout(&device.run("selftest", &[])), format!("{second}the self-test passes\n"));
    let log = device.json("log", &[]);
    assert_eq!(log["records"][0]["kind"], "installed");

    let older = device.run("update --counter 1 --owner {} {}", &[&owner, Path::new(MODEL)]);
    let older = error(&older, 2);
    assert!(older.contains("update 1 is not newer than 2, which was confirmed"), "{older}");
    let stranger = device.folder.path().join("stranger");
    key_file::generate(&stranger).unwrap();
    let theirs = error(&device.run("update --owner {} {}", &[&stranger, Path::new(MODEL)]), 2);
    assert!(
        theirs.contains("the manifest of update 3 is not signed by this door's key"),
        "{theirs}"
    );

    // Left to the next start.
    let later = device.run("update --no-restart --owner {} {}", &[&owner, Path::new(MODEL)]);
    assert!(stdout(&later).starts_with("update 3 is there and runs when the door starts again\n"));
    let waits = format!("{second}update 3 to model {} waits for the next start\n", id(MODEL));
    assert!(stdout(&device.run("selftest", &[])).starts_with(&waits));
}

#[test]
fn a_model_that_fails_its_trial_is_exit_1_and_the_one_before_runs() {
    let device = Device::with_slots(false);
    let back = error(&device.run("update --owner {} {}", &[&device.owner(), Path::new(OTHER)]), 1);
    let text = format!(
        "the door went back to model {}, update 1, again, since the one after it failed its trial",
        id(MODEL)
    );
    assert!(back.contains(&text), "{back}");
}

#[test]
fn rejects_updates_of_firmware_with_its_model_in_it() {
    let device = Device::new(model(), 0);
    let refused =
        error(&device.run("update --owner {} {}", &[&device.owner(), Path::new(OTHER)]), 2);
    assert!(refused.contains("host-train flash --board"), "{refused}");
}
