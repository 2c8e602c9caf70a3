//! A lock and a light on pins of any `embedded-hal`.

use edge_infer::door::Bolt;
use embedded_hal::digital::{OutputPin, PinState};

use crate::ports::{LockOutput, StatusLight};

/// A lock that a pin holds.
#[derive(Debug)]
pub struct PinLock<P> {
    pin: P,
    unlocked: PinState,
}

impl<P: OutputPin> PinLock<P> {
    /// Engages the lock at once. `unlocked` is the level that releases it: `High` for a transistor to a strike, `Low` for relay boards
    /// that are active low.
    ///
    /// # Errors
    /// Of the pin.
    pub fn new(pin: P, unlocked: PinState) -> Result<Self, PinError<P::Error>> {
        let mut lock = Self { pin, unlocked };
        lock.drive(Bolt::Locked)?;
        Ok(lock)
    }
}

/// A pin that was not driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pin was not driven: {0:?}")]
pub struct PinError<E: core::fmt::Debug>(pub E);

impl<P: OutputPin> LockOutput for PinLock<P> {
    type Error = PinError<P::Error>;

    fn drive(&mut self, bolt: Bolt) -> Result<(), Self::Error> {
        let level = match bolt {
            Bolt::Unlocked => self.unlocked,
            Bolt::Locked => !self.unlocked,
        };
        self.pin.set_state(level).map_err(PinError)
    }
}

/// A light at a pin, on when the pin is high.
#[derive(Debug)]
pub struct PinLight<P>(pub P);

impl<P: OutputPin> StatusLight for PinLight<P> {
    fn set(&mut self, on: bool) {
        // A light that fails is seen by everybody, and stops nothing.
        let _ = self.0.set_state(PinState::from(on));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use std::vec::Vec;

    struct Pin(Vec<bool>);

    impl embedded_hal::digital::ErrorType for Pin {
        type Error = Infallible;
    }

    impl OutputPin for Pin {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.0.push(false);
            Ok(())
        }
        fn set_high(&mut self) -> Result<(), Infallible> {
            self.0.push(true);
            Ok(())
        }
    }

    #[test]
    fn either_level_can_be_the_one_that_opens() {
        for unlocked in [PinState::High, PinState::Low] {
            let mut lock = PinLock::new(Pin(Vec::new()), unlocked).unwrap();
            lock.drive(Bolt::Unlocked).unwrap();
            lock.drive(Bolt::Locked).unwrap();
            let high = unlocked == PinState::High;
            assert_eq!(lock.pin.0, [!high, high, !high]);
        }
    }
}
