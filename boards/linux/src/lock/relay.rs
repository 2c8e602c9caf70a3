//! Which relay the settings name, opened with two handles.

use super::replug::replugged;
use super::{Bolt, EdgeLog, OutputLine, PinRelay, SerialRelay, hid};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A contact that releases or engages the lock. Setting the level that it has is no harm.
pub trait Relay: Send + core::fmt::Debug {
    /// Sets the level.
    ///
    /// # Errors
    /// The level may be either one now.
    fn set(&mut self, bolt: Bolt) -> io::Result<()>;
}

/// One relay by two handles: whoever is stuck in one does not keep the other from locking.
#[derive(Debug)]
pub struct Relays {
    /// The loop's.
    pub own: Box<dyn Relay>,
    /// The watchdog's.
    pub spare: Box<dyn Relay>,
}

/// The relay's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// Which driver.
    pub kind: RelayKind,
    /// The GPIO chip's device.
    pub chip: PathBuf,
    /// The line's number on the chip.
    pub line: u32,
    /// The level that releases the lock.
    pub unlocked: UnlockedLevel,
    /// The USB relay's device: `/dev/ttyUSB*` or `/dev/hidraw*`.
    pub device: PathBuf,
    /// The USB relay's contact, 1 to 8.
    #[serde(deserialize_with = "channel")]
    pub channel: u8,
    /// Where the simulated relay writes its changes of level; empty for nowhere.
    pub log: PathBuf,
}

/// Which driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelayKind {
    /// None: it only remembers.
    Simulated,
    /// A line of a GPIO chip.
    Gpio,
    /// A USB relay of the LCUS kind, which is a serial port.
    Serial,
    /// A USB relay of the "USBRelay" kind, which is a HID device.
    Hid,
}

/// The level that releases the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnlockedLevel {
    /// As a transistor to a strike.
    High,
    /// As relay boards that are active low.
    Low,
}

/// How long a line or device may still be another process's that is just being killed.
const BUSY: Duration = Duration::from_secs(3);

impl RelayConfig {
    /// A relay that moves nothing, and writes its changes of level to `log` unless that is empty.
    #[must_use]
    pub fn simulated(log: PathBuf) -> Self {
        Self {
            kind: RelayKind::Simulated,
            chip: PathBuf::new(),
            line: 0,
            unlocked: UnlockedLevel::High,
            device: PathBuf::new(),
            channel: 1,
            log,
        }
    }

    /// Opens the relay. It is locked when this returns; a GPIO line never has another level in between.
    ///
    /// # Errors
    /// It is not there, another process has it, or it can't be driven.
    pub fn open(&self) -> io::Result<Relays> {
        let start = Instant::now();
        let mut relays = loop {
            match self.try_open() {
                Err(error)
                    if error.kind() == io::ErrorKind::ResourceBusy && start.elapsed() < BUSY =>
                {
                    std::thread::sleep(Duration::from_millis(50));
                }
                opened => break opened?,
            }
        };
        relays.own.set(Bolt::Locked)?;
        Ok(relays)
    }

    fn try_open(&self) -> io::Result<Relays> {
        Ok(match self.kind {
            RelayKind::Simulated => {
                let [own, spare] = EdgeLog::open(&self.log)?;
                Relays { own: Box::new(own), spare: Box::new(spare) }
            }
            RelayKind::Gpio => {
                let low = self.unlocked == UnlockedLevel::Low;
                let [own, spare] = OutputLine::request_inactive(&self.chip, self.line, low)?;
                Relays { own: Box::new(PinRelay(own)), spare: Box::new(PinRelay(spare)) }
            }
            RelayKind::Serial => {
                let (device, channel) = (self.device.clone(), self.channel);
                replugged(move || {
                    let [own, spare] = SerialRelay::open(&device, channel)?;
                    Ok(Relays { own: Box::new(own), spare: Box::new(spare) })
                })?
            }
            RelayKind::Hid => {
                let (device, channel) = (self.device.clone(), self.channel);
                replugged(move || {
                    let [own, spare] = hid::open(&device, channel)?;
                    Ok(Relays { own: Box::new(own), spare: Box::new(spare) })
                })?
            }
        })
    }

    /// What it is, in words for a log.
    pub fn describe(&self) -> String {
        match self.kind {
            RelayKind::Simulated => "simulated: no door is moved".to_owned(),
            RelayKind::Gpio => format!("line {} of {}", self.line, self.chip.display()),
            RelayKind::Serial => {
                format!("contact {} of the serial relay {}", self.channel, self.device.display())
            }
            RelayKind::Hid => {
                format!("contact {} of the USB relay {}", self.channel, self.device.display())
            }
        }
    }
}

fn channel<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    let channel = u8::deserialize(from)?;
    match channel {
        1..=8 => Ok(channel),
        _ => Err(D::Error::custom(format!("relay.channel is {channel}, it must be 1 to 8"))),
    }
}
