//! SphereFace: the angle to the own centre is multiplied, and the plain cosine is faded out over the first steps.
//!
//! `f(t) = (l cos t + psi(m t)) / (1 + l)`, `psi(m t) = (-1)^k cos(m t) - 2 k` for t in [k pi / m, (k + 1) pi / m] (Liu et al.,
//! arXiv 1704.08063, section 3.2). [`TargetCurve`] with `m1 = m` computes psi; here is `l` by the step. The paper says only that
//! it falls to 5; the form is that of the authors' published training settings.

use super::margin::TargetCurve;
use serde::{Deserialize, Serialize};

/// How the plain cosine's weight falls: `max(end, start / (1 + rate step))`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annealing {
    /// Weight at step 0. At 0 there is no annealing: the pure margin from the beginning.
    pub start: f64,
    /// Weight that it falls to.
    pub end: f64,
    /// How fast, a step.
    pub rate: f64,
}

impl Default for Annealing {
    /// From 1500 to 5 within 2,990 steps.
    fn default() -> Self {
        Self { start: 1500.0, end: 5.0, rate: 0.1 }
    }
}

impl Annealing {
    /// The weight of the plain cosine at `step`, counted from 0.
    #[must_use]
    pub fn lambda(&self, step: u64) -> f64 {
        (self.start / (1.0 + self.rate * step as f64)).max(self.end)
    }

    /// SphereFace's curve at `step`.
    pub(super) fn curve(&self, m: u32, step: u64) -> TargetCurve {
        TargetCurve { m1: f64::from(m), lambda: self.lambda(step), ..TargetCurve::PLAIN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The multiple-angle polynomials with the folds counted by hand: an independent form of psi.
    fn psi(m: u32, cosine: f64) -> f64 {
        let c = cosine;
        let multiple = match m {
            1 => c,
            2 => 2.0 * c * c - 1.0,
            3 => 4.0 * c.powi(3) - 3.0 * c,
            _ => 8.0 * c.powi(4) - 8.0 * c * c + 1.0,
        };
        let k = (1..m).filter(|k| c < (core::f64::consts::PI * f64::from(*k) / f64::from(m)).cos());
        let k = k.count() as i32;
        f64::from(1 - 2 * (k % 2)) * multiple - f64::from(2 * k)
    }

    #[test]
    fn psi_equals_the_polynomials() {
        let pure = Annealing { start: 0.0, end: 0.0, rate: 0.0 };
        for m in 1..=4 {
            for i in 1..1800 {
                let angle = (f64::from(i) / 10.0).to_radians();
                let (got, expected) = (pure.curve(m, 0).value(angle), psi(m, angle.cos()));
                assert!((got - expected).abs() < 1e-9, "m {m} at {angle}: {got}, {expected}");
            }
        }
    }

    #[test]
    fn lambda_falls_from_start_to_end() {
        let annealing = Annealing::default();
        assert_eq!(annealing.lambda(0), 1500.0);
        assert_eq!(annealing.lambda(10), 750.0);
        assert!(annealing.lambda(2989) > 5.0);
        assert_eq!(annealing.lambda(2990), 5.0);
        assert_eq!(annealing.lambda(u64::MAX), 5.0);
    }

    #[test]
    fn curve_blends_the_plain_cosine() {
        let annealing = Annealing { start: 3.0, end: 3.0, rate: 0.0 };
        let angle: f64 = 0.3;
        let expected = (3.0 * angle.cos() + (4.0 * angle).cos()) / 4.0;
        assert!((annealing.curve(4, 7).value(angle) - expected).abs() < 1e-12);
    }
}
