//! The door itself: what `door-firmware` makes of this board's relay, timer and watchdogs and of the files of the RAM disk.
//!
//! | file | |
//! |---|---|
//! | `detector.afm`, `embedding.afm` | the networks |
//! | `answer` | what the host computed of the drawn face |
//! | `visit` | the frames, those that enrol first |

use door_firmware::latch::Latched;
use door_firmware::pin::PinLock;
use door_firmware::ports::LockOutput;
use door_firmware::rehearsal::{self, Files, Room, Stage};
use door_firmware::settings;
use door_pi::archive::Archive;
use door_pi::board::Board;
use embedded_hal::digital::PinState;

use crate::gpio::Relay;
use crate::hw::processor;
use crate::serial::{Serial, log};
use crate::tick::LATCH;
use crate::time::Timer;
use crate::watchdog::Watchdogs;
use crate::{KEY, ending};

/// The lock, engaged. The tick ends each of its releases after `pulse_ms` and a little.
pub(crate) fn lock(board: &'static Board, timer: Timer, pulse_ms: u32) -> impl LockOutput {
    let lock = match PinLock::new(Relay::locked(board), PinState::High) {
        Ok(lock) => lock,
        Err(error) => match error.0 {},
    };
    Latched::new(lock, timer, &LATCH, pulse_ms + settings::GRACE_MS)
}

/// Runs until the frames of the disk are over. Whatever goes wrong ends in a reset.
pub(crate) fn run<const ARENA: usize>(
    board: &'static Board,
    timer: Timer,
    disk: &Archive<'static>,
    room: &'static mut Room<ARENA>,
    mut serial: Serial,
) {
    let file = |name| {
        let missing = || ending::reset(format_args!("the RAM disk has no file `{name}`"));
        disk.file(name).unwrap_or_else(missing)
    };
    let files = Files {
        detector: file("detector.afm"),
        embedding: file("embedding.afm"),
        answer: file("answer"),
        visit: file("visit"),
        key: KEY,
    };
    let stage = Stage {
        lock: lock(board, timer, rehearsal::policy().pulse_ms),
        clock: timer,
        watchdog: &mut || Watchdogs::start(board, timer),
        idle: &mut processor::wait,
        log: &mut |line| log!(serial, "{line}"),
        // Nothing here outlasts the power: there is no flash, and no driver for the SD card.
        tell: &mut |_| (),
    };
    rehearsal::rehearse(&files, room, stage).unwrap_or_else(|error| ending::reset(error));
}
