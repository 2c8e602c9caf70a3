//! Where the door is, for whoever looks at it.

use super::{Cause, Fault};

/// Where the door is. Where several hold at once, the first of this order is meant, but that a pulse which runs comes before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Something is broken.
    Faulted(Fault),
    /// Too many refusals.
    LockedOut {
        /// Time left.
        left_ms: u32,
    },
    /// There is, or just was, a second face.
    Held {
        /// Time left.
        left_ms: u32,
    },
    /// Released.
    Granted {
        /// On whose account.
        cause: Cause,
        /// Time left.
        left_ms: u32,
    },
    /// Pause after an unlock or a refusal.
    Cooldown {
        /// Time left.
        left_ms: u32,
    },
    /// A face is being judged.
    Candidate {
        /// Its track.
        track: u32,
        /// Good frames so far.
        good: u8,
    },
    /// Nothing goes on.
    Locked,
}
