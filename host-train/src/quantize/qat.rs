//! Quantization-aware training: the int8 network itself learns to answer as its float form does, or as what taught that.
//!
//! ```text
//! int8 file's numbers ──> forward, in whole steps ──> embedding ──┐
//!        ^                 (bit for bit the engine's)             ├─ L = mean(1 - u_i . t_i) + mean (u_i . u_j - t_i . t_j)^2
//!        └── Adam <── gradients, straight through the rounding    │
//! images ──> float network, or another teacher ───> embedding ────┘
//! ```
//!
//! What learns are the numbers that the file will hold: weights and biases in steps (kept in f32 between the whole numbers and
//! rounded in each forward), multipliers of both signs as they are. Scales, zero points and the plan of memory stay, and so does
//! the cost of the network. `forward` says what each op computes, `adam` how numbers move.
//!
//! From its float form a network gets back what the rounding took in a regular way; the rest is noise of its activations' steps, and no
//! weights undo that. Where the float network itself had a teacher, that one has more to say.

mod adam;
mod forward;

use super::QuantizeError;
use crate::data::DataError;
use crate::graph::{Executor, Graph};
use crate::loss::{cosines, relation, unit_rows};
use burn::tensor::{Device, Tensor, TensorData};
use forward::Learner;
use model_format::writer::ModelBuilder;

/// How long an int8 network learns, and from what.
pub struct Learning<'a> {
    /// The folded network whose embeddings are to be met, of the same images and length; where there is none, the float form.
    pub teacher: Option<&'a Graph>,
    /// Batches; at 0 nothing is learned.
    pub steps: usize,
    /// Of the first step, in steps of a weight; it falls to 0 by half a cosine. 0.01 to 0.05 are sensible.
    pub rate: f64,
    /// The images of a step, at least two: RGB, of the network's size. The same step gives the same images.
    pub batch: &'a (dyn Fn(usize) -> Result<Vec<Vec<u8>>, DataError> + Sync),
    /// Called after each step with its loss.
    pub seen: &'a dyn Fn(f64),
}

/// Lets `model` learn from `float`, the network that it was made of, or from its teacher; `names` are its ops', for errors.
///
/// # Errors
/// The network gives no embedding, a batch can't be loaded, or a sum could leave 32 bits.
pub(super) fn learn(
    model: &mut ModelBuilder,
    names: &[&str],
    float: &Graph,
    learning: &Learning<'_>,
) -> Result<(), QuantizeError> {
    if !model.outputs.is_empty() {
        return Err(QuantizeError::NoEmbedding);
    }
    let teacher = Executor::new(learning.teacher.unwrap_or(float))?;
    let device = Device::flex().autodiff();
    let mut learner = Learner::new(model, &device);
    for step in 0..learning.steps {
        let images =
            (learning.batch)(step).map_err(|source| QuantizeError::Images(source.into()))?;
        let taught = teacher.embed_batch(&images)?;
        let shape = [taught.len(), taught.first().map_or(0, Vec::len)];
        let taught = Tensor::from_data(TensorData::new(taught.concat(), shape), &device);
        let taught = unit_rows(taught);
        let learned = unit_rows(learner.forward(model, &images));
        let apart = cosines(learned.clone(), taught.clone()).mean().neg().add_scalar(1.0);
        let loss = apart + relation(learned, taught);
        let mut gradients = loss.backward();
        let done = step as f64 / learning.steps as f64;
        let rate = learning.rate * 0.5 * (1.0 + (core::f64::consts::PI * done).cos());
        learner.move_along(&mut gradients, rate);
        let loss: f32 = loss.into_scalar();
        (learning.seen)(loss.into());
    }
    learner.write(model, names)
}

#[cfg(test)]
mod tests;
