//! Whether a frame is new: captured just now, after the one before it, with pixels that were not there before.
//!
//! A stalled stream under a running clock, a driver that hands out its last buffer again and a picture file in a loop all look like
//! an enrolled person who waits patiently.

use super::{CameraPolicy, Reason, Stamp};

/// Frames whose pixels are known again. A loop that is longer is a film, which liveness has to tell.
const KNOWN: u8 = 16;

/// The frames so far, as far as they matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Camera {
    last: Option<Stamp>,
    /// Of the last frames.
    digests: [Option<u64>; KNOWN as usize],
    next: u8,
    /// Frames in a row whose pixels were there before.
    repeated: u8,
    /// Time since the last new frame.
    quiet_ms: u32,
}

impl Camera {
    pub(super) const NEW: Self =
        Self { last: None, digests: [None; KNOWN as usize], next: 0, repeated: 0, quiet_ms: 0 };

    /// Lets numbers and times begin anew, as after a restart of the camera. What its pixels were stays known.
    pub(super) fn restart(&mut self) {
        self.last = None;
        self.quiet_ms = 0;
    }

    /// Lets time go by.
    pub(super) fn pass(&mut self, ms: u32) {
        self.quiet_ms = self.quiet_ms.saturating_add(ms);
    }

    /// Whether no new frame has come for too long.
    pub(super) fn is_stalled(&self, policy: &CameraPolicy) -> bool {
        self.quiet_ms >= policy.stall_ms
    }

    /// Whether frames have come, but too many of them were there before.
    pub(super) fn is_frozen(&self, policy: &CameraPolicy) -> bool {
        self.repeated >= policy.frozen_frames
    }

    /// Takes note of a frame.
    ///
    /// # Errors
    /// Why it is not new.
    pub(super) fn see(
        &mut self,
        now_ms: u64,
        stamp: Stamp,
        policy: &CameraPolicy,
    ) -> Result<(), Reason> {
        let seen = self.digests.contains(&Some(stamp.digest));
        if seen {
            self.repeated = self.repeated.saturating_add(1);
            return Err(Reason::Repeated);
        }
        self.remember(stamp.digest);
        let age_ms = now_ms
            .checked_sub(stamp.captured_ms)
            .ok_or(Reason::FromTheFuture { by_ms: stamp.captured_ms.saturating_sub(now_ms) })?;
        if age_ms > policy.age_ms.into() {
            return Err(Reason::Stale { age_ms, limit_ms: policy.age_ms });
        }
        let newer =
            |last: Stamp| stamp.sequence > last.sequence && stamp.captured_ms > last.captured_ms;
        if !self.last.is_none_or(newer) {
            return Err(Reason::NotNewer);
        }
        self.last = Some(stamp);
        self.repeated = 0;
        self.quiet_ms = 0;
        Ok(())
    }

    fn remember(&mut self, digest: u64) {
        if let Some(place) = self.digests.get_mut(usize::from(self.next)) {
            *place = Some(digest);
        }
        self.next = (self.next + 1) % KNOWN;
    }
}
