//! Points, colours, signed distances and hash noise: the arithmetic under every brush.
//!
//! Only additions, multiplications, divisions and square roots are used, which IEEE 754 rounds the same way
//! everywhere. A seed therefore gives the same bytes on every machine, whatever its maths library.
//!
//! A signed distance is negative inside a shape and positive outside, in the units of its point.

/// A colour in linear light, red first, 1.0 = a white surface.
pub(super) type Rgb = [f32; 3];

/// A point or vector of the plane: x to the right of the image, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// Shorthand for [`Point`].
pub(super) const fn at(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Point {
    /// This point seen from `origin`.
    pub(super) fn from(self, origin: Point) -> Point {
        at(self.x - origin.x, self.y - origin.y)
    }

    /// Squared length after dividing each axis by its radius: 1 on the ellipse of those radii.
    pub(super) fn squared_over(self, radius_x: f32, radius_y: f32) -> f32 {
        let (x, y) = (self.x / radius_x, self.y / radius_y);
        x * x + y * y
    }

    /// Euclidean length.
    pub(super) fn length(self) -> f32 {
        (self.x * self.x + self.y * self.y).sqrt()
    }
}

/// Linear interpolation, `t` in [0, 1].
pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Channel-wise [`mix`].
pub(super) fn mix_rgb(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)]
}

/// Every channel times `k`.
pub(super) fn scale(colour: Rgb, k: f32) -> Rgb {
    colour.map(|c| c * k)
}

/// Clamp to [0, 1].
pub(super) fn unit(x: f32) -> f32 {
    x.clamp(0.0, 1.0)
}

/// Hermite step: 0 at `from`, 1 at `to`, level at both ends. `from > to` gives the falling step.
pub(super) fn smooth(from: f32, to: f32, x: f32) -> f32 {
    let t = unit((x - from) / (to - from));
    t * t * (3.0 - 2.0 * t)
}

/// How much of a pixel `pixel` units wide lies inside a shape at signed distance `distance`.
pub(super) fn coverage(distance: f32, pixel: f32) -> f32 {
    unit(0.5 - distance / pixel)
}

/// `(1 - r2)^2` inside the unit circle, 0 outside: a bump with compact support.
pub(super) fn bump(r2: f32) -> f32 {
    let k = (1.0 - r2).max(0.0);
    k * k
}

/// A display colour (8-bit, as on a colour chart) in linear light, by a gamma of 2.
pub(super) const fn display(rgb: [u8; 3]) -> Rgb {
    const fn linear(c: u8) -> f32 {
        let c = c as f32 / 255.0;
        c * c
    }
    [linear(rgb[0]), linear(rgb[1]), linear(rgb[2])]
}

/// The colour at `t` in [0, 1] along evenly spaced `stops`.
pub(super) fn ramp(stops: &[Rgb], t: f32) -> Rgb {
    let last = stops.len().saturating_sub(1);
    let position = unit(t) * last as f32;
    let below = (position as usize).min(last.saturating_sub(1));
    let above = (below + 1).min(last);
    mix_rgb(stops[below], stops[above], position - below as f32)
}

/// Sine and cosine for angles in [-pi/2, pi/2] (clamped), by Taylor series; error below 4e-6.
pub(super) fn sin_cos(angle: f32) -> (f32, f32) {
    let a = angle.clamp(-core::f32::consts::FRAC_PI_2, core::f32::consts::FRAC_PI_2);
    let s = a * a;
    let sin = a * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0))));
    let cos =
        1.0 - s / 2.0 * (1.0 - s / 12.0 * (1.0 - s / 30.0 * (1.0 - s / 56.0 * (1.0 - s / 90.0))));
    (sin, cos)
}

/// The vector at unit length; the viewing axis when it has none.
pub(super) fn normalise(v: [f32; 3]) -> [f32; 3] {
    let length = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
    if length > 1e-6 { v.map(|c| c / length) } else { [0.0, 0.0, 1.0] }
}

/// Distance to an axis-aligned ellipse at the origin, to first order.
pub(super) fn ellipse(p: Point, radius_x: f32, radius_y: f32) -> f32 {
    let value = p.squared_over(radius_x, radius_y).sqrt();
    let slope = at(p.x / radius_x, p.y / radius_y).squared_over(radius_x, radius_y).sqrt();
    if slope > 1e-6 { value * (value - 1.0) / slope } else { -radius_x.min(radius_y) }
}

/// Distance to the segment from `a` to `b` thickened by `radius`.
pub(super) fn capsule(p: Point, a: Point, b: Point, radius: f32) -> f32 {
    let (along, across) = (b.from(a), p.from(a));
    let t = unit(
        (across.x * along.x + across.y * along.y)
            / (along.x * along.x + along.y * along.y).max(1e-6),
    );
    at(across.x - along.x * t, across.y - along.y * t).length() - radius
}

/// Distance to a rectangle at the origin with half sides `half` and rounded corners.
pub(super) fn rounded_box(p: Point, half: Point, corner: f32) -> f32 {
    let (x, y) = (p.x.abs() - half.x + corner, p.y.abs() - half.y + corner);
    at(x.max(0.0), y.max(0.0)).length() + x.max(y).min(0.0) - corner
}

/// A hash of a lattice point, uniform in [0, 1).
fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) >> 8) as f32 / 16_777_216.0
}

/// Smooth value noise on a line, in [-1, 1], about one swing a unit.
pub(super) fn noise1(x: f32, seed: u32) -> f32 {
    let cell = x.floor();
    let i = cell as i32;
    let value =
        mix(lattice(i, 0, seed), lattice(i.wrapping_add(1), 0, seed), smooth(0.0, 1.0, x - cell));
    value * 2.0 - 1.0
}

/// Smooth value noise on the plane, in [-1, 1], about one swing a unit.
pub(super) fn noise2(p: Point, seed: u32) -> f32 {
    let cell = at(p.x.floor(), p.y.floor());
    let (i, j) = (cell.x as i32, cell.y as i32);
    let (right, below) = (i.wrapping_add(1), j.wrapping_add(1));
    let tx = smooth(0.0, 1.0, p.x - cell.x);
    let upper = mix(lattice(i, j, seed), lattice(right, j, seed), tx);
    let lower = mix(lattice(i, below, seed), lattice(right, below, seed), tx);
    mix(upper, lower, smooth(0.0, 1.0, p.y - cell.y)) * 2.0 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_match_the_library() {
        for step in -157..=157 {
            let angle = step as f32 / 100.0;
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 4e-6, "sin {angle}: {sin}");
            assert!((cos - angle.cos()).abs() < 4e-6, "cos {angle}: {cos}");
        }
    }

    #[test]
    fn distances_are_exact_on_the_axes() {
        assert!((ellipse(at(7.0, 0.0), 5.0, 3.0) - 2.0).abs() < 1e-5);
        assert!(ellipse(at(5.0, 0.0), 5.0, 3.0).abs() < 1e-6);
        assert!((capsule(at(2.0, 3.0), at(0.0, 0.0), at(4.0, 0.0), 1.0) - 2.0).abs() < 1e-6);
        assert!((rounded_box(at(0.0, 6.0), at(4.0, 5.0), 1.0) - 1.0).abs() < 1e-6);
        assert!((rounded_box(at(0.0, 0.0), at(4.0, 5.0), 1.0) + 4.0).abs() < 1e-6);
    }

    #[test]
    fn a_pixel_on_an_edge_is_half_covered() {
        assert_eq!(coverage(0.0, 2.0), 0.5);
        assert_eq!(coverage(-1.0, 2.0), 1.0);
        assert_eq!(coverage(1.0, 2.0), 0.0);
    }

    #[test]
    fn a_ramp_passes_through_its_stops() {
        let stops = [[0.0; 3], [1.0; 3], [0.5; 3]];
        assert_eq!(ramp(&stops, 0.0), [0.0; 3]);
        assert_eq!(ramp(&stops, 0.5), [1.0; 3]);
        assert_eq!(ramp(&stops, 1.0), [0.5; 3]);
        assert_eq!(ramp(&stops, 7.0), [0.5; 3]);
    }

    #[test]
    fn noise_is_continuous_across_cells() {
        for i in -5..5 {
            let x = i as f32;
            assert!((noise1(x - 1e-4, 9) - noise1(x + 1e-4, 9)).abs() < 1e-3);
            assert!((noise2(at(x - 1e-4, 0.3), 9) - noise2(at(x + 1e-4, 0.3), 9)).abs() < 1e-3);
        }
    }
}
