//! The end of a program that cannot go on: the lock first, words after it, a light for people who have no other.
//!
//! A board calls [`last_words`] from its panic and fault handlers, and shows [`Blink`] where a self-test failed. Everything else that can
//! be wrong is a [`Fault`](edge_infer::door::Fault) of the door, which goes on.

use edge_infer::door::Bolt;

use crate::ports::{Clock, LockOutput, StatusLight};

/// Engages the lock, then lets `say` tell the log, which may never return.
///
/// The lock is a new handle to the same pin: what the program held may be in any state.
pub fn last_words<L: LockOutput>(lock: &mut L, say: impl FnOnce()) {
    // There is nothing left to do about a lock that fails but to end the power of it, which the reset does.
    let _ = lock.drive(Bolt::Locked);
    say();
}

/// A number in flashes: so many short ones, a pause, again.
///
/// ```text
/// 3 =  ▂▔▂▔▂▔▂▂▂▂▂   each mark 200 ms
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blink(u8);

const HALF_MS: u64 = 200;
const PAUSE_MS: u64 = 1_000;

impl Blink {
    /// `flashes` times, at least once.
    #[must_use]
    pub const fn new(flashes: u8) -> Self {
        Self(if flashes == 0 { 1 } else { flashes })
    }

    /// How many flashes.
    #[must_use]
    pub const fn flashes(self) -> u8 {
        self.0
    }

    /// Whether the light is on, so long after the beginning.
    #[must_use]
    pub fn is_on(self, ms: u64) -> bool {
        let flashing = 2 * HALF_MS * u64::from(self.0);
        let at = ms % (flashing + PAUSE_MS);
        at < flashing && at / HALF_MS % 2 == 1
    }

    /// Shows it for ever.
    pub fn show(self, light: &mut impl StatusLight, clock: &impl Clock) -> ! {
        loop {
            light.set(self.is_on(clock.now_ms()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::RefCell;
    use std::vec::Vec;

    #[test]
    fn the_lock_comes_before_the_words_and_a_broken_one_keeps_nothing_back() {
        struct Broken<'a>(&'a RefCell<Vec<&'static str>>);
        impl LockOutput for Broken<'_> {
            type Error = &'static str;
            fn drive(&mut self, bolt: Bolt) -> Result<(), &'static str> {
                assert_eq!(bolt, Bolt::Locked);
                self.0.borrow_mut().push("lock");
                Err("no contact")
            }
        }
        let order = RefCell::new(Vec::new());
        last_words(&mut Broken(&order), || order.borrow_mut().push("words"));
        assert_eq!(*order.borrow(), ["lock", "words"]);
    }

    #[test]
    fn a_number_can_be_counted() {
        for flashes in [1, 2, 7] {
            let blink = Blink::new(flashes);
            let period = u64::from(flashes) * 400 + 1_000;
            let lit: Vec<bool> = (0..2 * period).map(|ms| blink.is_on(ms)).collect();
            let rises = lit.windows(2).filter(|pair| !pair[0] && pair[1]).count();
            assert_eq!(rises, 2 * usize::from(flashes));
            let dark = lit.chunk_by(|a, b| a == b).filter(|run| !run[0]).map(<[bool]>::len).max();
            assert_eq!(dark, Some(1_200));
        }
        assert_eq!(Blink::new(0).flashes(), 1);
    }
}
