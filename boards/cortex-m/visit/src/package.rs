//! A model as a board leaves the factory with it: a manifest that its owner signed, and the file behind it.

use std::error::Error;
use std::fs;

use door_firmware::self_test::KnownAnswer;
use door_firmware::store::model::{Manifest, SignedManifest};
use ed25519_dalek::{Signer as _, SigningKey};
use model_format::ModelView;
use sha2::{Digest as _, Sha256};

/// Of the files at these paths: the owner's seed of 32 bytes, the model, and what is said to be its known answer.
pub(crate) fn package(
    seed: &str,
    counter: u32,
    model: &str,
    answer: &str,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let seed: [u8; 32] = fs::read(seed)?.try_into().map_err(|_| "a seed has 32 bytes")?;
    let file = fs::read(model)?;
    let answer = KnownAnswer::from_bytes(&fs::read(answer)?).ok_or("an answer has 20 bytes")?;
    let manifest = Manifest {
        counter,
        length: u32::try_from(file.len())?,
        sha256: Sha256::digest(&file).into(),
        model: ModelView::parse(&file)?.id(),
        answer: answer.sums,
    };
    let signature = SigningKey::from_bytes(&seed).sign(&manifest.message()).to_bytes();
    let mut package = SignedManifest { manifest, signature }.to_bytes().to_vec();
    package.extend(file);
    Ok(package)
}
