//! The comparison of two networks, for people and programs.

use super::{Parting, Rule};
use serde::Serialize;

/// What the comparison of two networks says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Images that both have run on.
    pub images: usize,
    /// What a layer alone may be off by.
    pub rule: Rule,
    /// The first layer at fault: alone, it is off by more than the rule allows.
    pub first_fault: Option<usize>,
    /// The layer that is off by the most, as a share of what is allowed.
    pub largest: Option<usize>,
    /// Where the structures part; layers from there on are not compared.
    pub parting: Option<Parting>,
    /// Mean cosine of the embeddings; none of different lengths.
    pub mean_cosine: Option<f64>,
    /// Least cosine of the embeddings.
    pub least_cosine: Option<f64>,
    /// One entry a layer, in execution order.
    pub layers: Vec<LayerDifference>,
}

/// How one layer differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerDifference {
    /// Its place, counted from 0.
    pub layer: usize,
    /// Its name in the float network of the two, or the first one's.
    pub name: String,
    /// Its operation.
    pub op: &'static str,
    /// Rows, columns, channels of its tensor.
    pub shape: [usize; 3],
    /// Cosine of the tensors as both networks run, all images as one tensor.
    pub cosine: f64,
    /// Their signal-to-noise ratio, decibels; infinite (in JSON null) when they are equal.
    pub sqnr_db: f64,
    /// Cosine of what this layer alone makes of the other network's tensors.
    pub own_cosine: f64,
    /// Its signal-to-noise ratio.
    pub own_sqnr_db: f64,
    /// How far the layer alone is off in the channel that is worst: root mean square over what the rule allows; by
    /// [`Rule::Bits`], in steps of the tensor's grid.
    pub own_error: f64,
    /// That channel.
    pub own_error_channel: usize,
    /// Whether that is more than is allowed.
    pub fault: bool,
}

impl Report {
    pub(super) fn new(
        images: usize,
        rule: Rule,
        layers: Vec<LayerDifference>,
        parting: Option<Parting>,
        cosines: Option<(f64, f64)>,
    ) -> Self {
        let (mean_cosine, least_cosine) = cosines.unzip();
        let differ = layers.iter().filter(|layer| layer.own_error != 0.0);
        let largest = differ.max_by(|a, b| a.own_error.total_cmp(&b.own_error));
        Self {
            images,
            rule,
            first_fault: layers.iter().position(|layer| layer.fault),
            largest: largest.map(|layer| layer.layer),
            parting,
            mean_cosine,
            least_cosine,
            layers,
        }
    }
}
