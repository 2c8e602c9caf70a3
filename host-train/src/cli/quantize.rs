//! `quantize`: a run to an int8 model file.

use super::failure::Failure;
use super::gate::{Gate, Held, broken};
use super::likeness::{OutputLikeness, likeness};
use super::plan::PlanArgs;
use super::progress::Progress;
use super::qat::QatArgs;
use super::verdict::{self, VerdictArgs};
use super::{COMMIT, command_line, output};
use crate::data::{DataError, FaceImage, Source};
use crate::files;
use crate::graph::Graph;
use crate::model::{FloatModel, Model, ModelError};
use crate::quantize::{
    Calibration, LayerHarm, LayerReport, Learning, Options, Provenance, Quantized,
    arcface_landmarks, quantize, sensitivity,
};
use crate::train::{RunConfig, Teacher};
use crate::verdict::{JudgedFaces, Verdict};
use clap::ValueEnum;
use model_format::ModelFile;
use model_format::writer::ModelBuilder;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Makes a run int8 and writes the model file that a door runs.
///
/// Prints how alike float and int8 embeddings are of images beside those that it was calibrated on. With --json: out, model_id,
/// bytes, arena_bytes, calibration_images, mean_cosine, least_cosine, layers (name, op, shape, range of each), and with
/// --sensitivity also sensitivity: layer, name, cosine, least_cosine, embedding_sqnr_db, tensor_sqnr_db of each; with --gate: term,
/// limit, found, kept of each; with --verdict: data, images, people, float and int8 (as `eval --all-pairs` prints them; open_set and
/// listed, or null), cosine (mean, p1, least), same_first, thresholds (rate, fmr, cosine, templates, accepted_impostors, bound, tar, tar_of_means) and
/// left_out (rate, reason).
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
    /// few hundred of the kind that the door will see. For a detector, whole frames of any size.
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
    #[command(flatten)]
    qat: QatArgs,
    #[command(flatten)]
    plan: PlanArgs,
    /// Say where int8 hurts: for each layer, what the embedding loses when this layer alone is int8 (in a float simulation of
    /// it), and how noisy its tensor is in the int8 network (by the engine), the most harmful first. On up to 32 of the images
    /// beside those that it was calibrated on; runs the network once more for each layer and image.
    #[arg(long)]
    sensitivity: bool,
    #[command(flatten)]
    verdict: VerdictArgs,
    /// Exit 1, and write nothing but --report, when int8 costs more than this. A number is the least mean cosine between float and int8
    /// embeddings (of the faces of --verdict where there are any; of several outputs, that of the worst). A list as
    /// cosine=0.995,tar=0.3,rank1=0.2 also limits the percentage points by which int8 may be worse on the faces of --verdict:
    /// tar and fnir at every rate that they resolve, or at one (tar@1e-4=0.5), rank1, eer, same-first (searches that find
    /// another image first), and accuracy with --verdict-pairs.
    #[arg(long, value_name = "COSINE|LIST", value_parser = Gate::parse)]
    gate: Option<Gate>,
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
    /// For each tensor that of the others which harms the network's outputs least; it is measured, which takes longer.
    Best,
    /// The whole range that was seen.
    MinMax,
    /// All but the outermost 0.01 % on either side.
    Percentile,
    /// The range that keeps the distribution's shape best (least Kullback-Leibler divergence).
    Entropy,
    /// The range with the least expected squared error.
    Mse,
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
    before_qat: Option<Vec<OutputLikeness>>,
    outputs: Vec<OutputLikeness>,
    layers: Vec<LayerReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitivity: Option<Vec<LayerHarm>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gate: Vec<Held>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

/// Images that each layer's harm is measured on, at most.
const HARM_IMAGES: usize = 32;

/// Runs the command.
pub(crate) fn run(args: &QuantizeArgs) -> Result<(), Failure> {
    let (float, config) = FloatModel::open(&args.model)?;
    let name = args.model.file_name().unwrap_or(args.model.as_os_str()).to_string_lossy();
    let inputs = args.int8.open(&float)?;
    args.int8.write(float, inputs, &provenance(&name, &config, &args.int8.licence))
}

/// Images that a file is made with, and those that it is judged by.
pub(super) struct Inputs {
    pub(super) source: Source,
    teacher: Option<Teacher>,
    judged_by: Option<JudgedFaces>,
}

impl Int8Args {
    /// Opens what the options name, and refuses what does not go together, before any work.
    pub(super) fn open(&self, float: &FloatModel) -> Result<Inputs, Failure> {
        let judged_by = self.verdict.open(&self.calibration, self.gate.as_ref(), float)?;
        let teacher = self.qat.teacher(&float.graph)?;
        Ok(Inputs { source: Source::open(&self.calibration)?, teacher, judged_by })
    }

    /// Makes the file, judges it, holds it against the gate, and says what it is.
    pub(super) fn write(
        &self,
        float: FloatModel,
        inputs: Inputs,
        provenance: &Provenance,
    ) -> Result<(), Failure> {
        let Inputs { source, teacher, judged_by } = inputs;
        let [faces, judged] = faces(&float, &source, self.images as usize)?;
        let calibration: &[Calibration] = match self.method {
            Method::Best => Calibration::ALL,
            Method::MinMax => &[Calibration::MinMax],
            Method::Percentile => &[Calibration::Percentile(99.99)],
            Method::Entropy => &[Calibration::Entropy],
            Method::Mse => &[Calibration::Mse],
        };
        let options =
            Options { calibration, equalise: !self.no_equalise, reconstruct: !self.no_reconstruct };
        let size = (float.graph.input.width, float.graph.input.height);
        let steps = self.qat.steps as usize;
        let bar = Progress::new("learning in int8", steps);
        let batch = |step| self.qat.images(&source, size, step);
        let learning = Learning {
            teacher: teacher.as_ref().map(Teacher::graph),
            steps,
            rate: self.qat.rate,
            batch: &batch,
            seen: &|_| bar.step(),
        };
        let learning = (steps > 0).then_some(&learning);
        let Int8 { file, mut model, before_learning, layers, float: equalised } =
            Int8::make(&float, &faces, &options, learning, provenance)?;
        bar.finish();
        let file = self.plan.apply(&file)?;
        let harms = self.sensitivity.then(|| harms(&equalised, &file, &judged)).transpose()?;
        let outputs = likeness(&float, &file, &judged)?;
        let before_qat =
            before_learning.map(|file| likeness(&float, &file, &judged)).transpose()?;
        let worst = |of: fn(&OutputLikeness) -> f64| outputs.iter().map(of).fold(1.0, f64::min);
        let (mean, least) = (worst(|o| o.mean_cosine), worst(|o| o.least_cosine));
        let (file, measured) = match judged_by {
            None => (file, None),
            Some(faces) => {
                let measured = verdict::judge(&faces, &Model::Float(float), &Model::Int8(file))?;
                let file = verdict::calibrated(&mut model, &measured.verdict)?;
                (self.plan.apply(&file)?, Some(measured))
            }
        };
        let verdict = measured.as_ref().map(|measured| &measured.verdict);
        let cosine = verdict.map_or(mean, |verdict| verdict.cosine.mean);
        let figures = verdict.map_or(Vec::new(), Verdict::figures);
        let held = self.gate.as_ref().map_or(Vec::new(), |gate| gate.hold(cosine, &figures));
        let broken = broken(&held);
        if let Some(measured) = &measured {
            self.verdict.report(measured, &held, &file.view(), &self.out)?;
        }
        if broken.is_none() {
            files::write_whole(&self.out, file.bytes())?;
        }
        let summary = QuantizeSummary {
            out: self.out.clone(),
            model_id: file.view().id().to_string(),
            bytes: file.bytes().len(),
            arena_bytes: file.view().arena_bytes(),
            calibration_images: faces.len(),
            mean_cosine: mean,
            least_cosine: least,
            before_qat,
            outputs,
            layers,
            sensitivity: harms,
            gate: held,
            verdict: measured.map(|measured| measured.verdict),
        };
        // A verdict is worth reading most of all where the gate is not met.
        if broken.is_none() || summary.verdict.is_some() {
            if self.json { output::json(&summary)? } else { output::line(&summary.text())? }
        }
        broken.map_or(Ok(()), |broken| {
            Err(Failure::Check(format!("{broken}: {} was not written", self.out.display())))
        })
    }
}

impl QuantizeSummary {
    /// For a terminal.
    fn text(&self) -> String {
        let mut lines = vec![format!(
            "{}: {} bytes, arena {} bytes, model id {}",
            self.out.display(),
            self.bytes,
            self.arena_bytes,
            self.model_id,
        )];
        let others = self.calibration_images;
        if let [OutputLikeness { sqnr_db, .. }] = &self.outputs[..] {
            lines.push(format!(
                "cosine of float and int8 embeddings of {others} other images: mean {:.4}, least {:.4}; signal over noise {sqnr_db:.1} dB",
                self.mean_cosine, self.least_cosine
            ));
        } else {
            lines.push(format!("float and int8 outputs of {others} other images:"));
            lines.extend(self.outputs.iter().map(|of| {
                format!(
                    "{:<12} signal over noise {:>5.1} dB, largest difference {:.3}, cosine mean {:.4}, least {:.4}",
                    of.name, of.sqnr_db, of.max_error, of.mean_cosine, of.least_cosine
                )
            }));
        }
        lines.extend(self.before_qat.iter().flatten().map(|before| {
            format!(
                "before it learned: mean {:.4}, least {:.4}; signal over noise {:.1} dB",
                before.mean_cosine, before.least_cosine, before.sqnr_db
            )
        }));
        lines.extend(self.verdict.as_ref().map(verdict::text));
        lines.extend(self.sensitivity.as_deref().map(harms_text));
        lines.join("\n")
    }
}

fn harms(float: &Graph, file: &ModelFile, judged: &[FaceImage]) -> Result<Vec<LayerHarm>, Failure> {
    let images = judged.iter().take(HARM_IMAGES).map(|face| &face.rgb[..]);
    let images: Vec<&[u8]> = images.collect();
    let bar = Progress::new("layer by layer", file.view().op_count());
    let harms = sensitivity(float, file, &images, || bar.step())?;
    bar.finish();
    Ok(harms)
}

fn harms_text(harms: &[LayerHarm]) -> String {
    let mut lines = vec![
        "one layer alone in int8 (simulated in float), the most harmful first; its tensor in the int8 network".to_owned(),
        format!(
            "{:>5}  {:<32} {:>11} {:>11} {:>14} {:>11}",
            "layer", "name", "cosine", "least", "embedding dB", "tensor dB"
        ),
    ];
    lines.extend(harms.iter().map(|harm| {
        format!(
            "{:>5}  {:<32} {:>11.6} {:>11.6} {:>14.1} {:>11.1}",
            harm.layer,
            output::short(&harm.name, 32),
            harm.cosine,
            harm.least_cosine,
            harm.embedding_sqnr_db,
            harm.tensor_sqnr_db
        )
    }));
    lines.join("\n")
}

/// Up to `most` images of the source to calibrate on, evenly spaced; and as many others between them to judge by, where there
/// are any. Faces for an embedding network must be of its size; for another, frames of any size are fitted.
fn faces(float: &FloatModel, source: &Source, most: usize) -> Result<[Vec<FaceImage>; 2], Failure> {
    let (width, height) = (float.graph.input.width, float.graph.input.height);
    let embeds = float.is_embedding().map_err(ModelError::Graph)?;
    let load = |index| match embeds {
        true => source.load_of_size(index, (width, height)),
        false => Ok(source.load(index)?.fitted(width, height).0),
    };
    let all = source.images().len();
    Ok([spaced(all, most, 0, load)?, spaced(all, most, 1, load)?])
}

/// Up to `most` of `all` images, evenly spaced; with a `shift` of 1 those in the middle between those of shift 0.
pub(super) fn spaced(
    all: usize,
    most: usize,
    shift: usize,
    load: impl Fn(usize) -> Result<FaceImage, DataError>,
) -> Result<Vec<FaceImage>, DataError> {
    let count = most.min(all);
    (0..count).map(|i| load((2 * i + shift) * all / (2 * count))).collect()
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
    /// What it was written from.
    model: ModelBuilder,
    /// The file before it learned, where it did.
    before_learning: Option<ModelFile>,
    /// How each operation is stored.
    pub(super) layers: Vec<LayerReport>,
    /// The float network that it is of, channels equalised.
    float: Graph,
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
        let Quantized { bytes, model, before_learning, layers, float } =
            quantize(&float.graph, &images, options, learning, provenance)?;
        let before_learning = before_learning.map(ModelFile::from_bytes).transpose()?;
        Ok(Self { file: ModelFile::from_bytes(bytes)?, model, before_learning, layers, float })
    }
}
