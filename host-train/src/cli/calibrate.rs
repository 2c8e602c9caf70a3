//! `calibrate`: the thresholds of a finished model file, measured anew.

use super::failure::Failure;
use super::progress::Progress;
use super::{command_line, output, verdict};
use crate::data::{DataError, Source};
use crate::evaluate::{ThresholdTable, first_images};
use crate::files;
use crate::model::{Model, open_file};
use crate::verify::EmbeddedFaces;
use model_format::ModelFile;
use model_format::writer::calibrated;
use serde::Serialize;
use std::path::PathBuf;

/// Measures the thresholds of a finished model file on labelled faces, and writes the file with them.
///
/// For a file that nobody measured, for more or other faces than it was measured on, or for the pictures of the camera that it will
/// see through. The network stays, and with it the model id and all templates; so does what the file says of int8 and float. The command is
/// added to those that made it. A signature is left out, for the file is another one: sign it again.
///
/// The thresholds are those that `quantize --verdict` measures: cosines for false match rates 1e-2, 5e-3, 2e-3 .. 1e-7, as far down as
/// the comparisons of strangers bound each with 95 % (Clopper and Pearson, one-sided, as if no two shared a face), those of two
/// photographs as well as those with means of 2, 3 and 4 of a person, which is what a door compares with. Somebody needs five
/// photographs for these. Exit 1, and write nothing, when they bound none.
///
/// With --json: out, model_id, images, people, genuine, impostor, thresholds (rate, fmr, cosine, templates, accepted_impostors, bound,
/// tar, tar_of_means) and
/// left_out (rate, reason).
#[derive(clap::Args)]
pub(crate) struct CalibrateArgs {
    /// The model file.
    #[arg(long, value_name = "F.afm")]
    model: PathBuf,
    /// Labelled faces of the network's size that training did not see, folders or tars with one directory a person.
    #[arg(long, value_delimiter = ',', required = true, value_name = "A[,B]")]
    data: Vec<PathBuf>,
    /// Where the file with the thresholds goes.
    #[arg(long, value_name = "G.afm")]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CalibrateSummary<'a> {
    out: &'a PathBuf,
    model_id: String,
    images: usize,
    people: usize,
    genuine: usize,
    impostor: usize,
    #[serde(flatten)]
    table: ThresholdTable,
}

/// Runs the command.
pub(crate) fn run(args: &CalibrateArgs) -> Result<(), Failure> {
    let file = open_file(&args.model)?;
    let model = Model::Int8(ModelFile::from_bytes(file.bytes())?);
    let source = Source::open(&args.data)?;
    let identities: Vec<usize> = source.images().iter().map(|image| image.identity).collect();
    first_images(&identities)?;
    let (count, size) = (identities.len(), model.input_size());
    let load = |index| -> Result<_, DataError> { source.load_of_size(index, size) };
    let bar = Progress::new("embedding", count);
    let faces = EmbeddedFaces::new(&model, count, false, load, || bar.step())?;
    bar.finish();
    let (all, roc) = faces.all_pairs(&identities)?;
    let table = ThresholdTable::new(&roc, &faces.means(&identities)?);
    let bytes = calibrated(&file.view(), &table.rows(), &command(&file))?;
    let summary = CalibrateSummary {
        out: &args.out,
        model_id: all.model_id,
        images: count,
        people: source.identities().len(),
        genuine: all.genuine,
        impostor: all.impostor,
        table,
    };
    let measured = !summary.table.thresholds.is_empty();
    if measured {
        files::write_whole(&args.out, &bytes)?;
    }
    let signed = file.view().signature().is_some();
    if args.json {
        output::json(&summary)?
    } else {
        output::line(&summary.text(signed))?
    }
    if measured {
        return Ok(());
    }
    Err(Failure::Check(format!(
        "the faces bound no false match rate: {} was not written",
        args.out.display()
    )))
}

/// The commands that made the file, and this one.
fn command(file: &ModelFile) -> String {
    match file.view().metadata().command {
        "" => command_line(),
        before => format!("{before}; {}", command_line()),
    }
}

impl CalibrateSummary<'_> {
    /// For a terminal.
    fn text(&self, signed: bool) -> String {
        let head = format!(
            "{}: model {}, by {} images of {} people: {} genuine and {} impostor pairs{}",
            self.out.display(),
            self.model_id,
            self.images,
            self.people,
            self.genuine,
            self.impostor,
            if signed { "; not signed any more" } else { "" }
        );
        let lines: Vec<String> =
            [head].into_iter().chain(verdict::table_text(&self.table)).collect();
        lines.join("\n")
    }
}
