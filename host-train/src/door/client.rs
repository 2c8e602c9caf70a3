//! A session with a device: one question, one answer.

use device_protocol::{Arrived, Host, Key, MAX_WIRE, ProtocolError, Request, Response};
use std::io::{self, Read, Write};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The line.
    #[error("the line to the device: {0}")]
    Line(#[from] io::Error),
    /// Nothing came in time, or the device hung up.
    #[error(
        "the device does not answer: is this its port, has it power, and does nobody else speak to it? A door that blinks has failed its self-test and does not listen"
    )]
    Silent,
    /// What came is not what a device with this key says.
    #[error("{}", advice(.0))]
    Protocol(#[from] ProtocolError),
    /// The answer is of another kind than the question.
    #[error("the device's answer does not fit what was asked; it may be of another version")]
    Answer,
    /// No nonce.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl LinkError {
    /// Whether another session may go better: the line was bad, or the device started again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Line(_) | Self::Silent => true,
            Self::Protocol(error) => {
                !is_other_key(error)
                    && !matches!(
                        error,
                        ProtocolError::Version { .. } | ProtocolError::Refused { code: 6 | 10 }
                    )
            }
            Self::Answer | Self::Random(_) => false,
        }
    }
}

fn is_other_key(error: &ProtocolError) -> bool {
    let seal = ProtocolError::Seal;
    [seal, ProtocolError::Refused { code: seal.code() }].contains(error)
}

fn advice(error: &ProtocolError) -> String {
    if is_other_key(error) {
        return "the device has another key than the file given with --key".to_owned();
    }
    error.to_string()
}

/// A session over a line.
#[derive(Debug)]
pub struct Client<L> {
    line: L,
    host: Host,
    /// What came and was not looked at yet, from `at` on.
    came: Vec<u8>,
    at: usize,
}

impl<L: Read + Write> Client<L> {
    /// Begins a session. Whether the device has the key, the first answer shows.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn connect(line: L, key: Key) -> Result<Self, LinkError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(LinkError::Random)?;
        let mut client = Self { line, host: Host::new(key, nonce), came: Vec::new(), at: 0 };
        let mut out = [0; MAX_WIRE];
        // The zero ends whatever the device was in the middle of.
        client.line.write_all(&[0])?;
        client.line.write_all(client.host.hello(&mut out))?;
        client.line.flush()?;
        client.answer(|arrived| matches!(arrived, Arrived::Ready).then_some(()))?;
        Ok(client)
    }

    /// Asks, and hands the answer to `take`, which returns `None` for one of the wrong kind.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn ask<T>(
        &mut self,
        request: &Request<'_>,
        take: impl FnOnce(Response<'_>) -> Option<T>,
    ) -> Result<T, LinkError> {
        let mut out = [0; MAX_WIRE];
        self.line.write_all(self.host.request(request, &mut out)?)?;
        self.line.flush()?;
        self.answer(|arrived| match arrived {
            Arrived::Response(response) => take(response),
            Arrived::Ready => None,
        })
    }

    fn answer<T>(&mut self, take: impl FnOnce(Arrived<'_>) -> Option<T>) -> Result<T, LinkError> {
        loop {
            while let Some(&byte) = self.came.get(self.at) {
                self.at += 1;
                if let Some(arrived) = self.host.receive(byte) {
                    return take(arrived?).ok_or(LinkError::Answer);
                }
            }
            let mut piece = [0; MAX_WIRE];
            let len = match self.line.read(&mut piece) {
                Ok(0) => return Err(LinkError::Silent),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    return Err(LinkError::Silent);
                }
                Err(error) => return Err(error.into()),
            };
            (self.came, self.at) = (piece[..len].to_vec(), 0);
        }
    }
}
