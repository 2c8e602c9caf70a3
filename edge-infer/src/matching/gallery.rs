//! Search of enrolled templates: the closest people, each once.
//!
//! ```text
//! rows           | int8 x len | int8 x len | int8 x len |   in the order of enrolment
//! inverse_norms  |    f32     |    f32     |    f32     |   of each row
//! people         |    u32     |    u32     |    u32     |   whose row it is, often of several
//! ```
//!
//! The arrays are the caller's: flash, a mapped file, memory. How they are stored and changed is
//! left to it. Any address and any length will do. Fastest are templates of 128, 256 or 512 values,
//! which tiers take many at a time, from an address that is a multiple of 64, where no vector lies in
//! two cache lines; that is worth some percent, and nothing where memory is slower than the search.

#[cfg(feature = "std")]
use core::num::NonZero;

use model_format::ModelId;

use super::cosine::check;
use super::scan::Rows;
#[cfg(feature = "std")]
use super::threads;
use super::{InverseNorm, MAX_LEN, Match, MatchError, TemplateRef, Top};
use crate::kernels::Tier;

/// Enrolled templates of one model. Every row has a direction and its own true inverse norm.
#[derive(Clone, Copy, Debug)]
pub struct GalleryView<'a> {
    model: ModelId,
    rows: Rows<'a>,
    tier: Tier,
    #[cfg(feature = "std")]
    threads: usize,
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
    /// to any cosine. That takes as long as some ten searches.
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
        let rows = checked(len, rows, inverse_norms, people)?;
        Ok(Self {
            model,
            rows,
            tier: Tier::detect(),
            #[cfg(feature = "std")]
            threads: 1,
        })
    }

    /// The same on this tier, in place of the fastest of this processor. All tiers find the same.
    pub fn with_tier(self, tier: Tier) -> Self {
        Self { tier, ..self }
    }

    /// The same, searched by at most so many threads in place of the caller's alone. They find the
    /// same. A search starts them when it begins, and has ended them when it returns; as that takes
    /// some tens of microseconds, there is at most one for each 100,000 rows.
    #[cfg(feature = "std")]
    pub fn with_threads(self, threads: NonZero<usize>) -> Self {
        Self { threads: threads.get(), ..self }
    }

    /// Number of templates.
    pub fn len(&self) -> usize {
        self.rows.people.len()
    }

    /// Whether nobody is enrolled.
    pub fn is_empty(&self) -> bool {
        self.rows.people.is_empty()
    }

    /// Compares `probe` with every template. Of equal cosines the one enrolled first wins. `None`
    /// if nobody is enrolled.
    ///
    /// # Errors
    /// [`MatchError`] when the probe is of another model or length.
    pub fn search(&self, probe: TemplateRef<'_>) -> Result<Option<Best>, MatchError> {
        let top = self.search_top::<2>(probe)?;
        let mut top = top.iter().copied();
        Ok(top.next().map(|Match { person, cosine }| Best {
            person,
            cosine,
            runner_up: top.next(),
        }))
    }

    /// The `K` closest people.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn search_top<const K: usize>(&self, probe: TemplateRef<'_>) -> Result<Top<K>, MatchError> {
        let [top] = self.search_each(&[probe])?;
        Ok(top)
    }

    /// For each probe what [`search_top`](Self::search_top) finds, in one pass over the rows.
    ///
    /// Of the frames of one visit, a door can count the people found, or order them by the closest
    /// that any frame came to them:
    ///
    /// ```
    /// use edge_infer::matching::{GalleryView, MatchError, TemplateRef, Top};
    ///
    /// fn visit(gallery: &GalleryView<'_>, frames: &[TemplateRef<'_>; 3]) -> Result<Top<2>, MatchError> {
    ///     let [mut closest, second, third] = gallery.search_each(frames)?;
    ///     closest.merge(&second);
    ///     closest.merge(&third);
    ///     Ok(closest)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`search`](Self::search), for the first probe that does not fit.
    pub fn search_each<const K: usize, const P: usize>(
        &self,
        probes: &[TemplateRef<'_>; P],
    ) -> Result<[Top<K>; P], MatchError> {
        for &probe in probes {
            check(probe, self.model, self.rows.len)?;
        }
        #[cfg(feature = "std")]
        return Ok(threads::closest(self.rows, self.tier, probes, self.threads));
        #[cfg(not(feature = "std"))]
        Ok(self.rows.closest(self.tier, probes))
    }
}

/// The arrays as rows of `len` values, each with its own true inverse norm.
pub(super) fn checked<'a>(
    len: usize,
    values: &'a [i8],
    inverse_norms: &'a [f32],
    people: &'a [u32],
) -> Result<Rows<'a>, GalleryError> {
    if !(1..=MAX_LEN).contains(&len) {
        return Err(GalleryError::Length { len });
    }
    if people.len().checked_mul(len) != Some(values.len()) || inverse_norms.len() != people.len() {
        return Err(GalleryError::Counts {
            people: people.len(),
            len,
            inverse_norms: inverse_norms.len(),
            values: values.len(),
        });
    }
    let rows = Rows { len, values, inverse_norms, people };
    for (row, (values, stored)) in rows.iter().enumerate() {
        let computed = InverseNorm::of(values).ok_or(GalleryError::ZeroRow { row })?.get();
        if stored != computed {
            return Err(GalleryError::InverseNorm { row, stored, computed });
        }
    }
    Ok(rows)
}
