//! What an image's pixels become before they enter a network that came from elsewhere: no ONNX file says it.

use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// `(pixel - mean[c]) / deviation[c]`, pixels 0 to 255.
///
/// Written `rgb,127.5,128` or, a channel each, `bgr,104/117/123,1/1/1`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Whether channel 0 is blue.
    pub bgr: bool,
    /// Subtracted, a channel each in the network's order, pixel units.
    pub mean: [f32; 3],
    /// Divided by, pixel units, not 0.
    pub deviation: [f32; 3],
}

impl Default for Normalisation {
    /// From -1 to 1, red first: what most face networks are trained on.
    fn default() -> Self {
        Self { bgr: false, mean: [127.5; 3], deviation: [127.5; 3] }
    }
}

/// Text that is no normalisation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not ORDER,MEAN,DEVIATION as rgb,127.5,128 or bgr,104/117/123,1: one number or one a channel, in pixel units"
)]
pub struct NormalisationError(String);

impl FromStr for Normalisation {
    type Err = NormalisationError;

    fn from_str(text: &str) -> Result<Self, NormalisationError> {
        parse(text).ok_or_else(|| NormalisationError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Normalisation> {
    let [order, mean, deviation] = text.split(',').collect::<Vec<_>>()[..] else { return None };
    let bgr = match order {
        "rgb" => false,
        "bgr" => true,
        _ => return None,
    };
    let (mean, deviation) = (channels(mean)?, channels(deviation)?);
    let sound = mean.iter().all(|m| m.is_finite()) && deviation.iter().all(|d| d.is_normal());
    sound.then_some(Normalisation { bgr, mean, deviation })
}

/// One number for all channels, or three.
fn channels(text: &str) -> Option<[f32; 3]> {
    let numbers: Option<Vec<f32>> = text.split('/').map(|number| number.parse().ok()).collect();
    match numbers?[..] {
        [one] => Some([one; 3]),
        [a, b, c] => Some([a, b, c]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_or_one_a_channel() {
        assert_eq!("rgb,127.5,127.5".parse(), Ok(Normalisation::default()));
        let parsed = "bgr,104/117/123,1".parse();
        let mean = [104.0, 117.0, 123.0];
        assert_eq!(parsed, Ok(Normalisation { bgr: true, mean, deviation: [1.0; 3] }));
    }

    #[test]
    fn rejects_normalisation_error() {
        for text in [
            "",
            "rgb",
            "rgb,1",
            "grey,1,1",
            "rgb,1/2,1",
            "rgb,1,0",
            "rgb,x,1",
            "rgb,nan,1",
            "rgb,1,1,1",
        ] {
            let error = text.parse::<Normalisation>();
            assert_eq!(error, Err(NormalisationError(text.to_owned())));
        }
    }
}
