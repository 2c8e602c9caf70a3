//! Writing a model, piece by piece as it comes.

use embedded_storage::nor_flash::NorFlash;

use super::manifest::{FILE_AT, MANIFEST, SignedManifest};
use super::state::{State, Trial};
use super::{ModelError, Models, Which, hash};
use crate::store::flash::{FlashError, GRAIN};
use crate::store::slot::Slot;

/// A model that is being written. Dropped before [`finish`](Self::finish), it leaves a slot that holds none.
#[derive(Debug)]
pub struct Install<'a, F> {
    models: &'a mut Models<F>,
    slot: Which,
    signed: SignedManifest,
    /// What came and is not written yet, from `written` on; 0xff behind.
    piece: [u8; GRAIN as usize],
    filled: usize,
    written: u32,
}

impl<'a, F: NorFlash + Clone> Install<'a, F> {
    pub(super) fn new(models: &'a mut Models<F>, slot: Which, signed: SignedManifest) -> Self {
        Self { models, slot, signed, piece: [0xff; GRAIN as usize], filled: 0, written: 0 }
    }

    /// The file's next bytes, as many as there are.
    ///
    /// # Errors
    /// [`ModelError::Count`] if they are more than the manifest says, or [`ModelError::Flash`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        let length = self.signed.manifest.length;
        let came = self.written.saturating_add(self.filled as u32);
        let found = came.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        if found > length {
            return Err(ModelError::Count { found, length });
        }
        for &byte in bytes {
            if let Some(to) = self.piece.get_mut(self.filled) {
                *to = byte;
                self.filled += 1;
            }
            if self.filled == self.piece.len() {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Reads back what was written, writes the manifest and puts the model on trial: the next boot starts it.
    ///
    /// # Errors
    /// [`ModelError::Count`], [`ModelError::Hash`] or [`ModelError::Flash`]. Then the model before is the one that runs.
    pub fn finish(mut self) -> Result<(), ModelError> {
        let manifest = self.signed.manifest;
        let (found, length) = (self.written.saturating_add(self.filled as u32), manifest.length);
        if found != length {
            return Err(ModelError::Count { found, length });
        }
        if self.filled > 0 {
            self.flush()?;
        }
        let region = self.models.region(self.slot);
        if hash(region, length)? != manifest.sha256 {
            return Err(ModelError::Hash { counter: manifest.counter });
        }
        let too_long = FlashError::Record { bytes: FILE_AT as usize, sector: 0 };
        let record = Slot::<{ FILE_AT as usize }>::seal(MANIFEST, &self.signed.to_bytes())
            .ok_or(too_long)?;
        record.program(region, 0)?;
        let state = self.models.state()?;
        self.models.put(State { trial: Some(Trial { slot: self.slot, booted: false }), ..state })
    }

    fn flush(&mut self) -> Result<(), ModelError> {
        let at = FILE_AT + self.written;
        self.models.region(self.slot).program(at, &self.piece)?;
        self.written += self.filled as u32;
        (self.piece, self.filled) = ([0xff; GRAIN as usize], 0);
        Ok(())
    }
}
