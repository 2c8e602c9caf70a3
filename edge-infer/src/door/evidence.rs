//! Frames of one track that speak for or against one attempt to enter.
//!
//! An attempt begins with the first frame of a track that is fit to be judged, and ends when it is proven, can no longer be, or took
//! too long. A good frame of another person starts the count anew, as does another track: what several faces show never adds up.

use super::clock::Countdown;
use super::{FramePolicy, Reason};

/// One attempt; the frames themselves are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Evidence {
    track: u32,
    /// Frames fit to be judged; 0 if there is no attempt.
    fit: u8,
    /// Whom the good frames are of.
    person: Option<u32>,
    /// Good frames of that person.
    good: u8,
    /// What was last wrong.
    last_bad: Option<Reason>,
    /// Whether a frame was an enrolled person's face that cannot be them.
    false_claim: bool,
    left: Countdown,
}

/// How far the attempt is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progress {
    /// Not far enough, and the reason to show.
    Open(Reason),
    /// Enough good frames of this person, the last of them just now.
    Proven(u32),
    /// It failed.
    Refused {
        /// What was last wrong.
        reason: Reason,
        /// Whom the good frames were of.
        person: Option<u32>,
        /// Whether somebody claimed to be who they are not.
        false_claim: bool,
    },
}

impl Evidence {
    /// Forgets the attempt.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Lets time go by; an attempt that takes too long is forgotten.
    pub(super) fn pass(&mut self, ms: u32) {
        if self.left.run(ms) {
            self.clear();
        }
    }

    /// The attempt goes on only with the same track.
    pub(super) fn follow(&mut self, track: u32) {
        if self.fit > 0 && self.track != track {
            self.clear();
        }
        self.track = track;
    }

    /// The track, and its good frames; `None` if there is no attempt.
    pub(super) fn candidate(&self) -> Option<(u32, u8)> {
        (self.fit > 0).then_some((self.track, self.good))
    }

    /// Adds a frame that is fit to be judged: whom it speaks for, or what speaks against it.
    pub(super) fn add(&mut self, judged: Result<u32, Reason>, policy: &FramePolicy) -> Progress {
        if self.fit == 0 {
            self.left.start(policy.window_ms);
        }
        self.fit = self.fit.saturating_add(1);
        let reason = match judged {
            Err(reason) => {
                self.last_bad = Some(reason);
                self.false_claim |= reason.is_false_claim();
                reason
            }
            Ok(person) => {
                let again = self.person == Some(person);
                self.good = if again { self.good.saturating_add(1) } else { 1 };
                self.person = Some(person);
                if self.good >= policy.good {
                    return Progress::Proven(person);
                }
                Reason::MoreFrames { good: self.good, needed: policy.good }
            }
        };
        let left = policy.of.saturating_sub(self.fit);
        // Never of one that is proven already and waits for a PIN.
        if self.good.saturating_add(left) < policy.good {
            let reason = self.last_bad.unwrap_or(reason);
            return Progress::Refused {
                reason,
                person: self.person,
                false_claim: self.false_claim,
            };
        }
        Progress::Open(reason)
    }
}
