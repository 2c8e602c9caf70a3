//! The loss's flags: which loss, and the numbers that it has. A number that the chosen loss does not have is refused.

use super::failure::Failure;
use crate::loss::{Annealing, HeadConfig, LossConfig, LossError, MarginGradient};

/// Which loss, and how the class centres learn.
#[derive(clap::Args)]
pub(crate) struct LossArgs {
    /// softmax, softmax-normalised, sphereface, sphereface-normalised, cosface, arcface, combined, subcenter-arcface or
    /// adaface [default: arcface; combined where --margins stands alone].
    #[arg(long, value_name = "LOSS")]
    loss: Option<String>,
    /// The loss's margins: m1,m2,m3 of s (cos(m1 t + m2) - m3), m2 in radians, for combined; one number for the others. Defaults:
    /// arcface and subcenter-arcface 0.5, cosface 0.35, adaface 0.4, combined 1,0.3,0.2; sphereface 4, a whole number to 4.
    #[arg(long, value_name = "M", value_delimiter = ',')]
    margins: Option<Vec<f64>>,
    /// The loss's scale s [default: 64]. softmax, softmax-normalised and sphereface take the embedding's length instead.
    #[arg(long, value_name = "S")]
    scale: Option<f64>,
    /// Centres a class, for subcenter-arcface [default: 3].
    #[arg(long, value_name = "K")]
    centres: Option<usize>,
    /// Weight of the plain cosine beside sphereface's margin: max(END, START / (1 + RATE step)) [default: 1500,5,0.1].
    #[arg(long, value_name = "START,END,RATE", value_delimiter = ',')]
    annealing: Option<Vec<f64>>,
    /// Deviations of embedding length, as their inverse, that adaface takes for the best or worst quality [default: 0.333].
    #[arg(long, value_name = "H")]
    concentration: Option<f64>,
    /// The margin's own slope, or 1 as in much published code [default: exact].
    #[arg(long)]
    margin_gradient: Option<MarginGradientName>,
    /// Share of the classes that take part in a step; those of the batch always do [default: 1]. Saves memory and time with 10^5
    /// identities and more.
    #[arg(long, value_name = "SHARE")]
    class_sample: Option<f64>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum MarginGradientName {
    Exact,
    StraightThrough,
}

impl LossArgs {
    /// The flags with whether they were given.
    pub(super) fn given(&self) -> [(&'static str, bool); 8] {
        [
            ("--loss", self.loss.is_some()),
            ("--margins", self.margins.is_some()),
            ("--scale", self.scale.is_some()),
            ("--centres", self.centres.is_some()),
            ("--annealing", self.annealing.is_some()),
            ("--concentration", self.concentration.is_some()),
            ("--margin-gradient", self.margin_gradient.is_some()),
            ("--class-sample", self.class_sample.is_some()),
        ]
    }

    /// The loss and the head that the flags ask for.
    pub(super) fn config(&self) -> Result<(LossConfig, HeadConfig), Failure> {
        let default = if self.margins.is_some() { "combined" } else { "arcface" };
        let mut loss = LossConfig::named(self.loss.as_deref().unwrap_or(default))?;
        self.set_margins(&mut loss)?;
        let name = loss.name();
        set(name, "scale", self.scale, scale(&mut loss))?;
        set(name, "number of centres", self.centres, centres(&mut loss))?;
        set(name, "concentration", self.concentration, concentration(&mut loss))?;
        self.set_annealing(&mut loss)?;
        let head = HeadConfig {
            margin_gradient: match self.margin_gradient {
                Some(MarginGradientName::StraightThrough) => MarginGradient::StraightThrough,
                Some(MarginGradientName::Exact) | None => MarginGradient::Exact,
            },
            class_sample: self.class_sample.unwrap_or(1.0),
        };
        Ok((loss, head))
    }
}

impl LossArgs {
    fn set_margins(&self, loss: &mut LossConfig) -> Result<(), Failure> {
        let Some(given) = self.margins.as_deref() else {
            return Ok(());
        };
        let name = loss.name();
        let wrong = |takes: &str| {
            let count = given.len();
            Err(Failure::Input(format!("--margins of {name} takes {takes}; {count} were given")))
        };
        match (loss, given) {
            (LossConfig::Softmax {} | LossConfig::SoftmaxNormalised {}, _) => {
                Err(LossError::Foreign { loss: name, setting: "margin" }.into())
            }
            (LossConfig::Combined { m1, m2, m3, .. }, &[factor, angle, cosine]) => {
                (*m1, *m2, *m3) = (factor, angle, cosine);
                Ok(())
            }
            (LossConfig::Combined { .. }, _) => wrong("three numbers m1,m2,m3, as 1,0.5,0"),
            (
                LossConfig::Sphereface { m, .. } | LossConfig::SpherefaceNormalised { m, .. },
                &[factor],
            ) => {
                if factor.fract() != 0.0 || !(1.0..=4.0).contains(&factor) {
                    let message = format!("m of {name} is {factor}: it must be 1, 2, 3 or 4");
                    return Err(Failure::Input(message));
                }
                *m = factor as u32;
                Ok(())
            }
            (
                LossConfig::Cosface { m, .. }
                | LossConfig::Arcface { m, .. }
                | LossConfig::SubcenterArcface { m, .. }
                | LossConfig::Adaface { m, .. },
                &[margin],
            ) => {
                *m = margin;
                Ok(())
            }
            _ => wrong("one number"),
        }
    }

    fn set_annealing(&self, loss: &mut LossConfig) -> Result<(), Failure> {
        let annealing = match self.annealing.as_deref() {
            None => None,
            Some(&[start, end, rate]) => Some(Annealing { start, end, rate }),
            Some(other) => {
                return Err(Failure::Input(format!(
                    "--annealing takes three numbers START,END,RATE, as 1500,5,0.1; {} were given",
                    other.len()
                )));
            }
        };
        let name = loss.name();
        let field = match loss {
            LossConfig::Sphereface { annealing, .. }
            | LossConfig::SpherefaceNormalised { annealing, .. } => Some(annealing),
            _ => None,
        };
        set(name, "annealing", annealing, field)
    }
}

/// Puts a value that was given in its field, when the loss has one.
fn set<T>(
    loss: &'static str,
    setting: &'static str,
    given: Option<T>,
    field: Option<&mut T>,
) -> Result<(), Failure> {
    match (given, field) {
        (None, _) => Ok(()),
        (Some(given), Some(field)) => {
            *field = given;
            Ok(())
        }
        (Some(_), None) => Err(LossError::Foreign { loss, setting }.into()),
    }
}

fn scale(loss: &mut LossConfig) -> Option<&mut f64> {
    match loss {
        LossConfig::Softmax {}
        | LossConfig::SoftmaxNormalised {}
        | LossConfig::Sphereface { .. } => None,
        LossConfig::SpherefaceNormalised { scale, .. }
        | LossConfig::Cosface { scale, .. }
        | LossConfig::Arcface { scale, .. }
        | LossConfig::Combined { scale, .. }
        | LossConfig::SubcenterArcface { scale, .. }
        | LossConfig::Adaface { scale, .. } => Some(scale),
    }
}

fn centres(loss: &mut LossConfig) -> Option<&mut usize> {
    if let LossConfig::SubcenterArcface { centres, .. } = loss { Some(centres) } else { None }
}

fn concentration(loss: &mut LossConfig) -> Option<&mut f64> {
    if let LossConfig::Adaface { concentration, .. } = loss { Some(concentration) } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        loss: LossArgs,
    }

    fn config(flags: &str) -> Result<(LossConfig, HeadConfig), String> {
        let words = std::iter::once("flags").chain(flags.split_whitespace());
        let flags = Flags::try_parse_from(words).map_err(|error| error.to_string())?;
        flags.loss.config().map_err(|failure| match failure {
            Failure::Input(text) | Failure::Check(text) => text,
        })
    }

    #[test]
    fn flags_set_the_losses_numbers() {
        let whole = HeadConfig::default();
        let annealing = Annealing::default();
        for (flags, loss) in [
            ("", LossConfig::default()),
            (
                "--margins 0.9,0.4,0.15",
                LossConfig::Combined { m1: 0.9, m2: 0.4, m3: 0.15, scale: 64.0 },
            ),
            (
                "--loss cosface --margins 0.4 --scale 30",
                LossConfig::Cosface { m: 0.4, scale: 30.0 },
            ),
            ("--loss sphereface --margins 2", LossConfig::Sphereface { m: 2, annealing }),
            (
                "--loss sphereface-normalised --annealing 9,2,1",
                LossConfig::SpherefaceNormalised {
                    m: 4,
                    annealing: Annealing { start: 9.0, end: 2.0, rate: 1.0 },
                    scale: 64.0,
                },
            ),
            (
                "--loss subcenter-arcface --centres 5",
                LossConfig::SubcenterArcface { m: 0.5, centres: 5, scale: 64.0 },
            ),
            (
                "--loss adaface --concentration 0.5",
                LossConfig::Adaface { m: 0.4, concentration: 0.5, scale: 64.0 },
            ),
        ] {
            assert_eq!(config(flags), Ok((loss, whole)), "{flags}");
        }
        let (_, head) = config("--margin-gradient straight-through --class-sample 0.1").unwrap();
        let margin_gradient = MarginGradient::StraightThrough;
        assert_eq!(head, HeadConfig { margin_gradient, class_sample: 0.1 });
    }

    #[test]
    fn rejects_numbers_that_the_loss_does_not_have() {
        for (flags, words) in [
            ("--loss softmax --scale 30", "softmax has no scale"),
            ("--loss softmax-normalised --margins 0.5", "softmax-normalised has no margin"),
            ("--loss sphereface --scale 30", "sphereface has no scale"),
            ("--loss arcface --centres 3", "arcface has no number of centres"),
            ("--loss cosface --annealing 9,2,1", "cosface has no annealing"),
            ("--loss arcface --concentration 0.3", "arcface has no concentration"),
            ("--loss arcface --margins 1,0.5,0", "arcface takes one number; 3"),
            ("--margins 1,2", "combined takes three numbers m1,m2,m3, as 1,0.5,0; 2"),
            ("--loss sphereface --margins 1.35", "m of sphereface is 1.35"),
            ("--loss sphereface --annealing 9", "three numbers START,END,RATE"),
            ("--loss triplet", "choose one of softmax, "),
        ] {
            let error = config(flags).unwrap_err();
            assert!(error.contains(words), "{flags}: {error}");
        }
    }
}
