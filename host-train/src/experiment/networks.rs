//! `networks`: what a network costs and what it gives, float and int8.

use super::Settings;
use super::bench::{Bench, Measured, Outcome};
use super::error::{ExperimentError, RunFailure};
use super::faces::Faces;
use super::tables::{HOW_MEASURED, Row, comparison, percent, table};
use crate::data::FaceImage;
use crate::evaluate::report::{Block, Listing, Section};
use crate::model::Model;
use crate::net::{Architecture, NetworkConfig};
use crate::quantize::{Options, Provenance, arcface_landmarks, quantize};
use crate::train::TrainConfig;
use model_format::ModelFile;

/// Images that quantization looks at.
const CALIBRATION: usize = 256;

/// A residual network for the faces of `base`, its embedding as long.
pub(super) fn residual(
    architecture: Architecture,
    base: &NetworkConfig,
    settings: &Settings,
) -> NetworkConfig {
    let named =
        NetworkConfig { architecture, base_channels: settings.residual_channels, ..base.clone() };
    NetworkConfig { output: crate::net::OutputSetting::E, ..named }
}

/// A network's int8 file on the test, and its size.
struct Int8 {
    measured: Measured,
    bytes: usize,
    macs: u64,
}

/// The section.
pub(super) fn section(bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
    let base = bench.base()?;
    let faces = bench.faces()?;
    let residual = |architecture| residual(architecture, &base.network, bench.settings);
    let networks = [
        ("MobileFaceNet, 128", base.network.clone()),
        ("MobileFaceNet, 512", NetworkConfig { embedding: 512, ..base.network.clone() }),
        ("LResNet18E-IR", residual(Architecture::Ir18)),
        ("LResNet34E-IR", residual(Architecture::Ir34)),
        ("LResNet50E-IR", residual(Architecture::Ir50)),
    ];
    let mut outcomes = Vec::new();
    for (label, network) in networks {
        let outcome = bench.run(label, TrainConfig { network, ..base.clone() })?;
        let int8 = int8(label, &outcome, &faces).map_err(|error| bench.failed(label, error))?;
        outcomes.push((label, outcome, int8));
    }
    let rows: Vec<Row<'_>> =
        outcomes.iter().map(|(label, outcome, _)| Row { label, outcome }).collect();
    let cells = outcomes.iter().map(|(label, outcome, int8)| {
        let (float, eight) = (&outcome.measured, &int8.measured);
        vec![
            (*label).to_owned(),
            percent(float.pairs.accuracy),
            percent(eight.pairs.accuracy),
            percent(float.all.rank1),
            percent(eight.all.rank1),
            format!("{:.2}", float.pairs.rates.ms_per_image),
            format!("{:.2}", eight.pairs.rates.ms_per_image),
            (float_bytes(outcome) / 1024).to_string(),
            (int8.bytes / 1024).to_string(),
            format!("{:.1}", int8.macs as f64 / 1e6),
            format!("{:.0}", outcome.images_per_second),
        ]
    });
    let columns = [
        "",
        "accuracy, %",
        "int8",
        "rank-1, %",
        "int8",
        "ms an image",
        "int8",
        "weights, KiB",
        "int8 file",
        "M MACs",
        "images/s, training",
    ];
    Ok(Section {
        name: "networks",
        title: "Networks".to_owned(),
        paper: "As table 8".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "Each network with ArcFace on the same number of steps, in float and through the int8 engine that a door runs. MobileFaceNet has \
                 {} channels in its first layer and the residual networks {}, where the papers have 64. Times are of one thread each, \
                 all cores at work; the int8 engine's are of the fastest kernels that it has for this processor.",
                bench.settings.base_channels, bench.settings.residual_channels
            )),
            comparison("network, float", &rows),
            Block::Table(Listing {
                name: "results",
                caption: "Networks, float and int8".to_owned(),
                table: table(columns, cells.collect()),
                note: HOW_MEASURED.to_owned(),
            }),
            Block::Table(published()),
        ],
    })
}

fn float_bytes(outcome: &Outcome) -> usize {
    match &outcome.model {
        Model::Float(float) => float.graph.parameters() as usize * size_of::<f32>(),
        Model::Int8(file) => file.bytes().len(),
    }
}

/// Makes the network int8 with images that it learned from, and measures it.
fn int8(label: &str, outcome: &Outcome, faces: &Faces) -> Result<Int8, RunFailure> {
    let count = faces.trained.len().min(CALIBRATION);
    let image = |i: usize| faces.trained.image(i * faces.trained.len() / count);
    let calibration = (0..count).map(|i| Ok(image(i)?.0));
    let calibration: Vec<FaceImage> = calibration.collect::<Result<_, RunFailure>>()?;
    let images: Vec<&[u8]> = calibration.iter().map(|face| &face.rgb[..]).collect();
    let about = Provenance {
        landmarks: arcface_landmarks(faces.side),
        name: label.to_owned(),
        data: faces.about.clone(),
        command: String::new(),
        seed: outcome.config.seed,
        commit: String::new(),
        licence: String::new(),
    };
    let file = match &outcome.model {
        Model::Float(float) => {
            // A hundred layers would take minutes to reconstruct.
            let options = Options { reconstruct: false, ..Options::default() };
            ModelFile::from_bytes(quantize(&float.graph, &images, &options, None, &about)?.bytes)?
        }
        Model::Int8(file) => ModelFile::from_bytes(file.bytes())?,
    };
    let (bytes, macs) = (file.bytes().len(), file.view().macs());
    Ok(Int8 { measured: Measured::new(&Model::Int8(file), &faces.tested)?, bytes, macs })
}

fn published() -> Listing {
    let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
    Listing {
        name: "published",
        caption: "Published, not comparable".to_owned(),
        table: table(
            ["", "LFW, %", "size, MB", "time"],
            vec![
                row(["LResNet100E-IR", "99.83", "250", ""]),
                row(["LMobileNetE", "99.50", "112", ""]),
                row(["MobileFaceNet", "99.55", "4.0", "24 ms, Snapdragon 820, four threads"]),
                row(["LResNet34E-IR", "", "", "17 ms, M40"]),
            ],
        ),
        note: "Sources: table 3 of MobileFaceNets (arXiv 1804.07573), which cites the ArcFace paper for the first two; insightface's README of \
               January 2018 for the last. Trained on MS1M's millions of photographs of 112x112 pixels with all channels: other faces, other \
               sizes, other machines. Empty: not published there."
            .to_owned(),
    }
}
