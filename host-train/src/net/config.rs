//! What a network is made of, as plain values that are saved beside its weights.

use serde::{Deserialize, Serialize};

/// Networks see `(pixel - PIXEL_MEAN) * PIXEL_SCALE`. The mean is a whole number on purpose: the door feeds
/// `pixel - 128` as int8, so that a padded zero is exactly an int8 zero there.
pub const PIXEL_MEAN: f32 = 128.0;

/// See [`PIXEL_MEAN`].
pub const PIXEL_SCALE: f32 = 1.0 / 128.0;

/// The settings that, with the weights, are the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Side of the square input, pixels. A multiple of 16, since the network halves it four times.
    pub input: usize,
    /// Channels of the first convolution; every other layer's scale with it. The paper's network has 64.
    pub base_channels: usize,
    /// Length of the embedding.
    pub embedding: usize,
}

impl Default for NetworkConfig {
    /// The network of table 1 in arXiv 1804.07573.
    fn default() -> Self {
        Self { input: 112, base_channels: 64, embedding: 128 }
    }
}

/// A network that can't be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The input doesn't survive four halvings.
    #[error(
        "input size {input} is not a multiple of 16 between 32 and 512: choose such a size, as 112"
    )]
    Input {
        /// The size asked for.
        input: usize,
    },
    /// The kernels work on blocks of 16 channels.
    #[error("{name} {channels} is not a multiple of 16 between 16 and 1024")]
    Channels {
        /// Which setting.
        name: &'static str,
        /// The number asked for.
        channels: usize,
    },
    /// No network of this name.
    #[error("no network is called \"{0}\": choose mobilefacenet or mobilefacenet-512")]
    Unknown(String),
}

impl NetworkConfig {
    /// The network of this name.
    ///
    /// # Errors
    /// [`NetworkError::Unknown`], with the names there are.
    pub fn named(name: &str) -> Result<Self, NetworkError> {
        match name {
            "mobilefacenet" => Ok(Self::default()),
            "mobilefacenet-512" => Ok(Self { embedding: 512, ..Self::default() }),
            _ => Err(NetworkError::Unknown(name.to_owned())),
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// Whatever keeps the network from being built.
    pub fn check(&self) -> Result<(), NetworkError> {
        if !(32..=512).contains(&self.input) || !self.input.is_multiple_of(16) {
            return Err(NetworkError::Input { input: self.input });
        }
        for (name, channels) in
            [("base channels", self.base_channels), ("embedding length", self.embedding)]
        {
            if !(16..=1024).contains(&channels) || !channels.is_multiple_of(16) {
                return Err(NetworkError::Channels { name, channels });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_input() {
        for input in [0, 31, 100, 528] {
            let config = NetworkConfig { input, ..NetworkConfig::default() };
            assert_eq!(config.check(), Err(NetworkError::Input { input }));
        }
    }

    #[test]
    fn rejects_channels() {
        let config = NetworkConfig { base_channels: 24, ..NetworkConfig::default() };
        let name = "base channels";
        assert_eq!(config.check(), Err(NetworkError::Channels { name, channels: 24 }));
    }

    #[test]
    fn rejects_unknown() {
        let error = NetworkConfig::named("resnet");
        assert_eq!(error, Err(NetworkError::Unknown("resnet".to_owned())));
    }
}
