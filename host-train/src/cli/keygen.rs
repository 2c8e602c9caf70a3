//! `keygen`: a key pair for signing models.

use super::failure::Failure;
use super::output;
use crate::key_file::{generate, public_path};
use std::path::PathBuf;

/// Makes a key pair for signing model files: KEY and KEY.pub.
///
/// KEY signs; only its owner may read it (mode 0600), and whoever has it can make models that your doors trust. KEY.pub
/// verifies and goes to the doors. Nothing is replaced. Both are what `openssl genpkey -algorithm ed25519` writes.
#[derive(clap::Args)]
pub(crate) struct KeygenArgs {
    /// The private key's file; the public one gets `.pub` behind its name.
    #[arg(long, value_name = "KEY")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &KeygenArgs) -> Result<(), Failure> {
    let key = generate(&args.out)?;
    output::line(&format!(
        "{}: private, keep it to yourself\n{}: public\npublic key   {key}\nfingerprint  {}",
        args.out.display(),
        public_path(&args.out).display(),
        key.fingerprint()
    ))
}
