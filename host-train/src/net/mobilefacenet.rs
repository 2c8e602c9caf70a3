//! MobileFaceNet, exactly as table 1 of "MobileFaceNets" (Chen et al., arXiv 1804.07573).
//!
//! ```text
//! 112x112x3   conv3x3 /2 64          PReLU
//! 56x56x64    depthwise3x3 64        PReLU
//! 56x56x64    bottleneck x5  t=2  c=64   /2
//! 28x28x64    bottleneck x1  t=4  c=128  /2
//! 14x14x128   bottleneck x6  t=2  c=128
//! 14x14x128   bottleneck x1  t=4  c=128  /2
//! 7x7x128     bottleneck x2  t=2  c=128
//! 7x7x128     conv1x1 512            PReLU
//! 7x7x512     linear GDConv7x7
//! 1x1x512     linear conv1x1 128
//! ```
//!
//! Every convolution is followed by batch normalization. The last one makes the embedding, whose direction is the face.

use super::blocks::{BatchStatistics, Bottleneck, ConvUnit};
use super::config::{NetworkConfig, NetworkError};
use super::ops::ConvKind;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// One row of the table: expansion, output channels in units of the base, repeats, stride of the first.
const STAGES: [(usize, usize, usize, usize); 5] =
    [(2, 1, 5, 2), (4, 2, 1, 2), (2, 2, 6, 1), (4, 2, 1, 2), (2, 2, 2, 1)];

/// Channels of the last 1x1 convolution, in units of the base.
const HEAD: usize = 8;

/// The network, `[batch, side, side, 3]` to `[batch, embedding]`.
#[derive(Module, Debug)]
pub struct MobileFaceNet {
    /// First convolution.
    pub stem: ConvUnit,
    /// Depthwise convolution behind it.
    pub stem_depthwise: ConvUnit,
    /// The five stages' bottlenecks, in order.
    pub bottlenecks: Vec<Bottleneck>,
    /// 1x1 convolution to the widest layer.
    pub head: ConvUnit,
    /// Global depthwise convolution, linear.
    pub global: ConvUnit,
    /// To the embedding, linear.
    pub embedding: ConvUnit,
}

impl MobileFaceNet {
    /// A network with weights drawn from `seed`.
    ///
    /// # Errors
    /// Settings that no network can have.
    pub fn new(config: &NetworkConfig, seed: u64, device: &Device) -> Result<Self, NetworkError> {
        config.check()?;
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let base = config.base_channels;
        let mut unit = |kind, inputs, outputs, activation| {
            ConvUnit::new(kind, inputs, outputs, activation, rng, device)
        };
        let stem = unit(ConvKind::Stem, 3, base, true);
        let stem_depthwise = unit(ConvKind::Depthwise { stride: 1 }, base, base, true);
        let (mut channels, mut side) = (base, config.input / 2);
        let mut bottlenecks = Vec::new();
        for (expansion, width, repeats, first_stride) in STAGES {
            for i in 0..repeats {
                let stride = if i == 0 { first_stride } else { 1 };
                let (wide, out) = (expansion * channels, width * base);
                bottlenecks.push(Bottleneck {
                    expand: unit(ConvKind::Pointwise, channels, wide, true),
                    depthwise: unit(ConvKind::Depthwise { stride }, wide, wide, true),
                    project: unit(ConvKind::Pointwise, wide, out, false),
                    residual: stride == 1 && channels == out,
                });
                channels = out;
                side /= stride;
            }
        }
        let wide = HEAD * base;
        Ok(Self {
            stem,
            stem_depthwise,
            bottlenecks,
            head: unit(ConvKind::Pointwise, channels, wide, true),
            global: unit(ConvKind::GlobalDepthwise { side }, wide, wide, false),
            embedding: unit(ConvKind::Pointwise, wide, config.embedding, false).centred(),
        })
    }

    /// The training forward: `x [batch, side, side, 3]` normalised pixels to embeddings `[batch, embedding]`, and what
    /// the batch's statistics were, for [`Self::commit`] once the step is known to be sound.
    pub fn forward(&self, x: Tensor<4>) -> (Tensor<2>, Vec<BatchStatistics>) {
        let mut seen = Vec::new();
        let mut x = self.stem.forward(x, &mut seen);
        x = self.stem_depthwise.forward(x, &mut seen);
        for bottleneck in &self.bottlenecks {
            x = bottleneck.forward(x, &mut seen);
        }
        x = self.head.forward(x, &mut seen);
        x = self.global.forward(x, &mut seen);
        x = self.embedding.forward(x, &mut seen);
        let [batch, _, _, length] = x.dims();
        (x.reshape([batch, length]), seen)
    }

    /// Takes a batch's statistics, in [`Self::forward`]'s order, into the running ones.
    pub fn commit(&self, seen: Vec<BatchStatistics>) {
        for (unit, seen) in self.units().zip(seen) {
            unit.commit(seen);
        }
    }

    /// Every unit in the order of the forward pass.
    pub fn units(&self) -> impl Iterator<Item = &ConvUnit> {
        let middle = self.bottlenecks.iter().flat_map(|b| [&b.expand, &b.depthwise, &b.project]);
        [&self.stem, &self.stem_depthwise].into_iter().chain(middle).chain([
            &self.head,
            &self.global,
            &self.embedding,
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Multiply-accumulates of one image, from the units' weights alone.
    fn macs(net: &MobileFaceNet, input: usize) -> usize {
        let mut side = input;
        net.units()
            .map(|unit| {
                let weights = unit.weight.dims().iter().product::<usize>();
                match unit.kind {
                    ConvKind::Stem => side /= 2,
                    ConvKind::Depthwise { stride } => side /= stride,
                    ConvKind::Pointwise => {}
                    ConvKind::GlobalDepthwise { .. } => {
                        side = 1;
                    }
                }
                weights * side * side
            })
            .sum()
    }

    #[test]
    fn matches_the_papers_size() {
        let device = Device::flex();
        let net = MobileFaceNet::new(&NetworkConfig::default(), 1, &device).unwrap();
        assert_eq!(macs(&net, 112), 220_965_376);
        // The paper rounds to 0.99 million parameters; convolution weights alone are the 976,000 bytes of the int8 file.
        let weights: usize = net.units().map(|u| u.weight.dims().iter().product::<usize>()).sum();
        assert_eq!(weights, 976_000);
        assert_eq!(net.units().count(), 50);
    }
}
