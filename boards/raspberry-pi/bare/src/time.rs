//! Time by the core's generic timer.

use core::fmt;
use core::num::NonZero;

use door_firmware::ports::Clock;

use crate::hw::processor;

/// The timer, whose frequency was found sensible.
#[derive(Clone, Copy)]
pub(crate) struct Timer {
    /// Ticks of a second.
    frequency: NonZero<u32>,
}

/// Why there is no time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoFrequency(u64);

impl fmt::Display for NoFrequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(hz) = self;
        write!(
            f,
            "the timer's frequency is {hz} Hz, not 1 to 1000 MHz: what started this image has not set it"
        )
    }
}

impl Timer {
    /// The timer.
    pub(crate) fn new() -> Result<Self, NoFrequency> {
        let hz = processor::timer_frequency();
        let sensible = u32::try_from(hz).ok().filter(|hz| (1_000_000..=1_000_000_000).contains(hz));
        let frequency = sensible.and_then(NonZero::new).ok_or(NoFrequency(hz))?;
        Ok(Self { frequency })
    }

    /// Ticks of so many milliseconds, up to a second.
    pub(crate) fn ticks(self, ms: u16) -> u32 {
        self.frequency.get() / 1000 * u32::from(ms.min(1000))
    }

    /// Microseconds since some moment before the start.
    pub(crate) fn now_us(self) -> u64 {
        let (ticks, second) = (processor::timer_ticks(), NonZero::<u64>::from(self.frequency));
        // A second has at least a million ticks, so neither product overflows.
        ticks / second * 1_000_000 + ticks % second * 1_000_000 / second
    }
}

impl Clock for Timer {
    fn now_ms(&self) -> u64 {
        self.now_us() / 1000
    }
}
