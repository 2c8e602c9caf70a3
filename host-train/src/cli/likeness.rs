//! How alike a network's float and int8 outputs are, on images that it was not calibrated on.

use super::failure::Failure;
use super::progress::Progress;
use crate::data::FaceImage;
use crate::graph::Executor;
use crate::likeness::{Likeness, cosines};
use crate::model::{FloatModel, ModelError};
use edge_infer::engine::Engine;
use model_format::{ModelFile, NamedOutput};
use rayon::prelude::*;
use serde::Serialize;

/// Of one output, over all images.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct OutputLikeness {
    /// The output's name; `embedding` where it is the only one.
    pub(super) name: String,
    /// Mean of the cosines of single images.
    pub(super) mean_cosine: f64,
    /// The least of them.
    pub(super) least_cosine: f64,
    /// Energy of the float values over that of the differences, decibels.
    pub(super) sqnr_db: f64,
    /// Largest difference of a value.
    pub(super) max_error: f64,
}

/// Runs both networks on the images; an entry an output, in their order.
pub(super) fn likeness(
    float: &FloatModel,
    int8: &ModelFile,
    images: &[FaceImage],
) -> Result<Vec<OutputLikeness>, Failure> {
    let bar = Progress::new("comparing", images.len());
    let executor = Executor::new(&float.graph).map_err(ModelError::Graph)?;
    let engine = Engine::new(int8.view());
    let compare = |arena: &mut Vec<u8>, image: &FaceImage| -> Result<Vec<Likeness>, Failure> {
        let float = executor.run(&image.rgb).map_err(ModelError::Graph)?;
        engine.run(&image.rgb, arena).map_err(ModelError::Engine)?;
        let named = engine.model().outputs().zip(&float);
        let alike = named.map(|(output, float)| {
            let int8 = engine.read(output.tensor, arena).map_err(ModelError::Engine)?;
            Ok(Likeness::of(float, &int8.values().collect::<Vec<f32>>()))
        });
        bar.step();
        alike.collect()
    };
    let arena = || vec![0; engine.arena_bytes()];
    let rows: Vec<Vec<Likeness>> =
        images.par_iter().map_init(arena, compare).collect::<Result<_, Failure>>()?;
    bar.finish();
    let output = |(i, output): (usize, NamedOutput<'_>)| {
        let of_images: Vec<Likeness> = rows.iter().map(|row| row[i]).collect();
        let (mean_cosine, least_cosine) = cosines(&of_images);
        let all = of_images.into_iter().fold(Likeness::default(), Likeness::and);
        OutputLikeness {
            name: output.name.to_owned(),
            mean_cosine,
            least_cosine,
            sqnr_db: all.sqnr_db(),
            max_error: all.largest_difference(),
        }
    };
    Ok(engine.model().outputs().enumerate().map(output).collect())
}
