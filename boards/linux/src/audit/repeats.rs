//! Which routine events are recorded, so that nobody can make the log forget by making it busy.
//!
//! The first of equal events is recorded at once, then how often it came again: after a minute, two, four, up to an hour, as long as
//! it keeps coming. Different events may come in a burst and then as fast as tokens do; what comes faster is only counted.

use super::{Event, Kind, Moment};

/// How long the first count is collected.
const FIRST_MS: u64 = 60_000;
/// How long any is.
const LONGEST_MS: u64 = 3_600_000;

/// How many different routine events are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// And then one each so many milliseconds; at least 1.
    pub each_ms: u64,
}

/// What becomes of a routine event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Record,
    Repeated,
    Suppressed,
}

/// How often an event came again, to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Count {
    /// With the highest cosine of all.
    pub(super) event: Event,
    pub(super) times: u64,
    pub(super) since_mono_ms: u64,
    pub(super) last: Moment,
}

#[derive(Debug)]
struct Counter {
    count: Count,
    window_ms: u64,
    due_ms: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Repeats {
    rate: Rate,
    tokens: u32,
    /// When the last token came.
    token_ms: u64,
    counters: Vec<Counter>,
}

impl Repeats {
    pub(super) fn new(rate: Rate, now: Moment) -> Self {
        Self { rate, tokens: rate.burst, token_ms: now.mono_ms, counters: Vec::new() }
    }

    /// What becomes of `event`.
    pub(super) fn meet(&mut self, event: &Event, now: Moment) -> Fate {
        self.refill(now);
        if self.count(event, now) {
            return Fate::Repeated;
        }
        if let Some(left) = self.tokens.checked_sub(1) {
            self.tokens = left;
            self.counters.push(Counter::new(event.clone(), now));
            return Fate::Record;
        }
        let suppressed = Event::new(Kind::Suppressed);
        if !self.count(&suppressed, now) {
            let mut counter = Counter::new(suppressed, now);
            counter.count.times = 1;
            self.counters.push(counter);
        }
        Fate::Suppressed
    }

    /// The counts that are due.
    pub(super) fn due(&mut self, now: Moment) -> Vec<Count> {
        let mut counts = Vec::new();
        self.counters.retain_mut(|counter| {
            if counter.due_ms > now.mono_ms {
                return true;
            }
            let repeated = counter.count.times > 0;
            if repeated {
                counts.push(counter.count.clone());
                counter.count.times = 0;
                counter.count.event.cosine = None;
                counter.window_ms = (2 * counter.window_ms).min(LONGEST_MS);
                counter.due_ms = now.mono_ms.saturating_add(counter.window_ms);
            }
            repeated
        });
        counts
    }

    /// All counts, due or not.
    pub(super) fn all(&mut self) -> Vec<Count> {
        let counts = self.counters.drain(..).map(|counter| counter.count);
        counts.filter(|count| count.times > 0).collect()
    }

    /// Counts `event` if it was recorded lately.
    fn count(&mut self, event: &Event, now: Moment) -> bool {
        let same = |counter: &&mut Counter| counter.count.event.repeats(event);
        let Some(Counter { count, .. }) = self.counters.iter_mut().find(same) else {
            return false;
        };
        if count.times == 0 {
            count.since_mono_ms = now.mono_ms;
        }
        count.times += 1;
        count.last = now;
        let highest = |a: f32| event.cosine.map_or(a, |b| a.max(b));
        count.event.cosine = count.event.cosine.map(highest).or(event.cosine);
        true
    }

    fn refill(&mut self, now: Moment) {
        let each = self.rate.each_ms.max(1);
        let came = now.mono_ms.saturating_sub(self.token_ms) / each;
        self.token_ms += came * each;
        let came = u32::try_from(came).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(came).min(self.rate.burst);
    }
}

impl Counter {
    fn new(event: Event, now: Moment) -> Self {
        let event = Event { cosine: None, ..event };
        let count = Count { event, times: 0, since_mono_ms: now.mono_ms, last: now };
        let due_ms = now.mono_ms.saturating_add(FIRST_MS);
        Self { count, window_ms: FIRST_MS, due_ms }
    }
}
