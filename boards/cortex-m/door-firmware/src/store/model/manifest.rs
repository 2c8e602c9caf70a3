//! What is signed of a model that is to be installed, and where it lies in a slot.
//!
//! ```text
//!  0       8         12       16       48         64       68          132      192
//!  | head  | counter | length | sha256 | model id | answer | signature | zero   | the .afm file ..     one slot record, then the file
//!
//!  | "door model update v1" | counter | length | sha256 | model id | answer |                         what Ed25519 signs
//! ```
//!
//! The file's own signature says who made it. This one says that it may follow on this door, and by its counter after what: an old
//! file, however well it is signed, has no manifest with a higher number.

use ed25519_dalek::{Signature, VerifyingKey};
use model_format::{ModelId, PublicKey};

use crate::self_test::KnownAnswer;
use crate::store::bytes::{Reader, Writer};
use crate::store::slot::Kind;

/// Says what is signed.
const PREFIX: [u8; 20] = *b"door model update v1";
/// Bytes of counter, length, hash, id and answer.
const FIELDS: usize = 60;
/// Bytes of a manifest with its signature.
pub const SIGNED_BYTES: usize = FIELDS + 64;
/// Manifests in slots.
pub(super) const MANIFEST: Kind = Kind(*b"dm");
/// Bytes of the manifest's record, behind which the file begins: a multiple of 64, as weights are.
pub const FILE_AT: u32 = 192;

/// A model and its place in the order of updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Higher than that of every model before.
    pub counter: u32,
    /// Bytes of the file.
    pub length: u32,
    /// Of the file.
    pub sha256: [u8; 32],
    /// The file's model id.
    pub model: ModelId,
    /// What the model gives for the drawn face, as in [`KnownAnswer`]: the self-test of another model needs another answer.
    pub answer: u32,
}

/// A manifest and the signature that is said to be of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// Ed25519, of [`Manifest::message`].
    pub signature: [u8; 64],
}

impl Manifest {
    /// What the self-test is to find.
    pub fn known_answer(&self) -> KnownAnswer {
        KnownAnswer { model: self.model, sums: self.answer }
    }

    /// What is signed.
    pub fn message(&self) -> [u8; PREFIX.len() + FIELDS] {
        let mut message = [0; PREFIX.len() + FIELDS];
        Writer::new(&mut message).put(&PREFIX).put(&self.fields());
        message
    }

    fn fields(&self) -> [u8; FIELDS] {
        let mut fields = [0; FIELDS];
        Writer::new(&mut fields)
            .put(&self.counter.to_le_bytes())
            .put(&self.length.to_le_bytes())
            .put(&self.sha256)
            .put(&self.model.0)
            .put(&self.answer.to_le_bytes());
        fields
    }
}

impl SignedManifest {
    /// As it is stored and sent.
    pub fn to_bytes(&self) -> [u8; SIGNED_BYTES] {
        let mut bytes = [0; SIGNED_BYTES];
        Writer::new(&mut bytes).put(&self.manifest.fields()).put(&self.signature);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Whether the signature fits is left to [`verify`](Self::verify).
    pub fn from_bytes(bytes: &[u8; SIGNED_BYTES]) -> Self {
        let mut fields = Reader(bytes);
        let manifest = Manifest {
            counter: fields.u32().unwrap_or_default(),
            length: fields.u32().unwrap_or_default(),
            sha256: fields.array().unwrap_or_default(),
            model: ModelId(fields.array().unwrap_or_default()),
            answer: fields.u32().unwrap_or_default(),
        };
        Self { manifest, signature: fields.array().unwrap_or([0; 64]) }
    }

    /// Whether the owner of `key` signed exactly this. A key that can verify nothing verifies nothing.
    #[must_use]
    pub fn verify(&self, key: &PublicKey) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        VerifyingKey::from_bytes(&key.0)
            .is_ok_and(|owner| owner.verify_strict(&self.manifest.message(), &signature).is_ok())
    }
}
