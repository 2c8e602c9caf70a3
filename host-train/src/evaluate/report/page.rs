//! The page's sections, in the order of a reader's questions: did it work, what did it see, how did it learn, what did int8
//! cost, how was it made, what next.

use super::{
    Card, FaceRow, NextStep, Provenance, Report, Table, Verdict,
    axis::grouped,
    chart::Chart,
    figures,
    html::{escape, picture, table},
};
use crate::evaluate::{ComparisonRow, points_lost};

/// Of pictures, then of the rest.
const STYLE: &str = concat!(include_str!("plot.css"), include_str!("style.css"));

/// The whole document.
pub(super) fn document(report: &Report) -> String {
    let sections: String = [
        verdict(&report.verdict),
        cards(&report.cards),
        section("Sample faces", &faces(&report.faces)),
        section("Training", &training(report)),
        section("Float against int8", &float_against_int8(report)),
        section("Sizes and times", &report.sizes.as_ref().map_or(String::new(), table)),
        section(
            "Quantization layer by layer",
            &report.layers.as_ref().map_or(String::new(), layers),
        ),
        section("How this was made", &provenance(&report.provenance)),
        section("Next", &next(&report.next)),
    ]
    .concat();
    shell(&report.title, &report.subtitle, &sections)
}

/// A document around `body`, complete in itself.
pub(super) fn shell(title: &str, subtitle: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header><h1>{title}</h1><p>{subtitle}</p></header>\n{body}\
         <footer>This file is complete in itself: no scripts, nothing loaded from elsewhere.</footer>\n\
         </main>\n</body>\n</html>\n",
        subtitle = escape(subtitle),
    )
}

/// A headed section, or nothing when there is nothing in it.
fn section(heading: &str, content: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!("<section>\n<h2>{heading}</h2>\n{content}</section>\n")
}

fn verdict(verdict: &Verdict) -> String {
    let (class, headline, text) = words(verdict);
    format!(
        "<div class=\"verdict {class}\"><p class=\"headline\">{headline}</p><p>{}</p></div>\n",
        escape(&text)
    )
}

/// Class, headline and paragraph of the verdict.
fn words(verdict: &Verdict) -> (&'static str, &'static str, String) {
    if verdict.collapsed {
        let text = "All scores are nearly equal: the network maps every face to one point, and its accuracy says nothing. \
                    Lower the learning rate or lengthen the warm-up, and look at the loss curve below.";
        return ("bad", "The network collapsed", text.into());
    }
    let mut text = format!(
        "On {} pairs of {}, the float network decides {} rightly and the int8 file {}: {}.",
        grouped(verdict.pairs as f64),
        verdict.people,
        percent(verdict.float_accuracy),
        percent(verdict.int8_accuracy),
        change(verdict.float_accuracy, verdict.int8_accuracy),
    );
    if let Some(strictest) = &verdict.strictest {
        text += &format!(
            " At a false-accept rate of {}, the strictest that these pairs resolve, {} of the genuine pairs pass in float and \
             {} in int8: {}.",
            strictest.far,
            percent(strictest.float_tar),
            percent(strictest.int8_tar),
            change(strictest.float_tar, strictest.int8_tar),
        );
    }
    let allowed = points(verdict.allowed_points);
    if points_lost(verdict.float_accuracy, verdict.int8_accuracy) <= verdict.allowed_points {
        text += &format!(" Accuracy may lose {allowed}.");
        ("good", "Int8 kept the float accuracy", text)
    } else {
        text += &format!(
            " Accuracy may lose only {allowed}: calibrate with more images, or look for the layer that loses most."
        );
        ("bad", "Int8 lost too much accuracy", text)
    }
}

fn change(float: f64, int8: f64) -> String {
    match points_lost(float, int8) {
        lost if lost > 0.0 => format!("{lost:.2} points less"),
        lost if lost < 0.0 => format!("{:.2} points more", -lost),
        _ => "no difference".into(),
    }
}

fn points(count: f64) -> String {
    if count == 1.0 { "1 point".into() } else { format!("{count} points") }
}

/// A share in percent, held together across line ends.
fn percent(share: f64) -> String {
    format!("{:.2}\u{a0}%", 100.0 * share)
}

fn cards(cards: &[Card]) -> String {
    if cards.is_empty() {
        return String::new();
    }
    let entries: String = cards
        .iter()
        .map(|card| {
            format!(
                "<div><dt>{}</dt><dd>{}</dd><dd class=\"note\">{}</dd></div>\n",
                escape(&card.label),
                escape(&card.value),
                escape(&card.note)
            )
        })
        .collect();
    format!("<dl class=\"cards\">\n{entries}</dl>\n")
}

fn faces(rows: &[FaceRow]) -> String {
    rows.iter()
        .map(|row| {
            let pictures: String =
                row.images.iter().map(|image| picture(image, &row.label)).collect();
            format!(
                "<div class=\"faces\"><p>{}</p><div>{pictures}</div></div>\n",
                escape(&row.label)
            )
        })
        .collect()
}

fn training(report: &Report) -> String {
    let mut charts = Vec::new();
    if !report.loss.is_empty() {
        charts.push(figures::loss(&report.loss));
    }
    if !report.angles.is_empty() {
        charts.push(figures::angles("Angle to the own class centre", &report.angles));
    }
    side_by_side(&charts)
}

fn float_against_int8(report: &Report) -> String {
    let charts = report
        .scores
        .as_ref()
        .map_or(Vec::new(), |scores| vec![figures::roc(scores), figures::score_histogram(scores)]);
    side_by_side(&charts) + &comparison(&report.comparison)
}

/// Charts in a row that wraps, or nothing when there are none.
pub(super) fn side_by_side<'a>(charts: impl IntoIterator<Item = &'a Chart>) -> String {
    let charts: String = charts.into_iter().map(Chart::html).collect();
    if charts.is_empty() {
        return charts;
    }
    format!("<div class=\"charts\">\n{charts}</div>\n")
}

fn comparison(rows: &[ComparisonRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = rows.iter().map(|row| {
        let [float, int8, difference] = row.cells();
        // A true minus sign is as wide as the plus above it.
        vec![row.name.clone(), float, int8, difference.replace('-', "\u{2212}")]
    });
    table(&Table {
        columns: ["", "float", "int8", "difference"].map(String::from).to_vec(),
        rows: cells.collect(),
    })
}

fn layers(layers: &Table) -> String {
    let count = grouped(layers.rows.len() as f64);
    format!("<details><summary>{count} layers</summary>\n{}</details>\n", table(layers))
}

pub(super) fn provenance(made: &Provenance) -> String {
    let seed = made.seed.to_string();
    let rows = [
        ("Data", &made.data),
        ("Machine", &made.machine),
        ("Training time", &made.duration),
        ("Seed", &seed),
        ("Commit", &made.commit),
    ];
    let rows: String = rows
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(text)))
        .collect();
    format!("<pre>{}</pre>\n<dl class=\"made\">\n{rows}</dl>\n", escape(&made.command))
}

fn next(steps: &[NextStep]) -> String {
    steps
        .iter()
        .map(|step| {
            format!(
                "<p class=\"step\">{}</p>\n<pre>{}</pre>\n",
                escape(&step.what),
                escape(&step.command)
            )
        })
        .collect()
}
