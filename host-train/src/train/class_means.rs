//! Where the class centres begin when the network is good already: in the mean directions of their classes' faces. Centres in random
//! directions would first pull every embedding away from where it belongs, and a few steps undo what took millions of images to learn.

use super::checkpoint::Checkpoint;
use super::config::ConfigError;
use super::fit::FitError;
use super::model::HEAD_CENTRES;
use super::run::RunConfig;
use super::trainer::Trainer;
use crate::data::{DataError, Dataset, FaceImage};
use crate::graph::{Executor, Graph};
use burn::tensor::Device;
use rayon::prelude::*;

/// Faces of a class that make its mean, at most: its first ones.
const FACES: usize = 8;

/// Images that are decoded at once.
const AT_ONCE: usize = 256;

/// The beginning of the run of an imported network: its own weights, and each class's first centre, as long as it was drawn, in the
/// mean direction of up to eight of the class's faces. `seen` is called for every image of the data.
///
/// # Errors
/// Settings that no run can have, or an image that can't be read or has another size.
pub fn from_class_means(
    run: &RunConfig,
    graph: &Graph,
    dataset: &dyn Dataset,
    seen: &dyn Fn(),
) -> Result<Checkpoint, FitError> {
    let mut start = Trainer::of(&Device::flex(), run)?.checkpoint();
    let length = run.train.network.embedding;
    let sums = sums(graph, dataset, length, seen)?;
    if let Some(centres) = start.parameters.get_mut(HEAD_CENTRES) {
        let classes = centres.numbers.chunks_exact_mut(run.train.loss.centres() * length);
        for (centre, sum) in classes.zip(sums.chunks_exact(length)) {
            point(&mut centre[..length], sum);
        }
    }
    Ok(start)
}

/// The unit embeddings of each class's faces added up, one class after the other.
fn sums(
    graph: &Graph,
    dataset: &dyn Dataset,
    length: usize,
    seen: &dyn Fn(),
) -> Result<Vec<f64>, FitError> {
    let unsound = |error| ConfigError::Graph(Box::new(error));
    let executor = Executor::new(graph).map_err(unsound)?;
    let (width, height) = (graph.input.width, graph.input.height);
    let load = |&index: &usize| -> Result<(FaceImage, usize), DataError> {
        let (face, label) = dataset.image(index)?;
        Ok((face.of_size(width, height, || dataset.name(index))?, label as usize))
    };
    let mut counts = vec![0; dataset.class_count()];
    let mut sums = vec![0.0; counts.len() * length];
    let is_chosen = |index: &usize| {
        let count = &mut counts[dataset.label(*index) as usize];
        *count += 1;
        *count <= FACES
    };
    let chosen: Vec<usize> = (0..dataset.len()).filter(is_chosen).collect();
    (chosen.len()..dataset.len()).for_each(|_| seen());
    for indices in chosen.chunks(AT_ONCE) {
        let faces = indices.par_iter().map(load).collect::<Result<Vec<_>, DataError>>()?;
        let images: Vec<&[u8]> = faces.iter().map(|(face, _)| &face.rgb[..]).collect();
        let embeddings = executor.embed_batch(&images).map_err(unsound)?;
        for ((_, label), embedding) in faces.iter().zip(embeddings) {
            let norm = embedding.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            let sum = &mut sums[label * length..][..length];
            // An embedding without a direction says nothing.
            if norm.is_normal() {
                sum.iter_mut().zip(&embedding).for_each(|(s, x)| *s += f64::from(*x) / norm);
            }
        }
        indices.iter().for_each(|_| seen());
    }
    Ok(sums)
}

/// Turns a centre in a direction, if that is one.
fn point(centre: &mut [f32], direction: &[f64]) {
    let length = centre.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm.is_normal() {
        let scale = length / norm;
        centre.iter_mut().zip(direction).for_each(|(c, d)| *c = (scale * d) as f32);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::data::synthetic::{Difficulty, DrawnFaces};
    use crate::loss::LossConfig;
    use crate::train::imported::tests::{network, run};
    use crate::train::rank_tests::drawn;
    use crate::train::trainer::tests::config;
    use core::cell::Cell;

    /// With several centres a class, the others stay where they were drawn; all are as long as before.
    #[test]
    fn first_centres_point_to_their_classes_faces() {
        let loss = LossConfig::named("subcenter-arcface").unwrap();
        let (each, run) = (loss.centres(), run(crate::train::TrainConfig { loss, ..config() }));
        assert_eq!(each, 3);
        let dataset = drawn();
        let count = Cell::new(0);
        let seen = || count.set(count.get() + 1);
        let start = from_class_means(&run, &network(), dataset.as_ref(), &seen).unwrap();
        assert_eq!(count.get(), dataset.len());
        let mut fresh = Trainer::of(&Device::flex(), &run).unwrap().checkpoint();
        let rows = |of: &Checkpoint| -> Vec<Vec<f32>> {
            of.parameters[HEAD_CENTRES].numbers.chunks_exact(32).map(<[f32]>::to_vec).collect()
        };
        let (got, drawn_rows) = (rows(&start), rows(&fresh));
        let graph = network();
        let executor = Executor::new(&graph).unwrap();
        let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        let mut means = vec![[0.0_f32; 32]; 6];
        for index in 0..dataset.len() {
            let (face, label) = dataset.image(index).unwrap();
            let embedding = executor.embed(&face.rgb).unwrap();
            let mean = &mut means[label as usize];
            mean.iter_mut().zip(&embedding).for_each(|(m, x)| *m += x / norm(&embedding));
        }
        for (row, got) in got.iter().enumerate() {
            let before = &drawn_rows[row];
            if row % each > 0 {
                assert_eq!(got, before);
                continue;
            }
            let mean = &means[row / each];
            let scale = norm(before) / norm(mean);
            assert!(got.iter().zip(mean).all(|(g, m)| (g - m * scale).abs() < 1e-4), "row {row}");
        }
        // Nothing else is another.
        fresh.parameters.insert(HEAD_CENTRES.to_owned(), start.parameters[HEAD_CENTRES].clone());
        assert_eq!(start, fresh);
    }

    /// A class of many faces costs no more than one of few.
    #[test]
    fn faces_beyond_those_of_the_mean_are_not_loaded() {
        struct Guarded(DrawnFaces);
        impl Dataset for Guarded {
            fn len(&self) -> usize {
                self.0.len()
            }
            fn class_count(&self) -> usize {
                self.0.class_count()
            }
            fn label(&self, index: usize) -> u32 {
                self.0.label(index)
            }
            fn image(&self, index: usize) -> Result<(FaceImage, u32), DataError> {
                assert!(index % 10 < FACES, "image {index} was loaded");
                Ok(self.0.image(index))
            }
        }
        let graph = network();
        let side = graph.input.width;
        let faces = DrawnFaces::new(1, 0..3, 10, side, Difficulty::default()).unwrap();
        let count = Cell::new(0);
        let seen = || count.set(count.get() + 1);
        let sums = sums(&graph, &Guarded(faces), 32, &seen).unwrap();
        assert!(sums.chunks_exact(32).all(|sum| sum.iter().any(|x| *x != 0.0)));
        assert_eq!(count.get(), 30);
    }
}
