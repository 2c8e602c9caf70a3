//! Which range each tensor gets: of several ways to choose one, the one that harms the network's outputs least.
//!
//! ```text
//! float ── float ── tensor, stored in int8 with a candidate's range ── float ── outputs     beside the float network's
//! ```
//!
//! The error inside a tensor is not what it costs: layers behind it weigh channels, and tails, differently. So each candidate's
//! rounding and clipping of this tensor alone goes through the rest of the float network, on a few of the calibration images.

use super::QuantizeError;
use super::calibrate::Observed;
use super::range::{Affine, Calibration};
use crate::graph::{Executor, Graph, NodeId};
use crate::likeness::Likeness;
use rayon::prelude::*;

/// Images that candidates are measured on, at most: their differences are far larger than what images differ by.
const IMAGES: usize = 16;

/// One range for each of `values`, whose distributions are `observed`. With one way to choose there is nothing to measure.
///
/// # Errors
/// An image of another size.
pub(super) fn ranges<I: AsRef<[u8]> + Sync>(
    graph: &Graph,
    values: &[NodeId],
    observed: &[Observed],
    ways: &[Calibration],
    images: &[I],
) -> Result<Vec<Affine>, QuantizeError> {
    if let [way] = ways {
        return Ok(observed.iter().map(|observed| observed.histogram.choose(*way)).collect());
    }
    let executor = Executor::new(graph)?;
    let count = images.len().min(IMAGES);
    let images: Vec<&[u8]> =
        (0..count).map(|i| images[i * images.len() / count].as_ref()).collect();
    let expected: Vec<Vec<Vec<f32>>> =
        images.par_iter().map(|image| executor.run(image)).collect::<Result<_, _>>()?;
    let harm = |value: NodeId, affine: Affine| -> Result<f64, QuantizeError> {
        let of_image = |(image, expected): (&&[u8], &Vec<Vec<f32>>)| {
            let outputs = executor.run_with(image, |id, values| {
                if id == value {
                    affine.round(values);
                }
            })?;
            let pairs = expected.iter().zip(&outputs);
            Ok(pairs.map(|(float, rounded)| Likeness::of(float, rounded)).collect())
        };
        let seen: Vec<Vec<Likeness>> =
            images.par_iter().zip(&expected).map(of_image).collect::<Result<_, QuantizeError>>()?;
        Ok(share_of_noise(&seen))
    };
    let best = |(&value, observed): (&NodeId, &Observed)| {
        let mut candidates: Vec<Affine> = Vec::new();
        for affine in ways.iter().map(|way| observed.histogram.choose(*way)) {
            if !candidates.contains(&affine) {
                candidates.push(affine);
            }
        }
        if let [only] = candidates[..] {
            return Ok(only);
        }
        let mut best = (f64::INFINITY, candidates[0]);
        for affine in candidates {
            let harm = harm(value, affine)?;
            // The earlier way wins where it makes no difference.
            if harm < best.0 {
                best = (harm, affine);
            }
        }
        Ok(best.1)
    };
    values.iter().zip(observed).map(best).collect()
}

/// Noise over signal, each output by itself over all images, added up: outputs of other units count alike.
fn share_of_noise(images: &[Vec<Likeness>]) -> f64 {
    let outputs = images.first().map_or(0, Vec::len);
    let sum = |output: usize| {
        images.iter().map(|image| image[output]).fold(Likeness::default(), Likeness::and)
    };
    let share = |sum: Likeness| if sum.noise() > 0.0 { sum.noise() / sum.signal() } else { 0.0 };
    (0..outputs).map(sum).map(share).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::Op;
    use crate::graph::random::{self, Builder};
    use crate::quantize::calibrate::observe;

    /// A tensor with one huge value of one channel: where the network's output is made of that channel, the range must hold it;
    /// where the channel counts for nothing, the range must be that of the others.
    #[test]
    fn what_the_output_is_made_of_decides() {
        for weight in [1.0, 0.0] {
            let mut builder = Builder::new(32, 32, 5);
            builder.graph.input.mean = [128.0; 3];
            builder.graph.input.scale = [0.01, 0.01, 0.4];
            let slope = vec![1.0; 3];
            let x = builder.graph.push("wide", Op::Prelu { slope }, [NodeId(0)]);
            let y = builder.conv(x, 1, 1, 1, 0);
            let Op::Conv2d(conv) = &mut builder.graph.nodes[y.0].op else { unreachable!() };
            conv.weight = vec![1.0 - weight, 1.0 - weight, weight];
            let graph = builder.graph;
            // Red and green are spread up to 1.3; blue is nothing but for one pixel of all, where it is 51.
            let mut images = random::images(IMAGES, 32, 32, 3);
            let pixels = images.iter_mut().flat_map(|image| image.chunks_exact_mut(3));
            pixels.enumerate().for_each(|(i, pixel)| pixel[2] = if i == 5000 { 255 } else { 128 });
            let observed = observe(&graph, &images, &[x]).unwrap();
            let chosen = ranges(&graph, &[x], &observed, Calibration::ALL, &images).unwrap();
            let (_, high) = chosen[0].bounds();
            assert!(if weight == 1.0 { high > 50.0 } else { high < 2.0 }, "{weight}: {high}");
        }
    }

    #[test]
    fn one_way_is_taken_as_it_is() {
        let graph = random::small(3);
        let images = random::images(4, graph.input.height, graph.input.width, 8);
        let values: Vec<NodeId> = (0..graph.nodes.len()).map(NodeId).collect();
        let observed = observe(&graph, &images, &values).unwrap();
        let ranges = ranges(&graph, &values, &observed, &[Calibration::MinMax], &images).unwrap();
        let expected = observed.iter().map(|o| o.histogram.choose(Calibration::MinMax));
        assert_eq!(ranges, expected.collect::<Vec<_>>());
    }
}
