//! `experiment`: the ArcFace paper's comparisons, as one report.

use super::failure::Failure;
use super::progress::Progress;
use super::{COMMIT, command_line, output};
use crate::experiment::{self, Event, Experiment, Finished, Photographs, Settings};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::Serialize;
use std::cell::RefCell;
use std::path::PathBuf;

/// Repeats the ArcFace paper's figures and tables at this machine's size.
///
/// --out gets report.html, and of each experiment a folder with its pictures (SVG) and numbers (CSV). Runs learn from drawn
/// faces unless photographs are given; equal seeds give equal numbers. `all` takes about an hour on two cores.
#[derive(clap::Args)]
pub(crate) struct ExperimentArgs {
    /// Which.
    #[arg(value_name = "NAME|all")]
    name: Choice,
    /// Batches that each run learns from [default: 600].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    steps: Option<u64>,
    /// Drawn people to learn from [default: 1200].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=10_000_000), conflicts_with = "data")]
    people: Option<u64>,
    /// A look at the path in seconds: a few steps on a few small faces. Its numbers say nothing.
    #[arg(long)]
    tiny: bool,
    /// Photographs to learn from instead: folders or tars with one directory a person.
    #[arg(long, value_delimiter = ',', value_name = "A[,B]", requires = "test")]
    data: Vec<PathBuf>,
    /// CSV (tar,path,label,identity) that says which of them are used, and under which label.
    #[arg(long, value_name = "CSV", requires = "data")]
    manifest: Option<PathBuf>,
    /// Photographs of other people to test on; those whom no pair names are the strangers.
    #[arg(long, value_delimiter = ',', value_name = "A[,B]", requires = "pairs")]
    test: Vec<PathBuf>,
    /// The pair list that is tested, as of `eval`.
    #[arg(long, value_name = "P", requires = "data")]
    pairs: Option<PathBuf>,
    /// Where all random choices start.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the report and the experiments' own folders.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One experiment, or every one.
#[derive(Clone, Copy)]
enum Choice {
    All,
    One(Experiment),
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        const CHOICES: [Choice; Experiment::ALL.len() + 1] = {
            let mut choices = [Choice::All; Experiment::ALL.len() + 1];
            let mut index = 0;
            while index < Experiment::ALL.len() {
                choices[index + 1] = Choice::One(Experiment::ALL[index]);
                index += 1;
            }
            choices
        };
        &CHOICES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::All => Some(PossibleValue::new("all").help("Every one, in this order")),
            Self::One(experiment) => experiment.to_possible_value(),
        }
    }
}

#[derive(Serialize)]
struct Summary {
    report: PathBuf,
    experiments: Vec<ExperimentSummary>,
}

#[derive(Serialize)]
struct ExperimentSummary {
    name: &'static str,
    seconds: f64,
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &ExperimentArgs) -> Result<(), Failure> {
    let chosen = match &args.name {
        Choice::All => Experiment::ALL.to_vec(),
        Choice::One(experiment) => vec![*experiment],
    };
    let teller = Teller::default();
    let command = command_line();
    let watch = |event: Event<'_>| teller.tell(event);
    let finished =
        experiment::run(&chosen, &settings(args), &args.out, [&command, COMMIT], &watch)?;
    teller.finish();
    let report = experiment::report_path(&args.out);
    if args.json {
        let experiments = finished.into_iter().map(|Finished { experiment, files, time }| {
            ExperimentSummary { name: experiment.name(), seconds: time.as_secs_f64(), files }
        });
        return output::json(&Summary { report, experiments: experiments.collect() });
    }
    for Finished { experiment, files, time } in &finished {
        let name = experiment.name();
        let folder = args.out.join(name);
        let (count, seconds) = (files.len(), time.as_secs_f64());
        output::line(&format!(
            "{name:<20} {seconds:>6.0} s  {count} files in {}",
            folder.display()
        ))?;
    }
    output::line(&format!("report               {}", report.display()))
}

fn settings(args: &ExperimentArgs) -> Settings {
    let usual = if args.tiny { Settings::tiny() } else { Settings::default() };
    // clap has seen to it that these come together.
    let photographs = args.pairs.clone().map(|pairs| Photographs {
        data: args.data.clone(),
        manifest: args.manifest.clone(),
        test: args.test.clone(),
        pairs,
    });
    Settings {
        steps: args.steps.unwrap_or(usual.steps),
        people: args.people.unwrap_or(usual.people),
        seed: args.seed,
        photographs,
        ..usual
    }
}

/// A bar for the run that is under way.
#[derive(Default)]
struct Teller {
    run: RefCell<Option<(String, Progress)>>,
}

impl Teller {
    fn tell(&self, event: Event<'_>) {
        match event {
            Event::Drawing { what, images } => eprintln!("drawing {what}: {images} images"),
            Event::Step { experiment, run, step, steps } => {
                let mut current = self.run.borrow_mut();
                if current.as_ref().is_none_or(|(name, _)| name != run) || step == 1 {
                    if let Some((_, bar)) = current.take() {
                        bar.finish();
                    }
                    eprintln!("{experiment}: {run}");
                    *current = Some((run.to_owned(), Progress::new("training", steps as usize)));
                }
                if let Some((_, bar)) = &*current {
                    bar.at(step, "");
                }
            }
        }
    }

    fn finish(&self) {
        if let Some((_, bar)) = self.run.borrow_mut().take() {
            bar.finish();
        }
    }
}
