//! The ArcFace paper's comparisons (Deng et al., arXiv 1801.07698, version 1) as commands: each experiment makes a section of one
//! report, and its pictures and numbers as files.
//!
//! ```text
//! Settings ──> Bench: faces drawn or read once, every run made once ──> experiment ──> Section ──> NAME/*.svg, NAME/*.csv
//!                                                                                         └───> report.html, when all are done
//! ```
//!
//! An experiment is a list of runs and what is shown of them; how a run is trained and measured is `bench`'s alone. Numbers that
//! others have published stand beside ours only with their source and the reason why they can't be compared.

mod angles;
mod bench;
mod boundaries;
mod cmc_roc;
mod error;
mod faces;
mod losses;
mod margins;
mod networks;
mod outputs;
mod settings;
mod stems;
mod tables;
mod target_logits;

use crate::evaluate::report::{Document, Provenance, Section, render_document};
use crate::files;
use bench::Bench;
pub use error::{ExperimentError, FacesError, RunFailure};
pub use settings::{Photographs, Settings};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Experiment {
    /// Where two classes meet under each loss: table 1, figure 3. Trains nothing.
    DecisionBoundaries,
    /// The own class's logit by its angle: figure 2. Trains nothing.
    TargetLogits,
    /// Angles to the own centre at the start, in the middle and at the end.
    Angles,
    /// The combined margin's m1, m2 and m3.
    Margins,
    /// All losses on one budget, and the margin's gradient exact against straight-through: as table 9.
    Losses,
    /// Output settings A to E and global depthwise convolution.
    Outputs,
    /// L networks, whose first layer keeps the image's size, against plain ones.
    Stems,
    /// Accuracy, time and size, float and int8: as table 8.
    Networks,
    /// Identification and verification with strangers in the gallery: CMC and ROC.
    CmcRoc,
}

impl Experiment {
    /// All, in the report's order.
    pub const ALL: [Self; 9] = [
        Self::DecisionBoundaries,
        Self::TargetLogits,
        Self::Angles,
        Self::Margins,
        Self::Losses,
        Self::Outputs,
        Self::Stems,
        Self::Networks,
        Self::CmcRoc,
    ];

    /// As the command line and the folders have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DecisionBoundaries => "decision-boundaries",
            Self::TargetLogits => "target-logits",
            Self::Angles => "angles",
            Self::Margins => "margins",
            Self::Losses => "losses",
            Self::Outputs => "outputs",
            Self::Stems => "stems",
            Self::Networks => "networks",
            Self::CmcRoc => "cmc-roc",
        }
    }

    fn section(self, bench: &mut Bench<'_>) -> Result<Section, ExperimentError> {
        match self {
            Self::DecisionBoundaries => Ok(boundaries::section()),
            Self::TargetLogits => Ok(target_logits::section()),
            Self::Angles => angles::section(bench),
            Self::Margins => margins::section(bench),
            Self::Losses => losses::section(bench),
            Self::Outputs => outputs::section(bench),
            Self::Stems => stems::section(bench),
            Self::Networks => networks::section(bench),
            Self::CmcRoc => cmc_roc::section(bench),
        }
    }
}

/// What goes on, for whoever watches.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Faces are being drawn.
    Drawing {
        /// Whose.
        what: &'static str,
        /// How many.
        images: usize,
    },
    /// A run has done a step.
    Step {
        /// Of which experiment.
        experiment: &'static str,
        /// Which run.
        run: &'a str,
        /// Steps done.
        step: u64,
        /// Steps of the run.
        steps: u64,
    },
}

/// An experiment whose files are written.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which.
    pub experiment: Experiment,
    /// Its pictures and numbers.
    pub files: Vec<PathBuf>,
    /// How long it took, runs that an earlier experiment had made left out.
    pub time: Duration,
}

/// The report's file in the folder `out`.
#[must_use]
pub fn report_path(out: &Path) -> PathBuf {
    out.join("report.html")
}

/// Runs experiments one after the other into the folder `out`: the files of each when it is done, the report when all are.
///
/// `command` and `commit` are told in the report. `observe` is called before and during long work.
///
/// # Errors
/// There is a report already, faces can't be had, a run fails, or the folder is not writable. What was finished before stays.
pub fn run(
    chosen: &[Experiment],
    settings: &Settings,
    out: &Path,
    [command, commit]: [&str; 2],
    observe: &dyn Fn(Event<'_>),
) -> Result<Vec<Finished>, ExperimentError> {
    let report = report_path(out);
    if report.exists() {
        return Err(ExperimentError::Occupied(report));
    }
    files::create_folder(out)?;
    let start = Instant::now();
    let mut bench = Bench::new(settings, observe);
    let (mut sections, mut finished) = (Vec::new(), Vec::new());
    for &experiment in chosen {
        let start = Instant::now();
        bench.experiment = experiment.name();
        let section = experiment.section(&mut bench)?;
        let folder = out.join(experiment.name());
        files::create_folder(&folder)?;
        let mut written = Vec::new();
        for (name, text) in section.files() {
            let path = folder.join(name);
            files::write_whole(&path, text.as_bytes())?;
            written.push(path);
        }
        sections.push(section);
        finished.push(Finished { experiment, files: written, time: start.elapsed() });
    }
    let document = Document {
        title: "Experiments".to_owned(),
        subtitle: "The comparisons of the ArcFace paper (arXiv 1801.07698, version 1), repeated at the size of this machine"
            .to_owned(),
        sections,
        provenance: Provenance {
            command: command.to_owned(),
            seed: settings.seed,
            commit: commit.to_owned(),
            data: bench.about(),
            machine: format!("CPU, {} threads", rayon::current_num_threads()),
            duration: minutes(start.elapsed()),
        },
    };
    files::write_whole(&report, render_document(&document).as_bytes())?;
    Ok(finished)
}

fn minutes(time: Duration) -> String {
    let whole = time.as_secs_f64().round() as u64;
    format!("{} min {:02} s for everything", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests;
