//! `sign`: a model file with its maker's signature.

use super::failure::Failure;
use super::output;
use crate::model::open_file;
use crate::{files, key_file};
use std::path::PathBuf;

/// Signs a model file, so that doors can tell whose it is and that nothing of it was changed.
///
/// A signature that is there already is replaced. The model id stays, and with it all templates.
#[derive(clap::Args)]
pub(crate) struct SignArgs {
    /// The private key's file.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The model file.
    #[arg(value_name = "F.afm")]
    file: PathBuf,
    /// Where the signed file goes; in its own place if not given.
    #[arg(long, value_name = "G.afm")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &SignArgs) -> Result<(), Failure> {
    let key = key_file::read_private(&args.key)?;
    let file = open_file(&args.file)?;
    let signed = key.sign(&file.view())?;
    let out = args.out.as_ref().unwrap_or(&args.file);
    files::write_whole(out, &signed)?;
    let replaced = match file.view().signature() {
        Some(old) => format!(" in place of {}", old.signer.fingerprint()),
        None => String::new(),
    };
    output::line(&format!(
        "{}: model {}, signed by key {}{replaced}",
        out.display(),
        file.view().id(),
        key.public().fingerprint()
    ))
}
