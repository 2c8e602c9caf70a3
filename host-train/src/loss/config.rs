//! Which loss, and its numbers: plain values with the papers' defaults, saved with a run's settings.

use super::adaface::image_curve;
use super::margin::TargetCurve;
use super::sphereface::Annealing;
use core::f64::consts::PI;
use serde::{Deserialize, Serialize};

/// A loss and its numbers. In JSON the field `name` says which.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LossConfig {
    /// `w[j] . x + b[j]`.
    Softmax {},
    /// `|x| cos t[j]`: softmax with centres of unit length and no bias.
    SoftmaxNormalised {},
    /// SphereFace on the embedding's own length.
    Sphereface {
        /// Multiplies the angle, 1 to 4.
        m: u32,
        /// How the plain cosine is faded out.
        annealing: Annealing,
    },
    /// SphereFace with `scale` in place of the embedding's length.
    SpherefaceNormalised {
        /// Multiplies the angle, 1 to 4.
        m: u32,
        /// How the plain cosine is faded out.
        annealing: Annealing,
        /// Multiplies all logits.
        scale: f64,
    },
    /// `s (cos t - m)`.
    Cosface {
        /// Taken from the cosine.
        m: f64,
        /// Multiplies all logits.
        scale: f64,
    },
    /// `s cos(t + m)`.
    Arcface {
        /// Added to the angle, radians.
        m: f64,
        /// Multiplies all logits.
        scale: f64,
    },
    /// `s (cos(m1 t + m2) - m3)`.
    Combined {
        /// Multiplies the angle.
        m1: f64,
        /// Added to the angle, radians.
        m2: f64,
        /// Taken from the cosine.
        m3: f64,
        /// Multiplies all logits.
        scale: f64,
    },
    /// ArcFace to the nearest of several centres a class.
    SubcenterArcface {
        /// Added to the angle, radians.
        m: f64,
        /// Centres a class.
        centres: usize,
        /// Multiplies all logits.
        scale: f64,
    },
    /// Margins by the length of the embedding.
    Adaface {
        /// Margin.
        m: f64,
        /// Deviations of length, as their inverse, at which a face counts as of the best or the worst quality.
        concentration: f64,
        /// Multiplies all logits.
        scale: f64,
    },
}

impl Default for LossConfig {
    /// ArcFace with the paper's margin and scale.
    fn default() -> Self {
        Self::Arcface { m: 0.5, scale: 64.0 }
    }
}

/// A loss that can't be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// No loss of this name.
    #[error("no loss is called \"{0}\": choose one of {names}", names = LossConfig::names().join(", "))]
    Unknown(String),
    /// A setting of other losses.
    #[error("{loss} has no {setting}: leave it out, or choose another loss")]
    Foreign {
        /// Which loss.
        loss: &'static str,
        /// What was asked for.
        setting: &'static str,
    },
    /// A number out of its range.
    #[error("{name} of {loss} is {value}: it must be between {least} and {most}")]
    Range {
        /// Which loss.
        loss: &'static str,
        /// Which number.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// Least allowed.
        least: f64,
        /// Most allowed.
        most: f64,
    },
}

impl LossConfig {
    /// Every loss with its default numbers.
    #[must_use]
    pub fn all() -> [Self; 9] {
        let (scale, annealing) = (64.0, Annealing::default());
        [
            Self::Softmax {},
            Self::SoftmaxNormalised {},
            Self::Sphereface { m: 4, annealing },
            Self::SpherefaceNormalised { m: 4, annealing, scale },
            Self::Cosface { m: 0.35, scale },
            Self::default(),
            Self::Combined { m1: 1.0, m2: 0.3, m3: 0.2, scale },
            Self::SubcenterArcface { m: 0.5, centres: 3, scale },
            Self::Adaface { m: 0.4, concentration: 0.333, scale },
        ]
    }

    /// The names that [`Self::named`] takes.
    #[must_use]
    pub fn names() -> [&'static str; 9] {
        Self::all().map(|loss| loss.name())
    }

    /// The loss of this name with its default numbers.
    ///
    /// # Errors
    /// [`LossError::Unknown`], with the names there are.
    pub fn named(name: &str) -> Result<Self, LossError> {
        let found = Self::all().into_iter().find(|loss| loss.name() == name);
        found.ok_or_else(|| LossError::Unknown(name.to_owned()))
    }

    /// The name, as `--loss` and `config.json` have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Softmax {} => "softmax",
            Self::SoftmaxNormalised {} => "softmax-normalised",
            Self::Sphereface { .. } => "sphereface",
            Self::SpherefaceNormalised { .. } => "sphereface-normalised",
            Self::Cosface { .. } => "cosface",
            Self::Arcface { .. } => "arcface",
            Self::Combined { .. } => "combined",
            Self::SubcenterArcface { .. } => "subcenter-arcface",
            Self::Adaface { .. } => "adaface",
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), LossError> {
        let angle = |m| ("m", m, 0.0, PI);
        let factor = |m: u32| ("m", f64::from(m), 1.0, 4.0);
        let numbers = match *self {
            Self::Softmax {} | Self::SoftmaxNormalised {} => vec![],
            Self::Sphereface { m, .. } | Self::SpherefaceNormalised { m, .. } => vec![factor(m)],
            Self::Cosface { m, .. } => vec![("m", m, 0.0, 1.0)],
            Self::Arcface { m, .. } => vec![angle(m)],
            Self::Combined { m1, m2, m3, .. } => {
                vec![("m1", m1, 0.1, 4.0), ("m2", m2, 0.0, PI), ("m3", m3, 0.0, 1.0)]
            }
            Self::SubcenterArcface { m, centres, .. } => {
                vec![angle(m), ("number of centres", centres as f64, 1.0, 16.0)]
            }
            Self::Adaface { m, concentration, .. } => {
                vec![("m", m, 0.0, 1.0), ("concentration", concentration, 0.01, 10.0)]
            }
        };
        let annealing = self.annealing().map_or(vec![], |Annealing { start, end, rate }| {
            vec![
                ("start of the annealing", start, 0.0, 1e6),
                ("end of the annealing", end, 0.0, start),
                ("rate of the annealing", rate, 0.0, 1e3),
            ]
        });
        let scale = self.scale().map(|scale| ("scale", scale, 1.0, 256.0));
        for (name, value, least, most) in numbers.into_iter().chain(annealing).chain(scale) {
            if !(least..=most).contains(&value) {
                return Err(LossError::Range { loss: self.name(), name, value, least, most });
            }
        }
        Ok(())
    }

    /// The scale that stands for the embedding's length; none where that length itself counts.
    #[must_use]
    pub fn scale(&self) -> Option<f64> {
        match *self {
            Self::Softmax {} | Self::SoftmaxNormalised {} | Self::Sphereface { .. } => None,
            Self::SpherefaceNormalised { scale, .. }
            | Self::Cosface { scale, .. }
            | Self::Arcface { scale, .. }
            | Self::Combined { scale, .. }
            | Self::SubcenterArcface { scale, .. }
            | Self::Adaface { scale, .. } => Some(scale),
        }
    }

    /// SphereFace's annealing.
    #[must_use]
    pub fn annealing(&self) -> Option<Annealing> {
        match *self {
            Self::Sphereface { annealing, .. } | Self::SpherefaceNormalised { annealing, .. } => {
                Some(annealing)
            }
            _ => None,
        }
    }

    /// Centres a class.
    #[must_use]
    pub fn centres(&self) -> usize {
        if let Self::SubcenterArcface { centres, .. } = *self { centres } else { 1 }
    }

    /// Whether centres keep their lengths and have an offset each: plain softmax.
    #[must_use]
    pub fn has_bias(&self) -> bool {
        matches!(self, Self::Softmax {})
    }

    /// Whether the true class's logit differs from the others'.
    #[must_use]
    pub fn has_margin(&self) -> bool {
        !matches!(self, Self::Softmax {} | Self::SoftmaxNormalised {})
    }

    /// The true class's logit by its angle at `step`, before [`Self::scale`] or the embedding's length. AdaFace's is that of a
    /// face of middling quality; [`image_curve`] gives the others.
    #[must_use]
    pub fn curve(&self, step: u64) -> TargetCurve {
        let plain = TargetCurve::PLAIN;
        match *self {
            Self::Softmax {} | Self::SoftmaxNormalised {} => plain,
            Self::Sphereface { m, annealing } | Self::SpherefaceNormalised { m, annealing, .. } => {
                annealing.curve(m, step)
            }
            Self::Cosface { m, .. } => TargetCurve { m3: m, ..plain },
            Self::Arcface { m, .. } | Self::SubcenterArcface { m, .. } => {
                TargetCurve { m2: m, ..plain }
            }
            Self::Combined { m1, m2, m3, .. } => TargetCurve { m1, m2, m3, lambda: 0.0 },
            Self::Adaface { m, .. } => image_curve(m, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_loss_is_in_range_keeps_its_name_and_survives_json() {
        for loss in LossConfig::all() {
            assert_eq!(loss.check(), Ok(()));
            assert_eq!(LossConfig::named(loss.name()), Ok(loss));
            let text = serde_json::to_string(&loss).unwrap();
            assert!(text.starts_with(&format!("{{\"name\":\"{}\"", loss.name())), "{text}");
            assert_eq!(serde_json::from_str::<LossConfig>(&text).unwrap(), loss);
            let more = text.replacen('{', "{\"margin\":1,", 1);
            assert!(serde_json::from_str::<LossConfig>(&more).is_err(), "{more}");
        }
    }

    #[test]
    fn curves_are_the_combined_margins_cases() {
        let combined = |m1, m2, m3| LossConfig::Combined { m1, m2, m3, scale: 64.0 }.curve(0);
        let named = |name| LossConfig::named(name).unwrap().curve(0);
        assert_eq!(named("arcface"), combined(1.0, 0.5, 0.0));
        assert_eq!(named("subcenter-arcface"), combined(1.0, 0.5, 0.0));
        assert_eq!(named("cosface"), combined(1.0, 0.0, 0.35));
        assert_eq!(named("softmax"), combined(1.0, 0.0, 0.0));
    }

    #[test]
    fn rejects_unknown() {
        let error = LossConfig::named("triplet").unwrap_err();
        assert_eq!(error, LossError::Unknown("triplet".to_owned()));
        assert!(error.to_string().contains("adaface"), "{error}");
    }

    #[test]
    fn rejects_range() {
        let error = LossConfig::Arcface { m: -0.1, scale: 64.0 }.check();
        let (loss, name, least) = ("arcface", "m", 0.0);
        let expected = LossError::Range { loss, name, value: -0.1, least, most: PI };
        assert_eq!(error, Err(expected));
        let annealing = Annealing::default();
        let rising = Annealing { start: 1.0, ..annealing };
        for loss in [
            LossConfig::Cosface { m: f64::NAN, scale: 64.0 },
            LossConfig::Combined { m1: 0.0, m2: 0.5, m3: 0.0, scale: 64.0 },
            LossConfig::Sphereface { m: 5, annealing },
            LossConfig::Sphereface { m: 2, annealing: rising },
            LossConfig::SpherefaceNormalised { m: 4, annealing, scale: 0.0 },
            LossConfig::SubcenterArcface { m: 0.5, centres: 0, scale: 64.0 },
            LossConfig::Adaface { m: 0.4, concentration: 0.0, scale: 64.0 },
        ] {
            assert!(matches!(loss.check(), Err(LossError::Range { .. })), "{loss:?}");
        }
    }
}
