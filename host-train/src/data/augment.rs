//! Small changes to training images: mirror, shift, brightness.
//!
//! The ArcFace paper mirrors and does nothing else; so does the default. Which change an image gets follows from the seed,
//! the epoch and the image alone.

use serde::{Deserialize, Serialize};

use super::random::{Choices, Purpose};

/// Which changes are made, and how strongly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Mirror half of the images left to right.
    pub flip: bool,
    /// Shift by up to this many whole pixels each way, down and across; what comes in is black.
    pub shift: u8,
    /// Multiply all channels by a factor from `1 - brightness` to `1 + brightness`; 0 to below 1.
    pub brightness: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self { flip: true, ..Self::NONE }
    }
}

impl Augment {
    /// Images as they are.
    pub const NONE: Self = Self { flip: false, shift: 0, brightness: 0.0 };

    /// Changes one image in place. `rgb` is row-major HWC with rows of `width` pixels, `width` at least 1.
    ///
    /// Every choice is drawn whether it is used or not, so that turning one change on leaves the others as they were.
    pub fn apply(&self, rgb: &mut [u8], width: usize, seed: u64, epoch: u64, index: usize) {
        let mut choices = Choices::new(seed, Purpose::Augment, epoch, index as u64);
        let mirrored = choices.below(2) == 1;
        let reach = isize::from(self.shift);
        let mut offset = || choices.below(2 * usize::from(self.shift) + 1) as isize - reach;
        let (down, across) = (offset(), offset());
        let factor = 1.0 + self.brightness * choices.symmetric();
        if self.flip && mirrored {
            flip(rgb, width);
        }
        if (down, across) != (0, 0) {
            shift(rgb, width, down, across);
        }
        if self.brightness != 0.0 {
            brighten(rgb, factor);
        }
    }
}

/// Mirrors left to right.
pub fn flip(rgb: &mut [u8], width: usize) {
    for row in rgb.chunks_exact_mut(width * 3) {
        for x in 0..width / 2 {
            for channel in 0..3 {
                row.swap(x * 3 + channel, (width - 1 - x) * 3 + channel);
            }
        }
    }
}

/// Moves the picture `down` rows and `across` columns (negative: up, left); what comes in is black.
pub fn shift(rgb: &mut [u8], width: usize, down: isize, across: isize) {
    let source = rgb.to_vec();
    let height = rgb.len() / (width * 3);
    let inside =
        |at: usize, by: isize, size: usize| at.checked_add_signed(-by).filter(|&from| from < size);
    for (y, row) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let from_y = inside(y, down, height);
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            match (from_y, inside(x, across, width)) {
                (Some(from_y), Some(from_x)) => {
                    let from = (from_y * width + from_x) * 3;
                    pixel.copy_from_slice(&source[from..from + 3]);
                }
                _ => pixel.fill(0),
            }
        }
    }
}

/// Multiplies every value by `factor`, rounded, at most 255.
pub fn brighten(rgb: &mut [u8], factor: f32) {
    for value in rgb {
        // A float cast to u8 saturates at both ends.
        *value = (f32::from(*value) * factor).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `width` x `height` pixels with values that all differ.
    fn picture(width: u8, height: u8) -> Vec<u8> {
        (0..width * height * 3).collect()
    }

    #[test]
    fn flip_mirrors_pixels_and_keeps_channels() {
        let mut rgb = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19];
        flip(&mut rgb, 3);
        assert_eq!(rgb, [7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13]);
        let mut twice = picture(4, 5);
        flip(&mut twice, 4);
        flip(&mut twice, 4);
        assert_eq!(twice, picture(4, 5));
    }

    #[test]
    fn shift_moves_and_leaves_black() {
        // a b / c d, one pixel a letter
        let of = |letters: [u8; 4]| letters.into_iter().flat_map(|v| [v; 3]).collect::<Vec<_>>();
        for (down, across, expected) in [
            (0, 1, [0, 1, 0, 3]),
            (0, -1, [2, 0, 4, 0]),
            (1, 0, [0, 0, 1, 2]),
            (-1, 0, [3, 4, 0, 0]),
            (1, 1, [0, 0, 0, 1]),
            (2, 0, [0, 0, 0, 0]),
            (-9, 9, [0, 0, 0, 0]),
        ] {
            let mut rgb = of([1, 2, 3, 4]);
            shift(&mut rgb, 2, down, across);
            assert_eq!(rgb, of(expected), "down {down}, across {across}");
        }
    }

    #[test]
    fn brighten_rounds_and_saturates() {
        let mut rgb = [0, 3, 100, 200, 255];
        brighten(&mut rgb, 1.5);
        assert_eq!(rgb, [0, 5, 150, 255, 255]);
        brighten(&mut rgb, 0.5);
        assert_eq!(rgb, [0, 3, 75, 128, 128]);
    }

    #[test]
    fn nothing_is_changed_by_none() {
        let mut rgb = picture(5, 4);
        for index in 0..50 {
            Augment::NONE.apply(&mut rgb, 5, 1, 2, index);
        }
        assert_eq!(rgb, picture(5, 4));
    }

    #[test]
    fn the_default_mirrors_half_of_the_images_by_seed_epoch_and_index() {
        let mirrored = |seed, epoch, index| {
            let mut rgb = picture(5, 4);
            Augment::default().apply(&mut rgb, 5, seed, epoch, index);
            let plain = picture(5, 4);
            let mut flipped = picture(5, 4);
            flip(&mut flipped, 5);
            assert!(rgb == plain || rgb == flipped);
            rgb == flipped
        };
        let of =
            |seed, epoch| (0..2000).map(|index| mirrored(seed, epoch, index)).collect::<Vec<_>>();
        let once = of(7, 0);
        assert_eq!(once, of(7, 0));
        assert_ne!(once, of(7, 1));
        assert_ne!(once, of(8, 0));
        // 1000 expected, standard deviation 22.
        let count = once.iter().filter(|&&mirrored| mirrored).count();
        assert!((880..1120).contains(&count), "{count}");
    }

    #[test]
    fn turning_one_change_on_leaves_the_others_as_they_were() {
        let flip_only = Augment::default();
        let flip_and_shift = Augment { shift: 3, ..flip_only };
        for index in 0..40 {
            let (mut one, mut both) = (picture(7, 9), picture(7, 9));
            flip_only.apply(&mut one, 7, 1, 0, index);
            flip_and_shift.apply(&mut both, 7, 1, 0, index);
            let reached = (-3..=3).flat_map(|down| (-3..=3).map(move |across| (down, across)));
            let mut shifted = reached.map(|(down, across)| {
                let mut rgb = one.clone();
                shift(&mut rgb, 7, down, across);
                rgb
            });
            assert!(shifted.any(|rgb| rgb == both), "image {index}");
        }
    }

    #[test]
    fn brightness_stays_within_its_factor() {
        let augment = Augment { brightness: 0.2, ..Augment::NONE };
        let levels: Vec<u8> = (0..500)
            .map(|index| {
                let mut rgb = [100; 3];
                augment.apply(&mut rgb, 1, 1, 0, index);
                assert!(rgb[0] == rgb[1] && rgb[1] == rgb[2]);
                rgb[0]
            })
            .collect();
        assert!(levels.iter().all(|level| (80..=120).contains(level)));
        assert!(levels.contains(&82) && levels.contains(&118));
    }
}
