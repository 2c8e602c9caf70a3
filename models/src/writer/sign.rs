//! Signs a finished file: the block of `signature.rs` behind it, and the header made to fit.
//!
//! Nothing before the block changes but the total length, the checksum and the plan's field for the block's offset; the
//! model id is a hash of what the network computes, so it stays. A file that is signed already loses its old signature.
//! Where keys come from and lie is left to the caller.

use std::vec::Vec;

use ed25519_dalek::Signer;

use super::layout::{offset, pad};
use super::{WriteError, reseal};
use crate::header::{self, HEADER};
use crate::record::put;
use crate::signature::{BLOCK, ED25519, PublicKey, field, message};
use crate::view::ModelView;
use crate::{ModelFile, SECTION_ALIGN};

/// An Ed25519 private key. Its memory is overwritten when it goes.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of a seed: 32 secret random bytes (RFC 8032, 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The signature of a message that is no model. Each kind of message begins with a prefix of its own and of one length, so that none
    /// passes for another, and none for a model: theirs begin with `afm model v1`.
    #[must_use]
    pub fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// The file of `view`, signed by this key and by no other. The same file and key give the same bytes.
    ///
    /// # Errors
    /// [`WriteError::FileTooLarge`].
    pub fn sign(&self, view: &ModelView<'_>) -> Result<Vec<u8>, WriteError> {
        let bytes = view.bytes();
        let old = if view.signature().is_some() { BLOCK } else { 0 };
        let mut file = bytes.get(..bytes.len().saturating_sub(old)).unwrap_or_default().to_vec();
        pad(&mut file, SECTION_ALIGN);
        let start = offset(file.len())?;
        let mut block = [0; BLOCK];
        put::<{ field::ALGORITHM }, _, _>(&mut block, [ED25519]);
        put::<{ field::SIGNER }, _, _>(&mut block, self.public().0);
        file.extend(block);
        let total = offset(file.len())?;
        if let Some(header) = file.first_chunk_mut::<HEADER>() {
            put::<{ header::field::TOTAL }, _, _>(header, total.to_le_bytes());
            put::<{ header::field::SIGNATURE }, _, _>(header, start.to_le_bytes());
        }
        let signature = self.0.sign(&message(&file));
        if let Some(block) = file.last_chunk_mut::<BLOCK>() {
            put::<{ field::SIGNATURE }, _, _>(block, signature.to_bytes());
        }
        reseal(&mut file);
        ModelFile::from_bytes(&file)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::usable;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2).map(|pair| core::str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    /// Seed, public key, message and signature of RFC 8032, 7.1: tests 1, 2, 3 and SHA(abc).
    #[test]
    fn signatures_are_those_of_the_rfc() {
        let tests = [
            [
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ],
            [
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ],
            [
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ],
            [
                "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
                "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
            ],
        ];
        for [seed, public, message, signature] in tests.map(|test| test.map(bytes)) {
            let key = SigningKey::from_seed(&seed.try_into().unwrap());
            assert_eq!(key.public().0, *public);
            let made = key.sign_message(&message);
            assert_eq!(made, *signature);
            let owner = usable(&key.public()).unwrap();
            assert!(owner.verify_strict(&message, &made.into()).is_ok());
            assert!(owner.verify_strict(&[&*message, b"."].concat(), &made.into()).is_err());
        }
    }
}
