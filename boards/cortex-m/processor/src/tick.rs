//! Milliseconds, by the processor's own timer, and the latch that they end.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use door_firmware::latch::Latch;
use door_firmware::ports::Clock;
use embedded_hal::delay::DelayNs;

/// The lower half of the milliseconds, which turns over every 49 days, and the upper one.
static LOW: AtomicU32 = AtomicU32::new(0);
static HIGH: AtomicU32 = AtomicU32::new(0);

/// Bounds every release of the lock.
pub static LATCH: Latch = Latch::new();

/// The time since [`start`].
#[derive(Clone, Copy, Debug)]
pub struct Ticks(());

/// Starts the clock, of a processor of `processor_hz`.
pub fn start(processor_hz: u32, timer: &mut SYST) -> Ticks {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(processor_hz / 1_000 - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
    Ticks(())
}

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        loop {
            let high = HIGH.load(Ordering::SeqCst);
            let low = LOW.load(Ordering::SeqCst);
            // Unless the interrupt came in between and carried, the halves belong together.
            if HIGH.load(Ordering::SeqCst) == high {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }
}

impl DelayNs for Ticks {
    /// In whole milliseconds, never less than asked for.
    fn delay_ns(&mut self, ns: u32) {
        let start_ms = self.now_ms();
        let whole_ms = u64::from(ns.div_ceil(1_000_000));
        while self.now_ms() - start_ms <= whole_ms {}
    }
}

/// For the timer's interrupt alone, once a millisecond. `engage` drives the lock by a handle of its own.
pub fn tick(engage: impl FnOnce()) {
    let low = LOW.load(Ordering::SeqCst).wrapping_add(1);
    LOW.store(low, Ordering::SeqCst);
    if low == 0 {
        HIGH.store(HIGH.load(Ordering::SeqCst).wrapping_add(1), Ordering::SeqCst);
    }
    // The latch compares lower halves alone.
    if LATCH.is_over(low.into()) {
        engage();
    }
}
