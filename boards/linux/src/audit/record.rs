//! A record's line.
//!
//! ```text
//! {"seq":17,"boot":HEX,"utc_ms":1764190800000,"mono_ms":81234,"kind":"granted","person":3,"cosine":0.61,"prev":HEX,"hash":HEX}
//! └─────────────── hashed with SHA-256, a brace in the place of the comma ───────────────────────────┘
//! ```
//!
//! `prev` is the hash of the line before it, also across files; before the first line it is zero. So no line can be changed, taken
//! out or put in without every later hash changing too. Whoever can write the files can hash them all anew: a
//! [`Head`] that is noted elsewhere tells that too.

use super::{BootId, Event, Moment};
use crate::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// No line is longer: all that is of any length is the reason, of 200 bytes that may need six each.
pub(super) const MAX_LINE: usize = 2048;

/// What stands between a line's hashed part and its hash.
const BEFORE_HASH: &str = ",\"hash\":\"";
const AFTER_HASH: &str = "\"}";

/// The SHA-256 of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl core::fmt::Display for Hash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// A chain's last record. Noted elsewhere, it shows later that nothing up to it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number. Later records have higher ones, whatever the clocks said.
    pub seq: u64,
    /// In which boot.
    pub boot: BootId,
    /// When; for repeated events the last time.
    pub at: Moment,
    /// What.
    pub event: Event,
    /// How often since `since_mono_ms`, or how many were lost or suppressed.
    pub times: u64,
    /// Of repeated events, when the first one was, by the clock that only grows.
    pub since_mono_ms: Option<u64>,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Body {
    seq: u64,
    boot: String,
    utc_ms: u64,
    mono_ms: u64,
    #[serde(flatten)]
    event: Event,
    #[serde(default = "once", skip_serializing_if = "is_once")]
    times: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_mono_ms: Option<u64>,
    prev: String,
}

fn once() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_once(times: &u64) -> bool {
    *times == 1
}

/// A line that hashes to what it says.
pub(super) struct Line {
    pub(super) record: Record,
    pub(super) prev: Hash,
    pub(super) hash: Hash,
}

impl Record {
    /// The line after the one that hashed to `prev`, with its line end, and its hash.
    pub(super) fn encode(&self, prev: Hash) -> (String, Hash) {
        let body = Body {
            seq: self.seq,
            boot: self.boot.to_string(),
            utc_ms: self.at.utc_ms,
            mono_ms: self.at.mono_ms,
            event: self.event.clone(),
            times: self.times,
            since_mono_ms: self.since_mono_ms,
            prev: prev.to_string(),
        };
        // Text, numbers and no maps with keys of another kind: nothing that JSON can't hold.
        let mut line = serde_json::to_string(&body).unwrap_or_default();
        let hash = Hash(Sha256::digest(&line).into());
        line.pop();
        line = format!("{line}{BEFORE_HASH}{hash}{AFTER_HASH}\n");
        (line, hash)
    }
}

impl Line {
    /// Reads a line without its end; `None` if it does not hash to what it says or is no record.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let line = core::str::from_utf8(line).ok()?.strip_suffix(AFTER_HASH)?;
        let (body, hash) = line.split_at_checked(line.len().checked_sub(64)?)?;
        let body = format!("{}}}", body.strip_suffix(BEFORE_HASH)?);
        let hash = Hash(hex::decode(hash)?);
        if Sha256::digest(&body) != hash.0 {
            return None;
        }
        let body: Body = serde_json::from_str(&body).ok()?;
        let record = Record {
            seq: body.seq,
            boot: BootId(hex::decode(&body.boot)?),
            at: Moment { utc_ms: body.utc_ms, mono_ms: body.mono_ms },
            event: body.event,
            times: body.times,
            since_mono_ms: body.since_mono_ms,
        };
        Some(Self { record, prev: Hash(hex::decode(&body.prev)?), hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Kind;
    use crate::store::PersonId;
    use proptest::prelude::*;

    fn record(event: Event) -> Record {
        let at = Moment { utc_ms: 1_764_190_800_000, mono_ms: 81_234 };
        Record { seq: 17, boot: BootId([9; 16]), at, event, times: 1, since_mono_ms: None }
    }

    /// The hash is that of `sha256sum` over the text before it, with a brace at its end.
    #[test]
    fn a_line_is_as_drawn() {
        let event = Event::new(Kind::Granted).person(PersonId(3)).cosine(0.5);
        let (line, hash) = record(event).encode(Hash([0xab; 32]));
        let expected = concat!(
            r#"{"seq":17,"boot":"09090909090909090909090909090909","utc_ms":1764190800000,"#,
            r#""mono_ms":81234,"kind":"granted","person":3,"cosine":0.5,"prev":"#,
            r#""abababababababababababababababababababababababababababababababab","#,
            r#""hash":"734adc6d784ab3eceaf031f856f3484d7470742a21ae4a09317eefce5deccad6"}"#,
            "\n"
        );
        assert_eq!(line, expected);
        assert!(line.contains(&hash.to_string()));
    }

    proptest! {
        #[test]
        fn a_line_comes_back_and_fits(reason in any::<String>(), cosine in -1.0_f32..1.0, times: u64) {
            let event = Event::new(Kind::Refused).reason(&reason).cosine(cosine).person(PersonId(u32::MAX));
            let mut record = Record { times, since_mono_ms: Some(u64::MAX), ..record(event) };
            (record.seq, record.at) = (u64::MAX, Moment { utc_ms: u64::MAX, mono_ms: u64::MAX });
            let (line, hash) = record.encode(Hash([1; 32]));
            prop_assert!(line.len() <= MAX_LINE);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let parsed = Line::parse(line.strip_suffix('\n').unwrap().as_bytes()).unwrap();
            prop_assert_eq!((parsed.record, parsed.prev, parsed.hash), (record, Hash([1; 32]), hash));
        }

        #[test]
        fn no_byte_can_be_changed(at in 0_usize..400, byte: u8) {
            let (line, _) = record(Event::new(Kind::Refused).reason("two faces")).encode(Hash([1; 32]));
            let mut bytes = line.trim_end().as_bytes().to_vec();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            prop_assert!(Line::parse(&bytes).is_none());
            prop_assert!(Line::parse(&bytes[..at]).is_none());
        }
    }

    #[test]
    fn the_longest_reason_fits() {
        let (line, _) =
            record(Event::new(Kind::Refused).reason(&"\0".repeat(500))).encode(Hash([1; 32]));
        assert!(line.len() > 1_200 && line.len() <= MAX_LINE, "{}", line.len());
    }
}
