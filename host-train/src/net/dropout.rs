//! Dropout whose choices depend on seed and step alone, so that a resumed run repeats them.

use burn::tensor::{Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Share of values that are dropped: that of the ArcFace paper's setting E (arXiv 1801.07698, version 1, section 3.2.2).
const SHARE: f64 = 0.4;

/// Which choices are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropoutKey {
    /// The run's seed.
    pub seed: u64,
    /// The step; where a batch is learned in parts, the parts of all steps are counted, on whatever rank.
    pub step: u64,
}

/// Each value zero with probability [`SHARE`], else divided by what is kept on average.
pub(super) fn dropout<const D: usize>(x: Tensor<D>, key: DropoutKey) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(key.seed);
    // Stream 0 of a seed is what weights are drawn from.
    rng.set_stream(key.step.wrapping_add(1));
    let limit = (SHARE * 4_294_967_296.0) as u32;
    let kept = (1.0 / (1.0 - SHARE)) as f32;
    let dims = x.dims();
    let mask: Vec<f32> = (0..dims.iter().product())
        .map(|_| if rng.next_u32() < limit { 0.0 } else { kept })
        .collect();
    let mask = Tensor::from_data(TensorData::new(mask, dims), &x.device());
    x * mask
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::tensor::Device;

    fn ones(key: DropoutKey) -> Vec<f32> {
        let x = Tensor::<2>::ones([100, 300], &Device::flex());
        dropout(x, key).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn drops_its_share_and_keeps_the_mean() {
        let y = ones(DropoutKey { seed: 1, step: 0 });
        let dropped = y.iter().filter(|&&v| v == 0.0).count() as f64 / y.len() as f64;
        assert!((dropped - SHARE).abs() < 0.01, "{dropped}");
        assert!(y.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.6).abs() < 1e-6));
    }

    #[test]
    fn repeats_for_a_key_and_differs_between_keys() {
        let first = DropoutKey { seed: 1, step: 0 };
        assert_eq!(ones(first), ones(first));
        assert_ne!(ones(first), ones(DropoutKey { step: 1, ..first }));
        assert_ne!(ones(first), ones(DropoutKey { seed: 2, ..first }));
    }
}
