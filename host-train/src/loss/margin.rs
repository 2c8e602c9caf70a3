//! The angular margin as a curve: what becomes of the true class's logit at an angle. The combined margin and, as cases
//! of it, ArcFace and CosFace; the other losses give this curve their own numbers.
//!
//! ```text
//! f(t) = (psi(m1 t + m2) - m3 + l cos t) / (1 + l)
//! psi(p) = (-1)^k cos p - 2 k,    k = floor(p / pi)
//! ```
//!
//! `cos(m1 t + m2) - m3` is equation 4 of Deng et al. (arXiv 1801.07698): ArcFace is `(1, m, 0)`, CosFace `(1, 0, m)` (Wang
//! et al., arXiv 1801.09414). `cos` stops falling at pi, where it would reward embeddings for being further away; past it
//! the curve goes on as SphereFace's psi (Liu et al., arXiv 1704.08063), which has no jump, no kink, and falls all the
//! way. `l` blends the plain cosine in and is 0 but for SphereFace.

use core::f64::consts::PI;

/// Sines below this count as it where a slope is divided by them: 0.08 degrees from either end. An f32 cosine knows no
/// smaller angle.
const LEAST_SINE: f64 = 1.414e-3;

/// A loss as a curve: the true class's logit by its angle, before the scale or the embedding's length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetCurve {
    /// Multiplies the angle.
    pub m1: f64,
    /// Added to the angle, radians.
    pub m2: f64,
    /// Taken from the cosine.
    pub m3: f64,
    /// Weight of the plain cosine beside the margin's 1.
    pub lambda: f64,
}

impl TargetCurve {
    /// `cos t`: no margin at all.
    pub const PLAIN: Self = Self { m1: 1.0, m2: 0.0, m3: 0.0, lambda: 0.0 };

    /// The logit at `angle`, radians in [0, pi].
    #[must_use]
    pub fn value(&self, angle: f64) -> f64 {
        let (turned, folds, sign) = self.turned(angle);
        let psi = sign * turned.cos() - 2.0 * folds;
        (psi - self.m3 + self.lambda * angle.cos()) / (1.0 + self.lambda)
    }

    /// The logit's derivative by the angle. It never rises within [0, pi].
    #[must_use]
    pub fn slope(&self, angle: f64) -> f64 {
        let (turned, _, sign) = self.turned(angle);
        -(self.m1 * sign * turned.sin() + self.lambda * angle.sin()) / (1.0 + self.lambda)
    }

    /// The logit's derivative by the cosine of the angle, `-slope / sin t`, kept finite at 0 and pi.
    #[must_use]
    pub fn slope_by_cosine(&self, angle: f64) -> f64 {
        -self.slope(angle) / angle.sin().max(LEAST_SINE)
    }

    /// `m1 t + m2`, how often it passes pi, and the sign that this gives the cosine.
    fn turned(&self, angle: f64) -> (f64, f64, f64) {
        let turned = self.m1 * angle + self.m2;
        let folds = (turned / PI).floor();
        (turned, folds, 1.0 - 2.0 * folds.rem_euclid(2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn curve(m1: f64, m2: f64, m3: f64, lambda: f64) -> TargetCurve {
        TargetCurve { m1, m2, m3, lambda }
    }

    const CURVES: [TargetCurve; 9] = [
        TargetCurve::PLAIN,
        curve(1.0, 0.5, 0.0, 0.0),
        curve(1.0, 0.0, 0.35, 0.0),
        curve(4.0, 0.0, 0.0, 0.0),
        curve(3.0, 0.0, 0.0, 5.0),
        curve(0.9, 0.4, 0.15, 0.0),
        curve(1.5, 3.0, 1.0, 0.0),
        // AdaFace's faces of the lowest and highest quality.
        curve(1.0, 0.4, 0.0, 0.0),
        curve(1.0, -0.4, 0.8, 0.0),
    ];

    /// Angles from a tenth of a degree to 179.9, both ends included.
    fn angles() -> impl Iterator<Item = f64> {
        (0..=3600).map(|i| (0.1 + 179.8 * f64::from(i) / 3600.0).to_radians())
    }

    #[test]
    fn value_is_the_papers_inside_its_range() {
        for c in CURVES.into_iter().filter(|c| c.lambda == 0.0) {
            let inside = |t: &f64| (0.0..PI).contains(&(c.m1 * t + c.m2));
            for angle in angles().filter(inside) {
                let expected = (c.m1 * angle + c.m2).cos() - c.m3;
                assert!((c.value(angle) - expected).abs() < 1e-12, "{c:?} at {angle}");
            }
        }
    }

    /// insightface issues 348 and 247: with `theta + m > pi` a plain cosine rises again.
    #[test]
    fn theta_plus_margin_past_pi_keeps_falling_without_a_jump() {
        for c in CURVES {
            let values: Vec<f64> = angles().map(|t| c.value(t)).collect();
            for pair in values.windows(2) {
                let fall = pair[0] - pair[1];
                // The steepest of these curves falls by m1 a radian, and a step is 0.05 degrees.
                assert!((0.0..=0.0009 * c.m1).contains(&fall), "{c:?} falls by {fall}");
            }
        }
    }

    #[test]
    fn slopes_equal_finite_differences() {
        for c in CURVES {
            for angle in angles() {
                let h = 1e-5 * angle.sin();
                let numeric = (c.value(angle + h) - c.value(angle - h)) / (2.0 * h);
                let exact = c.slope(angle);
                assert!((numeric - exact).abs() < 1e-4, "{c:?} at {angle}: {numeric}, {exact}");
                let by_cosine = c.slope_by_cosine(angle);
                let expected = -exact / angle.sin();
                assert!(
                    (by_cosine - expected).abs() <= 1e-12 * (1.0 + expected),
                    "{c:?} at {angle}"
                );
            }
        }
    }

    #[test]
    fn slope_by_cosine_is_finite_where_the_angle_is_not_known() {
        for c in CURVES {
            for angle in [0.0, 1e-9, PI - 1e-9, PI] {
                assert!((-1e-9..=1000.0 * c.m1).contains(&c.slope_by_cosine(angle)), "{c:?}");
            }
        }
    }
}
