//! The network averaged over its last steps: a steadier network than the one that learns, at the price of a copy.
//!
//! `average = d average + (1 - d) network` after every step, running statistics included. `d` rises from 0.1 to its setting as
//! `(1 + n) / (10 + n)` with the run's steps `n`, so that the first, random network is forgotten.

use super::model::{Path, Values};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use std::collections::BTreeMap;

/// What of the whole model is averaged: what a door will run.
const AVERAGED: &str = "network.";

/// The averaged parameters by their names in the whole model: shape, and the numbers where the network computes, without gradients.
#[derive(Clone, Debug, Default)]
pub(super) struct Average(BTreeMap<String, (Vec<usize>, Tensor<1>)>);

impl Average {
    /// The average as it was when [`Self::state`] was taken.
    pub(super) fn from_state(state: &BTreeMap<String, Values>, device: &Device) -> Self {
        let tensor = |v: &Values| (v.shape.clone(), Tensor::from_floats(&v.numbers[..], device));
        Self(state.iter().map(|(name, values)| (name.clone(), tensor(values))).collect())
    }

    /// By parameter name.
    pub(super) fn state(&self) -> BTreeMap<String, Values> {
        let values = |(shape, tensor): &(Vec<usize>, Tensor<1>)| {
            let numbers = tensor.clone().into_data().try_to_vec();
            Values { shape: shape.clone(), numbers: numbers.expect("parameters are f32") }
        };
        self.0.iter().map(|(name, average)| (name.clone(), values(average))).collect()
    }

    /// Whether no step has been taken in.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in the network as it is after step `step`, with `decay` from 0 to below 1.
    pub(super) fn take_in<M: Module>(&mut self, network: &M, decay: f64, step: u64) {
        let early = (1.0 + step as f64) / (10.0 + step as f64);
        let share = 1.0 - decay.min(early) as f32;
        network.visit(&mut TakeIn { path: Path::default(), share, average: &mut self.0 });
    }
}

/// Moves every averaged parameter `share` of the way to the network's.
struct TakeIn<'a> {
    path: Path,
    share: f32,
    average: &'a mut BTreeMap<String, (Vec<usize>, Tensor<1>)>,
}

impl ModuleVisitor for TakeIn<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // Off the graph of gradients: what stays there from step to step is walked through in every later step.
        let now = param.val().inner();
        let shape = now.dims().to_vec();
        let now = now.reshape([shape.iter().product::<usize>()]);
        let name = format!("{AVERAGED}{}", self.path.name());
        let moved = match self.average.remove(&name) {
            None => now,
            Some((_, before)) => (now - before.clone()).mul_scalar(self.share) + before,
        };
        self.average.insert(name, (shape, moved));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Module, Debug)]
    struct One {
        weight: Param<Tensor<1>>,
    }

    #[test]
    fn follows_its_formula() {
        let device = Device::flex().autodiff();
        let network =
            |v: f32| One { weight: Param::from_tensor(Tensor::from_floats([v], &device)) };
        let mut average = Average::default();
        let mut expected = 4.0_f64;
        average.take_in(&network(4.0), 0.9, 0);
        for (step, value) in [(1, 2.0), (80, -1.0), (200, 5.0), (201, 5.0)] {
            average.take_in(&network(value as f32), 0.9, step);
            let decay = (0.9_f64).min((1.0 + step as f64) / (10.0 + step as f64));
            expected = decay * expected + (1.0 - decay) * value;
            assert!(average.0.values().all(|(_, kept)| !kept.is_autodiff()), "steps get slower");
        }
        let got = f64::from(average.state()["network.weight"].numbers[0]);
        assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    }
}
