//! Everything that decides a training run, as plain values with defaults, saved as `config.json` beside the weights.

use super::distillation::Distillation;
use super::schedule::Schedule;
use crate::data::{Augment, AugmentError};
use crate::graph::GraphError;
use crate::loss::{HeadConfig, LossConfig, LossError};
use crate::net::{Architecture, BatchNorm, NetworkConfig, NetworkError};
use serde::{Deserialize, Serialize};

/// Batch size that [`TrainConfig::learning_rate`] is meant for; other sizes scale it in proportion.
pub const REFERENCE_BATCH: f64 = 512.0;

/// Scale of the logits for few classes and few steps: a softer softmax than the paper's 64 learns faster.
pub const SMALL_SCALE: f64 = 32.0;

/// A training run's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// The network.
    pub network: NetworkConfig,
    /// The loss.
    pub loss: LossConfig,
    /// How the class centres learn.
    pub head: HeadConfig,
    /// A teacher, if there is one.
    #[serde(default)]
    pub distillation: Option<Distillation>,
    /// Images a step, of all ranks together.
    pub batch: usize,
    /// Equal parts that a batch, or a rank's share of it, is learned in, one after the other, so that one part's activations must
    /// fit into memory. Gradients are those of the whole batch; a teacher's relations are each part's own, and normalization's
    /// statistics unless they are frozen.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// Whose statistics normalization takes.
    #[serde(default)]
    pub batch_norm: BatchNorm,
    /// Steps of the whole run.
    pub steps: u64,
    /// Peak learning rate at a batch of 512 images; the rate used is this times `batch / 512`.
    pub learning_rate: f64,
    /// How the rate moves.
    pub schedule: Schedule,
    /// Steps over which the rate rises from zero.
    pub warm_up: u64,
    /// Momentum of stochastic gradient descent.
    pub momentum: f64,
    /// Weight decay of convolutions up to the global one. Normalization and PReLU are not decayed.
    pub weight_decay: f64,
    /// Weight decay behind the global convolution: the embedding layer and the class centres.
    pub weight_decay_embedding: f64,
    /// Gradients longer than this, all parameters together, are shortened to it.
    pub clip_norm: f64,
    /// What is done to a face before it is learned.
    pub augment: Augment,
    /// Where every random choice starts.
    pub seed: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Weight of the past in the averaged network, 0 for none, below 1.
    #[serde(default)]
    pub average: f64,
    /// Whether each rank holds a share of the class centres, and learns it from all ranks' images, or all ranks hold all.
    #[serde(default)]
    pub shard_centres: bool,
}

fn one() -> usize {
    1
}

impl Default for TrainConfig {
    /// MobileFaceNets' settings (arXiv 1804.07573, section 4.1) where they carry over to short runs on a CPU.
    fn default() -> Self {
        Self {
            network: NetworkConfig::default(),
            loss: LossConfig::default(),
            head: HeadConfig::default(),
            distillation: None,
            batch: 64,
            accumulate: 1,
            batch_norm: BatchNorm::Batch,
            steps: 1000,
            learning_rate: 0.1,
            schedule: Schedule::Polynomial { power: 1.0 },
            warm_up: 100,
            momentum: 0.9,
            weight_decay: 4e-5,
            weight_decay_embedding: 4e-4,
            clip_norm: 5.0,
            augment: Augment::default(),
            seed: 1,
            checkpoint_every: 200,
            average: 0.0,
            shard_centres: false,
        }
    }
}

impl TrainConfig {
    /// Settings that learn faces of `side` pixels, drawn ones of 64 above all, in minutes on a CPU: half the channels, small
    /// batches, a high rate.
    #[must_use]
    pub fn small(side: usize, steps: u64, seed: u64) -> Self {
        Self {
            network: NetworkConfig { input: side, base_channels: 32, ..NetworkConfig::default() },
            loss: LossConfig::Arcface { m: 0.5, scale: SMALL_SCALE },
            batch: 32,
            steps,
            learning_rate: 0.8,
            warm_up: steps / 10,
            augment: Augment { shift: 0.03, brightness: 0.2, ..Augment::default() },
            seed,
            ..Self::default()
        }
    }
}

/// Settings that no run can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The network's own.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The loss's own.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// The augmentation's own.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// An imported network's layers; boxed, for it is large and rare.
    #[error(transparent)]
    Graph(#[from] Box<GraphError>),
    /// An imported network's normalization is part of its convolutions, and has no statistics to take.
    #[error(
        "an imported network's normalization stays as it is, folded into its convolutions: --batch-norm can only be frozen"
    )]
    Folded,
    /// A batch that does not divide.
    #[error(
        "a batch of {batch} images can't be learned in {parts} equal parts: change --batch or --accumulate"
    )]
    Parts {
        /// Images a step.
        batch: usize,
        /// Parts.
        parts: usize,
    },
    /// A batch that does not divide among the ranks.
    #[error(
        "a batch of {batch} images can't be learned by {ranks} ranks in {parts} equal parts each, of at least 2 images: change --batch, --ranks or --accumulate"
    )]
    Shares {
        /// Images a step.
        batch: usize,
        /// Ranks.
        ranks: usize,
        /// Parts of each.
        parts: usize,
    },
    /// A number out of its range.
    #[error("{name} is {value}: it must be between {least} and {most}")]
    Range {
        /// Which setting.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// Least allowed.
        least: f64,
        /// Most allowed.
        most: f64,
    },
}

impl TrainConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.network.check()?;
        if self.network.architecture == Architecture::Imported
            && self.batch_norm != BatchNorm::Frozen
        {
            return Err(ConfigError::Folded);
        }
        self.loss.check()?;
        self.head.check(self.loss)?;
        self.augment.check()?;
        if let Some(Distillation { cosine, relation, margin, .. }) = self.distillation {
            range("cosine weight", cosine, 0.0, 1e6)?;
            range("relation weight", relation, 0.0, 1e6)?;
            range("margin weight", margin, 0.0, 1e6)?;
            range("sum of the distillation's weights", cosine + relation + margin, 1e-6, 1e7)?;
        }
        for (name, value, least, most) in [
            // Normalization over a batch needs two images.
            ("batch", self.batch as f64, 2.0, 65_536.0),
            ("steps", self.steps as f64, 1.0, 1e9),
            ("learning rate", self.learning_rate, 1e-6, 10.0),
            ("momentum", self.momentum, 0.0, 0.999),
            ("weight decay", self.weight_decay, 0.0, 1.0),
            ("weight decay of the embedding", self.weight_decay_embedding, 0.0, 1.0),
            ("gradient clipping norm", self.clip_norm, 1e-3, 1e6),
            ("steps between checkpoints", self.checkpoint_every as f64, 1.0, 1e9),
            ("weight of the past in the average", self.average, 0.0, 0.999_999),
            ("parts of a batch", self.accumulate as f64, 1.0, self.batch as f64 / 2.0),
        ] {
            range(name, value, least, most)?;
        }
        if !self.batch.is_multiple_of(self.accumulate) {
            return Err(ConfigError::Parts { batch: self.batch, parts: self.accumulate });
        }
        Ok(())
    }

    /// How many images go through the network of one of `ranks` ranks at once.
    ///
    /// # Errors
    /// The batch can't be divided so.
    pub fn images_at_once(&self, ranks: usize) -> Result<usize, ConfigError> {
        let (batch, parts) = (self.batch, self.accumulate);
        let shares = ranks.saturating_mul(parts);
        if shares == 0 || !batch.is_multiple_of(shares) || batch / shares < 2 {
            return Err(ConfigError::Shares { batch, ranks, parts });
        }
        Ok(batch / shares)
    }

    /// The learning rate of a step, counted from 0.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        let peak = self.learning_rate * self.batch as f64 / REFERENCE_BATCH;
        peak * self.schedule.factor(step, self.warm_up, self.steps)
    }
}

pub(super) fn range(
    name: &'static str,
    value: f64,
    least: f64,
    most: f64,
) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Range { name, value, least, most })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn survives_json() {
        let config = TrainConfig { seed: u64::MAX, ..TrainConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&text).unwrap(), config);
    }

    /// A resumed run reads its settings back: one bit lost in the rate is another run.
    #[test]
    fn json_keeps_every_bit_of_a_number() {
        let mut bits = 0x3fb9_9999_9999_999a_u64;
        for _ in 0..20_000 {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let learning_rate = f64::from_bits((bits >> 12) | 0x3fb0_0000_0000_0000);
            let config = TrainConfig { learning_rate, ..TrainConfig::default() };
            let text = serde_json::to_string(&config).unwrap();
            let back: TrainConfig = serde_json::from_str(&text).unwrap();
            assert_eq!(back.learning_rate.to_bits(), learning_rate.to_bits(), "{text}");
        }
    }

    #[test]
    fn rejects_range() {
        let error = TrainConfig { batch: 1, ..TrainConfig::default() }.check();
        let expected = ConfigError::Range { name: "batch", value: 1.0, least: 2.0, most: 65_536.0 };
        assert_eq!(error, Err(expected));
        assert!(TrainConfig { clip_norm: f64::NAN, ..TrainConfig::default() }.check().is_err());
    }

    #[test]
    fn rejects_network_loss_and_augmentation() {
        let network = NetworkConfig { input: 100, ..NetworkConfig::default() };
        let error = TrainConfig { network, ..TrainConfig::default() }.check();
        assert_eq!(error, Err(ConfigError::Network(NetworkError::Input { input: 100 })));
        let loss = LossConfig::Arcface { m: 0.5, scale: 0.0 };
        let error = TrainConfig { loss, ..TrainConfig::default() }.check();
        assert!(matches!(error, Err(ConfigError::Loss(LossError::Range { name: "scale", .. }))));
        let head = HeadConfig { class_sample: 0.0, ..HeadConfig::default() };
        let error = TrainConfig { head, ..TrainConfig::default() }.check();
        assert!(matches!(error, Err(ConfigError::Loss(LossError::Range { .. }))));
        let augment = Augment { shift: 2.0, ..Augment::default() };
        let error = TrainConfig { augment, ..TrainConfig::default() }.check();
        assert!(matches!(error, Err(ConfigError::Augment(_))));
    }

    /// What runs of earlier builds did not save is what they had.
    #[test]
    fn settings_of_earlier_runs_are_read() {
        let mut json = serde_json::to_value(TrainConfig::default()).unwrap();
        for name in ["batch_norm", "accumulate", "average", "distillation", "shard_centres"] {
            assert!(json.as_object_mut().unwrap().remove(name).is_some(), "{name}");
        }
        assert_eq!(serde_json::from_value::<TrainConfig>(json).unwrap(), TrainConfig::default());
        let frozen = TrainConfig { batch_norm: BatchNorm::Frozen, ..TrainConfig::default() };
        let json = serde_json::to_value(&frozen).unwrap();
        assert_eq!(json["batch_norm"], "frozen");
        assert_eq!(serde_json::from_value::<TrainConfig>(json).unwrap(), frozen);
    }

    #[test]
    fn rejects_shares() {
        let config = TrainConfig { batch: 12, accumulate: 2, ..TrainConfig::default() };
        assert_eq!(config.images_at_once(1), Ok(6));
        assert_eq!(config.images_at_once(3), Ok(2));
        for ranks in [0, 4, 5, 6, usize::MAX] {
            let error = ConfigError::Shares { batch: 12, ranks, parts: 2 };
            assert_eq!(config.images_at_once(ranks), Err(error));
        }
    }

    #[test]
    fn rate_scales_with_the_batch() {
        let config = TrainConfig { warm_up: 0, ..TrainConfig::default() };
        let doubled = TrainConfig { batch: 128, ..config.clone() };
        assert!((config.rate(0) - 0.0125).abs() < 1e-12);
        assert!((doubled.rate(0) - 0.025).abs() < 1e-12);
    }
}
