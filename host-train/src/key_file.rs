//! Files of Ed25519 keys in the forms of RFC 8410, PEM around DER, so that `openssl` reads and makes them too.
//!
//! ```text
//! KEY       -----BEGIN PRIVATE KEY-----    DER: 16 bytes that say PKCS#8 and Ed25519, then the seed, 32 bytes
//! KEY.pub   -----BEGIN PUBLIC KEY-----     DER: 12 bytes that say Ed25519, then the public key, 32 bytes
//! ```
//!
//! A private key's file is its owner's alone and replaces nothing: a lost key's models cannot be signed anew.

use crate::files::{self, FileError, Mode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use model_format::PublicKey;
use model_format::writer::SigningKey;
use std::path::{Path, PathBuf};

/// A key that can't be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another file, or a key of another kind.
    #[error("{} holds no Ed25519 {label} in PEM: give KEY to sign and KEY.pub to verify, as `keygen` wrote them", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        label: &'static str,
    },
    /// No seed.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// One of the two forms: PEM's label, and the DER before the key's 32 bytes.
struct Form {
    label: &'static str,
    der: &'static [u8],
}

const PRIVATE: Form = Form {
    label: "PRIVATE KEY",
    der: b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
};

const PUBLIC: Form =
    Form { label: "PUBLIC KEY", der: b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00" };

/// Makes a key from the system's random numbers and writes it to `path`, its public half to [`public_path`].
///
/// # Errors
/// One of the files exists already, or can't be written; then neither is left.
pub fn generate(path: &Path) -> Result<PublicKey, KeyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(KeyError::Random)?;
    let public = SigningKey::from_seed(&seed).public();
    files::write_new(path, PRIVATE.encode(&seed).as_bytes(), Mode::Private)?;
    let written =
        files::write_new(&public_path(path), PUBLIC.encode(&public.0).as_bytes(), Mode::Shared);
    if let Err(error) = written {
        // Half a pair would stand in the way of the next try.
        let _ = std::fs::remove_file(path);
        return Err(error.into());
    }
    Ok(public)
}

/// Where the public half of the key at `path` lies: beside it, with `.pub` behind its name.
#[must_use]
pub fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Reads a private key.
///
/// # Errors
/// The file can't be read or holds something else.
pub fn read_private(path: &Path) -> Result<SigningKey, KeyError> {
    Ok(SigningKey::from_seed(&PRIVATE.read(path)?))
}

/// Reads a public key.
///
/// # Errors
/// The file can't be read or holds something else.
pub fn read_public(path: &Path) -> Result<PublicKey, KeyError> {
    Ok(PublicKey(PUBLIC.read(path)?))
}

impl Form {
    fn encode(&self, key: &[u8; 32]) -> String {
        let label = self.label;
        let body = STANDARD.encode([self.der, key].concat());
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn decode(&self, text: &[u8]) -> Option<[u8; 32]> {
        let label = self.label;
        let body = core::str::from_utf8(text)
            .ok()?
            .trim()
            .strip_prefix(&format!("-----BEGIN {label}-----"))?
            .strip_suffix(&format!("-----END {label}-----"))?;
        let body: String = body.split_whitespace().collect();
        STANDARD.decode(body).ok()?.strip_prefix(self.der)?.try_into().ok()
    }

    fn read(&self, path: &Path) -> Result<[u8; 32], KeyError> {
        self.decode(&files::read(path)?)
            .ok_or_else(|| KeyError::Format { path: path.to_owned(), label: self.label })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The key of the first test of RFC 8032, 7.1, as OpenSSL 3 writes it.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
    const KEY_PUB: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";

    #[test]
    fn forms_are_those_of_openssl() {
        let seed = PRIVATE.decode(KEY.as_bytes()).unwrap();
        let public = PUBLIC.decode(KEY_PUB.as_bytes()).unwrap();
        assert_eq!(seed[..4], [0x9d, 0x61, 0xb1, 0x9d]);
        assert_eq!(SigningKey::from_seed(&seed).public(), PublicKey(public));
        assert_eq!((PRIVATE.encode(&seed), PUBLIC.encode(&public)), (KEY.into(), KEY_PUB.into()));
        // Line ends of another system are no other key.
        assert_eq!(PRIVATE.decode(KEY.replace('\n', "\r\n").as_bytes()), Some(seed));
    }

    #[test]
    fn rejects_what_is_no_such_key() {
        assert_eq!(PRIVATE.decode(KEY_PUB.as_bytes()), None);
        assert_eq!(PUBLIC.decode(KEY.as_bytes()), None);
        for (from, to) in [
            ("MC4", "MC5"),
            ("rn9g", "rn8="),
            ("rn9g", "rn9gAAAA"),
            ("rn9g", "rn9"),
            ("rn9g", "rn9*"),
            ("BEGIN PRIVATE", "BEGIN RSA PRIVATE"),
            ("-----END PRIVATE KEY-----", ""),
        ] {
            assert_eq!(PRIVATE.decode(KEY.replace(from, to).as_bytes()), None, "{to}");
        }
        assert_eq!(PUBLIC.decode(b"\xff"), None);
    }

    #[test]
    fn a_pair_is_new_and_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (folder.path().join("key"), folder.path().join("other"));
        let public = generate(&key).unwrap();
        assert_eq!(read_public(&public_path(&key)).unwrap(), public);
        assert_eq!(read_private(&key).unwrap().public(), public);
        assert_ne!(generate(&other).unwrap(), public);
        std::fs::remove_file(&other).unwrap();
        let refused = generate(&other).unwrap_err().to_string();
        assert!(refused.contains("other.pub: it exists already"), "{refused}");
        assert!(!other.exists(), "half a pair is left");
    }
}
