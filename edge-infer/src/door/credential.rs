//! The PIN or card that was last shown, for as long as it counts.

use super::clock::Countdown;
use super::{Credential, SecondFactor};

/// Whose it is, until its time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    person: Option<u32>,
    left: Countdown,
}

impl Shown {
    /// Takes the place of one shown before.
    pub(super) fn show(&mut self, credential: Credential, policy: SecondFactor) {
        if let SecondFactor::Within(ms) = policy {
            self.person = Some(credential.person);
            self.left.start(ms);
        }
    }

    /// Lets time go by.
    pub(super) fn pass(&mut self, ms: u32) {
        if self.left.run(ms) {
            self.person = None;
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether the policy is satisfied for `person`.
    pub(super) fn suffices(&self, person: u32, policy: SecondFactor) -> bool {
        match policy {
            SecondFactor::Off => true,
            SecondFactor::Within(_) => self.person == Some(person),
        }
    }
}
