//! What an ONNX network's pixels must be, on the command line: no ONNX file says it.

use super::failure::Failure;
use crate::graph::Normalisation;
use clap::ValueEnum;

/// How pixels become the numbers that an ONNX network expects: (pixel - mean) / std, each channel by itself.
#[derive(clap::Args)]
#[command(next_help_heading = "Pixels of an ONNX network")]
pub(crate) struct PixelArgs {
    /// Which colour the network's first channel is.
    #[arg(long, value_name = "ORDER", requires_all = ["mean", "std"])]
    input: Option<ColourOrder>,
    /// Subtracted, one number or one a channel, pixels being 0 to 255; or, when --std is below 1, pixels being 0 to 1.
    #[arg(long, value_delimiter = ',', value_name = "M[,M,M]", requires = "input")]
    mean: Vec<f32>,
    /// Divided by, one number or one a channel, in the unit of --mean.
    #[arg(long, value_delimiter = ',', value_name = "S[,S,S]", requires = "input")]
    std: Vec<f32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ColourOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

impl PixelArgs {
    /// What was said, if anything was.
    pub(crate) fn normalisation(&self) -> Result<Option<Normalisation>, Failure> {
        let Some(order) = self.input else { return Ok(None) };
        let (mean, std) = (channels("--mean", &self.mean)?, channels("--std", &self.std)?);
        // Nobody divides whole pixels by less than one.
        let unit = if std.iter().all(|s| s.abs() < 1.0) { 255.0 } else { 1.0 };
        if let Some(bad) = mean.iter().chain(&std).find(|v| !v.is_finite()) {
            return Err(Failure::Input(format!("--mean and --std are numbers, not {bad}")));
        }
        if std.iter().any(|s| !s.is_normal()) {
            return Err(Failure::Input("--std divides, so it cannot be 0".to_owned()));
        }
        Ok(Some(Normalisation {
            bgr: matches!(order, ColourOrder::Bgr),
            mean: mean.map(|m| unit * m),
            deviation: std.map(|s| unit * s),
        }))
    }
}

fn channels(name: &str, values: &[f32]) -> Result<[f32; 3], Failure> {
    match values[..] {
        [one] => Ok([one; 3]),
        [a, b, c] => Ok([a, b, c]),
        _ => Err(Failure::Input(format!(
            "{name} takes one number or three, one a channel, not {}",
            values.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(mean: &[f32], std: &[f32]) -> Option<Normalisation> {
        let (mean, std) = (mean.to_vec(), std.to_vec());
        let args = PixelArgs { input: Some(ColourOrder::Bgr), mean, std };
        args.normalisation().ok().flatten()
    }

    #[test]
    fn a_deviation_below_one_is_a_share_of_255() {
        let whole = parsed(&[127.5], &[128.0]);
        let (mean, deviation) = ([127.5; 3], [128.0; 3]);
        assert_eq!(whole, Some(Normalisation { bgr: true, mean, deviation }));
        let shares = parsed(&[0.5, 0.0, 1.0], &[0.5, 0.25, 0.75]);
        let (mean, deviation) = ([127.5, 0.0, 255.0], [127.5, 63.75, 191.25]);
        assert_eq!(shares, Some(Normalisation { bgr: true, mean, deviation }));
        assert_eq!(parsed(&[0.0], &[1.0]).map(|n| n.deviation), Some([1.0; 3]));
    }

    #[test]
    fn rejects_counts_and_numbers_that_mean_nothing() {
        for (mean, std) in [
            (&[1.0, 2.0][..], &[1.0][..]),
            (&[1.0], &[]),
            (&[1.0], &[0.0]),
            (&[f32::NAN], &[1.0]),
            (&[1.0], &[f32::INFINITY]),
        ] {
            assert_eq!(parsed(mean, std), None, "{mean:?} {std:?}");
        }
    }
}
