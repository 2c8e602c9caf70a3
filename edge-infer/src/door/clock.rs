//! Elapsed time that errs towards locked, whatever the clock does.
//!
//! There are no deadlines, which a clock set back would move away: what runs is what is left of a time. An open door counts all time
//! that the clock claims; a pause counts no more than a step may take.

/// The clock as it was last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    last_ms: Option<u64>,
}

/// What the clock did since the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// So many milliseconds went by.
    Forward(u32),
    /// More than a step may take.
    Jumped(u64),
    /// It went back.
    Backwards(u64),
}

impl Clock {
    /// Sets the clock to `now_ms`.
    pub(super) fn pass(&mut self, now_ms: u64, longest_ms: u32) -> Passed {
        let last = self.last_ms.replace(now_ms).unwrap_or(now_ms);
        match now_ms.checked_sub(last) {
            None => Passed::Backwards(last.saturating_sub(now_ms)),
            Some(ms) => match u32::try_from(ms) {
                Ok(step) if step <= longest_ms => Passed::Forward(step),
                _ => Passed::Jumped(ms),
            },
        }
    }
}

/// What is left of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Countdown {
    left_ms: u32,
}

impl Countdown {
    /// Starts anew with `ms`.
    pub(super) fn start(&mut self, ms: u32) {
        self.left_ms = ms;
    }

    /// Lets `ms` go by; whether that was the end of it.
    pub(super) fn run(&mut self, ms: u32) -> bool {
        let running = self.left_ms > 0;
        self.left_ms = self.left_ms.saturating_sub(ms);
        running && self.left_ms == 0
    }

    pub(super) fn stop(&mut self) {
        self.left_ms = 0;
    }

    /// What is left; `None` if it is over.
    pub(super) fn left(&self) -> Option<u32> {
        (self.left_ms > 0).then_some(self.left_ms)
    }
}
