//! Eyes and eyebrows. Both are drawn in the frame of one eye, x towards the temple:
//!
//! ```text
//!            ____----____
//!  bridge  /   crease     \   temple
//!         <  ( iris )       >      upper lid  y = -opening (1 - t^2)
//!          \__        ____/        lower lid  y = +0.55 opening (1 - t^2),   t = x / half_width
//! ```

use super::identity::{Brows, Eyes, Identity};
use super::maths::{Point, at, bump, coverage, display, mix, mix_rgb, noise2, scale, smooth};
use super::shot::Expression;
use super::skin::{hill, hollow};
use super::surface::Surface;

/// Paints both eyes and brows at `p`, a point of the head.
pub(super) fn paint(
    surface: &mut Surface,
    p: Point,
    pixel: f32,
    person: &Identity,
    expression: &Expression,
) {
    if !(-46.0..0.0).contains(&p.y) {
        return;
    }
    for (side, centre) in [-1.0, 1.0].into_iter().zip(person.eyes.centres) {
        let local = at(side * (p.x - centre.x), p.y - centre.y);
        if local.x.abs() > 20.0 {
            continue;
        }
        socket(surface, local, &person.eyes);
        eye(surface, local, pixel, side, person, expression);
        brow(surface, local, pixel, side, &person.brows, expression, person.texture);
    }
}

fn socket(surface: &mut Surface, p: Point, eyes: &Eyes) {
    hollow(surface, p, at(-8.5, -2.5), at(7.0, 9.0), 0.34 * eyes.socket);
    hollow(surface, p, at(0.0, -5.0), at(13.0, 6.0), 0.20 * eyes.socket);
    hill(surface, p, at(2.0, -12.0), at(15.0, 7.0), 2.0 * eyes.socket);
    hill(surface, p, at(0.0, 0.0), at(12.0, 9.0), 1.6);
}

fn eye(
    surface: &mut Surface,
    p: Point,
    pixel: f32,
    side: f32,
    person: &Identity,
    expression: &Expression,
) {
    let eyes = &person.eyes;
    let tilted = at(p.x, p.y + eyes.tilt * p.x);
    let t = tilted.x / eyes.half_width;
    if t.abs() > 1.6 || tilted.y.abs() > 12.0 {
        return;
    }
    let arc = 1.0 - t * t;
    let squint = 1.0 - 0.35 * expression.smile.max(0.0);
    let low = 0.55 * eyes.opening * squint * arc * (1.0 + 0.2 * t);
    let high = -eyes.opening * arc * (1.0 - 0.18 * t);
    let lid = mix(low, high, expression.lids.clamp(0.0, 1.35));
    let y = tilted.y;

    let (shadow, strength) = eyes.shadow;
    let over_lid =
        smooth(-9.0, -4.0, y) * smooth(1.0, -0.5, y - lid) * bump((t * 0.72) * (t * 0.72));
    surface.tint(shadow, strength * over_lid);
    let fold = high - 2.4 + 0.6 * t;
    let crease = (y - fold).abs() - 0.45;
    surface
        .darken(0.48 * eyes.crease * coverage(crease, pixel.max(1.2)) * smooth(1.15, 0.8, t.abs()));

    let opening = (lid - y).max(y - low) * 0.92;
    let cover = coverage(opening, pixel.max(0.7));
    if cover > 0.0 {
        surface.cover(&ball(tilted, pixel, side, eyes, expression, y - lid), cover);
        let caruncle = bump(tilted.from(at(-eyes.half_width * 0.93, 0.4)).squared_over(2.0, 1.6));
        surface.tint(display([200, 120, 112]), 0.8 * caruncle * cover);
    }

    let ink = mix_rgb(display([44, 28, 22]), display([14, 11, 12]), eyes.lashes);
    let weight = 0.45 + 0.85 * eyes.lashes * smooth(-1.2, 0.8, t);
    let upper =
        ((y - lid).abs() - weight).max((t.abs() - 1.06 - 0.08 * eyes.lashes) * eyes.half_width);
    surface.tint(ink, 0.92 * coverage(upper, pixel.max(0.9)));
    let lower = ((y - low).abs() - 0.25).max((t.abs() - 1.0) * eyes.half_width);
    surface.tint(
        ink,
        (0.28 + 0.4 * eyes.lashes) * coverage(lower, pixel.max(0.9)) * smooth(-0.9, 0.5, t),
    );
}

/// The eyeball: white, iris, pupil and the reflected window. `under_lid` is the distance below the upper lid.
fn ball(
    p: Point,
    pixel: f32,
    side: f32,
    eyes: &Eyes,
    expression: &Expression,
    under_lid: f32,
) -> Surface {
    let mut ball = Surface::flat(display([226, 222, 216]));
    ball.albedo = scale(ball.albedo, 1.0 - 0.28 * smooth(0.4, 1.0, (p.x / eyes.half_width).abs()));
    let centre = at(side * expression.gaze.x * 2.6, expression.gaze.y * 1.4 - 0.5);
    let radius = eyes.iris_radius;
    let from_centre = p.from(centre);
    let r = from_centre.length();
    let fibre = mix_rgb(
        scale(eyes.iris, 1.5),
        scale(eyes.iris, 0.75),
        smooth(0.35 * radius, 0.9 * radius, r),
    );
    let rim = scale(eyes.iris, 0.3);
    let iris = mix_rgb(fibre, rim, smooth(0.72 * radius, radius, r));
    ball.tint(iris, coverage(r - radius, pixel.max(0.6)));
    ball.tint([0.008; 3], coverage(r - 0.42 * radius, pixel.max(0.6)));
    ball.albedo = scale(ball.albedo, mix(0.5, 1.0, smooth(0.0, 2.6, under_lid)));
    // The window is on the same side of both eyes: undo the mirroring.
    let window = at(side * from_centre.x, from_centre.y).from(at(-0.36 * radius, -0.38 * radius));
    ball.tint([1.1; 3], 0.95 * coverage(window.length() - 0.24 * radius, pixel.max(0.8)));
    ball.gloss = 0.3;
    ball
}

fn brow(
    surface: &mut Surface,
    p: Point,
    pixel: f32,
    side: f32,
    brows: &Brows,
    expression: &Expression,
    texture: u32,
) {
    let t = (p.x - 1.0) / brows.half_length;
    if t.abs() > 1.3 {
        return;
    }
    let frown = (-expression.brow_raise).max(0.0);
    let lift = brows.height + 3.6 * expression.brow_raise - side * brows.unevenness;
    let middle = -lift - brows.arch * (1.0 - (t - 0.25) * (t - 0.25)) - brows.slope * p.x
        + 2.2 * frown * smooth(0.3, -1.0, t)
        + 1.4 * smooth(0.4, 1.1, t) * brows.arch.max(0.5);
    let thickness = brows.thickness
        * mix(1.0, 0.28, smooth(-0.1, 1.0, t))
        * mix(0.75, 1.0, smooth(-1.0, -0.6, t));
    let ragged = 0.5 * noise2(at(p.x * 0.7 + side * 31.0, p.y * 0.25), texture ^ 3);
    let distance =
        ((p.y - middle).abs() - thickness + ragged).max((t.abs() - 1.0) * brows.half_length);
    let strands =
        0.86 + 0.14 * noise2(at((p.x - 0.6 * p.y) * 0.9, p.y * 0.3 + side * 17.0), texture ^ 4);
    surface.tint(brows.colour, brows.density * strands * coverage(distance, pixel.max(1.5)));
}
