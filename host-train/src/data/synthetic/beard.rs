//! Beard, moustache and stubble.

use super::identity::{Beard, Identity};
use super::maths::{Point, at, coverage, noise2, rounded_box, scale, smooth};
use super::mouth;
use super::projection::Turn;
use super::skull;
use super::surface::{Picture, Surface};

fn strands(p: Point, texture: u32) -> f32 {
    let fine = noise2(at(p.x * 0.62, p.y * 0.26), texture ^ 5);
    0.85 + 0.3 * fine
}

/// Paints what hangs below the chin, at a point of the picture plane; the head comes over it.
pub(super) fn paint_below(
    picture: &mut Picture<'_>,
    pixel: f32,
    person: &Identity,
    turn: &Turn,
    jaw: f32,
) {
    let (beard, plane) = (&person.beard, picture.place);
    if beard.length < 0.5 || plane.y < 0.0 {
        return;
    }
    let mut head = person.head.clone();
    head.half_width += 0.12 * beard.length * beard.cheeks;
    head.taper += 0.08 * (1.0 - beard.cheeks);
    let outline = skull::outline(&head, turn, plane, jaw + beard.length);
    let narrow = if beard.cheeks > 0.0 { -10.0 } else { outline.at.x.abs() - 15.0 };
    let ragged = 1.2 * noise2(at(plane.x * 0.3, plane.y * 0.12), person.texture ^ 6);
    let cover = coverage(outline.distance.max(narrow) + ragged, pixel.max(2.5))
        * smooth(10.0, 26.0, plane.y);
    let mut hair = outline.surface(scale(beard.colour, strands(plane, person.texture)), 0.15);
    hair.darken(0.25);
    picture.cover(&hair, cover * beard.chin);
}

/// Paints the beard on the face at `p`, a point of the head. The lips come over it.
pub(super) fn paint(
    surface: &mut Surface,
    p: Point,
    pixel: f32,
    person: &Identity,
    pose: &mouth::Pose,
) {
    let beard = &person.beard;
    if p.y < -14.0 || beard.stubble + beard.moustache + beard.chin <= 0.0 {
        return;
    }
    let lip = p.from(person.mouth.centre);
    let x = lip.x.abs();
    // Upper edge of growth: from the sideburn down to the corner of the mouth, then up under the nose.
    let cheek_line = person.mouth.centre.y + 1.0 - 0.78 * (p.x.abs() - 15.0);
    let under_nose = person.nose.tip.y + 8.4;
    let edge = if x < 15.0 { under_nose + 0.03 * x * x } else { cheek_line.max(-8.0) };
    let ragged = 1.3 * noise2(at(p.x * 0.4, p.y * 0.4), person.texture ^ 7);
    let grown = smooth(-2.5, 2.5, p.y - edge + ragged);
    let stubble = 0.55
        * beard.stubble
        * grown
        * (0.8 + 0.2 * noise2(at(p.x * 1.3, p.y * 1.3), person.texture ^ 8));
    surface.tint(scale(beard.colour, 0.6), stubble);

    let moustache = moustache(lip, person, beard, pixel);
    let width = pose.half_width * 0.9 + 2.5;
    let chin_patch = {
        let patch = at(lip.x, lip.y - 15.0);
        let around = rounded_box(patch, at(width, 19.0), 11.0) + ragged;
        let beside = if lip.y < 3.0 && x < pose.half_width - 1.0 { 4.0 } else { -4.0 };
        coverage(around.max(beside), pixel.max(2.5)) * beard.chin
    };
    let full = grown * beard.cheeks * if x < 15.0 && lip.y < 0.0 { 0.6 } else { 1.0 };
    let cover = moustache.max(chin_patch).max(full) * 0.95;
    if cover > 0.0 {
        let mut hair = Surface {
            albedo: scale(beard.colour, strands(p, person.texture)),
            gloss: 0.12,
            ..*surface
        };
        hair.tilt(at(0.3 * noise2(at(p.x * 0.5, p.y * 0.2), person.texture ^ 9), 0.0));
        surface.cover(&hair, cover);
    }
}

fn moustache(lip: Point, person: &Identity, beard: &Beard, pixel: f32) -> f32 {
    if beard.moustache <= 0.0 {
        return 0.0;
    }
    let x = lip.x.abs();
    let middle = -person.mouth.upper - 2.2 + 0.022 * x * x;
    let half = 2.7 * (1.0 - smooth(8.0, 19.0, x)) + 0.4;
    let ragged = 0.7 * noise2(at(lip.x * 0.6, lip.y * 0.2), person.texture ^ 10);
    let distance = ((lip.y - middle).abs() - half + ragged).max(x - 17.0).max(0.9 - x);
    coverage(distance, pixel.max(1.8)) * beard.moustache
}
