//! Random choices that can be made again: each is a function of the seed and of what it is for.
//!
//! No generator lives from one step to the next, so a run resumed at any step makes the choices of the unbroken run.
//! ChaCha8 is fixed by its specification, and the arithmetic on its output is written out here, so the choices also
//! survive a new release of the `rand` crates.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream of choices is for; different purposes never share a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The order of images in an epoch.
    Order = 0,
    /// Whether an image is mirrored; this and the next are the changes to one image in an epoch.
    Flip = 1,
    /// How it is turned, scaled and shifted.
    Similarity = 2,
    /// Its light and colours.
    Colour = 3,
    /// How far it is out of focus.
    Blur = 4,
    /// How few pixels it has.
    LowResolution = 5,
    /// How hard it is compressed.
    Jpeg = 6,
    /// What stands before it.
    Occlusion = 7,
    /// Which mask the person wears.
    Mask = 8,
    /// Whether a step's images are blended, and how.
    Mix = 9,
    /// The classes that take part in a step.
    Classes = 10,
    /// Which images get a wrong label.
    Relabel = 11,
}

/// A stream of random choices.
pub(crate) struct Choices(ChaCha8Rng);

impl Choices {
    /// The stream for `purpose` in `epoch` (or at a step), for image `index` (0 where there is none; or for a first class).
    pub(crate) fn new(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> Self {
        let mut key = [0; 32];
        let words = [seed, purpose as u64, epoch, index];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A whole number below `bound`, which must not be 0. The bias is below `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.0.next_u64()) * bound as u128;
        // Below 2^64 * bound before the shift, so below `bound` after it.
        (product >> 64) as usize
    }

    /// A number from -1 up to, not including, 1, in steps of 2^-23.
    pub(super) fn symmetric(&mut self) -> f32 {
        // 24 bits fit the fraction of an f32, so nothing is rounded.
        let bits = self.0.next_u32() >> 8;
        bits as f32 / 8_388_608.0 - 1.0
    }

    /// A number from 0 up to, not including, 1, in steps of 2^-24.
    pub(super) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// A number from `low` to `high`.
    pub(super) fn between(&mut self, (low, high): (f32, f32)) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Any RGB colour, each as likely.
    pub(super) fn colour(&mut self) -> [u8; 3] {
        let [red, green, blue, _] = self.0.next_u32().to_le_bytes();
        [red, green, blue]
    }
}

/// The order in which an epoch visits `count` images: a permutation of `0..count` (Fisher-Yates).
pub(super) fn order(seed: u64, epoch: u64, count: usize) -> Vec<usize> {
    let mut choices = Choices::new(seed, Purpose::Order, epoch, 0);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, choices.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_visits_each_image_once() {
        for count in [0, 1, 2, 7, 1000] {
            let mut sorted = order(3, 5, count);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn orders_differ_by_seed_and_epoch_and_never_change() {
        assert_ne!(order(1, 0, 50), order(1, 1, 50));
        assert_ne!(order(1, 0, 50), order(2, 0, 50));
        // From another implementation of ChaCha8. A change here breaks the resuming of every stored run.
        assert_eq!(order(1, 0, 10), [1, 4, 9, 8, 0, 5, 7, 6, 2, 3]);
    }

    #[test]
    fn every_image_is_as_likely_at_every_place() {
        let (count, epochs) = (6, 6000);
        let mut seen = [[0_u32; 6]; 6];
        for epoch in 0..epochs {
            for (place, image) in order(9, epoch, count).into_iter().enumerate() {
                seen[place][image] += 1;
            }
        }
        // 1000 expected, standard deviation 29: five of them.
        for times in seen.into_iter().flatten() {
            assert!((855..=1145).contains(&times), "{seen:?}");
        }
    }

    #[test]
    fn symmetric_choices_fill_their_range() {
        let mut choices = Choices::new(4, Purpose::Flip, 0, 0);
        let drawn: Vec<f32> = (0..10_000).map(|_| choices.symmetric()).collect();
        assert!(drawn.iter().all(|value| (-1.0..1.0).contains(value)));
        assert!(
            drawn.iter().any(|&value| value < -0.99) && drawn.iter().any(|&value| value > 0.99)
        );
        let mean = drawn.iter().sum::<f32>() / 10_000.0;
        // Standard deviation of the mean: 1 / sqrt(3 * 10000) = 0.0058.
        assert!(mean.abs() < 0.03, "{mean}");
    }
}
