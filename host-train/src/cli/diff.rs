//! `diff`: which layer of two networks first differs, and by how much.

use super::failure::Failure;
use super::gate::cosine;
use super::output;
use super::pixels::PixelArgs;
use super::quantize::spaced;
use crate::data::Source;
use crate::diff::{LayerDifference, Report, Rule, compare};
use crate::model::{Model, ModelError};
use clap::builder::RangedU64ValueParser;
use std::path::{Path, PathBuf};

/// Says which layer of two networks first differs, and by how much.
///
/// Runs both on the same few images. A layer's tensors are compared as the networks run, rounding of all layers before
/// included, and alone: fed with the other network's tensors, so that only what this layer does is seen. Alone, a layer is at
/// fault when it is off by more than is explained: two float networks by 1e-4 of the tensor's size; two int8 files of the same
/// scales by a bit; else by 6 deviations of the noise that rounding its operands, weights and output makes, in the channel
/// that is worst or in the whole tensor. The channels that quantization has enlarged are brought back to size first, by factors
/// fitted to the tensors and held against the weights of the layer that reads them. A network that has learned in int8 (--qat) is
/// another one than its float form, and its layers are off by more; so may be one whose weights were chosen by a handful of images.
///
/// Exit 0 whatever the networks are like, unless --gate is not met.
///
/// With --json: a, b, images, rule (float, bits, rounding), first_fault and largest (numbers of layers, or null), parting (null, or
/// layer, a and b: where the structures part; layers from there on are not compared), mean_cosine and least_cosine of the
/// embeddings, and layers: layer, name, op, shape, cosine and sqnr_db as the networks run, own_cosine, own_sqnr_db, own_error
/// (over what is allowed; in bits, in steps of the scale), own_error_channel, fault. A ratio of null is infinite: no noise.
#[derive(clap::Args)]
pub(crate) struct DiffArgs {
    /// A run's folder, an ONNX file or an .afm file.
    #[arg(value_name = "RUN|F.onnx|F.afm")]
    a: PathBuf,
    /// Another one, of any kind.
    #[arg(value_name = "RUN|F.onnx|F.afm")]
    b: PathBuf,
    #[command(flatten)]
    pixels: PixelArgs,
    /// Faces of the networks' size: folders or tars with one directory a person, .rec, .parquet.
    #[arg(long, value_delimiter = ',', required = true, value_name = "A[,B]")]
    images: Vec<PathBuf>,
    /// Faces used, evenly spaced over all of them; all their tensors are held in memory, 20 MB a face for a MobileFaceNet.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=256))]
    count: u32,
    /// Exit 1 when the mean cosine of the embeddings is below this.
    #[arg(long, value_name = "COSINE", value_parser = cosine)]
    gate: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Named<'a> {
    a: &'a Path,
    b: &'a Path,
    #[serde(flatten)]
    report: &'a Report,
}

/// Runs the command.
pub(crate) fn run(args: &DiffArgs) -> Result<(), Failure> {
    let pixels = args.pixels.normalisation()?;
    let open = |path: &Path| -> Result<Model, ModelError> { Model::open(path, pixels) };
    let (a, b) = (open(&args.a)?, open(&args.b)?);
    let source = Source::open(&args.images)?;
    let load = |index| source.load_of_size(index, a.input_size());
    let faces = spaced(source.images().len(), args.count as usize, 0, load)?;
    let images: Vec<&[u8]> = faces.iter().map(|face| &face.rgb[..]).collect();
    let report = compare(&a, &b, &images)?;
    match args.json {
        true => output::json(&Named { a: &args.a, b: &args.b, report: &report })?,
        false => output::line(&text(&report))?,
    }
    let cosine = report.mean_cosine.unwrap_or(f64::NEG_INFINITY);
    match args.gate {
        Some(gate) if cosine < gate => Err(Failure::Check(format!(
            "the mean cosine of the embeddings is {cosine:.4}, below the gate of {gate}"
        ))),
        _ => Ok(()),
    }
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!(
        "{:>5}  {:<28} {:<20} {:>12} {:>9} {:>7} {:>7} {:>9}",
        "layer", "name", "operation", "tensor", "cosine", "dB", "own dB", "own error"
    )];
    lines.extend(report.layers.iter().map(row));
    if let Some(parting) = &report.parting {
        lines.push(format!("structures part at layer {}:", parting.layer));
        lines.push(format!("  A  {}", parting.a));
        lines.push(format!("  B  {}", parting.b));
    }
    lines.push(match report.rule {
        Rule::Float => "own error: of a layer alone, in units of 1e-4 of its tensor".to_owned(),
        Rule::Bits => {
            "own error: of a layer alone, in steps of its scale; both should be equal".to_owned()
        }
        Rule::Rounding => {
            "own error: of a layer alone, in units of 6 deviations of what rounding explains"
                .to_owned()
        }
    });
    let said = |at: Option<usize>| at.and_then(|at| report.layers.get(at)).map(words);
    lines.push(match said(report.first_fault) {
        Some(words) => format!("first fault: {words}"),
        None => format!("first fault: none in {} layers", report.layers.len()),
    });
    if let Some(words) = said(report.largest).filter(|_| report.largest != report.first_fault) {
        lines.push(format!("largest own error: {words}"));
    }
    lines.push(match (report.mean_cosine, report.least_cosine) {
        (Some(mean), Some(least)) => format!(
            "cosine of the embeddings of {} images: mean {mean:.6}, least {least:.6}",
            report.images
        ),
        _ => "the embeddings have different lengths".to_owned(),
    });
    lines.join("\n")
}

fn row(layer: &LayerDifference) -> String {
    let [height, width, channels] = layer.shape;
    format!(
        "{:>5}  {:<28} {:<20} {:>12} {:>9.6} {:>7.1} {:>7.1} {:>9} {}",
        layer.layer,
        output::short(&layer.name, 28),
        layer.op,
        format!("{height}x{width}x{channels}"),
        layer.cosine,
        layer.sqnr_db,
        layer.own_sqnr_db,
        number(layer.own_error),
        if layer.fault { "<- fault" } else { "" }
    )
    .trim_end()
    .to_owned()
}

fn words(layer: &LayerDifference) -> String {
    format!(
        "layer {}, {} ({}): alone, its tensor is off by {:.1} dB and its own error is {}, worst in channel {}",
        layer.layer,
        layer.name,
        layer.op,
        layer.own_sqnr_db,
        number(layer.own_error),
        layer.own_error_channel
    )
}

/// Three digits, whatever the size.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if !(1e-3..1e5).contains(&value) => format!("{value:.1e}"),
        value if value < 10.0 => format!("{value:.3}"),
        value => format!("{value:.0}"),
    }
}
