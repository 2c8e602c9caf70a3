//! `train`: photographs to a run.

use super::failure::Failure;
use super::loss::LossArgs;
use super::output;
use super::progress::Progress;
use crate::data::{Augment, Dataset, Source, TrainingSet};
use crate::graph::Normalisation;
use crate::net::NetworkConfig;
use crate::train::{
    Distillation, FaceModel, RunConfig, RunFolder, Schedule, StepReport, TrainConfig, check_data,
    fit,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Trains a network on faces of its size, one directory a person.
///
/// The folder given by --out gets config.json, checkpoint.safetensors and log.jsonl (one line a step). A run that was
/// stopped goes on with `train --resume --out RUN`; of its settings, only --data, --manifest, --learning-rate, --warm-up,
/// --epochs and --steps may then be given anew.
#[derive(clap::Args)]
pub(crate) struct TrainArgs {
    /// Folders or tars with one directory a person, .rec, .parquet.
    #[arg(long, value_delimiter = ',', value_name = "A[,B]", required_unless_present = "resume")]
    data: Vec<PathBuf>,
    /// CSV (tar,path,label,identity) that says which images are used, and under which label.
    #[arg(long, value_name = "CSV")]
    manifest: Option<PathBuf>,
    /// mobilefacenet or mobilefacenet-512 [default: mobilefacenet].
    #[arg(long)]
    network: Option<String>,
    /// Side of the input, pixels [default: 112].
    #[arg(long, value_name = "PIXELS")]
    input: Option<usize>,
    /// Channels of the first layer, all others in proportion [default: 64].
    #[arg(long, value_name = "N")]
    base_channels: Option<usize>,
    #[command(flatten)]
    loss: LossArgs,
    /// Times that every image is seen [default: 4].
    #[arg(long, value_name = "N", conflicts_with = "steps")]
    epochs: Option<u64>,
    /// Batches to learn from instead.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Images a step [default: 64].
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Peak learning rate for a batch of 512; the rate used is in proportion to the batch [default: 0.1].
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Steps over which the rate rises [default: a tenth of the run, at most 1000].
    #[arg(long, value_name = "STEPS")]
    warm_up: Option<u64>,
    /// How the rate falls after that [default: polynomial].
    #[arg(long)]
    schedule: Option<ScheduleName>,
    /// Changes to the faces: none, flip, standard or strong, then settings, as standard,mask=0.1. Up to so many degrees:
    /// rotation; up to such shares: scale, shift, brightness, contrast, saturation; in such shares of the images: blur,
    /// low-resolution, jpeg, occlusion, mask [default: flip].
    #[arg(long, value_name = "PRESET[,NAME=VALUE]")]
    augment: Option<Augment>,
    /// A network to learn from: an ONNX file that takes the same images.
    #[arg(long, value_name = "F.onnx")]
    teacher: Option<PathBuf>,
    /// What the teacher's images are: order, mean and deviation a channel in pixel units [default: rgb,127.5,127.5].
    #[arg(long, value_name = "rgb|bgr,MEAN[/MEAN/MEAN],DEVIATION[/..]", requires = "teacher")]
    teacher_input: Option<Normalisation>,
    /// Weights of cosine, relation and margin loss; at margin 0 labels are not looked at [default: 1,1,0].
    #[arg(long, value_name = "C,R,M", value_delimiter = ',', requires = "teacher")]
    teacher_weights: Option<Vec<f64>>,
    /// Where to compute. `auto` is the fastest that this build has: the CPU.
    #[arg(long, default_value = "auto")]
    device: DeviceName,
    /// Where all random choices start: equal seeds give equal runs [default: 1].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Steps between checkpoints [default: 200].
    #[arg(long, value_name = "STEPS")]
    checkpoint_every: Option<u64>,
    /// Go on with the run in --out.
    #[arg(long)]
    resume: bool,
    /// The run's folder.
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Print JSON when done.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ScheduleName {
    /// A straight line to zero.
    Polynomial,
    /// Half a cosine to zero.
    Cosine,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum DeviceName {
    Auto,
    Cpu,
}

/// What training came to.
#[derive(Serialize)]
struct TrainSummary {
    run: PathBuf,
    steps: u64,
    classes: usize,
    images: usize,
    /// Mean of the last hundred steps.
    loss: Option<f64>,
    images_per_second: f64,
    skipped_steps: usize,
}

/// Runs the command.
pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    // Both names mean the CPU in this build; clap has refused others.
    let (DeviceName::Auto | DeviceName::Cpu) = args.device;
    let started = if args.resume { Started::resumed(args)? } else { Started::fresh(args)? };
    let Started { folder, config, dataset } = started;
    let checkpoint = if folder.has_checkpoint() { Some(folder.checkpoint()?) } else { None };
    let first = checkpoint.as_ref().map_or(0, |c| c.step);
    eprintln!(
        "{} identities, {} images, {} steps of {}; checkpoints in {}",
        config.classes,
        config.images,
        config.train.steps,
        config.train.batch,
        args.out.display()
    );
    let start = Instant::now();
    fit_with_progress(dataset, &folder, &config, checkpoint.as_ref(), |_, _| ())?;
    let done = config.train.steps.saturating_sub(first) * config.train.batch as u64;
    let reports = folder.reports()?;
    let last: Vec<f64> = reports.iter().rev().take(100).filter_map(|r| r.loss).collect();
    let summary = TrainSummary {
        run: args.out.clone(),
        steps: config.train.steps,
        classes: config.classes,
        images: config.images,
        loss: (!last.is_empty()).then(|| last.iter().sum::<f64>() / last.len() as f64),
        images_per_second: done as f64 / start.elapsed().as_secs_f64(),
        skipped_steps: reports.iter().filter(|r| r.skipped).count(),
    };
    if args.json {
        return output::json(&summary);
    }
    let loss = summary.loss.map_or("none".to_owned(), |loss| format!("{loss:.3}"));
    output::line(&format!(
        "{}: {} steps, loss {loss}, {:.1} images/s, {} steps left out",
        summary.run.display(),
        summary.steps,
        summary.images_per_second,
        summary.skipped_steps
    ))
}

/// [`fit`] with a bar, and with the alarm for a network that gives every face the same embedding.
pub(super) fn fit_with_progress(
    dataset: Arc<dyn Dataset>,
    folder: &RunFolder,
    config: &RunConfig,
    resume: Option<&crate::train::Checkpoint>,
    mut observe: impl FnMut(&StepReport, &[f32]),
) -> Result<FaceModel, Failure> {
    let bar = Progress::new("training", config.train.steps as usize);
    let mut alarmed = false;
    let model = fit(dataset, folder, config, resume, |report, angles| {
        let loss = report.loss.map_or("not finite".to_owned(), |loss| format!("{loss:.2}"));
        let angle = |name: &str, angle: Option<f64>| {
            angle.map_or(String::new(), |angle| format!(" {name} {angle:.0}"))
        };
        let (own, teacher) = (angle("angle", report.angle), angle("teacher", report.teacher_angle));
        bar.at(report.step + 1, &format!("loss {loss}{own}{teacher}"));
        if report.collapsed() && !alarmed {
            alarmed = true;
            eprintln!(
                "warning: step {}: embeddings of different faces are nearly the same (mean cosine {:.3}): \
                 lower --learning-rate or lengthen --warm-up",
                report.step, report.similarity
            );
        }
        observe(report, angles);
    })?;
    bar.finish();
    Ok(model)
}

/// A run that can begin.
struct Started {
    folder: RunFolder,
    config: RunConfig,
    dataset: Arc<dyn Dataset>,
}

impl Started {
    fn fresh(args: &TrainArgs) -> Result<Self, Failure> {
        let dataset = training_set(&args.data, args.manifest.as_deref())?;
        let mut train = settings(args)?;
        let four_epochs = 4 * (dataset.len() / train.batch.max(1)).max(1) as u64;
        train.steps = steps(args, &train, dataset.len()).unwrap_or(four_epochs);
        train.warm_up = args.warm_up.unwrap_or((train.steps / 10).min(1000));
        train.check()?;
        let config = RunConfig {
            classes: dataset.class_count(),
            images: dataset.len(),
            data: args.data.clone(),
            manifest: args.manifest.clone(),
            command: super::command_line(),
            train,
        };
        check_data(&config, dataset.as_ref())?;
        let folder = RunFolder::create(&args.out, &config)?;
        Ok(Self { folder, config, dataset })
    }

    fn resumed(args: &TrainArgs) -> Result<Self, Failure> {
        let fixed = [
            ("--network", args.network.is_some()),
            ("--input", args.input.is_some()),
            ("--base-channels", args.base_channels.is_some()),
            ("--batch", args.batch.is_some()),
            ("--schedule", args.schedule.is_some()),
            ("--augment", args.augment.is_some()),
            ("--teacher", args.teacher.is_some()),
            ("--seed", args.seed.is_some()),
            ("--checkpoint-every", args.checkpoint_every.is_some()),
        ];
        let mut fixed = fixed.into_iter().chain(args.loss.given());
        if let Some((name, _)) = fixed.find(|(_, given)| *given) {
            return Err(Failure::Input(format!(
                "{name} can't be given with --resume: the run has begun with its own, in {}",
                args.out.join("config.json").display()
            )));
        }
        let (folder, mut config) = RunFolder::open(&args.out)?;
        if !args.data.is_empty() {
            config.data.clone_from(&args.data);
        }
        if args.manifest.is_some() {
            config.manifest.clone_from(&args.manifest);
        }
        let dataset = training_set(&config.data, config.manifest.as_deref())?;
        let train = &mut config.train;
        train.learning_rate = args.learning_rate.unwrap_or(train.learning_rate);
        train.steps = steps(args, train, dataset.len()).unwrap_or(train.steps);
        train.warm_up = args.warm_up.unwrap_or(train.warm_up);
        train.check()?;
        check_data(&config, dataset.as_ref())?;
        folder.save_config(&config)?;
        Ok(Self { folder, config, dataset })
    }
}

fn training_set(data: &[PathBuf], manifest: Option<&Path>) -> Result<Arc<dyn Dataset>, Failure> {
    let source = Arc::new(Source::open(data)?);
    Ok(Arc::new(match manifest {
        Some(path) => TrainingSet::from_manifest(source, path)?,
        None => TrainingSet::from_folders(source)?,
    }))
}

/// Steps asked for, or none when neither flag is there.
fn steps(args: &TrainArgs, train: &TrainConfig, images: usize) -> Option<u64> {
    let an_epoch = (images / train.batch.max(1)).max(1) as u64;
    args.steps.or(args.epochs.map(|epochs| epochs.saturating_mul(an_epoch)))
}

/// Settings of a fresh run but for its length.
fn settings(args: &TrainArgs) -> Result<TrainConfig, Failure> {
    let defaults = TrainConfig::default();
    let mut network = NetworkConfig::named(args.network.as_deref().unwrap_or("mobilefacenet"))?;
    network.input = args.input.unwrap_or(network.input);
    network.base_channels = args.base_channels.unwrap_or(network.base_channels);
    let (loss, head) = args.loss.config()?;
    let distillation = args.teacher.as_deref().map(|teacher| distillation(args, teacher));
    Ok(TrainConfig {
        network,
        loss,
        head,
        distillation: distillation.transpose()?,
        batch: args.batch.unwrap_or(defaults.batch),
        learning_rate: args.learning_rate.unwrap_or(defaults.learning_rate),
        schedule: match args.schedule {
            Some(ScheduleName::Cosine) => Schedule::Cosine,
            Some(ScheduleName::Polynomial) | None => Schedule::Polynomial { power: 1.0 },
        },
        augment: args.augment.unwrap_or(defaults.augment),
        seed: args.seed.unwrap_or(defaults.seed),
        checkpoint_every: args.checkpoint_every.unwrap_or(defaults.checkpoint_every),
        ..defaults
    })
}

/// What is learned from a teacher, and how much it counts.
fn distillation(args: &TrainArgs, teacher: &Path) -> Result<Distillation, Failure> {
    let (cosine, relation, margin) = match args.teacher_weights.as_deref() {
        None => (1.0, 1.0, 0.0),
        Some(&[cosine, relation, margin]) => (cosine, relation, margin),
        Some(other) => {
            return Err(Failure::Input(format!(
                "--teacher-weights takes three numbers, as 1,1,0; {} were given",
                other.len()
            )));
        }
    };
    let input = args.teacher_input.unwrap_or_default();
    Ok(Distillation { teacher: teacher.to_owned(), input, cosine, relation, margin })
}
