//! What a training step takes of memory, worked out before anything starts: with 10^5 identities and more it is the class
//! centres that do not fit, and the machine would find out after minutes, or be stopped by its system without a word.
//!
//! ```text
//! W = 4 bytes * classes * centres * embedding,  L = 4 bytes * batch * classes * centres,  q = the share that takes part
//! centres          W       their velocities W
//! gradients        3 q W   the gradient, its parts while it is made;  + W for the moved centres when q < 1
//! logits           4 q L   cosines, logits, probabilities, their gradient
//! activations      4 bytes * batch * (outputs of all operations but PReLU's, which are another's in the same pass; those with a bias
//!                  twice)
//! ```
//!
//! The factors are what this program was seen to take (`VmHWM`) with 10^3 to 4 10^5 classes and 8 to 256 images, not a bound: an
//! estimate is within a fifth of it. A teacher's memory is not in it.

use super::config::TrainConfig;
use super::network::FaceNetwork;
use crate::graph::{Conv2d, FullyConnected, Graph, Op};
use burn::tensor::Device;

const FLOAT: u64 = size_of::<f32>() as u64;

/// Bytes that a training run takes at its peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Class centres.
    pub centres: u64,
    /// The optimizer's velocities of the centres.
    pub velocities: u64,
    /// Gradients of the centres, and the centres that a step has moved.
    pub gradients: u64,
    /// Logits of a batch, and what the loss makes of them.
    pub logits: u64,
    /// What the network keeps of a batch for its gradient.
    pub activations: u64,
}

/// A run that the machine has no room for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// More is needed than there is.
    #[error(
        "training {classes} classes needs about {} and {} is available: class centres {}, velocities {}, gradients {}, \
         logits {}, activations of {batch} images {}. Lower --class-sample (now {class_sample}) or --batch",
        size(estimate.total()), size(*available), size(estimate.centres), size(estimate.velocities),
        size(estimate.gradients), size(estimate.logits), size(estimate.activations)
    )]
    Short {
        /// Classes to learn.
        classes: usize,
        /// Images a step.
        batch: usize,
        /// Share of the classes that take part in a step.
        class_sample: f64,
        /// What is needed.
        estimate: MemoryEstimate,
        /// Bytes that there are.
        available: u64,
    },
}

fn size(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30))
}

impl MemoryEstimate {
    /// The estimate for a run on the CPU; `config` has passed its check, and names `imported` where it is the network.
    #[must_use]
    pub fn of(config: &TrainConfig, imported: Option<&Graph>, classes: usize) -> Self {
        let rows = (classes * config.loss.centres()) as u64;
        let centres = FLOAT * rows * config.network.embedding as u64;
        let logits = FLOAT * rows * config.batch as u64;
        let share = config.head.class_sample;
        let part = |bytes: u64| (bytes as f64 * share).ceil() as u64;
        let moved = if share < 1.0 { centres } else { 0 };
        Self {
            centres,
            velocities: centres,
            gradients: 3 * part(centres) + moved,
            logits: 4 * part(logits),
            activations: FLOAT * config.batch as u64 * kept_of_an_image(config, imported),
        }
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.centres + self.velocities + self.gradients + self.logits + self.activations
    }
}

/// Numbers that the network keeps of one image. A network that can't be built, which the settings' check has ruled out, keeps
/// none.
fn kept_of_an_image(config: &TrainConfig, imported: Option<&Graph>) -> u64 {
    let network = FaceNetwork::new(&config.network, imported, 0, &Device::flex());
    let graph = network.map(|network| network.graph(&config.network));
    let Some((graph, shapes)) = graph.ok().and_then(|g| g.check().ok().map(|shapes| (g, shapes)))
    else {
        return 0;
    };
    let tensors = |op: &Op| match op {
        Op::Input | Op::Prelu { .. } => 0,
        Op::Conv2d(Conv2d { bias: Some(_), .. })
        | Op::FullyConnected(FullyConnected { bias: Some(_), .. }) => 2,
        _ => 1,
    };
    let kept = graph.nodes.iter().zip(&shapes);
    kept.map(|(node, shape)| tensors(&node.op) * shape.elements() as u64).sum()
}

/// Checks that `available` bytes are enough for a run; an unknown number is.
///
/// # Errors
/// [`MemoryError::Short`], with where the bytes go.
pub fn check_memory(
    config: &TrainConfig,
    imported: Option<&Graph>,
    classes: usize,
    available: Option<u64>,
) -> Result<(), MemoryError> {
    let estimate = MemoryEstimate::of(config, imported, classes);
    match available {
        Some(available) if estimate.total() > available => Err(MemoryError::Short {
            classes,
            batch: config.batch,
            class_sample: config.head.class_sample,
            estimate,
            available,
        }),
        _ => Ok(()),
    }
}

/// Bytes that new work can take without swapping, as Linux reckons; unknown elsewhere.
#[must_use]
pub fn available_memory() -> Option<u64> {
    available_in(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// `MemAvailable` in the text of `/proc/meminfo`, where it stands in KiB.
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::loss::{HeadConfig, LossConfig};

    fn sampled(class_sample: f64) -> TrainConfig {
        let head = HeadConfig { class_sample, ..HeadConfig::default() };
        TrainConfig { head, ..TrainConfig::default() }
    }

    /// insightface issue 1989: what the classes take, by hand for a million of them at 128 numbers and 64 images.
    #[test]
    fn estimate_of_a_million_classes() {
        let whole = MemoryEstimate::of(&sampled(1.0), None, 1_000_000);
        assert_eq!((whole.centres, whole.velocities), (512_000_000, 512_000_000));
        assert_eq!((whole.gradients, whole.logits), (1_536_000_000, 1_024_000_000));
        let tenth = MemoryEstimate::of(&sampled(0.1), None, 1_000_000);
        assert_eq!((tenth.gradients, tenth.logits), (665_600_000, 102_400_000));
        let loss = LossConfig::named("subcenter-arcface").unwrap();
        let config = TrainConfig { loss, ..TrainConfig::default() };
        assert_eq!(MemoryEstimate::of(&config, None, 1_000_000).centres, 3 * 512_000_000);
    }

    #[test]
    fn activations_follow_the_batch() {
        let of = |batch| {
            let config = TrainConfig { batch, ..TrainConfig::default() };
            MemoryEstimate::of(&config, None, 10).activations
        };
        assert_eq!(of(128), 2 * of(64));
        // 64 images of 112x112 were seen to take 1.9 GB in all.
        assert_eq!(of(64) / 64, 27_100_160);
    }

    #[test]
    fn rejects_what_does_not_fit() {
        let config = sampled(1.0);
        let total = MemoryEstimate::of(&config, None, 1_000_000).total();
        assert_eq!(check_memory(&config, None, 1_000_000, Some(total)), Ok(()));
        assert_eq!(check_memory(&config, None, 1_000_000, None), Ok(()));
        let error = check_memory(&config, None, 1_000_000, Some(1 << 30)).unwrap_err();
        let text = error.to_string();
        for words in ["1000000 classes", "1.00 GiB is available", "--class-sample (now 1)", "0.48"]
        {
            assert!(text.contains(words), "{text}");
        }
        // The advice helps.
        assert_eq!(check_memory(&sampled(0.1), None, 1_000_000, Some(total - 1)), Ok(()));
    }

    #[test]
    fn reads_the_systems_figure() {
        let text = "MemTotal:       24683520 kB\nMemAvailable:   20684288 kB\nBuffers: 1 kB\n";
        assert_eq!(available_in(text), Some(20_684_288 * 1024));
        assert_eq!(available_in("MemTotal: 1 kB\n"), None);
        assert_eq!(available_in("MemAvailable: many\n"), None);
        if cfg!(target_os = "linux") {
            assert!(available_memory().unwrap() > 1 << 20);
        }
    }
}
