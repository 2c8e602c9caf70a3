//! The bytes of the sealed file.
//!
//! ```text
//!  0  8  "DOORPEOP"
//!  8  2  version, 1
//! 10  6  zero
//! 16  8  which key: the first bytes of SHA-256("door store key" | key)
//! 24  8  generation: how many changes were made
//! 32  8  length of what follows the header
//! 40 24  nonce, random
//! 64  .  the people as JSON, XChaCha20-Poly1305, then its tag of 16 bytes; the 64 bytes above are the associated data
//! ```
//!
//! Numbers are little endian. A nonce of 24 random bytes may be drawn for every change of a lifetime without meeting another.

use super::{DocumentError, People, StoreError, StoreKey};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

const MAGIC: [u8; 8] = *b"DOORPEOP";
const VERSION: u16 = 1;
const HEADER: usize = 64;
const TAG: usize = 16;
/// Most bytes of a file: some 100,000 templates.
const MAX: usize = 64 << 20;

/// A file that holds no people, or not these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Not a store's file, or its head is overwritten.
    #[error("`people` does not begin as a store does: it is damaged or another file")]
    Magic,
    /// Of a later build.
    #[error("`people` is of version {found}, this build reads {VERSION}: install the newer one")]
    Version {
        /// As read.
        found: u16,
    },
    /// Cut off or grown.
    #[error("`people` has {found} bytes and should have {expected}: it is damaged")]
    Length {
        /// As read.
        found: u64,
        /// As its header says.
        expected: u64,
    },
    /// More than the file may hold.
    #[error("{bytes} bytes of people are more than {MAX}: remove some first")]
    TooLong {
        /// Sealed.
        bytes: usize,
    },
    /// The key is not the one that sealed it.
    #[error("`people` is sealed with another key: give the key that the store was made with")]
    WrongKey,
    /// A byte was changed.
    #[error("`people` was changed after it was written, or is damaged: import the last export")]
    Damaged,
    /// What was sealed is no list of people: a defect of the build that wrote it.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// The people, and how many changes made them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    pub(super) generation: u64,
    pub(super) people: People,
}

impl Snapshot {
    pub(super) fn seal(&self, key: &StoreKey) -> Result<Vec<u8>, StoreError> {
        let plain = Zeroizing::new(self.people.to_json());
        let length = plain.len() + TAG;
        if HEADER + length > MAX {
            return Err(SnapshotError::TooLong { bytes: HEADER + length }.into());
        }
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(StoreError::Random)?;
        let mut file = Vec::with_capacity(HEADER + length);
        file.extend(MAGIC);
        file.extend(VERSION.to_le_bytes());
        file.extend([0; 6]);
        file.extend(key.id());
        file.extend(self.generation.to_le_bytes());
        file.extend((length as u64).to_le_bytes());
        file.extend(nonce);
        let payload = Payload { msg: plain.as_bytes(), aad: &file };
        let sealed = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SnapshotError::TooLong { bytes: HEADER + length })?;
        file.extend(sealed);
        Ok(file)
    }

    pub(super) fn open(file: &[u8], key: &StoreKey) -> Result<Self, SnapshotError> {
        let (header, sealed) = file
            .split_at_checked(HEADER)
            .ok_or(SnapshotError::Length { found: file.len() as u64, expected: HEADER as u64 })?;
        let mut rest = header;
        if take(&mut rest) != MAGIC {
            return Err(SnapshotError::Magic);
        }
        let found = u16::from_le_bytes(take(&mut rest));
        if found != VERSION {
            return Err(SnapshotError::Version { found });
        }
        let _zero: [u8; 6] = take(&mut rest);
        let key_id: [u8; 8] = take(&mut rest);
        let generation = u64::from_le_bytes(take(&mut rest));
        let length = u64::from_le_bytes(take(&mut rest));
        let nonce: [u8; 24] = take(&mut rest);
        if sealed.len() as u64 != length {
            let (found, expected) = (file.len() as u64, length.saturating_add(HEADER as u64));
            return Err(SnapshotError::Length { found, expected });
        }
        if key_id != key.id() {
            return Err(SnapshotError::WrongKey);
        }
        let plain = cipher(key)
            .decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: header })
            .map_err(|_| SnapshotError::Damaged)?;
        let people = People::from_json(&Zeroizing::new(plain))?;
        Ok(Self { generation, people })
    }
}

fn cipher(key: &StoreKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// The next `N` bytes of a header that is long enough for all its fields.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (field, after) = rest.split_first_chunk().unwrap_or((&[0; N], &[]));
    *rest = after;
    *field
}
