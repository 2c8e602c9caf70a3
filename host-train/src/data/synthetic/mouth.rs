//! The mouth: two lips that part, teeth and the dark behind them.

use super::identity::{Identity, Mouth};
use super::maths::{Point, at, bump, coverage, display, mix, scale, smooth};
use super::shot::Expression;
use super::skin::hollow;
use super::surface::Surface;

/// The mouth as an expression shapes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub(super) half_width: f32,
    /// Rise of the corners.
    lift: f32,
    /// Gap between the lips in the middle.
    pub(super) gap: f32,
}

impl Pose {
    pub(super) fn new(mouth: &Mouth, expression: &Expression) -> Self {
        let laugh = smooth(0.55, 0.95, expression.smile);
        Self {
            half_width: mouth.half_width * (1.0 + 0.17 * expression.smile - 0.1 * expression.open),
            lift: mouth.corners + 3.6 * expression.smile,
            gap: (10.0 * expression.open).max(4.2 * laugh),
        }
    }

    /// How far the open mouth drops the chin.
    pub(super) fn jaw(&self) -> f32 {
        0.55 * self.gap
    }

    /// The corners, left of the image first.
    pub(super) fn corners(&self, mouth: &Mouth) -> [Point; 2] {
        let y = mouth.centre.y - self.lift;
        [at(mouth.centre.x - self.half_width, y), at(mouth.centre.x + self.half_width, y)]
    }
}

/// Paints the mouth at `p`, a point of the head.
pub(super) fn paint(surface: &mut Surface, p: Point, pixel: f32, person: &Identity, pose: &Pose) {
    let mouth = &person.mouth;
    let p = p.from(mouth.centre);
    let reach = mouth.lower + pose.gap + 10.0;
    if p.x.abs() > pose.half_width * 1.4 || !(-14.0..reach).contains(&p.y) {
        return;
    }
    let t = p.x / pose.half_width;
    let arc = (1.0 - t * t).max(-1.0);
    let line = -pose.lift * t * t;
    let gap = pose.gap * arc.max(0.0).sqrt() * (1.0 - 0.25 * t * t);
    let stretch = 1.0 - 0.12 * pose.lift.clamp(0.0, 3.0);
    let bow = 1.0 - 0.34 * mouth.bow * bump((t / 0.26) * (t / 0.26))
        + 0.12 * mouth.bow * bump(((t.abs() - 0.3) / 0.3) * ((t.abs() - 0.3) / 0.3));
    let top = line - mouth.upper * stretch * arc * bow;
    let bottom = line + gap + mouth.lower * stretch * arc * (1.0 - 0.2 * t * t);

    let philtrum = at(p.x.abs(), p.y).from(at(2.3, -mouth.upper - 3.6));
    surface.darken(0.09 * bump(philtrum.squared_over(1.4, 3.6)));
    hollow(surface, p, at(0.0, pose.gap + mouth.lower + 2.6), at(9.0, 3.4), 0.30);
    for side in [-1.0, 1.0] {
        hollow(surface, p, at(side * (pose.half_width + 1.0), -pose.lift), at(3.6, 3.0), 0.34);
    }

    let soft = pixel.max(1.0);
    let inside = coverage((line - p.y).max(p.y - line - gap), soft);
    let lips = coverage((top - p.y).max(p.y - bottom) * 0.9, soft * 1.15);
    if lips > 0.0 {
        let upper = p.y < line + 0.5 * gap;
        let mut lip =
            Surface { albedo: scale(mouth.colour, if upper { 0.84 } else { 1.04 }), ..*surface };
        // The upper lip turns down, the lower one up to its edge and then under.
        let across =
            if upper { 0.32 } else { mix(-0.42, 0.35, (p.y - line - gap) / mouth.lower.max(1.0)) };
        lip.tilt(at(0.0, -across));
        lip.gloss = if upper { 0.15 } else { 0.6 };
        surface.cover(&lip, lips);
    }
    if inside > 0.0 && gap > 0.3 {
        let mut dark = Surface::flat(display([58, 18, 20]));
        let edge = line + (0.62 * gap).min(4.6);
        let arch = edge - 0.8 * t * t;
        let gum = 0.75 * smooth(1.0, 0.5, t.abs());
        let teeth = coverage(p.y - arch, soft) * gum;
        dark.tint(display([232, 226, 214]), teeth);
        if person.mouth.tooth_gap > 0.0 {
            dark.darken(0.85 * coverage(p.x.abs() - 0.5 * person.mouth.tooth_gap, soft));
        }
        let tongue = bump(p.from(at(0.0, gap)).squared_over(9.0, 3.6));
        dark.tint(display([168, 74, 74]), 0.8 * tongue * (1.0 - teeth));
        surface.cover(&dark, inside);
    }
    // The line where closed lips meet, and the upper lip's edge over an open mouth.
    let seam = ((p.y - line).abs() - 0.35).max((t.abs() - 1.03) * pose.half_width);
    surface.darken(0.62 * coverage(seam, soft * 1.1));
}
