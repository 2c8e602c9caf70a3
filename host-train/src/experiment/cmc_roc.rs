//! `cmc-roc`: searching and verifying when the gallery holds strangers too.
//!
//! One image a person of the test is enrolled, the rest are searched for; every distractor is enrolled and never searched for,
//! as in MegaFace's protocol.

use super::bench::Bench;
use super::error::{ExperimentError, RunFailure};
use super::faces::Faces;
use super::losses::label;
use super::tables::{line, percent, stroke, table};
use crate::evaluate::report::{Axis, Block, Chart, Figure, Ink, Listing, Section};
use crate::evaluate::{Roc, RocPoint, all_pairs, ranks};
use crate::loss::LossConfig;
use crate::model::Model;

/// The losses shown, by name.
const LOSSES: [&str; 3] = ["softmax-normalised", "cosface", "arcface"];

/// Ranks shown.
const RANKS: usize = 20;

/// A network's curves.
struct Curves {
    label: String,
    /// Share of searches that find the person within each rank, all distractors enrolled.
    cmc: Vec<f64>,
    /// Rank-1 by the number of distractors.
    first: Vec<(usize, f64)>,
    roc: Vec<RocPoint>,
    /// TAR at the standard rates.
    tar: Vec<(&'static str, f64)>,
}

impl Curves {
    fn new(label: String, model: &Model, faces: &Faces) -> Result<Self, RunFailure> {
        let tested = &faces.tested;
        let known = tested.faces.len();
        let face = |index: usize| match index.checked_sub(known) {
            None => tested.faces[index].clone(),
            Some(stranger) => faces.distractors[stranger].clone(),
        };
        let embedded =
            model.embed_all(known + faces.distractors.len(), false, |i| Ok(face(i)), || ())?;
        let gallery = model.gallery(&embedded.embeddings)?;
        let cosine = gallery.cosine()?;
        // Every stranger is a person of its own, and the images before them are the test's.
        let people = tested.identities.iter().max().map_or(0, |&last| last + 1);
        let strangers = people..people + faces.distractors.len();
        let identities: Vec<usize> = tested.identities.iter().copied().chain(strangers).collect();
        let mut first = Vec::new();
        let mut cmc = Vec::new();
        for count in counts(faces.distractors.len()) {
            let found = ranks(&identities[..known + count], &cosine)?;
            cmc = found.curve(RANKS);
            first.push((count, cmc[0]));
        }
        let scores = all_pairs(&identities, &cosine)?;
        let roc = Roc::new(scores.genuine, scores.impostor)?;
        let tar = roc.tar_at_standard_fars();
        let tar = tar.iter().map(|(&far, point)| (far, point.tar)).collect();
        Ok(Self { label, cmc, first, roc: roc.curve(200), tar })
    }
}

/// Numbers of distractors: none, ten, a hundred and so on, and all.
fn counts(all: usize) -> Vec<usize> {
    let powers = (1..).map(|power| 10_usize.pow(power)).take_while(|&count| count < all);
    let mut counts: Vec<usize> = [0].into_iter().chain(powers).chain([all]).collect();
    counts.dedup();
    counts
}

/// The section.
pub(super) fn section(bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
    let faces = bench.faces()?;
    let mut curves = Vec::new();
    for loss in LossConfig::all().into_iter().filter(|loss| LOSSES.contains(&loss.name())) {
        let label = label(loss);
        let outcome = bench.with_loss(&label, bench.settings.loss(loss))?;
        let made = Curves::new(label.clone(), &outcome.model, &faces);
        curves.push(made.map_err(|error| bench.failed(&label, error))?);
    }
    let all = faces.distractors.len();
    Ok(Section {
        name: "cmc-roc",
        title: "Strangers in the gallery".to_owned(),
        paper: "CMC and ROC curves".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "One image of each of the test's people is enrolled and the rest are searched for, with {all} strangers enrolled beside \
                 them. Accuracy on pairs hides what a crowd does to a search."
            )),
            Block::Figures(vec![cmc(&curves, all), first(&curves, all), roc(&curves)]),
            Block::Table(listing(&curves)),
        ],
    })
}

fn cmc(curves: &[Curves], all: usize) -> Figure {
    let series = curves.iter().enumerate().map(|(index, curve)| {
        let points = curve.cmc.iter().enumerate();
        let points = points.map(|(rank, share)| ((rank + 1) as f64, 100.0 * share)).collect();
        line(&curve.label, Ink::Category(index), stroke(index), points)
    });
    let lowest = curves.iter().flat_map(|c| &c.cmc).copied().fold(0.9, f64::min);
    Figure {
        name: "cmc".to_owned(),
        chart: Chart {
            title: format!("CMC with {all} strangers"),
            reading: "How often the right person is among the first so many of the gallery. Higher is better.".to_owned(),
            x: Axis::exact("rank", 1.0, RANKS as f64),
            y: Axis::rounded("searches that find the person, %", 100.0 * lowest, 100.0),
            patches: vec![],
            series: series.collect(),
            marker: None,
        },
    }
}

fn first(curves: &[Curves], all: usize) -> Figure {
    let series = curves.iter().enumerate().map(|(index, curve)| {
        // A logarithmic axis has no place for none.
        let points = curve.first.iter().filter(|(count, _)| *count > 0);
        let points = points.map(|&(count, share)| (count as f64, 100.0 * share)).collect();
        line(&curve.label, Ink::Category(index), stroke(index), points)
    });
    let lowest = curves.iter().flat_map(|c| &c.first).map(|p| p.1).fold(0.9, f64::min);
    Figure {
        name: "rank-1".to_owned(),
        chart: Chart {
            title: "Rank-1 by the number of strangers".to_owned(),
            reading: "The flatter a line, the less a crowd hides the right person.".to_owned(),
            x: Axis::log("strangers enrolled", 10.0, (all as f64).max(100.0)),
            y: Axis::rounded("searches that find the person first, %", 100.0 * lowest, 100.0),
            patches: vec![],
            series: series.collect(),
            marker: None,
        },
    }
}

fn roc(curves: &[Curves]) -> Figure {
    let points = || curves.iter().flat_map(|curve| &curve.roc);
    let lowest = points().map(|point| point.far).fold(0.1, f64::min);
    let least = points().map(|point| point.tar).fold(0.9, f64::min);
    let series = curves.iter().enumerate().map(|(index, curve)| {
        let points = curve.roc.iter().map(|point| (point.far, 100.0 * point.tar)).collect();
        line(&curve.label, Ink::Category(index), stroke(index), points)
    });
    Figure {
        name: "roc".to_owned(),
        chart: Chart {
            title: "ROC with the strangers' pairs".to_owned(),
            reading: "Pairs of one person against all pairs of two, strangers among them. The left end is one single accepted impostor pair."
                .to_owned(),
            x: Axis::log("false-accept rate (FAR)", lowest, 1.0),
            y: Axis::rounded("true-accept rate (TAR), %", 100.0 * least, 100.0),
            patches: vec![],
            series: series.collect(),
            marker: None,
        },
    }
}

fn listing(curves: &[Curves]) -> Listing {
    let counts = curves.first().map_or(vec![], |curve| curve.first.clone());
    let rates = curves.first().map_or(vec![], |curve| curve.tar.clone());
    let searches = counts.iter().map(|(count, _)| format!("rank-1, {count} strangers, %"));
    let verified = rates.iter().map(|(far, _)| format!("TAR at FAR {far}, %"));
    let columns: Vec<String> =
        [String::new()].into_iter().chain(searches).chain(verified).collect();
    let rows = curves.iter().map(|curve| {
        let first = curve.first.iter().map(|&(_, share)| percent(share));
        let tar = curve.tar.iter().map(|&(_, share)| percent(share));
        [curve.label.clone()].into_iter().chain(first).chain(tar).collect()
    });
    Listing {
        name: "results",
        caption: "Searches and pairs with strangers".to_owned(),
        table: table(columns.iter().map(|c| &**c), rows.collect()),
        note: "Published on MegaFace with a million strangers: rank-1 97.64 % for a residual network of 50 layers, 96.70 % for 34 (insightface's \
               list of its trained models). Not comparable: photographs, another gallery, five hundred times as many strangers."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_up_by_tens_to_all() {
        assert_eq!(counts(2000), [0, 10, 100, 1000, 2000]);
        assert_eq!(counts(100), [0, 10, 100]);
        assert_eq!(counts(0), [0]);
    }
}
