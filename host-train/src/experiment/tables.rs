//! What the experiments that train have in common: a table of figures a run, and a chart of their accuracies.

use super::bench::{Measured, Outcome};
use crate::evaluate::report::{Axis, Chart, Figure, Ink, Listing, Series, Stroke, Table};

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
    let tar = |far: &str| measured.all.tar.get(far).copied().map_or("".to_owned(), percent);
    [
        percent(measured.pairs.accuracy),
        percent(measured.pairs.accuracy_std),
        tar("1e-2"),
        tar("1e-3"),
        percent(measured.all.eer),
        percent(measured.all.rank1),
    ]
}

/// A share in percent, without the sign.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// The figures of every run, and the mean angle to the own centre at its end.
pub(super) fn results(name: &'static str, caption: &str, rows: &[Row<'_>]) -> Listing {
    let columns = [""].into_iter().chain(FIGURES).chain(["angle at the end, degrees"]);
    let cells = rows.iter().map(|row| {
        let angle = row.outcome.angles.last().and_then(|stage| stage.angles.mean());
        let angle = angle.map_or(String::new(), |angle| format!("{angle:.1}"));
        let figures = figures(&row.outcome.measured).into_iter();
        [row.label.to_owned()].into_iter().chain(figures).chain([angle]).collect()
    });
    Listing {
        name,
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

/// Accuracies as discs, each with the deviation between folds.
pub(super) fn accuracies(name: &str, title: &str, rows: &[Row<'_>]) -> Figure {
    let values = rows.iter().map(|row| &row.outcome.measured.pairs);
    let values = values.map(|pairs| (100.0 * pairs.accuracy, 100.0 * pairs.accuracy_std));
    let values: Vec<(f64, f64)> = values.collect();
    let ends = |(mean, deviation): &(f64, f64)| (mean - deviation, mean + deviation);
    let low = values.iter().map(|v| ends(v).0).fold(100.0, f64::min);
    let high = values.iter().map(|v| ends(v).1).fold(0.0, f64::max).min(100.0);
    let mut series: Vec<Series> = values
        .iter()
        .enumerate()
        .map(|(row, value)| {
            let ((low, high), row) = (ends(value), row as f64);
            line("", Ink::Quiet, Stroke::Solid, vec![(low, row), (high, row)])
        })
        .collect();
    let discs = values.iter().enumerate().map(|(row, &(mean, _))| (mean, row as f64));
    series.push(line("mean over the folds", Ink::End, Stroke::Points, discs.collect()));
    let labels: Vec<&str> = rows.iter().map(|row| row.label).collect();
    Figure {
        name: name.to_owned(),
        chart: Chart {
            title: title.to_owned(),
            reading:
                "Further right is better. Lines reach one deviation between folds to either side."
                    .to_owned(),
            x: Axis::rounded("accuracy, %", low, high),
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
