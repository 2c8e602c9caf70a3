//! A decoded picture in memory of its own.

use edge_infer::image::{Frame, FrameError};

/// 8-bit RGB, row by row from the top, without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// `rgb` as `height` rows of `width` pixels; what is behind them is dropped.
    ///
    /// # Errors
    /// [`FrameError`]: a side is zero, or there are fewer bytes.
    pub fn new(width: usize, height: usize, mut rgb: Vec<u8>) -> Result<Self, FrameError> {
        Frame::new(&rgb, width, height, width.saturating_mul(3))?;
        rgb.truncate(width * height * 3);
        Ok(Self { width, height, rgb })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Its bytes.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// To be looked at.
    pub fn frame(&self) -> Frame<'_> {
        Frame::new(&self.rgb, self.width, self.height, self.width * 3)
            .expect("`new` has checked the same sizes")
    }

    /// A hash of its bytes that two different pictures of a camera share once in 2^64; no secret is in it, and somebody who wants
    /// to can make two that share it.
    pub fn digest(&self) -> u64 {
        let (upper, lower) = self.rgb.split_at(self.rgb.len() / 2);
        u64::from(crc32fast::hash(upper)) << 32 | u64::from(crc32fast::hash(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_tell_single_pixels_apart() {
        let picture = |at: usize| {
            let mut rgb = vec![7; 27];
            rgb[at] += 1;
            Picture::new(3, 3, rgb).unwrap().digest()
        };
        let mut digests: Vec<u64> = (0..27).map(picture).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 27);
    }

    #[test]
    fn rejects_too_few_bytes_and_drops_more() {
        let error = Picture::new(2, 2, vec![0; 11]).unwrap_err();
        assert_eq!(error, FrameError::Length { needed: 12, got: 11 });
        assert_eq!(Picture::new(2, 2, vec![0; 13]).unwrap().rgb().len(), 12);
        assert!(matches!(Picture::new(0, 2, vec![]), Err(FrameError::Empty { .. })));
        assert!(Picture::new(usize::MAX, 2, vec![]).is_err());
    }
}
