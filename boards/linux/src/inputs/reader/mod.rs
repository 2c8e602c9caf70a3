//! The second factor: a keypad or card reader whose lines are somebody's PIN or card, or nobody's.
//!
//! ```text
//! serial, keyboard or pipe ─ bytes ─> Lines ─ a line ─> Keyring ─> Event::Credential | Event::CredentialRefused ─> Inbox
//! ```
//!
//! What a credential is worth, for how long, and what a wrong one costs is the door's to decide: it counts refusals, and during a
//! pause it hears neither wrong nor right ones. A reader that is unplugged leaves a door that asks for a second factor locked; it is
//! opened again when it is back.

mod keyboard;
mod lines;

use super::pipe;
use crate::port;
use crate::run::{Inbox, clock};
use crate::store::Credentials;
use edge_infer::door::{Credential, Event};
use lines::{Lines, Typed};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use serde::Deserialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long until a reader that is gone is looked for again.
const AGAIN: Duration = Duration::from_secs(2);

/// The reader's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderConfig {
    /// What it is.
    pub kind: ReaderKind,
    /// Its device or named pipe.
    pub device: PathBuf,
    /// Bits a second of a serial one.
    pub speed: u32,
}

/// What a reader is to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReaderKind {
    /// There is none.
    Off,
    /// A serial port.
    Serial,
    /// A keyboard.
    Keyboard,
    /// A named pipe that another program writes to.
    Pipe,
}

/// Everybody's PINs and cards, of whoever is enrolled now. All clones are one.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Arc<Mutex<Credentials>>);

impl Keyring {
    /// These and no others from now on.
    pub fn replace(&self, credentials: Credentials) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    /// What the door is to be told of a line.
    fn judge(&self, typed: &Typed) -> Event {
        let credentials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match typed {
            Typed::Line(line) => credentials.find(line),
            Typed::TooLong => None,
        };
        found.map_or(Event::CredentialRefused, |(person, duress)| {
            Event::Credential(Credential { person: person.0, duress })
        })
    }
}

impl ReaderConfig {
    /// Opens the reader: it gives bytes, or for a keyboard events.
    ///
    /// # Errors
    /// It is not there, is something else, or another program has it.
    pub fn open(&self) -> io::Result<Option<Reader>> {
        let file = match self.kind {
            ReaderKind::Off => return Ok(None),
            ReaderKind::Serial => port::open(&self.device, self.speed)?,
            ReaderKind::Keyboard => {
                let flags = OFlags::NONBLOCK.bits().cast_signed();
                let device =
                    OpenOptions::new().read(true).custom_flags(flags).open(&self.device)?;
                keyboard::grab(&device)?;
                device
            }
            ReaderKind::Pipe => pipe::open(&self.device, OFlags::NONBLOCK)?,
        };
        Ok(Some(Reader { file, keys: self.kind == ReaderKind::Keyboard, lines: Lines::new() }))
    }

    /// Starts a thread that tells `inbox` of every line, by `keyring`, until that is stopped. It looks for a reader that is not
    /// there again and again.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(&self, inbox: Inbox, keyring: Keyring) -> io::Result<()> {
        if self.kind == ReaderKind::Off {
            return Ok(());
        }
        let config = self.clone();
        std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
            let mut said = false;
            while !inbox.is_stopped() {
                let read = config.open().and_then(|reader| match reader {
                    Some(mut reader) => {
                        said = false;
                        reader.serve(&inbox, &keyring)
                    }
                    None => Ok(()),
                });
                if let Err(error) = read
                    && !core::mem::replace(&mut said, true)
                {
                    eprintln!("the reader {}: {error}", config.device.display());
                }
                inbox.rest(AGAIN);
            }
        })?;
        Ok(())
    }
}

/// An open reader.
#[derive(Debug)]
pub struct Reader {
    file: File,
    /// It gives events of keys, not bytes.
    keys: bool,
    lines: Lines,
}

impl Reader {
    /// Tells `inbox` of lines until it is stopped.
    fn serve(&mut self, inbox: &Inbox, keyring: &Keyring) -> io::Result<()> {
        let wait = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        // Whole events: the kernel gives no part of one.
        let mut buffer = zeroize::Zeroizing::new([0; 32 * keyboard::EVENT]);
        while !inbox.is_stopped() {
            let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
            if poll(&mut fds, Some(&wait))? == 0 {
                continue;
            }
            let count = match self.file.read(&mut *buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            let now_ms = clock::now_ms();
            let tell = |lines: &mut Lines, byte| {
                if let Some(typed) = lines.byte(byte, now_ms) {
                    inbox.tell(keyring.judge(&typed));
                }
            };
            if self.keys {
                let (events, _) = buffer[..count].as_chunks::<{ keyboard::EVENT }>();
                for byte in events.iter().filter_map(keyboard::byte) {
                    tell(&mut self.lines, byte);
                }
            } else {
                buffer[..count].iter().for_each(|&byte| tell(&mut self.lines, byte));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
