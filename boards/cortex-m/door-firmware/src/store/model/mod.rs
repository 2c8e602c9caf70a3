//! Two slots for models: the one that runs and the one that is written, with a trial boot in between.
//!
//! ```text
//!  slot A   | manifest 7 | file ..    confirmed           install 8:  file to B, manifest, trial = B         a cut: A runs
//!  slot B   | blank                                       boot:       trial booted                           B runs, once
//!  state    | .. | confirmed A |                          confirm:    confirmed = B, floor = 8               B runs from now on
//!                                                         boot again without: trial dropped                  A runs
//! ```
//!
//! A slot is only run if its manifest is signed and the file hashes to what it says, at every boot. The words are those of
//! embassy-boot; nothing is swapped, since a model is read where it lies and can lie in either slot. What the file says is left to
//! [`model_format`], whether it works to the self-test, which calls [`Models::confirm`].

mod install;
mod manifest;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;
use model_format::PublicKey;
use sha2::{Digest as _, Sha256};

use super::flash::{FlashError, GRAIN, Region};
use super::ring::Ring;
use super::slot::{Content, Kind, Slot};
use manifest::MANIFEST;
use state::{State, Trial};

pub use device_protocol::Why;
pub use install::{Install, Partial};
pub use manifest::{FILE_AT, Manifest, SIGNED_BYTES, SignedManifest};

/// Bytes of a state's slot.
const STATE_SLOT: usize = 64;

/// Which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Which {
    /// The first.
    A = 0,
    /// The second.
    B = 1,
}

impl Which {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Where the slots lie in a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Slot A.
    pub a: Range<u32>,
    /// Slot B.
    pub b: Range<u32>,
    /// Which one runs; two sectors or more.
    pub state: Range<u32>,
}

/// Why a model was not installed or none can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// See [`FlashError`].
    #[error(transparent)]
    Flash(#[from] FlashError),
    /// Neither slot holds a model that may run.
    #[error("no slot holds a model that is signed and whole; install one")]
    NoModel,
    /// The manifest is not signed by the key.
    #[error("the manifest of update {counter} is not signed by this door's key")]
    Signature {
        /// Its counter.
        counter: u32,
    },
    /// Not newer than what ran.
    #[error("update {counter} is not newer than {floor}, which was confirmed")]
    Older {
        /// Of the update.
        counter: u32,
        /// Of the newest that was confirmed.
        floor: u32,
    },
    /// Longer than a slot, or empty.
    #[error("a file of {length} bytes does not fit a slot of 1 to {capacity}")]
    Length {
        /// Of the file.
        length: u32,
        /// Of a slot.
        capacity: u32,
    },
    /// More or fewer bytes came than the manifest says.
    #[error("{found} bytes came of a file of {length}")]
    Count {
        /// How many came.
        found: u32,
        /// In the manifest.
        length: u32,
    },
    /// Other bytes came than the manifest says.
    #[error("the file does not hash to what the manifest of update {counter} says")]
    Hash {
        /// Its counter.
        counter: u32,
    },
    /// The slot to write is the one to come back to.
    #[error("a model is on trial; confirm it or start again first")]
    OnTrial,
    /// Nothing is on trial.
    #[error("no model is on trial")]
    NotOnTrial,
}

/// A model to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Its slot.
    pub slot: Which,
    /// Where its file lies in the chip, from a multiple of 64 on.
    pub file: Range<u32>,
    /// What is known of it.
    pub manifest: Manifest,
    /// Why this one; [`Why::Trial`] until [`Models::confirm`].
    pub why: Why,
}

/// How an update stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The counter of the newest model that was ever confirmed: an update needs a higher one.
    pub floor: u32,
    /// The model that runs has to prove itself yet.
    pub on_trial: bool,
    /// What the next boot starts.
    pub waiting: Option<Manifest>,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Models<F> {
    slots: [Region<F>; 2],
    starts: [u32; 2],
    states: Ring<F, STATE_SLOT>,
    key: PublicKey,
}

impl<F: NorFlash + Clone> Models<F> {
    /// The slots in `flash`. Models are trusted if `key`'s owner signed their manifests.
    ///
    /// # Errors
    /// [`ModelError::Flash`].
    pub fn open(flash: F, layout: Layout, key: PublicKey) -> Result<Self, ModelError> {
        let starts = [layout.a.start, layout.b.start];
        let slots =
            [Region::new(flash.clone(), layout.a, 1)?, Region::new(flash.clone(), layout.b, 1)?];
        let (states, _) = Ring::open(flash, layout.state, Kind(*b"db"))?;
        Ok(Self { slots, starts, states, key })
    }

    /// The model that is to run now. Called once after each reset: a trial that was not confirmed since the last call has failed.
    ///
    /// # Errors
    /// [`ModelError::NoModel`] or [`ModelError::Flash`].
    pub fn boot(&mut self) -> Result<Boot, ModelError> {
        let mut state = self.state()?;
        let new = self.states.head().is_none();
        let mut why = Why::Confirmed;
        if let Some(Trial { slot, booted }) = state.trial {
            if !booted && let Some(manifest) = self.check(slot)? {
                self.put(State { trial: Some(Trial { slot, booted: true }), ..state })?;
                return Ok(self.found(slot, manifest, Why::Trial));
            }
            state.trial = None;
            self.put(state)?;
            why = Why::RolledBack;
        }
        if let Some(slot) = state.confirmed
            && let Some(manifest) = self.check(slot)?
        {
            return Ok(self.found(slot, manifest, why));
        }
        // A board as it leaves the factory, or damage. What failed its trial has a counter above the floor and does not come back.
        let allowed = |manifest: &Manifest| new || manifest.counter <= state.floor;
        let [a, b] = [self.check(Which::A)?.filter(allowed), self.check(Which::B)?.filter(allowed)];
        let (slot, manifest) = match (a, b) {
            (Some(a), Some(b)) if b.counter > a.counter => (Which::B, b),
            (Some(a), _) => (Which::A, a),
            (None, Some(b)) => (Which::B, b),
            (None, None) => return Err(ModelError::NoModel),
        };
        let floor = state.floor.max(manifest.counter);
        self.put(State { confirmed: Some(slot), trial: None, floor })?;
        Ok(self.found(slot, manifest, if new { Why::Confirmed } else { Why::Fallback }))
    }

    /// Makes the model on trial the one that runs from now on.
    ///
    /// # Errors
    /// [`ModelError::NotOnTrial`], [`ModelError::NoModel`] if it is damaged, or [`ModelError::Flash`].
    pub fn confirm(&mut self) -> Result<(), ModelError> {
        let state = self.state()?;
        let trial = state.trial.filter(|trial| trial.booted).ok_or(ModelError::NotOnTrial)?;
        let manifest = self.check(trial.slot)?.ok_or(ModelError::NoModel)?;
        let floor = state.floor.max(manifest.counter);
        self.put(State { confirmed: Some(trial.slot), trial: None, floor })
    }

    /// Begins to write a newer model into the slot that does not run.
    ///
    /// # Errors
    /// [`ModelError`]; then nothing was changed, unless it is [`ModelError::Flash`]: then a model on trial may be gone.
    pub fn install(&mut self, signed: SignedManifest) -> Result<Install<'_, F>, ModelError> {
        let Manifest { counter, length, .. } = signed.manifest;
        if !signed.verify(&self.key) {
            return Err(ModelError::Signature { counter });
        }
        let state = self.state()?;
        if state.trial.is_some_and(|trial| trial.booted) {
            return Err(ModelError::OnTrial);
        }
        if counter <= state.floor {
            return Err(ModelError::Older { counter, floor: state.floor });
        }
        let slot = state.confirmed.map_or(Which::A, Which::other);
        let capacity = self.region(slot).len().saturating_sub(FILE_AT);
        if !(1..=capacity).contains(&length) {
            return Err(ModelError::Length { length, capacity });
        }
        if state.trial.is_some() {
            self.put(State { trial: None, ..state })?;
        }
        // With it goes the manifest of what was there.
        self.region(slot).erase(0)?;
        Ok(Install::new(self, Partial::new(slot, signed)))
    }

    /// Goes on with what [`Install::pause`] gave, where it was.
    pub fn resume(&mut self, so_far: Partial) -> Install<'_, F> {
        Install::new(self, so_far)
    }

    /// What is known without a look at the files.
    ///
    /// # Errors
    /// [`ModelError::Flash`].
    pub fn standing(&mut self) -> Result<Standing, ModelError> {
        let State { trial, floor, .. } = self.state()?;
        let waits = trial.filter(|trial| !trial.booted).map(|trial| trial.slot);
        let waiting = match waits {
            Some(slot) => self.manifest(slot)?.map(|signed| signed.manifest),
            None => None,
        };
        Ok(Standing { floor, on_trial: trial.is_some_and(|trial| trial.booted), waiting })
    }

    /// The model in a slot, if it is signed and whole. Takes one pass of SHA-256 over it.
    ///
    /// # Errors
    /// [`ModelError::Flash`].
    pub fn check(&mut self, slot: Which) -> Result<Option<Manifest>, ModelError> {
        let key = self.key;
        let Some(signed) = self.manifest(slot)? else { return Ok(None) };
        let region = self.region(slot);
        let fits = signed.manifest.length <= region.len().saturating_sub(FILE_AT);
        let whole = fits
            && signed.verify(&key)
            && hash(region, signed.manifest.length)? == signed.manifest.sha256;
        Ok(whole.then_some(signed.manifest))
    }

    /// What a slot says of itself.
    fn manifest(&mut self, slot: Which) -> Result<Option<SignedManifest>, ModelError> {
        let mut record = Slot::<{ FILE_AT as usize }>::EMPTY;
        record.read(self.region(slot), 0)?;
        let Content::Whole(payload) = record.open(MANIFEST) else { return Ok(None) };
        Ok(payload.first_chunk().map(SignedManifest::from_bytes))
    }

    fn found(&self, slot: Which, manifest: Manifest, why: Why) -> Boot {
        let [a, b] = self.starts;
        let start = FILE_AT + if slot == Which::A { a } else { b };
        Boot { slot, file: start..start + manifest.length, manifest, why }
    }

    fn region(&mut self, slot: Which) -> &mut Region<F> {
        let [a, b] = &mut self.slots;
        if slot == Which::A { a } else { b }
    }

    /// The newest state, also after one was not written to the end.
    fn state(&mut self) -> Result<State, FlashError> {
        self.states.scan()?;
        Ok(self.states.newest()?.and_then(State::decode).unwrap_or_default())
    }

    fn put(&mut self, state: State) -> Result<(), ModelError> {
        let number = self.states.head().map_or(1, |number| number.saturating_add(1));
        Ok(self.states.append(number, &state.encode())?)
    }
}

/// SHA-256 of the file in a slot.
fn hash<F: NorFlash>(region: &mut Region<F>, length: u32) -> Result<[u8; 32], FlashError> {
    let mut hash = Sha256::new();
    let mut piece = [0; GRAIN as usize];
    for at in (0..length).step_by(piece.len()) {
        region.read(FILE_AT + at, &mut piece)?;
        let rest = usize::try_from(length - at).unwrap_or(usize::MAX);
        hash.update(piece.get(..rest).unwrap_or(&piece));
    }
    Ok(hash.finalize().into())
}
