//! Writing a model, piece by piece as it comes. A sector is erased when the first byte goes into it, so that no piece takes longer than
//! one erase.

use embedded_storage::nor_flash::NorFlash;

use super::manifest::{FILE_AT, MANIFEST, SignedManifest};
use super::state::{State, Trial};
use super::{ModelError, Models, Which, hash};
use crate::store::flash::{FlashError, GRAIN, Region};
use crate::store::slot::Slot;

/// A model that is being written. Dropped before [`finish`](Self::finish), it leaves a slot that holds none.
#[derive(Debug)]
pub struct Install<'a, F> {
    models: &'a mut Models<F>,
    so_far: Partial,
}

/// An [`Install`] between two pieces, when something else uses the flash. A reset forgets it.
#[derive(Clone, Debug)]
pub struct Partial {
    slot: Which,
    signed: SignedManifest,
    /// What came and is not written yet, from `written` on; 0xff behind.
    piece: [u8; GRAIN as usize],
    filled: usize,
    written: u32,
}

impl Partial {
    pub(super) fn new(slot: Which, signed: SignedManifest) -> Self {
        Self { slot, signed, piece: [0xff; GRAIN as usize], filled: 0, written: 0 }
    }

    /// What is being written.
    pub fn manifest(&self) -> &SignedManifest {
        &self.signed
    }

    /// How many bytes of the file came.
    pub fn came(&self) -> u32 {
        self.written.saturating_add(self.filled as u32)
    }
}

impl<'a, F: NorFlash + Clone> Install<'a, F> {
    pub(super) fn new(models: &'a mut Models<F>, so_far: Partial) -> Self {
        Self { models, so_far }
    }

    /// Leaves the flash to others until [`Models::resume`].
    pub fn pause(self) -> Partial {
        self.so_far
    }

    /// The file's next bytes, as many as there are.
    ///
    /// # Errors
    /// [`ModelError::Count`] if they are more than the manifest says, or [`ModelError::Flash`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        let length = self.so_far.signed.manifest.length;
        let more = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let found = self.so_far.came().saturating_add(more);
        if found > length {
            return Err(ModelError::Count { found, length });
        }
        for &byte in bytes {
            let Partial { piece, filled, .. } = &mut self.so_far;
            if let Some(to) = piece.get_mut(*filled) {
                *to = byte;
                *filled += 1;
            }
            if *filled == piece.len() {
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
        let manifest = self.so_far.signed.manifest;
        let (found, length) = (self.so_far.came(), manifest.length);
        if found != length {
            return Err(ModelError::Count { found, length });
        }
        if self.so_far.filled > 0 {
            self.flush()?;
        }
        let Partial { slot, signed, .. } = self.so_far;
        let region = self.models.region(slot);
        if hash(region, length)? != manifest.sha256 {
            return Err(ModelError::Hash { counter: manifest.counter });
        }
        let too_long = FlashError::Record { bytes: FILE_AT as usize, sector: 0 };
        let record =
            Slot::<{ FILE_AT as usize }>::seal(MANIFEST, &signed.to_bytes()).ok_or(too_long)?;
        record.program(region, 0)?;
        let state = self.models.state()?;
        self.models.put(State { trial: Some(Trial { slot, booted: false }), ..state })
    }

    fn flush(&mut self) -> Result<(), ModelError> {
        let Partial { slot, piece, filled, written, .. } = &mut self.so_far;
        let at = FILE_AT + *written;
        let region = self.models.region(*slot);
        // The first one was erased for the manifest.
        if at.is_multiple_of(Region::<F>::SECTOR) {
            region.erase(at / Region::<F>::SECTOR)?;
        }
        region.program(at, piece)?;
        *written += *filled as u32;
        (*piece, *filled) = ([0xff; GRAIN as usize], 0);
        Ok(())
    }
}
