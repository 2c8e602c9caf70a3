//! The pieces of MobileFaceNet: a convolution with its normalization and PReLU, and the inverted-residual bottleneck.

use super::ops::{self, ConvKind};
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Share of a new batch in the running statistics.
const STATISTICS_MOMENTUM: f64 = 0.1;

/// PReLU slopes start here, as in the paper that introduced them (arXiv 1502.01852).
const INITIAL_SLOPE: f32 = 0.25;

/// Convolution without bias, batch normalization, and PReLU unless the unit is linear.
#[derive(Module, Debug)]
pub struct ConvUnit {
    /// Weights, laid out as `kind` says.
    pub weight: Param<Tensor<2>>,
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
    /// The convolution.
    #[module(skip)]
    pub kind: ConvKind,
}

/// Mean and variance `[2, out]` that one batch gave a unit, and from how many values a channel.
pub struct BatchStatistics {
    moments: Tensor<2>,
    count: usize,
}

impl ConvUnit {
    /// A unit with He-initialised weights.
    ///
    /// `inputs` and `outputs` are channels, equal for depthwise kinds.
    pub(super) fn new(
        kind: ConvKind,
        inputs: usize,
        outputs: usize,
        activation: bool,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let (shape, fan_in) = kind.weights(inputs, outputs);
        let weight = normal(shape, (2.0 / fan_in as f64).sqrt(), rng, device);
        let full = |value: f32| Tensor::<1>::full([outputs], value, device);
        Self {
            weight: Param::from_tensor(weight),
            gamma: Param::from_tensor(full(1.0)),
            beta: Param::from_tensor(full(0.0)),
            slope: activation.then(|| Param::from_tensor(full(INITIAL_SLOPE))),
            mean: RunningState::new(full(0.0)),
            variance: RunningState::new(full(1.0)),
            kind,
        }
    }

    /// The unit with its normalization's offset held at zero, so that its outputs have no common part over a batch.
    pub(super) fn centred(mut self) -> Self {
        self.beta = self.beta.set_require_grad(false);
        self
    }

    /// `x [batch, height, width, in]` to `[batch, height', width', out]`; appends the batch's statistics to `seen`.
    pub(super) fn forward(&self, x: Tensor<4>, seen: &mut Vec<BatchStatistics>) -> Tensor<4> {
        let y = ops::convolution(x, self.weight.val(), self.kind);
        let [batch, height, width, _] = y.dims();
        let slope = self.slope.as_ref().map(Param::val);
        let (y, moments) = ops::batch_norm(y, self.gamma.val(), self.beta.val(), slope);
        seen.push(BatchStatistics { moments, count: batch * height * width });
        y
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

/// Inverted residual with a linear end: 1x1 expand, 3x3 depthwise, 1x1 project; the input is added when shapes allow.
#[derive(Module, Debug)]
pub struct Bottleneck {
    /// 1x1 to the expanded channels, PReLU.
    pub expand: ConvUnit,
    /// 3x3 depthwise, PReLU.
    pub depthwise: ConvUnit,
    /// 1x1 to the output channels, linear.
    pub project: ConvUnit,
    /// Whether the input is added to the output: stride 1 and equal channels.
    #[module(skip)]
    pub residual: bool,
}

impl Bottleneck {
    pub(super) fn forward(&self, x: Tensor<4>, seen: &mut Vec<BatchStatistics>) -> Tensor<4> {
        let y = self.expand.forward(x.clone(), seen);
        let y = self.depthwise.forward(y, seen);
        let y = self.project.forward(y, seen);
        if self.residual { y + x } else { y }
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
