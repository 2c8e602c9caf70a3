//! A page for people: what was trained, whether int8 kept its accuracy, and how it was made.
//!
//! [`render`] turns one plain [`Report`] into one HTML file that needs nothing else: styles inline, charts as inline SVG,
//! pictures as PNG in base64, no scripts, nothing fetched. It follows the reader's light or dark theme, fits a telephone
//! and prints. All numbers are the caller's; an empty list or `None` leaves its section out.
//!
//! ```text
//! Report ────> page (sections) ──> figures (which data, which axes) ──> chart (SVG) ──> axis (ticks)
//!                  └──> html (escaping, tables, pictures)               │
//! Document ──> document (sections of any kind) ─────────────────────────┴──> file (SVG, CSV)
//! ```
//!
//! [`render_document`] makes a page of sections that the caller composes, in the same clothes.

mod angle_stages;
mod axis;
mod chart;
mod document;
mod figures;
mod file;
pub(crate) mod html;
mod page;

pub use angle_stages::AngleStages;
pub use axis::Axis;
pub use chart::{Chart, Ink, Marker, Patch, Series, Stroke};
pub use document::{Block, Document, Figure, Listing, Section, render_document};
pub use figures::{angles, roc, score_histogram};

use super::{ComparisonRow, Histogram, PairsSummary, Roc, RocPoint};
use crate::data::FaceImage;

/// Everything on the page.
#[derive(Clone, Debug)]
pub struct Report {
    /// Heading and window title, such as "Quick start".
    pub title: String,
    /// One line under the heading: network, loss, data in words.
    pub subtitle: String,
    /// The answer that the reader came for.
    pub verdict: Verdict,
    /// Key figures, best four to six.
    pub cards: Vec<Card>,
    /// Sample faces, one row a person.
    pub faces: Vec<FaceRow>,
    /// Training loss, one entry a step or as often as the caller logged it, step ascending. Entries that are not finite
    /// are left out.
    pub loss: Vec<LossPoint>,
    /// Angles between embeddings and their own class centre, in the order of training; best three: start, middle, end.
    pub angles: Vec<AngleStage>,
    /// Curves and score histograms of float and int8.
    pub scores: Option<ScoreFigures>,
    /// Float beside int8, from [`super::PairsSummary::compare`] or [`super::AllPairsSummary::compare`].
    pub comparison: Vec<ComparisonRow>,
    /// File sizes, memory and times.
    pub sizes: Option<Table>,
    /// Quantization layer by layer, folded away at first.
    pub layers: Option<Table>,
    /// How to make this page again.
    pub provenance: Provenance,
    /// What to run next.
    pub next: Vec<NextStep>,
}

/// Whether int8 kept the float accuracy. The page words it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Accuracy of the float network, in [0, 1].
    pub float_accuracy: f64,
    /// Accuracy of the int8 file on the same pairs, in [0, 1].
    pub int8_accuracy: f64,
    /// How many percentage points int8 may lose.
    pub allowed_points: f64,
    /// Pairs judged.
    pub pairs: usize,
    /// Whose pairs, as it goes after "pairs of": "40 drawn people that training never saw".
    pub people: String,
    /// TAR at the lowest false-accept rate that the pairs resolve: accuracy hides what int8 loses there.
    pub strictest: Option<Strictest>,
    /// The collapse alarm: the network maps every face to one point.
    pub collapsed: bool,
}

/// True-accept rates at one false-accept rate.
#[derive(Clone, Debug)]
pub struct Strictest {
    /// The rate as the tables name it: "1e-3".
    pub far: String,
    /// Of the float network, in [0, 1].
    pub float_tar: f64,
    /// Of the int8 file, in [0, 1].
    pub int8_tar: f64,
}

impl Verdict {
    /// From the figures of both networks on one pair list. `people` goes after "pairs of".
    pub fn new(
        float: &PairsSummary,
        int8: &PairsSummary,
        allowed_points: f64,
        people: &str,
    ) -> Self {
        // Keys ascend as "1e-2", "1e-3", ..: the last is the strictest.
        let strictest = float.rates.tar.iter().rev().find_map(|(far, &float_tar)| {
            let int8_tar = *int8.rates.tar.get(far)?;
            Some(Strictest { far: far.clone(), float_tar, int8_tar })
        });
        Self {
            float_accuracy: float.accuracy,
            int8_accuracy: int8.accuracy,
            allowed_points,
            pairs: int8.pairs,
            people: people.into(),
            strictest,
            collapsed: float.rates.collapsed || int8.rates.collapsed,
        }
    }
}

/// One key figure.
#[derive(Clone, Debug)]
pub struct Card {
    /// What it is: "int8 accuracy".
    pub label: String,
    /// The figure with its unit: "98.4 %".
    pub value: String,
    /// Small print below, may be empty: "float 98.5 %".
    pub note: String,
}

/// Some images of one person.
#[derive(Clone, Debug)]
pub struct FaceRow {
    /// Who: a name or a number.
    pub label: String,
    /// Shown at 64 pixels, in this order. One whose bytes do not match its size is shown as an empty frame.
    pub images: Vec<FaceImage>,
}

/// Loss at one step.
#[derive(Clone, Copy, Debug)]
pub struct LossPoint {
    /// Optimiser steps done.
    pub step: u64,
    /// Mean loss of that step's batch.
    pub loss: f64,
}

/// The target angles at one moment of training.
#[derive(Clone, Debug)]
pub struct AngleStage {
    /// Which moment: "step 0".
    pub label: String,
    /// From [`Histogram::of_angles`].
    pub angles: Histogram,
}

/// What the score charts show.
#[derive(Clone, Debug)]
pub struct ScoreFigures {
    /// Of the float network.
    pub float: Scored,
    /// Of the int8 file, on the same pairs.
    pub int8: Scored,
    /// A threshold of the int8 file (cosine), marked in the histogram.
    pub threshold: Option<Marker>,
}

/// One network's curve and histograms.
#[derive(Clone, Debug)]
pub struct Scored {
    /// FAR ascending.
    pub curve: Vec<RocPoint>,
    /// Scores of pairs of one person.
    pub genuine: Histogram,
    /// Scores of pairs of two people.
    pub impostor: Histogram,
}

impl From<&Roc> for Scored {
    fn from(roc: &Roc) -> Self {
        let (genuine, impostor) = roc.histograms();
        Self { curve: roc.curve(200), genuine, impostor }
    }
}

/// A table of ready text. Short rows are filled with empty cells.
#[derive(Clone, Debug)]
pub struct Table {
    /// Headings; the first column is set left, the others right.
    pub columns: Vec<String>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}

/// How to make this page again.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The command as typed.
    pub command: String,
    /// Random seed.
    pub seed: u64,
    /// Source commit, or where the sources came from.
    pub commit: String,
    /// Data in words: sources, images, identities.
    pub data: String,
    /// Processor or accelerator, and threads.
    pub machine: String,
    /// Training time in words.
    pub duration: String,
}

/// A command to try.
#[derive(Clone, Debug)]
pub struct NextStep {
    /// What it does, in a few words.
    pub what: String,
    /// The command itself.
    pub command: String,
}

/// The page as one HTML document.
pub fn render(report: &Report) -> String {
    page::document(report)
}

#[cfg(test)]
mod tests;
