//! Where pixels lie: mirror, and a similarity (turn, scale, shift) with bilinear sampling.

/// Mirrors left to right. `rgb` is HWC with rows of `width` pixels.
pub fn flip(rgb: &mut [u8], width: usize) {
    for row in rgb.chunks_exact_mut(width * 3) {
        let (pixels, _) = row.as_chunks_mut::<3>();
        pixels.reverse();
    }
}

/// Fraction bits of a source position.
const FRACTION: u32 = 16;

/// Turns the picture by `angle` radians (counter-clockwise as seen) about its middle, enlarges it by `factor`, then moves it
/// by `(across, down)` pixels. Bilinear; what comes in is black.
///
/// `out(p) = in(R(-angle) (p - middle - shift) / factor + middle)`, with positions in 1/65536 pixel.
pub(super) fn similarity(
    rgb: &mut [u8],
    width: usize,
    angle: f32,
    factor: f32,
    (across, down): (f32, f32),
) {
    let height = rgb.len() / (width * 3);
    let source = Bordered::new(rgb, width, height);
    let (middle_x, middle_y) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
    let (sin, cos) = angle.sin_cos();
    let (cos, sin) = (cos / factor, sin / factor);
    let fixed = |value: f32| (value * (1 << FRACTION) as f32).round() as i64;
    // One step to the right in the result is this step in the source; y points down.
    let (step_x, step_y) = (fixed(cos), fixed(sin));
    for (y, row) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let (dx, dy) = (-middle_x - across, y as f32 - middle_y - down);
        let mut at_x = fixed(cos * dx - sin * dy + middle_x);
        let mut at_y = fixed(sin * dx + cos * dy + middle_y);
        for pixel in row.as_chunks_mut::<3>().0 {
            *pixel = source.sample(at_x, at_y);
            at_x += step_x;
            at_y += step_y;
        }
    }
}

/// A copy of a picture with one black pixel all around it, so that sampling needs no cases at the edge.
struct Bordered {
    pixels: Vec<[u8; 3]>,
    /// Columns and rows, border included.
    width: usize,
    height: usize,
}

impl Bordered {
    fn new(rgb: &[u8], width: usize, height: usize) -> Self {
        let (wide, high) = (width + 2, height + 2);
        let mut pixels = vec![[0; 3]; wide * high];
        for (y, row) in rgb.chunks_exact(width * 3).enumerate() {
            let first = (y + 1) * wide + 1;
            pixels[first..first + width].copy_from_slice(row.as_chunks().0);
        }
        Self { pixels, width: wide, height: high }
    }

    /// The colour at a position in fixed point, counted without the border; black outside.
    fn sample(&self, x: i64, y: i64) -> [u8; 3] {
        let (left, top) = ((x >> FRACTION) + 1, (y >> FRACTION) + 1);
        let inside = (0..self.width as i64 - 1).contains(&left)
            && (0..self.height as i64 - 1).contains(&top);
        if !inside {
            return [0; 3];
        }
        // Eight bits of fraction: a weight is at most 65536, and their sum is just that.
        let part = |position: i64| ((position >> (FRACTION - 8)) & 0xff) as u32;
        let (right_part, lower_part) = (part(x), part(y));
        let first = top as usize * self.width + left as usize;
        let upper = &self.pixels[first..first + 2];
        let lower = &self.pixels[first + self.width..first + self.width + 2];
        let mix = |channel: usize| {
            let row = |pair: &[[u8; 3]]| {
                u32::from(pair[0][channel]) * (256 - right_part)
                    + u32::from(pair[1][channel]) * right_part
            };
            // At most (255 * 65536 + 32768) >> 16 = 255.
            ((row(upper) * (256 - lower_part) + row(lower) * lower_part + 32_768) >> 16) as u8
        };
        [mix(0), mix(1), mix(2)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f32::consts::FRAC_PI_2;

    /// A picture of one channel's values, three times each.
    fn grey(values: &[u8]) -> Vec<u8> {
        values.iter().flat_map(|&value| [value; 3]).collect()
    }

    fn moved(values: &[u8], width: usize, angle: f32, factor: f32, shift: (f32, f32)) -> Vec<u8> {
        let mut rgb = grey(values);
        similarity(&mut rgb, width, angle, factor, shift);
        rgb.chunks_exact(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn flip_mirrors_pixels_and_keeps_channels() {
        let mut rgb = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19];
        flip(&mut rgb, 3);
        assert_eq!(rgb, [7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13]);
    }

    #[test]
    fn whole_pixels_move_and_leave_black() {
        let picture = [10, 20, 30, 40];
        for (across, down, expected) in [
            (0.0, 0.0, [10, 20, 30, 40]),
            (1.0, 0.0, [0, 10, 0, 30]),
            (-1.0, 0.0, [20, 0, 40, 0]),
            (0.0, 1.0, [0, 0, 10, 20]),
            (1.0, 1.0, [0, 0, 0, 10]),
            (-9.0, 90.0, [0, 0, 0, 0]),
        ] {
            assert_eq!(moved(&picture, 2, 0.0, 1.0, (across, down)), expected, "{across} {down}");
        }
    }

    #[test]
    fn half_pixels_are_the_mean_of_their_neighbours() {
        assert_eq!(moved(&[10, 20, 40], 3, 0.0, 1.0, (0.5, 0.0)), [5, 15, 30]);
        assert_eq!(moved(&[100, 50, 20, 10], 2, 0.0, 1.0, (-0.5, -0.5)), [45, 15, 8, 3]);
    }

    #[test]
    fn quarter_turns_are_exact() {
        // 1 2 3      3 6 9      7 4 1
        // 4 5 6  ->  2 5 8  or  8 5 2
        // 7 8 9      1 4 7      9 6 3
        let picture = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let left = moved(&picture, 3, FRAC_PI_2, 1.0, (0.0, 0.0));
        assert_eq!(left, [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        let right = moved(&picture, 3, -FRAC_PI_2, 1.0, (0.0, 0.0));
        assert_eq!(right, [7, 4, 1, 8, 5, 2, 9, 6, 3]);
    }

    #[test]
    fn doubling_spreads_the_middle() {
        // Columns 0..3 come from 0.75, 1.25, 1.75, 2.25 in each direction.
        let row = [0, 40, 80, 120];
        let picture: Vec<u8> = (0..4).flat_map(|_| row).collect();
        let doubled = moved(&picture, 4, 0.0, 2.0, (0.0, 0.0));
        assert_eq!(doubled[..4], [30, 50, 70, 90]);
    }

    #[test]
    fn wide_pictures_turn_about_their_own_middle() {
        let mut picture = [0; 15];
        picture[7] = 200;
        let half = moved(&picture, 5, 2.0 * FRAC_PI_2, 1.0, (0.0, 0.0));
        assert_eq!(half, picture);
    }
}
