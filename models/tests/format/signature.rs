//! Signing changes nothing but what it must; verifying takes the owner's signature of exactly this file.

use model_format::writer::{SigningKey, reseal};
use model_format::{ModelFile, ModelId, PublicKey, SignatureError};

use crate::sample;

fn open(bytes: &[u8]) -> ModelFile {
    ModelFile::from_bytes(bytes).unwrap()
}

fn verify(bytes: &[u8], key: PublicKey) -> Result<(), SignatureError> {
    open(bytes).view().verify(&key)
}

fn stranger() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    core::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..][..2], 16).unwrap())
}

#[test]
fn the_block_is_as_documented() {
    let file = sample::signed();
    let block = &file[file.len() - 128..];
    assert_eq!(block[0], 1);
    assert_eq!(block[1..32], [0; 31]);
    let signer = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(block[32..64], signer);
    // Computed with OpenSSL 3 from this file's bytes 0 to 11 and 16 to the signature:
    // (printf 'afm model v1'; (head -c 12 F; head -c -64 F | tail -c +17) | openssl dgst -sha512 -binary) > M
    // openssl pkeyutl -sign -rawin -inkey KEY -in M
    let signature: [u8; 64] = hex(
        "99b6f67b8f573b3c0ac3b2ce2a2b7016bef52fe2b5cc0dee0c436978734eab5ec3b4c4cdc578f56e04475ec8a4fc3369b31b8773236ab55cdb804fb159c4c90c",
    );
    assert_eq!(block[64..], signature);
    let signature = open(&file).view().signature().unwrap();
    assert_eq!((signature.signer, &signature.bytes[..]), (PublicKey(signer), &block[64..]));
}

#[test]
fn keys_and_their_short_names_are_written_as_hex() {
    let key = sample::key().public();
    assert!(key.to_string().starts_with("d75a980182b10ab7d54b"));
    assert_eq!(key.to_string().len(), 64);
    assert_eq!(key.fingerprint().to_string(), "d75a980182b10ab7");
    assert_eq!(format!("{:?}", key.fingerprint()), "Fingerprint(d75a980182b10ab7)");
}

#[test]
fn signing_changes_length_checksum_and_the_offset_alone() {
    let (plain, signed) = (sample::bytes(), sample::signed());
    let start = signed.len() - 128;
    assert_eq!(start, plain.len().next_multiple_of(64));
    let mut expected = plain.clone();
    expected.resize(start, 0);
    for (at, value) in [(8, signed.len()), (72, start)] {
        expected[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
    }
    expected[12..16].copy_from_slice(&signed[12..16]);
    assert!(expected == signed[..start], "signing changed something else");
    let (plain, signed) = (open(&plain), open(&signed));
    assert_eq!(plain.view().id(), signed.view().id());
    assert_eq!(plain.view().metadata(), signed.view().metadata());
    assert!(plain.view().ops().eq(signed.view().ops()));
    assert_eq!(plain.view().signature(), None);
}

#[test]
fn a_new_signature_takes_the_place_of_the_old_one() {
    let signed = sample::signed();
    let again = sample::key().sign(&open(&signed).view()).unwrap();
    assert!(again == signed, "one key and file, two results");
    let other = stranger().sign(&open(&signed).view()).unwrap();
    assert_eq!(other.len(), signed.len());
    assert_eq!(verify(&other, stranger().public()), Ok(()));
    let (signer, key) = (stranger().public(), sample::key().public());
    assert_eq!(verify(&other, key), Err(SignatureError::OtherKey { signer, key }));
}

#[test]
fn every_changed_bit_is_found() {
    let (signed, key) = (sample::signed(), sample::key().public());
    assert_eq!(verify(&signed, key), Ok(()));
    let mut parsed = 0;
    for at in 0..8 * signed.len() {
        let mut changed = signed.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(ModelFile::from_bytes(&changed).is_err(), "bit {at}: the checksum does not see it");
        // Someone who changes a model makes the checksum fit as well.
        reseal(&mut changed);
        if (96..128).contains(&at) {
            assert!(changed == signed, "the checksum is not what the other bytes give");
        } else if let Ok(file) = ModelFile::from_bytes(&changed) {
            let refused = file.view().verify(&key).unwrap_err();
            let names_a_stranger = (8 * (signed.len() - 96)..8 * (signed.len() - 64)).contains(&at);
            match refused {
                SignatureError::OtherKey { .. } => assert!(names_a_stranger, "bit {at}"),
                SignatureError::Mismatch { .. } => assert!(!names_a_stranger, "bit {at}"),
                other => panic!("bit {at}: {other}"),
            }
            parsed += 1;
        }
    }
    // Weights, texts, key and signature can hold other values, so it was the signature that refused those.
    assert!(parsed > 8 * 1000, "only {parsed} changes reached the signature");
}

#[test]
fn another_model_id_is_found() {
    let mut signed = sample::signed();
    signed[16..32].fill(0xee);
    reseal(&mut signed);
    assert_eq!(open(&signed).view().id(), ModelId([0xee; 16]));
    let key = sample::key().public();
    assert_eq!(verify(&signed, key), Err(SignatureError::Mismatch { key }));
}

#[test]
fn rejects_unsigned() {
    let refused = verify(&sample::bytes(), sample::key().public()).unwrap_err();
    assert_eq!(refused, SignatureError::Unsigned);
    assert_eq!(refused.to_string(), "the model is not signed");
}

/// A stranger signs, and writes the trusted key's name into the block.
#[test]
fn rejects_a_borrowed_name() {
    let key = sample::key().public();
    let mut file = stranger().sign(&open(&sample::bytes()).view()).unwrap();
    let signer = file.len() - 96;
    file[signer..signer + 32].copy_from_slice(&key.0);
    reseal(&mut file);
    assert_eq!(verify(&file, key), Err(SignatureError::Mismatch { key }));
}

#[test]
fn rejects_the_signature_of_another_model() {
    let key = sample::key();
    let other = key.sign(&open(&sample::gated().build().unwrap()).view()).unwrap();
    let mut file = sample::signed();
    let at = file.len() - 64;
    file[at..].copy_from_slice(&other[other.len() - 64..]);
    reseal(&mut file);
    let key = key.public();
    assert_eq!(verify(&file, key), Err(SignatureError::Mismatch { key }));
}

/// S and S plus the group's order are one number to the curve; only the smaller may stand in a signature.
#[test]
fn rejects_a_second_form_of_the_same_signature() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut file = sample::signed();
    let at = file.len() - 32;
    let mut carry = 0;
    for (byte, order) in file[at..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
    reseal(&mut file);
    let key = sample::key().public();
    assert_eq!(verify(&file, key), Err(SignatureError::Mismatch { key }));
}

/// Keys of small order would verify signatures that nobody made; one point in two forms would be two keys.
#[test]
fn rejects_unusable_keys() {
    let mut keys = vec![
        // Points of order 1, 2, 4 and 8.
        hex("0100000000000000000000000000000000000000000000000000000000000000"),
        hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        hex("0000000000000000000000000000000000000000000000000000000000000000"),
        hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        // y = 2 is on no point of the curve.
        hex("0200000000000000000000000000000000000000000000000000000000000000"),
    ];
    // Every y from p on, which stands for y - p, under both signs of x.
    for low in 0xed..=0xff {
        let mut key = [0xff; 32];
        key[0] = low;
        keys.push(key);
        key[31] = 0x7f;
        keys.push(key);
    }
    let signed = open(&sample::signed());
    for key in keys.into_iter().map(PublicKey) {
        let refused = signed.view().verify(&key).unwrap_err();
        assert_eq!(refused, SignatureError::UnusableKey { key });
    }
}
