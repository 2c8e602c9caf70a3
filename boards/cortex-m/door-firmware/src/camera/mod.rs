//! A camera whose pictures come as RGB565 by DMA: what of it is the same on every board.
//!
//! ```text
//! Sensor ─ one whole picture ─> end of the frame's memory ─ rgb565::widen ─> Frame ─> Shot
//! ```
//!
//! | module | job |
//! |---|---|
//! | [`ov7725`] | its registers |
//! | [`rgb565`] | 16 bits a pixel to three bytes, in place |
//!
//! A picture is taken when it is asked for and not before: a look at one takes a second, and one that came meanwhile would be as old.

pub mod ov7725;
pub mod rgb565;

use core::fmt::Display;

use edge_infer::image::{Frame, FrameError};

use crate::ports::{Clock, FrameSource, Shot};

/// Longest time that a picture may take: one that has just begun is passed over, so two of them at 15 a second, and some.
pub const PICTURE_MS: u32 = 200;

/// What a board does to get a picture.
pub trait Sensor {
    /// Why there is none.
    type Error: Display;

    /// Fills `pixels` with the next picture that begins: RGB565, two pixels a word as the bytes came. Takes [`PICTURE_MS`] at most.
    ///
    /// # Errors
    /// No picture came in time, or a part of it is missing.
    fn capture(&mut self, pixels: &mut [u32]) -> Result<(), Self::Error>;
}

/// A sensor, and memory for one frame.
#[derive(Debug)]
pub struct Camera<'m, S, C> {
    sensor: S,
    clock: C,
    frame: &'m mut [u32],
    width: usize,
    height: usize,
    sequence: u64,
}

/// Words of a frame of so many pixels, three bytes each; of a number that four divides.
#[must_use]
pub const fn words(width: usize, height: usize) -> usize {
    width * height * 3 / 4
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CameraError<E: Display> {
    /// The sensor gave none.
    #[error(transparent)]
    Sensor(E),
    /// The memory is for another size.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl<'m, S, C> Camera<'m, S, C> {
    /// Of frames of `width` x `height` pixels, in memory of as many [`words`].
    pub fn new(sensor: S, clock: C, frame: &'m mut [u32], width: usize, height: usize) -> Self {
        Self { sensor, clock, frame, width, height, sequence: 0 }
    }
}

impl<S: Sensor, C: Clock> FrameSource for Camera<'_, S, C> {
    type Error = CameraError<S::Error>;

    fn latest(&mut self) -> Result<Option<Shot<'_>>, Self::Error> {
        // No pixel of it is older than this, but for the time of its exposure.
        let captured_ms = self.clock.now_ms();
        let pixels = self.width * self.height;
        let end = self.frame.len().saturating_sub(pixels / 2);
        let raw = self.frame.get_mut(end..).unwrap_or_default();
        self.sensor.capture(raw).map_err(CameraError::Sensor)?;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(self.frame);
        rgb565::widen(bytes);
        self.sequence += 1;
        let frame = Frame::new(bytes, self.width, self.height, self.width * 3)?;
        Ok(Some(Shot { captured_ms, sequence: self.sequence, frame }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use std::vec::Vec;

    /// A clock that a sensor turns.
    struct Time<'a>(&'a Cell<u64>);

    impl Clock for Time<'_> {
        fn now_ms(&self) -> u64 {
            self.0.get()
        }
    }

    /// Takes 70 ms for a picture of one colour, and another the next time.
    struct Colours<'a>(&'a Cell<u64>, u16);

    impl Sensor for Colours<'_> {
        type Error = &'static str;

        fn capture(&mut self, pixels: &mut [u32]) -> Result<(), &'static str> {
            self.0.set(self.0.get() + 70);
            let [high, low] = self.1.to_be_bytes();
            pixels.fill(u32::from_le_bytes([high, low, high, low]));
            self.1 = !self.1;
            if self.0.get() > 500 { Err("no picture") } else { Ok(()) }
        }
    }

    #[test]
    fn a_frame_is_as_old_as_the_question_for_it() {
        let now = Cell::new(300);
        let mut memory = [0; words(8, 2)];
        let mut camera = Camera::new(Colours(&now, 0xf800), Time(&now), &mut memory, 8, 2);
        let shot = camera.latest().unwrap().unwrap();
        assert_eq!((shot.captured_ms, shot.sequence), (300, 1));
        let rows: Vec<&[u8]> = shot.frame.rows().collect();
        assert_eq!(rows, [[255, 0, 0].repeat(8), [255, 0, 0].repeat(8)]);
        let shot = camera.latest().unwrap().unwrap();
        assert_eq!((shot.captured_ms, shot.sequence), (370, 2));
        assert_eq!(shot.frame.rows().next().unwrap(), [0, 255, 255].repeat(8));
        assert_eq!(camera.latest().unwrap_err(), CameraError::Sensor("no picture"));
    }

    #[test]
    fn rejects_memory_of_another_size() {
        let now = Cell::new(0);
        let mut memory = [0; words(8, 1)];
        let mut camera = Camera::new(Colours(&now, 0), Time(&now), &mut memory, 8, 2);
        assert!(matches!(camera.latest(), Err(CameraError::Frame(_))));
    }
}
