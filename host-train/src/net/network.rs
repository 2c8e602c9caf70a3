//! A network: stem, blocks and output setting, with the training forward over them.
//!
//! All networks are one type, of which each uses a part: the float graph, checkpoints and the optimizer then need no cases.
//! Parameter names are the fields' paths, as `bottlenecks.3.expand.weight`.

use super::blocks::{Bottleneck, ResidualUnit, global_average};
use super::config::{Architecture, BatchNorm, NetworkConfig, NetworkError, OutputSetting, Stem};
use super::dropout::{DropoutKey, dropout};
use super::ops::ConvKind;
use super::unit::{BatchStatistics, Dense, Draw, Pass, Unit};
use super::{iresnet, mobilefacenet};
use crate::ranks::Ranks;
use burn::module::Module;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use std::sync::Arc;

/// The network, `[batch, side, side, 3]` to `[batch, embedding]`.
#[derive(Module, Debug)]
pub struct Network {
    /// First convolution.
    pub stem: Unit,
    /// MobileFaceNet's depthwise convolution behind it.
    pub stem_depthwise: Option<Unit>,
    /// MobileFaceNet's blocks, in order.
    pub bottlenecks: Vec<Bottleneck>,
    /// The residual networks' blocks, in order.
    pub residual_units: Vec<ResidualUnit>,
    /// MobileFaceNet's 1x1 convolution to the widest layer.
    pub head: Option<Unit>,
    /// Output setting gdc's global depthwise convolution, linear.
    pub global: Option<Unit>,
    /// Output setting E's normalization before the dropout.
    pub feature_norm: Option<Unit>,
    /// The normalized dense layer to the embedding, of settings gdc, C, D and E.
    pub embedding: Option<Unit>,
    /// Setting B's dense layer alone.
    pub projection: Option<Dense>,
    /// What comes between the first convolution and the rest.
    #[module(skip)]
    pub stem_setting: Stem,
    /// How the last feature map becomes the embedding.
    #[module(skip)]
    pub output: OutputSetting,
}

/// A network without its output setting.
pub(super) struct Trunk {
    pub(super) stem: Unit,
    pub(super) stem_depthwise: Option<Unit>,
    pub(super) bottlenecks: Vec<Bottleneck>,
    pub(super) residual_units: Vec<ResidualUnit>,
    pub(super) head: Option<Unit>,
    /// Pixels a side of the last feature map, whose channels are [`NetworkConfig::features`].
    pub(super) side: usize,
}

impl Network {
    /// A network with weights drawn from `seed`.
    ///
    /// # Errors
    /// Settings that no network can have.
    pub fn new(config: &NetworkConfig, seed: u64, device: &Device) -> Result<Self, NetworkError> {
        config.check()?;
        if config.architecture == Architecture::Imported {
            return Err(NetworkError::Imported);
        }
        let draw = &mut Draw::new(seed, device);
        let Trunk { stem, stem_depthwise, bottlenecks, residual_units, head, side } =
            match config.architecture.units() {
                None => mobilefacenet::trunk(config, draw),
                Some(units) => iresnet::trunk(units, config, draw),
            };
        let (features, length) = (config.features(), config.embedding);
        let mut network = Self {
            stem,
            stem_depthwise,
            bottlenecks,
            residual_units,
            head,
            global: None,
            feature_norm: None,
            embedding: None,
            projection: None,
            stem_setting: config.stem,
            output: config.output,
        };
        let mut inputs = features;
        match config.output {
            OutputSetting::Gdc => {
                let kind = ConvKind::GlobalDepthwise { side };
                network.global = Some(draw.unit(kind, features, features, false));
            }
            OutputSetting::E => {
                network.feature_norm = Some(draw.norm(features));
                inputs = side * side * features;
            }
            _ => {}
        }
        match config.output {
            OutputSetting::A => {}
            OutputSetting::B => network.projection = Some(draw.dense(inputs, length, false)),
            setting => {
                let activation = setting == OutputSetting::D;
                let unit = draw.unit(ConvKind::Pointwise, inputs, length, activation);
                network.embedding = Some(unit.centred());
            }
        }
        Ok(network)
    }

    /// The training forward: `x [batch, side, side, 3]` normalised pixels to embeddings `[batch, embedding]`, and what
    /// the batch's statistics were, none of a frozen network, for [`Self::commit`] once the step is known to be sound. Without
    /// a key, nothing is dropped.
    ///
    /// With synced normalization all `ranks` must be here at the same time, each with as many images; when one of them is lost, the
    /// numbers mean nothing and the next thing asked of `ranks` fails.
    pub fn forward(
        &self,
        x: Tensor<4>,
        key: Option<DropoutKey>,
        batch_norm: BatchNorm,
        ranks: &Arc<Ranks>,
    ) -> (Tensor<2>, Vec<BatchStatistics>) {
        let ranks = match batch_norm {
            BatchNorm::Batch => Some(Ranks::alone()),
            BatchNorm::Synced => Some(Arc::clone(ranks)),
            BatchNorm::Frozen => None,
        };
        let pass = &mut Pass { ranks, seen: Vec::new() };
        let mut x = self.stem.forward(x, pass);
        if self.stem_setting == Stem::Plain {
            x = halved(x);
        }
        if let Some(unit) = &self.stem_depthwise {
            x = unit.forward(x, pass);
        }
        for bottleneck in &self.bottlenecks {
            x = bottleneck.forward(x, pass);
        }
        for unit in &self.residual_units {
            x = unit.forward(x, pass);
        }
        for unit in self.head.iter().chain(&self.global).chain(&self.feature_norm) {
            x = unit.forward(x, pass);
        }
        let [batch, height, width, channels] = x.dims();
        x = match self.output {
            OutputSetting::Gdc => x,
            OutputSetting::E => x.reshape([batch, 1, 1, height * width * channels]),
            _ => global_average(x),
        };
        if let (OutputSetting::E, Some(key)) = (self.output, key) {
            x = dropout(x, key);
        }
        if let Some(unit) = &self.embedding {
            x = unit.forward(x, pass);
        }
        let [batch, _, _, length] = x.dims();
        let x = x.reshape([batch, length]);
        let embeddings = match &self.projection {
            Some(dense) => dense.forward(x),
            None => x,
        };
        (embeddings, core::mem::take(&mut pass.seen))
    }

    /// Takes a batch's statistics, in [`Self::forward`]'s order, into the running ones.
    pub fn commit(&self, seen: Vec<BatchStatistics>) {
        for (unit, seen) in self.units().zip(seen) {
            unit.commit(seen);
        }
    }

    /// Every unit in the order of the forward pass.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        core::iter::once(&self.stem)
            .chain(&self.stem_depthwise)
            .chain(self.bottlenecks.iter().flat_map(Bottleneck::units))
            .chain(self.residual_units.iter().flat_map(ResidualUnit::units))
            .chain(&self.head)
            .chain(&self.global)
            .chain(&self.feature_norm)
            .chain(&self.embedding)
    }
}

/// Largest of 3x3 pixels, stride 2, padding 1.
fn halved(x: Tensor<4>) -> Tensor<4> {
    let options = MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
    max_pool2d(x.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
}

#[cfg(test)]
mod tests;
