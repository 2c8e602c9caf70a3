//! Errors that only memory or files of the wrong kind bring about: a board that is wired rightly sees none of them.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a failed test may panic")]

mod networks;

use core::convert::Infallible;
use std::cell::Cell;

use door_firmware::door_loop::{DoorLoop, Ports, Sight, StartError};
use door_firmware::enrol::{self, EnrolError};
use door_firmware::eyes::{Eyes, LookError, Memory};
use door_firmware::latch::{Latch, LatchError, Latched};
use door_firmware::ports::{Clock, FrameSource, LockOutput, Shot, Watchdog};
use door_firmware::ram_gallery::RamGallery;
use door_firmware::roster::{LoadError, Roster, RosterError, RosterMemory};
use door_firmware::self_test::{KnownAnswer, SelfTestError, check};
use door_firmware::settings;
use edge_infer::door::{Bolt, Observation, Policy, PolicyError};
use edge_infer::engine::EngineError;
use edge_infer::image::Frame;
use edge_infer::matching::{MatchError, TemplateError, TemplateRef};
use model_format::{ModelFile, ModelId};

/// Lengths of a board's memory.
#[derive(Clone, Copy)]
struct Lengths {
    arena: usize,
    crop: usize,
    embedding: usize,
    template: usize,
    previous: usize,
}

/// What the networks of these tests need.
const ENOUGH: Lengths =
    Lengths { arena: 1 << 16, crop: 32 * 32 * 3, embedding: 16, template: 16, previous: 16 };

fn with_memory<T>(lengths: Lengths, work: impl FnOnce(&mut Memory<'_>) -> T) -> T {
    let Lengths { arena, crop, embedding, template, previous } = lengths;
    work(&mut Memory {
        arena: &mut vec![0; arena],
        crop: &mut vec![0; crop],
        embedding: &mut vec![0.0; embedding],
        template: &mut vec![0; template],
        previous: &mut vec![0; previous],
    })
}

/// The self-test of `embedding` with such memory.
fn tested(embedding: &ModelFile, lengths: Lengths) -> SelfTestError {
    let answer = with_memory(ENOUGH, |memory| KnownAnswer::of(embedding.view(), memory).unwrap());
    with_memory(lengths, |memory| {
        check(networks::detector().view(), embedding.view(), &answer, memory).unwrap_err()
    })
}

#[test]
fn rejects_memory_that_does_not_fit_the_network() {
    let embedding = networks::collapsed();
    for lengths in [Lengths { crop: 100, ..ENOUGH }, Lengths { embedding: 15, ..ENOUGH }] {
        let error = tested(&embedding, lengths);
        assert!(matches!(error, SelfTestError::Memory(_)), "{error}");
        assert_eq!(error.blink().flashes(), 5);
    }
    for lengths in [Lengths { template: 15, ..ENOUGH }, Lengths { previous: 17, ..ENOUGH }] {
        let error = tested(&embedding, lengths);
        assert!(
            matches!(error, SelfTestError::NoTemplate(TemplateError::OutputLength { .. })),
            "{error}"
        );
        assert_eq!(error.blink().flashes(), 6);
    }
}

/// Eyes with such memory, and what they make of a grey picture.
fn looked(detector: &ModelFile, lengths: Lengths) -> Result<Observation, LookError> {
    let embedding = networks::collapsed();
    let Lengths { arena, crop, embedding: values, template, previous } = lengths;
    let memory = Memory {
        arena: &mut vec![0; arena],
        crop: &mut vec![0; crop],
        embedding: &mut vec![0.0; values],
        template: &mut vec![0; template],
        previous: &mut vec![0; previous],
    };
    let mut eyes = Eyes::new(detector.view(), embedding.view(), memory).unwrap();
    let roster = Roster::new(&embedding.view(), no_room());
    eyes.look(&shot(&[90; 32 * 32 * 3]), &roster)
}

fn shot(pixels: &[u8]) -> Shot<'_> {
    Shot { captured_ms: 5, sequence: 1, frame: Frame::new(pixels, 32, 32, 96).unwrap() }
}

fn no_room() -> RosterMemory<'static> {
    RosterMemory { rows: &mut [], inverse_norms: &mut [], people: &mut [] }
}

#[test]
fn rejects_frames_that_there_is_no_memory_to_look_at() {
    let blind = looked(&networks::detector(), Lengths { arena: 100, ..ENOUGH }).unwrap_err();
    assert!(matches!(blind, LookError::Detect(EngineError::ArenaTooSmall { .. })), "{blind}");
    let sees = networks::detector_scoring(16);
    assert!(looked(&sees, ENOUGH).unwrap().face.is_some());
    let no_crop = looked(&sees, Lengths { crop: 100, ..ENOUGH }).unwrap_err();
    assert!(matches!(no_crop, LookError::Embed(_)), "{no_crop}");
}

#[test]
fn rejects_probes_and_people_that_cannot_be_compared() {
    let model = networks::collapsed();
    let mut people = RamGallery::<1, 16>::new(model.view().id());
    let roster = Roster::new(&model.view(), no_room());
    let other = TemplateRef::from_values(&[1; 16], ModelId([9; 16])).unwrap();
    let error = roster.search(other).unwrap_err();
    assert!(matches!(error, LookError::Match(MatchError::OtherModel { .. })), "{error}");
    // A model without an embedding has people of no length.
    let mut nobody = Roster::new(&networks::detector().view(), no_room());
    let error = nobody.load(&mut people).unwrap_err();
    assert!(matches!(error, LoadError::Roster(RosterError::Gallery(_))), "{error}");
    let error = nobody.search(other).unwrap_err();
    assert!(matches!(error, LookError::People(_)), "{error}");
}

#[test]
fn rejects_enrolment_by_eyes_that_cannot_look() {
    let (detector, embedding) = (networks::detector(), networks::collapsed());
    let memory = Memory {
        arena: &mut [],
        crop: &mut [],
        embedding: &mut [],
        template: &mut [],
        previous: &mut [],
    };
    let mut eyes = Eyes::new(detector.view(), embedding.view(), memory).unwrap();
    let roster = Roster::new(&embedding.view(), no_room());
    let policy = Policy::default().face;
    let error = enrol::take(1, &mut eyes, &shot(&[90; 3072]), &roster, &policy, None).unwrap_err();
    assert!(matches!(error, EnrolError::Look(LookError::Detect(_))), "{error}");
}

/// A door without anything around it.
#[derive(Debug)]
struct Nothing;

impl Clock for Nothing {
    fn now_ms(&self) -> u64 {
        0
    }
}

impl Watchdog for Nothing {
    fn feed(&mut self) {}
}

impl FrameSource for Nothing {
    type Error = Infallible;

    fn latest(&mut self) -> Result<Option<Shot<'_>>, Infallible> {
        Ok(None)
    }
}

impl Sight for Nothing {
    fn look(&mut self, _: &Shot<'_>) -> Result<Observation, LookError> {
        Err(LookError::Template(TemplateError::Length { len: 0 }))
    }
}

/// A lock that notes what it was driven to, and fails if it is told to.
#[derive(Default)]
struct Lock<'a>(Option<&'a Cell<bool>>);

impl LockOutput for Lock<'_> {
    type Error = &'static str;

    fn drive(&mut self, _: Bolt) -> Result<(), &'static str> {
        if self.0.is_some_and(Cell::get) { Err("no contact") } else { Ok(()) }
    }
}

#[test]
fn rejects_a_policy_that_is_unsafe() {
    let policy = Policy { target_fpir: 2.0, ..settings::policy() };
    let mut ports =
        Ports { frames: Nothing, lock: Lock::default(), clock: Nothing, watchdog: Nothing };
    let error = DoorLoop::new(policy, 0, Nothing, None, &mut ports).unwrap_err();
    assert!(
        matches!(
            error,
            StartError::Policy(PolicyError::OutOfRange { setting: "target_fpir", value: 2.0, .. })
        ),
        "{error}"
    );
}

#[test]
fn a_latched_lock_says_that_it_could_not_be_driven() {
    let (fails, latch) = (Cell::new(false), Latch::new());
    let mut lock = Latched::new(Lock(Some(&fails)), Nothing, &latch, 100);
    lock.drive(Bolt::Unlocked).unwrap();
    fails.set(true);
    for bolt in [Bolt::Unlocked, Bolt::Locked] {
        assert_eq!(lock.drive(bolt), Err(LatchError::Lock("no contact")));
    }
    assert!(latch.is_over(101), "the interrupt still knows of the release");
}
