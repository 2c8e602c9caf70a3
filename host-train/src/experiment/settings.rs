//! How large an experiment is, and whose faces it is made with.

use crate::loss::{Annealing, LossConfig};
use crate::train::{SMALL_SCALE, TrainConfig};
use std::path::PathBuf;

/// Photographs, instead of drawn faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photographs {
    /// Folders and tars to learn from.
    pub data: Vec<PathBuf>,
    /// Which of their images, under which labels.
    pub manifest: Option<PathBuf>,
    /// Folders and tars to test on.
    pub test: Vec<PathBuf>,
    /// The pairs that are tested.
    pub pairs: PathBuf,
}

/// The size of every run of an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Batches that a run learns from.
    pub steps: u64,
    /// Images a batch.
    pub batch: usize,
    /// Channels of a network's first layer.
    pub base_channels: usize,
    /// The first of a residual network, which costs more a channel.
    pub residual_channels: usize,
    /// Drawn people to learn from.
    pub people: u64,
    /// Photographs of each of them.
    pub shots: usize,
    /// Drawn people to test on.
    pub tested: u64,
    /// Photographs of each of them.
    pub tested_shots: usize,
    /// Parts of the test, each judged with the threshold of the others.
    pub folds: usize,
    /// Drawn people who are enrolled and never searched for.
    pub distractors: u64,
    /// Side of a drawn face, pixels.
    pub side: usize,
    /// Where all random choices start.
    pub seed: u64,
    /// Photographs in place of drawn faces.
    pub photographs: Option<Photographs>,
}

impl Default for Settings {
    /// A run in a minute or two on two cores.
    fn default() -> Self {
        Self {
            steps: 600,
            batch: 32,
            base_channels: 32,
            residual_channels: 16,
            people: 1200,
            shots: 8,
            tested: 120,
            tested_shots: 6,
            folds: 10,
            distractors: 2000,
            side: 64,
            seed: 1,
            photographs: None,
        }
    }
}

impl Settings {
    /// A look at the path in seconds; its numbers say nothing.
    #[must_use]
    pub fn tiny() -> Self {
        Self {
            steps: 12,
            batch: 8,
            base_channels: 16,
            people: 24,
            shots: 4,
            tested: 20,
            tested_shots: 3,
            folds: 5,
            distractors: 30,
            side: 32,
            ..Self::default()
        }
    }

    /// A run with ArcFace on faces of `side` pixels, from which experiments depart.
    #[must_use]
    pub fn run(&self, side: usize) -> TrainConfig {
        let mut config = TrainConfig::small(side, self.steps, self.seed);
        config.network.base_channels = self.base_channels;
        TrainConfig { batch: self.batch, ..config }
    }

    /// The loss of this name with its usual margins, at the scale of small runs. SphereFace's plain cosine is faded out over the
    /// first half of the run, as the paper's is over a part of its own.
    #[must_use]
    pub fn loss(&self, loss: LossConfig) -> LossConfig {
        let usual = Annealing::default();
        let rate = 2.0 * (usual.start / usual.end - 1.0) / self.steps as f64;
        let annealing = Annealing { rate, ..usual };
        let scale = SMALL_SCALE;
        match loss {
            LossConfig::Softmax {} | LossConfig::SoftmaxNormalised {} => loss,
            LossConfig::Sphereface { m, .. } => LossConfig::Sphereface { m, annealing },
            LossConfig::SpherefaceNormalised { m, .. } => {
                LossConfig::SpherefaceNormalised { m, annealing, scale }
            }
            LossConfig::Cosface { m, .. } => LossConfig::Cosface { m, scale },
            LossConfig::Arcface { m, .. } => LossConfig::Arcface { m, scale },
            LossConfig::Combined { m1, m2, m3, .. } => LossConfig::Combined { m1, m2, m3, scale },
            LossConfig::SubcenterArcface { m, centres, .. } => {
                LossConfig::SubcenterArcface { m, centres, scale }
            }
            LossConfig::Adaface { m, concentration, .. } => {
                LossConfig::Adaface { m, concentration, scale }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_gets_the_small_scale_and_keeps_its_margins() {
        let settings = Settings::default();
        for loss in LossConfig::all() {
            let small = settings.loss(loss);
            assert_eq!(small.check(), Ok(()));
            assert_eq!(small.name(), loss.name());
            assert!(small.scale().is_none_or(|scale| scale == SMALL_SCALE));
            // Where nothing is faded out, the curve is the loss's own.
            if small.annealing().is_none() {
                assert_eq!(small.curve(0), loss.curve(0));
            }
        }
    }

    #[test]
    fn spherefaces_cosine_is_faded_out_after_half_the_run() {
        let settings = Settings { steps: 500, ..Settings::default() };
        let loss = settings.loss(LossConfig::all()[2]);
        let annealing = loss.annealing().unwrap_or_default();
        assert!(annealing.lambda(240) > annealing.end);
        assert!((annealing.lambda(250) - annealing.end).abs() < 1e-9);
    }

    #[test]
    fn both_sizes_can_be_trained() {
        for settings in [Settings::default(), Settings::tiny()] {
            assert_eq!(settings.run(settings.side).check(), Ok(()));
        }
    }
}
