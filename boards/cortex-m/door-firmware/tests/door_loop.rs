//! The loop with a camera, eyes, a lock and a watchdog that follow a script.
#![allow(
    clippy::unwrap_used,
    clippy::std_instead_of_core,
    clippy::panic,
    reason = "a failed test may panic"
)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use door_firmware::door_loop::{DoorLoop, Ports, Sight, StartError, TurnError};
use door_firmware::eyes::LookError;
use door_firmware::ports::{Clock, FrameSource, LockOutput, Shot, Watchdog};
use door_firmware::settings;
use edge_infer::door::{
    Admission, Bolt, Calibration, Event, Exit, Face, Fault, Liveness, Matched, Observation, Policy,
    Reason, Stamp, State,
};
use edge_infer::engine::EngineError;
use edge_infer::image::Frame;
use edge_infer::image::quality::{Pose, Quality};
use edge_infer::matching::Best;
use model_format::Threshold;

const ADA: u32 = 7;
const PIXELS: [u8; 3] = [1, 2, 3];

/// What a frame shows, or why there is none.
#[derive(Clone, Copy, Debug)]
enum Scene {
    Face {
        cosine: f32,
    },
    Nobody,
    /// The frame before, once more.
    Repeated,
    Quiet,
    NoCamera,
    NoNetwork,
}

/// All that a port and the test share.
#[derive(Default)]
struct World {
    now_ms: Cell<u64>,
    scenes: RefCell<VecDeque<Scene>>,
    shown: Cell<u64>,
    driven: RefCell<Vec<Bolt>>,
    lock_fails: Cell<bool>,
    fed: Cell<u32>,
}

struct Port(Rc<World>);

impl Clock for Port {
    fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }
}

impl Watchdog for Port {
    fn feed(&mut self) {
        self.0.fed.set(self.0.fed.get() + 1);
    }
}

impl LockOutput for Port {
    type Error = &'static str;

    fn drive(&mut self, bolt: Bolt) -> Result<(), &'static str> {
        if self.0.lock_fails.get() {
            return Err("no contact");
        }
        self.0.driven.borrow_mut().push(bolt);
        Ok(())
    }
}

impl FrameSource for Port {
    type Error = &'static str;

    fn latest(&mut self) -> Result<Option<Shot<'_>>, &'static str> {
        match self.0.scenes.borrow().front() {
            Some(Scene::Quiet) | None => return Ok(None),
            Some(Scene::NoCamera) => return Err("no cable"),
            Some(_) => {}
        }
        self.0.shown.set(self.0.shown.get() + 1);
        let frame = Frame::new(&PIXELS, 1, 1, 3).unwrap();
        Ok(Some(Shot { captured_ms: self.0.now_ms.get(), sequence: self.0.shown.get(), frame }))
    }
}

impl Sight for Port {
    fn look(&mut self, shot: &Shot<'_>) -> Result<Observation, LookError> {
        let scene = self.0.scenes.borrow().front().copied();
        let same = matches!(scene, Some(Scene::Repeated));
        let digest = shot.sequence - u64::from(same);
        let stamp = Stamp { captured_ms: shot.captured_ms, sequence: shot.sequence, digest };
        let face = match scene {
            Some(Scene::Face { cosine }) => Some(Face {
                track: 1,
                eye_distance: 60.0,
                pose: Some(Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 }),
                quality: Quality { brightness: 120.0, dark: 0.0, bright: 0.0, sharpness: 90.0 },
                matched: Some(Matched {
                    best: Best { person: ADA, cosine, runner_up: None },
                    templates: 1,
                    admission: Admission::Inside,
                }),
                liveness: None,
                to_previous: Some(0.9),
            }),
            Some(Scene::NoNetwork) => {
                return Err(LookError::Detect(EngineError::ArenaTooSmall { needed: 2, got: 1 }));
            }
            _ => None,
        };
        Ok(Observation { stamp, face, other_eye_distance: None })
    }
}

type Door = DoorLoop<Port>;
type AllPorts = Ports<Port, Port, Port, Port>;

/// A world, its door and ports. Liveness is off, and the exit button free.
fn door() -> (Rc<World>, Door, AllPorts) {
    let world = Rc::new(World::default());
    let port = || Port(Rc::clone(&world));
    let mut ports = Ports { frames: port(), lock: port(), clock: port(), watchdog: port() };
    let policy = Policy { liveness: Liveness::Off, exit: Exit::Free, ..settings::policy() };
    let table = [Threshold { fmr: 1e-3, cosine: 0.4 }];
    let calibration = Calibration::new(1e-3, 1, table).unwrap();
    let door = DoorLoop::new(policy, 0, port(), Some(calibration), &mut ports).unwrap();
    (world, door, ports)
}

/// What came of a turn.
type Played = Result<(Bolt, Reason), TurnError<&'static str, &'static str>>;

/// A turn a scene, a second each. What the turns came to.
fn play(world: &World, door: &mut Door, ports: &mut AllPorts, scenes: &[Scene]) -> Vec<Played> {
    scenes
        .iter()
        .map(|scene| {
            world.now_ms.set(world.now_ms.get() + 1_000);
            *world.scenes.borrow_mut() = VecDeque::from([*scene]);
            let turn = door.turn(ports, &mut |_| ())?;
            Ok((turn.decision.bolt(), turn.decision.reason()))
        })
        .collect()
}

fn edges(world: &World) -> Vec<Bolt> {
    let mut driven = world.driven.borrow().clone();
    driven.dedup();
    driven
}

const FACE: Scene = Scene::Face { cosine: 0.8 };
const STRANGER: Scene = Scene::Face { cosine: 0.1 };

#[test]
fn the_lock_is_driven_before_a_door_is_there_and_a_broken_one_makes_none() {
    let (world, ..) = door();
    assert_eq!(world.driven.borrow().first(), Some(&Bolt::Locked));
    world.lock_fails.set(true);
    let port = || Port(Rc::clone(&world));
    let mut ports = Ports { frames: port(), lock: port(), clock: port(), watchdog: port() };
    let started = DoorLoop::new(settings::policy(), 0, port(), None, &mut ports);
    assert!(matches!(started, Err(StartError::Lock("no contact"))));
}

#[test]
fn three_frames_of_somebody_enrolled_open_and_the_pulse_ends() {
    let (world, mut door, mut ports) = door();
    let turns = play(&world, &mut door, &mut ports, &[FACE, FACE, FACE]);
    assert_eq!(turns[1].unwrap().1, Reason::MoreFrames { good: 2, needed: 3 });
    assert_eq!(turns[2].unwrap(), (Bolt::Unlocked, Reason::Open));
    play(&world, &mut door, &mut ports, &[Scene::Quiet; 3]);
    assert_eq!(edges(&world), [Bolt::Locked, Bolt::Unlocked, Bolt::Locked]);
}

#[test]
fn a_stranger_is_refused_however_long_they_stay() {
    let (world, mut door, mut ports) = door();
    play(&world, &mut door, &mut ports, &[STRANGER; 40]);
    assert_eq!(edges(&world), [Bolt::Locked]);
}

#[test]
fn only_new_frames_feed_the_watchdog() {
    let (world, mut door, mut ports) = door();
    play(&world, &mut door, &mut ports, &[Scene::Nobody, FACE, STRANGER]);
    assert_eq!(world.fed.get(), 3);
    let starving = [Scene::Quiet, Scene::Repeated, Scene::NoCamera, Scene::NoNetwork];
    for scene in starving {
        let _ = play(&world, &mut door, &mut ports, &[scene]);
        assert_eq!(world.fed.get(), 3, "{scene:?}");
    }
    play(&world, &mut door, &mut ports, &[Scene::Nobody]);
    assert_eq!(world.fed.get(), 4);
}

#[test]
fn what_is_broken_locks_and_says_so_until_it_works() {
    for (scene, fault) in [(Scene::NoCamera, Fault::Camera), (Scene::NoNetwork, Fault::Model)] {
        let (world, mut door, mut ports) = door();
        play(&world, &mut door, &mut ports, &[FACE, FACE, FACE]);
        let broken = play(&world, &mut door, &mut ports, &[scene]);
        match (scene, broken[0]) {
            (Scene::NoCamera, Err(TurnError::Camera("no cable"))) => {}
            (Scene::NoNetwork, Err(TurnError::Look(LookError::Detect(_)))) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(world.driven.borrow().last(), Some(&Bolt::Locked), "{scene:?}");
        assert_eq!(door.door().state(), State::Faulted(fault));
        play(&world, &mut door, &mut ports, &[Scene::Nobody]);
        assert_ne!(door.door().state(), State::Faulted(fault));
    }
}

#[test]
fn a_lock_that_fails_is_told_and_obeys_again() {
    let (world, mut door, mut ports) = door();
    play(&world, &mut door, &mut ports, &[FACE, FACE]);
    world.lock_fails.set(true);
    let failed = play(&world, &mut door, &mut ports, &[FACE]);
    assert_eq!(failed, [Err(TurnError::Lock("no contact"))]);
    assert_eq!(door.door().state(), State::Faulted(Fault::Lock));
    world.lock_fails.set(false);
    play(&world, &mut door, &mut ports, &[Scene::Nobody]);
    assert_eq!(edges(&world), [Bolt::Locked]);
}

#[test]
fn a_button_needs_no_frame() {
    let (world, mut door, mut ports) = door();
    world.now_ms.set(5);
    let decision = door.tell(Event::ExitButton, &mut ports, &mut |_| ()).unwrap();
    assert_eq!(
        (decision.bolt(), edges(&world)),
        (Bolt::Unlocked, vec![Bolt::Locked, Bolt::Unlocked])
    );
    assert_eq!(world.fed.get(), 0);
}
