//! A camera that shows a visit: each frame as soon as the one before was looked at and its pause is over.

use core::convert::Infallible;

use crate::ports::{Clock, FrameSource, Shot};
use crate::visit::{Taken, Visit};

/// Frames of a visit under a board's clock.
#[derive(Debug)]
pub struct Film<I, T, C> {
    frames: I,
    next: Option<T>,
    due_ms: u64,
    sequence: u64,
    clock: C,
}

/// Those of `visit` that enrol nobody, the first of them at once.
pub fn film<'a, C: Clock>(
    visit: Visit<'a>,
    clock: C,
) -> Film<impl Iterator<Item = Taken<'a>>, Taken<'a>, C> {
    let mut frames = visit.frames().filter(|taken| taken.person == 0);
    let next = frames.next();
    let due_ms = clock.now_ms();
    Film { frames, next, due_ms, sequence: 0, clock }
}

impl<I, T, C> Film<I, T, C> {
    /// Whether every frame was shown.
    pub fn is_over(&self) -> bool {
        self.next.is_none()
    }
}

impl<'a, I: Iterator<Item = Taken<'a>>, C: Clock> FrameSource for Film<I, Taken<'a>, C> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use std::vec::Vec;

    #[test]
    fn frames_of_visitors_come_when_their_pause_is_over() {
        let mut bytes = Visit::header(3, 1, 1).to_vec();
        for (person, pause_ms, pixel) in [(7, 0, 1), (0, 50, 2), (0, 300, 3)] {
            bytes.extend(Visit::record(person, pause_ms));
            bytes.extend([pixel; 3]);
        }
        let time = Cell::new(100);
        let mut film = film(Visit::parse(&bytes).unwrap(), &time);
        let mut shown = Vec::new();
        for now_ms in 100..500 {
            time.set(now_ms);
            if let Ok(Some(shot)) = film.latest() {
                let row: Vec<u8> = shot.frame.rows().flatten().copied().collect();
                shown.push((shot.captured_ms, shot.sequence, row[0]));
            }
        }
        assert_eq!(shown, [(100, 1, 2), (400, 2, 3)]);
        assert!(film.is_over());
    }
}
