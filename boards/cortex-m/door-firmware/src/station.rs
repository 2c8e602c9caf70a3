//! A whole door: self-test, people and log from flash, then camera, lock and the line to the host in turn, for ever.
//!
//! ```text
//! files ─ self_test, pace ─> networks ┐      what fails is in the log
//! flash ─ gallery ─> roster ──────────┴─> door_loop ─> lock ─> ledger ─> audit in flash
//!           └───────── protocol ─ line ── host
//! ```
//!
//! A board makes the parts, calls [`Station::new`], shows [`StationError::blink`] if there is none, and then [`Station::run`]s.
//! Flash is written after the lock was driven, never before. Two things keep a door locked and go on, so that a host can mend them: people
//! that cannot be loaded, and a model without a table for so many of them.

use core::fmt::{Arguments, Display};
use core::ops::Range;

use device_protocol::{Key, MAX_WIRE, Nonce};
use edge_infer::door::{Calibration, Decision, Event, Fault, Policy};
use embedded_storage::nor_flash::NorFlash;
use model_format::{ModelView, PublicKey};

use crate::canary::Fence;
use crate::door_loop::{DoorLoop, Ports, StartError, Turn, TurnError, Witness};
use crate::eyes::{Eyes, Memory};
use crate::fault::Blink;
use crate::ledger;
use crate::pace;
use crate::ports::{Clock, FrameSource, Line, LockOutput, Watchdog};
use crate::protocol::{Parts, Pipeline, Server};
use crate::room::Room;
use crate::roster::Roster;
use crate::self_test::{self, KnownAnswer, Role, SelfTestError};
use crate::store::audit::{self, Audit, Kind, Moment, Rate};
use crate::store::flash::FlashError;
use crate::store::gallery::{Gallery, GalleryError, PreprocessingId};

/// Bytes of a person's record: templates of 128 values.
const SLOT: usize = 256;

/// The flash does not work.
pub const FLASH_FAILED: Blink = Blink::new(10);

/// What was written beside the program: networks, and whom the door obeys.
#[derive(Clone, Copy)]
pub struct Files<'m> {
    /// The detector, signed by the owner.
    pub detector: &'m [u8],
    /// The embedding network, signed by the owner.
    pub embedding: &'m [u8],
    /// What the host computed of the drawn face: [`KnownAnswer`].
    pub answer: &'m [u8],
    /// The owner's public key.
    pub owner: [u8; 32],
    /// The key that the host has too.
    pub host: [u8; 32],
}

/// What lies where in the flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The people; an even number of sectors.
    pub gallery: Range<u32>,
    /// The log.
    pub audit: audit::Layout,
}

impl Layout {
    /// People and the log's two books in the last sectors of a flash of `capacity` bytes, in this order: `gallery` sectors, and `book`
    /// sectors for each of the books.
    #[must_use]
    pub const fn at_end(capacity: u32, sector: u32, gallery: u32, book: u32, rate: Rate) -> Self {
        let routine = capacity - book * sector;
        let kept = routine - book * sector;
        let people = kept - gallery * sector;
        let audit = audit::Layout { kept: kept..routine, routine: routine..capacity, rate };
        Self { gallery: people..kept, audit }
    }
}

/// Routine events of the log: twenty at once, then one a minute.
pub const RATE: Rate = Rate { burst: 20, each_ms: 60_000 };

/// A board's hardware, the lock engaged and its releases bounded to the pulse and [`settings::GRACE_MS`](crate::settings::GRACE_MS).
pub struct Board<'a, F, L, C, N, T> {
    /// The camera.
    pub frames: F,
    /// The lock.
    pub lock: L,
    /// The time.
    pub clock: C,
    /// The flash.
    pub flash: N,
    /// Where in it.
    pub layout: Layout,
    /// To the host.
    pub line: T,
    /// 16 bytes that never come again.
    pub nonce: &'a mut dyn FnMut() -> Nonce,
}

/// Why a board is no door. It stays locked.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StationError<L: Display> {
    /// It proved nothing to itself.
    #[error("self-test: {0}")]
    SelfTest(#[from] SelfTestError),
    /// The people cannot be read.
    #[error("the people: {0}")]
    Gallery(#[from] GalleryError),
    /// The log cannot be read.
    #[error("the log: {0}")]
    Audit(#[from] FlashError),
    /// The door did not start.
    #[error(transparent)]
    Start(#[from] StartError<L>),
}

impl<L: Display> StationError<L> {
    /// Its number for people without a log.
    #[must_use]
    pub fn blink(&self) -> Blink {
        match self {
            Self::SelfTest(error) => error.blink(),
            Self::Gallery(_) | Self::Audit(_) => FLASH_FAILED,
            Self::Start(_) => Blink::new(11),
        }
    }
}

/// Why a board starts again. It locks first.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum End {
    /// The host wants it to.
    #[error("the host asked for a restart")]
    Asked,
    /// Something is not what it was when the board started.
    #[error(transparent)]
    Broken(SelfTestError),
}

/// See the [module](self).
pub struct Station<'m, F, L, C, W, N, T> {
    door: DoorLoop<Witness<'m>>,
    ports: Ports<F, L, C, W>,
    fence: Fence<'m>,
    embedding: ModelView<'m>,
    target_fpir: f32,
    gallery: Gallery<N, SLOT>,
    audit: Audit<N>,
    server: Server,
    line: T,
    nonce: &'m mut dyn FnMut() -> Nonce,
    /// The host asked for one.
    restart: bool,
}

impl<'m, F, L, C, W, N, T> Station<'m, F, L, C, W, N, T>
where
    F: FrameSource,
    L: LockOutput,
    C: Clock + Copy,
    W: Watchdog,
    N: NorFlash + Clone,
    T: Line,
{
    /// A locked door that has proven itself. `watchdog` starts the watchdog, as the last thing.
    ///
    /// # Errors
    /// [`StationError`].
    pub fn new<const ARENA: usize, const TEMPLATES: usize>(
        files: &Files<'m>,
        policy: Policy,
        room: &'m mut Room<ARENA, TEMPLATES>,
        board: Board<'m, F, L, C, N, T>,
        watchdog: impl FnOnce() -> W,
    ) -> Result<Self, StationError<L::Error>> {
        let Board { frames, lock, clock, flash, layout, line, nonce } = board;
        let (fence, mut memory, roster) = room.split();
        let now = Moment { utc_ms: 0, mono_ms: clock.now_ms() };
        let (mut audit, _) = Audit::open(flash.clone(), layout.audit, now)?;
        let proven = prove(files, &mut memory, &clock, policy.camera.age_ms);
        let event = match &proven {
            Ok(_) => audit::Event::new(Kind::Started),
            Err(error) => {
                audit::Event::new(Kind::SelfTestFailed).reason(error.blink().flashes().into())
            }
        };
        // What is lost is counted.
        let _ = audit.append(event, now);
        let [detector, embedding] = proven?;
        let preprocessing = PreprocessingId::of(&detector);
        let (gallery, _) = Gallery::open(flash, layout.gallery, preprocessing)?;
        let eyes = Eyes::new(detector, embedding, memory).map_err(SelfTestError::Detector)?;
        let witness = Witness { eyes, roster: Roster::new(&embedding, roster) };
        let pipeline = Pipeline { model: embedding.id(), preprocessing };
        let server = Server::new(Key::new(files.host), pipeline);
        let mut ports = Ports { frames, lock, clock, watchdog: watchdog() };
        let target_fpir = policy.target_fpir;
        let door = DoorLoop::new(policy, 0, witness, None, &mut ports)?;
        let mut station = Self {
            door,
            ports,
            fence,
            embedding,
            target_fpir,
            gallery,
            audit,
            server,
            line,
            nonce,
            restart: false,
        };
        station.load();
        Ok(station)
    }

    /// The newest frame, if there is one, and all that the host has sent. `tell` gets every decision, after it was acted upon.
    ///
    /// # Errors
    /// [`TurnError`], of which the door was told. The next turn is to be made all the same.
    pub fn turn(
        &mut self,
        tell: &mut dyn FnMut(&Decision),
    ) -> Result<Turn, TurnError<F::Error, L::Error>> {
        let now = self.now();
        let Self { door, ports, audit, .. } = self;
        let turn = door.turn(ports, &mut |decision| {
            ledger::keep(decision, audit, now);
            tell(decision);
        });
        audit.tick(now);
        self.serve();
        turn
    }

    /// Turns for ever, until the board is to be reset. `log` gets every action, and what a turn failed by; `idle` waits a little, where there
    /// was no frame.
    pub fn run(&mut self, idle: &mut dyn FnMut(), log: &mut dyn FnMut(Arguments<'_>)) -> End {
        while self.fence.is_whole() && !self.restart {
            let turn = self.turn(&mut |decision| {
                decision.actions().for_each(|action| log(format_args!("{action:?}")));
            });
            match turn {
                Ok(turn) if turn.fresh => log(format_args!("{}", turn.decision.reason())),
                Ok(_) => idle(),
                Err(error) => log(format_args!("{error}")),
            }
        }
        if self.restart { End::Asked } else { End::Broken(SelfTestError::Canary) }
    }

    /// Answers all that came over the line.
    fn serve(&mut self) {
        let mut out = [0; MAX_WIRE];
        let now = self.now();
        let mut changed = false;
        while let Some(byte) = self.line.read() {
            let Self { fence, gallery, audit, .. } = self;
            // The networks were tested when the board started. Since then only this can have changed.
            let mut self_test = || match fence.is_whole() {
                true => 0,
                false => SelfTestError::Canary.blink().flashes().into(),
            };
            let mut parts = Parts {
                gallery,
                audit,
                slots: None,
                self_test: &mut self_test,
                nonce: &mut *self.nonce,
                now,
            };
            let outcome = self.server.receive(byte, &mut parts, &mut out);
            self.line.write(outcome.send);
            changed |= outcome.changed;
            self.restart |= outcome.restart;
        }
        if changed {
            self.load();
        }
    }

    /// Reads the people from flash, and tells the door how close a face must come to one of so many.
    fn load(&mut self) {
        let roster = &mut self.door.sight_mut().roster;
        let loaded = roster.load(&mut self.gallery).is_ok();
        // Nobody enrolled, or a table that does not go so far: it opens for nobody.
        let calibration = roster.calibrate(self.target_fpir, &self.embedding).ok();
        let fault = if loaded { Event::FaultCleared } else { Event::FaultRaised };
        self.tell(fault(Fault::Gallery));
        self.tell(Event::Calibration(calibration.filter(|_: &Calibration| loaded)));
    }

    fn tell(&mut self, event: Event) {
        let now = self.now();
        let Self { door, ports, audit, .. } = self;
        // A lock that cannot be driven fails the next turn as well, which says so.
        let _ = door.tell(event, ports, &mut |decision| ledger::keep(decision, audit, now));
    }

    fn now(&self) -> Moment {
        Moment { utc_ms: 0, mono_ms: self.ports.clock.now_ms() }
    }
}

/// The networks, if they are the owner's, this board computes with them what the host did, and it does so in time.
fn prove<'m>(
    files: &Files<'m>,
    memory: &mut Memory<'_>,
    clock: &impl Clock,
    oldest_ms: u32,
) -> Result<[ModelView<'m>; 2], SelfTestError> {
    let owner = PublicKey(files.owner);
    let detector = self_test::open(Role::Detector, files.detector, Some(&owner))?;
    let embedding = self_test::open(Role::Embedding, files.embedding, Some(&owner))?;
    let answer = KnownAnswer::from_bytes(files.answer).ok_or(SelfTestError::NoAnswer)?;
    let _ = self_test::check(detector, embedding, &answer, memory)?;
    pace::check(pace::frame_ms(detector, embedding, memory, clock)?, oldest_ms)?;
    Ok([detector, embedding])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_log_are_at_the_end_of_either_chip() {
        let ranges = |Layout { gallery, audit }: Layout| [gallery, audit.kept, audit.routine];
        // A W25Q64, and a Raspberry Pi Pico 2's.
        let w25q64 = ranges(Layout::at_end(8 << 20, 4096, 16, 16, RATE));
        assert_eq!(w25q64, [0x7d_0000..0x7e_0000, 0x7e_0000..0x7f_0000, 0x7f_0000..0x80_0000]);
        let rp2350 = ranges(Layout::at_end(4 << 20, 4096, 16, 16, RATE));
        assert_eq!(rp2350, [0x3d_0000..0x3e_0000, 0x3e_0000..0x3f_0000, 0x3f_0000..0x40_0000]);
    }
}
