//! A released lock, and its end whatever the clock does.

use super::clock::Countdown;
use super::{Cause, Ended};

/// Steps during one pulse in which the clock may stand still. Events do share a millisecond; so many are a clock that stopped.
const STANDSTILLS: u8 = 100;

/// An unlock that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pulse {
    cause: Cause,
    left: Countdown,
    standstills: u8,
}

impl Pulse {
    pub(super) fn new(cause: Cause, ms: u32) -> Self {
        let mut left = Countdown::default();
        left.start(ms);
        Self { cause, left, standstills: 0 }
    }

    pub(super) fn cause(&self) -> Cause {
        self.cause
    }

    /// What is left of it.
    pub(super) fn left_ms(&self) -> u32 {
        self.left.left().unwrap_or(0)
    }

    /// Lets time go by; why that was the end of it.
    pub(super) fn run(&mut self, ms: u32) -> Option<Ended> {
        if ms == 0 {
            self.standstills = self.standstills.saturating_add(1);
        }
        if self.left.run(ms) {
            Some(Ended::Pulse)
        } else {
            (self.standstills >= STANDSTILLS).then_some(Ended::Clock)
        }
    }
}
