//! The camera: frames of a visit, each as soon as the one before was looked at and its pause is over.

use core::convert::Infallible;

use door_firmware::ports::{Clock, FrameSource, Shot};
use door_firmware::visit::{Taken, Visit};

use crate::tick::Ticks;

/// Frames of a file under the board's clock.
#[derive(Debug)]
pub struct Film<'a, I> {
    frames: I,
    next: Option<Taken<'a>>,
    due_ms: u64,
    sequence: u64,
    clock: Ticks,
}

/// Those of `visit` that enrol nobody.
pub fn film(visit: Visit<'_>, clock: Ticks) -> Film<'_, impl Iterator<Item = Taken<'_>>> {
    let mut frames = visit.frames().filter(|taken| taken.person == 0);
    let next = frames.next();
    let due_ms = clock.now_ms();
    Film { frames, next, due_ms, sequence: 0, clock }
}

impl<I> Film<'_, I> {
    /// Whether every frame was shown.
    pub fn is_over(&self) -> bool {
        self.next.is_none()
    }
}

impl<'a, I: Iterator<Item = Taken<'a>>> FrameSource for Film<'a, I> {
    type Error = Infallible;

    fn latest(&mut self) -> Result<Option<Shot<'_>>, Infallible> {
        let now_ms = self.clock.now_ms();
        if now_ms < self.due_ms {
            return Ok(None);
        }
        let Some(Taken { frame, .. }) = self.next.take() else { return Ok(None) };
        self.next = self.frames.next();
        self.due_ms = now_ms + self.next.map_or(0, |taken| u64::from(taken.pause_ms));
        self.sequence += 1;
        Ok(Some(Shot { captured_ms: now_ms, sequence: self.sequence, frame }))
    }
}
