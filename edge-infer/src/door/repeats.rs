//! Which events are worth a record, so that nobody can make a log forget by making it busy.
//!
//! ```text
//! refused, refused, refused ..  ──>  a record at once, then one with the count after 1, 2, 4 .. 60 minutes
//! ```
//!
//! Different events may come in a burst and then as fast as tokens do; what comes faster, or while every place is taken, is only counted.
//! Records, their numbers and where they are kept are left to the boards' logs.

/// How long the first count is collected.
const FIRST_MS: u64 = 60_000;
/// How long any is.
const LONGEST_MS: u64 = 3_600_000;

/// When something happened, by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds of Unix time, which may jump and lie behind after a boot; 0 where nobody told the board.
    pub utc_ms: u64,
    /// Milliseconds since the boot, which only grow.
    pub mono_ms: u64,
}

/// How many different events are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// And then one each so many milliseconds; at least 1.
    pub each_ms: u64,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an event that is not written may be one to announce"]
pub enum Recorded {
    /// It is where no power cut takes it.
    Written {
        /// The record's number.
        seq: u64,
    },
    /// It repeats an event that is, and will be counted there.
    Repeated,
    /// Too many came; it will be counted.
    Suppressed,
    /// It was not taken, and is counted as lost.
    Lost,
}

/// What a log records.
pub trait Repeating: Clone {
    /// What stands for the events that were suppressed.
    fn suppressed() -> Self;
    /// Whether `other` says the same again. No two cosines are alike.
    fn repeats(&self, other: &Self) -> bool;
    /// How close a face came.
    fn cosine(&self) -> Option<f32>;
    /// Says how close one came.
    fn set_cosine(&mut self, cosine: Option<f32>);
}

/// How often an event came, to be recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count<E> {
    /// With the highest cosine of all.
    pub event: E,
    /// How often.
    pub times: u64,
    /// When the first one was, by the clock that only grows.
    pub since_mono_ms: u64,
    /// When the last one was.
    pub last: Moment,
}

impl<E> Count<E> {
    /// So many events at once.
    pub fn new(event: E, times: u64, now: Moment) -> Self {
        Self { event, times, since_mono_ms: now.mono_ms, last: now }
    }
}

#[derive(Clone, Debug)]
struct Counter<E> {
    count: Count<E>,
    window_ms: u64,
    due_ms: u64,
}

/// Counts up to `PLACES` different events at a time, that of the suppressed among them. See the [module](self).
#[derive(Debug)]
pub struct Repeats<E, const PLACES: usize> {
    rate: Rate,
    tokens: u32,
    /// When the last token came.
    token_ms: u64,
    counters: [Option<Counter<E>>; PLACES],
}

impl<E: Repeating, const PLACES: usize> Repeats<E, PLACES> {
    /// Nothing was recorded yet.
    #[must_use]
    pub fn new(rate: Rate, now: Moment) -> Self {
        let counters = [const { None }; PLACES];
        Self { rate, tokens: rate.burst, token_ms: now.mono_ms, counters }
    }

    /// Why `event` is not recorded; `None` if it is to be.
    pub fn hold_back(&mut self, event: &E, now: Moment) -> Option<Recorded> {
        self.refill(now);
        if self.count(event, now) {
            return Some(Recorded::Repeated);
        }
        // The last place is for the count of the suppressed.
        let free = self.counters.iter().filter(|counter| counter.is_none()).count();
        if self.tokens > 0 && free > 1 {
            self.tokens -= 1;
            self.begin(event.clone(), 0, now);
            return None;
        }
        let suppressed = E::suppressed();
        if !self.count(&suppressed, now) {
            self.begin(suppressed, 1, now);
        }
        Some(Recorded::Suppressed)
    }

    /// A count that is due by `mono_ms`, to be asked for until there is none. By [`u64::MAX`] all are, for a door that stops.
    pub fn due(&mut self, mono_ms: u64) -> Option<Count<E>> {
        for place in &mut self.counters {
            let Some(counter) = place.as_mut().filter(|counter| counter.due_ms <= mono_ms) else {
                continue;
            };
            if counter.count.times == 0 {
                *place = None;
                continue;
            }
            let count = counter.count.clone();
            counter.count.times = 0;
            counter.count.event.set_cosine(None);
            counter.window_ms = (2 * counter.window_ms).min(LONGEST_MS);
            counter.due_ms = mono_ms.saturating_add(counter.window_ms);
            return Some(count);
        }
        None
    }

    /// Counts `event` if it was recorded lately.
    fn count(&mut self, event: &E, now: Moment) -> bool {
        let mut counters = self.counters.iter_mut().flatten();
        let same = counters.find(|counter| counter.count.event.repeats(event));
        let Some(Counter { count, .. }) = same else { return false };
        if count.times == 0 {
            count.since_mono_ms = now.mono_ms;
        }
        count.times = count.times.saturating_add(1);
        count.last = now;
        let highest = match (count.event.cosine(), event.cosine()) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        count.event.set_cosine(highest);
        true
    }

    fn begin(&mut self, mut event: E, times: u64, now: Moment) {
        event.set_cosine(None);
        let count = Count::new(event, times, now);
        let due_ms = now.mono_ms.saturating_add(FIRST_MS);
        if let Some(place) = self.counters.iter_mut().find(|place| place.is_none()) {
            *place = Some(Counter { count, window_ms: FIRST_MS, due_ms });
        }
    }

    fn refill(&mut self, now: Moment) {
        let each = self.rate.each_ms.max(1);
        let came = now.mono_ms.saturating_sub(self.token_ms) / each;
        self.token_ms += came * each;
        let came = u32::try_from(came).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(came).min(self.rate.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// An event of a number; 0 stands for the suppressed.
    type Numbered = (u32, Option<f32>);

    impl Repeating for Numbered {
        fn suppressed() -> Self {
            (0, None)
        }
        fn repeats(&self, other: &Self) -> bool {
            self.0 == other.0
        }
        fn cosine(&self) -> Option<f32> {
            self.1
        }
        fn set_cosine(&mut self, cosine: Option<f32>) {
            self.1 = cosine;
        }
    }

    fn at(mono_ms: u64) -> Moment {
        Moment { utc_ms: 7_000_000 + mono_ms, mono_ms }
    }

    fn repeats<const PLACES: usize>(burst: u32) -> Repeats<Numbered, PLACES> {
        Repeats::new(Rate { burst, each_ms: 1_000 }, at(0))
    }

    fn all_due<const PLACES: usize>(
        repeats: &mut Repeats<Numbered, PLACES>,
        mono_ms: u64,
    ) -> Vec<(Numbered, u64)> {
        core::iter::from_fn(|| repeats.due(mono_ms))
            .map(|count| (count.event, count.times))
            .collect()
    }

    #[test]
    fn the_same_again_is_counted_after_1_2_4_up_to_60_minutes() {
        let mut repeats = repeats::<9>(10);
        let (mut recorded, mut counts) = (0, Vec::new());
        // Once a second for four hours.
        for second in 0..4 * 3_600_u64 {
            let now = at(second * 1_000);
            counts.extend(core::iter::from_fn(|| repeats.due(now.mono_ms)));
            recorded += u32::from(repeats.hold_back(&(7, Some(0.25)), now).is_none());
        }
        assert_eq!(recorded, 1);
        let minutes: Vec<_> =
            counts.iter().map(|count| count.last.mono_ms.div_ceil(60_000)).collect();
        assert_eq!(minutes, [1, 3, 7, 15, 31, 63, 123, 183]);
        let first = &counts[0];
        assert_eq!((first.since_mono_ms, first.last, first.times), (1_000, at(59_000), 59));
        assert_eq!(first.event, (7, Some(0.25)));
        let after = 4 * 3_600 - counts.iter().map(|count| count.times).sum::<u64>() - 1;
        assert_eq!(all_due(&mut repeats, u64::MAX), [((7, Some(0.25)), after)], "the door stops");
        assert_eq!(repeats.due(u64::MAX), None);
    }

    #[test]
    fn a_count_has_the_highest_cosine_since_the_one_before() {
        let mut repeats = repeats::<9>(10);
        assert_eq!(repeats.hold_back(&(7, Some(0.9)), at(0)), None);
        for cosine in [None, Some(0.1), Some(0.3), Some(0.2)] {
            assert_eq!(repeats.hold_back(&(7, cosine), at(1)), Some(Recorded::Repeated));
        }
        assert_eq!(all_due(&mut repeats, 60_000), [((7, Some(0.3)), 4)]);
        assert_eq!(repeats.hold_back(&(7, None), at(60_001)), Some(Recorded::Repeated));
        assert_eq!(all_due(&mut repeats, 180_000), [((7, None), 1)]);
    }

    #[test]
    fn what_does_not_come_again_is_new_after_its_window() {
        let mut repeats = repeats::<9>(10);
        assert_eq!(repeats.hold_back(&(7, None), at(0)), None);
        assert_eq!(all_due(&mut repeats, 59_999), []);
        assert_eq!(repeats.hold_back(&(7, None), at(59_999)), Some(Recorded::Repeated));
        assert_eq!(all_due(&mut repeats, 60_000), [((7, None), 1)]);
        assert_eq!(all_due(&mut repeats, 180_000), []);
        assert_eq!(repeats.hold_back(&(7, None), at(180_000)), None);
    }

    #[test]
    fn more_than_a_burst_waits_for_tokens_and_is_counted_as_one() {
        let mut repeats = repeats::<9>(3);
        let held: Vec<_> = (1..=5).map(|n| repeats.hold_back(&(n, None), at(0))).collect();
        let suppressed = Some(Recorded::Suppressed);
        assert_eq!(held, [None, None, None, suppressed, suppressed]);
        assert_eq!(repeats.hold_back(&(6, None), at(999)), suppressed);
        assert_eq!(repeats.hold_back(&(6, None), at(1_000)), None);
        assert_eq!(all_due(&mut repeats, 60_000), [((0, None), 3)]);
    }

    #[test]
    fn more_than_there_are_places_for_is_counted_as_one() {
        let mut repeats = repeats::<4>(1_000);
        let recorded =
            (1..=100).filter(|n| repeats.hold_back(&(*n, None), at(0)).is_none()).count();
        assert_eq!(recorded, 3);
        assert_eq!(all_due(&mut repeats, 60_000), [((0, None), 97)]);
        // Those that did not come again left their places.
        assert_eq!(repeats.hold_back(&(101, None), at(60_000)), None);
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_token_and_no_count() {
        let mut repeats = Repeats::<Numbered, 4>::new(Rate { burst: 1, each_ms: 0 }, at(5_000));
        assert_eq!(repeats.hold_back(&(1, None), at(5_000)), None);
        assert_eq!(repeats.hold_back(&(2, None), at(4_000)), Some(Recorded::Suppressed));
        assert_eq!(all_due(&mut repeats, 4_000), []);
        assert_eq!(repeats.hold_back(&(3, None), at(5_001)), None);
    }
}
