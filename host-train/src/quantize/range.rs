//! From the distribution of a tensor's values to its int8 scale and zero point.
//!
//! A wider range clips less and rounds more. [`Calibration`] says how the two are weighed; whatever it chooses, zero is
//! represented exactly, because padding and ReLU produce zeros that must not move.

use super::QuantizeError;

/// How a tensor's int8 range is chosen from the values seen on calibration images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calibration {
    /// Smallest to largest value seen: nothing clips, one outlier coarsens all.
    MinMax,
    /// Leaves the given percentage of values inside, in (50, 100]: the rest is cut in equal shares from both ends.
    Percentile(f32),
    /// Least divergence `sum p ln(p / q)` of the values' distribution `p`, what clips counted at the ends, from `q`, the same
    /// spread evenly over each step (Migacz, 8-bit inference with TensorRT, 2017; here with two ends).
    Entropy,
    /// Least expected squared error, rounding and clipping together.
    Mse,
}

impl Calibration {
    /// One of each.
    pub const ALL: &[Self] = &[Self::Mse, Self::MinMax, Self::Percentile(99.99), Self::Entropy];

    pub(super) fn check(self) -> Result<(), QuantizeError> {
        match self {
            Self::Percentile(p) if !(p > 50.0 && p <= 100.0) => Err(QuantizeError::Percentile(p)),
            _ => Ok(()),
        }
    }
}

/// An int8 tensor's meaning: `real = scale * (stored - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    pub(crate) scale: f32,
    pub(crate) zero_point: i8,
}

impl Affine {
    /// 255 steps from `low` to `high`, shifted by at most half a step so that zero is on the grid; `low <= 0 <= high`.
    pub(super) fn spanning(low: f64, high: f64) -> Self {
        let scale = ((high - low) / 255.0) as f32;
        if scale < f32::MIN_POSITIVE {
            // A tensor that is always zero: any scale represents it.
            return Self { scale: 1.0, zero_point: 0 };
        }
        let zero_point = (-128.0 - low / f64::from(scale)).round_ties_even();
        Self { scale, zero_point: zero_point.clamp(-128.0, 127.0) as i8 }
    }

    /// Smallest and largest real value that int8 can hold.
    pub(crate) fn bounds(self) -> (f64, f64) {
        let real = |stored: f64| f64::from(self.scale) * (stored - f64::from(self.zero_point));
        (real(-128.0), real(127.0))
    }

    /// What a stored value stands for.
    pub(crate) fn real(self, stored: i8) -> f32 {
        (f32::from(stored) - f32::from(self.zero_point)) * self.scale
    }

    /// The stored value nearest to a real one.
    pub(crate) fn stored(self, real: f64) -> i8 {
        let stored = (real / f64::from(self.scale)).round_ties_even() + f64::from(self.zero_point);
        stored.clamp(-128.0, 127.0) as i8
    }

    /// Every value becomes the nearest that int8 can hold.
    pub(super) fn round(self, values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value = self.real(self.stored(f64::from(*value))));
    }
}

/// Intervals of a histogram: eight to an int8 step when nothing clips.
pub(super) const BINS: usize = 2048;

/// How often a tensor's values fell where, over all calibration images.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    low: f32,
    high: f32,
    /// Counts of values other than zero, [`BINS`] equal intervals from `low` to `high`.
    bins: Vec<u64>,
    /// Exact zeros. They cost nothing in any range.
    zeros: u64,
}

impl Histogram {
    /// An empty histogram for values from `low` to `high`; widened to hold zero.
    pub(super) fn new(low: f32, high: f32) -> Self {
        Self { low: low.min(0.0), high: high.max(0.0), bins: vec![0; BINS], zeros: 0 }
    }

    /// Counts values, which lie between `low` and `high`.
    pub(super) fn count(&mut self, values: &[f32]) {
        let per_unit = BINS as f32 / (self.high - self.low);
        for &value in values {
            if value == 0.0 {
                self.zeros += 1;
            } else {
                let bin = ((value - self.low) * per_unit) as usize;
                self.bins[bin.min(BINS - 1)] += 1;
            }
        }
    }

    /// Adds the counts of a histogram over the same interval.
    pub(super) fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        for (sum, count) in self.bins.iter_mut().zip(&other.bins) {
            *sum += count;
        }
    }

    fn width(&self) -> f64 {
        (f64::from(self.high) - f64::from(self.low)) / BINS as f64
    }

    /// The range that is best by `calibration`.
    pub(super) fn choose(&self, calibration: Calibration) -> Affine {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        match calibration {
            Calibration::MinMax => Affine::spanning(low, high),
            Calibration::Percentile(percentage) => {
                let cut = (1.0 - f64::from(percentage) / 100.0) / 2.0;
                let (low, high) = (self.quantile(cut), self.quantile(1.0 - cut));
                Affine::spanning(low.min(0.0), high.max(0.0))
            }
            Calibration::Entropy => {
                least(low, high, ENTROPY_CANDIDATES, |affine| self.divergence(affine))
            }
            Calibration::Mse => {
                let moments = Moments::new(self);
                least(low, high, ERROR_CANDIDATES, |affine| moments.error(affine))
            }
        }
    }

    /// Signal-to-quantization-noise ratio expected from storing the values so, decibels.
    pub(super) fn sqnr_db(&self, affine: Affine) -> f64 {
        let moments = Moments::new(self);
        10.0 * (moments.total().square / moments.error(affine)).log10()
    }

    /// `sum p ln(p / q)` over the histogram's intervals inside the range: `p` counts what lies beyond at the ends, `q` spreads what
    /// each step takes without clipping evenly over its intervals that have any.
    fn divergence(&self, affine: Affine) -> f64 {
        let (low, high) = affine.bounds();
        let bin =
            |value: f64| (((value - f64::from(self.low)) / self.width()) as usize).min(BINS - 1);
        let (first, last) = (bin(low), bin(high));
        let sum = |bins: &[u64]| bins.iter().sum::<u64>() as f64;
        let (under, over) = (sum(&self.bins[..first]), sum(&self.bins[last + 1..]));
        let inside = &self.bins[first..=last];
        let step = |i: usize| {
            let centre = f64::from(self.low) + ((first + i) as f64 + 0.5) * self.width();
            affine.stored(centre)
        };
        let (all, taken) = (sum(&self.bins), sum(inside));
        let mut divergence = 0.0;
        let mut start = 0;
        while start < inside.len() {
            let of_step = (start..inside.len()).take_while(|&i| step(i) == step(start)).count();
            let counts = &inside[start..start + of_step];
            let spread =
                sum(counts) / counts.iter().filter(|count| **count > 0).count().max(1) as f64;
            for (i, &count) in (start..).zip(counts) {
                let ends = [(0, under), (inside.len() - 1, over)];
                let beyond: f64 = ends.iter().filter(|end| end.0 == i).map(|end| end.1).sum();
                let p = (count as f64 + beyond) / all;
                // Where clipping alone has put anything, q is not nothing but less than one value.
                let q = if count > 0 { spread / taken } else { 1.0 / all };
                divergence += if p > 0.0 { p * (p / q).ln() } else { 0.0 };
            }
            start += of_step;
        }
        divergence
    }

    /// The value below which the share `q` of all values lies, to one interval.
    fn quantile(&self, q: f64) -> f64 {
        let all = self.bins.iter().sum::<u64>() + self.zeros;
        let target = q * all as f64;
        let mut below = 0.0;
        for (bin, &count) in self.bins.iter().enumerate() {
            let start = f64::from(self.low) + bin as f64 * self.width();
            let end = start + self.width();
            let mut inside = count as f64;
            if start <= 0.0 && 0.0 < end {
                inside += self.zeros as f64;
            }
            if below + inside >= target && inside > 0.0 {
                return start + self.width() * ((target - below) / inside).clamp(0.0, 1.0);
            }
            below += inside;
        }
        f64::from(self.high)
    }
}

/// Each end may shrink to so many equally spaced values for the least squared error, which takes no time.
const ERROR_CANDIDATES: usize = 100;

/// And for the least divergence.
const ENTROPY_CANDIDATES: usize = 32;

/// The range within `low` to `high` of the least cost, the widest of equals.
fn least(low: f64, high: f64, candidates: usize, cost: impl Fn(Affine) -> f64) -> Affine {
    let share = |i: usize| (candidates - i) as f64 / candidates as f64;
    let ends = |end: f64| (0..if end == 0.0 { 1 } else { candidates }).map(move |i| end * share(i));
    let mut best = Affine::spanning(low, high);
    let mut least = cost(best);
    for low in ends(low) {
        for high in ends(high) {
            let affine = Affine::spanning(low, high);
            let cost = cost(affine);
            if cost < least {
                (best, least) = (affine, cost);
            }
        }
    }
    best
}

/// Count, sum and sum of squares of the values below each interval's start: the error of a range in constant time.
struct Moments {
    low: f64,
    width: f64,
    below: Vec<Moment>,
}

#[derive(Clone, Copy, Default)]
struct Moment {
    count: f64,
    sum: f64,
    square: f64,
}

impl Moment {
    /// Sum of `(x - at)^2`.
    fn spread(self, at: f64) -> f64 {
        (self.square - 2.0 * at * self.sum + at * at * self.count).max(0.0)
    }

    fn minus(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            sum: self.sum - other.sum,
            square: self.square - other.square,
        }
    }
}

impl Moments {
    fn new(histogram: &Histogram) -> Self {
        let (low, width) = (f64::from(histogram.low), histogram.width());
        let mut running = Moment::default();
        let mut below = vec![running];
        for (bin, &count) in histogram.bins.iter().enumerate() {
            let (centre, count) = (low + (bin as f64 + 0.5) * width, count as f64);
            running.count += count;
            running.sum += count * centre;
            running.square += count * centre * centre;
            below.push(running);
        }
        Self { low, width, below }
    }

    fn total(&self) -> Moment {
        self.below[BINS]
    }

    fn before(&self, value: f64) -> Moment {
        // Saturating casts: a value outside the histogram has none or all of it below; an empty width gives NaN, thus 0.
        let bin = ((value - self.low) / self.width).round() as usize;
        self.below[bin.min(BINS)]
    }

    /// Expected sum of squared errors: `step^2 / 12` for a value inside, its distance squared for one outside.
    fn error(&self, affine: Affine) -> f64 {
        let (low, high) = affine.bounds();
        let (under, upto) = (self.before(low), self.before(high));
        let over = self.total().minus(upto);
        let inside = upto.minus(under);
        let step = f64::from(affine.scale);
        inside.count * step * step / 12.0 + under.spread(low) + over.spread(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::random;

    fn histogram(values: &[f32]) -> Histogram {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut histogram = Histogram::new(low, high);
        histogram.count(values);
        histogram
    }

    /// Mean squared error of storing every value in int8.
    fn measured(values: &[f32], affine: Affine) -> f64 {
        let (scale, zero) = (f64::from(affine.scale), f64::from(affine.zero_point));
        let error = |&x: &f32| {
            let stored = (f64::from(x) / scale).round() + zero;
            ((stored.clamp(-128.0, 127.0) - zero) * scale - f64::from(x)).powi(2)
        };
        values.iter().map(error).sum::<f64>() / values.len() as f64
    }

    #[test]
    fn min_max_spans_what_was_seen_and_holds_zero() {
        let affine = histogram(&[-1.0, 0.5, 1.55]).choose(Calibration::MinMax);
        assert_eq!(affine, Affine { scale: 0.01, zero_point: -28 });
        // All positive: the range still starts at zero.
        let affine = histogram(&[25.5, 51.0]).choose(Calibration::MinMax);
        assert_eq!(affine, Affine { scale: 0.2, zero_point: -128 });
        let affine = histogram(&[-25.5, -51.0]).choose(Calibration::MinMax);
        assert_eq!(affine, Affine { scale: 0.2, zero_point: 127 });
    }

    #[test]
    fn a_tensor_of_zeros_has_a_valid_scale() {
        for &calibration in Calibration::ALL {
            let affine = histogram(&[0.0; 9]).choose(calibration);
            assert_eq!(affine, Affine { scale: 1.0, zero_point: 0 });
        }
    }

    #[test]
    fn a_percentile_of_a_uniform_distribution_is_known() {
        let values: Vec<f32> = (0..=100_000).map(|i| i as f32 / 50_000.0 - 1.0).collect();
        let affine = histogram(&values).choose(Calibration::Percentile(90.0));
        let (low, high) = affine.bounds();
        assert!((low + 0.9).abs() < 0.01 && (high - 0.9).abs() < 0.01, "{low} {high}");
    }

    #[test]
    fn least_squares_ignores_one_outlier_and_beats_min_max() {
        let mut values = random::normal(&mut random::rng(5), 500_000, 1.0);
        values.push(60.0);
        let histogram = histogram(&values);
        let best = histogram.choose(Calibration::Mse);
        let sqnr = histogram.sqnr_db(best);
        let widest = histogram.choose(Calibration::MinMax);
        // The outlier costs (60 - high)^2 / 500001 when clipped, a step of (high + 4) / 255 costs step^2 / 12 everywhere:
        // the sum is least at high = 35.
        let (low, high) = best.bounds();
        assert!((-5.0..-3.0).contains(&low), "{low}");
        assert!((33.0..37.0).contains(&high), "{high}");
        assert!(measured(&values, best) < 0.7 * measured(&values, widest));
        // The reported ratio is the measured one.
        let power = values.iter().map(|x| f64::from(x * x)).sum::<f64>() / values.len() as f64;
        let real = 10.0 * (power / measured(&values, best)).log10();
        assert!((sqnr - real).abs() < 0.3, "{sqnr} {real}");
    }

    #[test]
    fn least_squares_finds_the_textbook_range_of_a_normal_distribution() {
        let values = random::normal(&mut random::rng(6), 400_000, 1.0);
        let histogram = histogram(&values);
        let affine = histogram.choose(Calibration::Mse);
        let sqnr = histogram.sqnr_db(affine);
        let (low, high) = affine.bounds();
        // The optimal uniform 8-bit quantizer of a Gaussian clips near 3.9 deviations and reaches 40.3 dB or so.
        assert!((low + 3.9).abs() < 0.3 && (high - 3.9).abs() < 0.3, "{low} {high}");
        assert!((sqnr - 40.3).abs() < 0.5, "{sqnr}");
    }

    /// One value of half a million says nothing of the distribution's shape, whatever it costs by its square.
    #[test]
    fn least_divergence_gives_one_outlier_up() {
        let mut values = random::normal(&mut random::rng(5), 500_000, 1.0);
        values.push(60.0);
        let histogram = histogram(&values);
        let (low, high) = histogram.choose(Calibration::Entropy).bounds();
        assert!((-5.5..-3.5).contains(&low) && (3.5..9.0).contains(&high), "{low} {high}");
        let (_, widest) = histogram.choose(Calibration::Mse).bounds();
        assert!(widest > 30.0, "{widest}");
        // Even values fill every step evenly: nothing is to be gained by clipping.
        let even: Vec<f32> = (0..=100_000).map(|i| i as f32 / 50_000.0 - 1.0).collect();
        let (low, high) = self::histogram(&even).choose(Calibration::Entropy).bounds();
        assert!(low < -0.99 && high > 0.99, "{low} {high}");
    }

    /// By hand: eight values in a step of two intervals, 6 and 2: p = 3/4, 1/4 and q = 1/2 each.
    #[test]
    fn divergence_is_that_of_its_definition() {
        // Intervals of 1/8 from 0 to 256; steps of 255/255 = 1 hold 8 intervals.
        let mut histogram = Histogram::new(0.0, 256.0);
        histogram.count(&[3.05, 3.05, 3.05, 3.05, 3.05, 3.05, 3.2, 3.2]);
        let inside = Affine { scale: 1.0, zero_point: -128 };
        let expected = 0.75 * (0.75_f64 / 0.5).ln() + 0.25 * (0.25_f64 / 0.5).ln();
        assert!((histogram.divergence(inside) - expected).abs() < 1e-12);
        // A ninth value beyond the range counts at its end, where q has less than one value.
        histogram.count(&[255.9]);
        let p = [6.0 / 9.0, 2.0 / 9.0, 1.0 / 9.0_f64];
        let q = [0.5, 0.5, 1.0 / 9.0];
        let expected: f64 = p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum();
        let narrow = Affine { scale: 0.5, zero_point: -128 };
        assert!((histogram.divergence(narrow) - expected).abs() < 1e-12);
    }

    #[test]
    fn rejects_a_percentile_that_leaves_nothing() {
        for p in [50.0, 100.5, f32::NAN] {
            let error = Calibration::Percentile(p).check();
            assert!(matches!(error, Err(QuantizeError::Percentile(_))));
        }
        assert!(Calibration::Percentile(100.0).check().is_ok());
    }
}
