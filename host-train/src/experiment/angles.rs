//! `angles`: how far faces are from their own class's centre at the start, in the middle and at the end of training.

use super::bench::Bench;
use super::error::ExperimentError;
use super::losses::label;
use super::tables::table;
use crate::evaluate::report::{Block, Figure, Listing, Section, angles};
use crate::loss::LossConfig;

/// The losses shown, by name.
const LOSSES: [&str; 6] =
    ["softmax", "softmax-normalised", "sphereface-normalised", "cosface", "arcface", "adaface"];

/// The section.
pub(super) fn section(bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
    let (mut figures, mut rows) = (Vec::new(), Vec::new());
    for loss in LossConfig::all().into_iter().filter(|loss| LOSSES.contains(&loss.name())) {
        let label = label(loss);
        let outcome = bench.with_loss(&label, bench.settings.loss(loss))?;
        figures
            .push(Figure { name: loss.name().to_owned(), chart: angles(&label, &outcome.angles) });
        let means = outcome.angles.iter().map(|stage| stage.angles.mean());
        let means = means.map(|mean| mean.map_or(String::new(), |mean| format!("{mean:.1}")));
        rows.push([label].into_iter().chain(means).collect());
    }
    Ok(Section {
        name: "angles",
        title: "Angles to the own centre".to_owned(),
        paper: "Histograms of the target logit analysis".to_owned(),
        blocks: vec![
            Block::Text(
                "Each chart shows the faces of the first ten steps, of ten in the middle and of the last ten. Random centres are at 90 degrees. \
                 The margin asks for angles that softmax is content without; at the end the paper has ArcFace's faces mostly between 30 and \
                 40 degrees, after far more steps on far more people than here."
                    .to_owned(),
            ),
            Block::Figures(figures),
            Block::Table(Listing {
                name: "means",
                caption: "Mean angle to the own centre, degrees".to_owned(),
                table: table(["", "start", "middle", "end"], rows),
                note: String::new(),
            }),
        ],
    })
}
