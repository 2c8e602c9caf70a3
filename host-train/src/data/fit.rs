//! Whole frames for a detector: brought to the size of its input without changing their proportions.
//!
//! Faces are never resized silently (`decode`); a frame's faces are of any size anyway.

use super::FaceImage;
use image::RgbImage;
use image::imageops::{self, FilterType};

impl FaceImage {
    /// The frame in the upper left corner of `width` x `height` pixels, black beside and below it; made smaller where it does not
    /// fit, and never larger. The second part is the scale: pixels of the result a pixel of the frame.
    #[must_use]
    pub fn fitted(self, width: usize, height: usize) -> (Self, f64) {
        let share = |to: usize, from: usize| to as f64 / from.max(1) as f64;
        let scale = share(width, self.width).min(share(height, self.height)).min(1.0);
        let mut fitted = Self { width, height, rgb: vec![0; width * height * 3] };
        let inside = self.scaled(scale, width, height);
        for (to, from) in fitted.rgb.chunks_exact_mut((width * 3).max(1)).zip(inside.rows()) {
            to[..from.len()].copy_from_slice(from);
        }
        (fitted, scale)
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.rgb.chunks_exact((self.width * 3).max(1))
    }

    /// Made smaller, each pixel the mean of those that it covers; at most so large.
    fn scaled(self, scale: f64, most_width: usize, most_height: usize) -> Self {
        if scale >= 1.0 {
            return self;
        }
        let side = |from: usize, most: usize| {
            ((from as f64 * scale).round() as usize).clamp(1, most.max(1))
        };
        let (width, height) = (side(self.width, most_width), side(self.height, most_height));
        let Some(image) = RgbImage::from_raw(self.width as u32, self.height as u32, self.rgb)
        else {
            return Self { width: 0, height: 0, rgb: Vec::new() };
        };
        let small = imageops::resize(&image, width as u32, height as u32, FilterType::Triangle);
        Self { width, height, rgb: small.into_raw() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_frames_keep_their_pixels_and_large_ones_their_proportions() {
        let rgb: Vec<u8> = (1..=12).collect();
        let (fitted, scale) = FaceImage { width: 2, height: 2, rgb }.fitted(3, 4);
        assert_eq!(scale, 1.0);
        assert_eq!(fitted.rgb[..9], [1, 2, 3, 4, 5, 6, 0, 0, 0]);
        assert_eq!(fitted.rgb[9..18], [7, 8, 9, 10, 11, 12, 0, 0, 0]);
        assert_eq!(fitted.rgb[18..], [0; 18]);
        let wide = FaceImage { width: 8, height: 4, rgb: vec![200; 96] };
        let (fitted, scale) = wide.fitted(4, 4);
        assert_eq!(scale, 0.5);
        assert_eq!(fitted.rgb, [vec![200; 24], vec![0; 24]].concat());
    }
}
