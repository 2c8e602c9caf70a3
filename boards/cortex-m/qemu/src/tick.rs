//! Milliseconds, by the processor's own timer, and the latch that they end.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use door_firmware::latch::Latch;
use door_firmware::ports::Clock;

use crate::{Board, pins};

static MILLISECONDS: AtomicU32 = AtomicU32::new(0);

/// Bounds every release of the lock.
pub static LATCH: Latch = Latch::new();

/// The time since [`start`]. It turns over after 49 days; a board that runs for longer takes a wider counter.
#[derive(Clone, Copy, Debug)]
pub struct Ticks(());

/// Starts the clock.
pub fn start(board: &Board, timer: &mut SYST) -> Ticks {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(board.processor_hz / 1_000 - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
    Ticks(())
}

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        MILLISECONDS.load(Ordering::Relaxed).into()
    }
}

/// For the timer's interrupt alone, once a millisecond.
pub fn tick(board: &Board) {
    let now = MILLISECONDS.load(Ordering::Relaxed).wrapping_add(1);
    MILLISECONDS.store(now, Ordering::Relaxed);
    if LATCH.is_over(now.into()) {
        // A new handle engages the lock.
        let _ = pins::lock(board);
    }
}
