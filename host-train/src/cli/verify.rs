//! `verify`: whether a model file is as the owner of a key signed it.

use super::failure::Failure;
use super::output;
use crate::key_file;
use crate::model::{ModelError, open_file};
use model_format::{FormatError, PublicKey, SignatureError};
use serde::Serialize;
use std::path::PathBuf;

/// Checks that a model file is as the owner of a key signed it.
///
/// Exit 0: it is. Exit 1: it is not signed, another key signed it, or it was changed since. Exit 2: that is no model file,
/// or no public key.
///
/// With --json: verdict (good, unsigned, other_key, altered), fingerprint of the key, of the signer, model_id.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// The public key's file.
    #[arg(long, value_name = "KEY.pub")]
    key: PathBuf,
    /// The model file.
    #[arg(value_name = "F.afm")]
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    verdict: Verdict,
    key: String,
    /// Whose signature the file says it bears.
    signer: Option<String>,
    model_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    Unsigned,
    OtherKey,
    Altered,
}

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let key = key_file::read_public(&args.key)?;
    let (report, refusal) = verify(args, key)?;
    if args.json {
        output::json(&report)?;
    }
    match refusal {
        Some(refusal) => Err(Failure::Check(refusal)),
        None if args.json => Ok(()),
        None => output::line(&format!(
            "{}: as key {} signed it",
            args.file.display(),
            key.fingerprint()
        )),
    }
}

/// What was found, and why the file is not to be trusted.
fn verify(args: &VerifyArgs, key: PublicKey) -> Result<(Report, Option<String>), Failure> {
    let mut report = Report {
        verdict: Verdict::Good,
        key: key.fingerprint().to_string(),
        signer: None,
        model_id: None,
    };
    let file = match open_file(&args.file) {
        Ok(file) => file,
        // It says that it is a model of this version, and a byte of it is wrong: the question has an answer.
        Err(error @ ModelError::Format { source, .. }) if !is_something_else(&source) => {
            report.verdict = Verdict::Altered;
            return Ok((report, Some(error.to_string())));
        }
        Err(error) => return Err(error.into()),
    };
    let view = file.view();
    report.signer = view.signature().map(|signature| signature.signer.fingerprint().to_string());
    report.model_id = Some(view.id().to_string());
    let Err(error) = view.verify(&key) else {
        return Ok((report, None));
    };
    report.verdict = match error {
        SignatureError::Unsigned => Verdict::Unsigned,
        SignatureError::OtherKey { .. } => Verdict::OtherKey,
        SignatureError::Mismatch { .. } => Verdict::Altered,
        unusable => return Err(Failure::Input(format!("{}: {unusable}", args.key.display()))),
    };
    Ok((report, Some(format!("{}: {error}", args.file.display()))))
}

/// No model file that this program reads, rather than a damaged one.
fn is_something_else(error: &FormatError) -> bool {
    matches!(
        error,
        FormatError::TooShort { .. } | FormatError::Magic { .. } | FormatError::Version { .. }
    )
}
