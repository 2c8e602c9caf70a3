//! A device with the firmware's own answers: the line is memory that loses and repeats bytes, the flash loses power.
#![allow(clippy::unwrap_used)]

mod line;
mod update;

use super::*;
use device_protocol::{Key, MAX_WIRE, ModelReport, Why};
use door_firmware::protocol::{Parts, Pipeline, Server, Slots};
use door_firmware::ram_gallery::RamGallery;
use door_firmware::store::audit::{Audit, Layout as Rings, Moment, Rate};
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::PreprocessingId;
use door_firmware::store::model::{Boot, Layout, Manifest, Models, SignedManifest};
use door_firmware::store::sim::{Cut, Rp2350};
use model_format::ModelId;
use model_format::writer::SigningKey;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::time::Duration;

const LAYOUT: Layout = Layout { a: 0..8192, b: 8192..16384, state: 16384..24576 };
const SECTORS: u32 = 10;
const KEY: [u8; 32] = [7; 32];

fn owner() -> SigningKey {
    SigningKey::from_seed(&[5; 32])
}

/// Stands for a model: two sectors, no multiple of a piece.
fn package_by(owner: &SigningKey, counter: u32) -> Package {
    let file: Vec<u8> = (0..5000 + counter).map(|at| (at * 7 + counter * 31) as u8).collect();
    let (length, sha256) = (file.len() as u32, Sha256::digest(&file).into());
    let model = ModelId([counter as u8; 16]);
    let manifest = Manifest { counter, length, sha256, model, answer: 0 };
    let signature = owner.sign_message(&manifest.message());
    Package { file, signed: SignedManifest { manifest, signature } }
}

fn package(counter: u32) -> Package {
    package_by(&owner(), counter)
}

type Flash<'a> = Shared<'a, Rp2350>;

/// A device since its last start.
struct Running<'a> {
    server: Server,
    audit: Audit<Flash<'a>>,
    models: Models<Flash<'a>>,
    boot: Boot,
}

impl<'a> Running<'a> {
    fn start(chip: &'a RefCell<Rp2350>, healthy: bool) -> Option<Self> {
        let rate = Rate { burst: 10, each_ms: 1000 };
        let rings = Rings { kept: 24576..32768, routine: 32768..40960, rate };
        let (audit, _) = Audit::open(Shared(chip), rings, Moment::default()).ok()?;
        let mut models = Models::open(Shared(chip), LAYOUT, owner().public()).ok()?;
        let boot = models.boot().ok()?;
        let model = boot.manifest.model;
        if boot.why == Why::Trial {
            healthy.then(|| models.confirm().ok())??;
        }
        let pipeline = Pipeline { model, preprocessing: PreprocessingId([2; 16]) };
        Some(Self { server: Server::new(Key::new(KEY), pipeline), audit, models, boot })
    }
}

/// What happens to the line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing.
    None,
    /// After so many bytes, in either direction, it is lost; the next one is good.
    LostAfter(usize),
    /// The frame of this number, counted over all lines, arrives twice.
    Twice(usize),
    /// This one arrives behind the next.
    Later(usize),
    /// A bit of this one is flipped.
    Flipped(usize),
}

/// A device at the end of a line.
struct Desk<'a> {
    chip: &'a RefCell<Rp2350>,
    running: Option<Running<'a>>,
    nonces: u32,
    healthy: bool,
    fault: Fault,
    frames: usize,
    held: Vec<u8>,
}

impl<'a> Desk<'a> {
    fn new(chip: &'a RefCell<Rp2350>) -> Self {
        Self {
            chip,
            running: None,
            nonces: 0,
            healthy: true,
            fault: Fault::None,
            frames: 0,
            held: Vec::new(),
        }
    }

    /// Power on. A trial is confirmed if the self-test passes; the device that fails one does not listen.
    fn start(&mut self) {
        self.running = Running::start(self.chip, self.healthy);
    }

    /// What comes back for the bytes.
    fn takes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        for &byte in bytes {
            let Some(Running { server, audit, models, boot }) = &mut self.running else { break };
            let mut parts = Parts {
                gallery: &mut RamGallery::<1, 1>::new(boot.manifest.model),
                audit,
                slots: Some(Slots { models, boot }),
                self_test: &mut || 0,
                nonce: &mut || {
                    self.nonces += 1;
                    [self.nonces.to_le_bytes(); 4].concat().try_into().unwrap()
                },
                now: Moment::default(),
            };
            let mut out = [0; MAX_WIRE];
            let outcome = server.receive(byte, &mut parts, &mut out);
            if self.chip.borrow().is_off() {
                self.running = None;
                return Vec::new();
            }
            sent.extend_from_slice(outcome.send);
            if outcome.restart {
                self.start();
            }
        }
        sent
    }
}

/// A line to it. What is written at once is a frame.
struct Wire<'d, 'a> {
    desk: &'d RefCell<Desk<'a>>,
    came: Vec<u8>,
    left: usize,
}

impl Write for Wire<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let desk = &mut *self.desk.borrow_mut();
        let mut frame = bytes[..bytes.len().min(self.left)].to_vec();
        self.left -= frame.len();
        let number = desk.frames;
        desk.frames += 1;
        match desk.fault {
            Fault::Twice(at) if at == number => frame.extend(frame.clone()),
            Fault::Later(at) if at == number => desk.held = core::mem::take(&mut frame),
            Fault::Flipped(at) if at == number => frame[bytes.len() / 2] ^= 4,
            _ => frame.append(&mut desk.held),
        }
        let mut answer = desk.takes(&frame);
        answer.truncate(self.left);
        self.left -= answer.len();
        self.came.append(&mut answer);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Wire<'_, '_> {
    /// Nothing at once stands for nothing in time.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = into.len().min(self.came.len());
        into[..len].copy_from_slice(&self.came[..len]);
        self.came.drain(..len);
        Ok(len)
    }
}

/// Does something with the desk's device, each line a new one, power given again where it failed.
fn with<T>(desk: &RefCell<Desk<'_>>, act: impl FnOnce(&mut Dial<'_, Wire<'_, '_>>) -> T) -> T {
    let mut open = || {
        let device = &mut *desk.borrow_mut();
        if device.chip.borrow().is_off() {
            // That takes back a cut which did not happen yet.
            device.chip.borrow_mut().power_on();
        }
        if device.running.is_none() {
            device.start();
        }
        let left = match device.fault {
            Fault::LostAfter(bytes) => bytes,
            _ => usize::MAX,
        };
        if device.fault == Fault::LostAfter(left) {
            device.fault = Fault::None;
        }
        Ok(Wire { desk, came: Vec::new(), left })
    };
    let patience = Patience { tries: 3, pause: Duration::ZERO, restart: 3 };
    act(&mut Dial { key: Key::new(KEY), open: &mut open, patience })
}

/// The whole of it.
fn update(desk: &RefCell<Desk<'_>>, package: &Package) -> Result<ModelReport, UpdateError> {
    with(desk, |dial| {
        dial.push(package, &mut |_| {})?;
        dial.try_out(package)
    })
}

fn reported(desk: &RefCell<Desk<'_>>) -> (u32, Why) {
    let report = with(desk, |dial| report(&mut dial.connect().unwrap()).unwrap());
    (report.runs.counter, report.why)
}

/// A chip on which model 3 runs.
fn chip() -> Rp2350 {
    let chip = RefCell::new(Rp2350::new(SECTORS));
    let mut models = Models::open(Shared(&chip), LAYOUT, owner().public()).unwrap();
    let Package { file, signed } = package(3);
    let mut install = models.install(signed).unwrap();
    install.write(&file).unwrap();
    install.finish().unwrap();
    models.boot().unwrap();
    models.confirm().unwrap();
    chip.into_inner()
}

/// The counter of what a reset starts, whose file is whole.
fn boots(chip: &Rp2350) -> u32 {
    let chip = RefCell::new(chip.clone());
    let boot = Models::open(Shared(&chip), LAYOUT, owner().public()).unwrap().boot().unwrap();
    let file = boot.file.start as usize..boot.file.end as usize;
    assert_eq!(chip.borrow().bytes()[file], package(boot.manifest.counter).file);
    boot.manifest.counter
}
