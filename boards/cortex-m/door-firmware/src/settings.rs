//! The policy of a door that takes a second a frame. Every other limit is the default door's, which is for fifteen frames a second.

use edge_infer::door::{CameraPolicy, FramePolicy, Policy};

/// Longest time from one frame to the next that [`policy`] is for, and the oldest frame that it lets count.
pub const FRAME_MS: u32 = 2_000;

/// A release ends at the latest so long after its pulse ([`latch`](crate::latch)), when the loop is still busy with a frame.
pub const GRACE_MS: u32 = 100;

/// The watchdog's time: several frames, so that a person who is slow to come does not reset the board.
pub const WATCHDOG_MS: u32 = 12_000;

/// Limits in time for slow frames: three good ones of one person within ten seconds.
///
/// It has the default's liveness gate, which opens for nobody where no network gives a score. Who builds a board decides what stands in
/// its place: a second factor, or a door where a photograph is no danger.
#[must_use]
pub fn policy() -> Policy {
    let default = Policy::default();
    Policy {
        frames: FramePolicy { good: 3, of: 6, window_ms: 10_000 },
        camera: CameraPolicy { age_ms: FRAME_MS, stall_ms: 10_000, ..default.camera },
        step_ms: 2 * FRAME_MS,
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_infer::door::{Liveness, SecondFactor};

    #[test]
    fn it_is_a_safe_policy_with_a_liveness_gate() {
        policy().check().unwrap();
        assert!(matches!(policy().liveness, Liveness::AtLeast(score) if score > 0.5));
        assert_eq!(policy().second_factor, SecondFactor::Off);
        assert!(policy().camera.stall_ms < WATCHDOG_MS);
    }
}
