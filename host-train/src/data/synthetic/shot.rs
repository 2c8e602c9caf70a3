//! What changes from one photograph to the next, and how hard it is made to see through.
//!
//! A [`Shot`] is drawn from (seed, identity, shot number) and a [`Difficulty`], by `nuisance`. Every odd and range of
//! the nuisances is in `Difficulty`: raising them makes verification harder.

use super::maths::{Point, Rgb};

/// How much photographs of one person differ. Angles in radians, lengths in pixels of a 112 x 112 crop.
///
/// The default is the quick start's task: raw pixels fail at it, a small network trained for minutes does not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difficulty {
    /// Largest turn of the head to either side.
    pub yaw: f32,
    /// Largest nod up or down.
    pub pitch: f32,
    /// Largest in-plane rotation that alignment left behind.
    pub roll: f32,
    /// Largest shift in x and in y that alignment left behind.
    pub shift: f32,
    /// Largest relative error in size that alignment left behind.
    pub zoom: f32,
    /// Strength of expressions: 0 a passport photograph, 1 laughing and blinking.
    pub expression: f32,
    /// Unevenness of the light: 0 frontal and white, 1 from any side, coloured, with hard shadows.
    pub light: f32,
    /// Spread of exposure, contrast and saturation: 0 none, 1 strong.
    pub exposure: f32,
    /// Largest blur (standard deviation).
    pub blur: f32,
    /// Largest sensor noise (standard deviation, 1.0 = full scale).
    pub noise: f32,
    /// Odds of block compression artefacts.
    pub compression_odds: f32,
    /// Odds that somebody who does not usually wear glasses does; habitual wearers leave them off as often.
    pub glasses_odds: f32,
    /// Odds of a hat over the hair.
    pub hat_odds: f32,
    /// Odds of a mask over mouth and nose.
    pub mask_odds: f32,
    /// Odds of a hand before the face.
    pub hand_odds: f32,
}

impl Difficulty {
    /// No nuisance but the background and clothes: a passport photograph.
    pub const NONE: Self = Self {
        yaw: 0.0,
        pitch: 0.0,
        roll: 0.0,
        shift: 0.0,
        zoom: 0.0,
        expression: 0.0,
        light: 0.0,
        exposure: 0.0,
        blur: 0.0,
        noise: 0.0,
        compression_odds: 0.0,
        glasses_odds: 0.0,
        hat_odds: 0.0,
        mask_odds: 0.0,
        hand_odds: 0.0,
    };
}

impl Default for Difficulty {
    fn default() -> Self {
        Self {
            yaw: 0.38,
            pitch: 0.2,
            roll: 0.07,
            shift: 2.0,
            zoom: 0.04,
            expression: 0.7,
            light: 0.6,
            exposure: 0.4,
            blur: 1.0,
            noise: 0.025,
            compression_odds: 0.12,
            glasses_odds: 0.06,
            hat_odds: 0.04,
            mask_odds: 0.02,
            hand_odds: 0.04,
        }
    }
}

/// Where the head points and how it sits in the crop.
///
/// The crop is first fitted to the posed landmarks, as an aligner would; `roll`, `zoom` and `shift` then move it
/// away from that fit. They may be large: the picture is defined far beyond the crop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Turn of the head in radians, positive towards the right of the image. Used within [-1.2, 1.2].
    pub yaw: f32,
    /// Nod in radians, positive downwards. Used within [-1.2, 1.2].
    pub pitch: f32,
    /// Rotation of the fitted picture about the crop's centre in radians, clockwise. Used within [-1.57, 1.57].
    pub roll: f32,
    /// Magnification after the fit, 1.0 for none; below 1 shows more than the face. Used within [0.05, 20].
    pub zoom: f32,
    /// Shift after the fit, right and down, in pixels of a 112 x 112 crop.
    pub shift: [f32; 2],
}

impl Pose {
    /// Facing the camera, perfectly aligned.
    pub const FRONTAL: Self = Self { yaw: 0.0, pitch: 0.0, roll: 0.0, zoom: 1.0, shift: [0.0; 2] };
}

/// One photograph of a person: pose, expression, light, camera and whatever is in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// The head's direction and place in the crop; free to overwrite.
    pub pose: Pose,
    pub(super) number: u64,
    pub(super) expression: Expression,
    pub(super) light: Light,
    pub(super) film: Film,
    pub(super) scene: Scene,
    pub(super) worn: Worn,
}

/// Deviation from the face at rest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    /// Gap between the lips, 0..1.
    pub(super) open: f32,
    /// -0.5 sulking, 0 neutral, 1 broad smile.
    pub(super) smile: f32,
    /// -0.6 frowning, 1 raised.
    pub(super) brow_raise: f32,
    /// Opening of the lids: 0 shut, 1 relaxed, 1.3 wide.
    pub(super) lids: f32,
    /// Where the eyes look, -1..1 on both axes.
    pub(super) gaze: Point,
}

/// A key light, the light of the room, and perhaps the edge of a cast shadow.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Light {
    /// Unit vector towards the key light: x right, y down, z towards the camera.
    pub(super) direction: [f32; 3],
    pub(super) key: Rgb,
    /// Light of the room from above and from below.
    pub(super) ambient: [Rgb; 2],
    /// A shadow's edge: a unit normal in the image, its offset in head units, and the key light that remains.
    pub(super) shadow: Option<(Point, f32, f32)>,
}

/// The camera's and the file format's doing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Film {
    /// Gain on linear light.
    pub(super) exposure: f32,
    pub(super) contrast: f32,
    pub(super) saturation: f32,
    /// Standard deviation of the blur in pixels of a 112 crop.
    pub(super) blur: f32,
    /// Standard deviation of the noise, 1.0 = full scale.
    pub(super) noise: f32,
    /// Quantization step of 8 x 8 block compression at the lowest frequency, in 8-bit levels; 0 for none.
    pub(super) compression: f32,
}

/// What stands behind the head and covers the shoulders.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scene {
    pub(super) upper: Rgb,
    pub(super) lower: Rgb,
    /// A blurred object: its centre, radius and colour.
    pub(super) object: (Point, f32, Rgb),
    pub(super) cloth: Rgb,
    /// Depth of the neckline.
    pub(super) neckline: f32,
}

/// What covers parts of the face.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Worn {
    /// Opacity of the lenses of the person's own glasses.
    pub(super) glasses: Option<f32>,
    /// Colour of a hat, the y of its lower edge, and whether it has a peak.
    pub(super) hat: Option<(Rgb, f32, bool)>,
    /// Colour of a mask and the y of its upper edge.
    pub(super) mask: Option<(Rgb, f32)>,
    /// Fingertips of a hand reaching in, and the side it comes from (-1 left, 1 right).
    pub(super) hand: Option<(Point, f32)>,
}
