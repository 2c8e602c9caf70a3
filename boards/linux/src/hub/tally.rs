//! Counts that only grow, until the program starts again.

use core::time::Duration;

/// How often what happened. Words are the door's own, so there are few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Vec<(&'static str, u64)>);

impl Tally {
    /// One more.
    pub(super) fn add(&mut self, word: &'static str) {
        match self.0.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((word, 1)),
        }
    }

    /// How often.
    pub fn get(&self, word: &str) -> u64 {
        self.0.iter().find(|(known, _)| *known == word).map_or(0, |&(_, count)| count)
    }

    /// All that happened at least once.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied()
    }
}

/// Upper ends of the classes of [`Latency`] in milliseconds; the last class has none.
pub const LATENCY_MS: [u16; 9] = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/// How long frames took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// How many took at most the milliseconds of [`LATENCY_MS`] at the same place and more than those before it; last, all others.
    pub counts: [u64; LATENCY_MS.len() + 1],
    /// All of them together.
    pub sum: Duration,
    /// The last one.
    pub last: Duration,
}

impl Latency {
    pub(super) fn add(&mut self, took: Duration) {
        let over = |end: &&u16| took > Duration::from_millis(u64::from(**end));
        let class = LATENCY_MS.iter().take_while(over).count();
        self.counts[class] = self.counts[class].saturating_add(1);
        self.sum = self.sum.saturating_add(took);
        self.last = took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_one_by_one() {
        let mut tally = Tally::default();
        for word in ["refused", "held", "refused"] {
            tally.add(word);
        }
        assert_eq!(tally.iter().collect::<Vec<_>>(), [("refused", 2), ("held", 1)]);
        assert_eq!((tally.get("refused"), tally.get("unlocked")), (2, 0));
    }

    #[test]
    fn a_class_holds_its_upper_end() {
        let mut latency = Latency::default();
        for micros in [0, 1_000, 1_001, 5_000, 500_000, 500_001] {
            latency.add(Duration::from_micros(micros));
        }
        assert_eq!(latency.counts, [2, 1, 1, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(latency.sum, Duration::from_micros(1_007_002));
        assert_eq!(latency.last, Duration::from_micros(500_001));
    }
}
