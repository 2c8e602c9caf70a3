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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{PersonId, Pipeline, PreprocessingId};
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use model_format::ModelId;

    /// One person, sealed with the key 00 01 .. 1f by other code, which was checked against the vector of
    /// draft-irtf-cfrg-xchacha, A.3.1.
    const GOLDEN: &str = "\
RE9PUlBFT1ABAAAAAAAAAAm5FBwy6lXkBQAAAAAAAACJAQAAAAAAAGRlZmdoaWprbG1ub3BxcnN0dXZ3eHl6ewdRn9+NQ+j2pQqs\
E4QB2LEv5CIUll+l3q5vVosJMB1o31k3G0HGm6aeY0cmZnoqIQuKoHP6kA79tC1iLNmyj0B0o7aKtgfISMw3x7ajm+Mu0dejf+Eg\
aNm9f87jieWMxm5HxlWCVbl1Zq5fE7NDOP7RBHQU48/HA8NMMd47dEympVPLogWhvDM5jhQCiHSiaxly57I3VOlnNG+Nh63TWI4q\
bctn1+rdt9tp8oMMyFhL8Uka4Kk1hYUMb9TKhUKoj5BsumfzeDg8sBSNHBn9Vz/qeaSpkes2M7Bf4kHuGOQ+E6CpmvhTVpUmdC5J\
o1GLAJMM6Dr3ADo+en6y6J38bKLf0TYeXZ6dFAoiNR43+DVjXBKCiOZi7UzD/rj+vxVwjvfP6DBSHSA7fJHIOMXvysKSww5Xp6M1\
I3YgXJ0QLHjhh6Yp/F9KyDh4LljePivWL6+GARigM2zXOrn7w/7vOGqxqdkIL8EcWCLugfYR3jSddIf49tPbH5ruXTvKkgBqndEj\
dGY9BXPRPQ==";

    fn key() -> StoreKey {
        let text: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
        StoreKey::parse(text.as_bytes()).unwrap()
    }

    fn golden() -> Vec<u8> {
        STANDARD.decode(GOLDEN).unwrap()
    }

    #[test]
    fn what_other_code_sealed_is_read() {
        let Snapshot { generation, people } = Snapshot::open(&golden(), &key()).unwrap();
        assert_eq!((generation, people.iter().len()), (5, 1));
        let zoe = people.get(PersonId(1)).unwrap();
        assert_eq!(
            (zoe.profile.name.as_str(), &zoe.profile.groups[..]),
            ("Zoë", &["staff".into()][..])
        );
        assert_eq!(zoe.templates[0].values, [127, -64, 0, 1]);
        assert_eq!(zoe.templates[0].enrolled_ms, 1_764_190_800_000);
        let pipeline =
            Pipeline { model: ModelId([7; 16]), preprocessing: PreprocessingId([3; 16]) };
        assert_eq!(people.gallery(&pipeline, 4).unwrap().view().unwrap().len(), 1);
    }

    #[test]
    fn a_header_is_as_drawn_and_the_rest_is_sealed() {
        let snapshot = Snapshot::open(&golden(), &key()).unwrap();
        let (one, two) = (snapshot.seal(&key()).unwrap(), snapshot.seal(&key()).unwrap());
        assert_eq!((one[..40].to_vec(), one.len()), (golden()[..40].to_vec(), golden().len()));
        assert_ne!(one[40..64], two[40..64], "a nonce came twice");
        assert_eq!(Snapshot::open(&one, &key()).unwrap(), snapshot);
        for secret in ["people", "Zo", "staff", "f8AAAQ"] {
            let bytes = secret.as_bytes();
            assert!(!one.windows(bytes.len()).any(|window| window == bytes), "{secret}");
        }
    }

    #[test]
    fn rejects_another_version() {
        let mut file = golden();
        file[8] = 2;
        let refused = Snapshot::open(&file, &key()).unwrap_err();
        assert!(matches!(refused, SnapshotError::Version { found: 2 }), "{refused}");
    }

    #[test]
    fn rejects_another_file() {
        for bytes in [vec![0; 64], vec![b'D'; 500]] {
            let refused = Snapshot::open(&bytes, &key()).unwrap_err();
            assert!(matches!(refused, SnapshotError::Magic), "{refused}");
        }
    }

    #[test]
    fn rejects_another_key() {
        let refused = Snapshot::open(&golden(), &StoreKey::generate().unwrap()).unwrap_err();
        assert!(matches!(refused, SnapshotError::WrongKey), "{refused}");
    }

    #[test]
    fn rejects_every_other_length() {
        let file = golden();
        for len in 0..file.len() {
            let refused = Snapshot::open(&file[..len], &key()).unwrap_err();
            let found =
                |e: &_| matches!(e, SnapshotError::Length { found, .. } if *found == len as u64);
            assert!(found(&refused), "{refused}");
        }
        let refused = Snapshot::open(&[&file[..], &[0]].concat(), &key()).unwrap_err();
        assert!(matches!(refused, SnapshotError::Length { .. }), "{refused}");
    }

    #[test]
    fn rejects_any_flipped_bit() {
        let file = golden();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut file = file.clone();
                file[at] ^= 1 << bit;
                let refused = Snapshot::open(&file, &key()).unwrap_err();
                let expected = match at {
                    0..8 => matches!(refused, SnapshotError::Magic),
                    8..10 => matches!(refused, SnapshotError::Version { .. }),
                    16..24 => matches!(refused, SnapshotError::WrongKey),
                    32..40 => matches!(refused, SnapshotError::Length { .. }),
                    _ => matches!(refused, SnapshotError::Damaged),
                };
                assert!(expected, "byte {at}, bit {bit}: {refused}");
            }
        }
    }

    #[test]
    fn rejects_more_people_than_a_file_holds() {
        let mut people = People::default();
        let json = format!(
            r#"{{"format":1,"next_person":2,"next_template":1,"people":[{{"id":1,
            "profile":{{"name":"A","groups":["{}"]}},"templates":[]}}]}}"#,
            "x".repeat(200)
        );
        // Some 340,000 people without a face.
        for _ in 0..18 {
            let more = people.to_json();
            people.import(json.as_bytes()).unwrap();
            if people.iter().len() > 1 {
                people.import(more.as_bytes()).unwrap();
            }
        }
        let refused = Snapshot { generation: 0, people }.seal(&key()).unwrap_err();
        assert!(
            matches!(refused, StoreError::Snapshot(SnapshotError::TooLong { bytes }) if bytes > MAX),
            "{refused}"
        );
    }
}
