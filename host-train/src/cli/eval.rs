//! `eval`: how well a model tells people apart.

use super::failure::Failure;
use super::output;
use super::pixels::PixelArgs;
use super::progress::Progress;
use crate::data::{Pairs, Source};
use crate::evaluate::{AllPairsSummary, ComparisonRow, PairsSummary, Rates, comparison_text};
use crate::model::Model;
use crate::verify::{self, EmbeddedFaces};
use serde::Serialize;
use std::path::PathBuf;

/// Measures a float run or an int8 model on labelled faces.
///
/// With --json: pairs, accuracy, accuracy_std, threshold, tar, eer, auc, ms_per_image, model_id; with --all-pairs:
/// genuine, impostor, tar, rank1, eer, auc, ms_per_image, model_id. `tar` has a key for every false-accept rate that the
/// impostor pairs resolve ("1e-2", "1e-3", ..); `thresholds` says from which cosine that rate accepts,
/// `accepted_impostors` how many pairs it really let through, and `far_bounds` below what the true rate is with 95 % (Clopper
/// and Pearson, as if no two pairs shared a face).
#[derive(clap::Args)]
pub(crate) struct EvalArgs {
    /// A run's folder or an ONNX file (float), or an .afm file (int8).
    #[arg(long, value_name = "RUN|F.onnx|F.afm")]
    model: PathBuf,
    #[command(flatten)]
    pixels: PixelArgs,
    /// Faces of the network's size: folders or tars with one directory a person, .rec, .parquet.
    #[arg(long, value_delimiter = ',', value_name = "A[,B]")]
    data: Vec<PathBuf>,
    /// A pair list: LFW's pairs.txt, or CSV with the columns fold,a,b,same; or a .bin, which holds its images itself and
    /// needs no --data.
    #[arg(
        long,
        value_name = "P",
        conflicts_with = "all_pairs",
        required_unless_present = "all_pairs"
    )]
    pairs: Option<PathBuf>,
    /// Every pair of images instead, people being the directories, and rank-1 search.
    #[arg(long)]
    all_pairs: bool,
    /// Add the mirror image's embedding to each, as papers do; a door does not.
    #[arg(long)]
    flip: bool,
    /// Measure this int8 file too, and print both side by side; with --json a list of both, --model's first.
    #[arg(long, value_name = "F.afm")]
    beside: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let mut models = vec![Model::open(&args.model, args.pixels.normalisation()?)?];
    if let Some(path) = &args.beside {
        models.push(Model::open(path, None)?);
        if !matches!(models.as_slice(), [Model::Float { .. }, Model::Int8(_)]) {
            let text = "--beside compares a run's folder or an ONNX file (--model) with an .afm file (--beside)";
            return Err(Failure::Input(text.to_owned()));
        }
    }
    let source = match (&args.pairs, args.data.is_empty()) {
        (Some(pairs), true) if Pairs::hold_images(pairs) => {
            Source::open(core::slice::from_ref(pairs))?
        }
        (_, true) => return Err(Failure::Input("give the faces with --data".to_owned())),
        _ => Source::open(&args.data)?,
    };
    match &args.pairs {
        Some(path) => {
            let pairs = Pairs::read(path, &source)?;
            let measure = |model: &Model| evaluate_pairs(model, &source, &pairs, args.flip);
            show(&models, args.json, measure, pairs_text, PairsSummary::compare)
        }
        None => {
            let measure = |model: &Model| evaluate_all(model, &source, args.flip);
            show(&models, args.json, measure, all_pairs_text, AllPairsSummary::compare)
        }
    }
}

/// Measures one model or two, and prints the figures of the one or the comparison of both.
fn show<S: Serialize>(
    models: &[Model],
    json: bool,
    measure: impl Fn(&Model) -> Result<S, Failure>,
    text: impl Fn(&S) -> String,
    compare: impl Fn(&S, &S) -> Vec<ComparisonRow>,
) -> Result<(), Failure> {
    let summaries = models.iter().map(measure).collect::<Result<Vec<S>, _>>()?;
    match summaries.as_slice() {
        [one] if json => output::json(one),
        all if json => output::json(&all),
        [float, int8] => output::line(&comparison_text(&compare(float, int8))),
        all => all.iter().try_for_each(|one| output::line(&text(one))),
    }
}

fn evaluate_pairs(
    model: &Model,
    source: &Source,
    pairs: &Pairs,
    flip: bool,
) -> Result<PairsSummary, Failure> {
    let bar = Progress::new("embedding", verify::images(pairs).len());
    let summary = verify::listed(model, source, pairs, flip, || bar.step())?;
    bar.finish();
    Ok(summary)
}

fn evaluate_all(model: &Model, source: &Source, flip: bool) -> Result<AllPairsSummary, Failure> {
    let size = model.input_size();
    let count = source.images().len();
    let bar = Progress::new("embedding", count);
    let load = |i: usize| source.load_of_size(i, size);
    let faces = EmbeddedFaces::new(model, count, flip, load, || bar.step())?;
    bar.finish();
    let identities: Vec<usize> = source.images().iter().map(|image| image.identity).collect();
    Ok(faces.all_pairs(&identities)?.0)
}

fn pairs_text(s: &PairsSummary) -> String {
    let mut lines = vec![
        format!("model      {}", s.model_id),
        format!("pairs      {} ({} genuine, {} impostor)", s.pairs, s.genuine, s.impostor),
        format!("accuracy   {:.2} % +- {:.2}", 100.0 * s.accuracy, 100.0 * s.accuracy_std),
        format!("threshold  {:.4} cosine", s.threshold),
    ];
    lines.extend(rates_text(&s.rates));
    lines.join("\n")
}

fn all_pairs_text(s: &AllPairsSummary) -> String {
    let mut lines = vec![
        format!("model      {}", s.model_id),
        format!("pairs      {} genuine, {} impostor", s.genuine, s.impostor),
        format!("rank-1     {:.2} %", 100.0 * s.rank1),
    ];
    lines.extend(rates_text(&s.rates));
    lines.join("\n")
}

/// What a network that collapsed is called.
pub(super) const COLLAPSED: &str =
    "every face has nearly the same embedding: this network does not recognise anybody";

fn rates_text(rates: &Rates) -> Vec<String> {
    let Rates {
        tar,
        thresholds,
        accepted_impostors,
        far_bounds,
        eer,
        auc,
        ms_per_image,
        collapsed,
    } = rates;
    // All four have the same keys.
    let accepted = accepted_impostors.values().zip(far_bounds.values());
    let tar = tar.iter().zip(thresholds.values()).zip(accepted);
    let tar = tar.map(|(((far, share), threshold), (impostors, bound))| {
        let share = 100.0 * share;
        format!(
            "TAR@{far}   {share:.2} % from {threshold:.4} cosine ({impostors} impostor pairs accepted; the true rate is below {bound:.1e}, 95 %)"
        )
    });
    let rest = [
        format!("EER        {:.2} %", 100.0 * eer),
        format!("AUC        {auc:.4}"),
        format!("time       {ms_per_image:.2} ms an image, one thread"),
    ];
    let alarm = collapsed.then(|| format!("ALARM      {COLLAPSED}"));
    tar.chain(rest).chain(alarm).collect()
}
