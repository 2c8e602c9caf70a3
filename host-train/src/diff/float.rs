//! Layers of a float network, each fed with the tensors of another one.

use super::layers::Layer;
use super::{DiffError, Own, Trace};
use crate::graph::{Executor, Graph};
use crate::likeness::Likeness;
use rayon::prelude::*;

/// A channel may be off by this share of its tensor's size, both root mean squares.
const ALLOWED: f64 = 1e-4;

/// Every layer alone. `expected` are the other network's tensors of the images, which take the place of this one's as soon as
/// they have been compared.
pub(super) fn own<I: AsRef<[u8]> + Sync>(
    graph: &Graph,
    layers: &[Layer],
    images: &[I],
    expected: &[Trace],
) -> Result<Vec<Own>, DiffError> {
    let executor = Executor::new(graph)?;
    let of_image = |(image, expected): (&I, &Trace)| {
        let mut seen: Vec<Vec<Likeness>> = vec![Vec::new(); layers.len()];
        executor.run_with(image.as_ref(), |id, values| {
            let Some(at) = layers.iter().position(|layer| layer.output == id) else { return };
            let channels = layers[at].shape.channels;
            seen[at] = vec![Likeness::default(); channels];
            for (i, (a, b)) in expected[at].iter().zip(values.iter()).enumerate() {
                seen[at][i % channels].see(f64::from(*a), f64::from(*b));
            }
            values.copy_from_slice(&expected[at]);
        })?;
        Ok(seen)
    };
    let of_images: Vec<Vec<Vec<Likeness>>> =
        images.par_iter().zip(expected).map(of_image).collect::<Result<_, DiffError>>()?;
    let layer = |at: usize| {
        let mut channels = vec![Likeness::default(); layers[at].shape.channels];
        for image in &of_images {
            for (sum, channel) in channels.iter_mut().zip(&image[at]) {
                *sum = sum.and(*channel);
            }
        }
        let likeness = channels.iter().copied().fold(Likeness::default(), Likeness::and);
        let size = (likeness.signal() / channels.len() as f64).sqrt();
        let off = channels.iter().map(|channel| channel.noise().sqrt()).enumerate();
        let (channel, off) =
            off.max_by(|a, b| a.1.total_cmp(&b.1)).expect("a tensor has a channel");
        let error = if off == 0.0 { 0.0 } else { off / (ALLOWED * size) };
        // What is not a number is no excuse.
        Own { error, channel, likeness, fault: error.is_nan() || error > 1.0 }
    };
    Ok((0..layers.len()).map(layer).collect())
}
