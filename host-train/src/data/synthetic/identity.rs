//! What stays with a person from one photograph to the next. How these traits are distributed is
//! `population`'s business; how they look is that of the brushes (`skin`, `eyes`, `hair`, ...).
//!
//! Lengths are in *head units*, chosen so that an average face fills the 112 x 112 ArcFace crop one unit a
//! pixel. The origin lies in the middle of the face at the height of the nose tip:
//!
//! ```text
//!        x ->         -79  crown (above the crop)
//!      y              -53  hairline
//!      |              -31  brows
//!      v    -17.6     -20     +17.6   eyes
//!            -39        0       +39   nose tip, ears and cheekbones
//!           -14.6     +20     +14.6   mouth
//!                     +43  chin
//! ```
//!
//! "Left" and "right" are the image's. Colours are linear light.

use super::dice::Dice;
use super::maths::{Point, Rgb};

/// A drawn person: every lasting trait, sampled once from a seed and a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub(super) seed: u64,
    pub(super) index: u64,
    /// Seed of the person's own textures: hair strands, freckles, stubble.
    pub(super) texture: u32,
    pub(super) head: Head,
    pub(super) skin: Skin,
    pub(super) eyes: Eyes,
    pub(super) brows: Brows,
    pub(super) nose: Nose,
    pub(super) mouth: Mouth,
    pub(super) ears: Ears,
    pub(super) hair: Hair,
    pub(super) beard: Beard,
    pub(super) frames: Frames,
}

impl Identity {
    /// Person number `index` of the endless population of `seed`. The same two numbers give the same person.
    pub fn draw(seed: u64, index: u64) -> Self {
        super::population::sample(seed, index)
    }

    /// The stream of photograph `shot` of this person, for `purpose`.
    pub(super) fn dice(&self, purpose: super::dice::Purpose, shot: u64) -> Dice {
        Dice::new(purpose, self.seed, self.index, shot)
    }
}

/// The outline of skull and jaw.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    /// Half width at the cheekbones.
    pub(super) half_width: f32,
    /// y of the chin.
    pub(super) chin: f32,
    /// Narrowing towards the chin: -0.1 a square jaw, 0.4 a pointed chin.
    pub(super) taper: f32,
    /// 0 a round lower face, 1 one with a broad flat chin.
    pub(super) squareness: f32,
    /// Narrowing towards the crown.
    pub(super) temple: f32,
    /// How far the middle of the face stands before the ears.
    pub(super) depth: f32,
    /// Height of the cheekbones as relief.
    pub(super) cheekbones: f32,
    /// Depth of the cleft in the chin, 0 for none.
    pub(super) cleft: f32,
}

/// Skin colour and what is written on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Skin {
    /// 0 the lightest, 1 the darkest.
    pub(super) melanin: f32,
    pub(super) colour: Rgb,
    /// Red in cheeks, nose and ears, 0..1.
    pub(super) blush: f32,
    /// 0 matt, 1 shining.
    pub(super) gloss: f32,
    pub(super) freckles: f32,
    /// Depth of the lines of age, 0..1.
    pub(super) wrinkles: f32,
    /// Dark rings under the eyes, 0..1.
    pub(super) eye_bags: f32,
    pub(super) moles: Vec<Mole>,
    /// A scar from one point to another.
    pub(super) scar: Option<(Point, Point)>,
}

/// A dark spot on the skin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mole {
    pub(super) at: Point,
    pub(super) radius: f32,
}

/// The eyes, alike but for their height.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Eyes {
    /// Centres, left of the image first.
    pub(super) centres: [Point; 2],
    pub(super) half_width: f32,
    /// Height of the upper lid over the centre line when relaxed; the lower lid hangs 0.55 of it below.
    pub(super) opening: f32,
    /// Rise of the outer corner, a slope.
    pub(super) tilt: f32,
    pub(super) iris: Rgb,
    pub(super) iris_radius: f32,
    /// Strength of the crease over the upper lid: 0 a single lid.
    pub(super) crease: f32,
    /// Depth of the sockets as relief.
    pub(super) socket: f32,
    /// Weight of lashes and liner, 0..1.
    pub(super) lashes: f32,
    /// Colour on the upper lids and its opacity.
    pub(super) shadow: (Rgb, f32),
}

/// The eyebrows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Brows {
    /// Height over the eye's centre.
    pub(super) height: f32,
    pub(super) half_length: f32,
    pub(super) thickness: f32,
    /// Rise of the middle over the ends.
    pub(super) arch: f32,
    /// Slope of the whole brow, positive when the outer end is higher.
    pub(super) slope: f32,
    pub(super) colour: Rgb,
    /// Opacity, 0..1.
    pub(super) density: f32,
    /// How far the left brow sits above the right.
    pub(super) unevenness: f32,
}

/// The nose.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Nose {
    pub(super) tip: Point,
    /// How far the tip stands before the face.
    pub(super) projection: f32,
    pub(super) bridge_half_width: f32,
    pub(super) tip_radius: f32,
    /// Half width over the wings.
    pub(super) wings: f32,
    /// Relief of a hump on the bridge, negative for a saddle.
    pub(super) hump: f32,
    /// How far the nostrils show, 0..1.
    pub(super) nostrils: f32,
}

/// The mouth at rest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mouth {
    pub(super) centre: Point,
    pub(super) half_width: f32,
    /// Thickness of the upper lip.
    pub(super) upper: f32,
    /// Thickness of the lower lip.
    pub(super) lower: f32,
    /// Depth of the bow in the upper lip, 0..1.
    pub(super) bow: f32,
    /// Rise of the corners at rest.
    pub(super) corners: f32,
    pub(super) colour: Rgb,
    /// Width of the gap between the front teeth.
    pub(super) tooth_gap: f32,
}

/// The ears.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ears {
    pub(super) half_height: f32,
    /// How far they stand out beyond the head.
    pub(super) stand: f32,
    /// Radius of a round earring, 0 for none, and its colour.
    pub(super) ring: (f32, Rgb),
}

/// The hair of the head. Every style is a setting of these numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hair {
    pub(super) colour: Rgb,
    /// Colour of the lit strands.
    pub(super) streak: Rgb,
    /// Opacity of the cap: 0 bald, 0.6 cropped to the skin, 1 full.
    pub(super) density: f32,
    /// Thickness beyond the skull.
    pub(super) volume: f32,
    /// y of the hairline over the middle of the forehead.
    pub(super) hairline: f32,
    /// How far the hairline climbs over the temples.
    pub(super) recession: f32,
    /// Depth of a fringe below the hairline.
    pub(super) fringe: f32,
    /// Rise of the fringe to the right of the parting, a slope.
    pub(super) sweep: f32,
    /// x of the parting.
    pub(super) parting: f32,
    /// y where the sideburns end.
    pub(super) sideburn: f32,
    /// y where the hair beside the face ends; above the crown for short hair.
    pub(super) length: f32,
    /// Inner edge of the hair beside the face, as a fraction of the head's half width.
    pub(super) inner: f32,
    /// Swing of waves in long hair.
    pub(super) wave: f32,
    /// 0 straight, 1 tight curls.
    pub(super) curl: f32,
    /// Radius of a knot on the crown, 0 for none.
    pub(super) knot: f32,
}

/// Hair of the face. All fields are opacities, 0..1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Beard {
    pub(super) stubble: f32,
    pub(super) moustache: f32,
    pub(super) chin: f32,
    pub(super) cheeks: f32,
    /// How far a full beard reaches below the chin.
    pub(super) length: f32,
    pub(super) colour: Rgb,
}

/// The person's own pair of glasses, worn or not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frames {
    /// Half width and half height of a lens.
    pub(super) lens: Point,
    /// Corner radius of a lens.
    pub(super) corner: f32,
    pub(super) rim: f32,
    pub(super) colour: Rgb,
    /// True for people who wear them most days.
    pub(super) habitual: bool,
}
