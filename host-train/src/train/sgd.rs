//! Stochastic gradient descent with momentum, decay by the parameter's place, and one norm over all gradients.
//!
//! ```text
//! g = clip(dL/dw) + decay w        clip: all gradients together at most `clip_norm` long
//! v = momentum v + g
//! w = w - rate v
//! ```
//!
//! Velocities are kept by parameter name, so that a checkpoint is plain named arrays. Of a parameter of which only some rows took
//! part in the step, those rows alone move, and those of its velocity.

use super::config::TrainConfig;
use super::model::{HEAD_CENTRES, Path, Values};
use crate::loss::SampledRows;
use crate::ranks::{RankError, Ranks};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, IndexingUpdateOp, Int, Tensor};
use std::collections::BTreeMap;

/// The optimizer's state.
#[derive(Default)]
pub(super) struct Sgd {
    velocity: BTreeMap<String, Tensor<1>>,
}

/// A parameter's gradient, flat.
struct Gradient {
    flat: Tensor<1>,
    /// Which rows it is of; none when it is of all.
    rows: Option<Tensor<1, Int>>,
}

/// All gradients by parameter name.
#[derive(Default)]
pub(super) struct NamedGradients(BTreeMap<String, Gradient>);

impl NamedGradients {
    /// Takes the gradients of `module`'s parameters out of `gradients`: nobody else holds them, so they are changed in place.
    pub(super) fn take<M: Module>(module: &M, gradients: &mut Gradients) -> Self {
        struct Take<'a>(Path, &'a mut Gradients, BTreeMap<String, Gradient>);
        impl ModuleVisitor for Take<'_> {
            fn enter_module(&mut self, name: &str, container: &str) {
                self.0.enter(name, container);
            }
            fn exit_module(&mut self, _: &str, container: &str) {
                self.0.exit(container);
            }
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if let Some(gradient) = param.val().grad_remove(self.1) {
                    self.2.insert(self.0.name(), Gradient::new(gradient, None));
                }
            }
        }
        let mut take = Take(Path::default(), gradients, BTreeMap::new());
        module.visit(&mut take);
        Self(take.2)
    }

    /// These and others, of other parameters.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Also takes those of the rows of `module`'s parameters that take part in the step.
    pub(super) fn and_rows(
        mut self,
        module: &str,
        rows: &SampledRows,
        all: &mut Gradients,
    ) -> Self {
        for (name, rows, part) in &rows.parts {
            if let Some(gradient) = part.grad_remove(all) {
                let gradient = Gradient::new(gradient, Some(rows.clone()));
                self.0.insert(format!("{module}.{name}"), gradient);
            }
        }
        self
    }

    /// Adds `share` times the gradients of another part of the same step.
    pub(super) fn add(&mut self, share: f64, part: Self) {
        for (name, Gradient { flat, rows }) in part.0 {
            let mut flat = if share == 1.0 { flat } else { flat.mul_scalar(share) };
            if let Some(before) = self.0.remove(&name) {
                flat = before.flat + flat;
            }
            self.0.insert(name, Gradient { flat, rows });
        }
    }

    /// Adds up the gradients of all ranks, in the order of the ranks, but for parameters of which each rank has its `own`.
    ///
    /// # Errors
    /// A rank is lost.
    pub(super) fn add_up(
        &mut self,
        ranks: &Ranks,
        own: impl Fn(&str) -> bool,
    ) -> Result<(), RankError> {
        if ranks.count() == 1 {
            return Ok(());
        }
        let mut all = Vec::new();
        for (_, gradient) in self.0.iter().filter(|(name, _)| !own(name)) {
            all.extend(numbers(&gradient.flat));
        }
        ranks.sum(&mut all)?;
        let mut rest = &all[..];
        for (_, Gradient { flat, .. }) in self.0.iter_mut().filter(|(name, _)| !own(name)) {
            let (sum, others) = rest.split_at(flat.dims()[0]);
            *flat = Tensor::from_floats(sum, &flat.device());
            rest = others;
        }
        Ok(())
    }

    /// Euclidean length over all parameters, also the other ranks' `own`; not finite when any gradient is not. The same on all
    /// ranks to the bit: rank 0 says what the parameters that all have come to.
    ///
    /// # Errors
    /// A rank is lost.
    pub(super) fn norm(&self, ranks: &Ranks, own: impl Fn(&str) -> bool) -> Result<f64, RankError> {
        let square = |gradient: &Gradient| gradient.flat.clone().powi_scalar(2).sum();
        let squares: Vec<Tensor<1>> = self.0.values().map(square).collect();
        if squares.is_empty() {
            return Ok(0.0);
        }
        // One question to the device, not one a parameter.
        let squares = numbers(&Tensor::cat(squares, 0));
        let sum = |owned: bool| -> f64 {
            let squares = self.0.keys().zip(&squares).filter(|(name, _)| own(name) == owned);
            squares.map(|(_, square)| f64::from(*square)).sum()
        };
        let all = ranks.gather(&[sum(false), sum(true)])?;
        Ok((all[0][0] + all.iter().map(|rank| rank[1]).sum::<f64>()).sqrt())
    }
}

impl Gradient {
    fn new<const D: usize>(gradient: Tensor<D>, rows: Option<Tensor<1, Int>>) -> Self {
        let count = gradient.shape().num_elements();
        Self { flat: gradient.reshape([count]), rows }
    }
}

fn numbers(tensor: &Tensor<1>) -> Vec<f32> {
    let data = tensor.clone().into_data();
    data.try_to_vec().expect("gradients are f32, and velocities are sums of them")
}

/// Weight decay of a parameter. The paper decays what stands behind the global convolution ten times as much
/// (arXiv 1804.07573, section 4.1); normalization and PReLU are left alone, as is usual, and so are biases and what folding has left of
/// normalization.
fn decay(name: &str, config: &TrainConfig) -> f64 {
    match name {
        HEAD_CENTRES | "network.embedding.weight" | "network.projection.weight" => {
            config.weight_decay_embedding
        }
        _ if name.ends_with(".weight") => config.weight_decay,
        _ => 0.0,
    }
}

impl Sgd {
    /// One step of `rate` along gradients of length `norm`; parameters without a gradient, as running statistics, stay.
    pub(super) fn step<M: Module>(
        &mut self,
        module: M,
        gradients: NamedGradients,
        norm: f64,
        rate: f64,
        config: &TrainConfig,
    ) -> M {
        struct Step<'a> {
            path: Path,
            gradients: BTreeMap<String, Gradient>,
            clip: f64,
            rate: f64,
            config: &'a TrainConfig,
            velocity: &'a mut BTreeMap<String, Tensor<1>>,
        }
        impl ModuleMapper for Step<'_> {
            fn enter_module(&mut self, name: &str, container: &str) {
                self.path.enter(name, container);
            }
            fn exit_module(&mut self, _: &str, container: &str) {
                self.path.exit(container);
            }
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let name = self.path.name();
                let Some(gradient) = self.gradients.remove(&name) else {
                    return param;
                };
                let (id, tensor, mapper) = param.consume();
                let (shape, count) = (tensor.dims(), tensor.shape().num_elements());
                let table = [shape[0], count / shape[0].max(1)];
                let weight = tensor.inner().reshape(table);
                let before = self.velocity.remove(&name).map(|before| before.reshape(table));
                let (moved, velocity) = match gradient.rows {
                    None => self.moved(&name, weight, before, gradient.flat.reshape(table)),
                    Some(rows) => {
                        let before = before.unwrap_or_else(|| weight.zeros_like());
                        let part = |whole: &Tensor<2>| whole.clone().select(0, rows.clone());
                        let flat = gradient.flat.reshape([rows.dims()[0], table[1]]);
                        let (moved, velocity) =
                            self.moved(&name, part(&weight), Some(part(&before)), flat);
                        let place = |whole: Tensor<2>, part| {
                            whole.select_assign(0, rows.clone(), part, IndexingUpdateOp::Assign)
                        };
                        (place(weight, moved), place(before, velocity))
                    }
                };
                self.velocity.insert(name, velocity.reshape([count]));
                let moved = Tensor::from_inner(moved.reshape(shape)).require_grad();
                Param::from_mapped_value(id, moved, mapper)
            }
        }
        impl Step<'_> {
            /// The formula: where `weight` goes, and its velocity then.
            fn moved(
                &self,
                name: &str,
                weight: Tensor<2>,
                before: Option<Tensor<2>>,
                gradient: Tensor<2>,
            ) -> (Tensor<2>, Tensor<2>) {
                let mut velocity = gradient.mul_scalar(self.clip);
                let decay = decay(name, self.config);
                if decay > 0.0 {
                    velocity = velocity + weight.clone().mul_scalar(decay);
                }
                if let Some(before) = before {
                    velocity = velocity + before.mul_scalar(self.config.momentum);
                }
                (weight - velocity.clone().mul_scalar(self.rate), velocity)
            }
        }
        let clip = if norm > config.clip_norm { config.clip_norm / norm } else { 1.0 };
        module.map(&mut Step {
            path: Path::default(),
            gradients: gradients.0,
            clip,
            rate,
            config,
            velocity: &mut self.velocity,
        })
    }

    /// Velocities by parameter name.
    pub(super) fn state(&self) -> BTreeMap<String, Values> {
        let values =
            |tensor: &Tensor<1>| Values { shape: tensor.dims().to_vec(), numbers: numbers(tensor) };
        self.velocity.iter().map(|(name, tensor)| (name.clone(), values(tensor))).collect()
    }

    /// The optimizer as it was when [`Self::state`] was taken.
    pub(super) fn from_state(
        state: &BTreeMap<String, Values>,
        device: &burn::tensor::Device,
    ) -> Self {
        let tensor = |values: &Values| Tensor::from_floats(&values.numbers[..], device);
        Self { velocity: state.iter().map(|(name, v)| (name.clone(), tensor(v))).collect() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Pair {
        weight: Param<Tensor<1>>,
        gamma: Param<Tensor<1>>,
    }

    #[derive(Module, Debug)]
    struct Tree {
        part: Pair,
    }

    fn numbers(tensor: &Param<Tensor<1>>) -> Vec<f32> {
        tensor.val().into_data().try_to_vec().unwrap()
    }

    /// Two steps on `L = sum(3 w) + sum(4 g)` against the formula worked by hand.
    #[test]
    fn follows_the_formula() {
        let device = Device::flex().autodiff();
        let param = |v: f32| Param::from_tensor(Tensor::<1>::from_floats([v], &device));
        let mut tree = Tree { part: Pair { weight: param(2.0), gamma: param(2.0) } };
        let config = TrainConfig {
            momentum: 0.5,
            weight_decay: 0.1,
            clip_norm: 1.0,
            ..TrainConfig::default()
        };
        let mut sgd = Sgd::default();
        for _ in 0..2 {
            let loss = (tree.part.weight.val().mul_scalar(3.0)
                + tree.part.gamma.val().mul_scalar(4.0))
            .sum();
            let gradients = NamedGradients::take(&tree, &mut loss.backward());
            let norm = gradients.norm(&Ranks::alone(), |_| false).unwrap();
            assert!((norm - 5.0).abs() < 1e-6);
            tree = sgd.step(tree, gradients, norm, 0.1, &config);
        }
        // weight: clip 1/5. v1 = 0.6 + 0.2 = 0.8, w1 = 1.92; v2 = 0.6 + 0.192 + 0.4 = 1.192, w2 = 1.8008.
        assert!((numbers(&tree.part.weight)[0] - 1.8008).abs() < 1e-6);
        // gamma, not decayed: v1 = 0.8, g1 = 1.92; v2 = 0.8 + 0.4 = 1.2, g2 = 1.8.
        assert!((numbers(&tree.part.gamma)[0] - 1.8).abs() < 1e-6);
        assert_eq!(sgd.state().keys().collect::<Vec<_>>(), ["part.gamma", "part.weight"]);
    }
}
