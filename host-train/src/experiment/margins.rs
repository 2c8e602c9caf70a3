//! `margins`: the combined margin `s (cos(m1 t + m2) - m3)` over a grid.

use super::bench::Bench;
use super::error::ExperimentError;
use super::tables::{FIGURES, HOW_MEASURED, Row, accuracies, figures, table};
use crate::evaluate::report::{Block, Listing, Section};
use crate::loss::LossConfig;
use crate::train::SMALL_SCALE;

/// m1, m2, m3, and what insightface published for them with 100 layers on MS1M: LFW, CFP-FP, AgeDB-30.
const GRID: [([f64; 3], [&str; 3]); 6] = [
    ([1.0, 0.0, 0.0], ["99.28", "88.50", "95.13"]),
    ([1.5, 0.0, 0.0], ["99.76", "94.17", "97.30"]),
    ([1.0, 0.5, 0.0], ["99.83", "94.04", "98.08"]),
    ([1.0, 0.0, 0.35], ["99.80", "94.4", "97.91"]),
    ([1.0, 0.3, 0.2], ["99.83", "94.51", "98.13"]),
    ([0.9, 0.4, 0.15], ["99.83", "94.20", "98.16"]),
];

/// The loss with these margins; where it has a name of its own, by that, so that no run is made twice.
fn loss([m1, m2, m3]: [f64; 3]) -> LossConfig {
    let scale = SMALL_SCALE;
    match (m1 == 1.0, m2 == 0.0, m3 == 0.0) {
        (true, false, true) => LossConfig::Arcface { m: m2, scale },
        (true, true, false) => LossConfig::Cosface { m: m3, scale },
        _ => LossConfig::Combined { m1, m2, m3, scale },
    }
}

fn label([m1, m2, m3]: [f64; 3]) -> String {
    format!("{m1}, {m2}, {m3}")
}

/// The section.
pub(super) fn section(bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
    let mut outcomes = Vec::new();
    for (margins, published) in GRID {
        let label = label(margins);
        let outcome = bench.with_loss(&label, loss(margins))?;
        outcomes.push((label, outcome, published));
    }
    let rows: Vec<Row<'_>> =
        outcomes.iter().map(|(label, outcome, _)| Row { label, outcome }).collect();
    let cells = outcomes.iter().map(|(label, outcome, published)| {
        let ours = figures(&outcome.measured).into_iter();
        let others = published.iter().map(|&cell| cell.to_owned());
        [label.clone()].into_iter().chain(ours).chain(others).collect()
    });
    let others = ["published LFW, %", "CFP-FP, %", "AgeDB-30, %"];
    Ok(Section {
        name: "margins",
        title: "The combined margin".to_owned(),
        paper: "Equation 4".to_owned(),
        blocks: vec![
            Block::Text(
                "The logit of the own class is s (cos(m1 t + m2) - m3): ArcFace is 1, m, 0, CosFace 1, 0, m, and 1, 0, 0 is softmax \
                 with centres and embeddings normalised. All three are applied together, at the same scale."
                    .to_owned(),
            ),
            Block::Figures(vec![accuracies("accuracies", "Accuracy by m1, m2, m3", &rows)]),
            Block::Table(Listing {
                name: "results",
                caption: "Margins m1, m2, m3".to_owned(),
                table: table(["m1, m2, m3"].into_iter().chain(FIGURES).chain(others), cells.collect()),
                note: format!(
                    "{HOW_MEASURED} Published: insightface's README at commit 39919c3c of June 2018; a residual network of 100 layers on \
                     MS1M's millions of photographs, tested on LFW, CFP-FP and AgeDB-30. Not comparable with ours: another network, other \
                     faces, a thousandth of the training."
                ),
            }),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_has_the_margins_of_its_row() {
        for (margins, _) in GRID {
            let curve = loss(margins).curve(0);
            assert_eq!(
                [curve.m1, curve.m2, curve.m3, curve.lambda],
                [margins[0], margins[1], margins[2], 0.0]
            );
            assert_eq!(loss(margins).check(), Ok(()));
        }
    }
}
