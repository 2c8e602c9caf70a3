//! Routine events that come again are counted, and those that come too fast too, so that whoever makes them can't push the log out.
//!
//! ```text
//! refused, refused, refused ..  ──>  a record at once, then one with the count after 1, 2, 4 .. 60 minutes
//! ```
//!
//! At most `burst` different events are recorded at once, and then one each `each_ms`.

use super::{Event, Kind, Moment};

/// How long the first count is collected.
const FIRST_MS: u64 = 60_000;
/// How long any is.
const LONGEST_MS: u64 = 3_600_000;
/// How many different events are counted at a time, the count of the suppressed among them.
const COUNTERS: usize = 9;

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Count {
    /// With the highest cosine of all.
    pub(super) event: Event,
    pub(super) times: u32,
    pub(super) since_mono_ms: u64,
    pub(super) last: Moment,
}

#[derive(Clone, Copy, Debug)]
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
    counters: [Option<Counter>; COUNTERS],
}

impl Repeats {
    pub(super) fn new(rate: Rate, now: Moment) -> Self {
        Self { rate, tokens: rate.burst, token_ms: now.mono_ms, counters: [None; COUNTERS] }
    }

    /// What becomes of `event`.
    pub(super) fn meet(&mut self, event: &Event, now: Moment) -> Fate {
        self.refill(now);
        if self.count(event, now) {
            return Fate::Repeated;
        }
        // The last place is for the count of the suppressed.
        let free = self.counters.iter().filter(|counter| counter.is_none()).count();
        if self.tokens > 0 && free > 1 {
            self.tokens -= 1;
            self.begin(Event { cosine: None, ..*event }, 0, now);
            return Fate::Record;
        }
        let suppressed = Event::new(Kind::Suppressed);
        if !self.count(&suppressed, now) {
            self.begin(suppressed, 1, now);
        }
        Fate::Suppressed
    }

    /// A count that is due, if any; to be asked until there is none.
    pub(super) fn due(&mut self, now: Moment) -> Option<Count> {
        for place in &mut self.counters {
            let Some(counter) = place.as_mut().filter(|counter| counter.due_ms <= now.mono_ms)
            else {
                continue;
            };
            if counter.count.times == 0 {
                *place = None;
                continue;
            }
            let count = counter.count;
            counter.count.times = 0;
            counter.count.event.cosine = None;
            counter.window_ms = (2 * counter.window_ms).min(LONGEST_MS);
            counter.due_ms = now.mono_ms.saturating_add(counter.window_ms);
            return Some(count);
        }
        None
    }

    /// Counts `event` if it was recorded lately.
    fn count(&mut self, event: &Event, now: Moment) -> bool {
        let mut counters = self.counters.iter_mut().flatten();
        let Some(Counter { count, .. }) =
            counters.find(|counter| counter.count.event.repeats(event))
        else {
            return false;
        };
        if count.times == 0 {
            count.since_mono_ms = now.mono_ms;
        }
        count.times = count.times.saturating_add(1);
        count.last = now;
        let highest = |a: f32| event.cosine.map_or(a, |b| a.max(b));
        count.event.cosine = count.event.cosine.map(highest).or(event.cosine);
        true
    }

    fn begin(&mut self, event: Event, times: u32, now: Moment) {
        let count = Count { event, times, since_mono_ms: now.mono_ms, last: now };
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
