//! `import`: a network from elsewhere, in an ONNX file, to an int8 model file.

use super::failure::Failure;
use super::pixels::PixelArgs;
use super::quantize::{Int8Args, base_name};
use super::{COMMIT, command_line};
use crate::model::{FloatModel, ModelError};
use crate::quantize::{Provenance, arcface_landmarks};
use std::path::PathBuf;

/// Makes a trained network int8 and writes the model file that a door runs.
///
/// Takes ONNX files of face embedding networks in inference mode. What their pixels must be, no such file says: give it as
/// its authors state it. Prints how alike float and int8 embeddings are of images beside those that it was calibrated on;
/// the keys of --json are those of quantize.
#[derive(clap::Args)]
pub(crate) struct ImportArgs {
    /// The network.
    #[arg(long, value_name = "F.onnx")]
    onnx: PathBuf,
    #[command(flatten)]
    pixels: PixelArgs,
    #[command(flatten)]
    int8: Int8Args,
}

/// Runs the command.
pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let pixels = args.pixels.normalisation()?;
    let pixels = pixels.ok_or_else(|| ModelError::Pixels(args.onnx.clone()))?;
    let float = FloatModel::import(&args.onnx, pixels)?;
    let calibration: Vec<String> = args.int8.calibration.iter().map(|p| base_name(p)).collect();
    let provenance = Provenance {
        landmarks: arcface_landmarks(float.graph.input.width),
        name: float.id.clone(),
        data: format!("imported; calibrated on {}", calibration.join(", ")),
        command: command_line(),
        seed: 0,
        commit: COMMIT.to_owned(),
        licence: args.int8.licence.clone(),
    };
    args.int8.write(float, &provenance)
}
