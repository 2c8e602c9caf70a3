//! The door with all that it keeps: people, log and models in flash, a line to the host, models on trial. It goes on after a reset.
//!
//! There is no camera. What happens at the door next is a line in the file `next`, which the tests write:
//!
//! | line | |
//! |---|---|
//! | `show VISIT` | visitors come, whose frames are in the file `VISIT` |
//! | `install PACKAGE` | an update comes, without the line |
//! | `end` | the program ends |

use core::cell::RefCell;

use cortex_m::peripheral::SCB;
use device_protocol::{Key, MAX_WIRE};
use door_firmware::ports::Clock as _;
use door_firmware::protocol::{Outcome, Parts, Pipeline, Server, Slots};
use door_firmware::rehearsal::{self, Networks, Room, Stage};
use door_firmware::self_test::{self, Role};
use door_firmware::store::audit::{Event, Kind, Moment};
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::PreprocessingId;
use door_firmware::store::memory::MemoryFlash;
use door_firmware::store::model::{Boot, Models, SIGNED_BYTES, SignedManifest, Why};
use door_firmware::store::storage::Storage;
use door_firmware::visit::Visit;
use door_firmware::{ledger, settings};
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash as _};
use semihosting::println;
use static_cell::StaticCell;

use crate::files::{Store, take_line};
use crate::line::Line;
use crate::program::{Told, read};
use crate::tick::Ticks;
use crate::visit::{ARENA_BYTES, ROOM, latched, print, public_key, refuse};
use crate::watchdog::Cmsdk;
use crate::{Board, flash, stack};

/// Bytes of a person's slot.
const SLOT: usize = 256;

/// Names of the files.
#[derive(Debug)]
pub struct Files<'a> {
    /// The detector.
    pub detector: &'a str,
    /// The model that the board leaves the factory with: a signed manifest, and the file.
    pub factory: &'a str,
    /// The owner's public key, 32 bytes.
    pub owner: &'a str,
    /// The key that the host has too, 32 bytes.
    pub secret: &'a str,
}

type Chip = Shared<'static, MemoryFlash<'static>>;

/// A board whose models have proven themselves. It is no part of the stack, most of which the networks take.
struct Door {
    board: &'static Board,
    clock: Ticks,
    store: Store,
    networks: Networks<'static>,
    boot: Boot,
    storage: Storage<Chip, SLOT>,
    room: &'static mut Room<ARENA_BYTES>,
    server: Server,
    sessions: u32,
}

static CHIP: StaticCell<RefCell<MemoryFlash<'static>>> = StaticCell::new();
static DOOR: StaticCell<Door> = StaticCell::new();

/// Runs until the file `next` says that it ends.
pub fn run(
    board: &'static Board,
    clock: Ticks,
    store: Store,
    power_came: bool,
    files: &Files<'_>,
) -> Result<(), Told> {
    start(board, clock, store, power_came, files)?.serve()
}

/// From reset to proof.
#[inline(never)]
fn start(
    board: &'static Board,
    clock: Ticks,
    store: Store,
    power_came: bool,
    files: &Files<'_>,
) -> Result<&'static mut Door, Told> {
    // A model on trial may hang; the reset brings the one before back.
    let _watchdog = Cmsdk::start(board, settings::WATCHDOG_MS);
    let chip = flash::open(&store, power_came).map_err(Told::error)?;
    let chip = &*CHIP.init(RefCell::new(chip));
    let owner = public_key(&store, files.owner)?;
    let secret = read(&store, files.secret)?.as_ref().try_into();
    let secret = secret.map_err(|_| Told::error("a secret of other than 32 bytes"))?;
    let detector = read(&store, files.detector)?;
    let detector = self_test::open(Role::Detector, detector, Some(&owner))
        .map_err(|error| refuse(board, clock, &error))?;
    let preprocessing = PreprocessingId::of(&detector);
    let now = moment(clock);
    let mut storage = Storage::open(Shared(chip), flash::layout(), owner, preprocessing, now)
        .map_err(Told::error)?;
    if power_came {
        install(&mut storage.models, read(&store, files.factory)?)?;
    }
    let boot = storage.boot(moment(clock)).map_err(Told::error)?;
    println!("boot {}: model {}, {:?}", storage.audit.boot(), boot.manifest.counter, boot.why);
    // A board with flash reads it where it lies.
    let file = store.take(boot.file.len()).map_err(Told::error)?;
    let copied = chip.borrow_mut().read(boot.file.start, file);
    copied.map_err(|error| Told::error(format_args!("the flash: {error}")))?;
    let room = ROOM.take();
    let proven = self_test::open(Role::Embedding, file, Some(&owner)).and_then(|embedding| {
        let networks = Networks { detector, embedding };
        networks.check(&boot.manifest.known_answer(), room, &mut print).map(|()| networks)
    });
    let networks = match proven {
        Ok(networks) => networks,
        Err(error) => {
            storage.failed(&error, moment(clock));
            let told = refuse(board, clock, &error);
            if boot.why == Why::Trial {
                // The next boot takes the model before.
                SCB::sys_reset();
            }
            return Err(told);
        }
    };
    storage.proven(&boot, moment(clock)).map_err(Told::error)?;
    let pipeline = Pipeline { model: networks.embedding.id(), preprocessing };
    let server = Server::new(Key::new(secret), pipeline);
    let door = Door { board, clock, store, networks, boot, storage, room, server, sessions: 0 };
    Ok(DOOR.init(door))
}

impl Door {
    /// Answers the host, and does what the file `next` says.
    fn serve(&mut self) -> Result<(), Told> {
        let mut line = Line::start(self.board);
        println!("ready");
        loop {
            while let Some(byte) = line.receive() {
                self.answer(byte, &mut line);
            }
            let mut words = [0; 64];
            let next = take_line("next", &mut words).map_err(Told::error)?;
            match next.and_then(|next| next.split_once(' ').or(Some((next, "")))) {
                Some(("show", visit)) => self.show(visit)?,
                Some(("install", package)) => {
                    install(&mut self.storage.models, read(&self.store, package)?)?;
                    // What is lost is counted.
                    let event = Event::new(Kind::Installed);
                    let _ = self.storage.audit.append(event, moment(self.clock));
                    println!("installed");
                }
                Some(("end", "")) => return Ok(()),
                Some(_) => {
                    return Err(Told::error("the file `next` says nothing that can be done"));
                }
                None => cortex_m::asm::wfi(),
            }
        }
    }

    #[inline(never)]
    fn answer(&mut self, byte: u8, line: &mut Line) {
        let Self { clock, networks, boot, storage, room, server, sessions, .. } = self;
        let Storage { gallery, audit, models } = storage;
        let (now, number) = (moment(*clock), audit.boot());
        let answer = boot.manifest.known_answer();
        let mut parts = Parts {
            gallery,
            audit,
            slots: Some(Slots { models, boot }),
            self_test: &mut || match networks.check(&answer, room, &mut print) {
                Ok(()) => 0,
                Err(error) => error.blink().flashes().into(),
            },
            nonce: &mut || {
                *sessions += 1;
                nonce(number, *sessions)
            },
            now,
        };
        // That people changed is nothing to do: they are loaded whenever somebody comes.
        let mut out = [0; MAX_WIRE];
        let Outcome { send, restart, .. } = server.receive(byte, &mut parts, &mut out);
        line.send(send);
        if restart {
            SCB::sys_reset();
        }
    }

    #[inline(never)]
    fn show(&mut self, visit: &str) -> Result<(), Told> {
        let Self { board, clock, store, networks, storage, room, .. } = self;
        let visit = Visit::parse(read(store, visit)?).map_err(Told::error)?;
        let Storage { gallery, audit, .. } = storage;
        let stage = Stage {
            lock: latched(board, *clock),
            clock: *clock,
            watchdog: &mut || Cmsdk::start(board, settings::WATCHDOG_MS),
            idle: &mut cortex_m::asm::wfi,
            log: &mut print,
            tell: &mut |decision| ledger::keep(decision, audit, moment(*clock)),
        };
        rehearsal::show(networks, room, gallery, visit, stage).map_err(Told::error)?;
        let (used, of) = stack::used();
        println!("shown; stack {used} of {of}");
        Ok(())
    }
}

/// Puts the model of a package into the slot that does not run.
#[inline(never)]
fn install<F: NorFlash + Clone>(models: &mut Models<F>, package: &[u8]) -> Result<(), Told> {
    let (manifest, file) = package
        .split_first_chunk::<SIGNED_BYTES>()
        .ok_or_else(|| Told::error("a package that is shorter than a manifest"))?;
    let installed = models.install(SignedManifest::from_bytes(manifest)).and_then(|mut install| {
        install.write(file)?;
        install.finish()
    });
    installed.map_err(Told::error)
}

/// Now; the board does not know the date.
fn moment(clock: Ticks) -> Moment {
    Moment { utc_ms: 0, mono_ms: clock.now_ms() }
}

/// Never the same: the log counts boots, and the program its sessions.
fn nonce(boot: u32, session: u32) -> [u8; 16] {
    let mut nonce = [0; 16];
    nonce[..4].copy_from_slice(&boot.to_le_bytes());
    nonce[4..8].copy_from_slice(&session.to_le_bytes());
    nonce
}
