//! A model as a door takes it: signed by the owner, with a manifest that gives it its place in the order of updates.

use door_firmware::eyes::Memory;
use door_firmware::self_test::{KnownAnswer, SelfTestError};
use door_firmware::store::model::{Manifest, SignedManifest};
use model_format::ModelView;
use model_format::writer::{SigningKey, WriteError};
use sha2::{Digest as _, Sha256};

/// A model that no door can be updated to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A network of other outputs.
    #[error(
        "this network gives no embedding: the model that is updated is the one that tells people apart"
    )]
    NoEmbedding,
    /// The network does not run on the face that doors test themselves with.
    #[error("the network does not run on the drawn face: {0}")]
    Answer(SelfTestError),
    /// It can't be signed.
    #[error("the model can't be signed: {0}")]
    Sign(#[from] WriteError),
}

/// A signed model and its manifest.
#[derive(Clone, Debug)]
pub struct Package {
    /// The file.
    pub file: Vec<u8>,
    /// What the device goes by.
    pub signed: SignedManifest,
}

impl Package {
    /// Signs `model` as number `counter` of `owner`'s updates. The network runs once, on the face that doors test themselves with.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn new(
        model: &ModelView<'_>,
        owner: &SigningKey,
        counter: u32,
    ) -> Result<Self, PackageError> {
        if !model.is_embedding() {
            return Err(PackageError::NoEmbedding);
        }
        let answer = known_answer(model).map_err(PackageError::Answer)?.sums;
        let file = owner.sign(model)?;
        // The header holds the length in 32 bits.
        let length = u32::try_from(file.len()).unwrap_or(u32::MAX);
        let sha256 = Sha256::digest(&file).into();
        let manifest = Manifest { counter, length, sha256, model: model.id(), answer };
        let signature = owner.sign_message(&manifest.message());
        Ok(Self { file, signed: SignedManifest { manifest, signature } })
    }
}

/// What the firmware's self-test must find.
pub(crate) fn known_answer(model: &ModelView<'_>) -> Result<KnownAnswer, SelfTestError> {
    let shape = model.input().shape;
    let pixels = usize::from(shape.height) * usize::from(shape.width);
    let len = usize::from(model.metadata().embedding_len);
    let mut memory = Memory {
        arena: &mut vec![0; model.arena_bytes()],
        crop: &mut vec![0; pixels * 3],
        embedding: &mut vec![0.0; len],
        template: &mut vec![0; len],
        previous: &mut vec![0; len],
    };
    KnownAnswer::of(*model, &mut memory)
}
