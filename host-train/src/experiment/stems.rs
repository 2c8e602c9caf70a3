//! `stems`: a first layer that keeps the image's size against one that was made for images of twice the side.

use super::bench::Bench;
use super::error::ExperimentError;
use super::networks::residual;
use super::tables::{Row, comparison, results, table};
use crate::evaluate::report::{Block, Listing, Section};
use crate::net::{Architecture, Stem};
use crate::train::TrainConfig;

/// The section.
pub(super) fn section(bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
    let base = bench.base()?;
    let mut outcomes = Vec::new();
    for (stem, label) in [(Stem::L, "LResNet18-IR"), (Stem::Plain, "ResNet18-IR")] {
        let mut network = residual(Architecture::Ir18, &base.network, bench.settings);
        network.stem = stem;
        outcomes.push((label, bench.run(label, TrainConfig { network, ..base.clone() })?));
    }
    let rows: Vec<Row<'_>> =
        outcomes.iter().map(|(label, outcome)| Row { label, outcome }).collect();
    let speeds = outcomes.iter().map(|(label, outcome)| {
        let ms = outcome.measured.pairs.rates.ms_per_image;
        format!(
            "{label}: {:.0} images/s in training, {ms:.2} ms an embedding",
            outcome.images_per_second
        )
    });
    let speeds: Vec<String> = speeds.collect();
    let side = base.network.input;
    Ok(Section {
        name: "stems",
        title: "L networks against plain ones".to_owned(),
        paper: "L networks".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "Networks for ImageNet halve the image twice before their first block. An L network begins with a 3x3 convolution that keeps \
                 the {side}x{side} pixels, and ends with {0}x{0} in place of {1}x{1}, for about four times the work. {2}.",
                side.div_ceil(16),
                side.div_ceil(32),
                speeds.join("; "),
            )),
            comparison("first layer", &rows),
            Block::Table(results("First layers", &rows)),
            Block::Table(published()),
        ],
    })
}

fn published() -> Listing {
    let row = |name: &str, cells: [&str; 3]| {
        [name].into_iter().chain(cells).map(str::to_owned).collect::<Vec<_>>()
    };
    Listing {
        name: "published",
        caption: "Published, not comparable: accuracy on LFW, %, by output setting".to_owned(),
        table: table(
            ["", "C", "D", "E"],
            vec![
                row("SE-ResNet50, plain", ["99.32", "99.38", "99.27"]),
                row("SE-LResNet50", ["99.57", "99.60", "99.65"]),
            ],
        ),
        note: "Source: insightface's README at commit 7eaa4ca3 of December 2017. Softmax on VGGFace2, 112x112 pixels, 50 layers, squeeze and \
               excitation: another network, another loss, other faces."
            .to_owned(),
    }
}
