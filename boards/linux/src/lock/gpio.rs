//! A lock on a pin: any `OutputPin`, and the one of a Linux GPIO chip.
//!
//! A pin is *active* when the lock is released. That a line is active low is told to the kernel, so that it is said in one place. The
//! kernel gives a line back when its process ends; what level it has from then on is the chip's affair: some keep it, some
//! become inputs. So the wiring must lock by a resistor, and [`guard`](crate::run::guard) takes the line again.

use super::{Bolt, Relay};
use embedded_hal::digital::{Error, ErrorKind, ErrorType, OutputPin};
use gpiocdev::Request;
use gpiocdev::line::Value;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A lock that a pin releases while it is high.
#[derive(Debug)]
pub struct PinRelay<P>(pub P);

impl<P: OutputPin<Error: core::fmt::Display> + Send + core::fmt::Debug> Relay for PinRelay<P> {
    fn set(&mut self, bolt: Bolt) -> io::Result<()> {
        let set = match bolt {
            Bolt::Locked => self.0.set_low(),
            Bolt::Unlocked => self.0.set_high(),
        };
        set.map_err(|error| io::Error::other(error.to_string()))
    }
}

/// A requested line of a GPIO chip.
#[derive(Clone, Debug)]
pub struct OutputLine(Arc<Request>);

/// A line that could not be set.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LineError(#[from] gpiocdev::Error);

impl Error for LineError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl OutputLine {
    /// Takes the line for this process, inactive from the moment on in which it becomes an output.
    ///
    /// # Errors
    /// There is no such chip or line, or another process has it ([`io::ErrorKind::ResourceBusy`]).
    pub fn request_inactive(chip: &Path, line: u32, active_low: bool) -> io::Result<[Self; 2]> {
        let mut builder = Request::builder();
        builder.on_chip(chip).with_consumer("door").with_line(line).as_output(Value::Inactive);
        if active_low {
            builder.as_active_low();
        }
        let line = Self(Arc::new(builder.request().map_err(|error| io_error(&error))?));
        Ok([line.clone(), line])
    }
}

impl ErrorType for OutputLine {
    type Error = LineError;
}

impl OutputPin for OutputLine {
    fn set_low(&mut self) -> Result<(), LineError> {
        Ok(self.0.set_lone_value(Value::Inactive).map(drop)?)
    }

    fn set_high(&mut self) -> Result<(), LineError> {
        Ok(self.0.set_lone_value(Value::Active).map(drop)?)
    }
}

/// Keeps the system's error number, by which a busy line is told from a missing one.
pub(crate) fn io_error(error: &gpiocdev::Error) -> io::Error {
    use gpiocdev::Error::{GpioChip, Os, Uapi};
    match error {
        Os(errno) | Uapi(_, gpiocdev_uapi::Error::Os(errno)) => {
            io::Error::from_raw_os_error(errno.0)
        }
        GpioChip(..) => io::Error::new(io::ErrorKind::NotFound, error.to_string()),
        _ => io::Error::other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;

    #[derive(Debug, Default)]
    struct Pin(Vec<bool>);

    impl ErrorType for Pin {
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
    fn a_pin_is_high_while_the_lock_is_released() {
        let mut relay = PinRelay(Pin::default());
        for bolt in [Bolt::Locked, Bolt::Unlocked, Bolt::Locked] {
            relay.set(bolt).unwrap();
        }
        assert_eq!(relay.0.0, [false, true, false]);
    }

    #[test]
    fn rejects_a_chip_that_is_not_there() {
        let error =
            OutputLine::request_inactive(Path::new("/dev/no-gpiochip"), 17, true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    }
}
