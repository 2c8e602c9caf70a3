//! The door that is ended: all of `door run` but for camera and networks, which are scripts here.

use core::time::Duration;
use door_linux::audit::{Audit, BootId, Limits};
use door_linux::camera::{Camera, CameraError, Captured, Layout, capture};
use door_linux::disk::{Disk, Folder};
use door_linux::hub;
use door_linux::lock::RelayConfig;
use door_linux::run::{self, Desk, Live, Notify, Recorder, Station, clock};
use door_linux::vision::Seen;
use door_linux::watch::{Shot, Sight, Watch, WatchError};
use edge_infer::door::{
    Admission, Calibration, Face, Fault, LockoutPolicy, Matched, Observation, Policy,
};
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::matching::Best;
use model_format::Threshold;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The look at which it happens. The third opens.
const THEN: u32 = 5;
const EVER: Duration = Duration::from_secs(600);

pub(crate) fn policy(pulse_ms: u32, step_ms: u32) -> Policy {
    let lockout = LockoutPolicy { free: 3, ..Policy::default().lockout };
    Policy { pulse_ms, step_ms, cooldown_ms: 200, lockout, ..Policy::default() }
}

/// Sees the same enrolled person in every frame, and does what the story says.
pub(crate) struct Script {
    story: String,
    looks: u32,
}

impl Script {
    pub(crate) fn new(story: &str) -> Self {
        Self { story: story.to_owned(), looks: 0 }
    }
}

pub(crate) fn good(shot: &Shot, first: bool) -> Observation {
    let best = Best { person: 1, cosine: 0.9, runner_up: None };
    let face = Face {
        track: 1,
        eye_distance: 90.0,
        pose: Some(Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 }),
        quality: Quality { brightness: 120.0, dark: 0.0, bright: 0.0, sharpness: 200.0 },
        matched: Some(Matched { best, templates: 1, admission: Admission::Inside }),
        liveness: Some(0.99),
        to_previous: (!first).then_some(0.97),
    };
    Observation { stamp: shot.stamp, face: Some(face), other_eye_distance: None }
}

impl Sight for Script {
    fn look(&mut self, shot: &Shot, _: Option<u64>) -> Result<Observation, (Fault, WatchError)> {
        self.looks += 1;
        match (&self.story[..], self.looks) {
            ("panic", THEN) => panic!("as the story wants"),
            ("abort", THEN) => std::process::abort(),
            ("hang", THEN) => std::thread::sleep(EVER),
            // The frame that would open is looked at for so long that whoever was there has left.
            ("slow", 3) => std::thread::sleep(Duration::from_millis(1_200)),
            ("slow", 4..) => return Ok(Observation { face: None, ..good(shot, false) }),
            _ => {}
        }
        Ok(good(shot, self.looks == 1))
    }

    fn seen(&self) -> Option<&Seen> {
        None
    }
}

/// Frames of noise, 30 a second.
struct Noise {
    story: String,
    frames: u32,
    jpeg: Vec<u8>,
}

impl Noise {
    fn new(story: &str) -> Self {
        let mut jpeg = Vec::new();
        let picture = image::RgbImage::from_fn(640, 480, |x, y| {
            image::Rgb([x as u8, y as u8, (x * y) as u8])
        });
        image::codecs::jpeg::JpegEncoder::new(&mut jpeg).encode_image(&picture).unwrap();
        Self { story: story.to_owned(), frames: 0, jpeg }
    }
}

impl Camera for Noise {
    fn frame(&mut self, mut buffer: Vec<u8>) -> Result<Captured, CameraError> {
        let soak = self.story == "soak";
        std::thread::sleep(Duration::from_millis(if soak { 2 } else { 33 }));
        self.frames += 1;
        match (&self.story[..], self.frames) {
            ("camera", 8..) => return Err(CameraError::Silent { waited: EVER }),
            ("camera-panics", 8..) => panic!("as the story wants"),
            ("camera-hangs", 8..) => std::thread::sleep(EVER),
            _ => {}
        }
        buffer.clear();
        if soak {
            // A comment of four bytes makes every file another one.
            buffer.extend([0xff, 0xd8, 0xff, 0xfe, 0, 6]);
            buffer.extend(self.frames.to_be_bytes());
            buffer.extend_from_slice(&self.jpeg[2..]);
            let layout = Layout::Jpeg;
            return Ok(Captured {
                captured_ms: clock::now_ms(),
                sequence: 0,
                layout,
                bytes: buffer,
            });
        }
        buffer.extend(self.frames.to_be_bytes().iter().cycle().take(256));
        let layout = Layout::Grey { width: 16, height: 16, stride: 16 };
        Ok(Captured { captured_ms: clock::now_ms(), sequence: 0, layout, bytes: buffer })
    }
}

/// A disk that fails, or does not answer, from when the door runs.
struct Bad {
    folder: Folder,
    story: String,
}

impl Bad {
    fn meet(&self) -> io::Result<()> {
        match &self.story[..] {
            "disk-hangs" => std::thread::sleep(EVER),
            "disk-full" => return Err(io::ErrorKind::StorageFull.into()),
            "disk-gone" => return Err(io::Error::from_raw_os_error(5)),
            _ => {}
        }
        Ok(())
    }
}

impl Disk for Bad {
    type File = File;

    fn list(&self) -> io::Result<Vec<String>> {
        self.folder.list()
    }
    fn read(&self, name: &str, from: u64) -> io::Result<Vec<u8>> {
        self.folder.read(name, from)
    }
    fn create(&self, name: &str) -> io::Result<File> {
        self.meet()?;
        self.folder.create(name)
    }
    fn open(&self, name: &str, len: u64) -> io::Result<File> {
        self.meet()?;
        self.folder.open(name, len)
    }
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.meet()?;
        self.folder.write(file, bytes)
    }
    fn sync(&self, file: &mut File) -> io::Result<()> {
        self.meet()?;
        self.folder.sync(file)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.meet()?;
        self.folder.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder.remove(name)
    }
    fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync_folder()
    }
}

pub(crate) fn calibration() -> Calibration {
    Calibration::new(1e-3, 1, [Threshold { fmr: 1e-3, cosine: 0.4 }]).unwrap()
}

/// Runs the door in `folder` until its end; whether nothing panicked.
pub(crate) fn run(folder: &Path, story: &str, pulse_ms: u32, step_ms: u32) -> bool {
    let policy = policy(pulse_ms, step_ms);
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_door"));
    let own = folder.join("door");
    if story == "guardless" {
        std::fs::copy(&program, &own).unwrap();
        program.clone_from(&own);
    }
    let station =
        Station::open(&RelayConfig::simulated(folder.join("edges")), &policy, Some(&program))
            .unwrap();
    if story == "guardless" {
        std::fs::remove_file(own).unwrap();
    }
    let disk =
        || Bad { folder: Folder::read_only(&folder.join("log")).unwrap(), story: story.to_owned() };
    let boot = BootId::of_system().unwrap();
    let audit = Audit::open(disk(), Limits::default(), boot, run::moment()).unwrap();
    let recorder = Recorder::start(audit, disk(), 0).unwrap();
    let (latch, inbox) = (station.latch(), station.inbox());
    let camera = std::thread::spawn({
        let (story, inbox) = (story.to_owned(), inbox.clone());
        move || capture(|| Ok(Box::new(Noise::new(&story))), &inbox)
    });
    let now_ms = clock::now_ms();
    let watch = Watch::resume(policy, Some(calibration()), Script::new(story), latch, 0, now_ms);
    let mut watch = watch.unwrap().under(clock::now_ms);
    let (publisher, _hub) = hub::hub(1);
    let mut desk = Desk { recorder, publisher, notify: Notify::from_env(), camera: String::new() };
    let Ok(()) = run::serve(&mut watch, &mut Live::new(inbox), &mut desk, |_, _, _| Ok(()));
    station.latch().shut();
    desk.recorder.close(run::PATIENCE);
    drop(camera);
    station.close()
}
