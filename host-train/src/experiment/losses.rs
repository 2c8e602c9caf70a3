//! `losses`: all losses on one budget, and the margin's gradient both ways.

use super::bench::Bench;
use super::error::ExperimentError;
use super::tables::{Row, accuracies, results, table};
use crate::evaluate::report::{Block, Listing, Section};
use crate::loss::{HeadConfig, LossConfig, MarginGradient};
use crate::train::TrainConfig;

/// Further runs of ArcFace with other seeds: their spread is what chance makes.
const SEEDS: u64 = 2;

/// A loss as tables call it.
pub(super) fn label(loss: LossConfig) -> String {
    match loss {
        LossConfig::Softmax {} => "softmax".to_owned(),
        LossConfig::SoftmaxNormalised {} => "weight-normalised softmax".to_owned(),
        LossConfig::Sphereface { m, .. } => format!("SphereFace, m {m}"),
        LossConfig::SpherefaceNormalised { m, .. } => {
            format!("feature-normalised SphereFace, m {m}")
        }
        LossConfig::Cosface { m, .. } => format!("CosFace, m {m}"),
        LossConfig::Arcface { m, .. } => format!("ArcFace, m {m}"),
        LossConfig::Combined { m1, m2, m3, .. } => format!("combined, {m1}, {m2}, {m3}"),
        LossConfig::SubcenterArcface { m, centres, .. } => {
            format!("sub-center ArcFace, m {m}, {centres} centres")
        }
        LossConfig::Adaface { m, .. } => format!("AdaFace, m {m}"),
    }
}

/// The section.
pub(super) fn section(bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
    let base = bench.base()?;
    let mut runs: Vec<(String, TrainConfig)> = LossConfig::all()
        .into_iter()
        .map(|loss| {
            let loss = bench.settings.loss(loss);
            (label(loss), TrainConfig { loss, ..base.clone() })
        })
        .collect();
    let arcface = label(base.loss);
    let margin_gradient = MarginGradient::StraightThrough;
    let head = HeadConfig { margin_gradient, ..base.head };
    runs.push((format!("{arcface}, straight-through"), TrainConfig { head, ..base.clone() }));
    for seed in 1..=SEEDS {
        let config = TrainConfig { seed: base.seed + seed, ..base.clone() };
        runs.push((format!("{arcface}, seed {}", config.seed), config));
    }
    let mut outcomes = Vec::new();
    for (label, config) in runs {
        let outcome = bench.run(&label, config)?;
        outcomes.push((label, outcome));
    }
    let rows: Vec<Row<'_>> =
        outcomes.iter().map(|(label, outcome)| Row { label, outcome }).collect();
    let spread = outcomes
        .iter()
        .filter(|(_, run)| TrainConfig { seed: base.seed, ..run.config.clone() } == base);
    let spread: Vec<f64> = spread.map(|(_, run)| 100.0 * run.measured.pairs.accuracy).collect();
    let ends =
        (spread.iter().copied().fold(100.0, f64::min), spread.iter().copied().fold(0.0, f64::max));
    Ok(Section {
        name: "losses",
        title: "Losses on one budget".to_owned(),
        paper: "As table 9".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "The same network, images, steps and rate under every loss. With a straight-through gradient the margin moves the logit but \
                 not its slope, as in much published code; the exact gradient is the loss's own. {} runs of ArcFace that differ by \
                 the seed alone reach {:.2} to {:.2} %: smaller differences are chance.",
                spread.len(),
                ends.0,
                ends.1
            )),
            Block::Figures(vec![accuracies("accuracies", "Accuracy by loss", &rows)]),
            Block::Table(results("results", "Losses", &rows)),
            Block::Table(published()),
        ],
    })
}

fn published() -> Listing {
    let row = |loss: &str, tar: &str| vec![loss.to_owned(), tar.to_owned()];
    Listing {
        name: "published",
        caption: "Published, not comparable: TAR at FAR 1e-4 on IJB-C, %".to_owned(),
        table: table(
            ["", "IJB-C"],
            vec![
                row("ArcFace", "96.03"),
                row("MagFace", "95.97"),
                row("CurricularFace", "96.10"),
                row("AdaFace", "96.89"),
            ],
        ),
        note: "Source: the README of AdaFace. A residual network of 100 layers on MS1MV2, 5.8 million photographs; ours is a small network \
               that sees a few thousand images for minutes. Only the order could be compared, and not within the spread above."
            .to_owned(),
    }
}
