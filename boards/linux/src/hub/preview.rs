//! A small picture, for people to look at.

use super::FaceBox;
use crate::vision::Picture;

/// Longest row of the picture of a whole frame.
const WIDTH: usize = 320;

/// Longest row of the picture of one face.
const CROP_WIDTH: usize = 96;

/// 8-bit RGB, row by row from the top.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}

impl core::fmt::Debug for Preview {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Preview({}x{})", self.width, self.height)
    }
}

impl Preview {
    /// The whole frame.
    pub(super) fn of(picture: &Picture) -> Self {
        shrunk(picture, [0, 0, picture.width(), picture.height()], WIDTH)
    }

    /// One face with a little around it; `None` if it lies outside of the frame.
    pub(super) fn crop(picture: &Picture, face: &FaceBox) -> Option<Self> {
        let margin = 0.25 * face.width.max(face.height);
        // Casts saturate: what lies left of the frame or above it begins at its edge.
        let end = |at: f32, most: usize| ((at + margin) as usize).min(most);
        let (left, top) = ((face.x - margin) as usize, (face.y - margin) as usize);
        let right = end(face.x + face.width, picture.width());
        let bottom = end(face.y + face.height, picture.height());
        (left < right && top < bottom)
            .then(|| shrunk(picture, [left, top, right, bottom], CROP_WIDTH))
    }
}

/// The part from left and top to right and bottom, each pixel the mean of a square of so many that a row has at most `longest`.
fn shrunk(picture: &Picture, [left, top, right, bottom]: [usize; 4], longest: usize) -> Preview {
    let side = (right - left).div_ceil(longest).max(1);
    let (width, height) = (((right - left) / side).max(1), ((bottom - top) / side).max(1));
    let area = (side * side) as u32;
    let stride = picture.width() * 3;
    let mut rgb = Vec::with_capacity(width * height * 3);
    let mut sums = vec![0_u32; width * 3];
    for rows in picture.rgb()[top * stride..].chunks(side * stride).take(height) {
        sums.fill(0);
        for row in rows.chunks_exact(stride) {
            let squares = row[left * 3..].chunks_exact(side * 3);
            for (sum, square) in sums.chunks_exact_mut(3).zip(squares) {
                for pixel in square.chunks_exact(3) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u32::from(value));
                }
            }
        }
        rgb.extend(sums.iter().map(|sum| (sum / area) as u8));
    }
    Preview { width, height, rgb }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Picture {
        let pixel = |at: usize| [(at % width) as u8, (at / width) as u8, 7];
        Picture::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    #[test]
    fn each_pixel_is_the_mean_of_a_square() {
        let small = shrunk(&ramp(8, 6), [0, 0, 8, 6], 4);
        assert_eq!((small.width, small.height, small.rgb.len()), (4, 3, 36));
        // Columns 2 and 3, rows 4 and 5: means 2.5 and 4.5, cut off.
        assert_eq!(small.rgb[3 * (2 * 4 + 1)..][..3], [2, 4, 7]);
    }

    #[test]
    fn sizes_that_do_not_divide_and_small_frames() {
        let wide = Preview::of(&ramp(641, 479));
        assert_eq!((wide.width, wide.height), (213, 159));
        let small = Preview::of(&ramp(5, 3));
        assert_eq!((small.width, small.height, small.rgb), (5, 3, ramp(5, 3).rgb().to_vec()));
        let high = Preview::of(&ramp(1, 1_000));
        assert_eq!((high.width, high.height), (1, 1_000));
    }

    #[test]
    fn a_crop_stays_inside_of_the_frame() {
        let picture = ramp(100, 80);
        let face = |x, y, width, height| FaceBox { x, y, width, height, subject: true };
        let crop = Preview::crop(&picture, &face(20.0, 30.0, 40.0, 40.0)).unwrap();
        assert_eq!((crop.width, crop.height), (60, 60), "a quarter more on each side");
        assert_eq!(crop.rgb[..3], [10, 20, 7]);
        let edge = Preview::crop(&picture, &face(-10.0, -5.0, 30.0, 20.0)).unwrap();
        assert_eq!((edge.width, edge.height), (27, 22));
        for outside in [
            face(200.0, 0.0, 10.0, 10.0),
            face(0.0, -50.0, 10.0, 10.0),
            face(f32::NAN, 0.0, f32::NAN, 1.0),
        ] {
            assert_eq!(Preview::crop(&picture, &outside), None);
        }
    }
}
