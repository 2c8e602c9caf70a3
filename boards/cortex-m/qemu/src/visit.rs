//! The door: a rehearsal on files that the emulator lends, with this board's lock, timer and watchdog.

use core::fmt::{Arguments, Write as _};

use door_firmware::fault::Blink;
use door_firmware::latch::Latched;
use door_firmware::pin::PinLock;
use door_firmware::ports::{Clock as _, StatusLight as _};
use door_firmware::rehearsal::{self, RehearsalError, Room, Stage};
use door_firmware::self_test::SelfTestError;
use door_firmware::settings;
use model_format::PublicKey;
use semihosting::println;
use static_cell::ConstStaticCell;

use crate::files::Store;
use crate::pins::Light;
use crate::program::{Told, read};
use crate::tick::{LATCH, Ticks};
use crate::watchdog::Cmsdk;
use crate::{Board, pins};

/// Bytes of the networks' arena: what a detector of 256x320 pixels takes, whose plan is the larger one.
pub const ARENA_BYTES: usize = 640 << 10;

/// The memory of networks and people.
pub static ROOM: ConstStaticCell<Room<ARENA_BYTES>> = ConstStaticCell::new(Room::new());

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

/// Runs the visit to its end, and until the lock is engaged again.
pub fn run(board: &Board, clock: Ticks, store: &Store, files: &Files<'_>) -> Result<(), Told> {
    let files = rehearsal::Files {
        detector: read(store, files.detector)?,
        embedding: read(store, files.embedding)?,
        answer: read(store, files.answer)?,
        visit: read(store, files.visit)?,
        key: match files.key {
            "" => None,
            name => Some(public_key(store, name)?),
        },
    };
    let stage = Stage {
        lock: latched(board, clock),
        clock,
        watchdog: &mut || Cmsdk::start(board, settings::WATCHDOG_MS),
        idle: &mut cortex_m::asm::wfi,
        log: &mut print,
        tell: &mut |_| (),
    };
    match rehearsal::rehearse(&files, ROOM.take(), stage) {
        Ok(()) => Ok(()),
        Err(RehearsalError::SelfTest(error)) => Err(refuse(board, clock, &error)),
        Err(error) => Err(Told::error(error)),
    }
}

/// The lock, each release of which ends with the rehearsal's pulse or a little later.
pub fn latched(board: &Board, clock: Ticks) -> Latched<'static, PinLock<Light>, Ticks> {
    let longest_ms = rehearsal::policy().pulse_ms + settings::GRACE_MS;
    Latched::new(pins::lock(board), clock, &LATCH, longest_ms)
}

/// The owner's public key in a file.
pub fn public_key(store: &Store, name: &str) -> Result<PublicKey, Told> {
    let key = read(store, name)?.as_ref().try_into();
    key.map(PublicKey).map_err(|_| Told::error("a key of other than 32 bytes"))
}

/// Says why the board is no door, in words and by its light.
pub fn refuse(board: &Board, clock: Ticks, error: &SelfTestError) -> Told {
    println!("self-test failed: {error}");
    blink(board, clock, error.blink());
    Told
}

/// Prints a line in one piece, as long as it is no longer than that.
pub fn print(text: Arguments<'_>) {
    let mut line = Line::default();
    match line.write_fmt(text) {
        Ok(()) => println!("{}", line.text()),
        Err(_) => println!("{text}"),
    }
}

/// The longest line is that of a template.
const LINE_BYTES: usize = 16 + 2 * rehearsal::LEN;

/// A line in one piece: semihosting is slow by the call.
struct Line {
    bytes: [u8; LINE_BYTES],
    used: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: [0; LINE_BYTES], used: 0 }
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
