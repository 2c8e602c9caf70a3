//! `completions` and `man`: what shells and readers want to know of the command line.

use super::{Cli, Failure};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io;
use std::path::PathBuf;

/// Prints completions for a shell
#[derive(clap::Args)]
pub(super) struct CompletionsArgs {
    /// Which
    shell: Shell,
}

/// Prints the manual page, or writes one a command
#[derive(clap::Args)]
pub(super) struct ManArgs {
    /// A folder for door.1, door-run.1 and so on
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) {
    clap_complete::generate(args.shell, &mut Cli::command(), "door", &mut io::stdout());
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    match &args.out {
        None => clap_mangen::Man::new(Cli::command()).render(&mut io::stdout())?,
        Some(folder) => clap_mangen::generate_to(Cli::command(), folder)?,
    }
    Ok(())
}
