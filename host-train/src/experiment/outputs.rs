//! `outputs`: how the last feature map becomes the embedding.

use super::bench::Bench;
use super::error::ExperimentError;
use super::tables::{Row, accuracies, results, table};
use crate::evaluate::report::{Block, Listing, Section};
use crate::net::OutputSetting;
use crate::train::TrainConfig;

const SETTINGS: [(OutputSetting, &str); 6] = [
    (OutputSetting::A, "A: pooling"),
    (OutputSetting::B, "B: pooling, dense"),
    (OutputSetting::C, "C: pooling, dense, BN"),
    (OutputSetting::D, "D: pooling, dense, BN, PReLU"),
    (OutputSetting::E, "E: BN, dropout, dense, BN"),
    (OutputSetting::Gdc, "global depthwise, dense"),
];

/// The section.
pub(super) fn section(bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
    let base = bench.base()?;
    let mut outcomes = Vec::new();
    for (output, label) in SETTINGS {
        let mut network = base.network.clone();
        network.output = output;
        if output == OutputSetting::A {
            // The pooled channels are the embedding.
            network.embedding = network.features();
        }
        outcomes.push((label, bench.run(label, TrainConfig { network, ..base.clone() })?));
    }
    let rows: Vec<Row<'_>> =
        outcomes.iter().map(|(label, outcome)| Row { label, outcome }).collect();
    Ok(Section {
        name: "outputs",
        title: "Output settings".to_owned(),
        paper: "Section 3.2.2, settings A to E".to_owned(),
        blocks: vec![
            Block::Text(
                "MobileFaceNet's body with the paper's five ways from the last feature map to the embedding, and with its own. Setting A has \
                 no layer of its own, so its embedding is as long as the feature map is deep."
                    .to_owned(),
            ),
            Block::Figures(vec![accuracies("accuracies", "Accuracy by output setting", &rows)]),
            Block::Table(results("results", "Output settings", &rows)),
            Block::Table(published()),
        ],
    })
}

fn published() -> Listing {
    let row = |name: &str, cells: [&str; 5]| {
        [name].into_iter().chain(cells).map(str::to_owned).collect::<Vec<_>>()
    };
    Listing {
        name: "published",
        caption: "Published, not comparable: accuracy on LFW, %".to_owned(),
        table: table(
            ["", "A", "B", "C", "D", "E"],
            vec![
                row("SE-ResNet50, v1 unit", ["99.37", "99.20", "99.32", "99.38", "99.27"]),
                row("SE-LResNet50, v1 unit", ["", "", "99.57", "99.60", "99.65"]),
                row("SE-LResNet50, v3 unit", ["99.58", "", "", "99.62", "99.77"]),
            ],
        ),
        note: "Source: insightface's README at commit 7eaa4ca3 of December 2017. Softmax on VGGFace2's 3.3 million photographs of 112x112 \
               pixels with 50 layers and squeeze and excitation: another network, another loss, other faces. Empty: not published there."
            .to_owned(),
    }
}
