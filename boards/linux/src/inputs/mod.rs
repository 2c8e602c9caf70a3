//! Buttons, contacts and readers, to events of the door.
//!
//! | what | file |
//! |---|---|
//! | edges on GPIO lines | `gpio` |
//! | words on a named pipe, to try a door without wires | `text` |
//! | PINs and cards | `reader` |
//! | named pipes for both | `pipe` |

mod gpio;
mod pipe;
mod reader;
mod text;

pub use reader::{Keyring, Reader, ReaderConfig, ReaderKind};

use crate::run::Inbox;
use serde::{Deserialize, Deserializer};
use std::io;
use std::path::PathBuf;

/// The inputs' settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputsConfig {
    /// The GPIO chip's device.
    pub chip: PathBuf,
    /// The line of the exit button.
    #[serde(deserialize_with = "line")]
    pub exit: Option<u32>,
    /// The line of the door's contact.
    #[serde(deserialize_with = "line")]
    pub contact: Option<u32>,
    /// The level of a line while the button is pressed or the door is shut.
    pub active: ActiveLevel,
    /// How long a level must last to count.
    pub debounce_ms: u32,
    /// A named pipe; empty for none.
    pub simulated: PathBuf,
}

/// The level of an active line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActiveLevel {
    /// A contact to ground.
    Low,
    /// A contact to the supply.
    High,
}

impl InputsConfig {
    /// Starts threads that tell `inbox`, beginning with how the door stands. They end with the process: what they wait for has no end.
    ///
    /// # Errors
    /// A line or the pipe can't be had.
    pub fn start(&self, inbox: &Inbox) -> io::Result<()> {
        if self.exit.is_some() || self.contact.is_some() {
            gpio::start(self, inbox.clone())?;
        }
        if !self.simulated.as_os_str().is_empty() {
            text::start(&self.simulated, inbox.clone())?;
        }
        Ok(())
    }
}

/// A number or "off".
fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a line is a number or \"off\"")]
    enum Line {
        Number(u32),
        Off(Off),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Off {
        Off,
    }
    Ok(match Line::deserialize(deserializer)? {
        Line::Number(line) => Some(line),
        Line::Off(Off::Off) => None,
    })
}
