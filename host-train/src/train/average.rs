//! The network averaged over its last steps: a steadier network than the one that learns, at the price of a copy.
//!
//! `average = d average + (1 - d) network` after every step, running statistics included. `d` rises from 0.1 to its setting as
//! `(1 + n) / (10 + n)` with the steps `n` averaged so far, so that the first, random network is forgotten.

use super::model::{Values, parameters};
use burn::module::Module;
use std::collections::BTreeMap;

/// What of the whole model is averaged: what a door will run.
const AVERAGED: &str = "network.";

/// The averaged parameters by their names in the whole model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Average(BTreeMap<String, Values>);

impl Average {
    /// The average as it was when [`Self::state`] was taken.
    pub(super) fn from_state(state: &BTreeMap<String, Values>) -> Self {
        Self(state.clone())
    }

    /// By parameter name.
    pub(super) fn state(&self) -> &BTreeMap<String, Values> {
        &self.0
    }

    /// Takes in the network as it is after step `step`, with `decay` from 0 to below 1.
    pub(super) fn take_in<M: Module>(&mut self, network: &M, decay: f64, step: u64) {
        let early = (1.0 + step as f64) / (10.0 + step as f64);
        let decay = decay.min(early) as f32;
        for (name, now) in parameters(network) {
            match self.0.get_mut(&format!("{AVERAGED}{name}")) {
                None => {
                    self.0.insert(format!("{AVERAGED}{name}"), now);
                }
                Some(average) => {
                    for (average, now) in average.numbers.iter_mut().zip(now.numbers) {
                        *average += (1.0 - decay) * (now - *average);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Param;
    use burn::tensor::{Device, Tensor};

    #[derive(Module, Debug)]
    struct One {
        weight: Param<Tensor<1>>,
    }

    #[test]
    fn follows_its_formula() {
        let network =
            |v: f32| One { weight: Param::from_tensor(Tensor::from_floats([v], &Device::flex())) };
        let mut average = Average::default();
        let mut expected = 4.0_f64;
        average.take_in(&network(4.0), 0.9, 0);
        for (step, value) in [(1, 2.0), (80, -1.0), (200, 5.0), (201, 5.0)] {
            average.take_in(&network(value as f32), 0.9, step);
            let decay = (0.9_f64).min((1.0 + step as f64) / (10.0 + step as f64));
            expected = decay * expected + (1.0 - decay) * value;
        }
        let got = f64::from(average.state()["network.weight"].numbers[0]);
        assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    }
}
