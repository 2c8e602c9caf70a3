//! What does not wait for the loop: a tick of the core's timer that ends a release which is over, and the program that has starved.

use core::sync::atomic::{AtomicU64, Ordering};

use door_firmware::latch::Latch;
use door_firmware::ports::Clock;
use door_firmware::settings::WATCHDOG_MS;
use door_pi::board::Board;

use crate::gpio::Relay;
use crate::hw::processor;
use crate::time::Timer;
use crate::{ending, interrupts};

/// Milliseconds from tick to tick.
const PERIOD_MS: u16 = 10;

/// When the release of the lock is over.
pub(crate) static LATCH: Latch = Latch::new();
/// When the last decision on a fresh picture was made, in milliseconds of the timer.
static FED_MS: AtomicU64 = AtomicU64::new(0);

/// Lets the ticks come.
pub(crate) fn start(board: &'static Board, timer: Timer) {
    feed(timer);
    interrupts::route(board);
    next(timer);
    processor::unmask();
}

/// Starts the time of starving anew.
pub(crate) fn feed(timer: Timer) {
    FED_MS.store(timer.now_ms(), Ordering::Relaxed);
}

/// A tick.
pub(crate) fn interrupt() {
    let (Some(board), Ok(timer)) = (Board::of(processor::identity()), Timer::new()) else {
        ending::reset("a tick on another board than the start's");
    };
    interrupts::take(board, || {
        next(timer);
        let now_ms = timer.now_ms();
        if LATCH.is_over(now_ms) {
            Relay::locked(board);
        }
        if now_ms.saturating_sub(FED_MS.load(Ordering::Relaxed)) > WATCHDOG_MS.into() {
            ending::reset(format_args!("starved: no fresh decision for {WATCHDOG_MS} ms"));
        }
    });
}

fn next(timer: Timer) {
    processor::interrupt_in(timer.ticks(PERIOD_MS));
}
