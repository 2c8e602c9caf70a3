//! A door's line, written a second time: frames and seals around any bytes, so that whoever has the key may still say anything.
//!
//! The crate under test encodes messages alone; its own encoder could hide what its decoder does with other bytes.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use device_protocol::{Key, Nonce, VERSION};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// What both sides share.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// Kinds of frames.
pub(crate) const HELLO: u8 = 1;
pub(crate) const WELCOME: u8 = 2;
pub(crate) const SEALED: u8 = 3;

/// The key for the crate under test.
pub(crate) fn key() -> Key {
    Key::new(KEY)
}

/// A frame on the line.
pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = [&[kind], body].concat();
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let mut stuffed = Vec::new();
    // Runs up to each zero, and one up to the end; a full run of 254 stands for no zero.
    for run in bytes.split(|&byte| byte == 0) {
        let mut pieces = run.chunks(254).peekable();
        if run.is_empty() {
            stuffed.push(1);
        }
        while let Some(piece) = pieces.next() {
            stuffed.push(piece.len() as u8 + 1);
            stuffed.extend(piece);
            if piece.len() == 254 && pieces.peek().is_none() {
                stuffed.push(1);
            }
        }
    }
    stuffed.push(0);
    stuffed
}

/// A hello or welcome.
pub(crate) fn greeting(kind: u8, nonce: &Nonce) -> Vec<u8> {
    frame(kind, &[&[VERSION], nonce.as_slice()].concat())
}

/// One direction of a session.
pub(crate) struct Seal(ChaCha20Poly1305);

impl Seal {
    /// Of messages to the device, or to the host.
    pub(crate) fn new(to_device: bool, host: &Nonce, device: &Nonce) -> Self {
        let mac =
            <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&KEY).expect("any length will do");
        let direction = if to_device { 1 } else { 2 };
        let mac = mac.chain_update("door device 1").chain_update([direction]);
        let key = mac.chain_update(host).chain_update(device).finalize().into_bytes();
        Self(ChaCha20Poly1305::new(&key))
    }

    /// The frame of any bytes, under any number.
    pub(crate) fn frame(&self, number: u32, message: &[u8]) -> Vec<u8> {
        let [a, b, c, d] = number.to_le_bytes();
        let nonce = [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d].into();
        let mut text = message.to_vec();
        let tag = self
            .0
            .encrypt_inout_detached(&nonce, &[], text.as_mut_slice().into())
            .expect("no message is too long");
        frame(SEALED, &[&number.to_le_bytes(), text.as_slice(), tag.as_slice()].concat())
    }
}
