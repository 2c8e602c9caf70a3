//! What the experiments that train have in common: a table of figures a run, and a chart of their accuracies.

use super::bench::{Measured, Outcome};
use crate::evaluate::report::{Axis, Block, Chart, Figure, Ink, Listing, Series, Stroke, Table};

/// A run with its name in tables.
pub(super) struct Row<'a> {
    /// The name.
    pub(super) label: &'a str,
    /// The run.
    pub(super) outcome: &'a Outcome,
}

/// Headings of [`figures`].
pub(super) const FIGURES: [&str; 6] =
    ["accuracy, %", "deviation", "TAR at FAR 1e-2, %", "TAR at FAR 1e-3, %", "EER, %", "rank-1, %"];

/// What a reader must know to read them.
pub(super) const HOW_MEASURED: &str = "Accuracy: the pair list, each fold judged with the threshold of the others, with the deviation between folds. TAR and EER: all \
     pairs of the test's images. Rank-1: one image a person enrolled, the rest searched for. One seed each: rows that differ by less \
     than the spread of the seeds in the comparison of losses do not differ.";

/// A network's figures as cells.
pub(super) fn figures(measured: &Measured) -> [String; 6] {
    let tar = |far: &str| measured.all.rates.tar.get(far).copied().map_or("".to_owned(), percent);
    [
        percent(measured.pairs.accuracy),
        percent(measured.pairs.accuracy_std),
        tar("1e-2"),
        tar("1e-3"),
        percent(measured.all.rates.eer),
        percent(measured.all.rank1),
    ]
}

/// A share in percent, without the sign.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// The figures of every run, and the mean angle to the own centre at its end.
pub(super) fn results(caption: &str, rows: &[Row<'_>]) -> Listing {
    let columns = [""].into_iter().chain(FIGURES).chain(["angle at the end, degrees"]);
    let cells = rows.iter().map(|row| {
        let angle = row.outcome.angles.last().and_then(|stage| stage.angles.mean());
        let angle = angle.map_or(String::new(), |angle| format!("{angle:.1}"));
        let figures = figures(&row.outcome.measured).into_iter();
        [row.label.to_owned()].into_iter().chain(figures).chain([angle]).collect()
    });
    Listing {
        name: "results",
        caption: caption.to_owned(),
        table: table(columns, cells.collect()),
        note: HOW_MEASURED.to_owned(),
    }
}

/// A table from headings and cells.
pub(super) fn table<'a>(
    columns: impl IntoIterator<Item = &'a str>,
    rows: Vec<Vec<String>>,
) -> Table {
    Table { columns: columns.into_iter().map(str::to_owned).collect(), rows }
}

/// Accuracy and rank-1 of every run, side by side; `by` is what the runs differ in.
pub(super) fn comparison(by: &str, rows: &[Row<'_>]) -> Block {
    let measured = || rows.iter().map(|row| &row.outcome.measured);
    let accuracies = measured().map(|m| (m.pairs.accuracy, m.pairs.accuracy_std)).collect();
    let firsts = measured().map(|m| (m.all.rank1, 0.0)).collect();
    let lines = "Further right is better. Lines reach one deviation between folds to either side.";
    Block::Figures(vec![
        discs("accuracies", format!("Accuracy by {by}"), lines, rows, accuracies),
        discs("rank-1", format!("Rank-1 by {by}"), "Further right is better.", rows, firsts),
    ])
}

/// A disc for the share of each run, with its deviation.
fn discs(
    name: &str,
    title: String,
    reading: &str,
    rows: &[Row<'_>],
    shares: Vec<(f64, f64)>,
) -> Figure {
    let ends = shares.iter().map(|(mean, deviation)| [mean - deviation, mean + deviation]);
    let ends: Vec<[f64; 2]> = ends.map(|ends| ends.map(|end| 100.0 * end)).collect();
    let low = ends.iter().map(|ends| ends[0]).fold(100.0, f64::min);
    let high = ends.iter().map(|ends| ends[1]).fold(0.0, f64::max).min(100.0);
    let mut series: Vec<Series> = ends
        .iter()
        .enumerate()
        .filter(|(_, ends)| ends[0] < ends[1])
        .map(|(row, ends)| {
            let points = ends.map(|end| (end, row as f64)).to_vec();
            line("", Ink::Quiet, Stroke::Solid, points)
        })
        .collect();
    let means = shares.iter().enumerate().map(|(row, &(mean, _))| (100.0 * mean, row as f64));
    series.push(line("share of all", Ink::End, Stroke::Points, means.collect()));
    let labels: Vec<&str> = rows.iter().map(|row| row.label).collect();
    Figure {
        name: name.to_owned(),
        chart: Chart {
            title,
            reading: reading.to_owned(),
            x: Axis::rounded("%", low, high),
            y: Axis::names("", &labels),
            patches: vec![],
            series,
            marker: None,
        },
    }
}

/// An unfilled line.
pub(super) fn line(label: &str, ink: Ink, stroke: Stroke, points: Vec<(f64, f64)>) -> Series {
    Series { label: label.to_owned(), ink, stroke, filled: false, points }
}

/// A dash for the line of this place among several, so that neighbours differ by more than colour.
pub(super) fn stroke(index: usize) -> Stroke {
    [Stroke::Solid, Stroke::Dashed, Stroke::DashDotted, Stroke::Dotted][index % 4]
}
