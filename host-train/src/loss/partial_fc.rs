//! Partial FC: which class centres take part in a step (An et al., arXiv 2203.15565), and which of them a rank holds.
//!
//! With 10^5 to 10^6 identities a batch holds few of them, and the others only push. So all classes of the batch take part,
//! and as many others, drawn anew each step, as make up the rate. Centres that do not take part are not read, have no
//! gradient, and neither they nor their velocities move.

use crate::data::{Choices, Purpose};
use core::ops::Range;
use std::collections::BTreeSet;

/// A rank's share of the classes: a run of neighbours, as equal in number as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which rank, from 0.
    pub rank: usize,
    /// How many ranks.
    pub ranks: usize,
}

impl Shard {
    /// All classes in one place.
    pub const WHOLE: Self = Self { rank: 0, ranks: 1 };

    /// The classes, of `classes` in all, that the rank holds.
    #[must_use]
    pub fn classes(self, classes: usize) -> Range<usize> {
        let first = |rank: usize| classes * rank / self.ranks;
        first(self.rank)..first(self.rank + 1)
    }
}

/// Classes of `held` that take part in `step`, ascending: all that are `needed`, and others up to `rate` of those held. A
/// function of its arguments alone, so a resumed run draws what the unbroken one does.
pub(super) fn sample(
    held: Range<usize>,
    needed: &BTreeSet<usize>,
    rate: f64,
    seed: u64,
    step: u64,
) -> Vec<usize> {
    let mut choices = Choices::new(seed, Purpose::Classes, step, held.start as u64);
    let wanted = (rate * held.len() as f64).ceil() as usize;
    // Selection sampling (Knuth, volume 2, algorithm 3.4.2 S): each class in turn, with the chance that leaves every choice of
    // as many others equally likely.
    let mut others = held.len() - needed.len();
    let mut missing = wanted.saturating_sub(needed.len()).min(others);
    let takes_part = |class: &usize| {
        if needed.contains(class) {
            return true;
        }
        let taken = choices.below(others) < missing;
        others -= 1;
        missing -= usize::from(taken);
        taken
    };
    held.filter(takes_part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_all_classes_once() {
        for (classes, ranks) in [(10, 1), (10, 3), (7, 7), (1_000_003, 8)] {
            let shards = (0..ranks).map(|rank| Shard { rank, ranks }.classes(classes));
            let mut next = 0;
            for shard in shards {
                assert_eq!(shard.start, next);
                assert!((classes / ranks..=classes / ranks + 1).contains(&shard.len()));
                next = shard.end;
            }
            assert_eq!(next, classes);
        }
    }

    #[test]
    fn classes_of_the_batch_always_take_part() {
        let needed = BTreeSet::from([10, 57, 109]);
        for step in 0..50 {
            let drawn = sample(10..110, &needed, 0.1, 1, step);
            assert_eq!(drawn.len(), 10);
            assert!(drawn.is_sorted_by(|a, b| a < b), "{drawn:?}");
            assert!(drawn.iter().all(|class| (10..110).contains(class)));
            assert!(needed.iter().all(|class| drawn.contains(class)));
        }
        // More are needed than the rate allows: all of them, and no others.
        assert_eq!(sample(10..110, &needed, 0.01, 1, 0), [10, 57, 109]);
        assert_eq!(sample(10..14, &BTreeSet::new(), 1.0, 1, 0), [10, 11, 12, 13]);
    }

    #[test]
    fn draws_differ_by_seed_step_and_shard_and_repeat() {
        let draw = |first: usize, seed, step| {
            let drawn = sample(first..first + 100, &BTreeSet::new(), 0.2, seed, step);
            drawn.into_iter().map(|class| class - first).collect::<Vec<_>>()
        };
        assert_eq!(draw(0, 1, 1), draw(0, 1, 1));
        assert_ne!(draw(0, 1, 1), draw(0, 1, 2));
        assert_ne!(draw(0, 1, 1), draw(0, 2, 1));
        assert_ne!(draw(0, 1, 1), draw(100, 1, 1));
    }

    #[test]
    fn every_other_class_is_as_likely() {
        let (steps, needed) = (6000, BTreeSet::from([2]));
        let mut seen = [0_u32; 7];
        for step in 0..steps {
            for class in sample(0..7, &needed, 3.0 / 7.0, 9, step) {
                seen[class] += 1;
            }
        }
        assert_eq!(seen[2], 6000);
        // Two of the other six: 2000 expected, standard deviation 37; five of them.
        for (class, times) in seen.into_iter().enumerate().filter(|(class, _)| *class != 2) {
            assert!((1817..=2183).contains(&times), "class {class}: {times}");
        }
    }
}
