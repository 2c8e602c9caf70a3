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
//!
//! A guard that is killed itself is replaced at once by its [`Keeper`]. While none can be had, the lock stays engaged.

use crate::lock::{Latch, RelayConfig};
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the guard is looked after: for so long a door may be open that nobody guards.
const EVERY: Duration = Duration::from_millis(50);

/// How long the guard holds the line: longer than the contact of any relay bounces.
const HOLD: Duration = Duration::from_millis(200);

/// What says that the door ended by itself.
const BYE: &[u8] = b".";

/// The running guard, which the door has.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    /// Starts `program guard` for this relay.
    ///
    /// # Errors
    /// It can't be started.
    fn start(program: &Path, relay: &RelayConfig) -> io::Result<Self> {
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
    fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Sends it home: the lock is engaged, and the door ends.
    ///
    /// # Errors
    /// It is gone.
    fn dismiss(mut self) -> io::Result<()> {
        if let Some(mut pipe) = self.0.stdin.take() {
            pipe.write_all(BYE)?;
        }
        self.0.wait().map(drop)
    }
}

/// Looks after the guard.
#[derive(Debug)]
pub struct Keeper {
    end: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Keeper {
    /// Starts a guard by `program` for the relay, and another one whenever it is gone. `latch` is told whether there is one.
    ///
    /// # Errors
    /// The first one or the thread can't be started.
    pub fn start(program: &Path, relay: &RelayConfig, latch: Latch) -> io::Result<Self> {
        let mut guard = Some(Guard::start(program, relay)?);
        let (program, relay) = (PathBuf::from(program), relay.clone());
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            let told = loop {
                match ended.recv_timeout(EVERY) {
                    Err(RecvTimeoutError::Timeout) => {}
                    told => break told,
                }
                if guard.as_mut().is_some_and(Guard::is_alive) {
                    continue;
                }
                let had = guard.is_some();
                match Guard::start(&program, &relay) {
                    Ok(new) => {
                        eprintln!("the guard was gone; there is a new one");
                        guard = Some(new);
                        latch.guarded(true);
                    }
                    Err(error) => {
                        guard = None;
                        latch.guarded(false);
                        if had {
                            eprintln!("the guard is gone, and so the lock stays engaged: {error}");
                        }
                    }
                }
            };
            // Whoever only dropped the keeper did not say that the lock is engaged: the pipe ends without a byte.
            match (told, guard) {
                (Ok(()), Some(guard)) => guard.dismiss(),
                _ => Ok(()),
            }
        })?;
        Ok(Self { end, thread })
    }

    /// Sends the guard home: the lock is engaged, and the door ends.
    ///
    /// # Errors
    /// It was gone.
    pub fn dismiss(self) -> io::Result<()> {
        // A thread that panicked has nobody to hear it, and says so by its end.
        let _ = self.end.send(());
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::fs::{self, File, OpenOptions};
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::time::Instant;

    /// What a guard was told until its pipe ended, where `end` is the end of its keeper.
    fn told(end: impl FnOnce(Keeper)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (program, said) = (folder.path().join("guard"), folder.path().join("said"));
        let settings = folder.path().join("door.toml");
        File::create(&settings).unwrap();
        let script = format!("#!/bin/sh\ncat > {0}.part && mv {0}.part {0}\n", said.display());
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).mode(0o700).open(&program).unwrap();
        file.write_all(script.as_bytes()).unwrap();
        drop(file);
        let relay =
            Config::load(Some(&settings), &["relay.kind=simulated".to_owned()]).unwrap().relay;
        let latch = Latch::new(relay.open().unwrap(), HOLD, HOLD).unwrap();
        let keeper = loop {
            match Keeper::start(&program, &relay, latch.clone()) {
                // Another test's child still has the script open.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                started => break started.unwrap(),
            }
        };
        end(keeper);
        let start = Instant::now();
        while !said.exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "the guard does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        fs::read_to_string(said).unwrap()
    }

    #[test]
    fn only_a_door_that_says_so_sends_its_guard_home() {
        assert_eq!(told(|keeper| keeper.dismiss().unwrap()).as_bytes(), BYE);
        // As a panic does, after which nobody knows how the lock is.
        assert_eq!(told(drop), "");
    }
}
