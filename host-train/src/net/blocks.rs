//! Blocks with a sum around them: MobileFaceNet's bottleneck, the residual networks' unit, and the gate that both may have.

use super::unit::{Dense, Draw, Pass, Unit};
use burn::module::Module;
use burn::tensor::{Tensor, activation};

/// Inverted residual with a linear end: 1x1 expand, 3x3 depthwise, 1x1 project; the input is added when shapes allow.
#[derive(Module, Debug)]
pub struct Bottleneck {
    /// 1x1 to the expanded channels, PReLU.
    pub expand: Unit,
    /// 3x3 depthwise, PReLU.
    pub depthwise: Unit,
    /// 1x1 to the output channels, linear.
    pub project: Unit,
    /// Before the sum.
    pub gate: Option<SqueezeExcite>,
    /// Whether the input is added to the output: stride 1 and equal channels.
    #[module(skip)]
    pub residual: bool,
}

impl Bottleneck {
    pub(super) fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let mut y = self.expand.forward(x.clone(), pass);
        y = self.depthwise.forward(y, pass);
        y = self.project.forward(y, pass);
        if let Some(gate) = &self.gate {
            y = gate.forward(y);
        }
        if self.residual { y + x } else { y }
    }

    /// Its units in the order of the forward pass.
    pub(super) fn units(&self) -> impl Iterator<Item = &Unit> {
        [&self.expand, &self.depthwise, &self.project].into_iter()
    }
}

/// The ArcFace paper's improved residual unit, normalization - 3x3 - normalization - PReLU - 3x3 with the stride -
/// normalization (arXiv 1801.07698, version 1, section 3.2.3), plus its input or, where the shape changes, the input through
/// a 1x1 convolution with the stride and a normalization.
#[derive(Module, Debug)]
pub struct ResidualUnit {
    /// Normalization of the input.
    pub norm: Unit,
    /// 3x3 to the output channels, PReLU.
    pub first: Unit,
    /// 3x3 with the stride, linear.
    pub second: Unit,
    /// 1x1 with the stride, linear; none where the input is added as it is.
    pub shortcut: Option<Unit>,
    /// Before the sum.
    pub gate: Option<SqueezeExcite>,
}

impl ResidualUnit {
    pub(super) fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let mut y = self.norm.forward(x.clone(), pass);
        y = self.first.forward(y, pass);
        y = self.second.forward(y, pass);
        if let Some(gate) = &self.gate {
            y = gate.forward(y);
        }
        match &self.shortcut {
            Some(shortcut) => y + shortcut.forward(x, pass),
            None => y + x,
        }
    }

    /// Its units in the order of the forward pass.
    pub(super) fn units(&self) -> impl Iterator<Item = &Unit> {
        [&self.norm, &self.first, &self.second].into_iter().chain(&self.shortcut)
    }
}

/// Channels of a gate's narrow layer, as a share of all.
const REDUCTION: usize = 16;

/// Squeeze and excitation (arXiv 1709.01507): every channel times `sigmoid(expand(relu(reduce(mean over pixels))))`.
#[derive(Module, Debug)]
pub struct SqueezeExcite {
    /// From all channels to a sixteenth.
    pub reduce: Dense,
    /// Back to all.
    pub expand: Dense,
}

impl SqueezeExcite {
    pub(super) fn new(channels: usize, draw: &mut Draw<'_>) -> Self {
        let narrow = channels.div_ceil(REDUCTION);
        let reduce = draw.dense(channels, narrow, true);
        Self { reduce, expand: draw.dense(narrow, channels, true) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, _, _, channels] = x.dims();
        let mean = global_average(x.clone()).reshape([batch, channels]);
        let narrow = activation::relu(self.reduce.forward(mean));
        let gate = activation::sigmoid(self.expand.forward(narrow));
        x * gate.reshape([batch, 1, 1, channels])
    }
}

/// Mean over all pixels, `[batch, 1, 1, channels]`.
pub(crate) fn global_average(x: Tensor<4>) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    x.reshape([batch, height * width, channels]).mean_dim(1).reshape([batch, 1, 1, channels])
}
