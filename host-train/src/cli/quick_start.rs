//! The quick start: the whole path on drawn people, in a few minutes, without data or a network connection.
//!
//! ```text
//! draw 1,200 people ──> train (ArcFace) ──> float ──> int8 model.afm
//! draw 120 others ────────── pairs ──────────┴──────────┴──> report.html
//! ```

mod page;

use super::eval::COLLAPSED;
use super::failure::Failure;
use super::progress::Progress;
use super::quantize::{Int8, provenance};
use super::watch::Watched;
use super::{command_line, output};
use crate::data::synthetic::{Difficulty, DrawnFaces, balanced_pairs};
use crate::data::{Dataset, InMemory};
use crate::evaluate::report::AngleStages;
use crate::evaluate::{PairsSummary, Roc, comparison_text};
use crate::files;
use crate::loss::LossConfig;
use crate::model::{FloatModel, Model};
use crate::quantize::{LayerReport, Options};
use crate::train::{Fitted, RunConfig, RunFolder, SMALL_SCALE, TrainConfig, fit};
use crate::verify::EmbeddedFaces;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// People to learn from and photographs of each; the people that are tested come after them in the same population.
const TRAINED: (u64, usize) = (1200, 8);

/// People that are tested, and photographs of each.
const TESTED: (u64, usize) = (120, 6);

/// Side of a face, pixels. The paper's network takes 112; a quarter of its pixels and of its channels' work is enough here.
const SIDE: usize = 64;

/// Folds of the test's pairs.
const FOLDS: usize = 10;

/// Images that quantization looks at, from the training set.
const CALIBRATION: usize = 256;

/// ArcFace's margin, radians.
const MARGIN: f64 = 0.5;

/// Points of accuracy that int8 may lose.
const ALLOWED_POINTS: f64 = 1.0;

/// Draws people, trains a small network, makes it int8, measures both on other people, writes a report.
///
/// This is what runs when no command is given. With --json: float and int8 (as `eval --pairs` prints them), seconds,
/// model and report.
#[derive(clap::Args)]
pub(crate) struct QuickStartArgs {
    /// Folder for the run, the model and the report [default: runs/quick-start, or the first free of -2, -3, ..].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Another population, another network.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Batches to learn from; fewer for a faster look at the path, at the cost of accuracy.
    #[arg(long, default_value_t = STEPS)]
    steps: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Enough for 95 % and more on people never seen.
const STEPS: u64 = 3000;

impl Default for QuickStartArgs {
    fn default() -> Self {
        Self { out: None, seed: 1, steps: STEPS, json: false }
    }
}

/// Everything that the run found out.
struct Outcome {
    run: RunConfig,
    faces: InMemory,
    float: Scored,
    int8: Scored,
    layers: Vec<LayerReport>,
    losses: Vec<(u64, f64)>,
    angles: AngleStages,
    sizes: Sizes,
    training: Duration,
}

/// What the two networks take.
struct Sizes {
    float_bytes: usize,
    int8_bytes: usize,
    arena_bytes: usize,
    macs: u64,
}

/// One network on the test's pairs.
struct Scored {
    summary: PairsSummary,
    roc: Roc,
}

#[derive(Serialize)]
struct QuickStartSummary<'a> {
    float: &'a PairsSummary,
    int8: &'a PairsSummary,
    seconds: f64,
    model: &'a Path,
    report: &'a Path,
}

/// Runs the command.
pub(crate) fn run(args: &QuickStartArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let out = args.out.clone().unwrap_or_else(first_free);
    let (people, shots) = TRAINED;
    let trained = drawn(args.seed, 0..people, shots)?;
    let tested = drawn(args.seed, people..people + TESTED.0, TESTED.1)?;
    let run = RunConfig {
        train: settings(args),
        classes: trained.class_count(),
        images: trained.len(),
        data: vec![PathBuf::from("drawn faces")],
        manifest: None,
        command: command_line(),
        verification: None,
        imported: None,
    };
    run.train.check()?;
    let folder = RunFolder::create(&out, &run)?;
    let trained = draw("drawing people", &trained)?;
    let tested = draw("drawing strangers", &tested)?;

    let training = Instant::now();
    let mut losses = Vec::new();
    let mut angles = AngleStages::new(run.train.steps);
    let dataset = Arc::new(trained);
    let mut watched = Watched::new(&run, 0, |report, seen| {
        losses.extend(report.loss.map(|loss| (report.step, loss)));
        angles.observe(report.step, seen);
    });
    let fitted = fit(dataset.clone(), &folder, &run, None, &mut watched)?;
    watched.finish();
    let Fitted::Finished(model) = fitted else {
        return Err(Failure::Check("stopped before the end".to_owned()));
    };
    let training = training.elapsed();

    let float = FloatModel::from_trained(&model, &run, "quick start, float".to_owned())?;
    let step = (dataset.len() / CALIBRATION).max(1);
    let calibration: Vec<_> =
        dataset.entries().iter().step_by(step).map(|(face, _)| face.clone()).collect();
    let about = provenance("quick start", &run, "Apache-2.0 OR MIT");
    let Int8 { file, layers, .. } =
        Int8::make(&float, &calibration, &Options::default(), None, &about)?;
    let model_path = out.join("model.afm");
    files::write_whole(&model_path, file.bytes())?;

    let sizes = Sizes {
        float_bytes: float.graph.parameters() as usize * size_of::<f32>(),
        int8_bytes: file.bytes().len(),
        arena_bytes: file.view().arena_bytes(),
        macs: file.view().macs(),
    };
    let outcome = Outcome {
        float: score(&Model::Float(float), &tested)?,
        int8: score(&Model::Int8(file), &tested)?,
        sizes,
        layers,
        faces: tested,
        run,
        losses,
        angles,
        training,
    };
    let report_path = out.join("report.html");
    files::write_whole(&report_path, page::render(&outcome, &out).as_bytes())?;
    tell(args, &outcome, &model_path, &report_path, start.elapsed())?;
    verdict(&outcome)
}

/// `runs/quick-start`, or the first of `runs/quick-start-2`, .. that does not exist: an earlier result is never replaced.
fn first_free() -> PathBuf {
    let first = PathBuf::from("runs/quick-start");
    let others = (2..).map(|n| PathBuf::from(format!("runs/quick-start-{n}")));
    std::iter::once(first).chain(others).find(|path| !path.exists()).unwrap_or_default()
}

fn settings(args: &QuickStartArgs) -> TrainConfig {
    TrainConfig {
        loss: LossConfig::Arcface { m: MARGIN, scale: SMALL_SCALE },
        ..TrainConfig::small(SIDE, args.steps, args.seed)
    }
}

fn drawn(seed: u64, people: core::ops::Range<u64>, shots: usize) -> Result<DrawnFaces, Failure> {
    Ok(DrawnFaces::new(seed, people, shots, SIDE, Difficulty::default())?)
}

fn draw(what: &'static str, drawn: &DrawnFaces) -> Result<InMemory, Failure> {
    let bar = Progress::new(what, drawn.len());
    let held = InMemory::of(drawn, || bar.step())?;
    bar.finish();
    Ok(held)
}

fn score(model: &Model, tested: &InMemory) -> Result<Scored, Failure> {
    let faces = tested.entries();
    let pairs = balanced_pairs(TESTED.0 as usize, TESTED.1, FOLDS);
    let bar = Progress::new("embedding", faces.len());
    let load = |i: usize| Ok(faces[i].0.clone());
    let embedded = EmbeddedFaces::new(model, faces.len(), false, load, || bar.step())?;
    bar.finish();
    let (summary, roc) = embedded.pairs(&pairs)?;
    Ok(Scored { summary, roc })
}

fn tell(
    args: &QuickStartArgs,
    outcome: &Outcome,
    model: &Path,
    report: &Path,
    time: Duration,
) -> Result<(), Failure> {
    let (float, int8) = (&outcome.float.summary, &outcome.int8.summary);
    let seconds = time.as_secs_f64();
    if args.json {
        return output::json(&QuickStartSummary { float, int8, seconds, model, report });
    }
    output::line(&format!(
        "{} pairs of {} drawn people that training never saw:\n\n{}\n",
        int8.pairs,
        TESTED.0,
        comparison_text(&PairsSummary::compare(float, int8))
    ))?;
    output::line(&format!(
        "report  {}\nmodel   {} ({} KiB, arena {} KiB)\ntime    {seconds:.0} s\n\nNext:",
        report.display(),
        model.display(),
        outcome.sizes.int8_bytes / 1024,
        outcome.sizes.arena_bytes / 1024
    ))?;
    for (what, command) in page::next(model) {
        output::line(&format!("  {command}\n      {what}"))?;
    }
    Ok(())
}

/// Whether int8 kept what float had learned.
fn verdict(outcome: &Outcome) -> Result<(), Failure> {
    let (float, int8) = (&outcome.float.summary, &outcome.int8.summary);
    if int8.rates.collapsed {
        return Err(Failure::Check(COLLAPSED.to_owned()));
    }
    let lost = 100.0 * (float.accuracy - int8.accuracy);
    if lost > ALLOWED_POINTS {
        return Err(Failure::Check(format!(
            "int8 accuracy is {:.2} %, float {:.2} %: more than {ALLOWED_POINTS} point is lost",
            100.0 * int8.accuracy,
            100.0 * float.accuracy
        )));
    }
    Ok(())
}
