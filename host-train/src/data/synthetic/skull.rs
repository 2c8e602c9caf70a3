//! The large shape of the head: its outline in the picture and the depth of the face behind it.

use super::identity::Head;
use super::maths::{Point, at, smooth, unit};
use super::projection::Turn;
use super::surface::Surface;

/// y of the widest place of the head, between cheekbones and ears.
pub(super) const WIDEST: f32 = -14.0;
/// Height of the skull over [`WIDEST`].
const DOME: f32 = 65.0;

/// The outline of the turned head at one point of the plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    /// The point relative to the head's bent axis: x across, y along it.
    pub(super) at: Point,
    /// Signed distance to the outline, to first order.
    pub(super) distance: f32,
    /// The head's half width here, seen from this side.
    pub(super) half_width: f32,
    /// Skin-side normal of the head as a rounded solid.
    pub(super) normal: [f32; 3],
}

/// Half width of the turned head: a head is a quarter deeper than wide, so it grows as it turns.
fn turned_half_width(head: &Head, turn: &Turn) -> f32 {
    let s = turn.sin_yaw * turn.sin_yaw;
    head.half_width * (1.0 + 0.5625 * s).sqrt()
}

/// The outline of `head` around `plane`, with the jaw dropped by `jaw` units.
pub(super) fn outline(head: &Head, turn: &Turn, plane: Point, jaw: f32) -> Outline {
    let chin = head.chin + jaw;
    // The axis leans out from between the ears (depth 0) to the chin (half the depth of the face).
    let axis_depth = 0.5 * head.depth * smooth(WIDEST - 10.0, chin, plane.y);
    let p = at(
        plane.x - turn.project(at(0.0, plane.y), axis_depth).x,
        turn.unproject(plane, axis_depth).y,
    );
    let half_width = turned_half_width(head, turn);
    let (t, length, taper, square) = if p.y > WIDEST {
        ((p.y - WIDEST) / (chin - WIDEST), chin - WIDEST, head.taper, 0.6 * head.squareness)
    } else {
        ((p.y - WIDEST) / DOME, DOME, head.temple, 0.55)
    };
    let t = t.clamp(-1.6, 1.6);
    let s = t * t;
    let narrow = half_width * (1.0 - taper * s).max(0.2);
    let across = (p.x / narrow) * (p.x / narrow);
    let value = across + (1.0 - square) * s + square * s * s - 1.0;
    let gradient = at(
        2.0 * p.x / (narrow * narrow),
        (2.0 * (1.0 - square) * t
            + 4.0 * square * t * s
            + 4.0 * across * half_width * taper * t / narrow)
            / length,
    );
    let roundness = 0.38 + 0.5 * unit(value + 1.0);
    Outline {
        at: p,
        distance: value / gradient.length().max(0.02),
        half_width,
        normal: [
            0.5 * half_width * gradient.x * roundness,
            0.5 * length * gradient.y * roundness,
            (1.04 - value - 1.0).max(0.03).sqrt(),
        ],
    }
}

/// Depth of the face's smooth surface (without the nose) at a point of the head, before the middle of the head.
pub(super) fn depth(head: &Head, p: Point) -> f32 {
    let across = p.x / head.half_width;
    let along = (p.y - WIDEST) / 56.0;
    (head.depth * (1.0 - 0.62 * across * across - 0.22 * along * along)).max(-10.0)
}

impl Outline {
    /// A surface of the head's large shape in colour `albedo`.
    pub(super) fn surface(&self, albedo: [f32; 3], gloss: f32) -> Surface {
        Surface { albedo, normal: self.normal, gloss }
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::Identity;
    use super::super::shot::Pose;
    use super::*;

    #[test]
    fn the_outline_passes_through_ears_chin_and_crown() {
        let head = Identity::draw(1, 1).head;
        let turn = Turn::new(&Pose::FRONTAL);
        let distance = |x, y| outline(&head, &turn, at(x, y), 0.0).distance;
        assert!(distance(head.half_width, WIDEST).abs() < 1e-3);
        assert!(distance(-head.half_width, WIDEST).abs() < 1e-3);
        assert!(distance(0.0, head.chin).abs() < 1e-3);
        assert!(distance(0.0, WIDEST - DOME).abs() < 1e-3);
        assert!(distance(0.0, 0.0) < -10.0 && distance(60.0, 0.0) > 10.0);
    }

    #[test]
    fn a_turned_head_is_wider_and_its_chin_follows_the_turn() {
        let head = Identity::draw(1, 2).head;
        let turn = Turn::new(&Pose { yaw: 0.4, ..Pose::FRONTAL });
        let chin_x = |x| outline(&head, &turn, at(x, head.chin - 4.0), 0.0).distance;
        assert!(chin_x(6.0) < chin_x(-6.0));
        assert!(outline(&head, &turn, at(0.0, WIDEST), 0.0).half_width > head.half_width);
    }

    #[test]
    fn the_normal_leans_towards_the_near_edge() {
        let head = Identity::draw(1, 3).head;
        let turn = Turn::new(&Pose::FRONTAL);
        let right = outline(&head, &turn, at(30.0, -14.0), 0.0).normal;
        let low = outline(&head, &turn, at(0.0, 34.0), 0.0).normal;
        assert!(right[0] > 0.4 && right[1].abs() < 0.05 && low[1] > 0.4);
    }
}
