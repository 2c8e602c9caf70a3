//! `data overlap`.

use super::embed;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::data::Source;
use crate::data::clean::Centres;
use crate::data::overlap::{by_centre, by_file, by_name};
use crate::model::Model;
use serde::Serialize;
use std::path::PathBuf;

/// Findings of each kind that are printed; --json has all.
const SHOWN: usize = 20;

/// Looks for persons and photographs of a test set in a training set.
///
/// Persons by name, photographs by equal files and, with --model, persons by the cosine of their centres. Exit code 1 when
/// something is in both. With --json: names (test, train), files (test, train), centres (test, train, cosine).
#[derive(clap::Args)]
pub(crate) struct OverlapArgs {
    /// Training data.
    #[arg(long, value_delimiter = ',', required = true, value_name = "A[,B]")]
    train: Vec<PathBuf>,
    /// Test data.
    #[arg(long, value_delimiter = ',', required = true, value_name = "B[,C]")]
    test: Vec<PathBuf>,
    /// Compare embeddings too: a run's folder (float) or an .afm file (int8).
    #[arg(long, value_name = "RUN|F.afm")]
    model: Option<PathBuf>,
    /// Cosine of two centres from which they count as one person.
    #[arg(long, value_name = "COSINE", default_value_t = 0.7)]
    cosine: f32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Overlap {
    names: Vec<Shared>,
    files: Vec<Shared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    centres: Option<Vec<Shared>>,
}

/// What is in both: a person's or image's names.
#[derive(Serialize)]
struct Shared {
    test: String,
    train: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine: Option<f32>,
}

/// Runs the command.
pub(crate) fn run(args: &OverlapArgs) -> Result<(), Failure> {
    let model = args.model.as_deref().map(|path| Model::open(path, None)).transpose()?;
    let (train, test) = (Source::open(&args.train)?, Source::open(&args.test)?);
    let person = |source: &Source, person: usize| source.identities()[person].clone();
    let persons =
        |(b, a)| Shared { test: person(&test, b), train: person(&train, a), cosine: None };
    let images = |(b, a)| Shared {
        test: test.path(b).to_owned(),
        train: train.path(a).to_owned(),
        cosine: None,
    };
    let names = by_name(&train, &test).into_iter().map(persons).collect();
    let bar = Progress::new("reading", train.images().len() + test.images().len());
    let files = by_file(&train, &test, || bar.step())?.into_iter().map(images).collect();
    bar.finish();
    let centres = match &model {
        Some(model) => {
            let (a, b) = (centres(model, &train)?, centres(model, &test)?);
            let found = by_centre(&a, &b, test.identities().len(), args.cosine).into_iter();
            let shared = |(b, a, cosine)| Shared { cosine: Some(cosine), ..persons((b, a)) };
            Some(found.map(shared).collect())
        }
        None => None,
    };
    let overlap = Overlap { names, files, centres };
    if args.json {
        output::json(&overlap)?;
    } else {
        output::line(&text(&overlap))?;
    }
    let found = [&overlap.names, &overlap.files].into_iter().chain(&overlap.centres);
    if found.map(Vec::len).sum::<usize>() == 0 {
        return Ok(());
    }
    Err(Failure::Check("the test shares persons or photographs with the training data".to_owned()))
}

fn centres(model: &Model, source: &Source) -> Result<Centres, Failure> {
    let images: Vec<usize> = (0..source.images().len()).collect();
    let rows = embed(model, source, &images)?;
    let mut members = vec![Vec::new(); source.identities().len()];
    for (index, image) in source.images().iter().enumerate() {
        members[image.identity].push(index);
    }
    Ok(Centres::of(&rows, &members))
}

fn text(overlap: &Overlap) -> String {
    let mut lines = Vec::new();
    for (what, found) in [
        ("persons of one name", Some(&overlap.names)),
        ("equal files", Some(&overlap.files)),
        ("persons with near centres", overlap.centres.as_ref()),
    ] {
        let Some(found) = found else {
            continue;
        };
        lines.push(format!("{:>6} {what}", found.len()));
        lines.extend(found.iter().take(SHOWN).map(|Shared { test, train, cosine }| {
            let cosine = cosine.map(|cosine| format!(" ({cosine:.3})")).unwrap_or_default();
            format!("         {test} = {train}{cosine}")
        }));
        if found.len() > SHOWN {
            lines.push(format!("         and {} more (--json)", found.len() - SHOWN));
        }
    }
    lines.join("\n")
}
