//! The device's answers: people in and out, the log, the self-test, for whoever has the key.
//!
//! ```text
//! bytes ─> device_protocol::Device ─ Request ─> answer ─> Response ─> bytes
//!                                       │ GalleryStore, Audit, self-test
//! ```
//!
//! Frames and seals are left to [`device_protocol`], the line to the board. A frame without the right seal changes nothing; it is counted in
//! the log as [`Kind::Unauthorized`].

mod answer;
#[cfg(test)]
mod tests;
mod text;

use device_protocol::{Device, Incoming, Key, MAX_WIRE, Nonce, Refusal, Response};
use embedded_storage::nor_flash::NorFlash;
use model_format::ModelId;

use crate::ports::GalleryStore;
use crate::store::audit::{Audit, Event, Kind, Moment};
use crate::store::gallery::PreprocessingId;
use answer::{Scratch, answer, note};

/// What requests are about.
pub struct Parts<'a, G, F> {
    /// The people.
    pub gallery: &'a mut G,
    /// The log.
    pub audit: &'a mut Audit<F>,
    /// Runs the self-test: 0 if it passes, else what the light would blink.
    pub self_test: &'a mut dyn FnMut() -> u16,
    /// 16 bytes that never come again, for a session that begins.
    pub nonce: &'a mut dyn FnMut() -> Nonce,
    /// The time.
    pub now: Moment,
}

/// All that makes an embedding of a picture. Templates of two pipelines are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The network.
    pub model: ModelId,
    /// What precedes it.
    pub preprocessing: PreprocessingId,
}

/// What a byte led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Outcome<'o> {
    /// To be sent; often nothing.
    pub send: &'o [u8],
    /// Whether the people changed, so that they have to be loaded anew.
    pub changed: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Server {
    device: Device,
    pipeline: Pipeline,
    scratch: Scratch,
}

impl Server {
    /// With the key that the host has too, and what this firmware makes templates with.
    pub fn new(key: Key, pipeline: Pipeline) -> Self {
        Self { device: Device::new(key), pipeline, scratch: Scratch::new() }
    }

    /// Takes a byte of the line. A request is done before this returns, which takes as long as the flash does.
    pub fn receive<'o, G: GalleryStore, F: NorFlash + Clone>(
        &mut self,
        byte: u8,
        parts: &mut Parts<'_, G, F>,
        out: &'o mut [u8; MAX_WIRE],
    ) -> Outcome<'o> {
        let (response, changed) = match self.device.receive(byte, &mut *parts.nonce, out) {
            Incoming::Nothing => return Outcome::default(),
            Incoming::Welcome(len) => {
                return Outcome { send: out.get(..len).unwrap_or_default(), changed: false };
            }
            Incoming::Refused(error, len) => {
                if error.is_hostile() {
                    note(Event::new(Kind::Unauthorized).reason(error.code().into()), parts);
                }
                return Outcome { send: out.get(..len).unwrap_or_default(), changed: false };
            }
            Incoming::Request(request) => answer(request, self.pipeline, parts, &mut self.scratch),
        };
        let send = self.device.respond(&response, out).unwrap_or_default();
        Outcome { send, changed }
    }
}

fn refused(why: Refusal) -> Response<'static> {
    Response::Refused { why, text: "" }
}
