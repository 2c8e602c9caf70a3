//! A child process that does nothing until the door is gone, and then engages the lock.
//!
//! ```text
//! door run ──stdin──> door guard      a byte: the door ended by itself; the end of the pipe without one: it was killed
//! ```
//!
//! `SIGKILL`, the kernel's memory killer and a bug in a driver leave no time to lock. Of a GPIO line the kernel then gives back, the chip
//! decides the level, and a USB relay keeps the last one for ever; so somebody has to be left. The guard holds no device, no
//! camera and no key, only the pipe. It takes the relay when the door's handles are closed, engages it, holds it for a moment and ends;
//! a door that is started again waits for it. It sits in a process group of its own, out of the way of a terminal's Ctrl-C.

use crate::lock::RelayConfig;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the guard holds the line: longer than the contact of any relay bounces.
const HOLD: Duration = Duration::from_millis(200);

/// What says that the door ended by itself.
const BYE: &[u8] = b".";

/// The running guard, which the door has.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Starts `program guard` for this relay.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(program: &Path, relay: &RelayConfig) -> io::Result<Self> {
        let child = Command::new(program)
            .arg("guard")
            .arg(serde_json::to_string(relay)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self(child))
    }

    /// Whether it is still there.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Sends it home: the lock is engaged, and the door ends.
    ///
    /// # Errors
    /// It is gone.
    pub fn dismiss(mut self) -> io::Result<()> {
        if let Some(mut pipe) = self.0.stdin.take() {
            pipe.write_all(BYE)?;
        }
        self.0.wait().map(drop)
    }
}

/// What the guard does: waits for the door's end on stdin, and engages the relay unless the door says that it has. Whether it
/// was needed.
///
/// # Errors
/// The relay can't be driven.
pub fn stand(relay: &RelayConfig) -> io::Result<bool> {
    let mut said = Vec::new();
    // A pipe that fails is one whose other end is gone.
    let read = io::stdin().read_to_end(&mut said);
    if read.is_ok() && said == BYE {
        return Ok(false);
    }
    let _held = relay.open()?;
    std::thread::sleep(HOLD);
    Ok(true)
}
