//! Where int8 hurts: what the embedding loses when one layer alone is int8, layer by layer.
//!
//! ```text
//! float ── float ── layer: weights and bias of the file, output rounded to the file's grid ── float ── embedding
//! ```
//!
//! One layer alone in int8 is nothing that the engine can run, so this is a float simulation of it, to rank layers by: real
//! weights, of the values that the file can hold, and an output moved to the nearest of its 256 values. What a layer's
//! tensor has become in the whole int8 network is the engine's own.

use super::fuse::Layer;
use super::{Graph, QuantizeError, Recovered, fuse, grid, parameters, values};
use crate::graph::{Executor, NodeId, Op};
use crate::likeness::{Likeness, cosines};
use edge_infer::engine::Engine;
use model_format::ModelFile;
use rayon::prelude::*;
use serde::Serialize;

/// What one layer in int8 costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerHarm {
    /// The layer's place, counted from 0: the operation's of the model file.
    pub layer: usize,
    /// Its name in the float network.
    pub name: String,
    /// Mean cosine between the float embedding and that with this layer alone in int8; simulated.
    pub cosine: f64,
    /// The least of these cosines; simulated.
    pub least_cosine: f64,
    /// Signal-to-noise ratio of that embedding, decibels; simulated.
    pub embedding_sqnr_db: f64,
    /// Signal-to-noise ratio of the layer's tensor in the whole int8 network, what the layers before did included, decibels;
    /// by the engine.
    pub tensor_sqnr_db: f64,
}

/// Looks at every layer of an int8 network; the most harmful comes first. `float` and `file` are those of one
/// [`Quantized`](super::Quantized), `images` RGB bytes of the input's size, of the kind that the network will see but
/// others than it was calibrated on. `done` is called after each layer.
///
/// # Errors
/// No images, one of another size, or a file of another network.
pub fn sensitivity<I: AsRef<[u8]> + Sync>(
    float: &Graph,
    file: &ModelFile,
    images: &[I],
    done: impl Fn(),
) -> Result<Vec<LayerHarm>, QuantizeError> {
    if images.is_empty() {
        return Err(QuantizeError::NoImages);
    }
    let layers = fuse(float)?;
    let executor = Executor::new(float)?;
    let run = |image: &I| Ok(executor.run(image.as_ref())?.concat());
    let expected: Vec<Vec<f32>> =
        images.par_iter().map(run).collect::<Result<_, QuantizeError>>()?;
    let in_network = in_network(float, &layers, file, images)?;
    let view = file.view();
    let mut harms = Vec::with_capacity(layers.len());
    for (step, (layer, op)) in layers.iter().zip(view.ops()).enumerate() {
        let mut graph = float.clone();
        if let Some(Recovered { mut filters, .. }) = parameters(&view, &op) {
            if layer.operands[0] == NodeId(0) {
                filters.release_image(&float.input);
            }
            let narrow = |values: &[f64]| values.iter().map(|v| *v as f32).collect();
            let (weight, bias) = (narrow(&filters.weight), Some(narrow(&filters.bias)));
            match &mut graph.nodes[layer.head.0].op {
                Op::Conv2d(conv) => (conv.weight, conv.bias) = (weight, bias),
                Op::FullyConnected(dense) => (dense.weight, dense.bias) = (weight, bias),
                _ => {}
            }
        }
        let grid = grid(&view, &op);
        let executor = Executor::new(&graph)?;
        let alone = |(image, expected): (&I, &Vec<f32>)| {
            let outputs = executor.run_with(image.as_ref(), |id, values| {
                if let Some(grid) = grid.filter(|_| id == layer.output) {
                    grid.round(values);
                }
            })?;
            Ok(Likeness::of(expected, &outputs.concat()))
        };
        let alone = images.par_iter().zip(&expected).map(alone);
        let alone: Vec<Likeness> = alone.collect::<Result<_, QuantizeError>>()?;
        let (cosine, least_cosine) = cosines(&alone);
        harms.push(LayerHarm {
            layer: step,
            name: float.node(layer.head).name.clone(),
            cosine,
            least_cosine,
            embedding_sqnr_db: alone.into_iter().fold(Likeness::default(), Likeness::and).sqnr_db(),
            tensor_sqnr_db: in_network[step].sqnr_db(),
        });
        done();
    }
    harms.sort_by(|a, b| a.embedding_sqnr_db.total_cmp(&b.embedding_sqnr_db));
    Ok(harms)
}

/// Each layer's tensor as the engine makes it, beside that of the float network.
fn in_network<I: AsRef<[u8]> + Sync>(
    float: &Graph,
    layers: &[Layer],
    file: &ModelFile,
    images: &[I],
) -> Result<Vec<Likeness>, QuantizeError> {
    let executor = Executor::new(float)?;
    let engine = Engine::new(file.view());
    let of_image = |image: &I| {
        let mut tensors = vec![Vec::new(); float.nodes.len()];
        executor.activations(image.as_ref(), |id, values| {
            if layers.iter().any(|layer| layer.output == id) {
                tensors[id.0] = values.to_vec();
            }
        })?;
        let mut likeness = vec![Likeness::default(); layers.len()];
        // Values of each layer that the engine has made: it may make them a few rows at a time.
        let mut made = vec![0; layers.len()];
        let mut arena = vec![0; engine.arena_bytes()];
        let observe = |step: usize, op: &model_format::Op<'_>, written: &[u8]| {
            if let Some(layer) = layers.get(step) {
                let values = values(&engine.model(), op, written);
                let expected = &tensors[layer.output.0][made[step]..];
                for (expected, value) in expected.iter().zip(&values) {
                    likeness[step].see(f64::from(*expected), f64::from(*value));
                }
                made[step] += values.len();
            }
        };
        engine
            .run_with(image.as_ref(), &mut arena, observe)
            .expect("the float network has seen the image's size");
        Ok(likeness)
    };
    let of_images: Vec<Vec<Likeness>> =
        images.par_iter().map(of_image).collect::<Result<_, QuantizeError>>()?;
    let mut sums = vec![Likeness::default(); layers.len()];
    for image in of_images {
        for (sum, likeness) in sums.iter_mut().zip(image) {
            *sum = sum.and(likeness);
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::random;
    use crate::quantize::tests::edited;
    use crate::quantize::{Calibration, Options, Provenance, Quantized, quantize};

    const PLAIN: Options =
        Options { calibration: &[Calibration::MinMax], equalise: false, reconstruct: false };

    fn made(graph: &Graph) -> Quantized {
        let calibration = random::images(32, graph.input.height, graph.input.width, 1);
        quantize(graph, &calibration, &PLAIN, None, &Provenance::default()).unwrap()
    }

    fn harms(float: &Graph, bytes: &[u8]) -> Vec<LayerHarm> {
        let file = ModelFile::from_bytes(bytes).unwrap();
        let judged = random::images(16, float.input.height, float.input.width, 2);
        sensitivity(float, &file, &judged, || ()).unwrap()
    }

    #[test]
    fn weights_of_few_values_cost_their_own_layer_and_no_other() {
        let made = made(&random::small(4));
        let by_layer = |bytes: &[u8]| {
            let mut harms = harms(&made.float, bytes);
            harms.sort_by_key(|harm| harm.layer);
            harms
        };
        let sound = by_layer(&made.bytes);
        assert_eq!(sound.len(), made.layers.len());
        for step in 0..sound.len() {
            let coarse = by_layer(&edited(&made.bytes, step, |op| {
                op.weights.iter_mut().for_each(|w| *w = (*w as f32 / 42.0).round() as i8 * 42);
            }));
            for (sound, coarse) in sound.iter().zip(&coarse) {
                let lost = sound.embedding_sqnr_db - coarse.embedding_sqnr_db;
                assert!(if sound.layer == step { lost > 3.0 } else { lost == 0.0 }, "{coarse:?}");
            }
            // In the whole int8 network, layers before it do not see it.
            assert_eq!(coarse[..step], sound[..step]);
        }
    }

    /// A huge weight of an input that is always zero changes nothing in float, and takes the steps from its whole row.
    #[test]
    fn a_layer_with_outliers_comes_first() {
        let graph = crate::graph::fold(&random::small(4)).unwrap();
        let layers = fuse(&graph).unwrap();
        let mut tried = 0;
        for (step, layer) in layers.iter().enumerate() {
            let maker = layers.iter().find(|maker| maker.output == layer.operands[0]);
            let Some(maker) = maker.filter(|maker| maker.residual.is_none()) else { continue };
            let mut harsh = graph.clone();
            let Op::Conv2d(silent) = &mut harsh.nodes[maker.head.0].op else { continue };
            let channels = silent.out_channels;
            let depth = silent.weight.len() / channels;
            silent.weight[..depth].fill(0.0);
            silent.bias.as_mut().unwrap()[0] = 0.0;
            let weight = match &mut harsh.nodes[layer.head.0].op {
                Op::Conv2d(conv) if !conv.is_depthwise() => &mut conv.weight,
                Op::FullyConnected(dense) => &mut dense.weight,
                _ => continue,
            };
            weight.iter_mut().step_by(channels).for_each(|w| *w = 50.0);
            let made = made(&harsh);
            let harms = harms(&made.float, &made.bytes);
            assert_eq!(harms[0].layer, step, "{harms:#?}");
            tried += 1;
        }
        assert!(tried >= 4, "{tried}");
    }

    #[test]
    fn a_network_of_one_layer_is_simulated_as_the_engine_runs_it() {
        let mut builder = random::Builder::new(5, 5, 1);
        builder.dense(NodeId(0), 12);
        let made = made(&builder.graph);
        let [only] = &harms(&made.float, &made.bytes)[..] else { panic!("one layer") };
        // All of the network is this layer, and the image is exact.
        assert!((only.embedding_sqnr_db - only.tensor_sqnr_db).abs() < 0.1, "{only:?}");
        assert!(only.embedding_sqnr_db > 30.0 && only.least_cosine <= only.cosine);
    }

    #[test]
    fn rejects_no_images() {
        let graph = random::small(1);
        let images = random::images(2, 12, 12, 1);
        let made = quantize(&graph, &images, &PLAIN, None, &Provenance::default()).unwrap();
        let file = ModelFile::from_bytes(&made.bytes).unwrap();
        let none: &[Vec<u8>] = &[];
        let error = sensitivity(&made.float, &file, none, || ());
        assert!(matches!(error, Err(QuantizeError::NoImages)));
    }
}
