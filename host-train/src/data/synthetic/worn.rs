//! What covers a face: glasses, hats, masks, hands.

use super::identity::{Frames, Identity};
use super::maths::{
    Point, Rgb, at, bump, capsule, coverage, display, mix, rounded_box, scale, smooth,
};
use super::projection::Turn;
use super::skull::{self, Outline};
use super::surface::{Picture, Surface};

/// Paints glasses with lenses of opacity `tint`. They sit in a plane before the eyes.
pub(super) fn paint_glasses(
    picture: &mut Picture<'_>,
    pixel: f32,
    person: &Identity,
    turn: &Turn,
    outline: &Outline,
    tint: f32,
) {
    let frames: &Frames = &person.frames;
    let [left, right] = person.eyes.centres;
    let eye_y = 0.5 * (left.y + right.y);
    let depth = skull::depth(&person.head, at(14.0, eye_y)) + 8.0;
    let p = turn.unproject(picture.place, depth);
    let y = p.y - eye_y - 1.5;
    if y.abs() > 18.0 {
        return;
    }
    let apart = 0.5 * (right.x - left.x) + 0.6;
    let side = if p.x < 0.0 { -1.0 } else { 1.0 };
    let lens = at(side * p.x - apart, y);
    let half = at(frames.lens.x.min(apart - 2.2), frames.lens.y);
    let corner = frames.corner.min(half.y);
    let distance = rounded_box(lens, half, corner);
    let glass = coverage(distance, pixel);
    if glass > 0.0 {
        picture.tint(display([20, 22, 24]), tint * glass * mix(1.0, 0.75, smooth(-8.0, 8.0, y)));
        // One streak of reflected sky, on the same side of both lenses.
        let streak = bump(
            ((p.x * 0.8 + y - side * apart * 0.8 + 5.0) / 3.2)
                * ((p.x * 0.8 + y - side * apart * 0.8 + 5.0) / 3.2),
        );
        picture.tint([1.0; 3], 0.16 * streak * glass);
    }
    let bridge =
        capsule(at(p.x.abs(), y), at(0.0, -3.4), at(apart - half.x, -1.6), 0.3 + 0.5 * frames.rim);
    let hinge = at(apart + half.x, -4.0);
    let temple =
        capsule(at(side * p.x, y), hinge, at(hinge.x + 30.0, -2.5), 0.3 + 0.6 * frames.rim)
            .max(outline.distance - 1.0);
    let rim = (distance.abs() - 0.5 * frames.rim - 0.15).min(bridge).min(temple);
    let cover = coverage(rim, pixel.max(0.7));
    if cover > 0.0 {
        let metal = Surface { albedo: frames.colour, normal: [0.1 * side, -0.3, 0.9], gloss: 0.7 };
        picture.cover(&metal, cover);
    } else {
        picture.darken(0.14 * smooth(4.0, 0.5, distance) * coverage(outline.distance, pixel));
    }
}

/// Paints a knitted hat, or a cap with a peak, down to the height `edge`. `p` is the point of the head.
pub(super) fn paint_hat(
    picture: &mut Picture<'_>,
    p: Point,
    pixel: f32,
    outline: &Outline,
    hat: (Rgb, f32, bool),
) {
    let (colour, edge, peaked) = hat;
    if p.y > edge + 26.0 {
        return;
    }
    let across = p.x / outline.half_width;
    let edge = edge + if peaked { -1.0 } else { 2.5 * across * across };
    let thickness = if peaked { 3.5 } else { 5.0 + 2.0 * smooth(edge, edge - 30.0, p.y) };
    let shape = (outline.distance - thickness).max(p.y - edge);
    let cover = coverage(shape, pixel.max(1.0));
    picture.darken(
        0.35 * smooth(edge + if peaked { 22.0 } else { 7.0 }, edge, p.y)
            * coverage(outline.distance, pixel),
    );
    if cover > 0.0 {
        let mut felt = outline.surface(colour, 0.05);
        let band = p.y > edge - 11.0;
        if peaked {
            felt.darken(0.35 * bump((across.abs() - 0.36) * (across.abs() - 0.36) * 900.0));
        } else {
            // Ribs follow the roundness of the head.
            let rib = outline.at.x * if band { 0.55 } else { 0.3 };
            let rib = (rib - rib.floor() - 0.5).abs();
            felt.darken(if band { 0.30 } else { 0.14 } * rib * 2.0);
            felt.darken(0.3 * bump((p.y - edge + 11.0) * (p.y - edge + 11.0) / 2.0));
        }
        picture.cover(&felt, cover);
    }
    if peaked {
        let peak = rounded_box(at(p.x, p.y - edge - 3.0 + 0.006 * p.x * p.x), at(33.0, 5.0), 4.8);
        let cover = coverage(peak, pixel.max(1.0));
        let mut board =
            Surface { albedo: scale(colour, 0.7), normal: [p.x / 60.0, -0.5, 0.7], gloss: 0.1 };
        board.darken(0.45 * smooth(2.0, 7.0, p.y - edge));
        picture.cover(&board, cover);
    }
}

/// Paints a mask from the height `edge` to under the chin. `p` is the point of the head.
pub(super) fn paint_mask(
    picture: &mut Picture<'_>,
    p: Point,
    pixel: f32,
    person: &Identity,
    outline: &Outline,
    mask: (Rgb, f32),
) {
    let (colour, edge) = mask;
    if p.y < edge - 14.0 {
        return;
    }
    let x = p.x / person.head.half_width;
    let top = edge + 12.0 * x * x * (1.6 - x * x).max(0.4);
    let sheet = (top - p.y).max(outline.distance - 1.6).max((x.abs() - 0.9) * 30.0);
    let ear = at(person.head.half_width, -18.0);
    let strap = capsule(at(p.x.abs(), p.y), at(0.86 * ear.x, top + 1.5), ear, 0.6).min(capsule(
        at(p.x.abs(), p.y),
        at(0.84 * ear.x, 26.0),
        at(ear.x, -2.0),
        0.6,
    ));
    let cover = coverage(sheet.min(strap.max(outline.distance - 1.0)), pixel.max(0.9));
    if cover > 0.0 {
        let mut cloth = outline.surface(colour, 0.0);
        let nose = at(p.x, p.y - person.nose.tip.y);
        cloth.tilt(at(-0.9 * nose.x / 16.0 * bump(nose.squared_over(16.0, 20.0)), 0.0));
        for fold in [4.0, 13.0, 22.0] {
            let line = (p.y - fold - 2.0 * x * x).abs() - 0.3;
            cloth.darken(0.2 * coverage(line, pixel.max(1.6)));
        }
        cloth.darken(0.16 * coverage((p.y - top - 2.4).abs() - 0.3, pixel.max(1.2)));
        picture.cover(&cloth, cover);
    }
}

/// Paints the fingers of the person's own hand, reaching in from below on one side to `tips`.
pub(super) fn paint_hand(
    picture: &mut Picture<'_>,
    pixel: f32,
    person: &Identity,
    hand: (Point, f32),
) {
    let (tips, side) = hand;
    // Fingers lie along (0.5, 0.866), a rise of 60 degrees; `across` is perpendicular, the index finger first.
    let p = at(side * (picture.place.x - tips.x), picture.place.y - tips.y);
    let along = 0.5 * p.x + 0.866 * p.y;
    let across = 0.866 * p.x - 0.5 * p.y;
    if along < -16.0 || across.abs() > 34.0 {
        return;
    }
    for (finger, (offset, short)) in
        [(-15.0, 5.0), (-5.2, 0.0), (4.8, 1.5), (14.2, 8.0)].into_iter().enumerate()
    {
        let radius = 5.4 - 0.3 * finger as f32;
        let local = at(across - offset, along - short);
        let distance = capsule(local, at(0.0, radius), at(0.0, 120.0), radius);
        picture.darken(0.3 * smooth(4.0, 0.0, distance) * smooth(0.0, 0.6, distance));
        let cover = coverage(distance, pixel.max(0.9));
        if cover > 0.0 {
            let bent = local.x / radius;
            let normal = [0.7 * 0.866 * bent * side, -0.7 * 0.5 * bent - 0.1, 0.75];
            let mut skin = Surface { albedo: person.skin.colour, normal, gloss: 0.2 };
            skin.darken(0.4 * smooth(0.75, 1.0, bent.abs()));
            for knuckle in [15.0, 34.0] {
                skin.darken(0.18 * coverage((local.y - knuckle).abs() - 0.5, pixel.max(1.8)));
            }
            let nail = rounded_box(local.from(at(0.0, 5.4)), at(2.5, 3.2), 2.3);
            skin.tint(display([232, 190, 178]), 0.45 * coverage(nail, pixel.max(1.0)));
            picture.cover(&skin, cover);
        }
    }
}
