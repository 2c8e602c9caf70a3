//! A run's numbers as TensorBoard reads them, beside the log.
//!
//! ```text
//! events.out.tfevents.SECONDS.host-train     records one after the other (TFRecord):
//!   u64 length │ u32 check of length │ message │ u32 check of message        little endian
//! message      Event { wall_time, step, "brain.Event:2" in the first | Summary of (tag, value) }
//! check(b)     rotate_right(crc32c(b), 15) + 0xa282ead8
//! ```
//!
//! A resumed run writes a file of its own, as TensorBoard's own writers do; of a step that was done twice TensorBoard shows
//! both.

use crate::files::FileError;
use prost::Message;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The part of `event.proto` that scalars need; fields as numbered there.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// An event file being written.
pub(super) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// A new file in `folder`.
    ///
    /// # Errors
    /// The folder is not writable.
    pub(super) fn create(folder: &Path) -> Result<Self, FileError> {
        let name = format!("events.out.tfevents.{}.host-train", now().as_secs());
        let path = folder.join(name);
        // Two starts within a second share a file: its records are whole, so they may follow one another.
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|source| FileError::new("write", &path, source))?;
        let mut events = Self { path, file };
        let version = Some("brain.Event:2".to_owned());
        events.write(Event { file_version: version, ..Event::default() })?;
        Ok(events)
    }

    /// Adds a step's numbers; those that do not exist are left out.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn scalars(
        &mut self,
        step: u64,
        scalars: &[(&str, Option<f64>)],
    ) -> Result<(), FileError> {
        let value = scalars
            .iter()
            .filter_map(|&(tag, value)| {
                Some(Scalar { tag: tag.to_owned(), simple_value: Some(value? as f32) })
            })
            .collect();
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        self.write(Event { step, summary: Some(Summary { value }), ..Event::default() })
    }

    fn write(&mut self, event: Event) -> Result<(), FileError> {
        let record = record(&Event { wall_time: now().as_secs_f64(), ..event }.encode_to_vec());
        self.file.write_all(&record).map_err(|source| FileError::new("write", &self.path, source))
    }
}

fn now() -> core::time::Duration {
    // A clock before 1970 is only a label gone wrong.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let check =
        |bytes| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    [&length[..], &check(&length), message, &check(message)].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The record that TensorBoard's own writer makes of the first event at time 0.
    #[test]
    fn a_record_is_framed_as_tensorboard_does() {
        let event = Event { file_version: Some("brain.Event:2".to_owned()), ..Event::default() };
        let message = event.encode_to_vec();
        assert_eq!(message, *b"\x1a\x0dbrain.Event:2");
        let record = record(&message);
        assert_eq!(record.len(), 8 + 4 + 15 + 4);
        // The masked check of the length 24, which starts every TensorFlow event file (a file version with a time).
        let of_24 = super::record(&[0; 24]);
        assert_eq!(of_24[..12], [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn scalars_come_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::create(folder.path()).unwrap();
        events.scalars(7, &[("loss", Some(1.5)), ("angle", None), ("rate", Some(0.25))]).unwrap();
        let bytes = std::fs::read(&events.path).unwrap();
        let mut rest = &bytes[..];
        let mut read = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            read.push(Event::decode(&rest[12..12 + length]).unwrap());
            rest = &rest[16 + length..];
        }
        assert_eq!(read[0].file_version.as_deref(), Some("brain.Event:2"));
        let scalar = |tag: &str, value| Scalar { tag: tag.to_owned(), simple_value: Some(value) };
        assert_eq!(read[1].step, 7);
        let value = vec![scalar("loss", 1.5), scalar("rate", 0.25)];
        assert_eq!(read[1].summary, Some(Summary { value }));
        assert!(read.iter().all(|event| event.wall_time > 1.6e9));
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn rejects_a_folder_that_is_not_there() {
        assert!(Events::create(Path::new("nowhere/at/all")).is_err());
    }
}
