//! Updates of the model: a manifest, the file in pieces, a check, and the next boot is the trial.
//!
//! ```text
//! Begin ─> Came 0 ─ Piece ─> Came 704 ─ .. ─ Finish ─> Installed ─ Restart
//!                              └ the line is lost, another session: Begin with the same manifest ─> Came 704
//! ```
//!
//! What came so far outlives a session, not a reset. Who may update, and to what, is [`store::model`](crate::store::model)'s to say.

use device_protocol::{ModelReport, Request, Response, Version, Why};
use embedded_storage::nor_flash::NorFlash;

use super::Slots;
use crate::store::model::{
    Boot, Manifest, ModelError, Partial, SIGNED_BYTES, SignedManifest, Standing,
};

/// Why a part of an update was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UpdateError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(
        "a manifest has {SIGNED_BYTES} bytes, this one {found}: is the host of another version?"
    )]
    Manifest { found: usize },
    #[error("no update has begun since the last start; begin it again")]
    NotBegun,
    #[error("the next byte is {next}, these begin at {found}")]
    Place { next: u32, found: u32 },
}

/// An update on its way.
#[derive(Debug, Default)]
pub(super) struct Update(Option<Partial>);

impl Update {
    /// Does what is asked of an update; other requests never come here.
    pub(super) fn answer<F: NorFlash + Clone>(
        &mut self,
        request: Request<'_>,
        slots: &mut Slots<'_, F>,
    ) -> Result<Response<'static>, UpdateError> {
        match request {
            Request::Begin { manifest } => self.begin(manifest, slots),
            Request::Piece { at, bytes } => self.piece(at, bytes, slots),
            Request::Finish => {
                let so_far = self.0.take().ok_or(UpdateError::NotBegun)?;
                slots.models.resume(so_far).finish()?;
                Ok(Response::Installed)
            }
            _ => report(slots).map(Response::Model),
        }
    }

    fn begin<F: NorFlash + Clone>(
        &mut self,
        manifest: &[u8],
        slots: &mut Slots<'_, F>,
    ) -> Result<Response<'static>, UpdateError> {
        let bytes: &[u8; SIGNED_BYTES] =
            manifest.try_into().map_err(|_| UpdateError::Manifest { found: manifest.len() })?;
        let signed = SignedManifest::from_bytes(bytes);
        let so_far = match self.0.take().filter(|so_far| *so_far.manifest() == signed) {
            Some(so_far) => so_far,
            None => slots.models.install(signed)?.pause(),
        };
        Ok(self.came(so_far))
    }

    fn piece<F: NorFlash + Clone>(
        &mut self,
        at: u32,
        bytes: &[u8],
        slots: &mut Slots<'_, F>,
    ) -> Result<Response<'static>, UpdateError> {
        let next = self.0.as_ref().ok_or(UpdateError::NotBegun)?.came();
        if at != next {
            return Err(UpdateError::Place { next, found: at });
        }
        // After an error nobody knows what was written, and the update has to begin again.
        let so_far = self.0.take().ok_or(UpdateError::NotBegun)?;
        let mut install = slots.models.resume(so_far);
        install.write(bytes)?;
        let so_far = install.pause();
        Ok(self.came(so_far))
    }

    fn came(&mut self, so_far: Partial) -> Response<'static> {
        Response::Came { bytes: self.0.insert(so_far).came() }
    }
}

fn report<F: NorFlash + Clone>(slots: &mut Slots<'_, F>) -> Result<ModelReport, UpdateError> {
    let Standing { floor, on_trial, waiting } = slots.models.standing()?;
    let Boot { manifest, why, .. } = slots.boot;
    // Confirmed since.
    let why = if *why == Why::Trial && !on_trial { Why::Confirmed } else { *why };
    Ok(ModelReport { runs: version(manifest), why, floor, waiting: waiting.as_ref().map(version) })
}

fn version(&Manifest { counter, model, sha256, .. }: &Manifest) -> Version {
    Version { counter, model: model.0, sha256 }
}
