//! Whether a model's table of rates holds at this door: comparisons of people who are known to be different, in pictures of the door's
//! own camera, counted at every row of the table.
//!
//! ```text
//! table ─────────────────> Survey ─┬─ at least so many times the table's rates ─> stricter target ─> Calibration ─┐
//! cosines of two people ───┘  │    └─ at most this rate at the row's cosine ──────────────────────────────────────┴─> Finding
//! cosines of one person ──────┴─ share below the row's cosine ────────────────────────────────────────────────────┘
//! ```
//!
//! Pictures of one place are few beside the pairs that a model was measured on. So no cosine is made from them: they are asked
//! whether they contradict the table, and can make the door stricter, never looser.
//!
//! - A row whose rate lies below what the pictures show with confidence ([`lower_bound`]) is contradicted. The loose rows tell first,
//!   where many pairs match. The largest such excess is taken for that of all rows, and the target divided by it.
//! - Comparisons of which so few match that the target is kept by them alone carry it.
//! - Else the table carries it, where the pictures at least rule out the worst that a door may be asked for.
//! - Fewer than that say nothing, and are refused.
//!
//! Which pictures are compared, and that they are of different people, is left to the caller. The bounds take comparisons as if no two
//! shared a face.

use super::calibration::WORST_FPIR;
use super::confidence::{fewest_trials, lower_bound, upper_bound};
use super::{Calibration, CalibrationError};
use model_format::{MAX_THRESHOLDS, Threshold};

/// Comparisons counted at every row of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survey {
    rows: [Option<Row>; MAX_THRESHOLDS as usize],
    impostors: usize,
    genuine: usize,
}

/// A row of the table, and what was counted there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    threshold: Threshold,
    /// Comparisons of two people at and above its cosine.
    matching: usize,
    /// Comparisons of one person below it.
    missed: usize,
}

/// Some of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Those that are counted.
    pub events: usize,
    /// All of them.
    pub trials: usize,
}

/// What a target rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The pictures keep it by themselves.
    Pictures,
    /// The model's table, which they do not contradict.
    Table {
        /// Comparisons without a match that are missing for the pictures to keep it by themselves.
        missing: usize,
    },
}

/// How a door keeps its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The row to use: the table's own, or a stricter one.
    pub calibration: Calibration,
    /// How many times the rates of the table are, with confidence, exceeded here; at least 1.
    pub excess: f64,
    /// Comparisons of two people that match there.
    pub impostors: Count,
    /// Comparisons of one person that do not match there.
    pub missed: Count,
    /// What the target rests on.
    pub basis: Basis,
}

/// Why the pictures cannot carry a target.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// The table itself cannot.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// Here strangers look alike far more often than the table says.
    #[error(
        "{matching} of {comparisons} comparisons of different people match at cosine {cosine}, at least {excess:.1} times as many as the \
         table's rate of {fmr:e} allows, and the table has no row that is so much stricter ({left}); see which pictures match: is one \
         person in two folders, or enrolled? else this camera or its light does not suit the model"
    )]
    Contradicted {
        /// Comparisons that match at the row that is exceeded most.
        matching: usize,
        /// All comparisons of two people.
        comparisons: usize,
        /// Of that row.
        cosine: f32,
        /// Of that row.
        fmr: f32,
        /// How many times it is exceeded at least.
        excess: f64,
        /// Why there is no stricter row.
        left: CalibrationError,
    },
    /// They leave open whether strangers are let in.
    #[error(
        "{comparisons} comparisons of different people, of which {matching} match at cosine {cosine}, are too few to say anything: with \
         {templates} templates they leave a rate of false accepts of up to {fpir:.1e} open, where no door may have more than \
         {WORST_FPIR:e}; {missing} more without a match are needed"
    )]
    TooFew {
        /// All comparisons of two people.
        comparisons: usize,
        /// Those that match.
        matching: usize,
        /// From which on they match.
        cosine: f32,
        /// Of the gallery.
        templates: u32,
        /// What the comparisons leave open.
        fpir: f64,
        /// Comparisons without a match that would do.
        missing: usize,
    },
}

impl Survey {
    /// Nothing counted yet, for the rows of `table`, of which a model has at most [`MAX_THRESHOLDS`].
    pub fn new(table: impl IntoIterator<Item = Threshold>) -> Self {
        let mut rows = [None; MAX_THRESHOLDS as usize];
        for (place, threshold) in rows.iter_mut().zip(table) {
            *place = Some(Row { threshold, matching: 0, missed: 0 });
        }
        Self { rows, impostors: 0, genuine: 0 }
    }

    /// Counts a comparison of two people.
    pub fn impostors(&mut self, cosine: f32) {
        self.impostors = self.impostors.saturating_add(1);
        for row in self.rows.iter_mut().flatten() {
            row.matching = row.matching.saturating_add(usize::from(cosine >= row.threshold.cosine));
        }
    }

    /// Counts a comparison of two pictures of one person.
    pub fn genuine(&mut self, cosine: f32) {
        self.genuine = self.genuine.saturating_add(1);
        for row in self.rows.iter_mut().flatten() {
            row.missed = row.missed.saturating_add(usize::from(cosine < row.threshold.cosine));
        }
    }

    /// Comparisons of two people.
    pub fn comparisons(&self) -> usize {
        self.impostors
    }

    /// The row that keeps `target_fpir` in a gallery of up to `templates` templates, as far as these comparisons and the table say.
    ///
    /// # Errors
    /// [`SurveyError`] when they cannot carry it.
    pub fn find(&self, target_fpir: f32, templates: u32) -> Result<Finding, SurveyError> {
        let own = self.calibrate(target_fpir, templates)?;
        let (calibration, excess) = match self.most_exceeded() {
            None => (own, 1.0),
            Some((row, excess)) => {
                let stricter = (f64::from(target_fpir) / excess) as f32;
                let chosen = self.calibrate(stricter, templates);
                let contradicted = |left| SurveyError::Contradicted {
                    matching: row.matching,
                    comparisons: self.impostors,
                    cosine: row.threshold.cosine,
                    fmr: row.threshold.fmr,
                    excess,
                    left,
                };
                (chosen.map_err(contradicted)?, excess)
            }
        };
        let cosine = calibration.cosine();
        let row = self.rows.iter().flatten().find(|row| row.threshold.cosine == cosine);
        let (matching, missed) = row.map_or((0, 0), |row| (row.matching, row.missed));
        let missing = |fpir: f32| {
            let rate = f64::from(fpir) / f64::from(templates);
            fewest_trials(matching, rate).saturating_sub(self.impostors)
        };
        if missing(WORST_FPIR) > 0 {
            return Err(SurveyError::TooFew {
                comparisons: self.impostors,
                matching,
                cosine,
                templates,
                fpir: (f64::from(templates) * upper_bound(matching, self.impostors)).min(1.0),
                missing: missing(WORST_FPIR),
            });
        }
        Ok(Finding {
            calibration,
            excess,
            impostors: Count { events: matching, trials: self.impostors },
            missed: Count { events: missed, trials: self.genuine },
            basis: match missing(target_fpir) {
                0 => Basis::Pictures,
                missing => Basis::Table { missing },
            },
        })
    }

    fn calibrate(&self, target_fpir: f32, templates: u32) -> Result<Calibration, CalibrationError> {
        let table = self.rows.iter().flatten().map(|row| row.threshold);
        Calibration::new(target_fpir, templates, table)
    }

    /// The row whose rate is exceeded most often, with confidence, and how many times; none if none is.
    fn most_exceeded(&self) -> Option<(&Row, f64)> {
        let rows = self.rows.iter().flatten().filter(|row| row.threshold.fmr > 0.0);
        let excess = rows.map(|row| {
            let least = lower_bound(row.matching, self.impostors);
            (row, least / f64::from(row.threshold.fmr))
        });
        excess.filter(|(_, times)| *times > 1.0).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

impl Count {
    /// The share; 0 of none.
    pub fn share(&self) -> f64 {
        if self.trials == 0 { 0.0 } else { self.events as f64 / self.trials as f64 }
    }

    /// What the share of all such trials is not above ([`upper_bound`]).
    pub fn upper(&self) -> f64 {
        upper_bound(self.events, self.trials)
    }
}
