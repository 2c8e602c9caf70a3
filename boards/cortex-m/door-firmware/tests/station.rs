//! A whole door on a host: the shipped embedding network, a detector that finds nobody, flash that is only memory.

#![allow(
    clippy::unwrap_used,
    clippy::std_instead_of_core,
    clippy::panic,
    reason = "a failed test may panic"
)]

mod networks;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;

use device_protocol::{Arrived, Book, EventKind, Host, Key, MAX_WIRE, Nonce, Request, Response};
use door_firmware::ports::{Clock, FrameSource, Line, LockOutput, Shot, Watchdog};
use door_firmware::room::Room;
use door_firmware::self_test::{KnownAnswer, SelfTestError};
use door_firmware::station::{Board, Files, Layout, Station, StationError};
use door_firmware::store::audit;
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::PreprocessingId;
use door_firmware::store::sim::{Cut, Rp2350};
use door_firmware::{pace, settings};
use edge_infer::door::{Bolt, Reason};
use edge_infer::image::Frame;
use model_format::ModelFile;
use model_format::writer::SigningKey;

const ARENA: usize = 602_112;
const SECTOR: u32 = 4096;
type Flash<'a> = Shared<'a, Rp2350>;
type OurStation<'a> = Station<'a, Port<'a>, Port<'a>, Port<'a>, Port<'a>, Flash<'a>, Port<'a>>;

/// All that ports share.
#[derive(Default)]
struct World {
    now_ms: Cell<u64>,
    /// How long a look at the clock takes.
    step_ms: Cell<u64>,
    driven: RefCell<Vec<Bolt>>,
    fed: Cell<u32>,
    to_device: RefCell<VecDeque<u8>>,
    to_host: RefCell<Vec<u8>>,
}

#[derive(Clone, Copy)]
struct Port<'a>(&'a World);

impl Clock for Port<'_> {
    fn now_ms(&self) -> u64 {
        self.0.now_ms.set(self.0.now_ms.get() + self.0.step_ms.get());
        self.0.now_ms.get()
    }
}

impl LockOutput for Port<'_> {
    type Error = Infallible;

    fn drive(&mut self, bolt: Bolt) -> Result<(), Infallible> {
        self.0.driven.borrow_mut().push(bolt);
        Ok(())
    }
}

impl Watchdog for Port<'_> {
    fn feed(&mut self) {
        self.0.fed.set(self.0.fed.get() + 1);
    }
}

impl FrameSource for Port<'_> {
    type Error = Infallible;

    fn latest(&mut self) -> Result<Option<Shot<'_>>, Infallible> {
        self.0.now_ms.set(self.0.now_ms.get() + 1_000);
        let now_ms = self.0.now_ms.get();
        // No frame is like one before it.
        let [.., a, b, c] = now_ms.to_be_bytes();
        let frame = Frame::new(Box::leak(Box::new([a, b, c])), 1, 1, 3).unwrap();
        Ok(Some(Shot { captured_ms: now_ms, sequence: now_ms, frame }))
    }
}

impl Line for Port<'_> {
    fn read(&mut self) -> Option<u8> {
        self.0.to_device.borrow_mut().pop_front()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.to_host.borrow_mut().extend_from_slice(bytes);
    }
}

/// Models, keys and memory, signed by `signer` for an owner of seed 1.
struct House {
    detector: Vec<u8>,
    embedding: Vec<u8>,
    answer: [u8; 20],
    model: [u8; 16],
    room: Box<Room<ARENA, 4>>,
    chip: RefCell<Rp2350>,
    world: &'static World,
}

fn house(signer: u8) -> House {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../models/zoo/mobilefacenet-128-ms1m.afm");
    let embedding = ModelFile::from_bytes(std::fs::read(path).unwrap()).unwrap();
    let signer = SigningKey::from_seed(&[signer; 32]);
    let mut room = Box::new(Room::new());
    let answer = KnownAnswer::of(embedding.view(), &mut room.memory()).unwrap();
    House {
        detector: signer.sign(&networks::detector().view()).unwrap(),
        embedding: signer.sign(&embedding.view()).unwrap(),
        answer: answer.to_bytes(),
        model: embedding.view().id().0,
        room,
        chip: RefCell::new(Rp2350::new(6)),
        world: Box::leak(Box::default()),
    }
}

impl House {
    fn open<'h>(
        &'h mut self,
        nonce: &'h mut dyn FnMut() -> Nonce,
    ) -> Result<OurStation<'h>, StationError<Infallible>> {
        let Self { detector, embedding, answer, room, chip, world, .. } = self;
        let owner = SigningKey::from_seed(&[1; 32]).public().0;
        let files = Files { detector, embedding, answer, owner, host: [7; 32] };
        let port = Port(world);
        let rate = audit::Rate { burst: 10, each_ms: 1_000 };
        let audit =
            audit::Layout { kept: 2 * SECTOR..4 * SECTOR, routine: 4 * SECTOR..6 * SECTOR, rate };
        let board = Board {
            frames: port,
            lock: port,
            clock: port,
            flash: Shared(chip),
            layout: Layout { gallery: 0..2 * SECTOR, audit },
            line: port,
            nonce,
        };
        Station::new(&files, settings::policy(), room, board, || port)
    }
}

/// What the device answers to each request, in words, in a session of its own.
fn answers(station: &mut OurStation<'_>, world: &World, requests: &[Request<'_>]) -> Vec<String> {
    let mut host = Host::new(Key::new([7; 32]), [9; 16]);
    let mut out = [0; MAX_WIRE];
    world.to_device.borrow_mut().extend(host.hello(&mut out));
    let mut words = Vec::new();
    for at in 0..=requests.len() {
        station.turn(&mut |_| ()).unwrap();
        for byte in std::mem::take(&mut *world.to_host.borrow_mut()) {
            match host.receive(byte).map(Result::unwrap) {
                Some(Arrived::Response(Response::Record(record))) => {
                    words.push(EventKind::from_code(record.kind).unwrap().name().to_owned());
                }
                Some(Arrived::Response(Response::Status { boot, .. })) => {
                    words.push(format!("boot {boot}"));
                }
                Some(Arrived::Response(response)) => words.push(format!("{response:?}")),
                Some(Arrived::Ready) | None => {}
            }
        }
        if let Some(request) = requests.get(at) {
            world.to_device.borrow_mut().extend(host.request(request, &mut out).unwrap());
        }
    }
    words
}

#[test]
fn a_door_without_people_is_fed_frames_and_opens_for_nobody() {
    let mut house = house(1);
    let world = house.world;
    let mut nonce = || [1; 16];
    let mut station = house.open(&mut nonce).unwrap();
    let mut reasons = Vec::new();
    for _ in 0..3 {
        let turn = station.turn(&mut |decision| reasons.push(decision.reason())).unwrap();
        assert!(turn.fresh);
    }
    assert_eq!(reasons, [Reason::Uncalibrated; 3]);
    assert_eq!(world.fed.get(), 3);
    assert!(world.driven.borrow().iter().all(|bolt| *bolt == Bolt::Locked));
    let log = [0, 1].map(|after| Request::Log { book: Book::Kept, after });
    let words = answers(&mut station, world, &log);
    assert_eq!(words[0], "started");
    assert!(words[1].starts_with("LogEnd"), "{words:?}");
}

#[test]
fn who_is_enrolled_over_the_line_is_known_at_once_and_after_a_restart() {
    let mut house = house(1);
    let world = house.world;
    let values: Vec<u8> = (0..128).map(|i| i * 2 + 1).collect();
    let enroll = Request::Enroll {
        person: None,
        name: "Ada",
        model: house.model,
        preprocessing: PreprocessingId::of(&networks::detector().view()).0,
        values: &values,
    };
    let mut nonce = || [2; 16];
    {
        let mut station = house.open(&mut nonce).unwrap();
        let words = answers(&mut station, world, &[Request::Status, enroll, Request::SelfTest]);
        assert_eq!(words, ["boot 1", "Enrolled { person: 1 }", "SelfTest { failed: 0 }"]);
        let turn = station.turn(&mut |_| ()).unwrap();
        assert_eq!(turn.decision.reason(), Reason::NoFace, "there is a cosine to match at now");
    }
    let mut station = house.open(&mut nonce).unwrap();
    assert_eq!(station.turn(&mut |_| ()).unwrap().decision.reason(), Reason::NoFace);
    let words = answers(&mut station, world, &[Request::Status, Request::Remove { person: 1 }]);
    assert_eq!(words, ["boot 2", "Removed { templates: 1 }"]);
    assert_eq!(station.turn(&mut |_| ()).unwrap().decision.reason(), Reason::Uncalibrated);
}

/// Why there is no station, and its code.
fn refused(house: &mut House) -> (StationError<Infallible>, u8) {
    let mut nonce = || [3; 16];
    let error = house.open(&mut nonce).map(|_| ()).unwrap_err();
    assert!(house.world.driven.borrow().iter().all(|bolt| *bolt == Bolt::Locked));
    (error, error.blink().flashes())
}

#[test]
fn rejects_models_of_another_owner() {
    let (error, code) = refused(&mut house(2));
    assert!(matches!(error, StationError::SelfTest(SelfTestError::Signature { .. })), "{error}");
    assert_eq!(code, 3);
}

#[test]
fn rejects_a_board_that_is_too_slow_to_decide() {
    let mut house = house(1);
    // Two looks at the clock, 1,700 ms of networks between them: with a tenth more and the picture 2,070 ms.
    house.world.step_ms.set(1_700);
    let (error, code) = refused(&mut house);
    let slow = SelfTestError::TooSlow { frame_ms: 2_070, oldest_ms: settings::FRAME_MS };
    assert_eq!((error, code), (StationError::SelfTest(slow), 9));
    assert!(pace::check(settings::FRAME_MS, settings::FRAME_MS).is_ok());
    // With smaller networks it would start, and tell of the time before.
    let world = house.world;
    world.step_ms.set(0);
    let mut nonce = || [4; 16];
    let log = Request::Log { book: Book::Kept, after: 0 };
    assert_eq!(answers(&mut house.open(&mut nonce).unwrap(), world, &[log]), ["self_test_failed"]);
}

#[test]
fn rejects_flash_that_does_not_answer() {
    let mut house = house(1);
    house.chip.borrow_mut().cut_at(0, Cut::Before);
    let (error, code) = refused(&mut house);
    assert!(matches!(error, StationError::Gallery(_)), "{error}");
    assert_eq!(code, 10);
}
