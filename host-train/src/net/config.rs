//! What a network is made of, as plain values that are saved beside its weights.

use serde::{Deserialize, Serialize};

/// Networks see `(pixel - PIXEL_MEAN) * PIXEL_SCALE`. The mean is a whole number on purpose: the door feeds
/// `pixel - 128` as int8, so that a padded zero is exactly an int8 zero there.
pub const PIXEL_MEAN: f32 = 128.0;

/// See [`PIXEL_MEAN`].
pub const PIXEL_SCALE: f32 = 1.0 / 128.0;

/// Which layers a network has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// Table 1 of arXiv 1804.07573.
    #[default]
    MobileFaceNet,
    /// The ArcFace paper's residual network of 18 layers.
    Ir18,
    /// Of 34 layers.
    Ir34,
    /// Of 50 layers.
    Ir50,
    /// Of 100 layers.
    Ir100,
    /// Layers that came from elsewhere, in a file beside the settings. Of these, only the input and the embedding are its own.
    Imported,
}

impl Architecture {
    /// Residual units of the four stages, two 3x3 convolutions each; none for MobileFaceNet, and none that are known for an imported
    /// network.
    #[must_use]
    pub fn units(self) -> Option<[usize; 4]> {
        match self {
            Self::MobileFaceNet | Self::Imported => None,
            Self::Ir18 => Some([2, 2, 2, 2]),
            Self::Ir34 => Some([3, 4, 6, 3]),
            Self::Ir50 => Some([3, 4, 14, 3]),
            Self::Ir100 => Some([3, 13, 30, 3]),
        }
    }
}

/// How the last feature map becomes the embedding: A to E of the ArcFace paper (arXiv 1801.07698, version 1, section 3.2.2),
/// and MobileFaceNet's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum OutputSetting {
    /// Global depthwise convolution, then a dense layer, both normalized (arXiv 1804.07573).
    #[default]
    #[serde(rename = "gdc")]
    Gdc,
    /// Global average pooling.
    #[value(name = "A")]
    A,
    /// Pooling, dense.
    #[value(name = "B")]
    B,
    /// Pooling, dense, normalization.
    #[value(name = "C")]
    C,
    /// Pooling, dense, normalization, PReLU.
    #[value(name = "D")]
    D,
    /// Normalization, dropout, dense over all pixels, normalization.
    #[value(name = "E")]
    E,
}

/// First layers of a residual network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Stem {
    /// 3x3 at stride 1: the paper's L networks, 7x7 pixels at the end. MobileFaceNet, which has a first layer of its own, is
    /// saved with this.
    #[default]
    L,
    /// 7x7 at stride 2 and a maximum at stride 2, as for images of twice the size: 4x4 pixels at the end.
    Plain,
}

/// Whose mean and variance normalization takes while the network learns; used networks take the running ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BatchNorm {
    /// Those of the images that go through the network together: a part of a batch, on one rank.
    #[default]
    Batch,
    /// The running ones, which stay as they are: for going on from a trained network, on batches of any size.
    Frozen,
    /// Those of the images that go through the network together on all ranks.
    Synced,
}

/// The settings that, with the weights, are the network. What a run of an earlier version did not save is what it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Its layers.
    #[serde(default)]
    pub architecture: Architecture,
    /// Side of the square input, pixels. A multiple of 16, since the network halves it four times.
    pub input: usize,
    /// Channels of the first convolution; every other layer's scale with it. The papers' networks have 64.
    pub base_channels: usize,
    /// Length of the embedding.
    pub embedding: usize,
    /// The last layers.
    #[serde(default)]
    pub output: OutputSetting,
    /// The first layers.
    #[serde(default)]
    pub stem: Stem,
    /// Whether each block ends in a squeeze-and-excitation gate.
    #[serde(default)]
    pub squeeze_excite: bool,
}

impl Default for NetworkConfig {
    /// The network of table 1 in arXiv 1804.07573.
    fn default() -> Self {
        Self {
            architecture: Architecture::MobileFaceNet,
            input: 112,
            base_channels: 64,
            embedding: 128,
            output: OutputSetting::Gdc,
            stem: Stem::L,
            squeeze_excite: false,
        }
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
    /// Setting A's embedding is the pooled feature map itself.
    #[error(
        "output setting A gives embeddings of {features}, the channels of the last layer, not {embedding}: \
         ask for that length, or for another setting"
    )]
    Pooled {
        /// Channels of the last layer.
        features: usize,
        /// The length asked for.
        embedding: usize,
    },
    /// MobileFaceNet is defined with its first layer.
    #[error("mobilefacenet has a first layer of its own: the plain stem is for ir18 to ir100")]
    PlainStem,
    /// The settings do not say what an imported network's layers are.
    #[error("an imported network is built from its file, not from settings")]
    Imported,
    /// No network of this name.
    #[error(
        "no network is called \"{0}\": choose mobilefacenet, mobilefacenet-512, ir18, ir34, ir50 or ir100, or an .onnx file"
    )]
    Unknown(String),
}

impl NetworkConfig {
    /// The network of this name, as its paper has it.
    ///
    /// # Errors
    /// [`NetworkError::Unknown`], with the names there are.
    pub fn named(name: &str) -> Result<Self, NetworkError> {
        let residual = |architecture| Self {
            architecture,
            embedding: 512,
            output: OutputSetting::E,
            ..Self::default()
        };
        match name {
            "mobilefacenet" => Ok(Self::default()),
            "mobilefacenet-512" => Ok(Self { embedding: 512, ..Self::default() }),
            "ir18" => Ok(residual(Architecture::Ir18)),
            "ir34" => Ok(residual(Architecture::Ir34)),
            "ir50" => Ok(residual(Architecture::Ir50)),
            "ir100" => Ok(residual(Architecture::Ir100)),
            _ => Err(NetworkError::Unknown(name.to_owned())),
        }
    }

    /// Channels of the last feature map.
    #[must_use]
    pub fn features(&self) -> usize {
        8 * self.base_channels
    }

    /// Checks the numbers; those of an imported network are what its file says.
    ///
    /// # Errors
    /// Whatever keeps the network from being built.
    pub fn check(&self) -> Result<(), NetworkError> {
        if self.architecture == Architecture::Imported {
            return Ok(());
        }
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
        let (features, embedding) = (self.features(), self.embedding);
        if self.output == OutputSetting::A && embedding != features {
            return Err(NetworkError::Pooled { features, embedding });
        }
        if self.architecture == Architecture::MobileFaceNet && self.stem == Stem::Plain {
            return Err(NetworkError::PlainStem);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
    fn rejects_pooled() {
        let config = NetworkConfig { output: OutputSetting::A, ..NetworkConfig::default() };
        let error = NetworkError::Pooled { features: 512, embedding: 128 };
        assert_eq!(config.check(), Err(error));
        assert_eq!(NetworkConfig { embedding: 512, ..config }.check(), Ok(()));
    }

    #[test]
    fn rejects_plain_stem() {
        let config = NetworkConfig { stem: Stem::Plain, ..NetworkConfig::default() };
        assert_eq!(config.check(), Err(NetworkError::PlainStem));
        let config = NetworkConfig { architecture: Architecture::Ir18, ..config };
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn settings_saved_before_there_were_others_are_mobilefacenets() {
        let saved = r#"{"input": 112, "base_channels": 64, "embedding": 128}"#;
        let config: NetworkConfig = serde_json::from_str(saved).unwrap();
        assert_eq!(config, NetworkConfig::default());
        let text = serde_json::to_string(&NetworkConfig::named("ir50").unwrap()).unwrap();
        let expected = r#"{"architecture":"ir50","input":112,"base_channels":64,"embedding":512,"output":"E","stem":"l","squeeze_excite":false}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn rejects_unknown() {
        let error = NetworkConfig::named("resnet");
        assert_eq!(error, Err(NetworkError::Unknown("resnet".to_owned())));
    }
}
