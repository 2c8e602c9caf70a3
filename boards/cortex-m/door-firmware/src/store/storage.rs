//! All that a board keeps, in one chip, from its start to its proof.
//!
//! ```text
//! reset ─ open ─ boot ─ self-test ─┬─ proven       a model on trial becomes the one that runs
//!                                  └─ failed       the log says why; a reset brings the model before back
//! ```
//!
//! What the door decides is recorded by [`ledger`](crate::ledger). Frames and the line to the host are left to others.

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;
use model_format::PublicKey;

use super::audit::{self, Audit, Event, Kind, Moment};
use super::flash::FlashError;
use super::gallery::{Gallery, GalleryError, PreprocessingId};
use super::model::{self, Boot, ModelError, Models, Why};
use crate::self_test::SelfTestError;

/// Where each store lies in the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The people; an even number of sectors, 2 or more.
    pub gallery: Range<u32>,
    /// The log.
    pub audit: audit::Layout,
    /// The models.
    pub models: model::Layout,
}

/// Why a board has no stores.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The people.
    #[error("the people: {0}")]
    Gallery(#[from] GalleryError),
    /// The log.
    #[error("the log: {0}")]
    Audit(FlashError),
    /// The models.
    #[error("the models: {0}")]
    Models(#[from] ModelError),
}

/// People in slots of `SLOT` bytes, log and models. See the [module](self).
#[derive(Debug)]
pub struct Storage<F, const SLOT: usize> {
    /// The people.
    pub gallery: Gallery<F, SLOT>,
    /// The log.
    pub audit: Audit<F>,
    /// The models.
    pub models: Models<F>,
}

impl<F: NorFlash + Clone, const SLOT: usize> Storage<F, SLOT> {
    /// The stores in `flash`, begun or gone on with. Models are those of `key`'s owner, people's templates follow `preprocessing`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn open(
        flash: F,
        layout: Layout,
        key: PublicKey,
        preprocessing: PreprocessingId,
        now: Moment,
    ) -> Result<Self, StorageError> {
        let (gallery, _) = Gallery::open(flash.clone(), layout.gallery, preprocessing)?;
        let (audit, _) =
            Audit::open(flash.clone(), layout.audit, now).map_err(StorageError::Audit)?;
        Ok(Self { gallery, audit, models: Models::open(flash, layout.models, key)? })
    }

    /// The model to run, once after each reset. The log says that the board started, and whether a model failed its trial.
    ///
    /// # Errors
    /// [`ModelError::NoModel`] or [`ModelError::Flash`].
    pub fn boot(&mut self, now: Moment) -> Result<Boot, ModelError> {
        let booted = self.models.boot();
        self.note(Event::new(Kind::Started), now);
        if matches!(booted, Ok(Boot { why: Why::RolledBack, .. })) {
            self.note(Event::new(Kind::RolledBack), now);
        }
        booted
    }

    /// The self-test passed with the model of `boot`: one on trial is confirmed.
    ///
    /// # Errors
    /// [`ModelError`]; then it is on trial still.
    pub fn proven(&mut self, boot: &Boot, now: Moment) -> Result<(), ModelError> {
        if boot.why == Why::Trial {
            self.models.confirm()?;
            self.note(Event::new(Kind::Confirmed), now);
        }
        Ok(())
    }

    /// The self-test failed. After a reset a model on trial is not the one that runs.
    pub fn failed(&mut self, error: &SelfTestError, now: Moment) {
        self.note(Event::new(Kind::SelfTestFailed).reason(error.blink().flashes().into()), now);
    }

    fn note(&mut self, event: Event, now: Moment) {
        // What is lost is counted.
        let _ = self.audit.append(event, now);
    }
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;
    use std::vec::Vec;

    use super::*;
    use crate::ports::{Enrolled, GalleryStore as _};
    use crate::store::audit::{Rate, Which};
    use crate::store::flash::Shared;
    use crate::store::model::tests::{install, key};
    use crate::store::sim::Rp2350;
    use model_format::ModelId;

    const SECTOR: u32 = 4096;
    const NOW: Moment = Moment { utc_ms: 0, mono_ms: 7 };

    fn layout() -> Layout {
        let sectors = |from: u32, to: u32| from * SECTOR..to * SECTOR;
        let rate = Rate { burst: 60, each_ms: 30_000 };
        Layout {
            gallery: sectors(0, 2),
            audit: audit::Layout { kept: sectors(2, 4), routine: sectors(4, 6), rate },
            models: model::Layout { a: sectors(6, 7), b: sectors(7, 8), state: sectors(8, 10) },
        }
    }

    type Chip<'a> = Storage<Shared<'a, Rp2350>, 256>;

    /// The stores after a reset, and the model that runs: its counter, and why.
    fn reset(chip: &RefCell<Rp2350>) -> (Chip<'_>, Boot, (u32, Why)) {
        let ours = PreprocessingId([1; 16]);
        let mut storage = Storage::open(Shared(chip), layout(), key(), ours, NOW).unwrap();
        let boot = storage.boot(NOW).unwrap();
        let runs = (boot.manifest.counter, boot.why);
        (storage, boot, runs)
    }

    fn log(storage: &mut Chip<'_>) -> Vec<(u32, Kind, u16)> {
        let mut log = Vec::new();
        let read = storage.audit.for_each(Which::Kept, |record| {
            log.push((record.boot, record.event.kind, record.event.reason));
        });
        assert_eq!((read.unwrap().changed, read.unwrap().unlinked), (0, 0));
        log
    }

    #[test]
    fn a_model_that_proves_itself_stays_and_one_that_does_not_goes_back_at_the_next_reset() {
        let chip = RefCell::new(Rp2350::new(10));
        let ours = PreprocessingId([1; 16]);
        let mut factory = Chip::open(Shared(&chip), layout(), key(), ours, NOW).unwrap();
        assert_eq!(factory.boot(NOW), Err(ModelError::NoModel));
        install(&mut factory.models, 1).unwrap();

        let (mut storage, boot, runs) = reset(&chip);
        assert_eq!(runs, (1, Why::Trial));
        storage.proven(&boot, NOW).unwrap();
        assert_eq!(storage.models.confirm(), Err(ModelError::NotOnTrial), "it is by now");

        let (mut storage, boot, runs) = reset(&chip);
        assert_eq!(runs, (1, Why::Confirmed));
        storage.proven(&boot, NOW).unwrap();
        install(&mut storage.models, 2).unwrap();

        let (mut storage, _, runs) = reset(&chip);
        assert_eq!(runs, (2, Why::Trial));
        storage.failed(&SelfTestError::Canary, NOW);

        let (mut storage, boot, runs) = reset(&chip);
        assert_eq!(runs, (1, Why::RolledBack));
        storage.proven(&boot, NOW).unwrap();
        let expected = [
            (1, Kind::Started, 0),
            (2, Kind::Started, 0),
            (2, Kind::Confirmed, 0),
            (3, Kind::Started, 0),
            (4, Kind::Started, 0),
            (4, Kind::SelfTestFailed, 8),
            (5, Kind::Started, 0),
            (5, Kind::RolledBack, 0),
        ];
        assert_eq!(log(&mut storage), expected);
    }

    #[test]
    fn people_outlast_a_reset_beside_log_and_models() {
        let chip = RefCell::new(Rp2350::new(10));
        let ours = PreprocessingId([1; 16]);
        let mut storage = Chip::open(Shared(&chip), layout(), key(), ours, NOW).unwrap();
        install(&mut storage.models, 1).unwrap();
        let ada = Enrolled { person: 7, name: "Ada", model: ModelId([3; 16]), values: &[1, -2] };
        storage.gallery.add(ada).unwrap();
        let (mut storage, boot, _) = reset(&chip);
        storage.proven(&boot, NOW).unwrap();
        let mut people = Vec::new();
        storage
            .gallery
            .for_each(&mut |one| people.push((one.person, one.values.to_vec())))
            .unwrap();
        assert_eq!(people, [(7, [1, -2].to_vec())]);
        assert_eq!(storage.gallery.remove(7), Ok(1));
        let (mut storage, ..) = reset(&chip);
        storage.gallery.for_each(&mut |_| panic!("removed")).unwrap();
    }
}
