//! A model onto a door, over a line that may be lost at any byte and to a device that may lose power at any.
//!
//! ```text
//! connect ─ Begin ─ Piece .. ─ Finish ─ Restart ─ connect ─ Model: confirmed, on trial, or rolled back
//!    └─────────── the line is lost ──┘             └ not back yet
//! ```
//!
//! Nothing here decides whether the device runs the model: it says so itself, and what it ran before is what it runs after every failure.

use super::client::{Client, LinkError};
use super::line::LineError;
use super::package::Package;
use device_protocol::{Key, MAX_PIECE, ModelReport, Refusal, Request, Response, Version, Why};
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

/// Why a door does not run the model that it was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The port does not open.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The device can't be spoken to.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It says no.
    #[error("the door refuses the update: {text}; it runs the model that it ran")]
    Refused {
        /// Why, in its words.
        text: String,
    },
    /// There is nothing to update.
    #[error(
        "this door's model is a part of its firmware: `host-train flash --board` writes both, with a probe"
    )]
    NoSlots,
    /// The line was lost too often.
    #[error(
        "the line was lost {tries} times in a row, with {came} of {length} bytes there ({source}): the door runs the model that it ran; see to the cable and give the same command again, which goes on from there"
    )]
    Lost {
        /// How often.
        tries: u32,
        /// Bytes that the device had when it spoke last.
        came: u32,
        /// Bytes of the file.
        length: u32,
        /// The last time.
        source: Box<UpdateError>,
    },
    /// It was told to start again, and is not heard of since.
    #[error(
        "the door does not answer {seconds} s after its restart: look at its light. A self-test that fails locks the door and blinks; without power for a moment, it starts with the model before"
    )]
    NotBack {
        /// How long it was waited for.
        seconds: u64,
    },
}

/// How long a lost device is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often in a row the line may be lost before a byte more is there.
    pub tries: u32,
    /// Time between two tries.
    pub pause: Duration,
    /// Tries after a restart: a self-test takes seconds.
    pub restart: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 5, pause: Duration::from_secs(2), restart: 30 }
    }
}

/// A door as it is dialled: its key, and how a line to it is opened.
pub struct Dial<'a, L> {
    /// The key that it shares with the host.
    pub key: Key,
    /// Opens a line.
    pub open: &'a mut dyn FnMut() -> Result<L, LineError>,
    /// For how long a lost one is tried again.
    pub patience: Patience,
}

impl<L: Read + Write> Dial<'_, L> {
    /// A session.
    ///
    /// # Errors
    /// [`UpdateError::Line`] or [`UpdateError::Link`].
    pub fn connect(&mut self) -> Result<Client<L>, UpdateError> {
        Ok(Client::connect((self.open)()?, self.key.clone())?)
    }

    /// Brings the package into the slot that does not run, to be started by the next boot. `tell` hears how many bytes are there.
    ///
    /// # Errors
    /// [`UpdateError`]. The device runs what it ran.
    pub fn push(
        &mut self,
        package: &Package,
        tell: &mut dyn FnMut(u32),
    ) -> Result<(), UpdateError> {
        let (mut came, mut most, mut tries) = (0, 0, 0);
        loop {
            let Err(error) = self.attempt(package, &mut came, tell) else { return Ok(()) };
            if !error.may_pass() {
                return Err(error);
            }
            tries = if came > most { 1 } else { tries + 1 };
            most = most.max(came);
            if tries >= self.patience.tries {
                let length = package.signed.manifest.length;
                return Err(UpdateError::Lost { tries, came, length, source: Box::new(error) });
            }
            thread::sleep(self.patience.pause);
        }
    }

    /// One session of it.
    fn attempt(
        &mut self,
        package: &Package,
        came: &mut u32,
        tell: &mut dyn FnMut(u32),
    ) -> Result<(), UpdateError> {
        let door = &mut self.connect()?;
        let report = report(door)?;
        // The answer to Finish may be what was lost, and the device may have started since.
        if package.waits(&report) || report.runs == package.version() {
            return Ok(());
        }
        *came = bytes(door, &Request::Begin { manifest: &package.signed.to_bytes() })?;
        while let Some(rest @ [_, ..]) = package.file.get(*came as usize..) {
            tell(*came);
            let piece = rest.get(..MAX_PIECE).unwrap_or(rest);
            *came = bytes(door, &Request::Piece { at: *came, bytes: piece })?;
        }
        ask(door, &Request::Finish, |response| {
            matches!(response, Response::Installed).then_some(())
        })
    }

    /// Starts the device again, and waits until it says what came of the package's trial; one that lasts longer is reported as such.
    ///
    /// # Errors
    /// [`UpdateError::NotBack`].
    pub fn try_out(&mut self, package: &Package) -> Result<ModelReport, UpdateError> {
        let Patience { pause, restart, .. } = self.patience;
        let mut last = None;
        for _ in 0..restart {
            // Nobody answers while it starts.
            last = self.look(package).ok().filter(|report| !package.waits(report));
            match last {
                Some(report) if report.why != Why::Trial => return Ok(report),
                _ => thread::sleep(pause),
            }
        }
        last.ok_or(UpdateError::NotBack { seconds: pause.as_secs() * u64::from(restart) })
    }

    /// What the device says; where the package waits for a start, it is told to.
    fn look(&mut self, package: &Package) -> Result<ModelReport, UpdateError> {
        let door = &mut self.connect()?;
        let report = report(door)?;
        if package.waits(&report) {
            ask(door, &Request::Restart, |response| {
                matches!(response, Response::Restarting).then_some(())
            })?;
        }
        Ok(report)
    }
}

impl Package {
    fn waits(&self, report: &ModelReport) -> bool {
        report.waiting == Some(self.version())
    }

    /// As the device reports it.
    #[must_use]
    pub fn version(&self) -> Version {
        let manifest = &self.signed.manifest;
        Version { counter: manifest.counter, model: manifest.model.0, sha256: manifest.sha256 }
    }
}

/// Which model runs, and how updates stand.
///
/// # Errors
/// [`UpdateError::NoSlots`] where there are none, [`UpdateError::Link`].
pub fn report<L: Read + Write>(door: &mut Client<L>) -> Result<ModelReport, UpdateError> {
    ask(door, &Request::Model, |response| match response {
        Response::Model(report) => Some(report),
        _ => None,
    })
}

fn bytes<L: Read + Write>(door: &mut Client<L>, request: &Request<'_>) -> Result<u32, UpdateError> {
    ask(door, request, |response| match response {
        Response::Came { bytes } => Some(bytes),
        _ => None,
    })
}

fn ask<L: Read + Write, T>(
    door: &mut Client<L>,
    request: &Request<'_>,
    take: impl FnOnce(Response<'_>) -> Option<T>,
) -> Result<T, UpdateError> {
    door.ask(request, |response| match response {
        Response::Refused { why: Refusal::NoSlots, .. } => Some(Err(UpdateError::NoSlots)),
        Response::Refused { text, .. } => Some(Err(UpdateError::Refused { text: text.to_owned() })),
        other => take(other).map(Ok),
    })?
}

impl UpdateError {
    /// Whether it may go better the next time.
    fn may_pass(&self) -> bool {
        match self {
            Self::Line(_) => true,
            Self::Link(error) => error.may_pass(),
            _ => false,
        }
    }
}
