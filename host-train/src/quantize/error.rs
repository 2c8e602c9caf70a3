//! Why a network could not be quantized.

use crate::data::DataError;
use crate::graph::GraphError;
use model_format::writer::WriteError;

/// What went wrong, with the node it went wrong at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// The float graph, or a calibration image given to it, is not usable.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// There is nothing to calibrate on.
    #[error(
        "no calibration images; give a few hundred aligned faces of the kind the network will see"
    )]
    NoImages,
    /// A network that gives something else is to learn in int8.
    #[error("only networks with one embedding as output learn in int8: leave --qat out")]
    NoEmbedding,
    /// Images to learn from can't be loaded; boxed, for it is large and rare.
    #[error(transparent)]
    Images(Box<DataError>),
    /// A percentile that leaves nothing inside, or is not one.
    #[error("calibration percentile {0} is outside (50, 100]")]
    Percentile(f32),
    /// An activation became infinite or NaN on a calibration image.
    #[error(
        "node {node}: its output is not finite on a calibration image; check the network and its input scale"
    )]
    NotFinite {
        /// The node's name.
        node: String,
    },
    /// A node that the int8 engine cannot run where it stands.
    #[error("node {node}: {op} cannot run in int8: {reason}")]
    Unsupported {
        /// The node's name.
        node: String,
        /// Its operation.
        op: &'static str,
        /// What about it, and what would be possible.
        reason: &'static str,
    },
    /// A sum that could leave 32 bits on some input.
    #[error(
        "node {node}: the sum of channel {channel} could reach {worst}, above {}; split the layer",
        i32::MAX
    )]
    Overflow {
        /// The node's name.
        node: String,
        /// Output channel.
        channel: usize,
        /// Largest possible magnitude of the sum: `|bias| + 128 * sum |w|`.
        worst: i64,
    },
    /// Scales so far apart that their ratio is no finite `f32`.
    #[error(
        "node {node}: the multiplier of channel {channel} is {value}; its weights or its outputs are out of proportion"
    )]
    Multiplier {
        /// The node's name.
        node: String,
        /// Output channel; 0 or 1 for the operands of a sum.
        channel: usize,
        /// The multiplier.
        value: f64,
    },
    /// A number that the model file has no room for.
    #[error("node {node}: {what} {value} is above {limit}, the most that the model file can hold")]
    TooLarge {
        /// The node's name.
        node: String,
        /// Which number.
        what: &'static str,
        /// Its value.
        value: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The model file refused the result.
    #[error(transparent)]
    Write(#[from] WriteError),
}
