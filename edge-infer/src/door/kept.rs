//! A door and its lock together: the lock is driven after every step, and a lock that fails is a fault of the door.
//!
//! ```text
//! event ──> Door::step ──> bolt ──> drive ── Err ──> Fault::Lock, drive(Locked)       until drive(Locked) succeeds again
//! ```
//!
//! How a lock is driven is the caller's, as one function.

use super::{Bolt, Decision, Door, Event, Fault};

/// A door that follows its lock.
#[derive(Clone, Debug)]
pub struct Kept {
    door: Door,
    /// Whether the lock failed, and has not obeyed since.
    failed: bool,
}

impl Kept {
    /// A door whose lock is engaged by now.
    ///
    /// # Errors
    /// Of `drive`.
    pub fn new<E>(door: Door, mut drive: impl FnMut(Bolt) -> Result<(), E>) -> Result<Self, E> {
        drive(Bolt::Locked)?;
        Ok(Self { door, failed: false })
    }

    /// The door.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Tells the door, and drives the lock as it says; `tell` gets every decision, for the audit log. A lock that failed before is
    /// engaged first, and its fault is cleared if it obeys.
    ///
    /// # Errors
    /// Of `drive`. The door was told of it and stays locked until the lock obeys; the event was not told if it was the lock's
    /// recovery that failed.
    pub fn step<E>(
        &mut self,
        now_ms: u64,
        event: Event,
        mut drive: impl FnMut(Bolt) -> Result<(), E>,
        mut tell: impl FnMut(&Decision),
    ) -> Result<Decision, E> {
        if self.failed {
            drive(Bolt::Locked)?;
            self.failed = false;
            tell(&self.door.step(now_ms, Event::FaultCleared(Fault::Lock)));
        }
        let decision = self.door.step(now_ms, event);
        let driven = drive(decision.bolt());
        if driven.is_err() {
            // A lock that failed to open must not open later, when nobody stands before it.
            let _ = drive(Bolt::Locked);
        }
        // Now, as it may take long: a log is in flash.
        tell(&decision);
        if driven.is_err() {
            self.failed = true;
            tell(&self.door.step(now_ms, Event::FaultRaised(Fault::Lock)));
        }
        driven.map(|()| decision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::{Action, Audit, Exit, Policy, State};
    use std::vec::Vec;

    fn kept(drive: impl FnMut(Bolt) -> Result<(), u8>) -> Result<Kept, u8> {
        let door = Door::new(Policy { exit: Exit::Free, ..Policy::default() }).unwrap();
        Kept::new(door, drive)
    }

    #[test]
    fn the_lock_is_engaged_before_the_door_is_there() {
        assert_eq!(kept(|bolt| Err(bolt as u8)).unwrap_err(), Bolt::Locked as u8);
    }

    #[test]
    fn a_lock_that_fails_is_a_fault_until_it_obeys() {
        let mut kept = kept(|_| Ok(())).unwrap();
        let mut driven = Vec::new();
        let failed = kept.step(
            10,
            Event::ExitButton,
            |bolt| {
                driven.push(bolt);
                Err(7)
            },
            |_| (),
        );
        assert_eq!((failed, driven), (Err(7), [Bolt::Unlocked, Bolt::Locked].to_vec()));
        // While it does not obey, nothing is told.
        let mut told = 0;
        assert_eq!(kept.step(20, Event::Tick, |_| Err(8), |_| told += 1), Err(8));
        assert_eq!(told, 0);
        let mut driven = Vec::new();
        let drive = |bolt| {
            driven.push(bolt);
            Ok::<(), u8>(())
        };
        let mut audits = Vec::new();
        let tell = |decision: &Decision| audits.extend(decision.actions());
        let decision = kept.step(1_900, Event::Tick, drive, tell).unwrap();
        assert!(audits.contains(&Action::Audit(Audit::FaultCleared(Fault::Lock))), "{audits:?}");
        assert_eq!(driven.first(), Some(&Bolt::Locked));
        assert_eq!(driven.last(), Some(&decision.bolt()));
    }

    #[test]
    fn the_lock_is_driven_before_anybody_is_told() {
        let story = core::cell::RefCell::new(Vec::new());
        let mut kept = kept(|_| Ok(())).unwrap();
        let drive = |bolt| {
            story.borrow_mut().push(match bolt {
                Bolt::Unlocked => "unlocked",
                Bolt::Locked => "locked",
            });
            Err(7)
        };
        let told = |_: &Decision| story.borrow_mut().push("told");
        assert_eq!(kept.step(10, Event::ExitButton, drive, told), Err(7));
        assert_eq!(story.into_inner(), ["unlocked", "locked", "told", "told"]);
    }

    #[test]
    fn a_lock_that_fails_while_locked_makes_the_door_faulty() {
        let mut kept = kept(|_| Ok(())).unwrap();
        assert_eq!(kept.step(10, Event::Tick, |_| Err(7), |_| ()), Err(7));
        assert_eq!(kept.door().state(), State::Faulted(Fault::Lock));
        let decision = kept.step(20, Event::Tick, |_| Ok::<(), u8>(()), |_| ()).unwrap();
        assert_eq!((decision.bolt(), kept.door().state()), (Bolt::Locked, State::Locked));
    }
}
