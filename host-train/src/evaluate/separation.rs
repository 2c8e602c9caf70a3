//! How far a network keeps people apart, and whether it does so clearly better than another one on the same few faces.
//!
//! ```text
//! d' = (mean genuine - mean impostor) / sqrt((variance of genuine + variance of impostor) / 2)
//! ```
//!
//! of all cosines. A false-accept rate needs thousands of pairs and says nothing of networks that are far from good; d' needs few
//! pairs and orders bad ones too. Pairs that share people go up and down together, so what chance can do is asked of the people,
//! drawn anew with replacement (the bootstrap), not of the pairs.

use super::UnitRows;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Times that the people are drawn anew.
const DRAWS: usize = 200;

/// So much larger must d' be to be called clearly larger.
const CLEARLY: f64 = 1.02;

/// How one network scores all pairs of some images.
#[derive(Clone, Debug)]
pub struct Separation {
    /// The people of both images, and the images' cosine.
    pairs: Vec<(usize, usize, f64)>,
    /// People are counted from 0 to below this.
    people: usize,
}

impl Separation {
    /// That of images of `people[image]`.
    pub fn new(embeddings: &UnitRows, people: &[usize]) -> Self {
        let pair = |a, b| (people[a], people[b], embeddings.cosine(a, b).into());
        let pairs = (0..people.len()).flat_map(|b| (0..b).map(move |a| pair(a, b)));
        Self { pairs: pairs.collect(), people: people.iter().max().map_or(0, |most| most + 1) }
    }

    /// d'; not a number where there are no two pairs of either kind.
    pub fn value(&self) -> f64 {
        self.weighed(&vec![1.0; self.people])
    }

    /// Whether this network keeps the people apart better than `other`, which sees the same images, by a fiftieth, and better at
    /// all in 99 of 100 draws of the people.
    pub fn is_clearly_better_than(&self, other: &Self) -> bool {
        let least = CLEARLY * other.value();
        if self.value().partial_cmp(&least) != Some(core::cmp::Ordering::Greater) {
            return false;
        }
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let better = (0..DRAWS).filter(|_| {
            let mut weights = vec![0.0; self.people];
            (0..self.people).for_each(|_| weights[random.random_range(0..self.people)] += 1.0);
            self.weighed(&weights) > other.weighed(&weights)
        });
        better.count() * 100 >= DRAWS * 99
    }

    /// d' of people who count so often.
    fn weighed(&self, weights: &[f64]) -> f64 {
        let (mut genuine, mut impostor) = (Moments::default(), Moments::default());
        for &(one, other, cosine) in &self.pairs {
            match one == other {
                true => genuine.add(weights[one], cosine),
                false => impostor.add(weights[one] * weights[other], cosine),
            }
        }
        let spread = f64::midpoint(genuine.variance(), impostor.variance()).sqrt();
        (genuine.mean() - impostor.mean()) / spread
    }
}

#[derive(Default)]
struct Moments {
    weight: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, weight: f64, value: f64) {
        self.weight += weight;
        self.sum += weight * value;
        self.squares += weight * value * value;
    }

    fn mean(&self) -> f64 {
        self.sum / self.weight
    }

    fn variance(&self) -> f64 {
        (self.squares / self.weight - self.mean().powi(2)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::random;

    /// Embeddings of `people` whose images lie around them, so far away.
    fn embeddings(people: &[usize], noise: f32, seed: u64) -> UnitRows {
        let mut rng = random::rng(seed);
        let centres = random::normal(&mut rng, 16 * 40, 1.0);
        let around = random::normal(&mut rng, 16 * people.len(), noise);
        let value = |(i, noise): (usize, f32)| centres[16 * people[i / 16] + i % 16] + noise;
        UnitRows::new(around.into_iter().enumerate().map(value).collect(), 16).unwrap()
    }

    fn people() -> Vec<usize> {
        (0..80).map(|image| image / 2).collect()
    }

    /// By hand: genuine cosines 1 and 0.6, impostor cosines 0, 0, 0.8, 0.8 (and 0.6 times 0, 0.8).
    #[test]
    fn is_that_of_its_definition() {
        // People 0, 0, 1, 1: along x twice, then (0, 1) and (0.8, 0.6).
        let rows = vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.8, 0.6];
        let rows = UnitRows::new(rows, 2).unwrap();
        // Genuine: 1, 0.6: mean 0.8, variance 0.04. Impostor: 0, 0.8, 0, 0.8: mean 0.4, variance 0.16.
        let got = Separation::new(&rows, &[0, 0, 1, 1]).value();
        assert!((got - 0.4 / 0.1_f64.sqrt()).abs() < 1e-6, "{got}");
    }

    #[test]
    fn a_much_better_network_is_clearly_better_and_no_other_is() {
        let people = people();
        let of = |noise, seed| Separation::new(&embeddings(&people, noise, seed), &people);
        let (good, fair, also_fair) = (of(0.3, 1), of(0.8, 1), of(0.8, 2));
        assert!(good.is_clearly_better_than(&fair));
        for (other, this) in
            [(&fair, &good), (&fair, &also_fair), (&also_fair, &fair), (&fair, &fair)]
        {
            assert!(!other.is_clearly_better_than(this));
        }
    }

    #[test]
    fn without_two_of_a_person_nothing_is_better() {
        let people: Vec<usize> = (0..20).collect();
        let of = |noise| Separation::new(&embeddings(&people, noise, 1), &people);
        let (good, fair) = (of(0.1), of(0.9));
        assert!(good.value().is_nan());
        assert!(!good.is_clearly_better_than(&fair));
    }
}
