//! Frames on a line of bytes: found again after noise, and whole.
//!
//! ```text
//!  kind u8 | body | CRC-32          at most MAX_FRAME bytes, without zeros by COBS, then a zero that ends it
//! ```
//!
//! The checksum tells noise from a wrong key; against hands there is the seal.

use crate::error::ProtocolError;

/// Most bytes of a frame.
pub const MAX_FRAME: usize = 768;
/// Most bytes of a frame on the line, the zero at its end among them.
pub const MAX_WIRE: usize = MAX_FRAME + MAX_FRAME / 254 + 2;
/// Bytes of kind and checksum.
const AROUND: usize = 5;
/// Most bytes of a body.
pub(crate) const MAX_BODY: usize = MAX_FRAME - AROUND;

/// Kinds of frames.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const WELCOME: u8 = 2;
    pub(crate) const SEALED: u8 = 3;
    pub(crate) const REFUSED: u8 = 4;
}

/// Writes a frame as it goes on the line.
pub(crate) fn encode<'o>(
    kind: u8,
    body: &[u8],
    out: &'o mut [u8; MAX_WIRE],
) -> Result<&'o [u8], ProtocolError> {
    const TOO_LONG: ProtocolError = ProtocolError::MessageTooLong { limit: MAX_BODY };
    let mut frame = [0; MAX_FRAME];
    let len = body.len() + 1;
    let (content, rest) = frame.split_at_mut_checked(len).ok_or(TOO_LONG)?;
    if let Some((first, to)) = content.split_first_mut() {
        *first = kind;
        to.copy_from_slice(body);
    }
    let checksum = crc32fast::hash(content).to_le_bytes();
    *rest.first_chunk_mut().ok_or(TOO_LONG)? = checksum;
    let frame = frame.get(..len + checksum.len()).ok_or(TOO_LONG)?;
    let stuffed = cobs::try_encode(frame, out).map_err(|_| TOO_LONG)?;
    let framed = out.get_mut(..=stuffed).ok_or(TOO_LONG)?;
    // Behind 254 bytes without a zero there is one more code, which counts for nothing at the end.
    if let Some(end) = framed.last_mut() {
        *end = 0;
    }
    Ok(framed)
}

/// Finds frames in bytes as they come.
#[derive(Debug)]
pub(crate) struct Deframer {
    bytes: [u8; MAX_WIRE],
    /// How many came since the last zero; more than fit only count as too many.
    came: usize,
}

impl Deframer {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; MAX_WIRE], came: 0 }
    }

    /// The kind and body of the frame that this byte ends, if it ends one.
    pub(crate) fn push(&mut self, byte: u8) -> Option<Result<(u8, &mut [u8]), ProtocolError>> {
        if byte != 0 {
            if let Some(to) = self.bytes.get_mut(self.came) {
                *to = byte;
            }
            self.came = self.came.saturating_add(1);
            return None;
        }
        let came = core::mem::take(&mut self.came);
        // Zeros in a row are a line at rest.
        (came > 0).then(|| self.decode(came))
    }

    fn decode(&mut self, came: usize) -> Result<(u8, &mut [u8]), ProtocolError> {
        let too_long = ProtocolError::TooLong { limit: MAX_FRAME };
        let bytes = self.bytes.get_mut(..came).filter(|_| came < MAX_WIRE).ok_or(too_long)?;
        let len = cobs::decode_in_place(bytes).map_err(|_| ProtocolError::Stuffing)?;
        let frame = bytes.get_mut(..len).ok_or(ProtocolError::Stuffing)?;
        let too_short = ProtocolError::TooShort { found: len };
        let (content, stated) = frame.split_last_chunk_mut().ok_or(too_short)?;
        let (stated, computed) = (u32::from_le_bytes(*stated), crc32fast::hash(content));
        if stated != computed {
            return Err(ProtocolError::Checksum { stated, computed });
        }
        let (kind, body) = content.split_first_mut().ok_or(too_short)?;
        Ok((*kind, body))
    }
}
