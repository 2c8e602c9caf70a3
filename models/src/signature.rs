//! The signature block: the last 128 bytes of a signed file.
//!
//! ```text
//!   0           1               32                 64                                  128
//!  | algorithm | 0 x31         | public key, 32    | signature, 64                     |   algorithm: 1, Ed25519
//! ```
//!
//! It starts at a multiple of 64 after the metadata, and the plan holds its offset; 0 there means that the file is not
//! signed. Reading the block takes no arithmetic, so that every build reads signed files. What is signed, and verifying
//! it, is left to `signature/verify.rs`, signing to `writer/sign.rs`.

#[cfg(feature = "signature")]
mod verify;

use core::fmt;

#[cfg(feature = "signature")]
pub use verify::SignatureError;
#[cfg(all(feature = "signature", feature = "std"))]
pub(crate) use verify::message;
#[cfg(all(test, feature = "signature", feature = "std"))]
pub(crate) use verify::usable;

use crate::error::FormatError;
use crate::id;
use crate::record::{bytes_at, nonzero_in, u8_at};

/// Bytes of the block.
pub(crate) const BLOCK: usize = 128;

/// The one algorithm of this version.
pub(crate) const ED25519: u8 = 1;

pub(crate) mod field {
    pub(crate) const ALGORITHM: usize = 0;
    pub(crate) const RESERVED: usize = 1;
    pub(crate) const SIGNER: usize = 32;
    pub(crate) const SIGNATURE: usize = 64;
}

/// An Ed25519 public key: a compressed point of the curve (RFC 8032, 5.1.2). It is written as 64 hex digits. Any 32 bytes
/// can stand here; those that are no usable key verify nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The key's short name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(bytes_at::<0, 8, _>(&self.0))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        id::hex(&self.0, f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The first 8 bytes of a public key, written as 16 hex digits: for people and logs. Never decide by it; someone with much
/// time can make a key that shares it, as with any name this short.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 8]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        id::hex(&self.0, f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Who claims to have signed a file, and the claim's proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that the signature is said to be of.
    pub signer: PublicKey,
    /// The Ed25519 signature: R, then S.
    pub bytes: [u8; 64],
}

impl Signature {
    pub(crate) fn decode(block: &[u8; BLOCK]) -> Self {
        Self {
            signer: PublicKey(bytes_at::<{ field::SIGNER }, 32, _>(block)),
            bytes: bytes_at::<{ field::SIGNATURE }, 64, _>(block),
        }
    }
}

/// Checks what of the block, at `offset` of the file, has one meaning only.
pub(crate) fn check(block: &[u8; BLOCK], offset: usize) -> Result<(), FormatError> {
    let found = u8_at::<{ field::ALGORITHM }, _>(block);
    if found != ED25519 {
        return Err(FormatError::UnknownSignatureAlgorithm { found });
    }
    match nonzero_in(block, field::RESERVED, field::SIGNER) {
        Some(at) => Err(FormatError::ReservedNotZero { offset: offset.saturating_add(at) }),
        None => Ok(()),
    }
}
