//! Which layer of two networks first differs, and by how much: float or int8, in any pairing.
//!
//! ```text
//! A: image ─> layer 0 ─> layer 1 ─> .. ─> embedding       as they run: what all layers before did is in a tensor
//! B: image ─> layer 0 ─> layer 1 ─> .. ─> embedding
//!
//!           A's tensors ─> B's layer k ─> beside A's      one layer alone: what only this layer does differently
//! ```
//!
//! Layers are those that int8 has: a float network's nodes are fused as the quantizer fuses them. Rounding adds up along a
//! network, so the tensors as they run do not say where something went wrong. The verdict is on each layer alone, fed
//! with the other network's tensors. What it may be off by is a [`Rule`]: nothing, the order of f32 sums, or what rounding its
//! inputs, weights and output explains.

mod align;
mod float;
mod int8;
mod layers;
mod report;
mod rounding;
mod sizes;
#[cfg(test)]
mod tests;

pub use align::Parting;
pub use report::{LayerDifference, Report};

use crate::graph::GraphError;
use crate::likeness::{Likeness, cosines};
use crate::model::Model;
use crate::quantize::{Goal, PlanError, QuantizeError, replan};
use edge_infer::engine::EngineError;
use layers::Network;
use serde::Serialize;
use sizes::Sizes;

/// What a layer alone may be off by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Two float networks: a ten-thousandth of the tensor's size, which the order of sums stays far below.
    Float,
    /// Two int8 networks with the same scales: nothing.
    Bits,
    /// Else: a few times what rounding explains.
    Rounding,
}

/// Why two networks could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// Nothing to run them on.
    #[error("no images; give a few aligned faces")]
    NoImages,
    /// They take images of different sizes.
    #[error(
        "the first network reads {}x{} pixels, the second {}x{}: no image fits both", .a.0, .a.1, .b.0, .b.1
    )]
    InputSize {
        /// Width and height of the first one's.
        a: (usize, usize),
        /// Of the second one's.
        b: (usize, usize),
    },
    /// A float network that does not fall into layers.
    #[error(transparent)]
    Layers(#[from] QuantizeError),
    /// The float executor.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An int8 network whose layers cannot be planned one by one.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The int8 engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// One layer alone.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Own {
    /// Over what the [`Rule`] allows: above 1, or above 0 in bits, it is at fault.
    error: f64,
    /// The output channel that is off most.
    channel: usize,
    likeness: Likeness,
    fault: bool,
}

/// Every layer's tensor of one image, real values; one entry a layer.
type Trace = Vec<Vec<f32>>;

/// Compares two networks layer by layer on the same images: RGB bytes of their size.
///
/// All tensors of all images are held in memory: a MobileFaceNet takes 20 MB an image.
///
/// # Errors
/// See [`DiffError`]. Networks of different structure are no error: they are compared up to where they part.
pub fn compare<I: AsRef<[u8]> + Sync>(
    a: &Model,
    b: &Model,
    images: &[I],
) -> Result<Report, DiffError> {
    if images.is_empty() {
        return Err(DiffError::NoImages);
    }
    let (size_a, size_b) = (a.input_size(), b.input_size());
    if size_a != size_b {
        return Err(DiffError::InputSize { a: size_a, b: size_b });
    }
    let (a, b) = (Network::of(a)?, Network::of(b)?);
    let (common, parting) = align::align(&a.layers, &b.layers);
    // The float network of a pair says what the int8 one should do.
    let (reference, subject) = match (a.model, b.model) {
        (Model::Int8(_), Model::Float(_)) => (&b, &a),
        _ => (&a, &b),
    };
    let (expected, seen) = (reference.traces(images)?, subject.traces(images)?);
    let (rule, own, sizes) = match subject.model {
        Model::Float(float) => {
            let own = float::own(&float.graph, &subject.layers[..common], images, &expected)?;
            (Rule::Float, own, sizes::ones(&subject.layers[..common]))
        }
        Model::Int8(file) => {
            // A layer alone needs its tensors whole.
            let file = replan(file, Goal::Speed)?;
            let alone = int8::Alone::new(&file, reference, subject, common, images, &expected);
            let (own, sizes) = alone.own()?;
            (alone.rule, own, sizes)
        }
    };
    // Of a network with other outputs, the last tensor is no more than one of them.
    let embeds = a.model.is_embedding()? && b.model.is_embedding()?;
    let embedding = |(a, b): (&Trace, &Trace)| {
        let (a, b) = (a.last().filter(|_| embeds)?, b.last()?);
        (a.len() == b.len()).then(|| Likeness::of(a, b))
    };
    let embeddings: Option<Vec<Likeness>> = expected.iter().zip(&seen).map(embedding).collect();
    let layer = |(index, own): (usize, &Own)| {
        let layer = &reference.layers[index];
        let running = as_they_run(&expected, &seen, index, &sizes);
        LayerDifference {
            layer: index,
            name: layer.name.clone(),
            op: layer.op,
            shape: [layer.shape.height, layer.shape.width, layer.shape.channels],
            cosine: running.cosine(),
            sqnr_db: running.sqnr_db(),
            own_cosine: own.likeness.cosine(),
            own_sqnr_db: own.likeness.sqnr_db(),
            own_error: own.error,
            own_error_channel: own.channel,
            fault: own.fault,
        }
    };
    let layers: Vec<LayerDifference> = own.iter().enumerate().map(layer).collect();
    let embeddings = embeddings.map(|pairs| cosines(&pairs));
    Ok(Report::new(images.len(), rule, layers, parting, embeddings))
}

/// A layer's tensors of both networks as they run, the subject's channels brought to the reference's size.
fn as_they_run(expected: &[Trace], seen: &[Trace], layer: usize, sizes: &Sizes) -> Likeness {
    let sizes = &sizes[layer + 1];
    let mut likeness = Likeness::default();
    for (expected, seen) in expected.iter().zip(seen) {
        for (i, (a, b)) in expected[layer].iter().zip(&seen[layer]).enumerate() {
            likeness.see(f64::from(*a), f64::from(*b) / sizes[i % sizes.len()]);
        }
    }
    likeness
}
