//! What the contact in the door frame says: opened with leave, forced, left open.

use super::clock::Countdown;
use super::{Audit, Contact, ContactPolicy};

/// The door as the contact last had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doorway {
    stands: Option<Contact>,
    /// Since the lock engaged: whoever pulled in time may still be opening.
    grace: Countdown,
    /// Until the door has stood open for too long.
    open: Countdown,
}

impl Doorway {
    /// Lets time go by; whether the door has now been left open.
    pub(super) fn pass(&mut self, ms: u32) -> bool {
        self.grace.run(ms);
        self.open.run(ms)
    }

    pub(super) fn is_open(&self) -> bool {
        self.stands == Some(Contact::Open)
    }

    /// The lock has engaged after an unlock.
    pub(super) fn relocked(&mut self, policy: &ContactPolicy) {
        self.grace.start(policy.grace_ms);
    }

    /// The contact's state; what it means if it is a change. A door that is open when first seen was opened by nobody knows whom, so
    /// it counts as forced.
    pub(super) fn set(
        &mut self,
        contact: Contact,
        unlocked: bool,
        policy: &ContactPolicy,
    ) -> Option<Audit> {
        let before = self.stands.replace(contact);
        if before == Some(contact) {
            return None;
        }
        match contact {
            Contact::Open => {
                self.open.start(policy.left_open_ms);
                let leave = unlocked || self.grace.left().is_some();
                Some(if leave { Audit::Contact(contact) } else { Audit::Forced })
            }
            Contact::Closed => {
                self.open.stop();
                self.grace.stop();
                before.map(|_| Audit::Contact(contact))
            }
        }
    }
}
