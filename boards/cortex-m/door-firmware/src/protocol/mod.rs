//! The device's answers: people in and out, the log, the self-test, updates of the model, for whoever has the key.
//!
//! ```text
//! bytes ─> device_protocol::Device ─ Request ─> answer ─> Response ─> bytes
//!                                       │ GalleryStore, Audit, self-test, Models
//! ```
//!
//! Frames and seals are left to [`device_protocol`], the line to the board. A frame without the right seal changes nothing; it is counted in
//! the log as [`Kind::Unauthorized`].

mod answer;
#[cfg(test)]
mod tests;
mod text;
mod update;

use device_protocol::{Device, Incoming, Key, MAX_WIRE, Nonce, Refusal, Request, Response};
use embedded_storage::nor_flash::NorFlash;
use model_format::ModelId;

use crate::ports::GalleryStore;
use crate::store::audit::{Audit, Event, Kind, Moment};
use crate::store::gallery::PreprocessingId;
use crate::store::model::{Boot, Models};
use answer::{Scratch, answer, note};
use update::Update;

/// What requests are about.
pub struct Parts<'a, G, F> {
    /// The people.
    pub gallery: &'a mut G,
    /// The log.
    pub audit: &'a mut Audit<F>,
    /// The slots for models, where the device has them.
    pub slots: Option<Slots<'a, F>>,
    /// Runs the self-test: 0 if it passes, else what the light would blink.
    pub self_test: &'a mut dyn FnMut() -> u16,
    /// 16 bytes that never come again, for a session that begins.
    pub nonce: &'a mut dyn FnMut() -> Nonce,
    /// The time.
    pub now: Moment,
}

/// Models that can be updated.
pub struct Slots<'a, F> {
    /// The slots.
    pub models: &'a mut Models<F>,
    /// What [`Models::boot`] found.
    pub boot: &'a Boot,
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
    /// Whether the board has to lock and start again, once this is sent.
    pub restart: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Server {
    device: Device,
    pipeline: Pipeline,
    update: Update,
    scratch: Scratch,
}

impl Server {
    /// With the key that the host has too, and what this firmware makes templates with.
    pub fn new(key: Key, pipeline: Pipeline) -> Self {
        let (device, update) = (Device::new(key), Update::default());
        Self { device, pipeline, update, scratch: Scratch::new() }
    }

    /// Takes a byte of the line. A request is done before this returns, which takes as long as the flash does.
    pub fn receive<'o, G: GalleryStore, F: NorFlash + Clone>(
        &mut self,
        byte: u8,
        parts: &mut Parts<'_, G, F>,
        out: &'o mut [u8; MAX_WIRE],
    ) -> Outcome<'o> {
        let request = match self.device.receive(byte, &mut *parts.nonce, out) {
            Incoming::Nothing => return Outcome::default(),
            Incoming::Welcome(len) => {
                return Outcome { send: out.get(..len).unwrap_or_default(), ..Outcome::default() };
            }
            Incoming::Refused(error, len) => {
                if error.is_hostile() {
                    note(Event::new(Kind::Unauthorized).reason(error.code().into()), parts);
                }
                return Outcome { send: out.get(..len).unwrap_or_default(), ..Outcome::default() };
            }
            Incoming::Request(request) => request,
        };
        let restart = matches!(request, Request::Restart);
        let Self { pipeline, update, scratch, .. } = self;
        let (response, changed) = answer(request, *pipeline, update, parts, scratch);
        let send = self.device.respond(&response, out).unwrap_or_default();
        Outcome { send, changed, restart }
    }
}

fn refused(why: Refusal) -> Response<'static> {
    Response::Refused { why, text: "" }
}
