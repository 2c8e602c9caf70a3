//! `export`: a float network as an ONNX file.

use super::failure::Failure;
use super::pixels::PixelArgs;
use super::{COMMIT, command_line, output};
use crate::files;
use crate::graph::to_onnx;
use crate::model::Model;
use std::path::PathBuf;

/// Writes a float network as an ONNX file, for other runtimes.
///
/// Batches of any size; pixels from 0 to 255 go in as f32 [batch, 3, height, width] and the network subtracts and scales them itself.
/// The file's metadata says which colour is first (`input`). Embeddings come out as the network makes them: divide by the length,
/// or compare by cosine. To read it back: `import --input rgb --mean 0 --std 1`.
#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    /// A run's folder, or an ONNX file, which is then written anew with its normalization folded.
    #[arg(long, value_name = "RUN|F.onnx")]
    model: PathBuf,
    #[command(flatten)]
    pixels: PixelArgs,
    /// The file to write.
    #[arg(long, value_name = "F.onnx")]
    onnx: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let Model::Float(float) = Model::open(&args.model, args.pixels.normalisation()?)? else {
        return Err(Failure::Input(format!(
            "{} is int8: give the run's folder that it was quantized from",
            args.model.display()
        )));
    };
    let command = command_line();
    let metadata = [("model", &*float.id), ("command", &command), ("commit", COMMIT)];
    let bytes = to_onnx(&float.graph, &metadata)?;
    files::write_whole(&args.onnx, &bytes)?;
    output::line(&format!(
        "{}: {} bytes, {} parameters, ONNX operator set 13",
        args.onnx.display(),
        bytes.len(),
        float.graph.parameters()
    ))
}
