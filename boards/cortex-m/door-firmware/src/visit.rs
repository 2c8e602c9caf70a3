//! Frames from a file in the place of a camera: for boards that have none, for tests, and for the host, which must see the same.
//!
//! ```text
//!   0        8        12       16        20
//!  | "visit 1"| frames | width  | height  | frame 0 | frame 1 | ..        numbers: u32, little endian
//!
//!   0        4           8
//!  | person | pause, ms | RGB, width x height x 3 |                       person: 0, or who is enrolled by this frame
//! ```
//!
//! A frame comes `pause` after the one before it was asked for: a camera that waits, so that every frame is looked at on every machine.

use edge_infer::image::{Frame, FrameError};

const MAGIC: [u8; 8] = *b"visit 1\0";
const HEADER: usize = 20;
const RECORD: usize = 8;

/// A checked file.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    frames: &'a [u8],
    width: usize,
    height: usize,
}

/// A frame of it.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// Who is enrolled by it, above 0; 0 for a visitor's.
    pub person: u32,
    /// Time since the frame before.
    pub pause_ms: u32,
    /// The pixels.
    pub frame: Frame<'a>,
}

/// Why bytes are no visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VisitError {
    /// Another kind of file.
    #[error("it does not begin with `visit 1`")]
    Magic,
    /// Its frames have no size.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It was cut off, or something is behind it.
    #[error("{frames} frames of {width}x{height} pixels need {needed} bytes, there are {got}")]
    Length {
        /// As it says.
        frames: u32,
        /// As it says.
        width: u32,
        /// As it says.
        height: u32,
        /// By that.
        needed: u64,
        /// Bytes of the file.
        got: usize,
    },
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    u32::from_le_bytes(word.copied().unwrap_or_default())
}

impl<'a> Visit<'a> {
    /// Checks a whole file.
    ///
    /// # Errors
    /// [`VisitError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, VisitError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(VisitError::Magic);
        }
        let [frames, width, height] = [8, 12, 16].map(|at| word(bytes, at));
        // At most 2^96 needs more than 64 bits, and no memory holds it.
        let pixels = u64::from(width).saturating_mul(height.into()).saturating_mul(3);
        let record = pixels.saturating_add(RECORD as u64);
        let needed = record.saturating_mul(frames.into()).saturating_add(HEADER as u64);
        if needed != bytes.len() as u64 {
            let got = bytes.len();
            return Err(VisitError::Length { frames, width, height, needed, got });
        }
        let frames = bytes.get(HEADER..).unwrap_or_default();
        let visit = Self { frames, width: width as usize, height: height as usize };
        Frame::new(&[0; 3], visit.width.min(1), visit.height.min(1), 3)?;
        Ok(visit)
    }

    /// The frames, in order.
    pub fn frames(self) -> impl Iterator<Item = Taken<'a>> {
        let Self { frames, width, height } = self;
        // Never 0, which the compiler does not know: it would keep a panic for that.
        let record = (RECORD + width * height * 3).max(1);
        frames.chunks_exact(record).filter_map(move |record| {
            let pixels = record.get(RECORD..)?;
            let frame = Frame::new(pixels, width, height, width * 3).ok()?;
            Some(Taken { person: word(record, 0), pause_ms: word(record, 4), frame })
        })
    }

    /// The head of a file of so many frames, for who writes one.
    #[must_use]
    pub fn header(frames: u32, width: u32, height: u32) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let (magic, numbers) = header.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        for (place, number) in numbers.chunks_exact_mut(4).zip([frames, width, height]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        header
    }

    /// What precedes a frame's pixels.
    #[must_use]
    pub fn record(person: u32, pause_ms: u32) -> [u8; RECORD] {
        let [a, b, c, d] = person.to_le_bytes();
        let [e, f, g, h] = pause_ms.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn file() -> Vec<u8> {
        let mut bytes = Visit::header(2, 2, 1).to_vec();
        for (person, pause_ms) in [(7, 0), (0, 300)] {
            bytes.extend(Visit::record(person, pause_ms));
            bytes.extend([person as u8; 6]);
        }
        bytes
    }

    #[test]
    fn frames_come_back_as_they_were_written() {
        let bytes = file();
        let frames: Vec<_> = Visit::parse(&bytes).unwrap().frames().collect();
        let heads: Vec<_> = frames.iter().map(|taken| (taken.person, taken.pause_ms)).collect();
        assert_eq!(heads, [(7, 0), (0, 300)]);
        let rows: Vec<&[u8]> = frames.iter().flat_map(|taken| taken.frame.rows()).collect();
        assert_eq!(rows, [[7; 6], [0; 6]]);
        assert_eq!((frames[0].frame.width(), frames[0].frame.height()), (2, 1));
    }

    #[test]
    fn rejects_what_is_no_visit() {
        assert_eq!(Visit::parse(b"visit 2\0").unwrap_err(), VisitError::Magic);
        let bytes = file();
        for cut in 8..bytes.len() {
            let error = Visit::parse(&bytes[..cut]).unwrap_err();
            assert!(matches!(error, VisitError::Length { got, .. } if got == cut), "{error}");
        }
        let longer = [bytes, [0].to_vec()].concat();
        assert!(matches!(
            Visit::parse(&longer),
            Err(VisitError::Length { needed: 48, got: 49, .. })
        ));
        let flat = Visit::header(0, 0, 4);
        assert!(matches!(Visit::parse(&flat), Err(VisitError::Frame(FrameError::Empty { .. }))));
        let huge = Visit::header(u32::MAX, u32::MAX, u32::MAX);
        assert!(matches!(Visit::parse(&huge), Err(VisitError::Length { .. })));
    }
}
