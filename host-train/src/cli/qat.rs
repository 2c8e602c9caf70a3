//! How long an int8 network learns, and from which images: options of all commands that make one.

use super::failure::Failure;
use crate::data::{DataError, Source, augment};
use crate::graph::{Graph, Normalisation};
use crate::train::{Distillation, Teacher};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::path::PathBuf;

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
    /// An ONNX network to learn from in place of the float form: what taught that, or a better network with embeddings as long.
    #[arg(long = "qat-teacher", value_name = "F.onnx")]
    teacher: Option<PathBuf>,
    /// What the teacher's images are: order, mean and deviation a channel in pixel units [default: rgb,127.5,127.5].
    #[arg(
        long = "qat-teacher-input",
        value_name = "rgb|bgr,MEAN[/MEAN/MEAN],DEVIATION[/..]",
        requires = "teacher"
    )]
    teacher_input: Option<Normalisation>,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("a rate is above 0 and at most 1".to_owned()),
    }
}

impl QatArgs {
    /// Reads the teacher of a network, if another than its float form is to teach it.
    pub(super) fn teacher(&self, float: &Graph) -> Result<Option<Teacher>, Failure> {
        let Some(path) = self.teacher.clone() else { return Ok(None) };
        if self.steps == 0 {
            return Err(Failure::Input(
                "--qat-teacher teaches --qat STEPS batches: give their number".into(),
            ));
        }
        let length = float.check()?[float.output().0].elements();
        let input = self.teacher_input.unwrap_or_default();
        let settings =
            Distillation { teacher: path, input, cosine: 1.0, relation: 1.0, margin: 0.0 };
        Ok(Some(Teacher::open(&settings, (float.input.width, float.input.height), length)?))
    }

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
