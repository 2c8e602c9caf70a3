//! From a rate of false accepts to the cosine that keeps it.
//!
//! A model's table says at which cosine its false match rate is bounded by how much. A probe that is compared with `n` templates has
//! `n` chances, so its rate of false accepts is at most `n` times that of one comparison:
//!
//! ```text
//! FPIR <= n * FMR        so the table's cosine for FMR <= target FPIR / n keeps the target
//! ```

use model_format::Threshold;

/// Largest FPIR that a door may be asked for.
pub(super) const WORST_FPIR: f32 = 1e-2;

/// 1e-3 over 10 is 1e-4, also where rounding says it is a little less.
const ROUNDING: f32 = 1.0 + 1e-6;

/// A cosine that was measured, and what it is good for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    cosine: f32,
    fmr: f32,
    target_fpir: f32,
    templates: u32,
}

/// Why no cosine keeps the target.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// Not a rate for a door.
    #[error(
        "a target FPIR of {target_fpir} is none for a door: it must be above 0, and at most {WORST_FPIR}"
    )]
    Target {
        /// As passed.
        target_fpir: f32,
    },
    /// Nobody can be found in an empty gallery.
    #[error("a gallery of 0 templates has no rate; enrol someone first")]
    NoTemplates,
    /// Nobody measured the model.
    #[error("the model's table has no rate at all; calibrate it first")]
    NoTable,
    /// The table does not go so far.
    #[error(
        "{templates} templates at a target FPIR of {target_fpir} need a false match rate of {needed:e}, the table's least is \
         {least:e}; calibrate with more impostors, enrol fewer templates or ask for less"
    )]
    BeyondTable {
        /// As passed.
        target_fpir: f32,
        /// As passed.
        templates: u32,
        /// The rate of one comparison.
        needed: f32,
        /// The least of the table.
        least: f32,
    },
    /// The table is damaged, or of a model that tells nobody apart.
    #[error(
        "the table gives cosine {cosine} for a false match rate of {fmr:e}, which strangers have; the model is unusable"
    )]
    Cosine {
        /// As found.
        cosine: f32,
        /// Its rate.
        fmr: f32,
    },
}

impl Calibration {
    /// The cosine of `table` that keeps `target_fpir` in a gallery of up to `templates` templates, which may be more than there are
    /// yet. Where one claimed person alone is compared, `templates` is theirs.
    ///
    /// `table` is that of the model in use ([`ModelView::thresholds`](model_format::ModelView::thresholds)) or one measured with it
    /// on the spot, in any order.
    ///
    /// # Errors
    /// [`CalibrationError`] when the target is none for a door or the table cannot keep it.
    pub fn new(
        target_fpir: f32,
        templates: u32,
        table: impl IntoIterator<Item = Threshold>,
    ) -> Result<Self, CalibrationError> {
        if !(target_fpir > 0.0 && target_fpir <= WORST_FPIR) {
            return Err(CalibrationError::Target { target_fpir });
        }
        if templates == 0 {
            return Err(CalibrationError::NoTemplates);
        }
        let needed = target_fpir / templates as f32;
        let mut least = None;
        let mut chosen: Option<Threshold> = None;
        for row in table.into_iter().filter(|row| row.fmr > 0.0) {
            least = Some(row.fmr.min(least.unwrap_or(row.fmr)));
            // Of equal rates the stricter cosine, as of two measurements the worse.
            let better = |best: Threshold| {
                row.fmr > best.fmr || (row.fmr == best.fmr && row.cosine > best.cosine)
            };
            if row.fmr <= needed * ROUNDING && chosen.is_none_or(better) {
                chosen = Some(row);
            }
        }
        let least = least.ok_or(CalibrationError::NoTable)?;
        let beyond = CalibrationError::BeyondTable { target_fpir, templates, needed, least };
        let Threshold { fmr, cosine } = chosen.ok_or(beyond)?;
        if !(cosine > 0.0 && cosine <= 1.0) {
            return Err(CalibrationError::Cosine { cosine, fmr });
        }
        Ok(Self { cosine, fmr, target_fpir, templates })
    }

    /// The cosine at and above which a template matches, above 0 to 1.
    pub fn cosine(&self) -> f32 {
        self.cosine
    }

    /// Bound of the false match rate of one comparison at that cosine.
    pub fn fmr(&self) -> f32 {
        self.fmr
    }

    /// Share of single frames of strangers that match any of so many templates, at most. The table may hold a stricter row than was
    /// asked for, so it may lie below the target.
    pub fn fpir_bound(&self, templates: u32) -> f32 {
        self.fmr * templates as f32
    }

    /// The rate that it was chosen for.
    pub fn target_fpir(&self) -> f32 {
        self.target_fpir
    }

    /// The largest gallery that it was chosen for.
    pub fn templates(&self) -> u32 {
        self.templates
    }
}
