//! The end of a release that does not wait for the loop: a board's tick interrupt asks whether it is over, and engages the lock itself.
//!
//! ```text
//! loop ──── drive ────> Latched ──> lock          Unlocked: until now + longest_ms, and no longer by being repeated
//! interrupt ─ is_over ─> Latch                     over: engaged by the interrupt; refused until the loop drives Locked
//! ```
//!
//! A frame can take a second on a small processor, and the door ends a pulse with its first step after it. The latch bounds what a
//! late or hanging loop adds to it.

use core::fmt::Display;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use edge_infer::door::Bolt;

use crate::ports::{Clock, LockOutput};

/// What loop and interrupt share: when the release ends.
#[derive(Debug, Default)]
pub struct Latch {
    released: AtomicBool,
    /// In the lower 32 bits of the board's milliseconds, which turn over every 49 days.
    since_ms: AtomicU32,
    longest_ms: AtomicU32,
    tripped: AtomicBool,
}

impl Latch {
    /// Engaged.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            released: AtomicBool::new(false),
            since_ms: AtomicU32::new(0),
            longest_ms: AtomicU32::new(0),
            tripped: AtomicBool::new(false),
        }
    }

    /// Whether the lock is to be engaged now, whatever the loop says. To be asked by an interrupt, and obeyed at once.
    pub fn is_over(&self, now_ms: u64) -> bool {
        if !self.released.load(Ordering::SeqCst) {
            return false;
        }
        let open_ms = (now_ms as u32).wrapping_sub(self.since_ms.load(Ordering::SeqCst));
        let over = open_ms > self.longest_ms.load(Ordering::SeqCst);
        if over {
            self.tripped.store(true, Ordering::SeqCst);
        }
        over
    }
}

/// A lock whose releases the latch bounds.
#[derive(Debug)]
pub struct Latched<'a, L, C> {
    lock: L,
    clock: C,
    latch: &'a Latch,
}

/// Why the lock was not released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LatchError<E: Display> {
    /// It could not be driven.
    #[error(transparent)]
    Lock(E),
    /// The release was over, and the loop asked for more.
    #[error("it was released for {longest_ms} ms, and was engaged by the latch")]
    Over {
        /// The longest release.
        longest_ms: u32,
    },
}

impl<'a, L: LockOutput, C: Clock> Latched<'a, L, C> {
    /// Bounds every release of `lock`, which is engaged, to `longest_ms`: a pulse, and what the loop may be late by.
    pub fn new(lock: L, clock: C, latch: &'a Latch, longest_ms: u32) -> Self {
        latch.longest_ms.store(longest_ms, Ordering::SeqCst);
        Self { lock, clock, latch }
    }
}

impl<L: LockOutput, C: Clock> LockOutput for Latched<'_, L, C> {
    type Error = LatchError<L::Error>;

    fn drive(&mut self, bolt: Bolt) -> Result<(), Self::Error> {
        let latch = self.latch;
        if bolt == Bolt::Locked {
            self.lock.drive(bolt).map_err(LatchError::Lock)?;
            latch.released.store(false, Ordering::SeqCst);
            latch.tripped.store(false, Ordering::SeqCst);
            return Ok(());
        }
        if !latch.released.load(Ordering::SeqCst) {
            // Before the lock is driven, so that the interrupt knows of every release there may be.
            latch.since_ms.store(self.clock.now_ms() as u32, Ordering::SeqCst);
            latch.released.store(true, Ordering::SeqCst);
        }
        let over = LatchError::Over { longest_ms: latch.longest_ms.load(Ordering::SeqCst) };
        if latch.is_over(self.clock.now_ms()) {
            return Err(over);
        }
        self.lock.drive(bolt).map_err(LatchError::Lock)?;
        if latch.tripped.load(Ordering::SeqCst) {
            // The interrupt came in between, and nobody else would take this back.
            self.lock.drive(Bolt::Locked).map_err(LatchError::Lock)?;
            return Err(over);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::{Cell, RefCell};
    use core::convert::Infallible;
    use std::vec::Vec;

    struct Level<'a>(&'a RefCell<Vec<Bolt>>);

    impl LockOutput for Level<'_> {
        type Error = Infallible;
        fn drive(&mut self, bolt: Bolt) -> Result<(), Infallible> {
            self.0.borrow_mut().push(bolt);
            Ok(())
        }
    }

    impl Clock for &Cell<u64> {
        fn now_ms(&self) -> u64 {
            self.get()
        }
    }

    /// Runs `test` with a latch of 100 ms, its lock, its level and its time, which begins a little before its 32 bits turn over.
    fn with_latch(
        test: impl FnOnce(
            &Latch,
            &mut Latched<'_, Level<'_>, &Cell<u64>>,
            &RefCell<Vec<Bolt>>,
            &Cell<u64>,
        ),
    ) {
        let (latch, level) = (Latch::new(), RefCell::new(Vec::new()));
        let time = Cell::new(u64::from(u32::MAX) - 50);
        let mut lock = Latched::new(Level(&level), &time, &latch, 100);
        test(&latch, &mut lock, &level, &time);
    }

    #[test]
    fn a_release_ends_however_often_it_is_repeated() {
        with_latch(|latch, lock, level, time| {
            for _ in 0..=100 {
                lock.drive(Bolt::Unlocked).unwrap();
                assert!(!latch.is_over(time.get()));
                time.set(time.get() + 1);
            }
            assert!(latch.is_over(time.get()));
            assert_eq!(lock.drive(Bolt::Unlocked), Err(LatchError::Over { longest_ms: 100 }));
            assert_eq!(level.borrow().len(), 101);
            // Not before the loop has said so itself.
            lock.drive(Bolt::Locked).unwrap();
            lock.drive(Bolt::Unlocked).unwrap();
            assert!(!latch.is_over(time.get()));
        });
    }

    #[test]
    fn a_latch_that_nothing_released_is_never_over() {
        with_latch(|latch, lock, level, time| {
            lock.drive(Bolt::Locked).unwrap();
            time.set(time.get() + 1_000_000);
            assert!(!latch.is_over(time.get()));
            assert_eq!(*level.borrow(), [Bolt::Locked]);
        });
    }

    #[test]
    fn an_interrupt_within_a_release_is_not_undone() {
        /// Its clock jumps, and the interrupt comes, while the lock is driven.
        struct Slow<'a>(&'a RefCell<Vec<Bolt>>, &'a Latch);
        impl LockOutput for Slow<'_> {
            type Error = Infallible;
            fn drive(&mut self, bolt: Bolt) -> Result<(), Infallible> {
                if bolt == Bolt::Unlocked && self.1.is_over(101) {
                    self.0.borrow_mut().push(Bolt::Locked);
                }
                self.0.borrow_mut().push(bolt);
                Ok(())
            }
        }
        let (latch, level, time) = (Latch::new(), RefCell::new(Vec::new()), Cell::new(0));
        let mut lock = Latched::new(Slow(&level, &latch), &time, &latch, 100);
        assert_eq!(lock.drive(Bolt::Unlocked), Err(LatchError::Over { longest_ms: 100 }));
        assert_eq!(*level.borrow(), [Bolt::Locked, Bolt::Unlocked, Bolt::Locked]);
    }
}
