//! Which slot runs: a ring of small records, of which the newest counts.
//!
//! ```text
//!  | confirmed | trial | booted | floor u32 |      slots are 0 and 1, 0xff is none
//! ```

use super::Which;
use crate::store::bytes::{Reader, Writer};

/// Bytes of a record.
const BYTES: usize = 7;
const NONE: u8 = 0xff;

/// What is known of the slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The slot that has proven itself.
    pub(super) confirmed: Option<Which>,
    /// The slot that has to.
    pub(super) trial: Option<Trial>,
    /// The counter of the newest model that was ever confirmed. Nothing at or below it is installed.
    pub(super) floor: u32,
}

/// A model that is not confirmed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) slot: Which,
    /// It was started once. Found so at a boot, it failed.
    pub(super) booted: bool,
}

impl State {
    pub(super) fn encode(&self) -> [u8; BYTES] {
        let code = |slot: Option<Which>| slot.map_or(NONE, |slot| slot as u8);
        let mut bytes = [0; BYTES];
        Writer::new(&mut bytes)
            .put(&[code(self.confirmed), code(self.trial.map(|trial| trial.slot))])
            .put(&[u8::from(self.trial.is_some_and(|trial| trial.booted))])
            .put(&self.floor.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Reader(bytes);
        let slot = |code| match code {
            0 => Some(Some(Which::A)),
            1 => Some(Some(Which::B)),
            NONE => Some(None),
            _ => None,
        };
        let (confirmed, trial) = (slot(fields.u8()?)?, slot(fields.u8()?)?);
        let booted = fields.u8()? != 0;
        let trial = trial.map(|slot| Trial { slot, booted });
        Some(Self { confirmed, trial, floor: fields.u32()? })
    }
}
