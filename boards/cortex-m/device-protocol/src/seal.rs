//! Keys of a session, and sealing with them.
//!
//! ```text
//!  key of a direction = HMAC-SHA256(shared key, "door device 1" | direction u8 | host's nonce | device's nonce)
//!  sealed             = number u32 | ChaCha20-Poly1305(message) | tag, 16 bytes        nonce: eight zeros, then the number
//! ```
//!
//! The number is never used twice with a key: it only grows, and keys are of one session and one direction.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, Tag};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::ProtocolError;
use crate::frame::MAX_BODY;

/// Bytes around a sealed message.
const AROUND: usize = 4 + 16;
/// Most bytes of a message.
pub(crate) const MAX_MESSAGE: usize = MAX_BODY - AROUND;

/// What both sides know, and nobody else: 32 random bytes.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// Of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// 16 bytes that one side never sends again: random, or a counter that outlives resets.
pub type Nonce = [u8; 16];

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToDevice = 1,
    ToHost = 2,
}

/// A session as one side sees it.
pub(crate) struct Session {
    outgoing: ChaCha20Poly1305,
    incoming: ChaCha20Poly1305,
    sent: u32,
    received: u32,
}

impl Session {
    pub(crate) fn new(
        key: &Key,
        host: &Nonce,
        device: &Nonce,
        outgoing: Direction,
    ) -> Option<Self> {
        let cipher = |direction: Direction| {
            let mac = Hmac::<Sha256>::new_from_slice(&key.0).ok()?;
            let mac = mac.chain_update("door device 1").chain_update([direction as u8]);
            let key = mac.chain_update(host).chain_update(device).finalize().into_bytes();
            Some(ChaCha20Poly1305::new(&key))
        };
        let incoming = match outgoing {
            Direction::ToDevice => Direction::ToHost,
            Direction::ToHost => Direction::ToDevice,
        };
        Some(Self {
            outgoing: cipher(outgoing)?,
            incoming: cipher(incoming)?,
            sent: 0,
            received: 0,
        })
    }

    /// Seals a copy of `message` into the body of a frame.
    pub(crate) fn seal<'b>(
        &mut self,
        message: &[u8],
        body: &'b mut [u8; MAX_BODY],
    ) -> Result<&'b [u8], ProtocolError> {
        const TOO_LONG: ProtocolError = ProtocolError::MessageTooLong { limit: MAX_MESSAGE };
        let number = self.sent;
        self.sent = number.checked_add(1).ok_or(ProtocolError::UsedUp)?;
        let len = message.len() + AROUND;
        let body = body.get_mut(..len).ok_or(TOO_LONG)?;
        let (head, rest) = body.split_first_chunk_mut().ok_or(TOO_LONG)?;
        let (text, tag) = rest.split_last_chunk_mut::<16>().ok_or(TOO_LONG)?;
        *head = number.to_le_bytes();
        text.copy_from_slice(message);
        let sealed = self.outgoing.encrypt_inout_detached(&nonce(number), &[], text.into());
        *tag = sealed.map_err(|_| TOO_LONG)?.into();
        Ok(body)
    }

    /// Opens the body of a frame in place.
    pub(crate) fn open<'b>(&mut self, body: &'b mut [u8]) -> Result<&'b [u8], ProtocolError> {
        let too_short = ProtocolError::TooShort { found: body.len() };
        let (head, rest) = body.split_first_chunk_mut().ok_or(too_short)?;
        let (text, tag) = rest.split_last_chunk_mut::<16>().ok_or(too_short)?;
        let (expected, found) = (self.received, u32::from_le_bytes(*head));
        if found != expected {
            return Err(ProtocolError::Number { expected, found });
        }
        let next = expected.checked_add(1).ok_or(ProtocolError::UsedUp)?;
        let opened = self.incoming.decrypt_inout_detached(
            &nonce(found),
            &[],
            (&mut *text).into(),
            &Tag::from(*tag),
        );
        opened.map_err(|_| ProtocolError::Seal)?;
        self.received = next;
        Ok(text)
    }
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("sent", &self.sent)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

fn nonce(number: u32) -> chacha20poly1305::Nonce {
    let [a, b, c, d] = number.to_le_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number is never used twice, also where there are no more.
    #[test]
    fn rejects_more_frames_than_there_are_numbers() {
        let session = |way| Session::new(&Key::new([1; 32]), &[2; 16], &[3; 16], way).unwrap();
        let (mut host, mut device) = (session(Direction::ToDevice), session(Direction::ToHost));
        (host.sent, device.received) = (u32::MAX - 1, u32::MAX - 1);
        let mut last = [0; MAX_BODY];
        let len = host.seal(b"last", &mut last).unwrap().len();
        assert_eq!(device.open(&mut last[..len]), Ok(&b"last"[..]));
        assert_eq!(host.seal(b"one more", &mut [0; MAX_BODY]), Err(ProtocolError::UsedUp));
        // Somebody who goes on counts from 0 again, or says the last number.
        let mut forged = [0xff; 30];
        assert_eq!(device.open(&mut forged), Err(ProtocolError::UsedUp));
        forged[..4].fill(0);
        let number = ProtocolError::Number { expected: u32::MAX, found: 0 };
        assert_eq!(device.open(&mut forged), Err(number));
    }
}
