//! What a run learns: one of the trainer's own networks, or one that came from elsewhere.

use super::config::ConfigError;
use crate::graph::{Graph, GraphNetwork, from_net};
use crate::net::{
    Architecture, BatchNorm, BatchStatistics, DropoutKey, Network, NetworkConfig, NetworkError,
    PIXEL_MEAN, PIXEL_SCALE,
};
use crate::ranks::Ranks;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use std::sync::Arc;

/// A network that turns faces into embeddings and can learn.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a run has one")]
pub enum FaceNetwork {
    /// Built from settings.
    Own(Network),
    /// Built from a file, normalization folded.
    Imported(GraphNetwork),
}

impl FaceNetwork {
    /// The network of these settings, with weights drawn from `seed`; or `imported`, where they name it so, with its own.
    ///
    /// # Errors
    /// Settings that no network can have, an imported network that is not there, or a graph that is not sound.
    pub fn new(
        config: &NetworkConfig,
        imported: Option<&Graph>,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        if config.architecture != Architecture::Imported {
            return Ok(Self::Own(Network::new(config, seed, device)?));
        }
        let graph = imported.ok_or(NetworkError::Imported)?;
        Ok(Self::Imported(GraphNetwork::new(graph, device).map_err(Box::new)?))
    }

    /// Embeddings `[batch, embedding]` of pixels from 0 to 255, `[batch, side, side, 3]`, red first; the rest as for
    /// [`Network::forward`]. An imported network drops nothing and has no statistics.
    pub fn forward(
        &self,
        images: Tensor<4>,
        key: Option<DropoutKey>,
        batch_norm: BatchNorm,
        ranks: &Arc<Ranks>,
    ) -> (Tensor<2>, Vec<BatchStatistics>) {
        match self {
            Self::Own(network) => {
                let normalised = images.sub_scalar(PIXEL_MEAN).mul_scalar(PIXEL_SCALE);
                network.forward(normalised, key, batch_norm, ranks)
            }
            Self::Imported(network) => (network.forward(images), Vec::new()),
        }
    }

    /// Takes a batch's statistics, as [`Self::forward`] gave them, into the running ones.
    pub fn commit(&self, seen: Vec<BatchStatistics>) {
        if let Self::Own(network) = self {
            network.commit(seen);
        }
    }

    /// The network as it is used; `config` is what it was built from.
    #[must_use]
    pub fn graph(&self, config: &NetworkConfig) -> Graph {
        match self {
            Self::Own(network) => from_net(network, config),
            Self::Imported(network) => network.graph(),
        }
    }
}
