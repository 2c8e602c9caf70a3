//! Refusals: a few are free, each further one costs twice the pause of the last.

use super::LockoutPolicy;
use super::clock::Countdown;

/// Refusals so far and the pause that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lockout {
    refusals: u32,
    pause: Countdown,
    /// Until the refusals are forgotten.
    memory: Countdown,
}

impl Lockout {
    /// After a restart with so many refusals, of which nobody knows how long ago they were: the whole pause is still to come.
    pub(super) fn resume(refusals: u32, policy: &LockoutPolicy) -> Self {
        let mut lockout = Self { refusals, ..Self::default() };
        lockout.begin(policy);
        lockout
    }

    pub(super) fn refusals(&self) -> u32 {
        self.refusals
    }

    /// What is left of the pause; `None` if none runs.
    pub(super) fn left(&self) -> Option<u32> {
        self.pause.left()
    }

    /// Lets time go by. The refusals are forgotten only after a quiet time that begins with the pause's end.
    pub(super) fn pass(&mut self, ms: u32) {
        if self.pause.left().is_some() {
            self.pause.run(ms);
        } else if self.memory.run(ms) {
            *self = Self::default();
        }
    }

    /// Counts a refusal; the pause that it costs.
    pub(super) fn refuse(&mut self, policy: &LockoutPolicy) -> Option<u32> {
        self.refusals = self.refusals.saturating_add(1);
        self.begin(policy);
        self.pause.left()
    }

    /// Somebody was let in: all is forgotten.
    pub(super) fn forgive(&mut self) {
        *self = Self::default();
    }

    fn begin(&mut self, policy: &LockoutPolicy) {
        if self.refusals > 0 {
            self.memory.start(policy.forget_ms);
        }
        if let Some(doublings) = self.refusals.checked_sub(u32::from(policy.free) + 1) {
            let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
            self.pause.start(policy.first_ms.saturating_mul(factor).min(policy.longest_ms));
        }
    }
}
