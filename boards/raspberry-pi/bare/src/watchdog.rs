//! Two watchdogs that only a decision on a fresh picture feeds. The first to bite is the core's own timer ([`tick`]): it locks, says why and
//! resets. Should the core not even take that interrupt, the board's watchdog resets it a second later, to a start that locks.

use door_firmware::ports::Watchdog;
use door_firmware::settings::WATCHDOG_MS;
use door_pi::board::Board;

use crate::hw::processor;
use crate::hw::registers::Registers;
use crate::tick;
use crate::time::Timer;

const OFFSET: usize = 0x10_0000;
const RESET_CONTROL: usize = 0x1C;
const RESET_STATUS: usize = 0x20;
const COUNT: usize = 0x24;
/// Every write begins with it.
const PASSWORD: u32 = 0x5A00_0000;
/// What happens when the count is over, two bits: a reset of everything.
const WHAT: u32 = 0b11 << 4;
const RESET_ALL: u32 = 0b10 << 4;
/// The count's ticks of a second; it has 20 bits.
const TICKS: u32 = 1 << 16;
/// A second more than the first watchdog's time.
const SECONDS: u32 = WATCHDOG_MS / 1000 + 1;
const _: () = assert!(SECONDS < 16, "the count is over after 16 s");
/// Six bits, every other one, that tell the firmware to stay off after a reset.
const STAY_OFF: u32 = 0b101_0101_0101;

/// Both watchdogs, fed together.
pub(crate) struct Watchdogs {
    board: &'static Board,
    timer: Timer,
}

impl Watchdogs {
    /// Starts them.
    pub(crate) fn start(board: &'static Board, timer: Timer) -> Self {
        let mut watchdogs = Self { board, timer };
        watchdogs.feed();
        tick::start(board, timer);
        watchdogs
    }
}

impl Watchdog for Watchdogs {
    fn feed(&mut self) {
        tick::feed(self.timer);
        // An emulator takes the command to count for the command to reset.
        if cfg!(not(feature = "emulated")) {
            reset_in(self.board, SECONDS * TICKS);
        }
    }
}

/// Resets the board now.
pub(crate) fn reset(board: &'static Board) -> ! {
    reset_in(board, 1);
    processor::stop()
}

/// Lets the board count so many ticks, at most 20 bits, to its reset.
fn reset_in(board: &'static Board, ticks: u32) {
    let power = power(board);
    power.write::<COUNT>(PASSWORD | ticks);
    let others = power.read::<RESET_CONTROL>() & 0xFF_FFFF & !WHAT;
    power.write::<RESET_CONTROL>(PASSWORD | others | RESET_ALL);
}

/// Resets the board and has the firmware leave it there.
pub(crate) fn power_off(board: &'static Board) -> ! {
    let power = power(board);
    power.write::<RESET_STATUS>(PASSWORD | power.read::<RESET_STATUS>() & 0xFF_FFFF | STAY_OFF);
    reset(board)
}

fn power(board: &'static Board) -> Registers {
    Registers::of::<OFFSET>(board)
}
