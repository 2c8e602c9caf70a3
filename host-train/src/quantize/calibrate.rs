//! Looks at the tensors of a float graph on calibration images: their distributions, and each channel's mean and reach.
//!
//! Two passes: the first finds smallest and largest values, the second counts into histograms of exactly that span. Only
//! order-independent arithmetic is shared between threads (minima, maxima, integer counts), and per-image means are added
//! in the images' order, so the result is the same for any number of threads.

use super::QuantizeError;
use super::range::Histogram;
use crate::graph::{Executor, Graph, NodeId};
use rayon::prelude::*;

/// What was seen of one tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observed {
    /// Distribution of all values.
    pub(super) histogram: Histogram,
    /// Mean of each channel over images and pixels.
    pub(super) mean: Vec<f64>,
    /// Largest magnitude of each channel.
    pub(super) reach: Vec<f32>,
}

/// Images whose channel sums are held in memory at once.
const CHUNK: usize = 64;

/// Runs all images twice; returns one entry for each of `nodes`, in that order.
///
/// # Errors
/// No images, an image of another size, a value that is not finite (naming the node).
pub(super) fn observe<I: AsRef<[u8]> + Sync>(
    graph: &Graph,
    images: &[I],
    nodes: &[NodeId],
) -> Result<Vec<Observed>, QuantizeError> {
    if images.is_empty() {
        return Err(QuantizeError::NoImages);
    }
    let executor = Executor::new(graph)?;
    let mut slot = vec![None; graph.nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        slot[node.0] = Some(index);
    }
    let channels: Vec<usize> =
        nodes.iter().map(|node| executor.shapes()[node.0].channels).collect();

    let mut extremes = vec![(f32::INFINITY, f32::NEG_INFINITY); nodes.len()];
    let mut sums: Vec<Vec<f64>> = channels.iter().map(|count| vec![0.0; *count]).collect();
    let mut reaches: Vec<Vec<f32>> = channels.iter().map(|count| vec![0.0; *count]).collect();
    for chunk in images.chunks(CHUNK) {
        let seen: Vec<Vec<Summary>> = chunk
            .par_iter()
            .map(|image| {
                let mut summaries = vec![Summary::default(); nodes.len()];
                executor.activations(image.as_ref(), |node, values| {
                    if let Some(index) = slot[node.0] {
                        summaries[index] = Summary::of(values, channels[index]);
                    }
                })?;
                Ok(summaries)
            })
            .collect::<Result<_, QuantizeError>>()?;
        for (index, summary) in seen.iter().flat_map(|image| image.iter().enumerate()) {
            if !(summary.low.is_finite() && summary.high.is_finite()) {
                return Err(QuantizeError::NotFinite {
                    node: graph.node(nodes[index]).name.clone(),
                });
            }
            extremes[index].0 = extremes[index].0.min(summary.low);
            extremes[index].1 = extremes[index].1.max(summary.high);
            for (sum, mean) in sums[index].iter_mut().zip(&summary.mean) {
                *sum += mean;
            }
            for (most, reach) in reaches[index].iter_mut().zip(&summary.reach) {
                *most = most.max(*reach);
            }
        }
    }

    let empty = || -> Vec<Histogram> {
        let histogram = |(low, high): &(f32, f32)| Histogram::new(*low, *high);
        extremes.iter().map(histogram).collect()
    };
    let histograms = images
        .par_iter()
        .try_fold(empty, |mut histograms, image| {
            executor.activations(image.as_ref(), |node, values| {
                if let Some(index) = slot[node.0] {
                    histograms[index].count(values);
                }
            })?;
            Ok::<_, QuantizeError>(histograms)
        })
        .try_reduce(empty, |mut left, right| {
            for (left, right) in left.iter_mut().zip(&right) {
                left.merge(right);
            }
            Ok(left)
        })?;
    let mean = |sums: Vec<f64>| sums.iter().map(|sum| sum / images.len() as f64).collect();
    let observed = histograms.into_iter().zip(sums).zip(reaches);
    let observed =
        observed.map(|((histogram, sums), reach)| Observed { histogram, mean: mean(sums), reach });
    Ok(observed.collect())
}

/// One tensor of one image.
#[derive(Clone, Default)]
struct Summary {
    low: f32,
    high: f32,
    mean: Vec<f64>,
    reach: Vec<f32>,
}

impl Summary {
    fn of(values: &[f32], channels: usize) -> Self {
        let (mut mean, mut reach) = (vec![0.0; channels], vec![0.0_f32; channels]);
        // A NaN would vanish in `min` and `max`; it stays in a sum.
        for pixel in values.chunks_exact(channels) {
            for ((sum, reach), value) in mean.iter_mut().zip(&mut reach).zip(pixel) {
                *sum += f64::from(*value);
                *reach = reach.max(value.abs());
            }
        }
        let pixels = (values.len() / channels) as f64;
        mean.iter_mut().for_each(|sum| *sum /= pixels);
        let finite = mean.iter().all(|mean| mean.is_finite());
        Self {
            low: values.iter().copied().fold(f32::INFINITY, f32::min),
            high: match finite {
                true => values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                false => f32::NAN,
            },
            mean,
            reach,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Op, random};
    use crate::quantize::range::Calibration;

    #[test]
    fn the_input_of_known_pixels_has_a_known_range_and_mean() {
        let mut graph = random::Builder::new(1, 2, 1).graph;
        graph.input.mean = [0.0; 3];
        graph.input.scale = [1.0, 1.0, -1.0];
        let images = [[10, 20, 30, 110, 0, 50], [30, 40, 50, 110, 20, 255]];
        let observed = observe(&graph, &images, &[NodeId(0)]).unwrap();
        assert_eq!(observed[0].mean, [65.0, 20.0, -96.25]);
        assert_eq!(observed[0].reach, [110.0, 40.0, 255.0]);
        let affine = observed[0].histogram.choose(Calibration::MinMax);
        let (low, high) = affine.bounds();
        assert!((low + 255.0).abs() < 1.0 && (high - 110.0).abs() < 1.0);
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let graph = random::small(3);
        let nodes: Vec<_> = (0..graph.nodes.len()).map(NodeId).collect();
        let images = random::images(70, graph.input.height, graph.input.width, 8);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| observe(&graph, &images, &nodes).unwrap())
        };
        assert_eq!(run(1), run(7));
    }

    #[test]
    fn rejects_no_images_and_images_of_another_size() {
        let graph = random::small(3);
        let none: &[Vec<u8>] = &[];
        let error = observe(&graph, none, &[]);
        assert!(matches!(error, Err(QuantizeError::NoImages)));
        let error = observe(&graph, &[vec![0; 7]], &[]);
        assert!(matches!(error, Err(QuantizeError::Graph(_))));
    }

    #[test]
    fn rejects_activations_that_are_not_finite() {
        let mut builder = random::Builder::new(2, 2, 1);
        let x = builder.relu(NodeId(0));
        builder.graph.push("overflows", Op::Prelu { slope: vec![1.0; 3] }, [x]);
        builder.graph.input.scale = [3e38; 3];
        let nodes = [NodeId(2)];
        let images = [vec![255; 12]];
        let error = observe(&builder.graph, &images, &nodes);
        let Err(QuantizeError::NotFinite { node }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(node, "overflows");
    }
}
