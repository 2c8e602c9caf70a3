//! Weights chosen for the inputs that they will see: layer by layer, what int8 did to the layers before is made up for.
//!
//! The layers before, already final, run in the engine on the calibration images. From their stored outputs `x`, the layer
//! is to give what the float network's layer gives, `y`:
//!
//! ```text
//! W', b' = argmin  mean |W' x + b' - y|^2 + lambda |W' - W|^2       ridge regression towards the float weights W
//! ```
//!
//! A sum in the layer's epilogue counts as part of `y`, so what the other operand's rounding did is made up for too. Then
//! `W'` is rounded one input after the other, and the inputs still free take over what each rounding did, weighed by how
//! the inputs go together (Frantar et al., GPTQ, arXiv 2210.17323). The bias closes the gap of the means.

use super::QuantizeError;
use super::lower::{Network, Stored};
use super::ptq::{Filters, Linear, round_weight, weight_scale};
use super::{Provenance, fuse::Layer};
use crate::graph::{Conv2d, Executor, Op, Shape};
use edge_infer::engine::Engine;
use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, MatRef, Side, prelude::Solve};
use model_format::{ModelFile, Tensor};
use rayon::prelude::*;

/// Places of a layer's output that one image gives samples of, at most.
const PLACES: usize = 32;

/// Inputs of one output, at most: the work grows with the square, the samples needed with the number.
const MOST_INPUTS: usize = 1024;

/// `lambda` that is tried, as shares of the inputs' mean square; at the last one the weights stay and are rounded one by one.
const DAMPINGS: [f64; 5] = [0.01, 0.1, 1.0, 10.0, 1e6];

/// Chooses the weights of all layers anew, in their order. Every image has an arena of its own in which it goes through the
/// network a layer at a time, each layer with the weights that it has just been given.
///
/// # Errors
/// An image of another size, or a sum that could leave 32 bits.
pub(super) fn reconstruct<I: AsRef<[u8]> + Sync>(
    network: &mut Network<'_>,
    images: &[I],
) -> Result<(), QuantizeError> {
    if images.len() < 2 {
        return Ok(()); // Nothing to choose with and check on.
    }
    let targets = targets(network, images)?;
    let mut file = lowered(network)?;
    let load = |image: &I| {
        let engine = Engine::new(file.view());
        let mut arena = vec![0; engine.arena_bytes()];
        engine.load(image.as_ref(), &mut arena).expect("calibration has seen the images' size");
        arena
    };
    let mut arenas: Vec<Vec<u8>> = images.par_iter().map(load).collect();
    for (step, targets) in targets.iter().enumerate() {
        let layer = &network.layers[step];
        let window = Window::of(network, layer);
        if let Some(filters) = network.filters(layer).filter(|_| window.inputs() <= MOST_INPUTS) {
            let samples = samples(layer, &window, (&file, step, &arenas), targets);
            let name = &network.graph.node(layer.head).name;
            let operand = network.stored(layer.operands[0]);
            network.linears[step] = Some(linear(name, &filters, operand, &window, &samples)?);
            file = lowered(network)?;
        }
        let engine = Engine::new(file.view());
        arenas.par_iter_mut().for_each(|arena| {
            engine.step(step, arena).expect("the arena is this plan's");
        });
    }
    Ok(())
}

/// The network as it is; weights do not change the plan of the arena.
fn lowered(network: &Network<'_>) -> Result<ModelFile, QuantizeError> {
    let bytes = network.lower(&Provenance::default())?.build()?;
    Ok(ModelFile::from_bytes(bytes).expect("the writer's files are valid"))
}

/// How a linear layer reads its operand.
#[derive(Clone)]
struct Window {
    from: Shape,
    to: Shape,
    /// The whole operand is one place of a dense layer.
    conv: Option<Conv2d>,
}

impl Window {
    fn of(network: &Network<'_>, layer: &Layer) -> Self {
        let conv = match &network.graph.node(layer.head).op {
            Op::Conv2d(conv) => Some(Conv2d { weight: Vec::new(), bias: None, ..conv.clone() }),
            _ => None,
        };
        let (from, to) = (network.shapes[layer.operands[0].0], network.shapes[layer.head.0]);
        Self { from, to, conv }
    }

    fn is_depthwise(&self) -> bool {
        self.conv.as_ref().is_some_and(Conv2d::is_depthwise)
    }

    fn taps(&self) -> usize {
        self.conv.as_ref().map_or(self.from.height * self.from.width, |c| c.kernel[0] * c.kernel[1])
    }

    /// Inputs of one output.
    fn inputs(&self) -> usize {
        self.taps() * if self.is_depthwise() { 1 } else { self.from.channels }
    }

    /// Output places that image number `image` gives samples of.
    fn places(&self, image: usize) -> impl Iterator<Item = usize> + use<> {
        let all = self.to.height * self.to.width;
        let count = all.min(PLACES);
        // Another shift for each image, so that together they see every place.
        (0..count).map(move |i| (i * all / count + image * 31) % all)
    }

    /// Appends the operand under the window at output place `place`, `[tap][channel]`, as distances from the zero point.
    fn read(&self, stored: &[i8], zero_point: i8, place: usize, row: &mut Vec<f32>) {
        let channels = self.from.channels;
        let real = |&value: &i8| f32::from(value) - f32::from(zero_point);
        let Some(conv) = &self.conv else {
            row.extend(stored.iter().map(real));
            return;
        };
        let (y, x) = (place / self.to.width, place % self.to.width);
        for ky in 0..conv.kernel[0] {
            for kx in 0..conv.kernel[1] {
                let row_of = (y * conv.stride[0] + ky).checked_sub(conv.padding[0]);
                let column = (x * conv.stride[1] + kx).checked_sub(conv.padding[1]);
                match (row_of, column) {
                    (Some(r), Some(c)) if r < self.from.height && c < self.from.width => {
                        let pixel = (r * self.from.width + c) * channels;
                        row.extend(stored[pixel..pixel + channels].iter().map(real));
                    }
                    _ => row.extend(core::iter::repeat_n(0.0, channels)),
                }
            }
        }
    }
}

/// For each layer with weights, what the float network gives at the sampled places, images in order: the layer's own result
/// before its activation, or the sum that it ends in.
fn targets<I: AsRef<[u8]> + Sync>(
    network: &Network<'_>,
    images: &[I],
) -> Result<Vec<Vec<f32>>, QuantizeError> {
    let executor = Executor::new(network.graph)?;
    let layers = network.layers;
    let node = |layer: &Layer| match (layer.residual, layer.activation) {
        (Some(_), None) => layer.output,
        _ => layer.head,
    };
    let mut wanted = vec![None; network.graph.nodes.len()];
    for (step, layer) in layers.iter().enumerate() {
        if network.linears[step].is_some() {
            wanted[node(layer).0] = Some((step, Window::of(network, layer)));
        }
    }
    let of_image = |(image, rgb): (usize, &I)| {
        let mut rows = vec![Vec::new(); layers.len()];
        executor.activations(rgb.as_ref(), |id, values| {
            if let Some((step, window)) = &wanted[id.0] {
                for place in window.places(image) {
                    rows[*step].extend_from_slice(
                        &values[place * window.to.channels..][..window.to.channels],
                    );
                }
            }
        })?;
        Ok(rows)
    };
    let of_images = images.par_iter().enumerate().map(of_image);
    let of_images: Vec<Vec<Vec<f32>>> = of_images.collect::<Result<_, QuantizeError>>()?;
    let mut all = vec![Vec::new(); layers.len()];
    for image in of_images {
        for (all, rows) in all.iter_mut().zip(image) {
            all.extend(rows);
        }
    }
    Ok(all)
}

/// Inputs as the layer will see them, and what it is to make of them.
struct Samples {
    count: usize,
    /// How many of them are of the first half of the images.
    half: usize,
    /// `[sample][tap][channel]`, in steps of the operand.
    inputs: Vec<f32>,
    /// `[sample][output]`, real.
    targets: Vec<f32>,
}

/// From the arenas of all images as they are before op `step`, which is the layer.
fn samples(
    layer: &Layer,
    window: &Window,
    (file, step, arenas): (&ModelFile, usize, &[Vec<u8>]),
    targets: &[f32],
) -> Samples {
    let view = file.view();
    let (operand, other) = view.ops().nth(step).expect("an op a layer").reads();
    let tensor = |index| view.tensor(index).expect("the writer's files are valid");
    let operand = tensor(operand);
    // A sum in the epilogue; with an activation behind it, the layer is fitted before the sum.
    let other = other.filter(|_| layer.activation.is_none()).map(tensor);
    let of_image = |(image, arena): (usize, &Vec<u8>)| {
        let stored = |tensor: &Tensor| -> &[i8] {
            bytemuck::cast_slice(&arena[tensor.offset as usize..][..tensor.byte_len()])
        };
        let (mut inputs, mut sums) = (Vec::new(), Vec::new());
        for place in window.places(image) {
            window.read(stored(&operand), operand.zero_point, place, &mut inputs);
            if let Some(other) = &other {
                let at = &stored(other)[place * window.to.channels..][..window.to.channels];
                let zero = f32::from(other.zero_point);
                sums.extend(at.iter().map(|&v| (f32::from(v) - zero) * other.scale));
            }
        }
        (inputs, sums)
    };
    let rows: Vec<_> = arenas.par_iter().enumerate().map(of_image).collect();
    let count = targets.len() / window.to.channels;
    let (mut inputs, mut added) = (Vec::new(), Vec::new());
    for (image, sums) in rows {
        inputs.extend(image);
        added.extend(sums);
    }
    let mut targets = targets.to_vec();
    for (target, added) in targets.iter_mut().zip(added) {
        *target -= added;
    }
    let half = count / arenas.len() * (arenas.len() / 2);
    Samples { count, half, inputs, targets }
}

/// The layer in int8, from its float parameters and samples.
fn linear(
    node: &str,
    filters: &Filters,
    operand: &Stored,
    window: &Window,
    samples: &Samples,
) -> Result<Linear, QuantizeError> {
    let inputs = window.inputs();
    let width = window.taps() * window.from.channels;
    let outputs = window.to.channels;
    // Weights of steps of the operand, so that inputs need no scale.
    let scale = f64::from(operand.affine.scale);
    let rows: Vec<Row> = if window.is_depthwise() {
        let channel = |c: usize| {
            let x = Mat::from_fn(samples.count, inputs, |n, tap| {
                f64::from(samples.inputs[n * width + tap * outputs + c])
            });
            let weights = &filters.weight[c * inputs..][..inputs];
            let y =
                Mat::from_fn(samples.count, 1, |n, _| f64::from(samples.targets[n * outputs + c]));
            let weights = Mat::from_fn(inputs, 1, |i, _| weights[i] * scale);
            fit(x.as_ref(), y.as_ref(), samples.half, &weights).remove(0)
        };
        (0..outputs).into_par_iter().map(channel).collect()
    } else {
        let x =
            Mat::from_fn(samples.count, inputs, |n, i| f64::from(samples.inputs[n * width + i]));
        let y = Mat::from_fn(samples.count, outputs, |n, o| {
            f64::from(samples.targets[n * outputs + o])
        });
        let weights = Mat::from_fn(inputs, outputs, |i, o| filters.weight[o * inputs + i] * scale);
        fit(x.as_ref(), y.as_ref(), samples.half, &weights)
    };
    let mut linear = Linear::default();
    for row in rows {
        // The scale of real weights is that of weights of steps, without the step.
        linear.push(node, operand.affine, &row.stored, row.scale / scale, row.bias)?;
    }
    Ok(linear)
}

/// One output's stored weights, the size of their steps, and its bias.
struct Row {
    stored: Vec<i8>,
    scale: f64,
    bias: f64,
}

/// The layer as all samples want it, damped as does best on the images of the second half when chosen on those of the
/// first: a few images would be learned by heart. `half` counts the samples of the first.
fn fit(x: MatRef<'_, f64>, y: MatRef<'_, f64>, half: usize, weights: &Mat<f64>) -> Vec<Row> {
    let first = Moments::of(x.subrows(0, half), y.subrows(0, half));
    let others = x.nrows() - half;
    let (x_other, y_other) = (x.subrows(half, others), y.subrows(half, others));
    let error = |damping: f64| left(&first.solve(weights, damping), x_other, y_other);
    let errors = DAMPINGS.map(error);
    let best = (0..errors.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b]));
    Moments::of(x, y).solve(weights, DAMPINGS[best.unwrap_or(0)])
}

/// Sum of the squares of what rows make of `x`, less `y`.
fn left(rows: &[Row], x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> f64 {
    let weights =
        Mat::from_fn(x.ncols(), rows.len(), |i, o| f64::from(rows[o].stored[i]) * rows[o].scale);
    let out = x * weights;
    let columns = rows.iter().enumerate();
    columns
        .map(|(o, row)| {
            (0..y.nrows()).map(|n| (out[(n, o)] + row.bias - y[(n, o)]).powi(2)).sum::<f64>()
        })
        .sum()
}

/// What a regression needs to know of its samples.
struct Moments {
    x_mean: Vec<f64>,
    y_mean: Vec<f64>,
    /// Mean products of inputs with inputs, and with outputs, about the means.
    square: Mat<f64>,
    product: Mat<f64>,
}

impl Moments {
    fn of(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Self {
        let ((x, x_mean), (y, y_mean)) = (centred(x), centred(y));
        let share = faer::Scale(1.0 / x.nrows() as f64);
        Self {
            x_mean,
            y_mean,
            square: x.transpose() * &x * share,
            product: x.transpose() * &y * share,
        }
    }

    /// The regression and the rounding; one row for each column of `weights`.
    fn solve(&self, weights: &Mat<f64>, damping: f64) -> Vec<Row> {
        let inputs = self.x_mean.len();
        let missing = &self.product - &self.square * weights;
        let trace: f64 = (0..inputs).map(|i| self.square[(i, i)]).sum();
        let lambda = damping * trace / inputs as f64 + f64::MIN_POSITIVE.sqrt();
        let mut square = self.square.clone();
        for i in 0..inputs {
            square[(i, i)] += lambda;
        }
        let factor = square.llt(Side::Lower).expect("a Gram matrix and a positive diagonal");
        let chosen = weights + factor.solve(&missing);
        let inverse = factor.inverse();
        let spread = inverse.llt(Side::Lower).expect("the inverse of a positive matrix");
        let row = |o: usize| {
            let mut free: Vec<f64> = (0..inputs).map(|i| chosen[(i, o)]).collect();
            let scale = weight_scale(&free, self.y_mean[o] - dot(&self.x_mean, &free), 1.0);
            let stored = round(&mut free, scale, spread.L());
            let real: Vec<f64> = stored.iter().map(|&q| f64::from(q) * scale).collect();
            Row { stored, scale, bias: self.y_mean[o] - dot(&self.x_mean, &real) }
        };
        (0..weights.ncols()).map(row).collect()
    }
}

/// Rounds one weight after the other; those still free take over the error. `spread` is the lower Cholesky factor of the
/// inverse of the inputs' Gram matrix.
fn round(free: &mut [f64], scale: f64, spread: MatRef<'_, f64>) -> Vec<i8> {
    (0..free.len())
        .map(|i| {
            let stored = round_weight(free[i], scale);
            let error = (free[i] - stored * scale) / spread[(i, i)];
            for j in i + 1..free.len() {
                free[j] -= error * spread[(j, i)];
            }
            stored as i8
        })
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Every column about its mean, and the means.
fn centred(columns: MatRef<'_, f64>) -> (Mat<f64>, Vec<f64>) {
    let count = columns.nrows();
    let mean = |c: usize| (0..count).map(|n| columns[(n, c)]).sum::<f64>() / count as f64;
    let means: Vec<f64> = (0..columns.ncols()).map(mean).collect();
    (Mat::from_fn(count, columns.ncols(), |n, c| columns[(n, c)] - means[c]), means)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Graph, Input, NodeId, random};
    use crate::quantize::tests::int8;
    use crate::quantize::{Options, quantize};
    use rand::RngExt;

    /// Inputs that go together: few directions make up most of them, as in a network.
    fn inputs(count: usize, width: usize, seed: u64) -> Mat<f64> {
        let mut rng = random::rng(seed);
        let mut draw = |rows: usize, columns: usize| {
            Mat::from_fn(rows, columns, |_, _| rng.random::<f64>() - 0.5)
        };
        let (few, mix, own) = (draw(count, 4), draw(4, width), draw(count, width));
        few * mix + own * faer::Scale(0.1)
    }

    fn squares(values: &Mat<f64>) -> f64 {
        (0..values.ncols())
            .map(|c| (0..values.nrows()).map(|r| values[(r, c)].powi(2)).sum::<f64>())
            .sum()
    }

    /// Each weight rounded by itself.
    fn plain(weights: &Mat<f64>) -> Vec<Row> {
        let rows = (0..weights.ncols()).map(|o| {
            let row: Vec<f64> = (0..weights.nrows()).map(|i| weights[(i, o)]).collect();
            let scale = weight_scale(&row, 0.0, 1.0);
            let stored = row.iter().map(|w| round_weight(*w, scale) as i8).collect();
            Row { stored, scale, bias: 0.0 }
        });
        rows.collect()
    }

    #[test]
    fn rounding_errors_of_inputs_that_go_together_cancel() {
        let all = inputs(4000, 24, 1);
        let weights = inputs(24, 10, 2);
        let y = &all * &weights;
        let (x, other) = (all.as_ref().subrows(0, 2000), all.as_ref().subrows(2000, 2000));
        let rows = fit(x, y.as_ref().subrows(0, 2000), 1000, &weights);
        let y = y.as_ref().subrows(2000, 2000);
        let (ours, theirs) = (left(&rows, other, y), left(&plain(&weights), other, y));
        assert!(ours < 0.4 * theirs, "{ours} {theirs}");
    }

    #[test]
    fn a_known_change_of_the_inputs_is_made_up_for() {
        // The inputs arrive 10 % too small and shifted by one.
        let (x, weights) = (inputs(4000, 6, 4), inputs(6, 3, 5));
        let y = &x * &weights;
        let arrived = Mat::from_fn(4000, 6, |n, i| 0.9 * x[(n, i)] + 1.0);
        let rows = fit(arrived.as_ref(), y.as_ref(), 2000, &weights);
        let left = left(&rows, arrived.as_ref(), y.as_ref());
        assert!(left < 1e-3 * squares(&y), "{left} of {}", squares(&y));
    }

    /// What a few samples say by chance does not move the weights: the layer is as good as one rounded by itself.
    #[test]
    fn few_samples_are_not_learned_by_heart() {
        let (mut ours, mut theirs, mut unchecked) = (0.0, 0.0, 0.0);
        for seed in 0..20 {
            let all = inputs(1016, 64, 30 + seed);
            let weights = inputs(64, 1, 60 + seed);
            let y = &all * &weights + inputs(1016, 1, 90 + seed);
            let (x, few) = (all.as_ref().subrows(0, 16), y.as_ref().subrows(0, 16));
            let (other, wanted) = (all.as_ref().subrows(16, 1000), y.as_ref().subrows(16, 1000));
            let error = |rows: &[Row]| left(rows, other, wanted);
            ours += error(&fit(x, few, 8, &weights));
            unchecked += error(&Moments::of(x, few).solve(&weights, DAMPINGS[0]));
            theirs += error(&plain(&weights));
        }
        println!(
            "error with few samples: {:.3} of plain rounding's, unchecked {:.3}",
            ours / theirs,
            unchecked / theirs
        );
        assert!(ours < 1.25 * theirs && unchecked > 1.5 * theirs, "{ours} {unchecked} {theirs}");
    }

    /// A window reads what the float executor reads: weights times rows is the convolution.
    #[test]
    fn windows_read_what_a_convolution_reads() {
        let mut builder = random::Builder::new(7, 5, 3);
        builder.graph.input.mean = [128.0; 3];
        builder.graph.input.scale = [1.0; 3];
        let image = NodeId(0);
        let full = builder.conv(image, 4, 3, 2, 1);
        let depthwise = builder.depthwise(image, 3, 1, 1);
        let unpadded = builder.depthwise(image, 2, 1, 0);
        let dense = builder.dense(image, 4);
        let shapes = builder.graph.check().unwrap();
        let rgb = &random::images(1, 7, 5, 9)[0];
        let stored: Vec<i8> = rgb.iter().map(|&byte| (i16::from(byte) - 128) as i8).collect();
        let executor = Executor::new(&builder.graph).unwrap();
        let mut seen = Vec::new();
        executor.activations(rgb, |_, values| seen.push(values.to_vec())).unwrap();
        for id in [full, depthwise, unpadded, dense] {
            let op = &builder.graph.node(id).op;
            let conv = match op {
                Op::Conv2d(conv) => Some(conv.clone()),
                _ => None,
            };
            let window = Window { from: shapes[0], to: shapes[id.0], conv };
            let filters = Filters::of(op, 3).unwrap();
            let inputs = window.inputs();
            for place in 0..window.to.height * window.to.width {
                let mut row = Vec::new();
                window.read(&stored, 0, place, &mut row);
                for o in 0..window.to.channels {
                    let taken: Vec<f64> = match window.is_depthwise() {
                        true => row.iter().skip(o).step_by(3).map(|v| f64::from(*v)).collect(),
                        false => row.iter().map(|v| f64::from(*v)).collect(),
                    };
                    let sum =
                        filters.bias[o] + dot(&taken, &filters.weight[o * inputs..][..inputs]);
                    let expected = f64::from(seen[id.0][place * window.to.channels + o]);
                    assert!(
                        (sum - expected).abs() < 1e-3 * (1.0 + expected.abs()),
                        "{sum} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn images_see_every_place_together() {
        let window = Window {
            from: Shape { height: 14, width: 14, channels: 1 },
            to: Shape { height: 14, width: 14, channels: 1 },
            conv: None,
        };
        let mut seen = [0; 196];
        for image in 0..64 {
            let places: Vec<usize> = window.places(image).collect();
            assert_eq!(places.len(), PLACES);
            places.into_iter().for_each(|place| seen[place] += 1);
        }
        assert!(seen.iter().all(|&times| times > 0), "{seen:?}");
    }

    fn noise(graph: &Graph, options: &Options) -> f64 {
        let Input { height, width, .. } = graph.input;
        let calibration = random::images(200, height, width, 1);
        let bytes =
            quantize(graph, &calibration, options, None, &Provenance::default()).unwrap().bytes;
        let images = random::images(64, height, width, 2);
        let float = Executor::new(graph).unwrap().embed_batch(&images).unwrap().concat();
        let int8 = int8(&bytes, &images).concat();
        int8.iter().zip(&float).map(|(a, b)| f64::from(a - b).powi(2)).sum()
    }

    #[test]
    fn whole_networks_come_nearer_to_float() {
        let plain = Options { equalise: false, reconstruct: false, ..Options::default() };
        let (mut before, mut after) = (0.0, 0.0);
        for seed in 0..6 {
            let graph = random::small(seed);
            before += noise(&graph, &plain);
            after += noise(&graph, &Options::default());
        }
        println!("noise of all parts of quantization: {:.2} of plain rounding's", after / before);
        assert!(after < 0.75 * before, "{after} {before}");
    }
}
