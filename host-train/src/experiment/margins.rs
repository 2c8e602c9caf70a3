//! `margins`: the combined margin `s (cos(m1 t + m2) - m3)` over a grid.

use super::bench::Bench;
use super::error::ExperimentError;
use super::tables::{Row, comparison, results, table};
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
    for (margins, _) in GRID {
        let label = label(margins);
        let outcome = bench.with_loss(&label, loss(margins))?;
        outcomes.push((label, outcome));
    }
    let rows: Vec<Row<'_>> =
        outcomes.iter().map(|(label, outcome)| Row { label, outcome }).collect();
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
            comparison("m1, m2, m3", &rows),
            Block::Table(results("Margins m1, m2, m3", &rows)),
            Block::Table(published()),
        ],
    })
}

fn published() -> Listing {
    let rows = GRID.map(|(margins, cells)| {
        [label(margins)].into_iter().chain(cells.map(str::to_owned)).collect()
    });
    Listing {
        name: "published",
        caption: "Published, not comparable: accuracy, %".to_owned(),
        table: table(["m1, m2, m3", "LFW", "CFP-FP", "AgeDB-30"], rows.to_vec()),
        note: "Source: insightface's README at commit 39919c3c of June 2018. A residual network of 100 layers on MS1M's millions of \
               photographs: another network, other faces, a thousand times the training."
            .to_owned(),
    }
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
