//! The nose. It stands before the face, so it is drawn in a slanted plane of its own: when the head turns, the tip
//! moves further than the cheeks beside it.

use super::identity::{Identity, Nose};
use super::maths::{Point, at, bump, capsule, coverage, mix, smooth};
use super::projection::Turn;
use super::skin::{hill, hollow};
use super::skull;
use super::surface::Surface;

/// Height of the nose over the smooth face at height `y`: from the root between the eyes to the tip, and back.
fn rise(nose: &Nose, y: f32) -> f32 {
    let down = (y - nose.tip.y) / 20.0;
    nose.projection
        * if down < 0.0 { (1.0 + 0.85 * down).max(0.0) } else { (1.0 - 1.6 * down).max(0.0) }
}

/// Depth of the nose tip before the middle of the head.
pub(super) fn tip_depth(person: &Identity) -> f32 {
    skull::depth(&person.head, person.nose.tip) + person.nose.projection
}

/// The point of the nose's plane that lands on `plane`.
pub(super) fn place(person: &Identity, turn: &Turn, plane: Point) -> Point {
    turn.unproject_onto(plane, |p| {
        skull::depth(&person.head, at(0.0, p.y)) + rise(&person.nose, p.y)
    })
}

/// Paints the nose at `p`, a point of its plane.
pub(super) fn paint(surface: &mut Surface, p: Point, pixel: f32, person: &Identity, turn: &Turn) {
    let nose = &person.nose;
    let p = p.from(nose.tip);
    if p.x.abs() > 24.0 || !(-34.0..16.0).contains(&p.y) {
        return;
    }
    let mirrored = at(p.x.abs(), p.y);
    let wing = at(nose.wings - 3.4, 2.2);

    // Shadows of contact first: beside the bridge, around the wings, below the base.
    let root = at(nose.bridge_half_width + 3.2, -17.0);
    hollow(surface, mirrored, root, at(5.5, 10.0), 0.26);
    hollow(surface, p, at(0.0, 8.0), at(nose.wings + 2.0, 4.2), 0.34);

    let length = mix(1.0, 0.8, smooth(-4.0, 4.0, p.y));
    hill(surface, p, at(0.0, -11.0), at(nose.bridge_half_width * 2.1, 18.0), 3.4);
    hill(surface, p, at(0.0, -12.0), at(nose.bridge_half_width * 1.9, 6.0), 2.2 * nose.hump);
    hill(surface, p, at(0.0, -0.6), at(nose.tip_radius * 1.5, 7.4 * length), 4.6);
    hill(surface, mirrored, wing, at(4.6, 5.0), 2.2);
    let red = [surface.albedo[0], surface.albedo[1] * 0.72, surface.albedo[2] * 0.72];
    surface.tint(red, 0.45 * person.skin.blush * bump(p.squared_over(8.0, 7.0)));
    surface.gloss += 0.35 * person.skin.gloss * bump(p.from(at(0.0, -2.0)).squared_over(5.0, 7.0));

    // The crease where the wing meets the cheek, an arc drawn as two strokes.
    let outer = at(nose.wings, 2.4);
    let crease = capsule(mirrored, at(nose.wings - 1.8, -2.6), outer, 0.35).min(capsule(
        mirrored,
        outer,
        at(nose.wings - 1.6, 5.4),
        0.4,
    ));
    surface.darken(0.42 * coverage(crease, pixel.max(1.3)));
    // The lower edge of tip and wings.
    let septum = capsule(mirrored, at(0.0, 6.6), at(2.2, 6.0), 0.5);
    surface.darken(0.3 * coverage(septum, pixel.max(1.6)));
    let nostril = mirrored.from(at(nose.wings * 0.46, 4.9));
    let slanted = at(nostril.x, nostril.y - 0.22 * nostril.x);
    let open =
        (slanted.squared_over(nose.wings * 0.27, 1.0 + 0.6 * nose.nostrils).sqrt() - 1.0) * 1.3;
    surface.darken((0.55 + 0.3 * nose.nostrils) * coverage(open, pixel.max(1.0)));

    // Turned away, the far flank falls out of sight behind an edge.
    let far = p.x * turn.sin_yaw.signum() - nose.bridge_half_width;
    let edge = smooth(0.12, 0.5, turn.sin_yaw.abs());
    if edge > 0.0 && p.y < 2.0 {
        let line = (far - 0.5 * (1.0 - (p.y / -22.0)).max(0.0) * nose.tip_radius * 0.3).abs() - 0.3;
        surface.darken(0.32 * edge * coverage(line, pixel.max(1.5)) * smooth(-24.0, -14.0, p.y));
    }
}
