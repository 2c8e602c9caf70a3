//! `import`: a network from elsewhere, in an ONNX file, to an int8 model file.

use super::failure::Failure;
use super::pixel_check::better_pixels;
use super::pixels::PixelArgs;
use super::quantize::{Int8Args, base_name};
use super::{COMMIT, command_line};
use crate::model::{FloatModel, ModelError};
use crate::quantize::{Provenance, arcface_landmarks};
use std::path::PathBuf;

/// Makes a trained network int8 and writes the model file that a door runs.
///
/// Takes ONNX files of face networks in inference mode: embedding networks, classifiers, detectors with several outputs, which
/// keep their names. What their pixels must be, no such file says: give it as its authors state it. Where calibration images are
/// sorted by people, other colour orders and scales are tried, and a warning says which keeps them clearly further apart.
///
/// Prints how alike float and int8 outputs are of images beside those that it was calibrated on; the keys of --json are those of
/// quantize.
///
/// Outputs are height x width x channels whatever their order in the file. A Softmax at the end is left out: a classifier gives
/// logits. Frames for a network of several outputs, or of maps, may be of any size: they are made smaller to fit, and black
/// fills what is left at the right and below.
#[derive(clap::Args)]
pub(crate) struct ImportArgs {
    /// The network.
    #[arg(long, value_name = "F.onnx")]
    onnx: PathBuf,
    /// Rows and columns of the image, where they are open or to be others than in the file, as a detector may have them.
    #[arg(long, value_name = "HxW", value_parser = size)]
    size: Option<[usize; 2]>,
    #[command(flatten)]
    pixels: PixelArgs,
    #[command(flatten)]
    int8: Int8Args,
}

/// Runs the command.
pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let pixels = args.pixels.normalisation()?;
    let pixels = pixels.ok_or_else(|| ModelError::Pixels(args.onnx.clone()))?;
    let import = |pixels| FloatModel::import_of_size(&args.onnx, pixels, args.size);
    let float = import(pixels)?;
    let inputs = args.int8.open(&float)?;
    if let Some(warning) = better_pixels(pixels, &float, &inputs.source, import)? {
        eprintln!("{warning}");
    }
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
    args.int8.write(float, inputs, &provenance)
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text.split_once('x').and_then(|(rows, columns)| {
        Some([rows.parse().ok()?, columns.parse().ok()?]).filter(|sides| !sides.contains(&0))
    });
    sides.ok_or_else(|| format!("{text} is not rows x columns, as 320x320"))
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_rows_and_columns() {
        assert_eq!(size("240x320"), Ok([240, 320]));
        for text in ["240", "240x", "0x4", "-1x4", "4X4"] {
            assert!(size(text).is_err_and(|error| error.contains(text)), "{text}");
        }
    }
}
