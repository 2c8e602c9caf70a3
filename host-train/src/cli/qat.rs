//! How long an int8 network learns, and from which images: options of all commands that make one.

use crate::data::{DataError, Source, augment};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Quantization-aware training.
#[derive(clap::Args)]
pub(super) struct QatArgs {
    /// Batches that the int8 network learns from its float form after it was rounded (quantization-aware training), from all
    /// --calibration images, mirrored at random; a few hundred are enough.
    #[arg(long = "qat", default_value_t = 0, value_name = "STEPS")]
    pub(super) steps: u32,
    /// Images of such a batch.
    #[arg(long = "qat-batch", default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch: u32,
    /// How far a weight moves at most in the first of these batches, in its int8 steps; falls to 0.
    #[arg(long = "qat-rate", default_value_t = 0.02, value_parser = rate)]
    pub(super) rate: f64,
    /// Seed of what such a batch is made of.
    #[arg(long = "qat-seed", default_value_t = 0, value_name = "N")]
    seed: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("a rate is above 0 and at most 1".to_owned()),
    }
}

impl QatArgs {
    /// The images of a step, of this width and height, some of them mirrored.
    pub(super) fn images(
        &self,
        source: &Source,
        size: (usize, usize),
        step: usize,
    ) -> Result<Vec<Vec<u8>>, DataError> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(step as u64);
        let mut choose = || (random.random_range(0..source.images().len()), random.random());
        let chosen: Vec<(usize, bool)> = (0..self.batch).map(|_| choose()).collect();
        let load = |&(index, mirrored): &(usize, bool)| {
            let mut face = source.load_of_size(index, size)?;
            if mirrored {
                augment::flip(&mut face.rgb, face.width);
            }
            Ok(face.rgb)
        };
        chosen.par_iter().map(load).collect()
    }
}
