//! The door: self-test, enrolment by the frames that are for it, then every other frame of the visit through the loop.

use core::fmt::Write as _;

use door_firmware::canary::Fenced;
use door_firmware::door_loop::{DoorLoop, Ports, Witness};
use door_firmware::enrol;
use door_firmware::eyes::{Eyes, Memory};
use door_firmware::fault::Blink;
use door_firmware::latch::Latched;
use door_firmware::ports::{Clock as _, Enrolled, GalleryStore as _, Shot, StatusLight as _};
use door_firmware::ram_gallery::RamGallery;
use door_firmware::roster::{Roster, RosterMemory};
use door_firmware::self_test::{self, KnownAnswer, Role, SelfTestError};
use door_firmware::settings;
use door_firmware::visit::Visit;
use edge_infer::door::{FacePolicy, Liveness, Policy};
use model_format::{ModelView, PublicKey};
use semihosting::println;
use static_cell::ConstStaticCell;

use crate::files::Store;
use crate::program::Told;
use crate::tick::{LATCH, Ticks};
use crate::watchdog::Cmsdk;
use crate::{Board, camera, pins};

/// Values of a template.
pub const LEN: usize = 128;
/// Most templates.
const CAPACITY: usize = 16;
/// Bytes of the networks' arena: what a detector of 256x320 pixels takes, whose plan is the larger one.
const ARENA_BYTES: usize = 640 << 10;
/// Bytes of an aligned face.
const CROP_BYTES: usize = 112 * 112 * 3;

/// The networks' memory.
pub static ARENA: ConstStaticCell<Fenced<ARENA_BYTES>> = ConstStaticCell::new(Fenced::new());
/// The aligned face's.
pub static CROP: ConstStaticCell<[u8; CROP_BYTES]> = ConstStaticCell::new([0; CROP_BYTES]);
static VALUES: ConstStaticCell<[f32; LEN]> = ConstStaticCell::new([0.0; LEN]);
static TEMPLATES: ConstStaticCell<[[i8; LEN]; 2]> = ConstStaticCell::new([[0; LEN]; 2]);
static ROWS: ConstStaticCell<[i8; CAPACITY * LEN]> = ConstStaticCell::new([0; CAPACITY * LEN]);
static NORMS: ConstStaticCell<[f32; CAPACITY]> = ConstStaticCell::new([0.0; CAPACITY]);
static WHOSE: ConstStaticCell<[u32; CAPACITY]> = ConstStaticCell::new([0; CAPACITY]);

/// Names of the files.
#[derive(Debug)]
pub struct Files<'a> {
    /// The detector.
    pub detector: &'a str,
    /// The embedding network.
    pub embedding: &'a str,
    /// What the host computed of the drawn face.
    pub answer: &'a str,
    /// The frames.
    pub visit: &'a str,
    /// The owner's public key, 32 bytes; empty for models that nobody signed.
    pub key: &'a str,
}

/// What the self-test has found to be in order.
struct Tested {
    detector: ModelView<'static>,
    embedding: ModelView<'static>,
}

/// Runs the visit to its end, and until the lock is engaged again.
pub fn run(board: &Board, clock: Ticks, store: &Store, files: &Files<'_>) -> Result<(), Told> {
    let read =
        |name: &str| store.read(name).map_err(|error| Told::error(format_args!("{name}: {error}")));
    let (fence, arena) = ARENA.take().arm();
    let [template, previous] = TEMPLATES.take();
    let (crop, embedding) = (CROP.take(), VALUES.take());
    let mut memory = Memory { arena, crop, embedding, template, previous };
    let (detector, embedding) = (read(files.detector)?, read(files.embedding)?);
    let answer = read(files.answer)?;
    let key = match files.key {
        "" => None,
        name => {
            let key = read(name)?.as_ref().try_into();
            Some(PublicKey(key.map_err(|_| Told::error("a key of other than 32 bytes"))?))
        }
    };
    let tested = match self_test(detector, embedding, answer, key.as_ref(), &mut memory) {
        Ok(tested) => tested,
        Err(error) => {
            println!("self-test failed: {error}");
            blink(board, clock, error.blink());
            return Err(Told);
        }
    };
    let Tested { detector, embedding } = tested;
    let visit = Visit::parse(read(files.visit)?).map_err(Told::error)?;
    let mut eyes = Eyes::new(detector, embedding, memory).map_err(Told::error)?;
    let roster =
        RosterMemory { rows: ROWS.take(), inverse_norms: NORMS.take(), people: WHOSE.take() };
    let mut roster = Roster::new(&embedding, roster);
    let mut people = RamGallery::new(embedding.id());
    // No camera took these frames, so a photograph at the door is no danger here.
    let policy = Policy { liveness: Liveness::Off, ..settings::policy() };
    enrol_all(&mut eyes, &roster, &mut people, visit, &policy.face)?;
    roster.load(&mut people).map_err(Told::error)?;

    let calibration = roster.calibrate(policy.target_fpir, &embedding);
    let calibration = calibration.map_err(Told::error)?;
    println!("cosine {}", calibration.cosine());
    let longest_ms = policy.pulse_ms + settings::GRACE_MS;
    let mut ports = Ports {
        frames: camera::film(visit, clock),
        lock: Latched::new(pins::lock(board), clock, &LATCH, longest_ms),
        clock,
        watchdog: Cmsdk::start(board, settings::WATCHDOG_MS),
    };
    let witness = Witness { eyes, roster };
    let mut door =
        DoorLoop::new(policy, 0, witness, Some(calibration), &mut ports).map_err(Told::error)?;
    let rest_ms = u64::from(policy.pulse_ms + policy.cooldown_ms);
    let mut end_ms = None;
    while end_ms.is_none_or(|end_ms| clock.now_ms() < end_ms) {
        if end_ms.is_none() && ports.frames.is_over() {
            end_ms = Some(clock.now_ms() + rest_ms);
        }
        let turn = door.turn(&mut ports, &mut |decision| {
            decision.actions().for_each(|action| println!("{action:?}"));
        });
        let turn = turn.map_err(Told::error)?;
        if turn.fresh {
            if let Some(values) = door.sight().eyes.template() {
                print_template(values);
            }
            println!("at {} ms: {}", clock.now_ms(), turn.decision.reason());
        } else {
            cortex_m::asm::wfi();
        }
        if !fence.is_whole() {
            return Err(Told::error(SelfTestError::Canary));
        }
    }
    Ok(())
}

fn self_test(
    detector: &'static [u8],
    embedding: &'static [u8],
    answer: &[u8],
    key: Option<&PublicKey>,
    memory: &mut Memory<'_>,
) -> Result<Tested, SelfTestError> {
    let detector = self_test::open(Role::Detector, detector, key)?;
    let embedding = self_test::open(Role::Embedding, embedding, key)?;
    let answer = KnownAnswer::from_bytes(answer).ok_or(SelfTestError::NoAnswer)?;
    let cosine = self_test::check(detector, embedding, &answer, memory)?;
    println!("self-test: {:08x} as known, cosine of the drawn faces {cosine}", answer.sums);
    Ok(Tested { detector, embedding })
}

/// Enrols whom frames of the visit are for.
fn enrol_all(
    eyes: &mut Eyes<'_>,
    roster: &Roster<'_>,
    people: &mut RamGallery<CAPACITY, LEN>,
    visit: Visit<'_>,
    policy: &FacePolicy,
) -> Result<(), Told> {
    for (taken, sequence) in visit.frames().filter(|taken| taken.person != 0).zip(1..) {
        let shot = Shot { captured_ms: 0, sequence, frame: taken.frame };
        let (person, model) = (taken.person, eyes.model());
        let values = enrol::take(person, eyes, &shot, roster, policy, None).map_err(Told::error)?;
        print_template(values);
        people.add(Enrolled { person, name: "", model, values }).map_err(Told::error)?;
    }
    Ok(())
}

/// One line of hex digits, which the host's is compared with.
fn print_template(values: &[i8]) {
    struct Hex<'a>(&'a [i8]);
    impl core::fmt::Display for Hex<'_> {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            self.0.iter().try_for_each(|value| write!(f, "{value:02x}"))
        }
    }
    let mut line = Line::default();
    let _ = write!(line, "template {}", Hex(values));
    println!("{}", line.text());
}

/// A line in one piece: semihosting is slow by the call.
struct Line {
    bytes: [u8; 16 + 2 * LEN],
    used: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: [0; 16 + 2 * LEN], used: 0 }
    }
}

impl Line {
    fn text(&self) -> &str {
        self.bytes.get(..self.used).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl core::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let place = self.bytes.get_mut(self.used..).and_then(|rest| rest.get_mut(..text.len()));
        place.ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.used += text.len();
        Ok(())
    }
}

/// Shows a number, twice; a board that is none of QEMU's goes on for ever.
fn blink(board: &Board, clock: Ticks, code: Blink) {
    let mut light = pins::status(board);
    let start_ms = clock.now_ms();
    let shown_ms = 2 * (1_000 + 400 * u64::from(code.flashes()));
    while clock.now_ms() - start_ms < shown_ms {
        light.set(code.is_on(clock.now_ms() - start_ms));
        cortex_m::asm::wfi();
    }
    light.set(false);
}
