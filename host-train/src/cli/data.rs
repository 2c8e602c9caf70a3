//! `data`: what is in a data set, the same in another format, what it would be better without, what it shares with a test.

mod clean;
mod convert;
mod inspect;
mod overlap;
mod sheet;

use super::failure::Failure;
use super::progress::Progress;
use crate::data::clean::Thumbnail;
use crate::data::{DataError, Source};
use crate::evaluate::UnitRows;
use crate::model::Model;
use clap::{Args, Subcommand};

/// Looks at data sets, converts and cleans them. No image is ever changed or deleted.
///
/// A data set is a folder or an uncompressed tar with one directory a person; InsightFace's RecordIO (a .rec with its .idx, or
/// a folder with train.rec); a .parquet file, or a folder of them, with columns of images and labels; or a verification
/// set (.bin).
#[derive(Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Inspect(inspect::InspectArgs),
    Convert(convert::ConvertArgs),
    Clean(clean::CleanArgs),
    Overlap(overlap::OverlapArgs),
}

/// Runs the command.
pub(crate) fn run(args: &DataArgs) -> Result<(), Failure> {
    match &args.command {
        Command::Inspect(args) => inspect::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Clean(args) => clean::run(args),
        Command::Overlap(args) => overlap::run(args),
    }
}

/// Embeddings of some of a source's images, with a bar.
fn embed(model: &Model, source: &Source, images: &[usize]) -> Result<UnitRows, Failure> {
    let bar = Progress::new("embedding", images.len());
    let size = model.input_size();
    let load = |place: usize| source.load_of_size(images[place], size);
    let embedded = model.embed_all(images.len(), false, load, || bar.step())?;
    bar.finish();
    let length = embedded.embeddings.first().map_or(1, Vec::len);
    Ok(UnitRows::new(embedded.embeddings.concat(), length)?)
}

/// The thumbnail of an image.
fn thumbnail(source: &Source, image: usize) -> Result<Thumbnail, DataError> {
    Ok(Thumbnail::new(&source.load(image)?))
}
