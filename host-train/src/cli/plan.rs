//! `plan`: a model file in another arena. Also the options of all commands that make a model file.

use super::failure::Failure;
use super::output;
use crate::files;
use crate::model::open_file;
use crate::quantize::{Goal, PlanError, replan};
use clap::ValueEnum;
use model_format::ModelFile;
use std::path::PathBuf;

/// How the working memory of a model file is planned.
#[derive(clap::Args)]
pub(super) struct PlanArgs {
    /// What the file's plan is made for.
    #[arg(long, value_enum, default_value = "speed")]
    plan: Plan,
    /// The fastest plan with an arena of at most so many bytes; the smallest possible is said where there is none.
    #[arg(long, value_name = "BYTES", conflicts_with = "plan")]
    arena_limit: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Plan {
    /// Layers one by one.
    Speed,
    /// The smallest arena: layers run together a few rows at a time, and keep no more rows than they need.
    Memory,
}

impl PlanArgs {
    /// The same model by this plan.
    pub(super) fn apply(&self, file: &ModelFile) -> Result<ModelFile, Failure> {
        let goal = match (self.arena_limit, self.plan) {
            (Some(limit), _) => Goal::Within(limit),
            (None, Plan::Memory) => Goal::Memory,
            (None, Plan::Speed) => Goal::Speed,
        };
        replan(file, goal).map_err(|error| match error {
            PlanError::ArenaLimit { .. } => Failure::Check(error.to_string()),
            error => error.into(),
        })
    }
}

/// Plans the working memory of a model file anew: the same results and the same model id, in another arena.
///
/// In a small arena, layers run together a few rows at a time. A signature is left out, for the file is another one: sign it
/// again.
#[derive(clap::Args)]
pub(crate) struct PlanFileArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// The model file.
    #[arg(value_name = "F.afm")]
    file: PathBuf,
    /// Where the planned file goes.
    #[arg(long, value_name = "G.afm")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &PlanFileArgs) -> Result<(), Failure> {
    let file = open_file(&args.file)?;
    let (before, signed) = (file.view().arena_bytes(), file.view().signature().is_some());
    let planned = args.plan.apply(&file)?;
    let view = planned.view();
    files::write_whole(&args.out, planned.bytes())?;
    output::line(&format!(
        "{}: model {}, arena {} bytes (was {before}), {} steps of {} operations{}",
        args.out.display(),
        view.id(),
        view.arena_bytes(),
        view.steps().count(),
        view.op_count(),
        if signed { "; not signed any more" } else { "" }
    ))
}
