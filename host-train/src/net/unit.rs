//! What all networks are made of: convolution, normalization and PReLU, of which a unit may leave out all but the second.

use super::ops::{self, ConvKind, Moments};
use crate::ranks::Ranks;
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::Arc;

/// Share of a new batch in the running statistics.
const STATISTICS_MOMENTUM: f64 = 0.1;

/// PReLU slopes start here, as in the paper that introduced them (arXiv 1502.01852).
const INITIAL_SLOPE: f32 = 0.25;

/// Convolution without bias, batch normalization, PReLU; only the normalization is always there.
#[derive(Module, Debug)]
pub struct Unit {
    /// The convolution's weights, laid out as `kind` says.
    pub weight: Option<Param<Tensor<2>>>,
    /// Normalization's factor, `[out]`.
    pub gamma: Param<Tensor<1>>,
    /// Normalization's offset, `[out]`.
    pub beta: Param<Tensor<1>>,
    /// PReLU's slope for negative inputs, `[out]`; none in a linear unit.
    pub slope: Option<Param<Tensor<1>>>,
    /// Running mean, `[out]`.
    pub mean: RunningState<Tensor<1>>,
    /// Running variance, `[out]`.
    pub variance: RunningState<Tensor<1>>,
    /// The convolution; none where there are no weights.
    #[module(skip)]
    pub kind: Option<ConvKind>,
}

/// Mean and variance `[2, out]` that one batch gave a unit, and from how many values a channel.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    moments: Tensor<2>,
    count: usize,
}

impl BatchStatistics {
    /// Means, then variances.
    pub(crate) fn numbers(&self) -> Vec<f32> {
        let moments = self.moments.clone().into_data();
        moments.try_to_vec().expect("the networks compute in f32")
    }

    /// Those of as many values, with these numbers.
    pub(crate) fn with_numbers(&self, numbers: Vec<f32>) -> Self {
        let data = TensorData::new(numbers, self.moments.dims());
        Self { moments: Tensor::from_data(data, &self.moments.device()), count: self.count }
    }
}

/// One way of a batch through a network.
pub(super) struct Pass {
    /// Whose images make the statistics; none when the running ones are taken.
    pub(super) ranks: Option<Arc<Ranks>>,
    /// The batch's statistics, in the order of the units.
    pub(super) seen: Vec<BatchStatistics>,
}

/// Where new parameters come from: their numbers are drawn in the order in which a network is built.
pub(super) struct Draw<'a> {
    rng: ChaCha8Rng,
    device: &'a Device,
}

impl<'a> Draw<'a> {
    pub(super) fn new(seed: u64, device: &'a Device) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), device }
    }

    /// A unit with He-initialised weights, linear or with PReLU. `inputs` and `outputs` are channels, equal for depthwise
    /// kinds.
    pub(super) fn unit(
        &mut self,
        kind: ConvKind,
        inputs: usize,
        outputs: usize,
        activation: bool,
    ) -> Unit {
        let (shape, fan_in) = kind.weights(inputs, outputs);
        let weight = self.weight(shape, fan_in);
        let slope = Tensor::<1>::full([outputs], INITIAL_SLOPE, self.device);
        Unit {
            weight: Some(weight),
            slope: activation.then(|| Param::from_tensor(slope)),
            kind: Some(kind),
            ..self.norm(outputs)
        }
    }

    /// A normalization alone.
    pub(super) fn norm(&self, channels: usize) -> Unit {
        let full = |value: f32| Tensor::<1>::full([channels], value, self.device);
        Unit {
            weight: None,
            gamma: Param::from_tensor(full(1.0)),
            beta: Param::from_tensor(full(0.0)),
            slope: None,
            mean: RunningState::new(full(0.0)),
            variance: RunningState::new(full(1.0)),
            kind: None,
        }
    }

    /// A dense layer with He-initialised weights and, if it has one, a bias of zero.
    pub(super) fn dense(&mut self, inputs: usize, outputs: usize, bias: bool) -> Dense {
        let zeros = Tensor::<1>::zeros([outputs], self.device);
        Dense {
            weight: self.weight([outputs, inputs], inputs),
            bias: bias.then(|| Param::from_tensor(zeros)),
        }
    }

    fn weight(&mut self, shape: [usize; 2], fan_in: usize) -> Param<Tensor<2>> {
        let deviation = (2.0 / fan_in as f64).sqrt();
        Param::from_tensor(normal(shape, deviation, &mut self.rng, self.device))
    }
}

impl Unit {
    /// The unit with its normalization's offset held at zero, so that its outputs have no common part over a batch.
    pub(super) fn centred(mut self) -> Self {
        self.beta = self.beta.set_require_grad(false);
        self
    }

    /// `x [batch, height, width, in]` to `[batch, height', width', out]`; appends the batch's statistics to the pass's.
    pub(super) fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let y = match (&self.weight, self.kind) {
            (Some(weight), Some(kind)) => ops::convolution(x, weight.val(), kind),
            _ => x,
        };
        let [batch, height, width, _] = y.dims();
        let slope = self.slope.as_ref().map(Param::val);
        let moments = match &pass.ranks {
            Some(ranks) => Moments::Batch(Arc::clone(ranks)),
            None => self.running(),
        };
        let (y, moments) = ops::batch_norm(y, self.gamma.val(), self.beta.val(), slope, moments);
        if let Some(ranks) = &pass.ranks {
            let count = batch * height * width * ranks.count();
            pass.seen.push(BatchStatistics { moments, count });
        }
        y
    }

    /// The running statistics, as what to normalize by.
    fn running(&self) -> Moments {
        let numbers = |running: &RunningState<Tensor<1>>| {
            let numbers = running.value().into_data().try_to_vec();
            numbers.expect("the networks compute in f32")
        };
        Moments::Given { mean: numbers(&self.mean), variance: numbers(&self.variance) }
    }

    /// Moves the running statistics towards a batch's, the variance as an unbiased estimate.
    pub(super) fn commit(&self, seen: BatchStatistics) {
        let channels = self.gamma.dims()[0];
        let unbiased = seen.count as f64 / (seen.count.max(2) - 1) as f64;
        let moments = seen.moments.detach();
        let row = |i: usize| moments.clone().slice([i..i + 1, 0..channels]).reshape([channels]);
        let towards = |running: &RunningState<Tensor<1>>, batch: Tensor<1>| {
            let kept = running.value().mul_scalar(1.0 - STATISTICS_MOMENTUM);
            running.update(kept + batch.mul_scalar(STATISTICS_MOMENTUM));
            running.value_sync();
        };
        towards(&self.mean, row(0));
        towards(&self.variance, row(1).mul_scalar(unbiased));
    }
}

/// A dense layer on its own: `y = x weight^T + bias`.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[out, in]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Dense {
    /// `x [batch, in]` to `[batch, out]`.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let y = x.matmul(self.weight.val().transpose());
        match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        }
    }
}

/// Normal numbers of mean 0 by Box and Muller's method.
pub(crate) fn normal(
    shape: [usize; 2],
    deviation: f64,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<2> {
    // Strictly between 0 and 1, so that the logarithm is finite.
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
    let values: Vec<f32> = (0..shape[0] * shape[1])
        .map(|_| {
            let radius = (-2.0 * uniform().ln()).sqrt();
            let angle = core::f64::consts::TAU * uniform();
            (deviation * radius * angle.cos()) as f32
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
