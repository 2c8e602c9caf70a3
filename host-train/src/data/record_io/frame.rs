//! MXNet's framing: records found by offset, also those in several parts.
//!
//! A payload that holds the magic word at a multiple of four is split there: the word is left out, the parts before and
//! behind it become records with part numbers 1 (first), 2 (middle) and 3 (last). A whole record has part number 0.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::header::{FIXED, Header, RecordFault};
use super::index::Entry;
use crate::data::DataError;

/// First word of every record.
const MAGIC: u32 = 0xced7_230a;

/// Bits of the length; the part number lies above.
const LENGTH_BITS: u32 = 29;

/// Magic and length.
const FRAME: u64 = 8;

/// Payloads above this many bytes are refused unread.
const MAX_PAYLOAD: u64 = 64 << 20;

/// A `.rec` file, open for reading.
#[derive(Debug)]
pub(crate) struct RecordFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl RecordFile {
    /// Opens the file; reads nothing yet.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let refuse = |error| DataError::from_io(path, error);
        let file = File::open(path).map_err(refuse)?;
        let length = file.metadata().map_err(refuse)?.len();
        Ok(Self { path: path.to_owned(), file, length })
    }

    /// Bytes in the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The header of a record, and whether an image follows.
    pub(super) fn header(&mut self, entry: Entry) -> Result<(Header, bool), DataError> {
        let (part, length) = self.frame(entry, entry.offset)?;
        if length < FIXED as u64 {
            return Err(self.short(entry, length, 0));
        }
        let mut fixed = [0; FIXED];
        self.fill(&mut fixed)?;
        let label_bytes = Header::label_bytes(&fixed);
        if FIXED as u64 + label_bytes > length {
            return Err(self.short(entry, length, label_bytes));
        }
        let mut labels = vec![0; label_bytes as usize];
        self.fill(&mut labels)?;
        // An image that starts with the magic word leaves nothing of itself in the first part.
        let image = part != 0 || length > FIXED as u64 + label_bytes;
        Ok((Header::parse(&fixed, &labels), image))
    }

    /// The header of a record and the image file behind it.
    pub(crate) fn image(&mut self, entry: Entry) -> Result<(Header, Vec<u8>), DataError> {
        let mut payload = self.payload(entry)?;
        let length = payload.len() as u64;
        let Some((fixed, rest)) = payload.split_first_chunk::<FIXED>() else {
            return Err(self.short(entry, length, 0));
        };
        let label_bytes = Header::label_bytes(fixed);
        let labels = usize::try_from(label_bytes).ok().and_then(|end| rest.get(..end));
        let Some(labels) = labels else {
            return Err(self.short(entry, length, label_bytes));
        };
        let header = Header::parse(fixed, labels);
        payload.drain(..FIXED + labels.len());
        Ok((header, payload))
    }

    /// All parts of a record, joined.
    fn payload(&mut self, entry: Entry) -> Result<Vec<u8>, DataError> {
        let mut offset = entry.offset;
        let mut payload = Vec::new();
        loop {
            let (part, length) = self.frame(entry, offset)?;
            let first = offset == entry.offset;
            if first != matches!(part, 0 | 1) {
                let expected = if first { "0 or 1" } else { "2 or 3" };
                return Err(self.fault(entry, RecordFault::Part { part, expected }));
            }
            let bytes = payload.len() as u64 + length;
            if bytes > MAX_PAYLOAD {
                let limit = MAX_PAYLOAD;
                return Err(self.fault(entry, RecordFault::TooLarge { bytes, limit }));
            }
            if !first {
                payload.extend(MAGIC.to_le_bytes());
            }
            let start = payload.len();
            payload.resize(start + length as usize, 0);
            self.fill(&mut payload[start..])?;
            if matches!(part, 0 | 3) {
                return Ok(payload);
            }
            offset += FRAME + length.next_multiple_of(4);
        }
    }

    /// Part number and length of the record part at `offset`; the file then stands at its payload, which is all there.
    fn frame(&mut self, entry: Entry, offset: u64) -> Result<(u32, u64), DataError> {
        let left = self.length.saturating_sub(offset);
        if left < FRAME {
            return Err(self.fault(entry, RecordFault::Truncated { needed: FRAME, left }));
        }
        let mut frame = [0; FRAME as usize];
        self.file.seek(SeekFrom::Start(offset)).map_err(|error| self.refuse(error))?;
        self.fill(&mut frame)?;
        let [a, b, c, d, e, f, g, h] = frame;
        let found = u32::from_le_bytes([a, b, c, d]);
        if found != MAGIC {
            return Err(self.fault(entry, RecordFault::Magic { found }));
        }
        let word = u32::from_le_bytes([e, f, g, h]);
        let length = u64::from(word & ((1 << LENGTH_BITS) - 1));
        if left < FRAME + length {
            let needed = FRAME + length;
            return Err(self.fault(entry, RecordFault::Truncated { needed, left }));
        }
        Ok((word >> LENGTH_BITS, length))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), DataError> {
        self.file.read_exact(bytes).map_err(|error| self.refuse(error))
    }

    fn refuse(&self, error: io::Error) -> DataError {
        DataError::from_io(&self.path, error)
    }

    fn short(&self, entry: Entry, length: u64, label_bytes: u64) -> DataError {
        self.fault(entry, RecordFault::Short { length, needed: FIXED as u64 + label_bytes })
    }

    /// The error for a record of this file.
    pub(crate) fn fault(&self, entry: Entry, fault: RecordFault) -> DataError {
        let Entry { key, offset } = entry;
        DataError::Record { path: self.path.clone(), key, offset, fault }
    }
}

/// Writes one payload as a record, split where it must be; returns the bytes written.
///
/// `payload` is at most [`MAX_PAYLOAD`] bytes.
pub(super) fn write(out: &mut impl Write, payload: &[u8]) -> io::Result<u64> {
    let magic = MAGIC.to_le_bytes();
    let (words, _) = payload.as_chunks::<4>();
    let splits: Vec<usize> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| **word == magic)
        .map(|(at, _)| 4 * at)
        .collect();
    let mut start = 0;
    let mut written = 0;
    for piece in 0..=splits.len() {
        let end = splits.get(piece).copied().unwrap_or(payload.len());
        let part: u32 = match (piece, splits.len()) {
            (_, 0) => 0,
            (0, _) => 1,
            (last, count) if last == count => 3,
            _ => 2,
        };
        let bytes = &payload[start..end];
        out.write_all(&magic)?;
        out.write_all(&(part << LENGTH_BITS | bytes.len() as u32).to_le_bytes())?;
        out.write_all(bytes)?;
        let padded = bytes.len().next_multiple_of(4);
        out.write_all(&[0; 3][..padded - bytes.len()])?;
        written += FRAME + padded as u64;
        start = end + magic.len();
    }
    Ok(written)
}
