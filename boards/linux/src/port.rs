//! A serial port: raw bytes, this process's alone, never waited for.

use rustix::fs::OFlags;
use rustix::termios::{self, OptionalActions};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens the port at `path` with 8 bits, no parity and `speed` bits a second. Reading and writing return at once.
///
/// # Errors
/// It is not there, is no serial port or has no such speed, or another process has it ([`io::ErrorKind::ResourceBusy`]).
pub(crate) fn open(path: &Path, speed: u32) -> io::Result<File> {
    // Without the first, opening may wait for a modem's carrier.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).custom_flags(flags.bits().cast_signed());
    let port = options.open(path)?;
    port.try_lock().map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
    let mut settings = termios::tcgetattr(&port)?;
    settings.make_raw();
    settings.set_speed(speed)?;
    termios::tcsetattr(&port, OptionalActions::Now, &settings)?;
    Ok(port)
}
