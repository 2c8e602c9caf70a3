//! The combined angular margin: `s (cos(m1 t + m2) - m3)` on the true class, `s cos(t_j)` on the others, then softmax.
//!
//! `t_j` is the angle between an embedding and the centre of class `j`. ArcFace is `(1, 0.5, 0)`, CosFace `(1, 0, m3)`,
//! SphereFace `(m1, 0, 0)` (Deng et al., arXiv 1801.07698, equation 4). `cos` stops falling at pi, where a plain
//! `cos(m1 t + m2)` would reward embeddings for being further away; past it the curve goes on as SphereFace's
//! `psi(p) = (-1)^k cos p - 2 k`, `k = floor(p / pi)`, which has no jump, no kink, and falls all the way.
//!
//! The gradient is that of the function itself, nothing is held constant:
//! `d logit / d cos t = m1 (-1)^k sin(m1 t + m2) / sin t`.

use crate::net::normal;
use burn::module::{Module, Param};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor};
use core::f64::consts::PI;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// Cosines are kept this far from +-1, where the angle's slope is infinite. 0.08 degrees.
const COSINE_LIMIT: f64 = 1.0 - 1e-6;

/// Shortest vector that is still divided by its own length.
const SHORTEST: f64 = 1e-12;

/// The margins `m1` (factor), `m2` (radians) and `m3` (cosine) and the scale `s`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Margins {
    /// Multiplies the angle.
    pub m1: f64,
    /// Added to the angle, radians.
    pub m2: f64,
    /// Taken from the cosine.
    pub m3: f64,
    /// Multiplies all logits.
    pub scale: f64,
}

impl Default for Margins {
    /// ArcFace with the paper's margin and scale.
    fn default() -> Self {
        Self { m1: 1.0, m2: 0.5, m3: 0.0, scale: 64.0 }
    }
}

/// Margins that make no loss.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MarginError {
    /// A number out of its range.
    #[error("margin {name} is {value}: it must be between {least} and {most}")]
    Range {
        /// `m1`, `m2`, `m3` or `scale`.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// Least allowed.
        least: f64,
        /// Most allowed.
        most: f64,
    },
}

impl Margins {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), MarginError> {
        for (name, value, least, most) in [
            ("m1", self.m1, 0.1, 4.0),
            ("m2", self.m2, 0.0, PI),
            ("m3", self.m3, 0.0, 1.0),
            ("scale", self.scale, 1.0, 256.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(MarginError::Range { name, value, least, most });
            }
        }
        Ok(())
    }
}

/// The true class's logit before the scale, and its derivative by the cosine, for `cosine` in (-1, 1).
///
/// The tensor path computes the same; this form is for curves and tests.
#[must_use]
pub fn target_logit(cosine: f64, margins: &Margins) -> (f64, f64) {
    let angle = cosine.acos();
    let turned = margins.m1 * angle + margins.m2;
    let folds = (turned / PI).floor();
    let sign = 1.0 - 2.0 * folds.rem_euclid(2.0);
    let value = sign * turned.cos() - 2.0 * folds - margins.m3;
    (value, margins.m1 * sign * turned.sin() / angle.sin())
}

/// The class centres, and the loss over them.
#[derive(Module, Debug)]
pub struct MarginHead {
    /// Class centres, `[classes, embedding]`; only their directions matter.
    pub weight: Param<Tensor<2>>,
    #[module(skip)]
    margins: Margins,
}

/// What a batch gave.
pub struct MarginOutput {
    /// Mean cross-entropy, `[1]`.
    pub loss: Tensor<1>,
    /// Cosine of each embedding to its own class's centre, `[batch]`, no gradient.
    pub target_cosine: Tensor<1>,
}

impl MarginHead {
    /// Centres in random directions, of about unit length: shorter ones would turn faster than the network learns, and
    /// their gradients would fill the clipping norm.
    ///
    /// # Errors
    /// Margins out of range.
    pub fn new(
        classes: usize,
        embedding: usize,
        margins: Margins,
        seed: u64,
        device: &Device,
    ) -> Result<Self, MarginError> {
        margins.check()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let deviation = 1.0 / (embedding as f64).sqrt();
        let weight = normal([classes, embedding], deviation, &mut rng, device);
        Ok(Self { weight: Param::from_tensor(weight), margins })
    }

    /// `embeddings [batch, embedding]` of any length and their classes `labels [batch]`.
    pub fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> MarginOutput {
        let [batch, _] = embeddings.dims();
        let labels = labels.reshape([batch, 1]);
        let cosine = unit_rows(embeddings).matmul(unit_rows(self.weight.val()).transpose());
        let target = cosine.clone().gather(1, labels.clone());
        let gain = self.target_logit(target.clone()) - target.clone();
        let logits = cosine.scatter(1, labels.clone(), gain, IndexingUpdateOp::Add);
        let log_probability = log_softmax(logits.mul_scalar(self.margins.scale), 1);
        MarginOutput {
            loss: log_probability.gather(1, labels).mean().neg(),
            target_cosine: target.detach().reshape([batch]),
        }
    }

    /// [`target_logit`] of a column of cosines.
    fn target_logit(&self, cosine: Tensor<2>) -> Tensor<2> {
        let Margins { m1, m2, m3, .. } = self.margins;
        let angle = cosine.clamp(-COSINE_LIMIT, COSINE_LIMIT).acos();
        let turned = angle.mul_scalar(m1).add_scalar(m2);
        let folds = turned.clone().detach().div_scalar(PI).floor();
        let odd = folds.clone() - folds.clone().div_scalar(2.0).floor().mul_scalar(2.0);
        let sign = odd.mul_scalar(-2.0).add_scalar(1.0);
        sign * turned.cos() - folds.mul_scalar(2.0).add_scalar(m3)
    }
}

/// Every row divided by its length.
pub(crate) fn unit_rows(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(SHORTEST);
    rows / length
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KINDS: [Margins; 5] = [
        Margins { m1: 1.0, m2: 0.5, m3: 0.0, scale: 64.0 },
        Margins { m1: 1.0, m2: 0.0, m3: 0.35, scale: 64.0 },
        Margins { m1: 4.0, m2: 0.0, m3: 0.0, scale: 30.0 },
        Margins { m1: 0.9, m2: 0.4, m3: 0.15, scale: 64.0 },
        Margins { m1: 1.5, m2: 3.0, m3: 1.0, scale: 64.0 },
    ];

    /// Angles from a tenth of a degree to 179.9, both ends included.
    fn angles() -> impl Iterator<Item = f64> {
        (0..=3600).map(|i| (0.1 + 179.8 * f64::from(i) / 3600.0).to_radians())
    }

    #[test]
    fn target_logit_is_the_papers_inside_its_range() {
        for margins in KINDS {
            for angle in angles().filter(|t| margins.m1 * t + margins.m2 < PI) {
                let expected = (margins.m1 * angle + margins.m2).cos() - margins.m3;
                let (got, _) = target_logit(angle.cos(), &margins);
                assert!((got - expected).abs() < 1e-12, "{margins:?} at {angle}");
            }
        }
    }

    #[test]
    fn target_logit_falls_with_the_angle_without_a_jump() {
        for margins in KINDS {
            let values: Vec<f64> = angles().map(|t| target_logit(t.cos(), &margins).0).collect();
            for pair in values.windows(2) {
                let fall = pair[0] - pair[1];
                // The steepest of these curves falls by m1 a radian, and a step is 0.05 degrees.
                assert!((0.0..=0.0009 * margins.m1).contains(&fall), "{margins:?} falls by {fall}");
            }
        }
    }

    #[test]
    fn target_logit_derivative_equals_finite_differences() {
        for margins in KINDS {
            for angle in angles() {
                let cosine = angle.cos();
                let h = 1e-5 * angle.sin().powi(2);
                let value = |c: f64| target_logit(c, &margins).0;
                let numeric = (value(cosine + h) - value(cosine - h)) / (2.0 * h);
                let (_, exact) = target_logit(cosine, &margins);
                assert!(
                    (numeric - exact).abs() < 1e-4 * (1.0 + exact.abs()),
                    "{margins:?} at {angle}: {numeric} against {exact}"
                );
            }
        }
    }

    /// Loss of one embedding on a plane: class `j`'s centre stands at `centres[j]` radians, the embedding at `angle`.
    fn loss_f64(angle: f64, centres: &[f64], label: usize, margins: &Margins) -> f64 {
        let logits: Vec<f64> = centres
            .iter()
            .enumerate()
            .map(|(j, centre)| {
                let cosine = (angle - centre).cos();
                let logit = if j == label { target_logit(cosine, margins).0 } else { cosine };
                margins.scale * logit
            })
            .collect();
        let most = logits.iter().copied().fold(f64::MIN, f64::max);
        most + logits.iter().map(|l| (l - most).exp()).sum::<f64>().ln() - logits[label]
    }

    #[test]
    fn head_equals_the_formula_and_its_finite_difference() {
        let device = Device::flex().autodiff();
        let centres = [0.3, 1.7, 3.9];
        for margins in KINDS {
            // The last one stands 172 degrees from its centre: past pi with every margin but CosFace's.
            for angle in [0.4, 1.2, 2.0, 2.9, 3.3] {
                let flat: Vec<f32> = centres
                    .iter()
                    .flat_map(|c: &f64| [2.0 * c.cos() as f32, 2.0 * c.sin() as f32])
                    .collect();
                let mut head = MarginHead::new(3, 2, margins, 0, &device).unwrap();
                let weight = Tensor::<1>::from_floats(&flat[..], &device).reshape([3, 2]);
                head.weight = Param::from_tensor(weight);
                let x = [3.0 * f64::cos(angle) as f32, 3.0 * f64::sin(angle) as f32];
                let x = Tensor::<2>::from_floats([x], &device).require_grad();
                let output = head.forward(x.clone(), Tensor::from_ints([0], &device));
                let loss: f32 = output.loss.clone().into_scalar();
                let expected = loss_f64(angle, &centres, 0, &margins);
                assert!(
                    (f64::from(loss) - expected).abs() < 2e-5 * (1.0 + expected),
                    "{margins:?} at {angle}: {loss} against {expected}"
                );
                let gradient: Vec<f32> =
                    x.grad(&output.loss.backward()).unwrap().into_data().try_to_vec().unwrap();
                // Moving along the circle of radius 3 by one radian moves the point by 3.
                let along = 3.0
                    * (-f64::from(gradient[0]) * angle.sin()
                        + f64::from(gradient[1]) * angle.cos());
                let across =
                    f64::from(gradient[0]) * angle.cos() + f64::from(gradient[1]) * angle.sin();
                let h = 1e-6;
                let numeric = (loss_f64(angle + h, &centres, 0, &margins)
                    - loss_f64(angle - h, &centres, 0, &margins))
                    / (2.0 * h);
                assert!(
                    (along - numeric).abs() < 2e-3 * (1.0 + numeric.abs()),
                    "{margins:?} at {angle}: gradient {along} against {numeric}"
                );
                assert!(
                    across.abs() < 1e-3 * (1.0 + along.abs()),
                    "length changes the loss: {across}"
                );
            }
        }
    }

    #[test]
    fn rejects_range() {
        let error = Margins { m2: -0.1, ..Margins::default() }.check();
        let expected = MarginError::Range { name: "m2", value: -0.1, least: 0.0, most: PI };
        assert_eq!(error, Err(expected));
        assert!(Margins { m3: f64::NAN, ..Margins::default() }.check().is_err());
    }
}
