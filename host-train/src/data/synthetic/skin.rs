//! The skin of the face: relief, colour, and the marks of life on it.

use super::identity::Identity;
use super::maths::{Point, at, bump, capsule, coverage, display, mix, noise2, smooth};
use super::shot::Expression;
use super::surface::Surface;

/// Adds a smooth hill of `height` at `centre` to the relief under `surface`.
pub(super) fn hill(surface: &mut Surface, p: Point, centre: Point, radius: Point, height: f32) {
    let d = p.from(centre);
    let r2 = d.squared_over(radius.x, radius.y);
    if r2 < 1.0 {
        let k = -4.0 * height * (1.0 - r2);
        surface.tilt(at(k * d.x / (radius.x * radius.x), k * d.y / (radius.y * radius.y)));
    }
}

/// Darkens a soft ellipse by at most `amount`.
pub(super) fn hollow(surface: &mut Surface, p: Point, centre: Point, radius: Point, amount: f32) {
    surface.darken(amount * bump(p.from(centre).squared_over(radius.x, radius.y)));
}

/// Paints the bare skin at `p`, a point of the head. `surface` comes as the head's large shape.
pub(super) fn paint(
    surface: &mut Surface,
    p: Point,
    pixel: f32,
    person: &Identity,
    expression: &Expression,
) {
    let (skin, head) = (&person.skin, &person.head);
    let smile = expression.smile.max(0.0);
    let red = [skin.colour[0] * 0.98, skin.colour[1] * 0.62, skin.colour[2] * 0.62];
    for side in [-1.0, 1.0] {
        let cheek = at(side * 25.0, 3.0 - 2.0 * smile);
        hill(surface, p, cheek, at(15.0, 17.0), 2.4 + 2.6 * smile + 1.6 * head.cheekbones);
        hill(surface, p, at(side * 30.0, -8.0), at(14.0, 9.0), 3.0 * head.cheekbones);
        surface.tint(red, 0.42 * skin.blush * bump(p.from(cheek).squared_over(16.0, 14.0)));
        hollow(surface, p, at(side * 27.0, 20.0), at(12.0, 16.0), 0.14 * head.cheekbones);
        // The temples fall in a little.
        hollow(surface, p, at(side * 36.0, -34.0), at(10.0, 16.0), 0.12);
    }
    hill(surface, p, at(0.0, -40.0), at(32.0, 18.0), 3.0);
    hill(surface, p, at(0.0, head.chin - 8.0), at(14.0, 9.0), 2.6 + head.squareness);
    if head.cleft > 0.0 {
        hollow(surface, p, at(0.0, head.chin - 6.0), at(1.8, 5.0), 0.35 * head.cleft);
    }
    surface.tint(
        red,
        0.3 * skin.blush * bump(p.from(at(0.0, head.chin - 6.0)).squared_over(10.0, 8.0)),
    );
    // Mottling too faint to see, but skin without it looks like plastic.
    let mottle = noise2(at(p.x * 0.11, p.y * 0.11), person.texture);
    surface.darken(0.05 + 0.05 * mottle);
    marks(surface, p, pixel, person);
    lines(surface, p, pixel, person, expression);
}

fn marks(surface: &mut Surface, p: Point, pixel: f32, person: &Identity) {
    let skin = &person.skin;
    if skin.freckles > 0.0 {
        let over_nose = bump(p.from(at(0.0, -6.0)).squared_over(38.0, 22.0));
        let spots = smooth(0.25, 0.75, noise2(at(p.x * 0.42, p.y * 0.42), person.texture ^ 1));
        surface.tint(display([150, 84, 46]), 0.6 * skin.freckles * spots * over_nose);
    }
    for mole in &skin.moles {
        let cover = coverage(p.from(mole.at).length() - mole.radius, pixel.max(0.6));
        surface.tint(mole_colour(skin.melanin), 0.85 * cover);
    }
    if let Some((from, to)) = skin.scar {
        let cover = coverage(capsule(p, from, to, 0.5), pixel.max(1.0));
        surface.tint(
            [
                mix(skin.colour[0], 0.8, 0.4),
                mix(skin.colour[1], 0.5, 0.3),
                mix(skin.colour[2], 0.45, 0.3),
            ],
            0.8 * cover,
        );
    }
}

fn mole_colour(melanin: f32) -> [f32; 3] {
    let k = mix(1.0, 0.3, melanin);
    display([92, 54, 40]).map(|c| c * k)
}

/// Lines of age and of laughing.
fn lines(surface: &mut Surface, p: Point, pixel: f32, person: &Identity, expression: &Expression) {
    let age = person.skin.wrinkles;
    let smile = expression.smile.max(0.0);
    let soft = pixel.max(1.4);
    let x = p.x.abs();
    let wing = at(person.nose.wings + 1.5, person.nose.tip.y + 1.0);
    let corner =
        at(person.mouth.half_width * (1.0 + 0.16 * smile) + 4.5, person.mouth.centre.y - 1.0);
    let fold = capsule(at(x, p.y), wing, corner, 0.6);
    let below = smooth(wing.y - 2.0, wing.y + 4.0, p.y);
    surface.darken((0.08 + 0.26 * age + 0.22 * smile) * coverage(fold, 2.4 * soft) * below);

    for (side, eye) in [-1.0, 1.0].into_iter().zip(person.eyes.centres) {
        let local = at(side * (p.x - eye.x), p.y - eye.y);
        let bag = local.from(at(-0.8, 6.6));
        hollow(
            surface,
            bag,
            at(0.0, 0.0),
            at(10.0, 3.6),
            (0.10 + 0.24 * person.skin.eye_bags).min(0.34),
        );
        if age + smile > 0.35 && local.x > person.eyes.half_width {
            for (rise, drop) in [(-3.0, -5.0), (0.5, 1.0), (3.0, 6.5)] {
                let start = person.eyes.half_width + 2.0;
                let crow = capsule(local, at(start, rise), at(start + 6.0, drop), 0.3);
                surface.darken((0.3 * age + 0.12 * smile * age.max(0.3)) * coverage(crow, soft));
            }
        }
    }
    let brow_lift = expression.brow_raise.max(0.0);
    let furrow = 0.30 * age + 0.2 * brow_lift * (0.3 + age);
    if furrow > 0.03 && p.y < -33.0 && x < 27.0 {
        for (row, y) in [-46.0_f32, -41.0, -36.5].into_iter().enumerate() {
            let wobble = 0.8 * noise2(at(p.x * 0.13, row as f32 * 3.7), person.texture ^ 2)
                + 0.0016 * p.x * p.x;
            let distance = (p.y - y - wobble).abs() - 0.4;
            surface.darken(furrow * coverage(distance, soft) * smooth(27.0, 17.0, x));
        }
    }
    let frown = (-expression.brow_raise).max(0.0) + 0.5 * age;
    if frown > 0.1 && x < 6.0 {
        let crease = capsule(at(x, p.y), at(2.6, -32.0), at(2.0, -25.0), 0.3);
        surface.darken(0.28 * frown.min(1.0) * coverage(crease, soft));
    }
}
