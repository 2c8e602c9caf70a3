//! A whole door without a camera, for boards that have none and for tests: self-test, enrolment by the frames of a visit that are for it,
//! then every other frame through the loop, until the lock is engaged for good.
//!
//! ```text
//! files ─ self_test ─> networks ─ enrol ─> people ─ show ─> lock        log: a line for what the host must see the same
//! ```
//!
//! | line of the log | |
//! |---|---|
//! | `self-test SUMS, cosine C` | the known answer was found; the drawn faces' cosine |
//! | `template HEX` | of a frame's largest face, int8 values in two digits each |
//! | `at T ms: REASON` | what the door says of a frame |
//! | `Unlock ..`, `Lock`, `Audit ..` | what it does |

use core::convert::Infallible;
use core::fmt::{self, Arguments, Display};

use edge_infer::detect::DetectorError;
use edge_infer::door::{CalibrationError, Decision, FacePolicy, Liveness, Policy};
use model_format::{ModelView, PublicKey};

use crate::canary::Fence;
use crate::door_loop::{DoorLoop, Ports, StartError, TurnError, Witness};
use crate::enrol::{self, EnrolError};
use crate::eyes::Eyes;
use crate::film::film;
use crate::ports::{Clock, Enrolled, GalleryStore, LockOutput, Shot, Watchdog};
use crate::ram_gallery::{RamGallery, RamGalleryError};
use crate::roster::{LoadError, Roster};
use crate::self_test::{self, KnownAnswer, Role, SelfTestError};
use crate::settings;
use crate::visit::{Visit, VisitError};

pub use crate::room::LEN;

/// Most templates.
pub const CAPACITY: usize = 16;

/// The files of a rehearsal, whole.
#[derive(Clone, Copy, Debug)]
pub struct Files<'m> {
    /// The detector.
    pub detector: &'m [u8],
    /// The embedding network.
    pub embedding: &'m [u8],
    /// What the host computed of the drawn face: [`KnownAnswer`].
    pub answer: &'m [u8],
    /// The frames: [`Visit`].
    pub visit: &'m [u8],
    /// Whose signature the networks must bear, if anybody's.
    pub key: Option<PublicKey>,
}

/// All memory that it needs, with an arena of `ARENA` bytes.
pub type Room<const ARENA: usize> = crate::room::Room<ARENA, CAPACITY>;

/// What the board gives to it.
pub struct Stage<'a, L, C, W> {
    /// The lock, engaged, whose releases somebody bounds to the pulse and [`settings::GRACE_MS`].
    pub lock: L,
    /// The time.
    pub clock: C,
    /// Starts the watchdog, when the self-test is over.
    pub watchdog: &'a mut dyn FnMut() -> W,
    /// Waits a little, when there is no frame.
    pub idle: &'a mut dyn FnMut(),
    /// Takes a line of the log.
    pub log: &'a mut dyn FnMut(Arguments<'_>),
    /// Takes what the door decides.
    pub tell: &'a mut dyn FnMut(&Decision),
}

/// Why it ended early. The door is locked.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError<L: Display, G: Display> {
    /// The board is no door.
    #[error("self-test: {0}")]
    SelfTest(#[from] SelfTestError),
    /// The frames are none.
    #[error("the visit: {0}")]
    Visit(#[from] VisitError),
    /// The detector is none.
    #[error("the detector: {0}")]
    Detector(#[from] DetectorError),
    /// A frame is none to enrol somebody by.
    #[error("person {person}: {error}")]
    Enrol {
        /// Who.
        person: u32,
        /// Why.
        error: EnrolError,
    },
    /// There is no place for somebody.
    #[error("person {person}: {error}")]
    Gallery {
        /// Who.
        person: u32,
        /// Why.
        error: G,
    },
    /// They cannot be searched.
    #[error(transparent)]
    Load(#[from] LoadError<G>),
    /// Nobody measured at which cosine they match.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The door did not start.
    #[error(transparent)]
    Start(#[from] StartError<L>),
    /// A turn of the loop failed.
    #[error(transparent)]
    Turn(#[from] TurnError<Infallible, L>),
}

/// The policy of a rehearsal: no camera took its frames, so a photograph at the door is no danger.
#[must_use]
pub fn policy() -> Policy {
    Policy { liveness: Liveness::Off, ..settings::policy() }
}

/// Runs it to its end.
///
/// # Errors
/// [`RehearsalError`].
pub fn rehearse<L: LockOutput, C: Clock + Copy, W: Watchdog, const ARENA: usize>(
    files: &Files<'_>,
    room: &mut Room<ARENA>,
    stage: Stage<'_, L, C, W>,
) -> Result<(), RehearsalError<L::Error, RamGalleryError>> {
    let networks = Networks::open(files)?;
    let answer = KnownAnswer::from_bytes(files.answer).ok_or(SelfTestError::NoAnswer)?;
    networks.check(&answer, room, &mut *stage.log)?;
    let visit = Visit::parse(files.visit)?;
    let mut people = RamGallery::<CAPACITY, LEN>::new(networks.embedding.id());
    enrol_all(&networks, room, &mut people, visit, &policy().face, &mut *stage.log)?;
    show(&networks, room, &mut people, visit, stage)
}

/// The networks of a door.
#[derive(Clone, Copy, Debug)]
pub struct Networks<'m> {
    /// Finds faces.
    pub detector: ModelView<'m>,
    /// Tells people apart.
    pub embedding: ModelView<'m>,
}

impl<'m> Networks<'m> {
    /// Those of the files, whose signatures are looked at.
    ///
    /// # Errors
    /// [`SelfTestError::Format`] or [`SelfTestError::Signature`].
    pub fn open(files: &Files<'m>) -> Result<Self, SelfTestError> {
        let key = files.key.as_ref();
        Ok(Self {
            detector: self_test::open(Role::Detector, files.detector, key)?,
            embedding: self_test::open(Role::Embedding, files.embedding, key)?,
        })
    }

    /// Whether this machine computes with them what the host did.
    ///
    /// # Errors
    /// [`SelfTestError`].
    pub fn check<const ARENA: usize>(
        &self,
        answer: &KnownAnswer,
        room: &mut Room<ARENA>,
        log: &mut dyn FnMut(Arguments<'_>),
    ) -> Result<(), SelfTestError> {
        let (fence, mut memory, _) = room.split();
        let cosine = self_test::check(self.detector, self.embedding, answer, &mut memory)?;
        log(format_args!("self-test {:08x}, cosine {cosine}", answer.sums));
        whole(&fence)
    }
}

/// Enrols whom frames of the visit are for.
fn enrol_all<G: GalleryStore, L: Display, const ARENA: usize>(
    networks: &Networks<'_>,
    room: &mut Room<ARENA>,
    people: &mut G,
    visit: Visit<'_>,
    policy: &FacePolicy,
    log: &mut dyn FnMut(Arguments<'_>),
) -> Result<(), RehearsalError<L, G::Error>> {
    let (fence, memory, roster) = room.split();
    let mut eyes = Eyes::new(networks.detector, networks.embedding, memory)?;
    let roster = Roster::new(&networks.embedding, roster);
    for (taken, sequence) in visit.frames().filter(|taken| taken.person != 0).zip(1..) {
        let shot = Shot { captured_ms: 0, sequence, frame: taken.frame };
        let (person, model) = (taken.person, eyes.model());
        let values = enrol::take(person, &mut eyes, &shot, &roster, policy, None)
            .map_err(|error| RehearsalError::Enrol { person, error })?;
        log(format_args!("template {}", Hex(values)));
        let stored = people.add(Enrolled { person, name: "", model, values });
        stored.map_err(|error| RehearsalError::Gallery { person, error })?;
    }
    Ok(whole(&fence)?)
}

/// Shows the frames of a visit that enrol nobody to a door of `people`, until the lock is engaged for good.
///
/// # Errors
/// [`RehearsalError`].
pub fn show<G: GalleryStore, L: LockOutput, C: Clock + Copy, W: Watchdog, const ARENA: usize>(
    networks: &Networks<'_>,
    room: &mut Room<ARENA>,
    people: &mut G,
    visit: Visit<'_>,
    stage: Stage<'_, L, C, W>,
) -> Result<(), RehearsalError<L::Error, G::Error>> {
    let Stage { lock, clock, watchdog, idle, log, tell } = stage;
    let (fence, memory, roster) = room.split();
    let Networks { detector, embedding } = *networks;
    let eyes = Eyes::new(detector, embedding, memory)?;
    let mut roster = Roster::new(&embedding, roster);
    roster.load(people)?;
    let policy = policy();
    let calibration = match roster.templates() {
        // A door of nobody opens for nobody.
        0 => None,
        _ => Some(roster.calibrate(policy.target_fpir, &embedding)?),
    };
    if let Some(calibration) = &calibration {
        log(format_args!("cosine {}", calibration.cosine()));
    }
    let mut ports = Ports { frames: film(visit, clock), lock, clock, watchdog: watchdog() };
    let witness = Witness { eyes, roster };
    let mut door = DoorLoop::new(policy, 0, witness, calibration, &mut ports)?;
    let rest_ms = u64::from(policy.pulse_ms + policy.cooldown_ms);
    let mut end_ms = None;
    while end_ms.is_none_or(|end_ms| clock.now_ms() < end_ms) {
        if end_ms.is_none() && ports.frames.is_over() {
            end_ms = Some(clock.now_ms() + rest_ms);
        }
        let turn = door.turn(&mut ports, &mut |decision| {
            decision.actions().for_each(|action| log(format_args!("{action:?}")));
            tell(decision);
        })?;
        if turn.fresh {
            if let Some(values) = door.sight().eyes.template() {
                log(format_args!("template {}", Hex(values)));
            }
            log(format_args!("at {} ms: {}", clock.now_ms(), turn.decision.reason()));
        } else {
            idle();
        }
        whole(&fence)?;
    }
    Ok(())
}

fn whole(fence: &Fence<'_>) -> Result<(), SelfTestError> {
    if fence.is_whole() { Ok(()) } else { Err(SelfTestError::Canary) }
}

struct Hex<'a>(&'a [i8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|value| write!(f, "{value:02x}"))
    }
}
