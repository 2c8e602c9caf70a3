//! Changes to training images, so that a network learns faces and not cameras.
//!
//! ```text
//! mask -> flip -> similarity -> occlusion -> colour -> low resolution -> blur -> JPEG      (-> mix, in the loader)
//! └── the person ┘└─ alignment ┘ └ the scene ───────┘  └ the camera ──────────────────┘
//! ```
//!
//! The ArcFace paper mirrors and does nothing else; so does the default. Each kind of change draws its choices from a stream
//! of its own, named by the seed, the epoch and the image: any step can be repeated, and turning one change on leaves the
//! others as they were. How strong a change is when it is made stands beside it, in its file.

mod camera;
mod cover;
mod geometry;
mod setting;

pub use geometry::flip;
pub use setting::{AugmentError, PRESETS};

use serde::{Deserialize, Serialize};

use super::random::{Choices, Purpose};

/// Which changes are made, how far they reach and how often.
///
/// Written as a preset and exceptions: `standard`, `standard,mask=0.2`, `flip,shift=0.02`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Mirror half of the images left to right.
    pub flip: bool,
    /// Turn by up to this many degrees either way about the middle, 0 to 90; what comes in is black.
    pub rotation: f32,
    /// Enlarge by a factor from `1 - scale` to `1 + scale`, 0 to 0.5.
    pub scale: f32,
    /// Shift by up to this share of the side, down and across each, 0 to 0.5.
    pub shift: f32,
    /// Multiply all channels by a factor from `1 - brightness` to `1 + brightness`, 0 to 1.
    pub brightness: f32,
    /// The same for the distance from the image's mean grey, 0 to 1.
    pub contrast: f32,
    /// The same for the distance from each pixel's grey, 0 to 1: at 1 some images are grey.
    pub saturation: f32,
    /// Share of images that are out of focus, 0 to 1.
    pub blur: f32,
    /// Share of images that a small or distant camera saw, 0 to 1.
    pub low_resolution: f32,
    /// Share of images that were compressed hard, 0 to 1.
    pub jpeg: f32,
    /// Share of images with a box of one colour before the face, 0 to 1.
    pub occlusion: f32,
    /// Share of images with a mask over nose, mouth and chin, where the template of aligned faces has them, 0 to 1.
    pub mask: f32,
    /// Share of the steps in which every image is blended with another one of its batch, 0 to 1.
    pub mix: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self { flip: true, ..Self::NONE }
    }
}

impl Augment {
    /// Images as they are.
    pub const NONE: Self = Self {
        flip: false,
        rotation: 0.0,
        scale: 0.0,
        shift: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        blur: 0.0,
        low_resolution: 0.0,
        jpeg: 0.0,
        occlusion: 0.0,
        mask: 0.0,
        mix: 0.0,
    };

    /// What a door's camera and its alignment do to a face; every change is one that happens at a door.
    pub const STANDARD: Self = Self {
        flip: true,
        rotation: 4.0,
        scale: 0.04,
        shift: 0.02,
        brightness: 0.25,
        contrast: 0.2,
        saturation: 0.2,
        blur: 0.1,
        low_resolution: 0.1,
        jpeg: 0.1,
        occlusion: 0.0,
        mask: 0.03,
        mix: 0.0,
    };

    /// More of all, for long runs on little data.
    pub const STRONG: Self = Self {
        flip: true,
        rotation: 10.0,
        scale: 0.1,
        shift: 0.04,
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.6,
        blur: 0.2,
        low_resolution: 0.2,
        jpeg: 0.2,
        occlusion: 0.2,
        mask: 0.1,
        mix: 0.0,
    };

    /// Changes one image in place. `rgb` is row-major HWC with rows of `width` pixels, `width` at least 1.
    pub fn apply(&self, rgb: &mut [u8], width: usize, seed: u64, epoch: u64, index: usize) {
        let choices = |purpose| Choices::new(seed, purpose, epoch, index as u64);
        // The choices of a change that `share` of the images get, when this is one of them.
        let drawn = |purpose, share| {
            let mut choices = choices(purpose);
            (choices.unit() < share).then_some(choices)
        };
        if let Some(mut choices) = drawn(Purpose::Mask, self.mask) {
            cover::mask(rgb, width, &mut choices);
        }
        if self.flip && choices(Purpose::Flip).below(2) == 1 {
            flip(rgb, width);
        }
        if [self.rotation, self.scale, self.shift] != [0.0; 3] {
            self.move_about(rgb, width, &mut choices(Purpose::Similarity));
        }
        if let Some(mut choices) = drawn(Purpose::Occlusion, self.occlusion) {
            cover::occlude(rgb, width, &mut choices);
        }
        if [self.brightness, self.contrast, self.saturation] != [0.0; 3] {
            let mut choices = choices(Purpose::Colour);
            let factors = [self.brightness, self.contrast, self.saturation]
                .map(|reach| 1.0 + reach * choices.symmetric());
            camera::colour(rgb, factors);
        }
        if let Some(mut choices) = drawn(Purpose::LowResolution, self.low_resolution) {
            camera::lower_resolution(rgb, width, &mut choices);
        }
        if let Some(mut choices) = drawn(Purpose::Blur, self.blur) {
            camera::blur(rgb, width, &mut choices);
        }
        if let Some(mut choices) = drawn(Purpose::Jpeg, self.jpeg) {
            camera::recompress(rgb, width, &mut choices);
        }
    }

    /// Turns, scales and shifts. All four choices are drawn, whichever are used.
    fn move_about(&self, rgb: &mut [u8], width: usize, choices: &mut Choices) {
        let angle = (self.rotation * choices.symmetric()).to_radians();
        let factor = 1.0 + self.scale * choices.symmetric();
        let mut offset = || self.shift * width as f32 * choices.symmetric();
        let (across, down) = (offset(), offset());
        geometry::similarity(rgb, width, angle, factor, (across, down));
    }
}

#[cfg(test)]
mod tests;
