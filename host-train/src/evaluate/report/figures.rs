//! The report's four charts: which data goes on which axes, and how to read it.

use super::{
    AngleStage, LossPoint, ScoreFigures,
    axis::Axis,
    chart::{Chart, Ink, Series, Stroke},
};
use crate::evaluate::Histogram;

/// Points along a line beyond which more would not show.
const SHOWN: usize = 300;

/// Loss over steps: each step faint, a running mean strong.
pub(super) fn loss(points: &[LossPoint]) -> Chart {
    let raw: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (point.step as f64, point.loss))
        .filter(|(_, loss)| loss.is_finite())
        .collect();
    let smooth = running_mean(&raw);
    let highest = raw.iter().map(|&(_, loss)| loss).fold(0.0, f64::max);
    let lowest = raw.iter().map(|&(_, loss)| loss).fold(0.0, f64::min);
    let last_step = raw.last().map_or(1.0, |&(step, _)| step);
    let series = |label: &str, ink, stroke, points| Series {
        label: label.into(),
        ink,
        stroke,
        filled: false,
        points,
    };
    Chart {
        title: "Training loss".into(),
        reading: "A falling line that levels out is what training should look like.".into(),
        x: Axis::exact("step", raw.first().map_or(0.0, |&(step, _)| step), last_step),
        y: Axis::rounded("loss", lowest, highest),
        series: vec![
            series("each step", Ink::Quiet, Stroke::Thin, extremes(&raw)),
            series("running mean", Ink::End, Stroke::Solid, thinned(&smooth)),
        ],
        patches: vec![],
        marker: None,
    }
}

/// Histograms of the angle between an embedding and its own class centre.
pub fn angles(title: &str, stages: &[AngleStage]) -> Chart {
    let histograms: Vec<&Histogram> = stages.iter().map(|stage| &stage.angles).collect();
    let (low, high) = occupied(&histograms);
    let last = stages.len().saturating_sub(1);
    let series = stages.iter().enumerate().map(|(index, stage)| {
        let (ink, stroke) = match index {
            i if i == last => (Ink::End, Stroke::Solid),
            0 => (Ink::Start, Stroke::Dotted),
            _ => (Ink::Middle, Stroke::Dashed),
        };
        let mean = stage.angles.mean().map_or(String::new(), |mean| format!(", mean {mean:.1}°"));
        let label = format!("{}{mean}", stage.label);
        Series { label, ink, stroke, filled: true, points: outline(&stage.angles) }
    });
    Chart {
        title: title.into(),
        reading: "A loss that works pulls the embeddings of a person towards one direction: the angles shrink as it trains.".into(),
        x: Axis::rounded("angle, degrees", low, high),
        y: Axis::rounded("share of images, %", 0.0, tallest(&histograms)),
        series: series.collect(),
        patches: vec![],
        marker: None,
    }
}

/// ROC on a logarithmic FAR axis.
pub fn roc(scores: &ScoreFigures) -> Chart {
    let both = || scores.float.curve.iter().chain(&scores.int8.curve);
    let lowest_far = both().map(|point| point.far).fold(0.1, f64::min);
    // At least the top ten points are shown, or two curves near 1 would look far apart.
    let lowest_tar = both().map(|point| point.tar).fold(0.9, f64::min);
    let line = |label: &str, ink, stroke, curve: &[crate::evaluate::RocPoint]| Series {
        label: label.into(),
        ink,
        stroke,
        filled: false,
        points: curve.iter().map(|point| (point.far, 100.0 * point.tar)).collect(),
    };
    Chart {
        title: "ROC".into(),
        reading: "Higher is better. The left end is one single accepted impostor pair: no lower rate can be read from this \
                  data. Where the lines lie on each other, int8 decides like float."
            .into(),
        x: Axis::log("false-accept rate (FAR)", lowest_far, 1.0),
        y: Axis::rounded("true-accept rate (TAR), %", 100.0 * lowest_tar, 100.0),
        series: vec![
            line("float", Ink::Float, Stroke::Wide, &scores.float.curve),
            line("int8", Ink::Int8, Stroke::Dashed, &scores.int8.curve),
        ],
        patches: vec![],
        marker: None,
    }
}

/// Genuine and impostor scores, int8 as areas, float as dotted outlines.
pub fn score_histogram(scores: &ScoreFigures) -> Chart {
    let (float, int8) = (&scores.float, &scores.int8);
    let histograms = [&float.genuine, &float.impostor, &int8.genuine, &int8.impostor];
    let (low, high) = occupied(&histograms);
    let series = |label: &str, ink, stroke, filled, histogram| Series {
        label: label.into(),
        ink,
        stroke,
        filled,
        points: outline(histogram),
    };
    Chart {
        title: "Scores of genuine and impostor pairs".into(),
        reading:
            "The less the two hills overlap, the better. Pairs right of the threshold are accepted."
                .into(),
        x: Axis::rounded("cosine", low, high),
        y: Axis::rounded("share of pairs, %", 0.0, tallest(&histograms)),
        series: vec![
            series("impostor, int8", Ink::Impostor, Stroke::Dashed, true, &int8.impostor),
            series("genuine, int8", Ink::Genuine, Stroke::Solid, true, &int8.genuine),
            series("float, both", Ink::Quiet, Stroke::Dotted, false, &float.impostor),
            series("", Ink::Quiet, Stroke::Dotted, false, &float.genuine),
        ],
        patches: vec![],
        marker: scores.threshold.clone(),
    }
}

/// Mean over about a fortieth of the points around each, the window shrinking evenly towards both ends: unlike a mean of
/// the past it does not lag behind a steep start.
fn running_mean(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let half = points.len() / 80;
    let mean = |center: usize| {
        let reach = half.min(center).min(points.len() - 1 - center);
        let window = &points[center - reach..=center + reach];
        window.iter().map(|&(_, y)| y).sum::<f64>() / window.len() as f64
    };
    (0..points.len()).map(|center| (points[center].0, mean(center))).collect()
}

/// The lowest and the highest point of each stretch, in their order, so that thinning hides no spike.
fn extremes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(SHOWN).max(1);
    if stretch <= 2 {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(2 * SHOWN);
    for part in points.chunks(stretch) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        if let (Some(&low), Some(&high)) =
            (part.iter().min_by(by_height), part.iter().max_by(by_height))
        {
            kept.extend(if low.0 <= high.0 { [low, high] } else { [high, low] });
        }
    }
    kept
}

/// Every n-th point and the last.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(SHOWN).max(1);
    let mut kept: Vec<_> = points.iter().copied().step_by(stretch).collect();
    if !points.len().saturating_sub(1).is_multiple_of(stretch) {
        kept.extend(points.last());
    }
    kept
}

/// Steps along the occupied bins' tops, in percent, starting and ending on the axis.
fn outline(histogram: &Histogram) -> Vec<(f64, f64)> {
    let bins: Vec<_> = histogram.shares().collect();
    let occupied = |(_, _, share): &(f64, f64, f64)| *share > 0.0;
    let Some((first, last)) = bins.iter().position(occupied).zip(bins.iter().rposition(occupied))
    else {
        return Vec::new();
    };
    let mut points = vec![(bins[first].0, 0.0)];
    for &(lower, upper, share) in &bins[first..=last] {
        points.extend([(lower, 100.0 * share), (upper, 100.0 * share)]);
    }
    points.push((bins[last].1, 0.0));
    points
}

/// From the lowest to the highest occupied bin of all of these.
fn occupied(histograms: &[&Histogram]) -> (f64, f64) {
    let bins = || histograms.iter().flat_map(|h| h.shares()).filter(|&(_, _, share)| share > 0.0);
    let low = bins().map(|(lower, _, _)| lower).fold(f64::INFINITY, f64::min);
    let high = bins().map(|(_, upper, _)| upper).fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

/// The highest share of all bins, in percent.
fn tallest(histograms: &[&Histogram]) -> f64 {
    let shares = histograms.iter().flat_map(|h| h.shares());
    shares.map(|(_, _, share)| 100.0 * share).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_running_mean_is_centred_and_keeps_straight_lines() {
        let line: Vec<_> = (0..400).map(|i| (f64::from(i), 3.0 - 0.01 * f64::from(i))).collect();
        for (mean, point) in running_mean(&line).iter().zip(&line) {
            assert!((mean.1 - point.1).abs() < 1e-12);
        }
        // 80 points: one neighbour on each side, none at the ends.
        let mut spike = vec![(0.0, 0.0); 80];
        spike[0].1 = 6.0;
        spike[40].1 = 6.0;
        let mean = running_mean(&spike);
        assert_eq!(
            [0, 1, 2, 39, 40, 41, 42].map(|i| mean[i].1),
            [6.0, 2.0, 0.0, 2.0, 2.0, 2.0, 0.0]
        );
    }

    #[test]
    fn thinning_keeps_spikes_and_ends() {
        let mut points: Vec<_> = (0..10_000).map(|i| (f64::from(i), 1.0)).collect();
        points[5_003].1 = 50.0;
        let kept = extremes(&points);
        assert!(kept.len() <= 2 * SHOWN && kept.contains(&(5_003.0, 50.0)));
        assert!(kept.windows(2).all(|w| w[0].0 <= w[1].0));
        let kept = thinned(&points);
        assert!(kept.len() <= SHOWN + 1);
        assert_eq!((kept[0].0, kept.last().unwrap().0), (0.0, 9_999.0));
    }

    #[test]
    fn an_outline_steps_along_the_bins() {
        let histogram = Histogram::of_scores(&[0.01, 0.01, 0.03, 0.07]).unwrap();
        let expected = [
            (0.0, 0.0),
            (0.0, 50.0),
            (0.02, 50.0),
            (0.02, 25.0),
            (0.04, 25.0),
            (0.04, 0.0),
            (0.06, 0.0),
            (0.06, 25.0),
            (0.08, 25.0),
            (0.08, 0.0),
        ];
        let points = outline(&histogram);
        assert_eq!(points.len(), expected.len());
        for (point, expected) in points.iter().zip(expected) {
            assert!((point.0 - expected.0).abs() < 1e-9 && point.1 == expected.1, "{points:?}");
        }
        assert!(outline(&Histogram::of_scores(&[]).unwrap()).is_empty());
    }

    #[test]
    fn a_log_without_finite_losses_is_still_a_chart() {
        let html = loss(&[LossPoint { step: 1, loss: f64::NAN }]).html();
        assert!(html.contains("Training loss") && !html.contains("NaN"));
    }
}
