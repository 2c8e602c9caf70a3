//! Search of enrolled templates: the best person and the best of all others.
//!
//! ```text
//! rows           | int8 x len | int8 x len | int8 x len |   in the order of enrolment
//! inverse_norms  |    f32     |    f32     |    f32     |   of each row
//! people         |    u32     |    u32     |    u32     |   whose row it is, often of several
//! ```
//!
//! The arrays are the caller's: flash, a mapped file, memory. How they are stored and changed is
//! left to it.

use model_format::ModelId;

use super::cosine::{check, scaled_dot};
use super::{InverseNorm, MAX_LEN, MatchError, TemplateRef};
use crate::kernels::Tier;

/// Enrolled templates of one model. Every row has a direction and its own true inverse norm.
#[derive(Clone, Copy, Debug)]
pub struct GalleryView<'a> {
    model: ModelId,
    len: usize,
    rows: &'a [i8],
    inverse_norms: &'a [f32],
    people: &'a [u32],
}

/// A person and how close the probe came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// As stored in the gallery.
    pub person: u32,
    /// Cosine of the probe with the closest of this person's templates.
    pub cosine: f32,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// The closest person.
    pub person: u32,
    /// Cosine with the closest template of all.
    pub cosine: f32,
    /// The closest template of anyone else; `None` if only one person is enrolled.
    pub runner_up: Option<Match>,
}

/// Why arrays are not a gallery.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// No model has templates of this length.
    #[error("a template has 1 to {MAX_LEN} values, not {len}")]
    Length {
        /// As passed.
        len: usize,
    },
    /// The arrays are of different galleries, or cut short.
    #[error(
        "{people} people need {people} inverse norms and {people} x {len} values, \
         not {inverse_norms} and {values}"
    )]
    Counts {
        /// Length of `people`.
        people: usize,
        /// Length of a template.
        len: usize,
        /// Length of `inverse_norms`.
        inverse_norms: usize,
        /// Length of `rows`.
        values: usize,
    },
    /// All values of a row are zero.
    #[error("row {row} is zero and has no direction; enrol that face again")]
    ZeroRow {
        /// Which row.
        row: usize,
    },
    /// A stored inverse norm is not that of its row: one of the two was changed.
    #[error(
        "row {row} has the inverse norm {computed}, but {stored} is stored; the gallery is damaged"
    )]
    InverseNorm {
        /// Which row.
        row: usize,
        /// As passed.
        stored: f32,
        /// Of the row's values.
        computed: f32,
    },
}

impl<'a> GalleryView<'a> {
    /// Views the arrays as templates of `len` values each, all made by `model`.
    ///
    /// Every inverse norm is computed again and compared, because a wrong one scales a stranger up
    /// to any cosine. That takes about as long as one search.
    ///
    /// # Errors
    /// [`GalleryError`] when the arrays do not fit each other or a row has no or another norm.
    pub fn new(
        model: ModelId,
        len: usize,
        rows: &'a [i8],
        inverse_norms: &'a [f32],
        people: &'a [u32],
    ) -> Result<Self, GalleryError> {
        if !(1..=MAX_LEN).contains(&len) {
            return Err(GalleryError::Length { len });
        }
        if people.len().checked_mul(len) != Some(rows.len()) || inverse_norms.len() != people.len()
        {
            return Err(GalleryError::Counts {
                people: people.len(),
                len,
                inverse_norms: inverse_norms.len(),
                values: rows.len(),
            });
        }
        for (row, (values, stored)) in rows_of(rows, len, inverse_norms).enumerate() {
            let computed = InverseNorm::of(values).ok_or(GalleryError::ZeroRow { row })?.get();
            if stored != computed {
                return Err(GalleryError::InverseNorm { row, stored, computed });
            }
        }
        Ok(Self { model, len, rows, inverse_norms, people })
    }

    /// Number of templates.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether nobody is enrolled.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Compares `probe` with every template. Of equal cosines the one enrolled first wins. `None`
    /// if nobody is enrolled.
    ///
    /// # Errors
    /// [`MatchError`] when the probe is of another model or length.
    pub fn search(&self, probe: TemplateRef<'_>) -> Result<Option<Best>, MatchError> {
        check(probe, self.model, self.len)?;
        let tier = Tier::detect();
        let rows = rows_of(self.rows, self.len, self.inverse_norms);
        let mut matches = rows.zip(self.people).map(|((row, inverse_norm), &person)| Match {
            person,
            cosine: scaled_dot(tier, probe, row, inverse_norm),
        });
        let Some(mut best) = matches.next() else {
            return Ok(None);
        };
        let mut runner_up: Option<Match> = None;
        for next in matches {
            if next.cosine > best.cosine {
                // The old best was the closest so far, so it is the closest of everyone but itself.
                if next.person != best.person {
                    runner_up = Some(best);
                }
                best = next;
            } else if next.person != best.person
                && runner_up.is_none_or(|second| next.cosine > second.cosine)
            {
                runner_up = Some(next);
            }
        }
        Ok(Some(Best { person: best.person, cosine: best.cosine, runner_up }))
    }
}

/// Each row with its inverse norm.
fn rows_of<'a>(
    mut rows: &'a [i8],
    len: usize,
    inverse_norms: &'a [f32],
) -> impl Iterator<Item = (&'a [i8], f32)> {
    let row = move |&inverse_norm| Some((rows.split_off(..len)?, inverse_norm));
    inverse_norms.iter().map_while(row)
}
