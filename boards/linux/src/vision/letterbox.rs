//! A frame of any size to a detector's input: the same proportions, in the upper left corner, black beside and below.
//!
//! ```text
//! frame 640x480 ── mean of the pixels covered ──> 320x240 of 320x256       face in the frame = face in the input / scale
//! ```
//!
//! Never enlarged: a face too small to be found in the frame's own pixels is too small to be recognised.

use super::Picture;

/// Shares of a pixel sum to this.
const ONE: u16 = 256;

/// Frames of one size, made ready for one detector.
#[derive(Debug)]
pub(super) struct Letterbox {
    /// Width and height of the frames that the spans are for.
    from: [usize; 2],
    /// Width and height of the input.
    to: [usize; 2],
    scale: f64,
    columns: Spans,
    rows: Spans,
    /// A row of the result before its columns are gathered: at most 255 * 256.
    sums: Vec<u16>,
    input: Vec<u8>,
}

impl Letterbox {
    /// For an input of this width and height.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            from: [0; 2],
            to: [width, height],
            scale: 1.0,
            columns: Spans::default(),
            rows: Spans::default(),
            sums: Vec::new(),
            input: vec![0; width * height * 3],
        }
    }

    /// The input that shows `picture`, and its pixels a pixel of the picture, above 0 to 1.
    pub(super) fn fit(&mut self, picture: &Picture) -> (&[u8], f64) {
        let from = [picture.width(), picture.height()];
        if self.from != from {
            self.resize(from);
        }
        let (from_row, to_row) = (from[0] * 3, self.to[0] * 3);
        for (row, to) in self.rows.iter().zip(self.input.chunks_exact_mut(to_row)) {
            self.sums.fill(0);
            let rows = picture.rgb().chunks_exact(from_row).skip(row.first);
            for (pixels, &weight) in rows.zip(row.weights) {
                for (sum, &value) in self.sums.iter_mut().zip(pixels) {
                    *sum += u16::from(value) * weight;
                }
            }
            let (pixels, _) = self.sums.as_chunks::<3>();
            let (to, _) = to.as_chunks_mut::<3>();
            for (column, to) in self.columns.iter().zip(to) {
                let mut all = [1_u32 << 15; 3];
                for (pixel, &weight) in pixels.iter().skip(column.first).zip(column.weights) {
                    for (sum, &value) in all.iter_mut().zip(pixel) {
                        *sum += u32::from(value) * u32::from(weight);
                    }
                }
                // Shares of rows and columns sum to 2^8 each.
                *to = all.map(|sum| (sum >> 16) as u8);
            }
        }
        (&self.input, self.scale)
    }

    fn resize(&mut self, from: [usize; 2]) {
        let share = |i: usize| self.to[i] as f64 / from[i] as f64;
        self.scale = share(0).min(share(1)).min(1.0);
        let side = |i: usize| ((from[i] as f64 * self.scale).round() as usize).clamp(1, self.to[i]);
        self.columns = Spans::new(from[0], side(0));
        self.rows = Spans::new(from[1], side(1));
        self.sums = vec![0; from[0] * 3];
        self.input.fill(0);
        self.from = from;
    }
}

/// Which pixels of a row each pixel of the result covers, and how much of each.
#[derive(Debug, Default)]
struct Spans {
    /// First pixel, weights from and to.
    places: Vec<[usize; 3]>,
    weights: Vec<u16>,
}

struct Span<'a> {
    first: usize,
    /// Their sum is [`ONE`].
    weights: &'a [u16],
}

impl Spans {
    /// `to` pixels, at most `from`.
    fn new(from: usize, to: usize) -> Self {
        let mut spans = Self::default();
        for place in 0..to {
            // In units of 1 / to pixels the result's pixel covers `start..end`.
            let (start, end) = (place * from, (place + 1) * from);
            let first = start / to;
            let begin = spans.weights.len();
            let mut before = 0;
            for pixel in first..end.div_ceil(to) {
                // Differences of rounded sums, so that they add up to ONE.
                let covered = end.min((pixel + 1) * to) - start;
                let sum = ((covered * usize::from(ONE) * 2 + from) / (2 * from)) as u16;
                spans.weights.push(sum - before);
                before = sum;
            }
            spans.places.push([first, begin, spans.weights.len()]);
        }
        spans
    }

    fn iter(&self) -> impl Iterator<Item = Span<'_>> {
        self.places
            .iter()
            .map(|&[first, from, to]| Span { first, weights: &self.weights[from..to] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit(width: usize, height: usize, to: [usize; 2], rgb: Vec<u8>) -> (Vec<u8>, f64) {
        let picture = Picture::new(width, height, rgb).unwrap();
        let mut letterbox = Letterbox::new(to[0], to[1]);
        let (input, scale) = letterbox.fit(&picture);
        (input.to_vec(), scale)
    }

    #[test]
    fn small_frames_keep_their_pixels() {
        let (input, scale) = fit(2, 2, [3, 4], (1..=12).collect());
        assert_eq!(scale, 1.0);
        assert_eq!(input[..9], [1, 2, 3, 4, 5, 6, 0, 0, 0]);
        assert_eq!(input[9..18], [7, 8, 9, 10, 11, 12, 0, 0, 0]);
        assert_eq!(input[18..], [0; 18]);
    }

    #[test]
    fn halves_are_means_of_four() {
        let grey = [10, 20, 30, 50, 30, 41, 70, 90].map(|value| [value; 3]).concat();
        let (input, scale) = fit(4, 2, [2, 2], grey);
        assert_eq!(scale, 0.5);
        // (10 + 20 + 30 + 41) / 4 = 25.25, (30 + 50 + 70 + 90) / 4 = 60
        assert_eq!(input, [25, 25, 25, 60, 60, 60, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn another_size_leaves_nothing_of_the_last() {
        let mut letterbox = Letterbox::new(4, 4);
        letterbox.fit(&Picture::new(4, 4, vec![200; 48]).unwrap());
        let (input, _) = letterbox.fit(&Picture::new(2, 1, vec![9; 6]).unwrap());
        assert_eq!(input, [vec![9; 6], vec![0; 42]].concat());
    }

    proptest! {
        #[test]
        fn weights_cover_every_pixel_alike(from in 1_usize..700, part in 1_usize..=100) {
            let to = (from * part).div_ceil(100);
            let mut covered = vec![0_usize; from];
            for span in Spans::new(from, to).iter() {
                prop_assert_eq!(span.weights.iter().sum::<u16>(), ONE);
                for (pixel, &weight) in (span.first..).zip(span.weights) {
                    covered[pixel] += usize::from(weight);
                }
            }
            // Each counts to / from, but for the rounding of the at most two sums that cut it.
            let share = to as f64 * f64::from(ONE) / from as f64;
            prop_assert!(covered.iter().all(|&sum| (sum as f64 - share).abs() <= 2.0), "{:?}", covered);
        }

        #[test]
        fn a_flat_frame_stays_flat(width in 1_usize..90, height in 1_usize..90, value: u8) {
            let (input, scale) = fit(width, height, [32, 32], vec![value; width * height * 3]);
            let inside = |side: usize| ((side as f64 * scale).round() as usize).clamp(1, 32);
            let expected = inside(width) * inside(height) * 3;
            prop_assert_eq!(input.iter().filter(|&&v| v == value).count() >= expected, true);
        }
    }
}
