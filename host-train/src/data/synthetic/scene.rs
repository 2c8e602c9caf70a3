//! Everything around the face: background, clothes, neck and ears.

use super::identity::Identity;
use super::maths::{
    Point, Rgb, at, bump, coverage, display, ellipse, mix, mix_rgb, noise2, scale, smooth,
};
use super::projection::Turn;
use super::shot::Scene;
use super::skull::{Outline, WIDEST};
use super::surface::{Picture, Surface};

/// The background at a point of the plane.
pub(super) fn backdrop(scene: &Scene, plane: Point) -> Surface {
    let mut wall = mix_rgb(scene.upper, scene.lower, smooth(-80.0, 60.0, plane.y));
    let (centre, radius, colour) = scene.object;
    let object = bump(plane.from(centre).squared_over(radius * 1.4, radius * 1.4));
    wall = mix_rgb(wall, colour, 0.85 * smooth(0.05, 0.5, object));
    Surface::flat(wall)
}

/// Paints neck, shoulders and clothes. They do not turn with the head.
pub(super) fn paint_body(
    picture: &mut Picture<'_>,
    pixel: f32,
    person: &Identity,
    scene: &Scene,
    chin: Point,
) {
    if picture.place.y < 4.0 {
        return;
    }
    let centre = 0.4 * chin.x;
    let x = picture.place.x - centre;
    let broad = 0.45 * person.head.half_width + 5.0 * person.head.squareness;
    let width = broad + 0.010 * (picture.place.y - 44.0) * (picture.place.y - 44.0);
    let neck = coverage(x.abs() - width, pixel.max(1.0));
    if neck > 0.0 {
        let mut skin =
            Surface { albedo: person.skin.colour, normal: [x / width, 0.1, 0.6], gloss: 0.1 };
        // The head's shadow, then the two tendons.
        skin.darken(0.55 * smooth(34.0, 0.0, picture.place.y - chin.y));
        skin.darken(
            0.14 * bump(
                at(x.abs() - 9.0 + 0.1 * (picture.place.y - 50.0), 0.0).squared_over(4.0, 1.0),
            ),
        );
        picture.cover(&skin, neck);
    }
    let slope = 61.0 + 0.0035 * x * x + 0.16 * x.abs();
    let collar = slope - 2.0 + scene.neckline * bump((x / 30.0) * (x / 30.0));
    let cloth = coverage(collar - picture.place.y, pixel.max(1.0)) * coverage(x.abs() - 120.0, 2.0);
    if cloth > 0.0 {
        let fold = 0.18 * noise2(at(x * 0.05, picture.place.y * 0.03), 77);
        let mut cover =
            Surface { albedo: scene.cloth, normal: [x / 110.0 + fold, -0.25, 0.8], gloss: 0.0 };
        cover.darken(0.3 * smooth(3.0, 0.0, picture.place.y - collar));
        picture.cover(&cover, cloth);
    }
}

/// Paints the ears, in front of the head's edge only on the side that is turned towards the camera.
pub(super) fn paint_ears(
    picture: &mut Picture<'_>,
    pixel: f32,
    person: &Identity,
    turn: &Turn,
    outline: &Outline,
) {
    let (ears, head) = (&person.ears, &person.head);
    for side in [-1.0, 1.0] {
        let centre =
            turn.project(at(side * (head.half_width + 0.35 * ears.stand), WIDEST + 5.0), -3.0);
        let near = smooth(0.1, 0.35, -side * turn.sin_yaw);
        let p = picture.place.from(centre);
        let p = at(side * p.x, p.y);
        if p.x.abs() > 16.0 || p.y.abs() > ears.half_height + 8.0 {
            continue;
        }
        let visible = 1.0 - coverage(outline.distance + 1.0, pixel) * (1.0 - near);
        let tilted = at(p.x + 0.14 * p.y, p.y);
        let wide = (2.6 + 0.62 * ears.stand) * mix(1.0, 1.35, near);
        let lobe = mix(1.0, 0.72, smooth(0.0, ears.half_height, p.y));
        let shape = ellipse(at(tilted.x, tilted.y), wide * lobe, ears.half_height);
        let cover = coverage(shape, pixel) * visible;
        if cover > 0.0 {
            let pink = mix(1.0, 0.78, person.skin.blush);
            let colour =
                [person.skin.colour[0], person.skin.colour[1] * pink, person.skin.colour[2] * pink];
            let mut ear = Surface {
                albedo: colour,
                normal: [side * (0.25 + 0.08 * p.x), p.y * 0.02, 0.8],
                gloss: 0.2,
            };
            // The rim shades the bowl; the lobe stays smooth.
            let bowl =
                ellipse(at(tilted.x + 0.8, tilted.y + 2.0), wide * 0.58, ears.half_height * 0.62);
            ear.darken(0.38 * coverage(bowl, pixel.max(2.0)));
            ear.darken(0.3 * smooth(0.0, -wide, tilted.x));
            picture.cover(&ear, cover);
        }
        let (ring, metal) = ears.ring;
        if ring > 0.0 {
            let drop = p.from(at(-0.8, ears.half_height * 0.9 + ring)).length() - ring;
            let band = if ring > 2.0 { (drop + 0.5).abs() - 0.6 } else { drop };
            picture.cover(&metal_surface(metal), coverage(band, pixel.max(0.8)) * visible);
        }
    }
}

fn metal_surface(albedo: Rgb) -> Surface {
    Surface {
        albedo: mix_rgb(scale(albedo, 0.8), display([255, 255, 255]), 0.1),
        normal: [0.1, -0.3, 0.9],
        gloss: 1.0,
    }
}
