//! Who may enter, in memory: each person's templates of one model as their mean, and the cosine to match it at.
//!
//! ```text
//! GalleryStore ─ for_each ─> rows | inverse norms | people ─ merge ─> one row a person, as edge_infer::matching searches them
//! ```

use core::fmt::Display;

use edge_infer::door::{Admission, Calibration, CalibrationError, Matched};
use edge_infer::matching::{GalleryError, GalleryView, TemplateRef, merge};
use model_format::{ModelId, ModelView};

use crate::eyes::LookError;
use crate::ports::GalleryStore;

/// Memory for as many templates as the shortest of the three holds.
#[derive(Debug)]
pub struct RosterMemory<'a> {
    /// As many values a template as the model's embedding has.
    pub rows: &'a mut [i8],
    /// One a template.
    pub inverse_norms: &'a mut [f32],
    /// One a template.
    pub people: &'a mut [u32],
}

/// The people in memory.
#[derive(Debug)]
pub struct Roster<'a> {
    model: ModelId,
    len: usize,
    count: usize,
    memory: RosterMemory<'a>,
}

/// Why nobody is known.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// More templates are stored than there is memory for. Leaving some out would let a look-alike of theirs in.
    #[error(
        "more than {capacity} templates of this model are stored; remove people, or give the roster more memory"
    )]
    Full {
        /// Templates that fit.
        capacity: usize,
    },
    /// A stored template has another length than the model's.
    #[error(
        "a stored template has {found} values, the model's have {len}; enrol person {person} again"
    )]
    Length {
        /// Whose.
        person: u32,
        /// As stored.
        found: usize,
        /// Values of the model's embedding.
        len: usize,
    },
    /// A stored template has no direction.
    #[error("a stored template is zero; enrol person {person} again")]
    Zero {
        /// Whose.
        person: u32,
    },
    /// The memory was damaged.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
}

/// Why people were not loaded.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError<E: Display> {
    /// They cannot be read.
    #[error("the stored people cannot be read: {0}")]
    Store(E),
    /// They cannot be searched.
    #[error(transparent)]
    Roster(#[from] RosterError),
}

impl<'a> Roster<'a> {
    /// Nobody yet, of templates of `model`.
    #[must_use]
    pub fn new(model: &ModelView<'_>, memory: RosterMemory<'a>) -> Self {
        let len = model.metadata().embedding_len.into();
        Self { model: model.id(), len, count: 0, memory }
    }

    /// Reads everybody with a template of this model from `store`, in place of those who were here. After an error nobody is here.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load<S: GalleryStore>(&mut self, store: &mut S) -> Result<(), LoadError<S::Error>> {
        self.count = 0;
        let (model, len) = (self.model, self.len);
        let RosterMemory { rows, inverse_norms, people } = &mut self.memory;
        let (mut count, mut error) = (0, None);
        let read = store.for_each(&mut |enrolled| {
            if enrolled.model != model || error.is_some() {
                return;
            }
            let (person, found) = (enrolled.person, enrolled.values.len());
            if found != len {
                error = Some(RosterError::Length { person, found, len });
                return;
            }
            let row = rows.get_mut(count * len..).and_then(|rows| rows.get_mut(..len));
            let places = (row, inverse_norms.get_mut(count), people.get_mut(count));
            let (Some(row), Some(inverse_norm), Some(whose)) = places else {
                error = Some(RosterError::Full { capacity: count });
                return;
            };
            match TemplateRef::from_values(enrolled.values, model) {
                Ok(template) => {
                    row.copy_from_slice(template.values());
                    *inverse_norm = template.inverse_norm().get();
                    *whose = person;
                    count += 1;
                }
                Err(_) => error = Some(RosterError::Zero { person }),
            }
        });
        read.map_err(LoadError::Store)?;
        if let Some(error) = error {
            return Err(error.into());
        }
        // All of them were written, so they are there.
        let left = merge(
            len,
            rows.get_mut(..count * len).unwrap_or_default(),
            inverse_norms.get_mut(..count).unwrap_or_default(),
            people.get_mut(..count).unwrap_or_default(),
        );
        self.count = left.map_err(RosterError::Gallery)?;
        Ok(())
    }

    /// How many templates are searched: of a person with several, their mean.
    #[must_use]
    pub fn templates(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// The cosine at which strangers match one of these in at most `target_fpir` of frames, by the model's table.
    ///
    /// # Errors
    /// [`CalibrationError`]: nobody is enrolled, or the table does not go so far.
    pub fn calibrate(
        &self,
        target_fpir: f32,
        model: &ModelView<'_>,
    ) -> Result<Calibration, CalibrationError> {
        Calibration::new(target_fpir, self.templates(), model.thresholds())
    }

    /// The closest person to `probe`, `None` if nobody is enrolled. Schedules are left to stores that keep some: everybody may enter
    /// at any time.
    ///
    /// # Errors
    /// [`LookError::People`] or [`LookError::Match`].
    pub fn search(&self, probe: TemplateRef<'_>) -> Result<Option<Matched>, LookError> {
        let RosterMemory { rows, inverse_norms, people } = &self.memory;
        // Nothing is enrolled beyond `count`, which `load` has checked to be there.
        let rows = rows.get(..self.count * self.len).unwrap_or_default();
        let inverse_norms = inverse_norms.get(..self.count).unwrap_or_default();
        let people = people.get(..self.count).unwrap_or_default();
        let gallery = GalleryView::new(self.model, self.len, rows, inverse_norms, people);
        let best = gallery.map_err(|error| LookError::People(error.into()))?.search(probe)?;
        let (templates, admission) = (self.templates(), Admission::Inside);
        Ok(best.map(|best| Matched { best, templates, admission }))
    }
}
