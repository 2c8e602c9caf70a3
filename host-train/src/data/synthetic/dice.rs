//! Seeded random draws: one independent stream for each (seed, identity, shot, purpose).
//!
//! The stream key is the four numbers themselves, side by side in ChaCha's 32-byte key, so no two streams
//! share draws and none depends on what was drawn before it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream decides; part of its key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// A person's lasting traits.
    Identity = 1,
    /// The nuisances of one photograph.
    Shot = 2,
    /// Sensor noise of one photograph, pixel by pixel.
    Grain = 3,
}

/// A random stream with the distributions that drawing needs.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of its key; the same key gives the same draws.
    pub(super) fn new(purpose: Purpose, seed: u64, identity: u64, shot: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([seed, identity, shot, purpose as u64]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 32 random bits.
    pub(super) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / 16_777_216.0
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Bell-shaped about `mean`: the sum of four uniforms, so never beyond 3.47 deviations.
    pub(super) fn bell(&mut self, mean: f32, deviation: f32) -> f32 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        mean + (sum - 2.0) * 1.732_050_8 * deviation
    }

    /// True with probability `odds`. Draws exactly once, so what follows never depends on the odds.
    pub(super) fn chance(&mut self, odds: f32) -> bool {
        self.unit() < odds
    }

    /// One of `options`, each as likely as its weight; the last where every weight is zero.
    ///
    /// `options` is never empty: every caller passes a literal list.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, options: [(T, f32); N]) -> T {
        const { assert!(N > 0, "pick needs an option") };
        let total: f32 = options.iter().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * total;
        for (option, weight) in options {
            if left < weight {
                return option;
            }
            left -= weight;
        }
        options[N - 1].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_key_changes_the_stream() {
        let first = |purpose, seed, identity, shot| Dice::new(purpose, seed, identity, shot).bits();
        let draws = [
            first(Purpose::Identity, 1, 2, 3),
            first(Purpose::Shot, 1, 2, 3),
            first(Purpose::Identity, 0, 2, 3),
            first(Purpose::Identity, 1, 0, 3),
            first(Purpose::Identity, 1, 2, 0),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[i + 1..].iter().all(|b| a != b), "{draws:?}");
        }
    }

    #[test]
    fn the_bell_has_its_mean_and_deviation() {
        let mut dice = Dice::new(Purpose::Identity, 5, 0, 0);
        let draws: Vec<f32> = (0..20_000).map(|_| dice.bell(3.0, 2.0)).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance =
            draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / draws.len() as f32;
        assert!((mean - 3.0).abs() < 0.05, "{mean}");
        assert!((variance.sqrt() - 2.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn picks_follow_their_weights() {
        let mut dice = Dice::new(Purpose::Identity, 6, 0, 0);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[dice.pick([(0, 1.0), (1, 3.0), (2, 0.0)])] += 1;
        }
        assert_eq!(counts[2], 0);
        assert!((2300..2700).contains(&counts[0]), "{counts:?}");
        assert_eq!(dice.pick([(7, 0.0)]), 7);
    }
}
