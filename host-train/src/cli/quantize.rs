//! `quantize`: a run to an int8 model file.

use super::failure::Failure;
use super::progress::Progress;
use super::{COMMIT, command_line, output};
use crate::data::{DataError, FaceImage, Source, augment};
use crate::files;
use crate::model::{FloatModel, Model};
use crate::quantize::{
    Calibration, LayerReport, Learning, Options, Provenance, Quantized, arcface_landmarks, quantize,
};
use crate::train::RunConfig;
use clap::ValueEnum;
use model_format::ModelFile;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Makes a run int8 and writes the model file that a door runs.
///
/// Prints how alike float and int8 embeddings are of images beside those that it was calibrated on.
#[derive(clap::Args)]
pub(crate) struct QuantizeArgs {
    /// A run's folder.
    #[arg(long, value_name = "RUN")]
    model: PathBuf,
    #[command(flatten)]
    int8: Int8Args,
}

/// How a float network becomes an int8 file, wherever it comes from.
#[derive(clap::Args)]
pub(super) struct Int8Args {
    /// Faces of the network's size, folders or tars with one directory a person, that show how large activations get: a
    /// few hundred of the kind that the door will see.
    #[arg(long, value_delimiter = ',', required = true, value_name = "A[,B]")]
    pub(super) calibration: Vec<PathBuf>,
    /// Calibration images used, evenly spaced over all of them.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    images: u32,
    /// How activation ranges are chosen.
    #[arg(long, default_value = "mse")]
    method: Method,
    /// Leave the sizes of channels as they are, instead of bringing those of a tensor to one.
    #[arg(long)]
    no_equalise: bool,
    /// Round every weight by itself, instead of choosing weights for the int8 values that they will meet.
    #[arg(long)]
    no_reconstruct: bool,
    /// Batches that the int8 network learns from its float form after it was rounded (quantization-aware training), from all
    /// --calibration images, mirrored at random; a few hundred are enough.
    #[arg(long, default_value_t = 0, value_name = "STEPS")]
    qat: u32,
    /// Images of such a batch.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(2..=4096))]
    qat_batch: u32,
    /// How far a weight moves at most in the first of these batches, in its int8 steps; falls to 0.
    #[arg(long, default_value_t = 0.02, value_parser = rate)]
    qat_rate: f64,
    /// Seed of what such a batch is made of.
    #[arg(long, default_value_t = 0)]
    qat_seed: u64,
    /// Exit 1, and write nothing, when the mean cosine between float and int8 embeddings is below this.
    #[arg(long, value_name = "COSINE", value_parser = cosine)]
    gate: Option<f64>,
    /// Licence of the weights, written into the file.
    #[arg(long, default_value = "not stated")]
    pub(super) licence: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The model file.
    #[arg(long, value_name = "F.afm")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Method {
    /// The whole range that was seen.
    MinMax,
    /// All but the outermost 0.01 % on either side.
    Percentile,
    /// The range with the least expected squared error.
    Mse,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("a rate is above 0 and at most 1".to_owned()),
    }
}

fn cosine(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (-1.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a cosine is between -1 and 1".to_owned()),
    }
}

#[derive(Serialize)]
struct QuantizeSummary {
    out: PathBuf,
    model_id: String,
    bytes: usize,
    arena_bytes: usize,
    calibration_images: usize,
    mean_cosine: f64,
    least_cosine: f64,
    /// Before it learned, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    before_qat: Option<Likeness>,
    layers: Vec<LayerReport>,
}

#[derive(Serialize)]
struct Likeness {
    mean_cosine: f64,
    least_cosine: f64,
}

/// Runs the command.
pub(crate) fn run(args: &QuantizeArgs) -> Result<(), Failure> {
    let (float, config) = FloatModel::open(&args.model)?;
    let name = args.model.file_name().unwrap_or(args.model.as_os_str()).to_string_lossy();
    args.int8.write(float, &provenance(&name, &config, &args.int8.licence))
}

impl Int8Args {
    /// Makes the file, holds it against the gate, and says what it is.
    pub(super) fn write(&self, float: FloatModel, provenance: &Provenance) -> Result<(), Failure> {
        let source = Source::open(&self.calibration)?;
        let [faces, judged] = faces(&float, &source, self.images as usize)?;
        let calibration = match self.method {
            Method::MinMax => Calibration::MinMax,
            Method::Percentile => Calibration::Percentile(99.99),
            Method::Mse => Calibration::Mse,
        };
        let options =
            Options { calibration, equalise: !self.no_equalise, reconstruct: !self.no_reconstruct };
        let size = (float.graph.input.width, float.graph.input.height);
        let bar = Progress::new("learning in int8", self.qat as usize);
        let batch = |step| self.lesson(&source, size, step);
        let learning = Learning {
            steps: self.qat as usize,
            rate: self.qat_rate,
            batch: &batch,
            seen: &|_| bar.step(),
        };
        let learning = (self.qat > 0).then_some(&learning);
        let Int8 { file, before_learning, layers } =
            Int8::make(&float, &faces, &options, learning, provenance)?;
        bar.finish();
        let (model_id, arena_bytes) = (file.view().id().to_string(), file.view().arena_bytes());
        let bytes = file.bytes().to_vec();
        let float = Model::Float(float);
        let (mean, least) = likeness(&float, &Model::Int8(file), &judged)?;
        let before = before_learning.map(|file| likeness(&float, &Model::Int8(file), &judged));
        let before = before.transpose()?;
        if let Some(gate) = self.gate.filter(|gate| mean < *gate) {
            return Err(Failure::Check(format!(
                "mean cosine between float and int8 embeddings is {mean:.4}, below the gate of {gate}: {} was not written",
                self.out.display()
            )));
        }
        files::write_whole(&self.out, &bytes)?;
        let summary = QuantizeSummary {
            out: self.out.clone(),
            model_id,
            bytes: bytes.len(),
            arena_bytes,
            calibration_images: faces.len(),
            mean_cosine: mean,
            least_cosine: least,
            before_qat: before
                .map(|(mean_cosine, least_cosine)| Likeness { mean_cosine, least_cosine }),
            layers,
        };
        if self.json {
            return output::json(&summary);
        }
        let before = before.map_or(String::new(), |(mean, least)| {
            format!(" (before it learned: {mean:.4}, {least:.4})")
        });
        output::line(&format!(
            "{}: {} bytes, arena {} bytes, model id {}\ncosine of float and int8 embeddings of {} other images: mean {mean:.4}, least {least:.4}{before}",
            summary.out.display(),
            summary.bytes,
            summary.arena_bytes,
            summary.model_id,
            summary.calibration_images,
        ))
    }
}

impl Int8Args {
    /// The images of a batch that an int8 network learns from, some of them mirrored.
    fn lesson(
        &self,
        source: &Source,
        size: (usize, usize),
        step: usize,
    ) -> Result<Vec<Vec<u8>>, DataError> {
        let mut random = ChaCha8Rng::seed_from_u64(self.qat_seed);
        random.set_stream(step as u64);
        let mut choose = || (random.random_range(0..source.images().len()), random.random());
        let chosen: Vec<(usize, bool)> = (0..self.qat_batch).map(|_| choose()).collect();
        let load = |&(index, mirrored): &(usize, bool)| {
            let mut face = source.load_of_size(index, size)?;
            if mirrored {
                augment::flip(&mut face.rgb, face.width);
            }
            Ok(face.rgb)
        };
        chosen.par_iter().map(load).collect()
    }
}

/// Up to `most` faces of the source to calibrate on, evenly spaced, all of the network's size; and as many others between
/// them to judge by, where there are any.
fn faces(float: &FloatModel, source: &Source, most: usize) -> Result<[Vec<FaceImage>; 2], Failure> {
    let size = (float.graph.input.width, float.graph.input.height);
    let all = source.images().len();
    let count = most.min(all);
    let spaced = |shift: usize| {
        let face = |i: usize| source.load_of_size((2 * i + shift) * all / (2 * count), size);
        (0..count).map(face).collect::<Result<Vec<_>, _>>()
    };
    Ok([spaced(0)?, spaced(1)?])
}

/// What the model file says about itself.
pub(super) fn provenance(name: &str, config: &RunConfig, licence: &str) -> Provenance {
    let data: Vec<String> = config.data.iter().map(|path| base_name(path)).collect();
    Provenance {
        landmarks: arcface_landmarks(config.train.network.input),
        name: name.to_owned(),
        data: format!(
            "{} identities, {} images: {}",
            config.classes,
            config.images,
            data.join(", ")
        ),
        command: format!("{}; {}", config.command, command_line()),
        seed: config.train.seed,
        commit: COMMIT.to_owned(),
        licence: licence.to_owned(),
    }
}

pub(super) fn base_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// An int8 model fresh from the quantizer.
pub(super) struct Int8 {
    /// The model file.
    pub(super) file: ModelFile,
    /// The same before it learned, where it did.
    before_learning: Option<ModelFile>,
    /// How each operation is stored.
    pub(super) layers: Vec<LayerReport>,
}

impl Int8 {
    /// Quantizes a float model.
    pub(super) fn make(
        float: &FloatModel,
        faces: &[FaceImage],
        options: &Options,
        learning: Option<&Learning<'_>>,
        provenance: &Provenance,
    ) -> Result<Self, Failure> {
        let images: Vec<&[u8]> = faces.iter().map(|face| &face.rgb[..]).collect();
        let Quantized { bytes, before_learning, layers } =
            quantize(&float.graph, &images, options, learning, provenance)?;
        let before_learning = before_learning.map(ModelFile::from_bytes).transpose()?;
        Ok(Self { file: ModelFile::from_bytes(bytes)?, before_learning, layers })
    }
}

/// Mean and least cosine between two models' embeddings of the same faces.
fn likeness(a: &Model, b: &Model, faces: &[FaceImage]) -> Result<(f64, f64), Failure> {
    let bar = Progress::new("comparing", 2 * faces.len());
    let embed = |model: &Model| {
        model.embed_all(faces.len(), false, |i| Ok(faces[i].clone()), || bar.step())
    };
    let (a, b) = (embed(a)?, embed(b)?);
    bar.finish();
    let cosines = a.embeddings.iter().zip(&b.embeddings).map(|(a, b)| cosine_of(a, b));
    let cosines: Vec<f64> = cosines.collect();
    let mean = cosines.iter().sum::<f64>() / cosines.len().max(1) as f64;
    Ok((mean, cosines.into_iter().fold(f64::INFINITY, f64::min)))
}

fn cosine_of(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
