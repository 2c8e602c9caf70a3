//! The device's end of the line.

use crate::VERSION;
use crate::error::ProtocolError;
use crate::frame::{Deframer, MAX_BODY, MAX_WIRE, encode, kind};
use crate::message::{Request, Response};
use crate::seal::{Direction, Key, MAX_MESSAGE, Nonce, Session};

/// What a byte brought.
#[derive(Debug)]
#[must_use]
pub enum Incoming<'d> {
    /// No frame ended.
    Nothing,
    /// A session began; so many bytes are to be sent.
    Welcome(usize),
    /// The holder of the key asks. To be answered by [`Device::respond`].
    Request(Request<'d>),
    /// A frame was refused; so many bytes are to be sent. Nothing changed.
    Refused(ProtocolError, usize),
}

/// Sessions as the device sees them, one at a time.
#[derive(Debug)]
pub struct Device {
    key: Key,
    frames: Deframer,
    session: Option<Session>,
}

impl Device {
    /// With the key that it shares with its host.
    pub fn new(key: Key) -> Self {
        Self { key, frames: Deframer::new(), session: None }
    }

    /// Takes a byte of the line. `nonce` is called when a session begins, and what is to be sent is written to the start of `out`.
    pub fn receive<'d>(
        &'d mut self,
        byte: u8,
        nonce: impl FnOnce() -> Nonce,
        out: &mut [u8; MAX_WIRE],
    ) -> Incoming<'d> {
        let Some(frame) = self.frames.push(byte) else { return Incoming::Nothing };
        let refused = match frame {
            Ok((kind::HELLO, body)) => match begin(&self.key, body, nonce) {
                Ok((session, ours)) => {
                    self.session = Some(session);
                    return Incoming::Welcome(greet(kind::WELCOME, &ours, out).len());
                }
                Err(error) => error,
            },
            Ok((kind::SEALED, body)) => match open(self.session.as_mut(), body) {
                Ok(request) => return Incoming::Request(request),
                Err(error) => error,
            },
            Ok((found, _)) => ProtocolError::Kind { found },
            Err(error) => error,
        };
        // One byte fits any frame.
        let frame = encode(kind::REFUSED, &[refused.code()], out).unwrap_or_default();
        Incoming::Refused(refused, frame.len())
    }

    /// The frame that answers the request.
    ///
    /// # Errors
    /// [`ProtocolError::NoSession`], [`ProtocolError::MessageTooLong`] or [`ProtocolError::UsedUp`].
    pub fn respond<'o>(
        &mut self,
        response: &Response<'_>,
        out: &'o mut [u8; MAX_WIRE],
    ) -> Result<&'o [u8], ProtocolError> {
        let session = self.session.as_mut().ok_or(ProtocolError::NoSession)?;
        seal(session, response, out)
    }
}

/// A sealed frame of a message.
pub(crate) fn seal<'o>(
    session: &mut Session,
    message: &impl serde::Serialize,
    out: &'o mut [u8; MAX_WIRE],
) -> Result<&'o [u8], ProtocolError> {
    let mut text = [0; MAX_MESSAGE];
    let too_long = |_| ProtocolError::MessageTooLong { limit: MAX_MESSAGE };
    let text = postcard::to_slice(message, &mut text).map_err(too_long)?;
    let mut body = [0; MAX_BODY];
    let body = session.seal(text, &mut body)?;
    encode(kind::SEALED, body, out)
}

/// The session after a hello, and the nonce to welcome with.
fn begin(
    key: &Key,
    body: &[u8],
    nonce: impl FnOnce() -> Nonce,
) -> Result<(Session, Nonce), ProtocolError> {
    let (theirs, ours) = (greeting(body)?, nonce());
    let session =
        Session::new(key, &theirs, &ours, Direction::ToHost).ok_or(ProtocolError::Seal)?;
    Ok((session, ours))
}

fn open<'d>(
    session: Option<&mut Session>,
    body: &'d mut [u8],
) -> Result<Request<'d>, ProtocolError> {
    let text = session.ok_or(ProtocolError::NoSession)?.open(body)?;
    postcard::from_bytes(text).map_err(|_| ProtocolError::Message)
}

/// The version and nonce of a hello or welcome.
pub(crate) fn greeting(body: &[u8]) -> Result<Nonce, ProtocolError> {
    let (&found, nonce) = body.split_first().ok_or(ProtocolError::TooShort { found: 0 })?;
    if found != VERSION {
        return Err(ProtocolError::Version { found, supported: VERSION });
    }
    nonce.try_into().map_err(|_| ProtocolError::TooShort { found: body.len() })
}

/// The frame of one.
pub(crate) fn greet<'o>(kind: u8, nonce: &Nonce, out: &'o mut [u8; MAX_WIRE]) -> &'o [u8] {
    let mut body = [VERSION; 17];
    if let Some(to) = body.last_chunk_mut() {
        *to = *nonce;
    }
    // 17 bytes fit any frame.
    encode(kind, &body, out).unwrap_or_default()
}
