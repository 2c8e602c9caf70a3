//! `data convert`.

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::data::convert::{Format, Selection, convert, convert_pairs};
use crate::data::{Manifest, Pairs, Source};
use std::path::PathBuf;

/// Writes the images of data sets, each file byte for byte, as one data set of another format.
///
/// The target must not exist; it appears whole, or not at all. RecordIO keeps no names: its persons are numbers, in the
/// order of their names.
#[derive(clap::Args)]
pub(crate) struct ConvertArgs {
    /// Data sets, taken together.
    #[arg(required = true, value_name = "FROM")]
    from: Vec<PathBuf>,
    /// What is made: X.tar, X.parquet, X.bin, or a folder.
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// folder, tar, rec (a folder with train.rec, .idx, .property), parquet or bin [default: by --to's ending].
    #[arg(long)]
    format: Option<Format>,
    /// Only the images of this manifest (tar,path,label), under its labels.
    #[arg(long, value_name = "CSV")]
    manifest: Option<PathBuf>,
    /// The pairs of a verification set (bin): LFW's pairs.txt, a CSV fold,a,b,same, or another .bin.
    #[arg(long, value_name = "P", conflicts_with = "manifest")]
    pairs: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    let format = args.format.unwrap_or(Format::of(&args.to));
    let ending = args.to.extension();
    if format == Format::RecordIo && ending.is_some_and(|ending| ending == "rec") {
        let text = "RecordIO is three files: give --to a folder for them, and --format rec";
        return Err(Failure::Input(text.to_owned()));
    }
    let source = Source::open(&args.from)?;
    let to = args.to.display();
    if format == Format::Verification {
        let path = args.pairs.as_ref().ok_or(crate::data::DataError::NoPairs)?;
        let pairs = Pairs::read(path, &source)?;
        let bar = Progress::new("copying", 2 * pairs.pairs().len());
        convert_pairs(&source, &pairs, &args.to, || bar.step())?;
        bar.finish();
        return output::line(&format!("{to}: {} pairs", pairs.pairs().len()));
    }
    if args.pairs.is_some() {
        return Err(Failure::Input("--pairs goes with a verification set, --to X.bin".to_owned()));
    }
    let selection = match &args.manifest {
        Some(path) => Selection::of_manifest(&source, &Manifest::read(path, &source)?),
        None => Selection::all(&source),
    };
    let bar = Progress::new("copying", selection.len());
    convert(&source, &selection, format, &args.to, || bar.step())?;
    bar.finish();
    output::line(&format!("{to}: {} images of {} persons", selection.len(), selection.persons()))
}
