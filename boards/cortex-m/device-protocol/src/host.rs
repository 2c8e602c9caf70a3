//! The host's end of the line.

use crate::device::{greet, greeting, seal};
use crate::error::ProtocolError;
use crate::frame::{Deframer, MAX_WIRE, kind};
use crate::message::{Request, Response};
use crate::seal::{Direction, Key, Nonce, Session};

/// What a byte brought.
#[derive(Debug)]
#[must_use]
pub enum Arrived<'h> {
    /// The device is ready for requests. Whether it has the key its first response shows.
    Ready,
    /// It answered.
    Response(Response<'h>),
}

/// A session as the host sees it.
#[derive(Debug)]
pub struct Host {
    key: Key,
    nonce: Nonce,
    frames: Deframer,
    session: Option<Session>,
}

impl Host {
    /// With the device's key, and a nonce that was never used with it.
    pub fn new(key: Key, nonce: Nonce) -> Self {
        Self { key, nonce, frames: Deframer::new(), session: None }
    }

    /// The frame that begins a session.
    pub fn hello<'o>(&self, out: &'o mut [u8; MAX_WIRE]) -> &'o [u8] {
        greet(kind::HELLO, &self.nonce, out)
    }

    /// The frame of a request.
    ///
    /// # Errors
    /// [`ProtocolError::NoSession`], [`ProtocolError::MessageTooLong`] or [`ProtocolError::UsedUp`].
    pub fn request<'o>(
        &mut self,
        request: &Request<'_>,
        out: &'o mut [u8; MAX_WIRE],
    ) -> Result<&'o [u8], ProtocolError> {
        seal(self.session.as_mut().ok_or(ProtocolError::NoSession)?, request, out)
    }

    /// Takes a byte of the line; what the frame says that it ends, if it ends one.
    ///
    /// # Errors
    /// [`ProtocolError`]. After [`ProtocolError::Refused`] nothing was done of what was asked; after others that is not known.
    pub fn receive(&mut self, byte: u8) -> Option<Result<Arrived<'_>, ProtocolError>> {
        let frame = self.frames.push(byte)?;
        Some(frame.and_then(|(found, body)| match (found, self.session.as_mut(), &*body) {
            (kind::WELCOME, None, _) => {
                let device = greeting(body)?;
                let session = Session::new(&self.key, &self.nonce, &device, Direction::ToDevice);
                self.session = Some(session.ok_or(ProtocolError::Seal)?);
                Ok(Arrived::Ready)
            }
            (kind::SEALED, Some(session), _) => {
                let response = postcard::from_bytes(session.open(body)?);
                response.map(Arrived::Response).map_err(|_| ProtocolError::Message)
            }
            (kind::SEALED, None, _) => Err(ProtocolError::NoSession),
            (kind::REFUSED, _, &[code]) => Err(ProtocolError::Refused { code }),
            (found, _, _) => Err(ProtocolError::Kind { found }),
        }))
    }
}
