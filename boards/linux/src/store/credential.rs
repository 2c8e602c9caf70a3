//! A PIN or card's number as it is kept with a person: which one it is can be asked, not what it says.
//!
//! ```text
//! {"salt":HEX,"mac":HEX,"duress":false}      mac = HMAC-SHA256(salt, what the reader gave)
//! ```
//!
//! It lies sealed with the templates. A salt and a hash are for what leaves the store: an export, where a card's number stays
//! unknown for ever and a PIN of four digits until somebody has tried all of them, which takes a moment. Comparisons take the same
//! time whatever was typed.

use super::person::PersonId;
use crate::hex;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::Sha256;

/// Fewest characters: the door's pauses leave somebody who tries a PIN of so many digits years.
const MIN_CHARS: usize = 4;
/// Most bytes.
pub(crate) const MAX_BYTES: usize = 64;

/// A PIN or card that can't be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Soon guessed.
    #[error("a PIN or card of {chars} characters is too short: {MIN_CHARS} are needed")]
    TooShort {
        /// As given.
        chars: usize,
    },
    /// No reader gives that.
    #[error("a PIN or card of {bytes} bytes is longer than {MAX_BYTES}")]
    TooLong {
        /// As given.
        bytes: usize,
    },
    /// Nobody could type it.
    #[error("a PIN or card has letters, digits and signs without spaces, as the reader gives them")]
    Character,
    /// A PIN must say whose it is.
    #[error("this PIN or card is taken: choose another one")]
    Taken,
    /// No salt.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Somebody's PIN or card.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCredential {
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    salt: [u8; 16],
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    mac: [u8; 32],
    /// It is given when its owner is forced to: the door does the same as ever, and the log says so at once.
    pub duress: bool,
}

impl core::fmt::Debug for StoredCredential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StoredCredential").field("duress", &self.duress).finish_non_exhaustive()
    }
}

impl StoredCredential {
    /// Of what a reader gives.
    ///
    /// # Errors
    /// [`CredentialError`], but [`CredentialError::Taken`].
    pub(super) fn new(text: &str, duress: bool) -> Result<Self, CredentialError> {
        if text.len() > MAX_BYTES {
            return Err(CredentialError::TooLong { bytes: text.len() });
        }
        let chars = text.chars().count();
        if chars < MIN_CHARS {
            return Err(CredentialError::TooShort { chars });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CredentialError::Character);
        }
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(CredentialError::Random)?;
        let mac = mac(&salt, text).finalize().into_bytes().into();
        Ok(Self { salt, mac, duress })
    }

    /// Whether this is it. Takes the same time for every text of one length.
    pub(super) fn is(&self, text: &str) -> bool {
        mac(&self.salt, text).verify_slice(&self.mac).is_ok()
    }
}

/// Every PIN and card, to look one up.
#[derive(Clone, Debug, Default)]
pub struct Credentials(Vec<(PersonId, StoredCredential)>);

impl Credentials {
    pub(super) fn new(all: impl Iterator<Item = (PersonId, StoredCredential)>) -> Self {
        Self(all.collect())
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whose `text` is, and whether it is given when forced to. All are compared whatever is found; what is two people's, as an import can
    /// make it, is nobody's.
    pub fn find(&self, text: &str) -> Option<(PersonId, bool)> {
        let mut found = None;
        let mut several = false;
        for (person, credential) in &self.0 {
            if credential.is(text) {
                several |= found.is_some();
                found = Some((*person, credential.duress));
            }
        }
        found.filter(|_| !several)
    }
}

fn mac(salt: &[u8; 16], text: &str) -> Hmac<Sha256> {
    // A key shorter than a block is one with zeros behind it.
    let mut block = [0; 64];
    block[..salt.len()].copy_from_slice(salt);
    Hmac::new(&block.into()).chain_update(text)
}

fn to_hex<const N: usize, S: Serializer>(bytes: &[u8; N], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::encode(bytes))
}

fn from_hex<'de, const N: usize, D: Deserializer<'de>>(from: D) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(from)?;
    hex::decode(&text).ok_or_else(|| D::Error::custom(format!("{} hex digits are needed", 2 * N)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_it() {
        let pin = StoredCredential::new("4711", false).unwrap();
        assert!(pin.is("4711"));
        for other in ["", "471", "47110", "4712", "4711 ", "4711\x00"] {
            assert!(!pin.is(other), "{other:?}");
        }
        let again = StoredCredential::new("4711", false).unwrap();
        assert_ne!(pin, again, "a salt of its own");
        assert!(!format!("{pin:?}").contains(&hex::encode(&pin.mac)), "{pin:?}");
    }

    /// RFC 4231, test case 2, with its key as the salt: what is stored must be the same in every build.
    #[test]
    fn the_mac_is_hmac_sha256() {
        let mut salt = [0; 16];
        salt[..4].copy_from_slice(b"Jefe");
        let mac = mac(&salt, "what do ya want for nothing?").finalize().into_bytes();
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(&mac), expected);
    }

    #[test]
    fn what_is_stored_comes_back() {
        let card = StoredCredential::new("0A00F1B2C3", true).unwrap();
        let json = serde_json::to_string(&card).unwrap();
        assert!(!json.contains("0A00F1B2C3"), "{json}");
        assert_eq!(serde_json::from_str::<StoredCredential>(&json).unwrap(), card);
        for (from, to) in [("\"mac\":\"", "\"mac\":\"0"), ("true", "1"), ("salt", "pepper")] {
            let other = json.replacen(from, to, 1);
            assert!(serde_json::from_str::<StoredCredential>(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn rejects_what_no_reader_gives() {
        let new = |text: &str| StoredCredential::new(text, false).map(drop).unwrap_err();
        assert_eq!(new("123"), CredentialError::TooShort { chars: 3 });
        assert_eq!(new(&"1".repeat(65)), CredentialError::TooLong { bytes: 65 });
        for text in ["12 34", "1234\n", "１２３４", "12\u{7f}4"] {
            assert_eq!(new(text), CredentialError::Character, "{text:?}");
        }
    }

    #[test]
    fn what_is_two_people_s_is_nobody_s() {
        let of = |id, text, duress| (PersonId(id), StoredCredential::new(text, duress).unwrap());
        let all = [of(1, "1111", false), of(2, "2222", true), of(1, "3333", false)];
        let credentials = Credentials::new(all.into_iter());
        assert_eq!(credentials.find("1111"), Some((PersonId(1), false)));
        assert_eq!(credentials.find("2222"), Some((PersonId(2), true)));
        assert_eq!(credentials.find("3333"), Some((PersonId(1), false)));
        assert_eq!((credentials.find("4444"), credentials.count()), (None, 3));
        let all = [of(1, "1111", false), of(2, "1111", false)];
        assert_eq!(Credentials::new(all.into_iter()).find("1111"), None);
    }
}
