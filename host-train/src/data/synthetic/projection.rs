//! From the head to the picture plane and on to pixels.
//!
//! ```text
//! head (x, y, depth) --turn by yaw and pitch, drop depth--> plane --fit to the ArcFace template, nudge--> pixels
//! ```
//!
//! The turn is about the middle of the head between the ears, so a feature moves with its depth: the nose tip
//! crosses the cheek, the far half of the face narrows. Perspective is left out (a long lens). Pixels follow the
//! convention of aligned crops: pixel (i, j) samples the plane at exactly (i, j).

use super::maths::{Point, at, sin_cos};
use super::shot::Pose;

/// The five points of the ArcFace template in a 112 x 112 crop: eyes, nose tip, corners of the mouth; left of the
/// image first.
pub const TEMPLATE: [[f32; 2]; 5] = [
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
];

/// Side of the crop that [`TEMPLATE`] belongs to.
pub(super) const TEMPLATE_SIDE: f32 = 112.0;

/// The turn of the head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) sin_yaw: f32,
    cos_yaw: f32,
    sin_pitch: f32,
    cos_pitch: f32,
}

impl Turn {
    pub(super) fn new(pose: &Pose) -> Self {
        // Beyond 1.2 radians the face would be edge on, which a drawing by depth cannot show.
        let (sin_yaw, cos_yaw) = sin_cos(pose.yaw.clamp(-1.2, 1.2));
        let (sin_pitch, cos_pitch) = sin_cos(pose.pitch.clamp(-1.2, 1.2));
        Self { sin_yaw, cos_yaw, sin_pitch, cos_pitch }
    }

    /// Where a point of the head lands on the picture plane.
    pub(super) fn project(&self, p: Point, depth: f32) -> Point {
        let towards = self.cos_pitch * depth - self.sin_pitch * p.y;
        at(
            self.cos_yaw * p.x + self.sin_yaw * towards,
            self.cos_pitch * p.y + self.sin_pitch * depth,
        )
    }

    /// The point of the head at `depth` that lands on `plane`: the inverse of [`Self::project`].
    pub(super) fn unproject(&self, plane: Point, depth: f32) -> Point {
        let y = (plane.y - self.sin_pitch * depth) / self.cos_pitch;
        let towards = self.cos_pitch * depth - self.sin_pitch * y;
        at((plane.x - self.sin_yaw * towards) / self.cos_yaw, y)
    }

    /// The point of a surface that lands on `plane`, for a surface that is a gentle function of the point. Three
    /// rounds of substitution leave well under a tenth of a unit at the poses that are drawn.
    pub(super) fn unproject_onto(&self, plane: Point, depth: impl Fn(Point) -> f32) -> Point {
        let mut p = self.unproject(plane, depth(plane));
        for _ in 0..2 {
            p = self.unproject(plane, depth(p));
        }
        p
    }
}

/// The similarity from the picture plane to pixels: `x' = a x - b y + c`, `y' = b x + a y + d`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Camera {
    a: f32,
    b: f32,
    c: f32,
    d: f32,
}

impl Camera {
    /// Fits the posed landmarks to the template by least squares, applies the leftovers of `pose`, and scales to a
    /// crop of `size` pixels a side.
    pub(super) fn new(posed: &[Point; 5], pose: &Pose, size: usize) -> Self {
        let mean = |values: [f32; 5]| values.iter().sum::<f32>() / 5.0;
        let from = at(mean(posed.map(|p| p.x)), mean(posed.map(|p| p.y)));
        let to = at(mean(TEMPLATE.map(|t| t[0])), mean(TEMPLATE.map(|t| t[1])));
        let (mut along, mut across, mut power) = (0.0, 0.0, 0.0);
        for (p, t) in posed.iter().zip(TEMPLATE) {
            let (p, t) = (p.from(from), at(t[0], t[1]).from(to));
            along += p.x * t.x + p.y * t.y;
            across += p.x * t.y - p.y * t.x;
            power += p.x * p.x + p.y * p.y;
        }
        let (a, b) = (along / power, across / power);
        let fitted =
            Self { a, b, c: to.x - (a * from.x - b * from.y), d: to.y - (b * from.x + a * from.y) };

        let (sin, cos) = sin_cos(pose.roll);
        let zoom = pose.zoom.clamp(0.05, 20.0);
        let (cos, sin) = (cos * zoom, sin * zoom);
        let centre = TEMPLATE_SIDE / 2.0;
        let (c, d) = (fitted.c - centre, fitted.d - centre);
        let k = size as f32 / TEMPLATE_SIDE;
        Self {
            a: k * (cos * a - sin * b),
            b: k * (sin * a + cos * b),
            c: k * (cos * c - sin * d + centre + pose.shift[0]),
            d: k * (sin * c + cos * d + centre + pose.shift[1]),
        }
    }

    /// The pixel of a point of the plane.
    pub(super) fn pixel(&self, plane: Point) -> [f32; 2] {
        [self.a * plane.x - self.b * plane.y + self.c, self.b * plane.x + self.a * plane.y + self.d]
    }

    /// The point of the plane under a pixel: the inverse of [`Self::pixel`].
    pub(super) fn plane(&self, x: f32, y: f32) -> Point {
        let (x, y) = (x - self.c, y - self.d);
        let power = self.a * self.a + self.b * self.b;
        at((self.a * x + self.b * y) / power, (self.a * y - self.b * x) / power)
    }

    /// Width of a pixel on the plane.
    pub(super) fn pixel_width(&self) -> f32 {
        1.0 / (self.a * self.a + self.b * self.b).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprojecting_undoes_projecting() {
        let turn = Turn::new(&Pose { yaw: 0.5, pitch: -0.3, ..Pose::FRONTAL });
        let p = turn.unproject(turn.project(at(12.0, -20.0), 29.0), 29.0);
        assert!(p.from(at(12.0, -20.0)).length() < 1e-4, "{p:?}");
    }

    #[test]
    fn what_stands_out_moves_further() {
        let turn = Turn::new(&Pose { yaw: 0.3, ..Pose::FRONTAL });
        assert!(turn.project(at(0.0, 0.0), 45.0).x > turn.project(at(0.0, 0.0), 30.0).x + 4.0);
    }

    #[test]
    fn a_similar_copy_of_the_template_is_fitted_exactly() {
        // The template turned by a quarter and doubled, then moved.
        let posed = TEMPLATE.map(|[x, y]| at(-2.0 * y + 5.0, 2.0 * x - 9.0));
        let camera = Camera::new(&posed, &Pose::FRONTAL, 112);
        for (p, t) in posed.iter().zip(TEMPLATE) {
            let [x, y] = camera.pixel(*p);
            assert!((x - t[0]).abs() < 1e-3 && (y - t[1]).abs() < 1e-3, "{x} {y} {t:?}");
        }
        let back = camera.plane(30.0, 40.0);
        let [x, y] = camera.pixel(back);
        assert!((x - 30.0).abs() < 1e-3 && (y - 40.0).abs() < 1e-3);
        assert!((camera.pixel_width() - 2.0).abs() < 1e-4);
    }

    #[test]
    fn leftovers_turn_about_the_centre_and_scale_with_the_crop() {
        let posed = TEMPLATE.map(|[x, y]| at(x, y));
        let pose = Pose { roll: 0.2, zoom: 0.8, shift: [3.0, -2.0], ..Pose::FRONTAL };
        let [x, y] = Camera::new(&posed, &pose, 224).pixel(at(56.0, 56.0));
        assert!((x - 118.0).abs() < 1e-3 && (y - 108.0).abs() < 1e-3, "{x} {y}");
        let [x, y] = Camera::new(&posed, &pose, 112).pixel(at(66.0, 56.0));
        let (sin, cos) = (0.2_f32.sin(), 0.2_f32.cos());
        assert!(
            (x - (59.0 + 8.0 * cos)).abs() < 1e-3 && (y - (54.0 + 8.0 * sin)).abs() < 1e-3,
            "{x} {y}"
        );
    }
}
