//! `train`: photographs to a run.

use super::failure::Failure;
use super::loss::LossArgs;
use super::output;
use super::progress::Progress;
use super::ranks::RankArgs;
use super::watch::{HeldBack, Watched, stop_on_signals};
use crate::data::{Augment, Dataset, Source, TrainingSet};
use crate::device::{Choice, Place};
use crate::graph::{Graph, Normalisation};
use crate::model::FloatModel;
use crate::net::{BatchNorm, NetworkConfig, OutputSetting, Stem};
use crate::ranks::Ranks;
use crate::train::{
    Checkpoint, Distillation, Fitted, Role, RunConfig, RunFolder, Schedule, TrainConfig, Trainer,
    Verification, fit, from_class_means, imported_settings, prepare,
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
    /// mobilefacenet, mobilefacenet-512, or a residual network of the ArcFace paper: ir18, ir34, ir50, ir100
    /// [default: mobilefacenet]. Or an ONNX file with an embedding network, which learns on from its own weights; normalization is
    /// folded into its convolutions and stays as it is (frozen), and new class centres begin in the mean directions of their faces.
    #[arg(long, value_name = "NAME|F.onnx")]
    network: Option<String>,
    /// What the images of an ONNX file in --network are: order, mean and deviation a channel in pixel units.
    #[arg(long, value_name = "rgb|bgr,MEAN[/MEAN/MEAN],DEVIATION[/..]", requires = "network")]
    network_input: Option<Normalisation>,
    /// How the last layers make the embedding [default: gdc for mobilefacenet, E for the others].
    #[arg(long)]
    output_setting: Option<OutputSetting>,
    /// First layers of a residual network [default: l].
    #[arg(long)]
    stem: Option<Stem>,
    /// End every block in a squeeze-and-excitation gate.
    #[arg(long)]
    squeeze_excite: bool,
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
    /// Images a step, of all ranks together [default: 64].
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
    /// Where to compute. `auto` takes a GPU if the program was built for GPUs (features gpu: vulkan, cuda) and finds one, else the
    /// CPU.
    #[arg(long, default_value = "auto")]
    device: Choice,
    /// Where all random choices start: equal seeds give equal runs [default: 1].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Equal parts that a batch, or a rank's share of it, is learned in, for batches that do not fit into memory [default: 1].
    #[arg(long, value_name = "PARTS")]
    accumulate: Option<usize>,
    /// Whose mean and variance normalization takes: the batch's (each part's and each rank's its own), the running ones of the
    /// network of --init, frozen as they are, or synced, the batch's over all ranks [default: batch; an ONNX file's is frozen].
    #[arg(long)]
    batch_norm: Option<BatchNorm>,
    /// Also keep the network averaged over its steps, with this weight of the past, as 0.999; it is what the run gives.
    #[arg(long, value_name = "WEIGHT")]
    average: Option<f64>,
    /// Start from another run's network, with new class centres.
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Pairs of faces held back from training, to measure accuracy on; the best network is kept as best.safetensors.
    #[arg(long, value_name = "P", requires = "verify_data")]
    verify_pairs: Option<PathBuf>,
    /// Where those faces are.
    #[arg(long, value_delimiter = ',', value_name = "A[,B]", requires = "verify_pairs")]
    verify_data: Vec<PathBuf>,
    /// Steps between measurements [default: an epoch].
    #[arg(long, value_name = "STEPS", requires = "verify_pairs")]
    verify_every: Option<u64>,
    /// Steps between checkpoints [default: 200].
    #[arg(long, value_name = "STEPS")]
    checkpoint_every: Option<u64>,
    /// Go on with the run in --out.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    ranks: RankArgs,
    /// Each rank holds its share of the class centres and learns it from all ranks' images: for 10^5 identities and more. When a
    /// rank is lost, the run goes on from its last checkpoint.
    #[arg(long, requires = "ranks", help_heading = "Several ranks")]
    shard_centres: bool,
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

/// What training came to.
#[derive(Serialize)]
struct TrainSummary {
    run: PathBuf,
    steps: u64,
    classes: usize,
    images: usize,
    /// Mean of the last hundred steps.
    loss: Option<f64>,
    device: String,
    images_per_second: f64,
    /// Of the steps alone, without waiting for batches.
    step_images_per_second: f64,
    /// Share of the time that was waited for batches.
    waiting: f64,
    skipped_steps: usize,
}

/// Runs the command.
pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let place = Place::open(args.device)?;
    let started =
        if args.resume { Started::resumed(args, &place)? } else { Started::fresh(args, &place)? };
    let Started { folder, ranks, config, dataset, held_back } = started;
    let begun = folder.as_ref().filter(|folder| folder.has_checkpoint());
    let checkpoint = begun.map(RunFolder::checkpoint).transpose()?;
    let first = checkpoint.as_ref().map_or(0, |c| c.step);
    let kept = match &folder {
        Some(_) => format!("checkpoints in {}", args.out.display()),
        None => "rank 0 keeps the run".to_owned(),
    };
    eprintln!(
        "{} identities, {} images, {} steps of {} on {place}; {kept}",
        config.classes, config.images, config.train.steps, config.train.batch
    );
    let start = Instant::now();
    let mut watched = Watched::new(&config, first, |_, _| ());
    watched.held_back = held_back;
    stop_on_signals(&watched.stop)?;
    let role = Role { folder: folder.as_ref(), ranks, device: place.device };
    let fitted = fit(dataset, role, &config, checkpoint.as_ref(), &mut watched)?;
    let pace = watched.pace;
    watched.finish();
    if let Fitted::Stopped { step } = fitted {
        let among = args.ranks.again();
        return Err(Failure::Check(format!(
            "stopped after {step} of {} steps; all of them are saved. Go on with: host-train train --resume --out {}{among}",
            config.train.steps,
            args.out.display()
        )));
    }
    let Some(folder) = folder else {
        eprintln!("rank {}: all steps are done; rank 0 has the run", args.ranks.rank());
        return Ok(());
    };
    let reports = folder.reports()?;
    let last: Vec<f64> = reports.iter().rev().take(100).filter_map(|r| r.loss).collect();
    let summary = TrainSummary {
        run: args.out.clone(),
        steps: config.train.steps,
        classes: config.classes,
        images: config.images,
        loss: (!last.is_empty()).then(|| last.iter().sum::<f64>() / last.len() as f64),
        device: place.name,
        images_per_second: pace.images as f64 / start.elapsed().as_secs_f64(),
        step_images_per_second: pace.images as f64 / pace.learning.as_secs_f64(),
        waiting: pace.waiting.as_secs_f64() / (pace.waiting + pace.learning).as_secs_f64(),
        skipped_steps: reports.iter().filter(|r| r.skipped).count(),
    };
    if args.json {
        return output::json(&summary);
    }
    let loss = summary.loss.map_or("none".to_owned(), |loss| format!("{loss:.3}"));
    output::line(&format!(
        "{}: {} steps, loss {loss}, {:.1} images/s (steps alone {:.1}, {:.0} % of the time waiting for images), {} steps left out",
        summary.run.display(),
        summary.steps,
        summary.images_per_second,
        summary.step_images_per_second,
        100.0 * summary.waiting,
        summary.skipped_steps
    ))
}

/// A run that can begin.
struct Started {
    /// Rank 0's alone.
    folder: Option<RunFolder>,
    ranks: Arc<Ranks>,
    config: RunConfig,
    dataset: Arc<dyn Dataset>,
    held_back: Option<HeldBack>,
}

impl Started {
    fn fresh(args: &TrainArgs, place: &Place) -> Result<Self, Failure> {
        let dataset = training_set(&args.data, args.manifest.as_deref())?;
        let imported = imported(args)?;
        let mut train = settings(args, imported.as_deref())?;
        let four_epochs = 4 * (dataset.len() / train.batch.max(1)).max(1) as u64;
        train.steps = steps(args, &train, dataset.len()).unwrap_or(four_epochs);
        train.warm_up = args.warm_up.unwrap_or((train.steps / 10).min(1000));
        train.check()?;
        let mut config = RunConfig {
            classes: dataset.class_count(),
            images: dataset.len(),
            data: args.data.clone(),
            manifest: args.manifest.clone(),
            command: super::command_line(),
            verification: None,
            imported,
            train,
        };
        watch(&mut config, args);
        let trained = args.init.is_some() || config.imported.is_some();
        if config.train.batch_norm == BatchNorm::Frozen && !trained {
            return Err(Failure::Input(
                "--batch-norm frozen keeps the statistics of a trained network: give one with --init RUN or --network F.onnx"
                    .to_owned(),
            ));
        }
        prepare(&config, dataset.as_ref(), args.ranks.count(), &place.device)?;
        if args.ranks.rank() > 0 {
            let ranks = args.ranks.meet(&config)?;
            return Ok(Self { folder: None, ranks, config, dataset, held_back: None });
        }
        let held_back = held_back(&config)?;
        let begin = begin(args.init.as_deref(), &config, dataset.as_ref())?;
        let ranks = args.ranks.meet(&config)?;
        let folder = RunFolder::create(&args.out, &config)?;
        if let Some(checkpoint) = begin {
            folder.save(&checkpoint)?;
        }
        Ok(Self { folder: Some(folder), ranks, config, dataset, held_back })
    }

    fn resumed(args: &TrainArgs, place: &Place) -> Result<Self, Failure> {
        if args.ranks.rank() > 0 {
            return Err(Failure::Input(format!(
                "rank {} goes on from where rank 0 does: give --resume to rank 0 alone, and to the others the command that the run \
                 began with",
                args.ranks.rank()
            )));
        }
        let fixed = [
            ("--network", args.network.is_some()),
            ("--network-input", args.network_input.is_some()),
            ("--output-setting", args.output_setting.is_some()),
            ("--stem", args.stem.is_some()),
            ("--squeeze-excite", args.squeeze_excite),
            ("--input", args.input.is_some()),
            ("--base-channels", args.base_channels.is_some()),
            ("--batch", args.batch.is_some()),
            ("--schedule", args.schedule.is_some()),
            ("--augment", args.augment.is_some()),
            ("--teacher", args.teacher.is_some()),
            ("--seed", args.seed.is_some()),
            ("--accumulate", args.accumulate.is_some()),
            ("--batch-norm", args.batch_norm.is_some()),
            ("--average", args.average.is_some()),
            ("--shard-centres", args.shard_centres),
            ("--checkpoint-every", args.checkpoint_every.is_some()),
        ];
        let config = args.out.join("config.json");
        refuse(fixed.into_iter().chain(args.loss.given()), || {
            format!("--resume: the run has begun with its own, in {}", config.display())
        })?;
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
        watch(&mut config, args);
        prepare(&config, dataset.as_ref(), args.ranks.count(), &place.device)?;
        let held_back = held_back(&config)?;
        let ranks = args.ranks.meet(&config)?;
        folder.save_config(&config)?;
        Ok(Self { folder: Some(folder), ranks, config, dataset, held_back })
    }
}

/// Where a new run begins, if not with new numbers alone.
fn begin(
    init: Option<&Path>,
    config: &RunConfig,
    dataset: &dyn Dataset,
) -> Result<Option<Checkpoint>, Failure> {
    if let Some(run) = init {
        return Ok(Some(initial(run, config)?));
    }
    // Without a margin loss, labels are not looked at.
    let labels_count = config.train.distillation.as_ref().is_none_or(|d| d.margin > 0.0);
    let Some(graph) = config.imported.as_deref().filter(|_| labels_count) else {
        return Ok(None);
    };
    let bar = Progress::new("class centres", dataset.len());
    let start = from_class_means(config, graph, dataset, &|| bar.step())?;
    bar.finish();
    Ok(Some(start))
}

/// The start of a run that takes its network from the last checkpoint of another; its class centres are its own.
fn initial(run: &Path, config: &RunConfig) -> Result<Checkpoint, Failure> {
    let (folder, _) = RunFolder::open(run)?;
    let network =
        folder.checkpoint()?.finished().into_iter().filter(|(n, _)| n.starts_with("network."));
    let trainer = Trainer::new(config.train.clone(), config.classes)?;
    let mut start = trainer.checkpoint();
    start.parameters.extend(network);
    // Also finds a network of another kind now, before the run's folder exists.
    trainer.resumed(&start)?;
    Ok(start)
}

fn held_back(config: &RunConfig) -> Result<Option<HeldBack>, Failure> {
    config.verification.as_ref().map(HeldBack::open).transpose()
}

/// Takes over what the command line says of faces held back.
fn watch(config: &mut RunConfig, args: &TrainArgs) {
    if let Some(pairs) = &args.verify_pairs {
        let an_epoch = (config.images / config.train.batch.max(1)) as u64;
        let every = args.verify_every.unwrap_or(an_epoch).max(1);
        let (data, pairs) = (args.verify_data.clone(), pairs.clone());
        config.verification = Some(Verification { data, pairs, every });
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

/// Refuses the first of some flags that is given, with what it can't be given with, and why.
fn refuse<'a>(
    mut flags: impl Iterator<Item = (&'a str, bool)>,
    with: impl Fn() -> String,
) -> Result<(), Failure> {
    match flags.find(|(_, given)| *given) {
        Some((name, _)) => Err(Failure::Input(format!("{name} can't be given with {}", with()))),
        None => Ok(()),
    }
}

/// The network in --network's file, folded, if it is a file.
fn imported(args: &TrainArgs) -> Result<Option<Arc<Graph>>, Failure> {
    let path = args.network.as_deref().map(Path::new);
    let Some(path) = path.filter(|path| path.extension().is_some_and(|e| e == "onnx")) else {
        refuse([("--network-input", args.network_input.is_some())].into_iter(), || {
            "a network of the trainer's own: it says what the images of an ONNX file are".to_owned()
        })?;
        return Ok(None);
    };
    let own = [
        ("--output-setting", args.output_setting.is_some()),
        ("--stem", args.stem.is_some()),
        ("--squeeze-excite", args.squeeze_excite),
        ("--input", args.input.is_some()),
        ("--base-channels", args.base_channels.is_some()),
        ("--init", args.init.is_some()),
    ];
    refuse(own.into_iter(), || {
        format!("--network {}: the file says what its layers and weights are", path.display())
    })?;
    let pixels = args.network_input.ok_or_else(|| {
        Failure::Input(format!(
            "{} does not say what its pixels must be: give --network-input, as its authors state them",
            path.display()
        ))
    })?;
    Ok(Some(Arc::new(FloatModel::import(path, pixels)?.graph)))
}

fn network(args: &TrainArgs) -> Result<NetworkConfig, Failure> {
    let mut network = NetworkConfig::named(args.network.as_deref().unwrap_or("mobilefacenet"))?;
    network.input = args.input.unwrap_or(network.input);
    network.base_channels = args.base_channels.unwrap_or(network.base_channels);
    network.output = args.output_setting.unwrap_or(network.output);
    network.stem = args.stem.unwrap_or(network.stem);
    network.squeeze_excite = args.squeeze_excite;
    if network.output == OutputSetting::A {
        // The pooled channels are the embedding.
        network.embedding = network.features();
    }
    Ok(network)
}

/// Settings of a fresh run but for its length.
fn settings(args: &TrainArgs, imported: Option<&Graph>) -> Result<TrainConfig, Failure> {
    let defaults = TrainConfig::default();
    let (network, batch_norm) = match imported {
        Some(graph) => (imported_settings(graph)?, BatchNorm::Frozen),
        None => (network(args)?, defaults.batch_norm),
    };
    let (loss, head) = args.loss.config()?;
    let distillation = args.teacher.as_deref().map(|teacher| distillation(args, teacher));
    Ok(TrainConfig {
        network,
        loss,
        head,
        distillation: distillation.transpose()?,
        batch: args.batch.unwrap_or(defaults.batch),
        accumulate: args.accumulate.unwrap_or(defaults.accumulate),
        batch_norm: args.batch_norm.unwrap_or(batch_norm),
        average: args.average.unwrap_or(defaults.average),
        shard_centres: args.shard_centres,
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
