//! A record's bytes, behind its number.
//!
//! ```text
//!  number | boot | utc  | mono | since | times | person | cosine | reason | kind | flags | prev     | hash     |
//!  8      | 4    | 8    | 8    | 8     | 4     | 4      | 4      | 2      | 1    | 1     | 32       | 32       |
//!  └──────────────────────────────── hashed with SHA-256 ──────────────────────────────────────────┘
//! ```
//!
//! `prev` is the hash of the record before it in its book, zero before the first. So none can be changed, taken out or put in without
//! every later hash changing too. Whoever can write the flash can hash them all anew: a [`Head`] that is noted elsewhere tells that too.

use sha2::{Digest as _, Sha256};

use super::{Event, Kind, Moment};
use crate::store::bytes::{Reader, Writer};

/// Bytes of a record without its number.
pub(super) const BYTES: usize = 44 + 32 + 32;

const PERSON: u8 = 1;
const COSINE: u8 = 2;
const COUNTED: u8 = 4;

/// A SHA-256.
pub type Hash = [u8; 32];

/// A book's newest record. Noted elsewhere, it shows later that nothing up to it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Its number, from 1, of both books together. Later records have higher ones.
    pub seq: u64,
    /// In which boot, counted from 1.
    pub boot: u32,
    /// When; for repeated events the last time.
    pub at: Moment,
    /// What.
    pub event: Event,
    /// How often since `since_mono_ms`, or how many were lost, dropped or suppressed.
    pub times: u32,
    /// Of counted events, when the first one was.
    pub since_mono_ms: Option<u64>,
}

/// A record with the hashes beside it.
pub(super) struct Linked {
    pub(super) record: Record,
    pub(super) prev: Hash,
    pub(super) hash: Hash,
    /// Whether it hashes to what it says.
    pub(super) sound: bool,
}

impl Record {
    /// The bytes of the record after the one that hashed to `prev`, and its hash.
    pub(super) fn encode(&self, prev: &Hash) -> ([u8; BYTES], Hash) {
        let Event { kind, person, reason, cosine } = self.event;
        let flag = |is: bool, flag| if is { flag } else { 0 };
        let flags = flag(person.is_some(), PERSON)
            | flag(cosine.is_some(), COSINE)
            | flag(self.since_mono_ms.is_some(), COUNTED);
        let mut bytes = [0; BYTES];
        Writer::new(&mut bytes)
            .put(&self.boot.to_le_bytes())
            .put(&self.at.utc_ms.to_le_bytes())
            .put(&self.at.mono_ms.to_le_bytes())
            .put(&self.since_mono_ms.unwrap_or_default().to_le_bytes())
            .put(&self.times.to_le_bytes())
            .put(&person.unwrap_or_default().to_le_bytes())
            .put(&cosine.unwrap_or_default().to_le_bytes())
            .put(&reason.to_le_bytes())
            .put(&[kind.code(), flags])
            .put(prev);
        let hash = hash(self.seq, &bytes);
        if let Some(end) = bytes.last_chunk_mut() {
            *end = hash;
        }
        (bytes, hash)
    }
}

impl Linked {
    /// Reads the bytes of record `seq`; `None` if it is of another version.
    pub(super) fn decode(seq: u64, bytes: &[u8]) -> Option<Self> {
        let mut fields = Reader(bytes);
        let boot = fields.u32()?;
        let at = Moment { utc_ms: fields.u64()?, mono_ms: fields.u64()? };
        let (since, times, person) = (fields.u64()?, fields.u32()?, fields.u32()?);
        let cosine = f32::from_le_bytes(fields.array()?);
        let (reason, kind, flags) = (fields.u16()?, Kind::from_code(fields.u8()?)?, fields.u8()?);
        let has = |flag| flags & flag != 0;
        let event = Event {
            kind,
            person: has(PERSON).then_some(person),
            reason,
            cosine: has(COSINE).then_some(cosine),
        };
        let record =
            Record { seq, boot, at, event, times, since_mono_ms: has(COUNTED).then_some(since) };
        let (prev, stated) = (fields.array()?, fields.array()?);
        Some(Self { record, prev, hash: stated, sound: hash(seq, bytes) == stated })
    }
}

fn hash(seq: u64, bytes: &[u8]) -> Hash {
    let covered = bytes.split_last_chunk::<32>().map_or(bytes, |(covered, _)| covered);
    Sha256::new().chain_update(seq.to_le_bytes()).chain_update(covered).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash is that of another program's SHA-256 over the 84 bytes as drawn.
    #[test]
    fn bytes_are_as_drawn() {
        let event = Event::new(Kind::Granted).person(3).reason(0x0102).cosine(0.5);
        let at = Moment { utc_ms: 1_764_190_800_000, mono_ms: 81_234 };
        let record = Record { seq: 17, boot: 9, at, event, times: 2, since_mono_ms: Some(7) };
        let (bytes, hash) = record.encode(&[0xab; 32]);
        let expected = [
            &[9, 0, 0, 0][..],
            &1_764_190_800_000_u64.to_le_bytes(),
            &81_234_u64.to_le_bytes(),
            &[7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0],
            &[0, 0, 0, 0x3f, 2, 1, 2, 7],
            &[0xab; 32],
            &hash,
        ]
        .concat();
        assert_eq!(bytes[..], expected[..]);
        assert_eq!(hash[..4], [0x22, 0x1f, 0x1a, 0x02]);
        let linked = Linked::decode(17, &bytes).unwrap();
        assert_eq!(
            (linked.record, linked.prev, linked.hash, linked.sound),
            (record, [0xab; 32], hash, true)
        );
        assert!(!Linked::decode(18, &bytes).unwrap().sound);
    }
}
