//! How alike a network's float and int8 outputs are, on images that it was not calibrated on.

use super::failure::Failure;
use super::progress::Progress;
use crate::data::FaceImage;
use crate::graph::Executor;
use crate::model::{FloatModel, ModelError};
use edge_infer::engine::Engine;
use model_format::ModelFile;
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
    let compare = |arena: &mut Vec<u8>, image: &FaceImage| -> Result<Vec<Sums>, Failure> {
        let float = executor.run(&image.rgb).map_err(ModelError::Graph)?;
        engine.run(&image.rgb, arena).map_err(ModelError::Engine)?;
        let named = engine.model().outputs().zip(&float);
        let sums = named.map(|(output, float)| {
            let int8 = engine.read(output.tensor, arena).map_err(ModelError::Engine)?;
            Ok(Sums::of(float, int8.values()))
        });
        bar.step();
        sums.collect()
    };
    let arena = || vec![0; engine.arena_bytes()];
    let rows: Vec<Vec<Sums>> =
        images.par_iter().map_init(arena, compare).collect::<Result<_, Failure>>()?;
    bar.finish();
    let outputs = engine.model().outputs().enumerate();
    Ok(outputs
        .map(|(i, output)| {
            let of = |what: fn(&Sums) -> f64| rows.iter().map(move |row| what(&row[i]));
            let noise: f64 = of(|sums| sums.noise).sum();
            OutputLikeness {
                name: output.name.to_owned(),
                mean_cosine: of(Sums::cosine).sum::<f64>() / rows.len().max(1) as f64,
                least_cosine: of(Sums::cosine).fold(f64::INFINITY, f64::min),
                sqnr_db: 10.0 * (of(|sums| sums.float).sum::<f64>() / noise).log10(),
                max_error: of(|sums| sums.max).fold(0.0, f64::max),
            }
        })
        .collect())
}

/// Of one output of one image.
#[derive(Default)]
struct Sums {
    float: f64,
    int8: f64,
    product: f64,
    noise: f64,
    max: f64,
}

impl Sums {
    fn of(float: &[f32], int8: impl Iterator<Item = f32>) -> Self {
        let mut sums = Self::default();
        for (&a, b) in float.iter().zip(int8) {
            let (a, b) = (f64::from(a), f64::from(b));
            sums.float += a * a;
            sums.int8 += b * b;
            sums.product += a * b;
            sums.noise += (a - b).powi(2);
            sums.max = sums.max.max((a - b).abs());
        }
        sums
    }

    fn cosine(&self) -> f64 {
        self.product / (self.float * self.int8).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_by_hand() {
        let sums = Sums::of(&[3.0, -4.0], [4.0, -3.0].into_iter());
        assert_eq!((sums.float, sums.int8, sums.product), (25.0, 25.0, 24.0));
        assert_eq!((sums.noise, sums.max, sums.cosine()), (2.0, 1.0, 0.96));
    }
}
