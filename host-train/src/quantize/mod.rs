//! From a float graph to an int8 model file.
//!
//! ```text
//! Graph ─fold─> ─fuse─> layers ─equalise─> ───┐
//!   └── calibration images ─observe─> ranges ──┴─ptq, reconstruct─> int8 weights, multipliers ─plan, lower─> (qat) ─> model.afm
//! ```
//!
//! Activations are affine int8 a tensor, weights symmetric int8 an output channel; `DESIGN` calls this the number
//! contract, `ptq` and `range` state their part of it. Nothing here computes in int8: whoever wants to know what the
//! result does runs `edge-infer` on the bytes, as a door will; `reconstruct` does.

mod calibrate;
mod choose;
mod equalise;
mod error;
mod fuse;
mod lower;
mod planner;
mod ptq;
mod qat;
mod range;
mod reconstruct;
mod recover;
mod sensitivity;

pub use error::QuantizeError;
pub use planner::{ALIGNMENT, Goal, Lifetime, Plan, PlanError, peak_bytes, plan, replan};
pub use qat::Learning;
pub use range::Calibration;
pub use sensitivity::{LayerHarm, sensitivity};
pub(crate) use {
    fuse::{Layer as Fused, fuse},
    ptq::Filters,
    range::Affine,
    recover::{Recovered, grid, parameters, values},
};

use crate::graph::{Graph, NodeId, Op, fold};
use edge_infer::image::align::ARCFACE_TEMPLATE_112;
use lower::{Network, Stored};
use model_format::writer::ModelBuilder;
use serde::Serialize;

/// How to quantize.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How activation ranges are chosen; of several ways, each tensor takes the one that harms the network's outputs least.
    pub calibration: &'static [Calibration],
    /// Whether channels of a tensor are brought to one size first.
    pub equalise: bool,
    /// Whether weights are chosen for the int8 activations that they will see, not rounded by themselves.
    pub reconstruct: bool,
}

impl Default for Options {
    /// Everything that keeps int8 near float. Measuring several ways to choose ranges is left out: where channels are of one size,
    /// least squared error is as good.
    fn default() -> Self {
        Self { calibration: &[Calibration::Mse], equalise: true, reconstruct: true }
    }
}

/// What the model file says about itself beside the network; see `model_format::Metadata` for each entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Where the aligner puts the five landmarks: x, y in pixels of the model's input.
    pub landmarks: [[f32; 2]; 5],
    /// The model's name.
    pub name: String,
    /// Training and calibration data.
    pub data: String,
    /// The command that made the model.
    pub command: String,
    /// Seed of that command.
    pub seed: u64,
    /// Version of the source.
    pub commit: String,
    /// Licence of the weights.
    pub licence: String,
}

/// ArcFace's landmark template in a square input of `side` pixels; at 112 to the bit.
pub fn arcface_landmarks(side: usize) -> [[f32; 2]; 5] {
    let scale = side as f32 / 112.0;
    ARCFACE_TEMPLATE_112.map(|point| point.map(|at| at * scale))
}

/// A quantized network.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// The `.afm` file.
    pub bytes: Vec<u8>,
    /// What the file was written from, for what is known only once it has been measured: thresholds and verdict.
    pub model: ModelBuilder,
    /// The same as it was before it learned, where it did.
    pub before_learning: Option<Vec<u8>>,
    /// One entry an operation, in execution order.
    pub layers: Vec<LayerReport>,
    /// The float network that the file is of: folded, its channels of the sizes that the file's have.
    pub float: Graph,
}

/// How one operation's output is stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerReport {
    /// Name of the node in the float graph that says what the operation is.
    pub name: String,
    /// Its operation in the float graph.
    pub op: &'static str,
    /// Rows, columns, channels of the output.
    pub shape: [usize; 3],
    /// Range of the output; none where its sums are kept whole.
    pub range: Option<RangeReport>,
}

/// The int8 range of one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RangeReport {
    /// Real value of one step.
    pub scale: f32,
    /// Stored value of real zero.
    pub zero_point: i8,
    /// Signal-to-noise ratio of storing this tensor in int8, expected from its distribution on the calibration images:
    /// its own rounding and clipping, not what came before. Decibels.
    pub sqnr_db: f64,
}

/// Quantizes a trained network after training, and lets it learn in int8 where `learning` says how.
///
/// `calibration` are RGB images of the input's size, `height * width * 3` bytes each, HWC, red first; a few hundred of
/// the kind that the network will see. The same arguments give the same bytes, whatever the number of threads.
///
/// # Errors
/// See [`QuantizeError`]: an unusable graph or image, a node without an int8 form, a sum that could overflow.
pub fn quantize<I: AsRef<[u8]> + Sync>(
    graph: &Graph,
    calibration: &[I],
    options: &Options,
    learning: Option<&Learning<'_>>,
    provenance: &Provenance,
) -> Result<Quantized, QuantizeError> {
    let graph = fold(graph)?;
    let Rounded { mut model, layers, float } = rounded(&graph, calibration, options, provenance)?;
    let mut before_learning = None;
    if let Some(learning) = learning {
        before_learning = Some(model.build()?);
        let names: Vec<&str> = layers.iter().map(|layer| &*layer.name).collect();
        qat::learn(&mut model, &names, &graph, learning)?;
    }
    Ok(Quantized { bytes: model.build()?, model, before_learning, layers, float })
}

/// A network before it has learned in int8.
struct Rounded {
    model: ModelBuilder,
    layers: Vec<LayerReport>,
    /// See [`Quantized::float`].
    float: Graph,
}

/// The int8 form of a folded graph, as it is after training.
fn rounded<I: AsRef<[u8]> + Sync>(
    graph: &Graph,
    calibration: &[I],
    options: &Options,
    provenance: &Provenance,
) -> Result<Rounded, QuantizeError> {
    options.calibration.iter().try_for_each(|way| way.check())?;
    let mut graph = graph.clone();
    let shapes = graph.check()?;
    let layers = fuse::fuse(&graph)?;

    let mut values = vec![NodeId(0)];
    let stored_layers = layers.iter().filter(|layer| !layer.keeps_sums(&graph));
    values.extend(stored_layers.map(|layer| layer.output));
    if options.equalise {
        let observed = calibrate::observe(&graph, calibration, &values)?;
        let mut reach = vec![None; graph.nodes.len()];
        for (value, observed) in values.iter().zip(observed) {
            reach[value.0] = Some(observed.reach);
        }
        equalise::equalise(&mut graph, &layers, &reach, calibration.len());
    }
    let observed = calibrate::observe(&graph, calibration, &values)?;
    let mut stored = vec![None; graph.nodes.len()];
    let mut ranges = vec![None; graph.nodes.len()];
    let chosen = choose::ranges(&graph, &values, &observed, options.calibration, calibration)?;
    for ((value, observed), affine) in values.iter().zip(observed).zip(chosen) {
        let Affine { scale, zero_point } = affine;
        let sqnr_db = observed.histogram.sqnr_db(affine);
        ranges[value.0] = Some(RangeReport { scale, zero_point, sqnr_db });
        stored[value.0] = Some(Stored { affine, mean: observed.mean });
    }
    for layer in &layers {
        let op = &graph.node(layer.head).op;
        if let (Op::Sigmoid | Op::HardSigmoid { .. }, Some(to)) = (op, &mut stored[layer.output.0])
        {
            // Known, whatever the images were.
            to.affine = Affine::spanning(0.0, 1.0);
        }
        // A maximum and an enlargement pass stored values on as they are.
        if !matches!(op, Op::MaxPool(_) | Op::Upsample { .. }) {
            continue;
        }
        let (from, to) = (layer.operands[0].0, layer.output.0);
        let affine = stored[from].as_ref().map(|from: &Stored| from.affine);
        if let (Some(affine), Some(to)) = (affine, &mut stored[to]) {
            to.affine = affine;
        }
        ranges[to] = ranges[from];
    }
    stored[0] = stored[0].take().map(|image| image.of_image(&graph.input));

    let linears = Vec::new();
    let mut network =
        Network { graph: &graph, shapes: &shapes, layers: &layers, stored: &stored, linears };
    network.round()?;
    if options.reconstruct {
        reconstruct::reconstruct(&mut network, calibration)?;
    }
    let model = network.lower(provenance)?;
    let report = |layer: &fuse::Layer| {
        let (node, shape) = (graph.node(layer.head), shapes[layer.output.0]);
        LayerReport {
            name: node.name.clone(),
            op: node.op.name(),
            shape: [shape.height, shape.width, shape.channels],
            range: ranges[layer.output.0],
        }
    };
    Ok(Rounded { model, layers: layers.iter().map(report).collect(), float: graph })
}

#[cfg(test)]
pub(crate) mod tests;
