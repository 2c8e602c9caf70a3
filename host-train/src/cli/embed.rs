//! `embed`: images to embeddings and templates.

use super::failure::Failure;
use super::output;
use super::pixels::PixelArgs;
use crate::data::decode;
use crate::files;
use crate::model::{Model, template};
use serde::Serialize;
use std::path::PathBuf;

/// Embeds aligned faces.
///
/// Prints one line an image: its name and the embedding's numbers. With --json a list, in the order of the images, of
/// objects with the keys image, embedding and template (int8, as a door stores it).
#[derive(clap::Args)]
pub(crate) struct EmbedArgs {
    /// A run's folder or an ONNX file (float), or an .afm file (int8).
    #[arg(long, value_name = "RUN|F.onnx|F.afm")]
    model: PathBuf,
    #[command(flatten)]
    pixels: PixelArgs,
    /// JPEG or PNG faces of the network's size, aligned by their five landmarks.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A face of a file.
#[derive(Serialize)]
pub(super) struct Face {
    pub(super) image: PathBuf,
    pub(super) embedding: Vec<f32>,
    pub(super) template: Vec<i8>,
}

/// Runs the command.
pub(crate) fn run(args: &EmbedArgs) -> Result<(), Failure> {
    let model = Model::open(&args.model, args.pixels.normalisation()?)?;
    let rows = faces(&model, &args.images)?;
    if args.json {
        return output::json(&rows);
    }
    for face in rows {
        let numbers: Vec<String> = face.embedding.iter().map(|v| format!("{v:.5}")).collect();
        output::line(&format!("{} {}", face.image.display(), numbers.join(" ")))?;
    }
    Ok(())
}

/// The faces of these files, of the network's size, as `model` sees them.
pub(super) fn faces(model: &Model, images: &[PathBuf]) -> Result<Vec<Face>, Failure> {
    let (width, height) = model.input_size();
    let mut faces = Vec::with_capacity(images.len());
    for path in images {
        let name = path.display().to_string();
        let face = decode(&files::read(path)?, &name)?;
        faces.push(face.of_size(width, height, || name)?);
    }
    let embedded = model.embed_all(faces.len(), false, |i| Ok(faces[i].clone()), || ())?;
    let embeddings = images.iter().zip(embedded.embeddings);
    let row = |(path, embedding): (&PathBuf, Vec<f32>)| {
        let template = template(&embedding)
            .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
        Ok(Face { image: path.clone(), embedding, template })
    };
    embeddings.map(row).collect()
}
