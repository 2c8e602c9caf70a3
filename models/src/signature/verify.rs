//! What a signature covers, and whether it fits.
//!
//! ```text
//!   0        12         16                              total - 64       total
//!  | covered | checksum | covered                      | signature      |       covered: all but checksum and signature
//!
//!   0              12                       76
//!  | "afm model v1"| SHA-512 of the covered |                                   the message that Ed25519 signs
//! ```
//!
//! Covered are, in the order of the file: magic, version, total length, model id, section table, plan (the block's own
//! offset with it), all sections, the bytes between them, and of the block the algorithm and the public key. Left out are
//! two fields. The signature cannot cover itself; and the checksum covers the signature, so that it can only be known
//! after. Neither is free: [`ModelView::parse`](crate::ModelView::parse) refuses every checksum but the one that follows
//! from all other bytes, and strict verification refuses every signature but the one that the key's owner made. So no bit
//! of a signed file can be changed unseen.
//!
//! The prefix keeps signatures of models apart from whatever else a key may sign, and from later versions of this scheme;
//! it has one length, so that message and prefix cannot be cut in two ways. The file is hashed where it lies, in two
//! pieces, and the message is 76 bytes, so plain Ed25519 (RFC 8032), as any library or token has it, can sign and verify.
//!
//! The arithmetic is that of `ed25519-dalek`: audited and maintained, BSD-3-Clause, without std and alloc, and it has the
//! strict verification that leaves one signature a message: S below the group order, R canonical, neither R nor the key
//! of small order. A key in a form that is not canonical is refused here.

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha512};

use super::{PublicKey, field};
use crate::header;
use crate::view::ModelView;

/// Says what is signed.
const PREFIX: [u8; 12] = *b"afm model v1";

/// Bytes of the signature, the end of the block and of the file.
const SIGNATURE: usize = super::BLOCK - field::SIGNATURE;

/// Why a model must not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The key given can verify nothing.
    #[error(
        "{key} is no usable Ed25519 public key: not a point of the curve, of small order, or not in canonical form"
    )]
    UnusableKey {
        /// The key.
        key: PublicKey,
    },
    /// There is no signature.
    #[error("the model is not signed")]
    Unsigned,
    /// Someone else's signature.
    #[error("the model is signed by key {}, not by {}", signer.fingerprint(), key.fingerprint())]
    OtherKey {
        /// Whose signature it says it is.
        signer: PublicKey,
        /// The key given.
        key: PublicKey,
    },
    /// The signature is not the key's of this model.
    #[error("the signature of key {} does not fit the model: it was altered after it was signed", key.fingerprint())]
    Mismatch {
        /// The key given, which the file names too.
        key: PublicKey,
    },
}

impl ModelView<'_> {
    /// Checks that the owner of `key` signed exactly this file. Takes one pass of SHA-512 over the file and two scalar
    /// multiplications.
    ///
    /// # Errors
    /// [`SignatureError`], which lists the ways in which it is not so.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        let (key, owner) = (*key, usable(key)?);
        let signature = self.signature().ok_or(SignatureError::Unsigned)?;
        if signature.signer != key {
            return Err(SignatureError::OtherKey { signer: signature.signer, key });
        }
        owner
            .verify_strict(&message(self.bytes()), &signature.bytes.into())
            .map_err(|_| SignatureError::Mismatch { key })
    }
}

/// The key as a point, if it is one that [`VerifyingKey::verify_strict`] can go by.
pub(crate) fn usable(key: &PublicKey) -> Result<VerifyingKey, SignatureError> {
    VerifyingKey::from_bytes(&key.0)
        .ok()
        .filter(|owner| !owner.is_weak() && owner.to_edwards().compress().0 == key.0)
        .ok_or(SignatureError::UnusableKey { key: *key })
}

/// What is signed of `file`, a whole one with a signature block, be its signature there already or not.
pub(crate) fn message(file: &[u8]) -> [u8; 76] {
    let covered = file.len().saturating_sub(SIGNATURE);
    let mut digest = Sha512::new();
    digest.update(file.get(..header::field::CHECKSUM).unwrap_or_default());
    digest.update(file.get(header::field::ID..covered).unwrap_or_default());
    let mut message = [0; 76];
    for (to, from) in message.iter_mut().zip(PREFIX.into_iter().chain(digest.finalize())) {
        *to = from;
    }
    message
}
