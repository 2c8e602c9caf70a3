//! A borrowed RGB picture with checked dimensions.
//!
//! ```text
//! |R G B|R G B| .. |R G B| unused |      row 0: width * 3 bytes of pixels, stride bytes in all
//! |R G B|R G B| .. |R G B| unused |      row 1
//! |R G B|R G B| .. |R G B|               last row: what lies behind its pixels may be missing
//! ```

/// Bytes of a pixel: red, green, blue.
pub(super) const PIXEL: usize = 3;

/// A picture in memory: 8-bit RGB, row by row from the top.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

/// Why bytes are not a picture of the stated size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A side is zero.
    #[error("a frame of {width}x{height} pixels has no pixels; pass the camera's frame size")]
    Empty {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Rows would overlap.
    #[error(
        "a stride of {stride} bytes is shorter than a row of {row} bytes; \
         pass the bytes from row to row"
    )]
    Stride {
        /// Bytes of pixels in a row; `usize::MAX` when that overflows.
        row: usize,
        /// Bytes from row to row as passed.
        stride: usize,
    },
    /// The slice ends before the last pixel.
    #[error("the frame needs {needed} bytes, {got} were passed; check width, height and stride")]
    Length {
        /// Bytes up to the last pixel; `usize::MAX` when that overflows.
        needed: usize,
        /// Bytes passed.
        got: usize,
    },
}

impl<'a> Frame<'a> {
    /// Views `pixels` as `height` rows of `width` RGB pixels, one row each `stride` bytes.
    ///
    /// # Errors
    /// [`FrameError`] when a side is zero, rows overlap or the slice is too short. A longer slice
    /// is fine.
    pub fn new(
        pixels: &'a [u8],
        width: usize,
        height: usize,
        stride: usize,
    ) -> Result<Self, FrameError> {
        if width == 0 || height == 0 {
            return Err(FrameError::Empty { width, height });
        }
        let row = width.saturating_mul(PIXEL);
        if stride < row {
            return Err(FrameError::Stride { row, stride });
        }
        let needed = (height - 1).saturating_mul(stride).saturating_add(row);
        if pixels.len() < needed {
            let got = pixels.len();
            return Err(FrameError::Length { needed, got });
        }
        Ok(Self { pixels, width, height, stride })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The rows from the top, each `width` times red, green, blue.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        // No row overflows: `new` has checked that the last one ends within the slice.
        let (pixels, stride, row) = (self.pixels, self.stride, self.width * PIXEL);
        (0..self.height).map_while(move |y| pixels.get(y * stride..)?.get(..row))
    }

    /// The pixel in column `x` of row `y`; black outside the frame.
    #[inline(always)]
    pub(super) fn pixel_or_black(&self, x: i64, y: i64) -> [u8; PIXEL] {
        let inside = |at: i64, side: usize| usize::try_from(at).ok().filter(|&at| at < side);
        let (Some(x), Some(y)) = (inside(x, self.width), inside(y, self.height)) else {
            return [0; PIXEL];
        };
        // Below the length that `new` checked, so the sum does not overflow.
        let pixel = self.pixels.get(y * self.stride + x * PIXEL..);
        pixel.and_then(|pixel| pixel.first_chunk()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_found_across_a_stride_and_are_black_outside() {
        let bytes = [1, 2, 3, 4, 5, 6, 99, 7, 8, 9, 10, 11, 12];
        let frame = Frame::new(&bytes, 2, 2, 7).unwrap();
        assert_eq!((frame.width(), frame.height()), (2, 2));
        assert_eq!(frame.pixel_or_black(1, 0), [4, 5, 6]);
        assert_eq!(frame.pixel_or_black(1, 1), [10, 11, 12]);
        for (x, y) in [(-1, 0), (0, -1), (2, 0), (0, 2), (i64::MIN, i64::MAX)] {
            assert_eq!(frame.pixel_or_black(x, y), [0, 0, 0]);
        }
    }

    #[test]
    fn rejects_a_frame_without_pixels() {
        let error = Frame::new(&[0; 12], 0, 4, 0).unwrap_err();
        assert_eq!(error, FrameError::Empty { width: 0, height: 4 });
    }

    #[test]
    fn rejects_a_stride_shorter_than_a_row() {
        let error = Frame::new(&[0; 12], 2, 2, 5).unwrap_err();
        assert_eq!(error, FrameError::Stride { row: 6, stride: 5 });
        let error = Frame::new(&[0; 12], usize::MAX, 1, 6).unwrap_err();
        assert_eq!(error, FrameError::Stride { row: usize::MAX, stride: 6 });
    }

    #[test]
    fn rejects_a_slice_that_ends_early() {
        let error = Frame::new(&[0; 12], 2, 2, 7).unwrap_err();
        assert_eq!(error, FrameError::Length { needed: 13, got: 12 });
        let error = Frame::new(&[0; 12], 2, usize::MAX, 7).unwrap_err();
        assert_eq!(error, FrameError::Length { needed: usize::MAX, got: 12 });
    }
}
