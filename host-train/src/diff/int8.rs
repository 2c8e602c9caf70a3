//! Layers of an int8 network, each run by the engine on the tensors of another network, moved to the file's grids.
//!
//! ```text
//! reference's operands ─ times sizes ─ to the grid ─> arena ─ one step ─> output <─> reference's output, times sizes
//! ```
//!
//! The sizes of a tensor's channels (see `sizes`) are fitted to the maker's output as layers come: least squares over all
//! images, of values that are not cut off at the ends of the grid. A layer that then looks wrong may have been given channels
//! of a wrong size: if it is right on channels of the size that its own weights undo, the fault is its maker's.

use super::layers::{Layer, Network};
use super::rounding::Operand;
use super::sizes::{self, Sizes, factor, reader, strangeness};
use super::{DiffError, Own, Rule, Trace, rounding};
use crate::likeness::Likeness;
use crate::model::Model;
use crate::quantize::{Affine, grid, values};
use edge_infer::engine::Engine;
use model_format::{ModelFile, ModelView, Op, Tensor};
use rayon::prelude::*;

/// How much stranger, as a logarithm, the sizes that a reader undoes may be than those that the maker made, and the maker still
/// be blamed.
const STRANGER: f64 = 0.1;

/// A fitted size counts when the channel's values, root mean square, take this many steps of the grid.
const STEPS: f64 = 2.0;

/// An int8 network to be run a layer at a time.
pub(super) struct Alone<'a, I> {
    /// What a layer may be off by.
    pub(super) rule: Rule,
    engine: Engine<'a>,
    ops: Vec<Op<'a>>,
    layers: &'a [Layer],
    images: &'a [I],
    /// The reference's tensors.
    expected: &'a [Trace],
    /// Of both networks' rounding, when the reference is int8 too.
    roundings: f64,
    /// The sizes that the readers undo.
    undone: Sizes,
}

/// What a layer has made of one image.
struct Made {
    values: Vec<f32>,
    operands: Vec<Operand>,
}

impl<'a, I: AsRef<[u8]> + Sync> Alone<'a, I> {
    /// The first `common` layers of `subject`, the network of `file`, on the tensors of `reference`.
    pub(super) fn new(
        file: &'a ModelFile,
        reference: &'a Network<'_>,
        subject: &'a Network<'_>,
        common: usize,
        images: &'a [I],
        expected: &'a [Trace],
    ) -> Self {
        let view = file.view();
        let (rule, roundings) = match reference.model {
            Model::Float(_) => (Rule::Rounding, 1.0),
            Model::Int8(other) if same_grids(view, other.view()) => (Rule::Bits, 0.0),
            Model::Int8(_) => (Rule::Rounding, 2.0),
        };
        let layers = &subject.layers[..common];
        let undone = match rule {
            Rule::Bits => sizes::ones(layers),
            _ => sizes::undone(&reference.layers[..common], layers),
        };
        let (engine, ops) = (Engine::new(view), view.ops().collect());
        Self { rule, engine, ops, layers, images, expected, roundings, undone }
    }

    /// Every layer's own fault, and the sizes of all channels.
    pub(super) fn own(&self) -> Result<(Vec<Own>, Sizes), DiffError> {
        let mut made = sizes::ones(self.layers);
        let mut own: Vec<Own> = Vec::with_capacity(self.layers.len());
        for layer in 0..self.layers.len() {
            let fits = self.rule != Rule::Bits && reader(self.layers, layer + 1).is_some();
            let (judged, sizes) = self.judge(layer, &made, (!fits).then_some(&made[layer + 1]))?;
            made[layer + 1] = sizes;
            own.push(judged);
            if judged.fault && self.rule != Rule::Bits {
                self.find_maker(layer, &mut made, &mut own)?;
            }
        }
        Ok((own, made))
    }

    /// Passes the blame for a layer's fault back to the layer whose channels have another size than their readers undo, if
    /// there is one.
    fn find_maker(&self, layer: usize, made: &mut Sizes, own: &mut [Own]) -> Result<(), DiffError> {
        let mut blamed = layer;
        let mut right = Vec::new();
        loop {
            let tensor = self.layers[blamed].reads[0];
            if reader(self.layers, tensor) != Some(blamed)
                || strangeness(&self.undone[tensor]) > strangeness(&made[tensor]) + STRANGER
            {
                break;
            }
            let output = Some(&self.undone[blamed + 1]);
            let (judged, _) = self.judge(blamed, &self.undone, output)?;
            if judged.fault {
                break;
            }
            right.push((blamed, judged));
            blamed = tensor - 1;
        }
        let (judged, _) = self.judge(blamed, made, Some(&self.undone[blamed + 1]))?;
        if blamed == layer || !judged.fault {
            return Ok(());
        }
        right.push((blamed, judged));
        for (at, judged) in right {
            own[at] = judged;
            made[at + 1].clone_from(&self.undone[at + 1]);
        }
        Ok(())
    }

    /// One layer on operands of these sizes, and the sizes of its output: those given, or else as fitted.
    fn judge(
        &self,
        layer: usize,
        operands: &Sizes,
        output: Option<&Vec<f64>>,
    ) -> Result<(Own, Vec<f64>), DiffError> {
        let run = |(image, expected): (&I, &Trace)| self.run(layer, image, expected, operands);
        let made = self.images.par_iter().zip(self.expected).map(run);
        let made: Vec<Made> = made.collect::<Result<_, DiffError>>()?;
        let grid = grid(&self.engine.model(), &self.ops[layer]);
        let sizes = match output {
            Some(sizes) => sizes.clone(),
            None => self.fit(layer, &made, grid),
        };
        Ok((self.compare(layer, &made, &sizes, grid), sizes))
    }

    /// Runs a layer on one image.
    fn run(
        &self,
        layer: usize,
        image: &I,
        expected: &Trace,
        sizes: &Sizes,
    ) -> Result<Made, DiffError> {
        let view = self.engine.model();
        let op = &self.ops[layer];
        let mut arena = vec![0; self.engine.arena_bytes()];
        self.engine.load(image.as_ref(), &mut arena)?;
        let (first, second) = op.reads();
        let mut operands = Vec::with_capacity(2);
        let tensors = core::iter::once(first).chain(second);
        for (index, &read) in tensors.zip(&self.layers[layer].reads) {
            let tensor = view.tensor(index).expect("the file was checked");
            let given = (read > 0).then(|| (&expected[read - 1][..], &sizes[read][..]));
            operands.push(place(&tensor, given, &mut arena));
        }
        let written = self.engine.step(layer, &mut arena)?;
        Ok(Made { values: values(&view, op, written), operands })
    }

    /// For each channel the factor of the reference's values that comes nearest to those made.
    fn fit(&self, layer: usize, made: &[Made], grid: Option<Affine>) -> Vec<f64> {
        let channels = self.layers[layer].shape.channels;
        let (low, high) = grid.map_or((f64::NEG_INFINITY, f64::INFINITY), Affine::bounds);
        let step = grid.map_or(0.0, |grid| f64::from(grid.scale));
        let mut sums = vec![(0.0, 0.0, 0.0, 0.0); channels];
        for (expected, made) in self.expected.iter().zip(made) {
            for (i, (a, b)) in expected[layer].iter().zip(&made.values).enumerate() {
                let (a, b) = (f64::from(*a), f64::from(*b));
                if b > low + step / 2.0 && b < high - step / 2.0 {
                    let (product, square, size, count) = &mut sums[i % channels];
                    *product += a * b;
                    *square += a * a;
                    *size += b * b;
                    *count += 1.0;
                }
            }
        }
        let fitted = |(c, (product, square, size, count)): (usize, &(f64, f64, f64, f64))| {
            // Of a channel that hardly moves, rounding makes anything.
            match (size / count).sqrt() > STEPS * step {
                true => factor(product / square),
                false => self.undone[layer + 1][c],
            }
        };
        sums.iter().enumerate().map(fitted).collect()
    }

    /// What a layer has made beside what it was to make.
    fn compare(&self, layer: usize, made: &[Made], sizes: &[f64], grid: Option<Affine>) -> Own {
        let channels = sizes.len();
        // Equal bits need no limits, which are of another precision.
        let limits = grid.filter(|_| self.rule != Rule::Bits);
        let (low, high) = limits.map_or((f64::NEG_INFINITY, f64::INFINITY), Affine::bounds);
        let mut likeness = Likeness::default();
        // Of each channel, in the file's sizes: with what the grid cuts off, and without.
        let mut off = vec![(0.0, 0.0); channels];
        for (expected, made) in self.expected.iter().zip(made) {
            for (i, (a, b)) in expected[layer].iter().zip(&made.values).enumerate() {
                let (c, a, b) = (i % channels, f64::from(*a), f64::from(*b));
                likeness.see(a, b / sizes[c]);
                let wanted = a * sizes[c];
                off[c].0 += (b - wanted).powi(2);
                off[c].1 += (b - wanted.clamp(low, high)).powi(2);
            }
        }
        let pixels = self.layers[layer].shape.elements() / channels;
        let count = (pixels * made.len()) as f64;
        let variance = match self.rule {
            // In steps of the grid.
            Rule::Bits => {
                let step = grid.map_or(1.0, |grid| f64::from(grid.scale));
                vec![step * step / rounding::LIMIT.powi(2); channels]
            }
            _ => self.variance(layer, made),
        };
        let ratio = |off: f64, variance: f64| match off {
            0.0 => 0.0,
            off => (off / count / variance).sqrt() / rounding::LIMIT,
        };
        let each = off.iter().zip(&variance).map(|((_, off), variance)| ratio(*off, *variance));
        let (channel, worst) =
            each.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
        // Cutting off is the business of the whole tensor, whose range is the best for all channels together.
        let all: f64 = off.iter().map(|(all, _)| all).sum();
        let error = worst.max(ratio(all, variance.iter().sum()) / rounding::CUT);
        let allowed = if self.rule == Rule::Bits { 0.0 } else { 1.0 };
        Own { error, channel, likeness, fault: error > allowed }
    }

    /// The variance of what rounding explains, by channel.
    fn variance(&self, layer: usize, made: &[Made]) -> Vec<f64> {
        let mut operands = made[0].operands.clone();
        for (at, operand) in operands.iter_mut().enumerate() {
            let mean = |of: fn(&Operand) -> &[f64]| -> Vec<f64> {
                let image = |made: &Made, c: usize| of(&made.operands[at])[c];
                let sum = |c: usize| made.iter().map(|made| image(made, c)).sum::<f64>();
                (0..operand.squares.len()).map(|c| sum(c) / made.len() as f64).collect()
            };
            let (squares, errors) = (mean(|o| &o.squares), mean(|o| &o.errors));
            *operand = Operand { squares, errors };
        }
        let (first, _) = self.ops[layer].reads();
        let guessed = reader(self.layers, self.layers[layer].reads[0]) == Some(layer);
        if let Some(tensor) = self.engine.model().tensor(first).filter(|_| guessed) {
            operands[0].limit(tensor.scale);
        }
        let mut variance = rounding::variance(&self.engine.model(), &self.ops[layer], &operands);
        variance.iter_mut().for_each(|variance| *variance *= self.roundings);
        variance
    }
}

/// Whether all tensors of both files have the same scales and zero points.
fn same_grids(a: ModelView<'_>, b: ModelView<'_>) -> bool {
    let grids = |view: ModelView<'_>| -> Vec<Affine> {
        view.tensors().map(|tensor| Affine::of(&tensor)).collect()
    };
    grids(a) == grids(b)
}

/// Puts real values into the arena, each channel enlarged; what is given no values, the image, is there already.
fn place(tensor: &Tensor, given: Option<(&[f32], &[f64])>, arena: &mut [u8]) -> Operand {
    let grid = Affine::of(tensor);
    let stored = &mut arena[tensor.offset as usize..][..tensor.byte_len()];
    let channels = usize::from(tensor.shape.channels);
    let share = channels as f64 / stored.len() as f64;
    let mut operand = Operand { squares: vec![0.0; channels], errors: vec![0.0; channels] };
    for (i, byte) in stored.iter_mut().enumerate() {
        let c = i % channels;
        if let Some((values, sizes)) = given {
            let real = f64::from(values[i]) * sizes[c];
            *byte = grid.stored(real).cast_unsigned();
            let moved = f64::from(grid.real(byte.cast_signed())) - real;
            operand.errors[c] += share * moved * moved;
        }
        operand.squares[c] += share * f64::from(grid.real(byte.cast_signed())).powi(2);
    }
    operand
}
