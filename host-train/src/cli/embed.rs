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

#[derive(Serialize)]
struct Face {
    image: PathBuf,
    embedding: Vec<f32>,
    template: Vec<i8>,
}

/// Runs the command.
pub(crate) fn run(args: &EmbedArgs) -> Result<(), Failure> {
    let model = Model::open(&args.model, args.pixels.normalisation()?)?;
    let (width, height) = model.input_size();
    let mut faces = Vec::with_capacity(args.images.len());
    for path in &args.images {
        let name = path.display().to_string();
        let face = decode(&files::read(path)?, &name)?;
        faces.push(face.of_size(width, height, || name)?);
    }
    let embedded = model.embed_all(faces.len(), false, |i| Ok(faces[i].clone()), || ())?;
    let mut rows = Vec::with_capacity(faces.len());
    for (path, embedding) in args.images.iter().zip(embedded.embeddings) {
        let template = template(&embedding)
            .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
        rows.push(Face { image: path.clone(), embedding, template });
    }
    if args.json {
        return output::json(&rows);
    }
    for face in rows {
        let numbers: Vec<String> = face.embedding.iter().map(|v| format!("{v:.5}")).collect();
        output::line(&format!("{} {}", face.image.display(), numbers.join(" ")))?;
    }
    Ok(())
}
