//! Whether a board is fast enough to be a door: it runs its networks once and looks at the clock.
//!
//! A frame counts by its age when it was looked at, and the policy says how old it may be. On a board that takes longer every frame is
//! too old, and the door would never open, with nothing broken. So it says that when it starts.

use edge_infer::engine::Engine;
use model_format::ModelView;

use crate::camera::PICTURE_MS;
use crate::eyes::Memory;
use crate::ports::Clock;
use crate::self_test::SelfTestError;

/// Milliseconds of one frame: the picture at its slowest, both networks as measured, and a tenth for what is between them. Faces,
/// alignment, light and search are 1 to 3 % of a frame's instructions on the three processors that were counted.
///
/// # Errors
/// [`SelfTestError::Memory`].
pub fn frame_ms(
    detector: ModelView<'_>,
    embedding: ModelView<'_>,
    memory: &mut Memory<'_>,
    clock: &impl Clock,
) -> Result<u32, SelfTestError> {
    let start_ms = clock.now_ms();
    // The time is that of any picture: what the arena happens to hold is one.
    for model in [detector, embedding] {
        Engine::new(model).run_loaded(memory.arena).map_err(SelfTestError::Memory)?;
    }
    let networks_ms = u32::try_from(clock.now_ms() - start_ms).unwrap_or(u32::MAX);
    Ok(networks_ms.saturating_add(networks_ms / 10).saturating_add(PICTURE_MS))
}

/// Whether a frame of `frame_ms` is looked at before it is older than `oldest_ms`.
///
/// # Errors
/// [`SelfTestError::TooSlow`].
pub fn check(frame_ms: u32, oldest_ms: u32) -> Result<(), SelfTestError> {
    match frame_ms <= oldest_ms {
        true => Ok(()),
        false => Err(SelfTestError::TooSlow { frame_ms, oldest_ms }),
    }
}
